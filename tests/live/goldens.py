"""How does what AWS said become a sample that may be published? Scrubbed of everything that names an account, and named as tests/events names it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).resolve().parents[1] / "events"
ACCOUNT = "123456789012"
ADDRESS = "203.0.113.7"
TIME_OF_UUIDS = "00000000-0000-4000-8000-{:012d}"

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
# Ids as EC2 and others make them: a prefix and hexadecimal digits. Instances have samples of their own.
ID = re.compile(r"\b(subnet|vpc|eni|eipalloc|eipassoc|ami|vol|sg|lt|igw|rtb|snap|key)-[0-9a-f]{8,17}\b")
INSTANCE = re.compile(r"\bi-[0-9a-f]{8,17}\b")
DEPLOYMENT = re.compile(r"\bd-[A-Z0-9]{9}\b")
IPV4 = re.compile(r"\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b")
TWELVE_DIGITS = re.compile(r"(?<![0-9a-fA-F-])[0-9]{12}(?![0-9])")
DIGEST = re.compile(r"\b[0-9a-f]{32,64}\b")
VERSION_ID = re.compile(r'("(?:version|eTag|versionId)": )"[A-Za-z0-9._-]{20,}"')
PEOPLE = {
    "author-display-name": "Mary Major",
    "author-email": "mary@example.com",
    "author-id": "mmajor",
    "commit-message": "Edit index.html",
    "full-repository-name": "example/site",
    "branch-name": "main",
}


class Leaks(Exception):
    """A sample still holds what names the account."""


class Scrubber:
    """Replaces what names an account by what stands in tests/events, the same by the same."""

    def __init__(self, secrets: dict[str, str]) -> None:
        # The longest first: a name may be part of another one.
        self.secrets = dict(sorted(secrets.items(), key=lambda item: -len(item[0])))
        self.instances: dict[str, str] = {}
        self._numbers: dict[str, dict[str, int]] = {}

    def plays(self, instance: str, role: str) -> None:
        """An instance gets the id of a role of the samples: old, spare, new."""
        self.instances.setdefault(instance, f"i-0{role}".ljust(17, "0") + "a")

    def _number(self, kind: str, text: str) -> int:
        known = self._numbers.setdefault(kind, {})
        return known.setdefault(text, len(known) + 1)

    def scrub(self, value: Any) -> Any:
        """The same without anything that names the account."""
        text = json.dumps(_without_people(value), ensure_ascii=False, default=lambda time: time.isoformat())
        for secret, sample in self.secrets.items():
            text = text.replace(secret, sample)
        text = VERSION_ID.sub(r'\1"sample"', text)
        text = UUID.sub(lambda found: TIME_OF_UUIDS.format(self._number("uuid", found[0].lower())), text)
        text = INSTANCE.sub(lambda found: self.instances.get(found[0]) or f"i-0other{self._number('i', found[0]):011d}", text)
        text = ID.sub(lambda found: f"{found[1]}-{self._number(found[1], found[0]):08d}", text)
        text = DEPLOYMENT.sub(lambda found: f"d-SAMPLE{self._number('d', found[0]):03d}", text)
        text = DIGEST.sub(lambda found: f"{self._number('digest', found[0]):040d}", text)
        text = IPV4.sub(ADDRESS, text)
        text = TWELVE_DIGITS.sub(ACCOUNT, text)
        self._check(text)
        return json.loads(text)

    def _check(self, text: str) -> None:
        for secret, sample in self.secrets.items():
            if secret in text and secret not in sample:
                raise Leaks("what was to be replaced is still there")
        for instance in self.instances:
            if instance in text:
                raise Leaks("an instance is still named")


def _without_people(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: PEOPLE[key] if key in PEOPLE else _without_people(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_people(inner) for inner in value]
    return value


def name_of(event: dict[str, Any]) -> str:
    """The file's name of an event: its kind and its state."""
    words = str(event.get("detail-type", "event")).lower()
    state = str(event.get("detail", {}).get("state") or event.get("detail", {}).get("status") or "").lower()
    kind = re.sub(r"[^a-z0-9]+", "-", words).strip("-")
    return f"{kind}-{re.sub(r'[^a-z0-9]+', '-', state)}" if state else kind


def paths(value: Any, at: str = "") -> set[str]:
    """Where a JSON value has something: `detail.state`, `resources[]`."""
    if isinstance(value, dict):
        return {path for key, inner in value.items() for path in paths(inner, f"{at}.{key}".lstrip("."))}
    if isinstance(value, list):
        return {path for inner in value for path in paths(inner, f"{at}[]")} or {f"{at}[]"}
    return {f"{at}: {type(value).__name__}"}


def differences(name: str, event: Any, samples: Path = SAMPLES) -> str:
    """How a new sample differs in its shape from the one that is there."""
    path = samples / f"{name}.json"
    if not path.is_file():
        return "new: tests/events has no sample of it"
    there, here = paths(json.loads(path.read_text(encoding="utf-8"))), paths(event)
    words = [f"AWS has {path}" for path in sorted(here - there)] + [f"AWS lacks {path}" for path in sorted(there - here)]
    return "; ".join(words) or "the same shape as the sample"


def write(folder: Path, events: list[dict[str, Any]], replies: dict[str, Any], scrubber: Scrubber) -> list[str]:
    """Writes the first sample of each kind, and gives the lines of the report. One that leaks is not written."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    samples: dict[str, Any] = {}
    for event in events:
        samples.setdefault(name_of(event), event)
    lines = []
    for name, value in [*sorted(samples.items()), *sorted(replies.items())]:
        try:
            clean = scrubber.scrub(value)
        except Leaks as leak:
            lines.append(f"{name}: NOT written: {leak}")
            continue
        (folder / f"{name}.json").write_text(json.dumps(clean, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        lines.append(f"{name}: {differences(name, clean)}")
    return lines
