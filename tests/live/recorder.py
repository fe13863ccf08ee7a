"""What does AWS tell, and when? Rules of the run's own lead the fleet's events into a queue of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .aws import Aws
from .clock import Clock
from .names import Names


@dataclass(frozen=True)
class Heard:
    """An event: what it is, when it says that it happened, and when it was in the queue. Both in seconds since 1970."""

    event: dict[str, Any]
    happened: float
    arrived: float

    @property
    def kind(self) -> str:
        """Its detail-type."""
        return str(self.event["detail-type"])

    @property
    def state(self) -> str:
        """The state that it tells of."""
        detail = self.event["detail"]
        return str(detail.get("state") or detail.get("status") or "")

    @property
    def instance(self) -> str:
        """The instance that it is about."""
        detail = self.event["detail"]
        return str(detail.get("instance-id") or detail.get("EC2InstanceId") or detail.get("instanceId") or "")


def patterns(group: str, application: str, pipeline: str | None) -> dict[str, dict[str, Any]]:
    """What each rule lets through. EC2 and Systems Manager cannot be narrowed to a fleet; the recorder drops the rest."""
    found: dict[str, dict[str, Any]] = {
        "ec2": {"source": ["aws.ec2"], "detail-type": ["EC2 Instance State-change Notification"]},
        "autoscaling": {"source": ["aws.autoscaling"], "detail": {"AutoScalingGroupName": [group]}},
        "codedeploy": {"source": ["aws.codedeploy"], "detail": {"application": [application]}},
        "ssm": {
            "source": ["aws.ssm"],
            "detail-type": ["EC2 Command Status-change Notification", "EC2 Command Invocation Status-change Notification"],
        },
    }
    if pipeline:
        found["codepipeline"] = {"source": ["aws.codepipeline"], "detail": {"pipeline": [pipeline]}}
    return found


class Recorder:
    """The queue and its rules, and what was heard so far."""

    def __init__(self, aws: Aws, clock: Clock, names: Names, wait: int = 1) -> None:
        # A queue that is asked without waiting asks only some of its servers, and may say that it is empty.
        self.aws, self.clock, self.names, self.wait = aws, clock, names, wait
        self.url = ""
        self.heard: list[Heard] = []
        # Whatever names one of these is ours. Of others nothing is kept, not even in memory.
        self.ours: set[str] = set()
        self._seen: set[str] = set()

    def make_queue(self) -> str:
        """Makes the queue. Only the run's rules may write into it."""
        names = self.names
        arn = f"arn:{partition(names.region)}:sqs:{names.region}:{names.account}:{names.queue}"
        rules = f"arn:{partition(names.region)}:events:{names.region}:{names.account}:rule/{names.run}-*"
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnLike": {"aws:SourceArn": rules}},
        }
        made = self.aws.client("sqs").create_queue(
            QueueName=names.queue,
            Attributes={
                "MessageRetentionPeriod": "14400",
                "Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
            },
            tags={tag["Key"]: tag["Value"] for tag in names.tags},
        )
        self.url = made["QueueUrl"]
        return arn

    def make_rules(self, arn: str, wanted: dict[str, dict[str, Any]]) -> None:
        """Makes the rules."""
        events = self.aws.client("events")
        for source, pattern in wanted.items():
            rule = self.names.rule(source)
            events.put_rule(Name=rule, EventPattern=json.dumps(pattern), Tags=self.names.tags, Description="make test-live; it goes with the run")
            reply = events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": arn}])
            if reply["FailedEntryCount"]:
                raise RuntimeError(f"the rule {rule} takes no target: {reply['FailedEntries']}")

    def drain(self) -> list[Heard]:
        """Takes what has arrived, and gives what of it is new and ours. An event may come twice."""
        sqs = self.aws.client("sqs")
        new: list[Heard] = []
        while True:
            wanted = {"MaxNumberOfMessages": 10, "WaitTimeSeconds": self.wait, "AttributeNames": ["SentTimestamp"]}
            reply = sqs.receive_message(QueueUrl=self.url, **wanted)
            messages = reply.get("Messages", [])
            if not messages:
                self.heard += new
                return new
            for message in messages:
                event = json.loads(message["Body"])
                if event["id"] not in self._seen and self.is_ours(message["Body"]):
                    self._seen.add(event["id"])
                    arrived = self.clock.at_wall(int(message["Attributes"]["SentTimestamp"]) / 1000)
                    new.append(Heard(event, seconds(event["time"]), arrived))
            entries = [{"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]} for number, message in enumerate(messages)]
            sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)

    def is_ours(self, body: str) -> bool:
        """Whether an event names something of the fleet."""
        return any(name in body for name in self.ours)

    def first(self, kind: str, instance: str, state: str = "", since: float = 0.0) -> Heard | None:
        """The first event of a kind about an instance."""
        found = [
            heard
            for heard in self.heard
            if heard.kind == kind and heard.instance == instance and state in ("", heard.state) and heard.happened >= since - 1
        ]
        return min(found, key=lambda heard: heard.happened, default=None)


def partition(region: str) -> str:
    """The first word of an ARN."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def seconds(text: str) -> float:
    """An ISO time, in UTC and with any fraction of a second, as seconds since 1970."""
    whole, _, fraction = text.removesuffix("Z").removesuffix("+00:00").partition(".")
    return datetime.fromisoformat(f"{whole}+00:00").timestamp() + float(f"0.{fraction or 0}")
