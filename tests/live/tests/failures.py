"""Is nothing left, whatever fails? A run with one short scenario, once for each kind of call that it makes, with that call failing."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import unittest
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from botocore.exceptions import ClientError, EndpointConnectionError

from live import names
from live.deployment import Wishes
from live.live import Live, Skipped
from live.names import Names
from live.run import FAILED, FINE, LEFT, Run
from live.scenarios import ALL
from live.signals import Signals

from .stage import Stage

Fault = Callable[[str, dict[str, Any]], None]


def short(live: Live) -> None:
    """Makes one of everything that scenarios make."""
    fleet = live.fleet
    with fleet.hooked("hold", "TERMINATING", 300), fleet.without_reflex():
        own = fleet.ec2.allocate_address(Domain="vpc", TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": live.names.tags}])
        fleet.ec2.associate_address(AllocationId=own["AllocationId"], NetworkInterfaceId=fleet.interface(fleet.spare()))
        for body in (b"1", b"2"):
            live.aws.client("s3").put_object(Bucket=fleet.bucket, Key="live/good.zip", Body=body)
        live.aws.client("s3").create_multipart_upload(Bucket=live.names.bucket, Key="half")
        live.note("it was played")


def scenario(run: Callable[[Live], None], name: str = "short") -> Any:
    """A scenario of a test's own."""
    return SimpleNamespace(NAME=name, ASKS="whether it all goes away", MINUTES=1, run=run)


def throttled(operation: str) -> ClientError:
    """What AWS says to a caller who asks too often."""
    return ClientError({"Error": {"Code": "Throttling", "Message": "Rate exceeded"}}, operation)


@dataclass
class Once:
    """Something that happens at one call of a run: at the nth of an operation."""

    operation: str
    nth: int
    before: bool  # the clean-up
    happened: bool = False

    def __str__(self) -> str:
        return f"{self.operation} {self.nth}, {'before' if self.before else 'in'} the clean-up"

    def now(self, operation: str) -> bool:
        """Whether this call is the one."""
        if operation != self.operation:
            return False
        self.nth -= 1
        self.happened |= self.nth == 0
        return self.nth == 0


def each_call(whole: Played) -> list[Once]:
    """Each kind of call of a run, the first one before its clean-up and the first one in it."""
    before = len(whole.calls) - len(whole.cleaning)
    found = [Once(call, whole.calls[:at].count(call) + 1, at < before) for at, call in enumerate(whole.calls)]
    return [once for at, once in enumerate(found) if once.operation not in whole.calls[0 if once.before else before : at]]


class Played:
    """A run on the stage: its exit code, its words, the calls that it made, and those of its clean-up."""

    def __init__(
        self, stage: Stage, fault: Fault | None = None, scenarios: list[Any] | None = None, run: Names | None = None, clean: bool = False
    ) -> None:
        self.lines: list[str] = []
        self.calls: list[str] = []
        self.cleaning: list[str] = []
        with tempfile.TemporaryDirectory() as folder, Signals() as signals:
            self.run = Run(
                stage.aws,
                run or Names(names.invent(), "123456789012", "us-east-1"),
                Wishes(),
                scenarios or [scenario(short)],
                signals,
                clock=stage.clock,
                folder=Path(folder),
                ask=stage.ask,
                deploy=stage.deploy,
                wait=0,
                tell=self.lines.append,
            )

            def before(operation: str, parameters: dict[str, Any]) -> None:
                self.calls.append(operation)
                if any(step.startswith("taking everything away") for step in self.run.state.steps):
                    self.cleaning.append(operation)
                if fault:
                    fault(operation, parameters)

            stage.aws.before = before
            signals.cleaning = clean
            try:
                self.status = self.run.take_away() if clean else self.run()
            finally:
                stage.aws.before = lambda _operation, _parameters: None
            self.notes = json.loads((Path(folder) / f"{self.run.names.run}.json").read_text(encoding="utf-8"))

    @property
    def said(self) -> str:
        """Its words."""
        return "\n".join(self.lines)


class OnStage(unittest.TestCase):
    """A stage for all tests of a class: what one leaves there, the next one finds."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.stage = Stage(step=30)

    def nothing_is_left(self, played: Played, why: str) -> None:
        self.assertEqual(self.stage.everything(), [], f"{why}\n{played.said}")
        self.assertTrue(played.notes["clean"], why)
        self.assertIn("Nothing is left of", played.said, why)


class OneFailure(OnStage):
    def test_a_run_that_goes_well_takes_all_away_in_the_right_order(self) -> None:
        played = Played(self.stage)
        self.assertEqual(played.status, FINE, played.said)
        self.nothing_is_left(played, "it went well")
        self.assertIn("it was played", played.said)
        first = {operation: played.cleaning.index(operation) for operation in played.cleaning}
        # What writes, what holds the stack back, the stack, what it has kept, what it was packed into.
        order = ["RemoveTargets", "DeleteRule", "DeleteQueue", "DisassociateAddress", "DeleteStack", "DeleteTable", "DeleteLogGroup", "DeleteBucket"]
        self.assertEqual([name for name in sorted(first, key=first.__getitem__) if name in order and name != "DeleteBucket"], order[:-1])
        # The fleet's own bucket and address are the stack's until it is gone; the packed code goes last.
        last = {operation: len(played.cleaning) - 1 - played.cleaning[::-1].index(operation) for operation in played.cleaning}
        self.assertGreater(first["DeleteBucket"], first["DeleteStack"])
        self.assertGreater(last["ReleaseAddress"], first["DeleteStack"])
        self.assertGreater(last["DeleteBucket"], last["DeleteLogGroup"])

    def test_a_kind_of_call_that_fails_once_leaves_nothing_whichever_it_is(self) -> None:
        whole = Played(self.stage)
        self.assertGreater(len(whole.calls), 60)
        for number, once in enumerate(each_call(whole)):
            why = f"a failure at {once}"

            def fault(operation: str, _: dict[str, Any], number: int = number, once: Once = once) -> None:
                if once.now(operation):
                    raise throttled(operation) if number % 2 else EndpointConnectionError(endpoint_url="https://nowhere")

            played = Played(self.stage, fault)
            self.assertTrue(once.happened, why)
            self.nothing_is_left(played, why)
            self.assertEqual(played.status, FAILED if once.before else FINE, f"{why}\n{played.said}")
            self.assertEqual("failed: " in played.said, once.before, f"{why}\n{played.said}")

    def test_a_signal_at_any_step_leaves_nothing(self) -> None:
        whole = Played(self.stage)
        # What a signal cuts off is Python's to say, and the same everywhere: every third step is enough.
        for number, once in enumerate(each_call(whole)[::3]):
            why = f"a signal at {once}"

            def fault(operation: str, _: dict[str, Any], number: int = number, once: Once = once) -> None:
                if once.now(operation):
                    os.kill(os.getpid(), signal.SIGTERM if number % 2 else signal.SIGINT)

            with mock.patch("sys.stderr"):
                played = Played(self.stage, fault)
            self.assertTrue(once.happened, why)
            self.nothing_is_left(played, why)
            self.assertEqual(played.status, FAILED if once.before else FINE, f"{why}\n{played.said}")
            self.assertEqual("interrupted by SIG" in played.said, once.before, why)


class MoreFailures(OnStage):
    def test_what_cannot_be_removed_is_named_and_goes_with_the_next_clean_up(self) -> None:
        stubborn = {
            "RemoveTargets": "event rule", "DeleteRule": "event rule", "ListRules": "event rule", "DeleteQueue": "queue", "GetQueueUrl": "queue",
            "DeleteLifecycleHook": "lifecycle hook", "ReleaseAddress": "Elastic IP", "DeleteStack": "stack", "DeleteTable": "table",
            "DeleteLogGroup": "log group", "DescribeLogGroups": "log group", "DeleteBucket": "bucket", "ListBuckets": "bucket", "GetResources": "tag",
        }
        for operation, word in stubborn.items():
            state = {"cleaning": False}

            def late(live: Live, state: dict[str, bool] = state) -> None:
                short(live)
                live.fleet.scaling.put_lifecycle_hook(
                    AutoScalingGroupName=live.fleet.group, LifecycleHookName=live.names.hook("left"), HeartbeatTimeout=300,
                    LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING", DefaultResult="CONTINUE",
                )
                state["cleaning"] = True

            def fault(asked: str, _: dict[str, Any], operation: str = operation, state: dict[str, bool] = state) -> None:
                if state["cleaning"] and asked == operation:
                    raise throttled(operation)

            played = Played(self.stage, fault, [scenario(late)])
            run = played.run.names
            if operation == "DeleteLifecycleHook":
                # It went with its group, after all: nothing is left, and nobody has to know.
                self.assertIn(played.status, (FINE, LEFT), played.said)
            else:
                self.assertEqual(played.status, LEFT, f"{operation}\n{played.said}")
                self.assertFalse(played.notes["clean"])
                self.assertTrue(any(word in each for each in played.notes["left"]), f"{operation}: {played.notes['left']}")
                self.assertIn(f'make test-live ARGS="--clean {run.run} --region us-east-1"', played.said)
            again = Played(self.stage, run=run, clean=True)
            self.assertEqual(again.status, FINE, f"{operation}\n{again.said}")
            self.nothing_is_left(again, operation)

    def test_a_stack_that_could_not_be_deleted_is_deleted_again_without_its_buckets(self) -> None:
        stage, asked = self.stage, {"deletes": 0, "failed": False}

        def fault(operation: str, parameters: dict[str, Any]) -> None:
            if operation == "DeleteStack":
                asked["deletes"] += 1
                asked["failed"] = asked["deletes"] <= 2
                if asked["failed"]:
                    parameters["StackName"] = "nobodys"  # taken, and nothing comes of it

        def as_failed(parsed: dict[str, Any], **_: Any) -> None:
            for found in parsed.get("Stacks", []):
                if asked["failed"]:
                    found["StackStatus"] = "DELETE_FAILED"

        events = stage.aws.client("cloudformation").meta.events
        events.register("after-call.cloudformation.DescribeStacks", as_failed)
        stage.aws.after.pop("DeleteStack")
        stage.aws.after["DeleteStack"] = lambda: None if asked["failed"] else stage.stack_is_deleted()
        try:
            played = Played(stage, fault)
        finally:
            events.unregister("after-call.cloudformation.DescribeStacks", as_failed)
            stage.aws.after["DeleteStack"] = stage.stack_is_deleted
        self.assertEqual((played.status, asked["deletes"]), (FINE, 3), played.said)
        self.nothing_is_left(played, "a stack in DELETE_FAILED")
        deletes = [at for at, call in enumerate(played.cleaning) if call == "DeleteStack"]
        self.assertIn("DeleteBucket", played.cleaning[deletes[0] : deletes[1]])

    def test_a_scenario_that_fails_keeps_no_other_from_being_played(self) -> None:
        def breaks(_: Live) -> None:
            raise AssertionError("as nobody thought of")

        def skips(_: Live) -> None:
            raise Skipped("not here")

        played = Played(self.stage, scenarios=[scenario(breaks, "breaks"), scenario(skips, "skips"), scenario(short)])
        self.assertEqual(played.status, FAILED, played.said)
        for word in ("it was played", "skipped: not here", "failed: breaks: AssertionError: as nobody thought of"):
            self.assertIn(word, played.said)
        self.nothing_is_left(played, "a scenario failed")

    def test_a_fleet_that_does_not_heal_ends_the_run(self) -> None:
        def breaks(live: Live) -> None:
            live.fleet.scaling.suspend_processes(AutoScalingGroupName=live.fleet.group, ScalingProcesses=["Launch"])
            live.fleet.kill(live.fleet.spare())

        played = Played(self.stage, scenarios=[scenario(breaks, "breaks"), scenario(short, "one"), scenario(short, "two")])
        self.assertEqual(played.status, FAILED, played.said)
        self.assertNotIn("it was played", played.said)
        self.assertIn("not played: one, two: waited 1200 s in vain for a whole fleet of 2", played.said)
        self.nothing_is_left(played, "a fleet that does not heal")

    def test_each_scenario_that_fails_in_its_first_or_a_later_call_leaves_nothing(self) -> None:
        for number, real in enumerate(ALL):
            state = {"on": False, "left": number % 4}

            def begins(live: Live, real: Any = real, state: dict[str, Any] = state) -> None:
                state["on"] = True
                live.has_connection = True
                try:
                    real.run(live)
                finally:
                    state["on"] = False

            def fault(operation: str, parameters: dict[str, Any], state: dict[str, Any] = state) -> None:
                self.stage.lead_to_the_worlds_bucket(operation, parameters)
                if state["on"]:
                    state["left"] -= 1
                    if state["left"] < 0:
                        raise throttled(operation)

            played = Played(self.stage, fault, [scenario(begins, real.NAME)])
            self.assertEqual(played.status, FAILED, f"{real.NAME}\n{played.said}")
            self.assertIn(f"failed: {real.NAME}: ", played.said)
            self.nothing_is_left(played, real.NAME)


if __name__ == "__main__":
    unittest.main()
