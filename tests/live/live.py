"""What a scenario has at hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .aws import Aws
from .clock import Clock
from .fleet import Fleet
from .goldens import Scrubber
from .measures import Findings, Measure
from .names import Names
from .recorder import Heard, Recorder


class Skipped(Exception):
    """A scenario cannot be played here. The message says why, and what would have it played."""


class Live:
    """The fleet, the recorder, the clock, and where findings are written."""

    def __init__(
        self,
        aws: Aws,
        clock: Clock,
        names: Names,
        fleet: Fleet,
        recorder: Recorder,
        ask: Callable[[str], str | None],
        scrubber: Scrubber,
        has_connection: bool,
    ) -> None:
        self.aws, self.clock, self.names, self.fleet, self.recorder, self.ask = aws, clock, names, fleet, recorder, ask
        self.scrubber, self.has_connection = scrubber, has_connection
        self.findings = Findings()
        self.scenario = ""
        self.tell: Callable[[str], None] = lambda _: None

    def now(self) -> float:
        """Seconds since 1970."""
        return self.clock.now()

    def note(self, fact: str) -> None:
        """Something that was seen."""
        self.findings.facts.append((self.scenario, fact))
        self.tell(fact)

    def measure(self, seconds: float, blur: float, *constants: str) -> None:
        """A time that was measured; `blur` is how late it may have been seen."""
        self.findings.measures.append(Measure(constants, seconds, blur, self.scenario))

    def reply(self, name: str, value: dict[str, Any]) -> None:
        """A reply of AWS's that is a sample, without what is the transport's."""
        self.findings.replies.setdefault(name, {key: inner for key, inner in value.items() if key != "ResponseMetadata"})

    def plays(self, instance: str, role: str) -> str:
        """An instance is ours from now on, and has a role in the samples."""
        self.recorder.ours.add(instance)
        self.scrubber.plays(instance, role)
        return instance

    def knows_the_members(self) -> None:
        """Whoever is in the fleet now is ours. In the samples the holder is the old one, and others are spare."""
        holder = self.fleet.holder()
        for member in self.fleet.members():
            self.plays(member, "old" if member == holder else "spare")

    def hears(self, kind: str, instance: str, state: str = "", since: float = 0.0, seconds: float = 60.0) -> Heard | None:
        """Waits for an event; none if it does not come, which is a fact too: delivery is best effort."""
        end = self.now() + seconds
        while True:
            self.recorder.drain()
            if (found := self.recorder.first(kind, instance, state, since)) or self.now() >= end:
                return found
            self.clock.sleep(1)

    def watch(self, seconds: float, every: float, look: Callable[[float], bool]) -> None:
        """Looks at the same things again and again until all was seen, or the time is over."""
        end = self.now() + seconds
        while not look(self.now()) and self.now() < end:
            self.clock.sleep(every)


class Times:
    """When was each thing seen first?"""

    def __init__(self) -> None:
        self.first: dict[str, float] = {}

    def see(self, name: str, is_so: object, now: float) -> None:
        """Notes the first time at which something is so."""
        if is_so and name not in self.first:
            self.first[name] = now

    def have(self, *names: str) -> bool:
        """Whether all of them were seen."""
        return all(name in self.first for name in names)

    def between(self, one: str, other: str) -> float | None:
        """Seconds from the one to the other, if both were seen."""
        if self.have(one, other):
            return self.first[other] - self.first[one]
        return None
