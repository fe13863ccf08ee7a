"""Does a whole run, every scenario against the simulated AWS, find out what that AWS is made of, and leave nothing?"""

from __future__ import annotations

import json
import os
import tempfile
import unittest
from pathlib import Path

from live import measures, names, timing
from live.deployment import Wishes
from live.names import Names
from live.run import FINE, Run
from live.scenarios import ALL
from live.signals import Signals

from .stage import Stage

CONNECTION = "arn:aws:codeconnections:us-east-1:123456789012:connection/0f5b706a-1a1d-46c5-86b6-f177321bcfb2"
# The world believes both: a chance.
CHANCES = {"refresh_waits_percent"}


class Rehearsal(unittest.TestCase):
    def test_a_whole_run_measures_what_the_world_is_made_of(self) -> None:
        stage = Stage()
        stage.aws.before = stage.lead_to_the_worlds_bucket
        lines: list[str] = []
        with tempfile.TemporaryDirectory() as folder, Signals() as signals:
            run = Run(
                stage.aws,
                Names(names.invent(), "123456789012", "us-east-1"),
                Wishes(connection=CONNECTION, repository="example/site"),
                ALL,
                signals,
                clock=stage.clock,
                folder=Path(folder),
                ask=stage.ask,
                deploy=stage.deploy,
                wait=0,
                tell=lines.append,
            )
            status = run()
            said = "\n".join(lines)
            self.assertEqual(status, FINE, said)
            self.assertEqual(run.skipped, [], said)
            self.assertEqual(stage.everything(), [], said)
            constants = json.loads((Path(folder) / "constants.json").read_text(encoding="utf-8"))
            samples = {path.stem: path.read_text(encoding="utf-8") for path in (Path(folder) / "events").glob("*.json")}
        self.the_constants_are_the_worlds(run, constants, said)
        self.the_samples_are_there_and_name_nobody(run, samples, said)

    def the_constants_are_the_worlds(self, run: Run, constants: dict, said: str) -> None:
        found = measures.verdicts(run.live.findings.measures, timing.constants())
        measured = {constant.name for verdict in found for constant in verdict.constants}
        # Every delay is measured, or it is said why not.
        self.assertEqual(measured | set(measures.NOT_ASKED), set(timing.constants()), said)
        self.assertEqual(measured & set(measures.NOT_ASKED), set())
        changed = set(filter(None, os.environ.get("LIVE_CHANGED", "").split(",")))
        outside = {constant.name for verdict in found if verdict.outside for constant in verdict.constants} - CHANCES
        self.assertEqual(outside, changed, said)
        for name in changed:
            advice = constants["constants"][name]["verdict"]
            self.assertRegex(advice, f"^OUTSIDE: line [0-9]+: {name}: .* -> {name}: Span::", said)

    def the_samples_are_there_and_name_nobody(self, run: Run, samples: dict[str, str], said: str) -> None:
        for name in (
            "ec2-instance-launch-lifecycle-action",
            "ec2-instance-terminate-lifecycle-action",
            "ec2-instance-launch-successful",
            "ec2-instance-terminate-successful",
            "ec2-instance-state-change-notification-shutting-down",
            "ec2-auto-scaling-instance-refresh-started",
            "codedeploy-deployment-state-change-notification-failure",
            "codedeploy-instance-state-change-notification-failure",
            "codepipeline-action-execution-state-change-succeeded",
            "codedeploy-batch-get-deployment-targets-failed",
            "ssm-get-command-invocation-over",
        ):
            self.assertIn(name, samples, said)
        for text in samples.values():
            self.assertNotIn(run.names.run, text)
            self.assertNotRegex(text, r"\bi-[1-9a-f][0-9a-f]{7,16}\b")
        dying = json.loads(samples["ec2-instance-state-change-notification-shutting-down"])
        self.assertRegex(dying["detail"]["instance-id"], "^i-0(old|spare|new)0+a$")
        # moto leaves the account out; all else is as in the sample.
        self.assertIn("ec2-instance-state-change-notification-shutting-down: AWS lacks account: str\n", said)


if __name__ == "__main__":
    unittest.main()
