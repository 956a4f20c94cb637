"""A clock that stands still until it is moved: months pass in a test or a demo as fast as it likes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class DrivenClock:
    """Tells ``now``; a :data:`monitor.model.Clock`."""

    def __init__(self, now: datetime = datetime(2026, 11, 1, 8, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, **how: float) -> datetime:
        """Move on by the arguments of :class:`~datetime.timedelta`, and tell the new time."""
        self.now += timedelta(**how)
        return self.now
