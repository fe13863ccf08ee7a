"""What must still be known when a run was cut off? Which run, where, and whether it was taken away."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .names import is_ours


@dataclass
class State:
    """A run's notes: one file, replaced as a whole before each step."""

    run: str
    account: str
    region: str
    profile: str | None
    began: str
    steps: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    clean: bool = False

    def save(self, folder: Path) -> None:
        """Writes it down."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.run}.json"
        beside = path.with_suffix(".new")
        beside.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        os.replace(beside, path)


def read(folder: Path, run: str) -> State | None:
    """The notes of a run, if there are any."""
    path = folder / f"{run}.json"
    if not path.is_file():
        return None
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return State(**known)


def unclean(folder: Path) -> list[State]:
    """Runs that were not taken away."""
    names = sorted(path.stem for path in folder.glob("panda-live-*.json") if is_ours(path.stem))
    states = [read(folder, name) for name in names]
    return [state for state in states if state and not state.clean]
