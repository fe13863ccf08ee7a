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
import unittest
import zipfile
from datetime import datetime, timezone
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest import mock

from live import costs, deployment, goldens, measures, names, probe, revision, state, timing
from live.__main__ import chosen, parser
from live.clock import Clock, Late
from live.deployment import ROOT, Wishes
from live.goldens import Scrubber
from live.measures import Findings, Measure
from live.names import Names
from live.recorder import Recorder, patterns
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


class Constants(unittest.TestCase):
    def test_every_delay_of_the_world_is_read_with_its_line_and_its_mark(self) -> None:
        known = timing.constants()
        lines = timing.SOURCE.read_text(encoding="utf-8").splitlines()
        for constant in known.values():
            self.assertEqual(lines[constant.line - 1].strip(), constant.text)
            self.assertLessEqual(constant.least, constant.most)
            self.assertTrue(constant.marks, f"{constant.name} does not say how sure it is")
        fields = re.findall(r"(?m)^    pub ([a-z_]+): (?:Span|Duration|u8),$", timing.SOURCE.read_text(encoding="utf-8").split("pub struct Timing")[1])
        self.assertEqual(list(known), fields)

    def test_a_timing_that_is_written_otherwise_is_not_misread(self) -> None:
        source = timing.SOURCE.read_text(encoding="utf-8")
        for there, instead in [("            pending: Span::secs(5, 20)", "            pending: span(5, 20)"), ("            proceed: Span::secs(1, 3),\n", "")]:
            self.assertEqual(source.count(there), 1, there)
            with self.assertRaises(timing.Unreadable):
                timing.constants(source.replace(there, instead))

    def test_what_lies_outside_is_told_with_the_line_that_would_be_right(self) -> None:
        known = timing.constants()
        said = lambda *found: [v.advice() for v in measures.verdicts([Measure((name,), s, 0.5, "x") for name, s in found], known)]  # noqa: E731
        self.assertEqual(said(("settle", 3.2), ("settle", 6.4)), ["within"])
        self.assertEqual(said(("settle", 6.6)), [f"OUTSIDE: line {known['settle'].line}: settle: Span::millis(3_000, 6_000), -> settle: Span::millis(3_000, 6_600),"])
        self.assertEqual(said(("pending", 2.3)), [f"OUTSIDE: line {known['pending'].line}: pending: Span::secs(5, 20), -> pending: Span::secs(2, 20),"])
        self.assertEqual(said(("refresh_waits_percent", 100.0)), [f"OUTSIDE: line {known['refresh_waits_percent'].line}: refresh_waits_percent: 50, -> refresh_waits_percent: 100,"])

    def test_delays_that_follow_each_other_are_compared_with_their_sum(self) -> None:
        known = timing.constants()
        detection = ("health_period", "health_notice", "reaction")
        one = lambda seconds: measures.verdicts([Measure(detection, seconds, 0, "death")], known)[0]  # noqa: E731
        self.assertEqual(one(10).believed, (1.5, 122))
        self.assertEqual(one(121).advice(), "within")
        self.assertIn("one of these is wrong: line", one(123).advice())

    def test_what_is_not_measured_has_a_reason_and_what_is_measured_has_none(self) -> None:
        known = timing.constants()
        self.assertLessEqual(set(measures.NOT_ASKED), set(known))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "deep/constants.json"
            found = Findings(measures=[Measure(("settle",), 4.0, 0.5, "settle")], facts=[("settle", "a move without a gap")])
            lines = measures.write(path, RUN.run, RUN.region, found, known)
            body = json.loads(path.read_text(encoding="utf-8"))
        self.assertEqual(len(lines), 1)
        self.assertEqual(body["constants"]["settle"]["measured_seconds"], [4.0])
        self.assertEqual(set(body["not_measured"]), set(known) - {"settle"})
        self.assertEqual(body["facts"], [{"scenario": "settle", "fact": "a move without a gap"}])


class Samples(unittest.TestCase):
    EVENT = {
        "id": "7bf73129-1428-4cd3-a780-95db273d1602",
        "detail-type": "EC2 Instance-terminate Lifecycle Action",
        "account": "111122223333",
        "resources": ["arn:aws:autoscaling:eu-west-3:111122223333:autoScalingGroup:5f4e3d2c-1b0a-4f9e-8d7c-6b5a49382716:autoScalingGroupName/panda-live-01234567-Fleet-Group"],
        "detail": {
            "AutoScalingGroupName": "panda-live-01234567-Fleet-Group",
            "EC2InstanceId": "i-0123456789abcdef0",
            "LifecycleActionToken": "7bf73129-1428-4cd3-a780-95db273d1602",
            "subnet": "subnet-0a1b2c3d4e5f60718",
            "peer": "i-0fedcba9876543210",
            "addresses": ["198.51.100.23"],
            "commit-id": "8e0c6fb80e09020556d271d4cf0bacdab3614fbd",
            "author-email": "somebody@company.example",
            "deployment": "d-ABCDEF123",
        },
    }

    def scrubber(self) -> Scrubber:
        scrubber = Scrubber({"111122223333": goldens.ACCOUNT, "panda-live-01234567": "web", "panda-live-01234567-Fleet-Group": "web"})
        scrubber.plays("i-0123456789abcdef0", "old")
        return scrubber

    def test_nothing_that_names_an_account_is_left_and_the_same_stays_the_same(self) -> None:
        clean = self.scrubber().scrub(self.EVENT)
        text = json.dumps(clean)
        for secret in ("111122223333", "01234567", "0123456789abcdef0", "0a1b2c3d", "fedcba", "198.51", "8e0c6f", "company", "ABCDEF123", "7bf73129"):
            self.assertNotIn(secret, text)
        self.assertEqual(clean["detail"]["EC2InstanceId"], "i-0old00000000000a")
        self.assertEqual(clean["detail"]["AutoScalingGroupName"], "web")
        self.assertEqual(clean["id"], clean["detail"]["LifecycleActionToken"])
        self.assertEqual(clean["account"], goldens.ACCOUNT)
        self.assertEqual(self.scrubber().scrub(clean)["detail"]["EC2InstanceId"], "i-0old00000000000a")

    def test_the_ids_of_the_roles_are_those_of_the_samples_that_are_there(self) -> None:
        scrubber = Scrubber({})
        for instance, role, sample in [("i-0a", "old", "i-0old00000000000a"), ("i-0b", "new", "i-0new00000000000a"), ("i-0c", "spare", "i-0spare000000000a")]:
            scrubber.plays(instance, role)
            self.assertEqual(scrubber.instances[instance], sample)
        text = "".join(path.read_text(encoding="utf-8") for path in goldens.SAMPLES.glob("*.json"))
        self.assertIn('"i-0old00000000000a"', text)
        self.assertIn('"i-0new00000000000a"', text)

    def test_a_sample_that_leaks_is_not_written(self) -> None:
        scrubber = self.scrubber()
        # Two secrets, one of which the other brings back.
        scrubber.secrets = {"aaa": "bbb", "web": "aaa"}
        with tempfile.TemporaryDirectory() as folder:
            lines = goldens.write(Path(folder), [{"detail-type": "x", "detail": {"group": "web"}}], {}, scrubber)
            self.assertEqual(list(Path(folder).glob("*.json")), [])
        self.assertIn("NOT written", lines[0])

    def test_samples_are_named_as_those_that_are_there(self) -> None:
        for path in goldens.SAMPLES.glob("*.json"):
            sample = json.loads(path.read_text(encoding="utf-8"))
            if sample.get("source") in ("aws.ec2", "aws.autoscaling", "aws.codedeploy", "aws.codepipeline", "aws.ssm") and "warm-pool" not in path.stem:
                self.assertEqual(goldens.name_of(sample), path.stem)

    def test_another_shape_is_told(self) -> None:
        name = "ec2-instance-state-change-notification-running"
        event = json.loads((goldens.SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
        self.assertEqual(goldens.differences(name, event), "the same shape as the sample")
        event["detail"]["reason"] = "new"
        del event["resources"]
        self.assertEqual(goldens.differences(name, event), "AWS has detail.reason: str; AWS lacks resources[]: str")


class Deploying(unittest.TestCase):
    def test_every_parameter_is_the_templates_and_its_value_is_allowed(self) -> None:
        template = (ROOT / "template.yaml").read_text(encoding="utf-8")
        wishes = Wishes(connection="arn:aws:codeconnections:eu-west-3:111122223333:connection/0f5b706a-1a1d-46c5-86b6-f177321bcfb2", repository="you/site")
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
        line = next(line for line in said.splitlines() if " sam deploy " in line)
        self.assertEqual(shlex.split(line)[-len(arguments) :], arguments)
        self.assertIn(f"--stack-name {RUN.stack}", line)
        # What people have saved by --guided is about their own installation.
        self.assertNotIn(deployment.NOBODYS_CONFIGURATION, (ROOT / "samconfig.toml").read_text(encoding="utf-8"))

    def test_a_revision_has_the_sample_site_and_says_where_it_is(self) -> None:
        for works in (True, False):
            with zipfile.ZipFile(BytesIO(revision.bundle(works))) as archive:
                listed, appspec = set(archive.namelist()), archive.read("appspec.yml").decode()
                script = archive.read("scripts/after-install.sh").decode()
            there = {path.relative_to(revision.SAMPLE).as_posix() for path in revision.SAMPLE.rglob("*") if path.is_file()}
            self.assertEqual(listed, there | {"scripts/after-install.sh"})
            self.assertEqual(re.findall(r"(?m)^  ([A-Z]\w+):$", appspec), ["ApplicationStop", "BeforeInstall", "AfterInstall", "ApplicationStart", "ValidateService"])
            subprocess.run(["bash", "-n"], input=script, text=True, check=True)
            self.assertEqual("exit 7" in script, not works)

    def test_the_run_deploys_a_leashed_installation_that_mends_nothing(self) -> None:
        chosen_ = deployment.parameters(RUN, Wishes())
        self.assertEqual([chosen_[name] for name in ("PandaMode", "PandaScheduleState", "RecoveryMode")], ["Off", "DISABLED", "ExplainOnly"])


class Hearing(unittest.TestCase):
    def test_of_others_nothing_is_kept(self) -> None:
        theirs, mine = ({"id": name, "detail-type": "x", "time": "2026-05-07T13:22:07Z", "detail": {"instance-id": name}} for name in ("i-0theirs", "i-0mine"))
        messages = [{"Body": json.dumps(event), "ReceiptHandle": "r", "Attributes": {"SentTimestamp": "1778160128500"}} for event in (theirs, mine, mine)]
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
            with mock.patch.object(probe.http.client, "HTTPConnection", lambda address, _port, timeout: real(address, site.server_port, timeout=timeout)):
                self.assertEqual([probe.ask("127.0.0.1") for _ in range(3)], ["i-0abc", None, None])
            site.shutdown()


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
