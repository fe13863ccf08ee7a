"""Do the parts do what they say? Without any AWS, simulated or not."""

from __future__ import annotations

import http.server
import json
import os
import re
import shlex
import subprocess
import tempfile
import threading
import time
import unittest
import zipfile
from datetime import datetime, timezone
from email.utils import format_datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest import mock

from botocore.exceptions import ClientError

from live import costs, deployment, guard, names, probe, revision, state, verify
from live.__main__ import chosen, open_session, parser
from live.clock import Clock, Late
from live.deployment import ROOT, Wishes
from live.names import Names
from live.recorder import Recorder, patterns, seconds
from live.scenarios import ALL
from live.signals import Interrupted, Signals

RUN = Names("panda-live-01234567", "111122223333", "eu-west-3")
PAGE = (ROOT / "docs/LIVE.md").read_text(encoding="utf-8")


class Still(Clock):
    """Time passes only by sleeping."""

    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


class Deploying(unittest.TestCase):
    def test_every_parameter_is_the_templates_and_its_value_is_allowed(self) -> None:
        template = (ROOT / "template.yaml").read_text(encoding="utf-8")
        connection = "arn:aws:codeconnections:eu-west-3:111122223333:connection/0f5b706a-1a1d-46c5-86b6-f177321bcfb2"
        wishes = Wishes(connection=connection, repository="you/site")
        for name, value in {**deployment.parameters(RUN, Wishes()), **deployment.parameters(RUN, wishes)}.items():
            self.assertEqual(template.count(f"\n  {name}:\n    Type: "), 1, name)
            body = template.split(f"\n  {name}:\n    Type: ")[1].split("\n  ")[0:12]
            text = "\n  ".join(body)
            if allowed := re.search(r"AllowedValues: \[(.*?)\]", text.split("ConstraintDescription")[0]):
                self.assertIn(value, [word.strip(' "') for word in allowed[1].split(",")], name)
            if pattern := re.search(r'AllowedPattern: "(.*?)"', text.split("ConstraintDescription")[0]):
                self.assertRegex(value, pattern[1].replace("\\\\", "\\"), name)
        self.assertLessEqual(len(RUN.run), 32, "a fleet's name")
        self.assertLessEqual(len(Names(RUN.run, "1" * 12, "ap-southeast-10").bucket), 63, "a bucket's name")

    def test_make_hands_the_words_to_sam_as_they_are(self) -> None:
        arguments = deployment.sam_arguments(RUN, deployment.parameters(RUN, Wishes()))
        command = ["make", "--no-print-directory", "-n", "-o", "tools", "deploy", f"STACK={RUN.stack}", f"ARGS={shlex.join(arguments)}"]
        said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        line = next(line for line in said.splitlines() if " bin/deploy " in line)
        self.assertEqual(shlex.split(line)[-len(arguments) :], arguments)
        self.assertIn(f"--stack {RUN.stack}", line)
        # What people have saved by --guided is about their own installation.
        self.assertNotIn(deployment.NOBODYS_CONFIGURATION, (ROOT / "samconfig.toml").read_text(encoding="utf-8"))

    def test_make_deploys_into_the_account_that_is_cleaned_up_and_its_failure_is_a_failure(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            make = Path(folder) / "make"
            make.write_text(f"#!/bin/sh\nenv >{folder}/environment\nexit $WORTH\n", encoding="utf-8")
            make.chmod(0o755)
            keys = {"AWS_ACCESS_KEY_ID": "another", "AWS_SECRET_ACCESS_KEY": "account"}
            with mock.patch.dict(os.environ, {**keys, "PATH": f"{folder}:{os.environ['PATH']}", "WORTH": "0"}):
                for wishes, profile, key in [(Wishes(), None, "another"), (Wishes(profile="work"), "work", None)]:
                    deployment.deploy(RUN, wishes)
                    said = dict(line.partition("=")[::2] for line in (Path(folder) / "environment").read_text(encoding="utf-8").splitlines())
                    self.assertEqual((said.get("AWS_PROFILE"), said.get("AWS_ACCESS_KEY_ID")), (profile, key))
                    self.assertEqual((said["AWS_REGION"], said["AWS_DEFAULT_REGION"]), (RUN.region, RUN.region))
                os.environ["WORTH"] = "2"
                with self.assertRaisesRegex(deployment.Refused, "make deploy ended with 2"):
                    deployment.deploy(RUN, Wishes())

    def test_a_revision_has_the_sample_site_and_says_where_it_is(self) -> None:
        for works in (True, False):
            with zipfile.ZipFile(BytesIO(revision.bundle(works))) as archive:
                listed, appspec = set(archive.namelist()), archive.read("appspec.yml").decode()
                script = archive.read("scripts/after-install.sh").decode()
            there = {path.relative_to(revision.SAMPLE).as_posix() for path in revision.SAMPLE.rglob("*") if path.is_file()}
            self.assertEqual(listed, there | {"scripts/after-install.sh"})
            events = ["ApplicationStop", "BeforeInstall", "AfterInstall", "ApplicationStart", "ValidateService"]
            self.assertEqual(re.findall(r"(?m)^  ([A-Z]\w+):$", appspec), events)
            subprocess.run(["bash", "-n"], input=script, text=True, check=True)
            self.assertEqual("exit 7" in script, not works)

    def test_the_run_deploys_a_leashed_installation_that_mends_nothing(self) -> None:
        chosen_ = deployment.parameters(RUN, Wishes())
        self.assertEqual([chosen_[name] for name in ("PandaMode", "PandaScheduleState", "RecoveryMode")], ["Off", "DISABLED", "ExplainOnly"])


class Hearing(unittest.TestCase):
    def test_of_others_nothing_is_kept(self) -> None:
        event = {"detail-type": "x", "time": "2026-05-07T13:22:07Z"}
        theirs, mine = ({"id": name, "detail": {"instance-id": name}, **event} for name in ("i-0theirs", "i-0mine"))
        stamp = {"ReceiptHandle": "r", "Attributes": {"SentTimestamp": "1778160128500"}}
        messages = [{"Body": json.dumps(each), **stamp} for each in (theirs, mine, mine)]
        replies = iter([{"Messages": messages}, {}])
        sqs = mock.Mock(receive_message=lambda **_: next(replies))
        recorder = Recorder(mock.Mock(client=lambda _: sqs), Clock(), RUN)
        recorder.ours.add("i-0mine")
        heard = recorder.drain()
        self.assertEqual([each.instance for each in heard], ["i-0mine"])
        self.assertEqual(recorder.heard, heard)
        self.assertAlmostEqual(heard[0].arrived - heard[0].happened, 1.5, places=2)
        self.assertEqual(len(sqs.delete_message_batch.call_args.kwargs["Entries"]), 3)

    def test_only_the_fleets_events_are_asked_for_where_a_rule_can_tell(self) -> None:
        wanted = patterns("group", "application", None)
        self.assertEqual(wanted["autoscaling"]["detail"], {"AutoScalingGroupName": ["group"]})
        self.assertNotIn("codepipeline", wanted)
        self.assertEqual(patterns("group", "application", "p")["codepipeline"]["detail"], {"pipeline": ["p"]})

    def test_the_probe_believes_only_a_server_that_names_itself(self) -> None:
        pages = iter([(200, b"i-0abc\n"), (200, b"<html>"), (503, b"i-0abc")])

        class Site(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = next(pages) if self.path == probe.PAGE else (404, b"")
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        with http.server.HTTPServer(("127.0.0.1", 0), Site) as site:
            threading.Thread(target=site.serve_forever, daemon=True).start()
            real = http.client.HTTPConnection
            there = lambda address, _port, timeout: real(address, site.server_port, timeout=timeout)  # noqa: E731
            with mock.patch.object(probe.http.client, "HTTPConnection", there):
                self.assertEqual([probe.ask("127.0.0.1") for _ in range(3)], ["i-0abc", None, None])
            site.shutdown()


    def test_a_time_is_read_with_any_fraction(self) -> None:
        for text, fraction in [("2026-05-07T13:22:07Z", 0), ("2026-05-07T13:22:07.5Z", 0.5), ("2026-05-07T13:22:07.629+00:00", 0.629)]:
            self.assertAlmostEqual(seconds(text), 1778160127 + fraction, places=4)


class Beginning(unittest.TestCase):
    def test_the_account_of_make_deploy_is_asked_and_sam_is_told_its_profile(self) -> None:
        self.addCleanup(os.chdir, os.getcwd())
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            Path("samconfig.toml").write_text('[default.deploy.parameters]\nregion = "eu-west-3"\nprofile = "work"\n', encoding="utf-8")
            Path("aws").write_text("[profile work]\nregion = eu-north-1\n[profile other]\n", encoding="utf-8")
            with mock.patch.dict(os.environ, {"AWS_CONFIG_FILE": f"{folder}/aws"}):
                os.environ.pop("AWS_REGION", None)
                for asked, region, profile in [((None, None), "eu-west-3", "work"), (("us-west-2", "other"), "us-west-2", "other")]:
                    opened, told = open_session(*asked)
                    self.assertEqual((opened.region_name, opened.profile_name, told), (region, profile, profile))
                # Somebody with installations in two regions names the other one.
                os.environ["AWS_REGION"] = "ap-south-1"
                self.assertEqual(open_session(None, None)[0].region_name, "ap-south-1")
                Path("samconfig.toml").unlink()
                self.assertIsNone(open_session(None, None)[1])
            os.chdir("/")

    def told(self, ahead: float) -> list[str]:
        """The obstacles in an empty account whose clock this machine's is ahead of."""
        date = format_datetime(datetime.fromtimestamp(time.time() - ahead, timezone.utc), usegmt=True)
        client = mock.MagicMock()
        client.describe_addresses.return_value = {"Addresses": []}
        client.get_caller_identity.return_value = {"ResponseMetadata": {"HTTPHeaders": {"date": date}}}
        return guard.obstacles(mock.Mock(client=lambda _: client))

    def test_a_clock_that_is_wrong_measures_nothing(self) -> None:
        self.assertEqual(self.told(0), [])
        for wrong in (5, -5):
            self.assertIn("clock", self.told(wrong)[0])


class Leaving(unittest.TestCase):
    def gone(self, arn: str, **replies: Any) -> bool:
        """What is said of something that is still listed, when AWS answers so."""
        client = mock.MagicMock()
        client.exceptions.ClientError = ClientError
        for operation, reply in replies.items():
            setattr(client, operation, mock.Mock(**({"side_effect": reply} if isinstance(reply, Exception) else {"return_value": reply})))
        return verify.is_gone(mock.Mock(client=lambda _: client), arn)

    def test_what_is_listed_and_does_not_exist_is_gone_and_nothing_else_is(self) -> None:
        arn = "arn:aws:{}:eu-west-3:111122223333:{}".format
        no = lambda code: ClientError({"Error": {"Code": code}}, "x")  # noqa: E731
        instance = lambda state: {"Reservations": [{"Instances": [{"State": {"Name": state}}]}]}  # noqa: E731
        self.assertTrue(self.gone(arn("ec2", "instance/i-0a"), describe_instances=instance("terminated")))
        self.assertTrue(self.gone(arn("ec2", "instance/i-0a"), describe_instances=no("InvalidInstanceID.NotFound")))
        self.assertFalse(self.gone(arn("ec2", "instance/i-0a"), describe_instances=instance("running")))
        self.assertTrue(self.gone(arn("ec2", "vpc/vpc-0a"), describe_tags={"Tags": []}))
        self.assertFalse(self.gone(arn("ec2", "vpc/vpc-0a"), describe_tags={"Tags": [{"Key": "panda-live"}]}))
        self.assertTrue(self.gone(arn("dynamodb", "table/journal"), describe_table=no("ResourceNotFoundException")))
        self.assertFalse(self.gone(arn("dynamodb", "table/journal"), describe_table={}))
        self.assertTrue(self.gone("arn:aws:s3:::bucket", head_bucket=no("404")))
        self.assertFalse(self.gone("arn:aws:s3:::bucket", head_bucket=no("AccessDenied")))
        self.assertFalse(self.gone(arn("codedeploy", "application:site")))
        stack = lambda status: {"Stacks": [{"StackStatus": status}]}  # noqa: E731
        self.assertTrue(self.gone(arn("cloudformation", "stack/x/1"), describe_stacks=stack("DELETE_COMPLETE")))
        self.assertFalse(self.gone(arn("cloudformation", "stack/x/1"), describe_stacks=stack("DELETE_FAILED")))


class Ending(unittest.TestCase):
    def test_the_first_signal_interrupts_and_the_next_ones_do_not_unless_somebody_insists(self) -> None:
        with Signals() as signals, mock.patch("sys.stderr"):
            with self.assertRaises(Interrupted):
                os.kill(os.getpid(), 2)
                self.fail("it went on")
            self.assertTrue(signals.cleaning)
            os.kill(os.getpid(), 15)
            os.kill(os.getpid(), 2)
            with self.assertRaises(Interrupted):
                os.kill(os.getpid(), 2)
                self.fail("it went on")

    def test_who_waits_in_vain_says_for_what(self) -> None:
        clock = Still()
        self.assertEqual(clock.until("it", 10, lambda: clock.now() > 1003 and "seen"), "seen")
        with self.assertRaisesRegex(Late, "waited 5 s in vain for a sign"):
            clock.until("a sign", 5, lambda: None)

    def test_a_run_that_was_not_taken_away_is_known_afterwards(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "live"
            one = state.State(RUN.run, RUN.account, RUN.region, "work", datetime.now(timezone.utc).isoformat())
            one.steps.append("a step")
            one.save(folder)
            (folder / "constants.json").write_text("{}", encoding="utf-8")
            self.assertEqual(state.unclean(folder), [one])
            self.assertEqual(state.read(folder, RUN.run), one)
            one.clean = True
            one.save(folder)
            self.assertEqual(state.unclean(folder), [])

    def test_only_names_of_runs_are_names_of_runs(self) -> None:
        self.assertTrue(names.is_ours(names.invent()))
        for other in ("lethargic-panda", "panda-live-", "panda-live-0123456", "panda-live-012345678", "panda-live-0123456g", "panda-live-01234567\n"):
            self.assertFalse(names.is_ours(other), other)


class Page(unittest.TestCase):
    def test_the_page_has_every_scenario_and_its_minutes(self) -> None:
        rows = re.findall(r"(?m)^\| `([a-z]+)` \| (.*?) \| ([0-9]+) \|$", PAGE)
        self.assertEqual(rows, [(scenario.NAME, scenario.ASKS, str(scenario.MINUTES)) for scenario in ALL])

    def test_the_page_has_the_costs_and_their_sum(self) -> None:
        for what, much, cents in costs.ROWS:
            self.assertIn(f"| {what} | {much} | {cents} |", PAGE)
        self.assertIn(f"| **sum** | | **{costs.CENTS}** |", PAGE)
        self.assertEqual(costs.CENTS, sum(cents for _, _, cents in costs.ROWS))

    def test_the_page_names_every_option(self) -> None:
        for action in parser()._actions:
            for option in action.option_strings:
                if option.startswith("--") and option != "--help":
                    self.assertRegex(PAGE, rf"[`\" ]{option}\b")

    def test_some_scenarios_bring_the_one_that_they_need(self) -> None:
        self.assertEqual([each.NAME for each in chosen("settle")], ["deployment", "settle"])
        self.assertEqual([each.NAME for each in chosen("unrevised")], ["unrevised"])
        self.assertEqual(chosen(None), ALL)
        with self.assertRaises(SystemExit):
            chosen("settel")


if __name__ == "__main__":
    unittest.main()
