"""One run, from the question whether to begin to the certainty that nothing is left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from types import ModuleType

from . import cleanup, deployment, goldens, measures, probe, timing, verify
from .aws import ERRORS, Aws, said
from .clock import Clock, Late
from .deployment import ROOT, Wishes
from .fleet import Fleet, Missing
from .goldens import Scrubber
from .live import Live, Skipped
from .names import FLEET_TAG, Names
from .recorder import Recorder, patterns
from .signals import Interrupted, Signals
from .state import State

# What a step may fail with. Anything else is a fault of this program, and is treated alike: the clean-up comes first.
FINE, FAILED, LEFT = 0, 1, 3


class Unhealed(Exception):
    """The fleet is not whole any more: nothing can be asked of it."""


@dataclass
class Run:
    """A run, with everything that tests put in the place of the outside world."""

    aws: Aws
    names: Names
    wishes: Wishes
    scenarios: list[ModuleType]
    signals: Signals
    clock: Clock = field(default_factory=Clock)
    folder: Path = ROOT / "target/live"
    ask: Callable[[str], str | None] = probe.ask
    deploy: Callable[[Names, Wishes], None] = deployment.deploy
    wait: int = 1  # seconds that the queue is given
    tell: Callable[[str], None] = lambda line: print(line, flush=True)
    live: Live | None = None
    failures: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        began = datetime.fromtimestamp(self.clock.now(), timezone.utc).isoformat(timespec="seconds")
        self.state = State(self.names.run, self.names.account, self.names.region, self.wishes.profile, began)

    def begin(self, step: str) -> None:
        """Writes a step down before it is taken."""
        self.state.steps.append(step)
        self.state.save(self.folder)
        self.tell(f"----- {step}")

    def __call__(self) -> int:
        """Makes, asks, reports, and takes away. Gives the exit code."""
        try:
            self.attempt()
        except Interrupted as interrupted:  # wherever it came, also amid the handling of an error: there is only one of them
            self.failures.append(f"interrupted by {interrupted}")
        # From here on a signal ends nothing any more, unless somebody insists.
        self.signals.cleaning = True
        try:
            self.report()
        except Interrupted as interrupted:
            self.failures.append(f"the report: {interrupted}")
        return self.take_away()

    def attempt(self) -> None:
        """Everything that may fail."""
        try:
            self.make()
            self.play()
        except Exception as error:  # noqa: BLE001 whatever it was, the clean-up comes next
            self.failures.append(f"{self.state.steps[-1] if self.state.steps else 'the first step'}: {said(error)}")

    def make(self) -> None:
        """The bucket, the stack, the recorder: everything by the run's name, tagged with it."""
        names = self.names
        self.begin(f"a bucket for the functions' code: {names.bucket}")
        s3 = self.aws.client("s3")
        where = {} if names.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": names.region}}
        s3.create_bucket(Bucket=names.bucket, **where)
        s3.put_bucket_tagging(Bucket=names.bucket, Tagging={"TagSet": names.tags})
        self.begin(f"the stack {names.stack}: ten minutes")
        self.deploy(names, self.wishes)
        self.begin("the fleet")
        fleet = Fleet(self.aws, self.clock, names)
        recorder = Recorder(self.aws, self.clock, names, self.wait)
        recorder.ours |= {fleet.group, fleet.application, *fleet.members(), *([fleet.pipeline] if fleet.pipeline else [])}
        self.begin(f"the queue {names.queue} and its rules")
        arn = recorder.make_queue()
        recorder.make_rules(arn, patterns(fleet.group, fleet.application, fleet.pipeline))
        secrets = {
            names.account: goldens.ACCOUNT,
            fleet.address: goldens.ADDRESS,
            fleet.bucket: "artifacts",
            **dict.fromkeys([fleet.group, fleet.application, fleet.deployment_group, names.run], "web"),
            **dict.fromkeys([fleet.pipeline] if fleet.pipeline else [], "web"),
        }
        scrubber = Scrubber(secrets)
        self.live = Live(self.aws, self.clock, names, fleet, recorder, self.ask, scrubber, self.wishes.connection is not None)
        self.live.tell = lambda fact: self.tell(f"      {fact}")

    def play(self) -> None:
        """Every scenario. One that fails does not keep the others from being played, as long as the fleet is whole."""
        live = self.live
        assert live is not None
        for number, scenario in enumerate(self.scenarios):
            already = len(live.findings.measures)
            self.begin(f"{scenario.NAME}: {scenario.ASKS} (about {scenario.MINUTES} minutes)")
            live.scenario = scenario.NAME
            try:
                self.heal(live, number)
                live.knows_the_members()
                scenario.run(live)
                live.knows_the_members()
                live.recorder.drain()
                for verdict in measures.verdicts(live.findings.measures[already:], timing.constants()):
                    self.tell(f"      {measures.line(verdict)}")
            except Skipped as skipped:
                self.skipped.append(f"{scenario.NAME}: {skipped}")
                self.tell(f"      skipped: {skipped}")
            except Unhealed:
                raise
            except Exception as error:  # noqa: BLE001 a scenario may fail in any way; the others are worth their money
                # A signal may hide behind the error of a step that it has cut off.
                if self.signals.cleaning:
                    raise Interrupted("a signal") from error
                kind = "" if isinstance(error, (*ERRORS, Late, Missing, RuntimeError)) else f"{type(error).__name__}: "
                self.failures.append(f"{scenario.NAME}: {kind}{said(error)}")
                self.tell(f"      FAILED: {kind}{said(error)}")

    def heal(self, live: Live, number: int) -> None:
        """Waits until the fleet is whole. If it never is, to wait as long for each of the other scenarios would cost and find nothing."""
        try:
            live.fleet.wait_until_whole()
        except Late as late:
            others = ", ".join(other.NAME for other in self.scenarios[number:])
            raise Unhealed(f"not played: {others}: {late}") from late

    def report(self) -> None:
        """Writes down what was found, also when the run was cut off. Nothing of it may keep the clean-up from beginning."""
        live = self.live
        if live is None:
            return
        try:
            live.recorder.drain()
        except Exception as error:  # noqa: BLE001 what is in the queue is lost; what was heard before is not
            self.failures.append(f"the last events: {said(error)}")
        try:
            events = [heard.event for heard in live.recorder.heard]
            lines = ["samples, in target/live/events:"]
            lines += goldens.write(self.folder / "events", events, live.findings.replies, live.scrubber)
            lines.append("constants, in target/live/constants.json; lines are those of tests/world/src/timing.rs:")
            known = timing.constants()
            lines += measures.write(self.folder / "constants.json", self.names.run, self.names.region, live.findings, known)
            lines.append("what was seen:")
            lines += [f"{scenario}: {fact}" for scenario, fact in live.findings.facts]
            for line in lines:
                self.tell(line if line.endswith(":") else f"  {line}")
        except Exception as error:  # noqa: BLE001 see above
            self.failures.append(f"the report: {type(error).__name__}: {said(error)}")

    def take_away(self) -> int:
        """Removes everything, looks whether it is gone, and says so."""
        try:
            self.begin("taking everything away: ten minutes")
        except OSError as error:  # a full disk keeps nothing from being removed
            self.failures.append(f"its notes: {said(error)}")
        try:
            left = cleanup.clean(self.aws, self.clock, self.names, self.tell)
            left += verify.verify(self.aws, self.clock, self.names, self.tell)
        except Interrupted as interrupted:
            left = [f"unknown: {interrupted}"]
        except Exception as error:  # noqa: BLE001 nobody knows then, and that is as bad as something left
            left = [f"unknown: {type(error).__name__}: {said(error)}"]
        return self.conclude(left)

    def conclude(self, left: list[str]) -> int:
        """The last words, and the exit code."""
        self.state.left, self.state.clean = left, not left
        try:
            self.state.save(self.folder)
        except OSError as error:
            self.failures.append(f"its notes: {said(error)}")
        for failure in self.failures:
            self.tell(f"failed: {failure}")
        if left:
            self.tell(f"STILL THERE, and it costs money; look for the tags panda-live and {FLEET_TAG} with the value {self.names.run}:")
            for each in left:
                self.tell(f"  {each}")
            self.tell(f"Try again with:\n  {again(self.names, self.wishes.profile)}")
            return LEFT
        self.tell(f"Nothing is left of {self.names.run} in {self.names.region}.")
        return FAILED if self.failures else FINE


def again(names: Names, profile: str | None) -> str:
    """The command that cleans a run up."""
    account = f" --profile {profile}" if profile else ""
    return f'make test-live ARGS="--clean {names.run} --region {names.region}{account}"'
