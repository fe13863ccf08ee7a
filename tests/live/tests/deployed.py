"""Does the real sam take the words of a run, and does the clean-up take away what it made? Against ministack, which knows CloudFormation."""

from __future__ import annotations

import os
import subprocess
import unittest
from pathlib import Path

import boto3

from live import cleanup, deployment, guard, names, verify
from live.aws import Aws
from live.clock import Clock
from live.deployment import Wishes
from live.names import Names


class Deployed(unittest.TestCase):
    def test_sam_takes_the_words_and_everything_that_it_made_goes_away(self) -> None:
        aws = Aws(boto3.Session(region_name="us-east-1"))
        run = Names(names.invent(), aws.account(), "us-east-1")
        # Another installation stands there, and so no run would begin.
        stacks = [stack["StackName"] for stack in aws.client("cloudformation").describe_stacks()["Stacks"]]
        self.assertEqual(len(guard.obstacles(aws)), 1)
        self.assertIn("the stack lethargic-panda is an installation already", guard.obstacles(aws)[0])
        buckets = {bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"]}
        tables = set(aws.client("dynamodb").list_tables()["TableNames"])

        aws.client("s3").create_bucket(Bucket=run.bucket)
        # Without a fleet, which ministack does not know. All other words are a run's.
        chosen = {**deployment.parameters(run, Wishes(architecture=os.environ["LIVE_ARCHITECTURE"])), "CreateFleet": "false"}
        command = ["sam", "deploy", "--stack-name", run.stack, *deployment.sam_arguments(run, chosen), "--template-file", os.environ["LIVE_TEMPLATE"]]
        # Where a samconfig.toml lies, as in the repository, but no section of it for runs.
        folder = Path(os.environ["LIVE_TEMPLATE"]).parent
        (folder / "samconfig.toml").write_text((deployment.ROOT / "samconfig.toml").read_text(encoding="utf-8"), encoding="utf-8")
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

        stack = aws.client("cloudformation").describe_stacks(StackName=run.stack)["Stacks"][0]
        self.assertIn({"Key": names.TAG, "Value": run.run}, stack["Tags"])
        given = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
        self.assertEqual({name: given[name] for name in chosen}, chosen)
        self.assertIn("ElasticIpFailoverFunctionName", {output["OutputKey"] for output in stack["Outputs"]})
        packed = aws.client("s3").list_objects_v2(Bucket=run.bucket)["KeyCount"]
        self.assertGreaterEqual(packed, 4, "the functions' code lies in the run's own bucket")
        new = {bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"]} - buckets
        self.assertEqual(new, {run.bucket}, "and in no other")

        said: list[str] = []
        left = cleanup.clean(aws, Quick(), run, said.append) + verify.verify(aws, Quick(), run, said.append)
        self.assertEqual(left, [], said)
        self.assertEqual({bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"]}, buckets)
        self.assertEqual(set(aws.client("dynamodb").list_tables()["TableNames"]), tables)
        self.assertEqual([each["StackName"] for each in aws.client("cloudformation").describe_stacks()["Stacks"]], stacks)
        self.assertTrue(any("the panda's journal" in line for line in said), said)


class Quick(Clock):
    """ministack takes fractions of a second for what takes AWS minutes."""

    def sleep(self, seconds: float) -> None:
        super().sleep(min(seconds, 0.5))


if __name__ == "__main__":
    unittest.main()
