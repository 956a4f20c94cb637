"""The policy, pure: what a link's checks mean for its status, its risk and its next look."""

from __future__ import annotations

from monitor.policy.risk import Account, Risk, assess
from monitor.policy.schedule import NextLook, next_look
from monitor.policy.status import State, step

__all__ = ["Account", "NextLook", "Risk", "State", "assess", "next_look", "step"]
