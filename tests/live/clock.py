"""How does time pass? By the wall, or in tests by a simulated AWS that is told to go on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Seen = TypeVar("Seen")


class Late(Exception):
    """What was waited for did not come."""


class Clock:
    """The wall's."""

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Lets time pass."""
        time.sleep(seconds)

    def at_wall(self, wall: float) -> float:
        """What this clock showed when the wall's showed that."""
        return wall

    def until(self, what: str, seconds: float, look: Callable[[], Seen | None], every: float = 1.0) -> Seen:
        """Looks again and again until there is something to see, and gives that."""
        end = self.now() + seconds
        while not (seen := look()):
            if self.now() >= end:
                raise Late(f"waited {seconds:.0f} s in vain for {what}")
            self.sleep(every)
        return seen
