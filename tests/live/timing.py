"""What does the simulated AWS believe of each delay? Read from its source, so that nothing is written down twice."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "world/src/timing.rs"

FIELD = re.compile(r"^    pub (?P<name>[a-z_]+): (?P<type>Span|Duration|u8),$")
MARK = re.compile(r"`?\[(obs|doc|infer|\?|measured)\]`?")
VALUE = re.compile(r"^            (?P<name>[a-z_]+): (?P<value>.+),$")
SPAN = re.compile(r"Span::(secs|millis)\(([0-9_]+), ([0-9_]+)\)")
DURATION = re.compile(r"Duration::from_(secs|mins|hours)\(([0-9_]+)\)")
IN_SECONDS = {"secs": 1.0, "millis": 0.001, "mins": 60.0, "hours": 3600.0}


class Unreadable(Exception):
    """timing.rs is written in a way that is not understood."""


@dataclass(frozen=True)
class Constant:
    """A delay of the world: from and to in seconds, where it stands, and how sure it is."""

    name: str
    least: float
    most: float
    line: int
    text: str
    marks: tuple[str, ...]
    unit: str

    def with_span(self, least: float, most: float) -> str:
        """The line with another span, rounded away from it to the unit that it is written in."""
        if self.unit == "percent":
            return f"{self.name}: {round(most)},"
        step = IN_SECONDS[self.unit] if self.unit == "millis" else 1.0
        low, high = math.floor(least / step + 1e-6), math.ceil(most / step - 1e-6)
        if self.text.startswith(f"{self.name}: Span"):
            return f"{self.name}: Span::{'millis' if step < 1 else 'secs'}({low:_}, {high:_}),"
        return f"{self.name}: Duration::from_secs({high:_}),"


def _value(text: str) -> tuple[float, float, str]:
    """A field's default: from, to, and the unit that it is written in."""
    number = lambda digits: int(digits.replace("_", ""))  # noqa: E731
    if found := SPAN.fullmatch(text):
        unit = found[1]
        return number(found[2]) * IN_SECONDS[unit], number(found[3]) * IN_SECONDS[unit], unit
    if found := DURATION.fullmatch(text):
        seconds = number(found[2]) * IN_SECONDS[found[1]]
        return seconds, seconds, found[1]
    if text.isdigit():
        return float(text), float(text), "percent"
    raise Unreadable(text)


def constants(source: str | None = None) -> dict[str, Constant]:
    """Every delay of `Timing::default`, by its name."""
    lines = (SOURCE.read_text(encoding="utf-8") if source is None else source).splitlines()
    marks: dict[str, tuple[str, ...]] = {}
    comment: list[str] = []
    found: dict[str, Constant] = {}
    block = ""
    for number, line in enumerate(lines, 1):
        if line.endswith("{") and not line.startswith(" "):
            block = line
        if line.strip().startswith("///"):
            comment.append(line)
        elif block == "pub struct Timing {" and (field := FIELD.match(line)):
            marks[field["name"]] = tuple(dict.fromkeys(MARK.findall(" ".join(comment))))
            comment = []
        else:
            comment = []
            if block == "impl Default for Timing {" and (value := VALUE.match(line)):
                least, most, unit = _value(value["value"])
                name = value["name"]
                found[name] = Constant(name, least, most, number, line.strip(), marks.get(name, ()), unit)
    if not found or set(found) != set(marks):
        raise Unreadable(f"fields without a default, or the other way round: {sorted(set(found) ^ set(marks))}")
    return found
