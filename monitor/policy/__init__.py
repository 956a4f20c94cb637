"""The policy, pure: what a link's checks mean for its status, its risk and its next look."""

from __future__ import annotations

from monitor.policy.belief import Crowd, Doubt, doubt, host_after, platform_after
from monitor.policy.risk import Account, Experience, Risk, assess
from monitor.policy.schedule import NextLook, next_look
from monitor.policy.site import Registration, Site
from monitor.policy.status import State, step

__all__ = [
    "Account",
    "Crowd",
    "Doubt",
    "Experience",
    "NextLook",
    "Registration",
    "Risk",
    "Site",
    "State",
    "assess",
    "doubt",
    "host_after",
    "next_look",
    "platform_after",
    "step",
]
