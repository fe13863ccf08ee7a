"""What was measured, and does the simulated AWS believe the same?"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .timing import Constant

# Measured by no scenario, and why.
NOT_ASKED = {
    "api_latency": "of a Lambda function in the region, not of this machine",
    "user_data": "the boot of another script than the fleet's",
    "cli_gap": "the same script's",
    "deploy": "what lies between depends on the revision; the report has the time of a launch's deployment",
    "deploy_report": "a hook of the run's own is answered last, so that it is seen alone",
    "restart": "no warm pool is made",
    "stopping": "nothing is stopped",
    "listed": "an hour",
    "tags_kept": "minutes after the end of the longest scenario",
    "impaired": "a status check cannot be made to fail from outside",
    "recovered": "the same",
    "alarm": "the same",
    "impaired_to_unhealthy": "the same",
    "launch_retry": "a zone cannot be made to lack capacity",
    "zone_avoided": "the same",
    "standby": "nothing is put into standby",
    "blue_green_wait": "its user's choice",
    "command_poll": "no agent is kept offline",
    "event_unheard": "an agent without an answer for minutes",
    "event_lost": "an hour",
}


@dataclass(frozen=True)
class Measure:
    """A time that was measured, of one delay of the world or of several that follow each other. `blur` is how late it may have been seen."""

    constants: tuple[str, ...]
    seconds: float
    blur: float
    scenario: str


@dataclass
class Findings:
    """Everything that a run has found out."""

    measures: list[Measure] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)
    replies: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """What is measured of a delay, beside what the world believes."""

    constants: tuple[Constant, ...]
    seconds: tuple[float, ...]
    blur: float

    @property
    def name(self) -> str:
        """`pending`, or `deploy_report + proceed`."""
        return " + ".join(constant.name for constant in self.constants)

    @property
    def believed(self) -> tuple[float, float]:
        """From and to. A period that is looked at in its own time has passed by anything up to the whole of it."""
        least = sum(0.0 if _is_period(constant) else constant.least for constant in self.constants)
        return least, sum(constant.most for constant in self.constants)

    @property
    def outside(self) -> tuple[float, ...]:
        """What was measured and cannot be, as the world believes."""
        least, most = self.believed
        return tuple(value for value in self.seconds if value < least - self.blur or value > most + self.blur)

    def advice(self) -> str:
        """What a person should do about it."""
        if not self.outside:
            return "within"
        lines = ", ".join(f"line {constant.line}: {constant.text}" for constant in self.constants)
        if len(self.constants) > 1:
            return f"OUTSIDE: one of these is wrong: {lines}"
        only = self.constants[0]
        least = min(only.least, *self.seconds) if only.unit != "percent" else 0.0
        most = max(only.most, *self.seconds) if only.unit != "percent" else max(self.seconds)
        return f"OUTSIDE: {lines} -> {only.with_span(max(0.0, least), most)}"


def _is_period(constant: Constant) -> bool:
    return constant.text.startswith(f"{constant.name}: Duration")


def verdicts(measures: list[Measure], known: dict[str, Constant]) -> list[Verdict]:
    """What is measured of each delay."""
    by_name: dict[tuple[str, ...], list[Measure]] = {}
    for measure in measures:
        by_name.setdefault(measure.constants, []).append(measure)
    return [
        Verdict(tuple(known[name] for name in names), tuple(round(m.seconds, 3) for m in found), max(m.blur for m in found))
        for names, found in by_name.items()
    ]


def not_asked(measures: list[Measure], known: dict[str, Constant]) -> dict[str, str]:
    """Delays of which nothing was measured, each with the reason."""
    measured = {name for measure in measures for name in measure.constants}
    return {name: NOT_ASKED.get(name, "its scenario did not run, or found nothing") for name in known if name not in measured}


def write(path: Path, run: str, region: str, findings: Findings, known: dict[str, Constant]) -> list[str]:
    """Writes target/live/constants.json, and gives the lines of the report."""
    found = verdicts(findings.measures, known)
    rows = {
        verdict.name: {
            "world": [
                {"line": constant.line, "text": constant.text, "seconds": [constant.least, constant.most], "marks": list(constant.marks)}
                for constant in verdict.constants
            ],
            "believed_seconds": list(verdict.believed),
            "measured_seconds": list(verdict.seconds),
            "blur_seconds": verdict.blur,
            "verdict": verdict.advice(),
        }
        for verdict in found
    }
    body = {
        "run": run,
        "region": region,
        "constants": rows,
        "facts": [{"scenario": scenario, "fact": fact} for scenario, fact in findings.facts],
        "not_measured": not_asked(findings.measures, known),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(body, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return [line(verdict) for verdict in found]


def line(verdict: Verdict) -> str:
    """A verdict as a line of the report."""
    unit = "%" if verdict.constants[0].unit == "percent" else "s"
    least, most = verdict.believed
    measured = f"{min(verdict.seconds):.1f} .. {max(verdict.seconds):.1f} {unit} ({len(verdict.seconds)} times)"
    return f"{verdict.name:40} {measured:28} believed {least:g} .. {most:g} {unit}: {verdict.advice()}"
