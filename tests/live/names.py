"""What is everything called that a run makes?

All names follow from the run's own, so that what a run made is found again whatever became of its notes.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

TAG = "panda-live"  # not under lethargic-panda:, where the panda reads an unknown key as somebody's mistake
FLEET_TAG = "lethargic-panda:fleet"
PATTERN = re.compile(r"panda-live-[0-9a-f]{8}")


@dataclass(frozen=True)
class Names:
    """The names of one run in one account and region."""

    run: str
    account: str
    region: str

    @property
    def stack(self) -> str:
        """The stack, and the fleet in it."""
        return self.run

    @property
    def queue(self) -> str:
        """The queue that hears the events."""
        return self.run

    @property
    def bucket(self) -> str:
        """The bucket in which sam packs the functions. Not the one that all sam projects share: this one goes with the run."""
        return f"{self.run}-{self.account}-{self.region}"

    @property
    def logs(self) -> str:
        """How the names of the servers' log groups begin."""
        return f"/lethargic-panda/{self.run}/"

    def rule(self, source: str) -> str:
        """The rule for one source of events."""
        return f"{self.run}-{source}"

    def hook(self, kind: str) -> str:
        """A lifecycle hook of the run's own. It does not begin with elastic-ip, so no function answers it."""
        return f"{self.run}-{kind}"

    @property
    def tags(self) -> list[dict[str, str]]:
        """What everything is tagged with."""
        return [{"Key": TAG, "Value": self.run}]


def invent() -> str:
    """A name that nothing has yet."""
    return f"panda-live-{secrets.token_hex(4)}"


def is_ours(name: str) -> bool:
    """Whether a run could be called so. Nothing else may ever be cleaned up."""
    return PATTERN.fullmatch(name) is not None
