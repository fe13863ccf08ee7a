"""How does the template come into the account? By `make deploy`, as people do it, with nothing of what they have saved for themselves."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .names import TAG, Names

ROOT = Path(__file__).resolve().parents[2]

# A section of samconfig.toml that does not exist: what `--guided` has saved is about somebody's real installation.
NOBODYS_CONFIGURATION = "panda-live"


@dataclass(frozen=True)
class Wishes:
    """What a person may choose."""

    profile: str | None = None
    repository: str | None = None
    connection: str | None = None
    architecture: str = "arm64"


def parameters(names: Names, wishes: Wishes) -> dict[str, str]:
    """What the template is deployed with: two servers, no panda, nobody who repairs deployments behind the run's back."""
    chosen = {
        "Architecture": wishes.architecture,
        "LogRetentionDays": "1",
        "PandaMode": "Off",
        "PandaScheduleState": "DISABLED",
        "RecoveryMode": "ExplainOnly",
        "CreateFleet": "true",
        "FleetName": names.run,
        "FleetMinSize": "1",
        "FleetDesiredCapacity": "2",
        "FleetMaxSize": "4",
        "FleetDeploymentConfig": "CodeDeployDefault.AllAtOnce",
        # Without a connection nobody reads it: the run deploys from the bucket.
        "FleetRepository": wishes.repository or "lethargic-panda/nobody-reads-it",
    }
    if wishes.connection:
        chosen["FleetConnectionArn"] = wishes.connection
    return chosen


def sam_arguments(names: Names, chosen: dict[str, str]) -> list[str]:
    """The arguments of `sam deploy`."""
    return [
        *("--config-env", NOBODYS_CONFIGURATION),
        *("--region", names.region),
        *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"),
        *("--no-resolve-s3", "--s3-bucket", names.bucket),
        *("--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"),
        *("--tags", f"{TAG}={names.run}"),
        *("--parameter-overrides", *(f"{name}={value}" for name, value in chosen.items())),
    ]


class Refused(Exception):
    """The template could not be deployed."""


def deploy(names: Names, wishes: Wishes) -> None:
    """Runs `make deploy`, and takes it along when this is interrupted."""
    environment = {**os.environ, "AWS_REGION": names.region, "AWS_DEFAULT_REGION": names.region}
    if wishes.profile:
        environment["AWS_PROFILE"] = wishes.profile
        # They would beat the profile, and the stack would be made in another account than the one that is cleaned up.
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            environment.pop(name, None)
    arguments = shlex.join(sam_arguments(names, parameters(names, wishes)))
    command = ["make", "--no-print-directory", "deploy", f"STACK={names.stack}", f"ARGS={arguments}"]
    # A session of its own: Ctrl-C is for this program to pass on, once it has stopped whatever it was doing.
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, start_new_session=True) as child:
        try:
            status = child.wait()
        except BaseException:
            end(child)
            raise
    if status:
        raise Refused(f"make deploy ended with {status}; its words stand above")


def end(child: subprocess.Popen[bytes], patience: float = 20.0) -> None:
    """Ends a child and its children, first asking."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
            child.wait(patience)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
        # A child of its own may have been deaf to the question.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        return
