"""What if somebody presses Ctrl-C? The run ends, and its clean-up does not."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Any

CAUGHT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """Somebody wants the run to end. No handler of errors may take it for one."""


class Signals:
    """Turns the first signal into [Interrupted], and lets the clean-up go on at the next one; whoever insists ends that too."""

    def __init__(self) -> None:
        self.cleaning = False
        self.ignored = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        for number in CAUGHT:
            self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _hear(self, number: int, _: FrameType | None) -> None:
        name = signal.Signals(number).name
        if not self.cleaning:
            # From here on only the clean-up runs, also if the next signal comes before it has begun.
            self.cleaning = True
            raise Interrupted(name)
        self.ignored += 1
        if self.ignored > 2:
            raise Interrupted(f"{name}, in the midst of the clean-up")
        print(f"{name}: everything is being taken away; what is left would cost money. Twice more ends it all the same.", file=sys.stderr, flush=True)
