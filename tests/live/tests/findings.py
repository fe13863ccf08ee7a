"""Is what was measured told as it is, and does a sample name nobody?"""

from __future__ import annotations

import json
import re
import tempfile
import unittest
from pathlib import Path

from live import goldens, measures, timing
from live.goldens import Scrubber
from live.measures import Findings, Measure
from live.names import Names
from live.recorder import patterns

RUN = Names("panda-live-01234567", "111122223333", "eu-west-3")
UUID = "5f4e3d2c-1b0a-4f9e-8d7c-6b5a49382716"
GROUP = "panda-live-01234567-Fleet-Group"


class Constants(unittest.TestCase):
    def test_every_delay_of_the_world_is_read_with_its_line_and_its_mark(self) -> None:
        known = timing.constants()
        lines = timing.SOURCE.read_text(encoding="utf-8").splitlines()
        for constant in known.values():
            self.assertEqual(lines[constant.line - 1].strip(), constant.text)
            self.assertLessEqual(constant.least, constant.most)
            self.assertTrue(constant.marks, f"{constant.name} does not say how sure it is")
        structure = timing.SOURCE.read_text(encoding="utf-8").split("pub struct Timing")[1]
        fields = re.findall(r"(?m)^    pub ([a-z_]+): (?:Span|Duration|u8),$", structure)
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
        for name, seconds, there, instead in [
            ("settle", 6.6, "Span::millis(3_000, 6_000)", "Span::millis(3_000, 6_600)"),
            ("pending", 2.3, "Span::secs(5, 20)", "Span::secs(2, 20)"),
            ("refresh_waits_percent", 100.0, "50", "100"),
        ]:
            line = known[name].line
            self.assertEqual(said((name, seconds)), [f"OUTSIDE: line {line}: {name}: {there}, -> {name}: {instead},"])

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
        "resources": [f"arn:aws:autoscaling:eu-west-3:111122223333:autoScalingGroup:{UUID}:autoScalingGroupName/{GROUP}"],
        "detail": {
            "AutoScalingGroupName": GROUP,
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
        scrubber = Scrubber({"111122223333": goldens.ACCOUNT, "panda-live-01234567": "web", GROUP: "web"})
        scrubber.plays("i-0123456789abcdef0", "old")
        return scrubber

    def test_nothing_that_names_an_account_is_left_and_the_same_stays_the_same(self) -> None:
        clean = self.scrubber().scrub(self.EVENT)
        text = json.dumps(clean)
        secrets = ["111122223333", "01234567", "0a1b2c3d", "fedcba", "198.51", "8e0c6f", "company", "ABCDEF123", "7bf73129"]
        for secret in secrets:
            self.assertNotIn(secret, text)
        self.assertEqual(clean["detail"]["EC2InstanceId"], "i-0old00000000000a")
        self.assertEqual(clean["detail"]["AutoScalingGroupName"], "web")
        self.assertEqual(clean["id"], clean["detail"]["LifecycleActionToken"])
        self.assertEqual(clean["account"], goldens.ACCOUNT)
        self.assertEqual(self.scrubber().scrub(clean)["detail"]["EC2InstanceId"], "i-0old00000000000a")

    def test_the_ids_of_the_roles_are_those_of_the_samples_that_are_there(self) -> None:
        scrubber = Scrubber({})
        for role, sample in [("old", "i-0old00000000000a"), ("new", "i-0new00000000000a"), ("spare", "i-0spare000000000a")]:
            scrubber.plays(role, role)
            self.assertEqual(scrubber.instances[role], sample)
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
            asked = [f"aws.{source}" for source in patterns("", "", "a pipeline")]
            if sample.get("source") in asked and "warm-pool" not in path.stem:
                self.assertEqual(goldens.name_of(sample), path.stem)

    def test_another_shape_is_told(self) -> None:
        name = "ec2-instance-state-change-notification-running"
        event = json.loads((goldens.SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
        self.assertEqual(goldens.differences(name, event), "the same shape as the sample")
        event["detail"]["reason"] = "new"
        del event["resources"]
        self.assertEqual(goldens.differences(name, event), "AWS has detail.reason: str; AWS lacks resources[]: str")


if __name__ == "__main__":
    unittest.main()
