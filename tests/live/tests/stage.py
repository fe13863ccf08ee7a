"""The account in which runs are rehearsed: the simulated AWS as EC2, Auto Scaling, CodeDeploy and Systems Manager, moto as the rest.

Between the two stands what neither plays: the world's events go into moto's EventBridge, a deleted stack takes the world's group along, and in the
place of elastic-ip-failover a few lines keep the address on somebody who lives.
"""

from __future__ import annotations

import bisect
import contextlib
import http.client
import json
import os
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from live.aws import Aws
from live.clock import Clock
from live.deployment import Wishes
from live.names import FLEET_TAG, TAG, Names
from live.recorder import seconds

WORLD, MOTO, EVENTS = (os.environ.get(f"LIVE_{name}", "") for name in ("WORLD", "MOTO", "EVENTS"))
OF_THE_WORLD = ("ec2", "autoscaling", "codedeploy", "codepipeline", "ssm")
# The bucket in which the world keeps what it deploys.
WORLDS_BUCKET = "artifacts-123456789012-us-east-1"


class Server:
    """One of the world's two servers, over a connection that stays open."""

    def __init__(self, url: str) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        self.connection.request(method, path, None if body is None else json.dumps(body), {"content-type": "application/json"})
        reply = self.connection.getresponse()
        text = reply.read()
        if reply.status != 200:
            raise RuntimeError(f"{method} {path}: {reply.status} {text[:200]!r}")
        return json.loads(text)


class StageAws(Aws):
    """Clients that lead to the stage. `before` hears of every call, and may raise."""

    def __init__(self, session: boto3.Session) -> None:
        super().__init__(session, Config(retries={"total_max_attempts": 1}))
        self.before: Callable[[str, dict[str, Any]], None] = lambda _operation, _parameters: None
        self.after: dict[str, Callable[[], None]] = {}

    def client(self, service: str) -> Any:
        fresh = service not in self._clients
        if fresh:
            url = WORLD if service in OF_THE_WORLD else MOTO
            self._clients[service] = self._heard(self.session.client(service, config=self.config, endpoint_url=url))
        return self._clients[service]

    def resource(self, service: str) -> Any:
        if service not in self._resources:
            self._resources[service] = self.session.resource(service, config=self.config, endpoint_url=MOTO)
            self._heard(self._resources[service].meta.client)
        return self._resources[service]

    def _heard(self, client: Any) -> Any:
        client.meta.events.register("provide-client-params", lambda params, model, **_: self.before(model.name, params))
        client.meta.events.register("after-call", lambda model, http_response, **_: self._after(model.name, http_response))
        return client

    def _after(self, operation: str, reply: Any) -> None:
        if reply.status_code < 300 and operation in self.after:
            self.after[operation]()


class StageClock(Clock):
    """The world's clock: it stands still until somebody sleeps."""

    def __init__(self, stage: Stage, step: float) -> None:
        self.stage, self.step = stage, step
        self._now = seconds(stage.world("POST", "/_world/advance", {"seconds": 0})["now"])
        self._walls, self._worlds = [time.time()], [self._now]

    def now(self) -> float:
        return self._now

    def at_wall(self, wall: float) -> float:
        # What was put into a queue at a moment of the wall's was put there between two steps of the world's.
        return self._worlds[max(0, bisect.bisect_right(self._walls, wall) - 1)]

    def sleep(self, seconds_: float) -> None:
        left = seconds_
        while left > 0:
            step = min(self.step, left)
            left -= step
            self._now = seconds(self.stage.world("POST", "/_world/advance", {"seconds": step})["now"])
            # A millisecond of the wall's is what a queue's stamp can tell.
            time.sleep(0.002)
            self._walls.append(time.time())
            self._worlds.append(self._now)
            self.stage.step(self._now)


class Stage:
    """The world, moto, and what stands between them. `step` is the world's time between two looks for events."""

    def __init__(self, step: float = 0.5) -> None:
        self.world, self.told = Server(WORLD), Server(EVENTS)
        self.aws = StageAws(boto3.Session(region_name="us-east-1"))
        # What the stage itself does is nobody's call.
        self.own = StageAws(self.aws.session)
        self.clock = StageClock(self, step)
        self.asleep = False
        self.next_look = 0.0
        self.names: Names | None = None
        self.commits: dict[str, str] = {}
        self.aws.after = {
            "DeleteStack": self.stack_is_deleted,
            "PutFunctionConcurrency": lambda: setattr(self, "asleep", True),
            "DeleteFunctionConcurrency": lambda: setattr(self, "asleep", False),
        }
        self.founded = 0

    # ----- what sam does ----------------------------------------------------------------------------------------------------

    def deploy(self, names: Names, _: Wishes) -> None:
        """A fleet in the world, and a stack in moto that says so and keeps what the real one keeps."""
        self.founded += 1
        self.names, self.asleep, run = names, False, names.run
        hook = {"name": "elastic-ip-terminate", "transition": "autoscaling:EC2_INSTANCE_TERMINATING"}
        address = f"203.0.113.{self.founded % 250 + 1}"
        group = {"name": run, "min": 1, "max": 4, "desired": 2, "hooks": [hook], "tags": {TAG: run}}
        group["maintenance"] = {"min_percent": 100, "max_percent": 200}
        # Not an application for each: looking through them is not what is tried.
        delivery = {"pipeline": run, "application": f"site-{self.founded // 90}", "repository": "example/site"}
        delivery |= {"deployed": None, "config": "CodeDeployDefault.AllAtOnce"}
        self.world("POST", "/_world/fleet", {"name": run, "addresses": [address], "groups": [group], "delivery": delivery})
        ec2 = self.own.client("ec2")
        found = ec2.describe_addresses(PublicIps=[address])["Addresses"][0]["AllocationId"]
        tags = [{"Key": "lethargic-panda:stack", "Value": f"{run}-Fleet-1ABC"}, *names.tags]
        ec2.create_tags(Resources=[found], Tags=tags)
        self.commits = {"live/good.zip": self.commit({}), "live/broken.zip": self.commit({
            "AfterInstall": {"outcome": {"fails": {"exit": 7, "log": "meant to fail"}}},
        })}
        table = {
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
            "TableName": f"{run}-PandaJournal-1",
            "Tags": [{"Key": "lethargic-panda:stack", "Value": run}, *names.tags],
        }
        bucket = {"BucketName": f"{run}-artifacts", "VersioningConfiguration": {"Status": "Enabled"}, "Tags": tags}
        outputs = {"ElasticIpFailoverFunctionName": self.function(), "FleetPipelineName": run}
        self.own.client("cloudformation").create_stack(
            StackName=run,
            Tags=names.tags,
            TemplateBody=json.dumps({
                "Resources": {
                    "Failures": {"Type": "AWS::SQS::Queue", "Properties": {"Tags": names.tags}},
                    "Journal": {"Type": "AWS::DynamoDB::Table", "DeletionPolicy": "Retain", "Properties": table},
                    "Artifacts": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": bucket},
                },
                "Outputs": {name: {"Value": value} for name, value in outputs.items()},
            }),
        )
        # A server that wrote while the stack went.
        self.own.client("logs").create_log_group(logGroupName=f"{names.logs}user-data")
        self.step(self.clock.now())

    def function(self) -> str:
        """A function whose concurrency can be set; moto wants one to be there."""
        functions = self.own.client("lambda")
        try:
            functions.get_function(FunctionName="failover")
        except ClientError:
            trust = json.dumps({"Version": "2012-10-17", "Statement": []})
            role = self.own.client("iam").create_role(RoleName="failover", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
            code = {"ZipFile": b"PK\x05\x06" + bytes(18)}
            functions.create_function(FunctionName="failover", Runtime="provided.al2023", Role=role, Handler="bootstrap", Code=code)
        return "failover"

    def commit(self, scripts: dict[str, Any]) -> str:
        """A revision in the world's bucket, by way of a pipeline that deploys to nobody."""
        stages = [{"name": "Source", "actions": [{"name": "GitHub", "does": "source"}]}]
        pipeline = {"name": "commits", "repository": "example/site", "stages": stages}
        self.world("POST", "/_world/act", {"act": "define_pipeline", "pipeline": pipeline})
        before = {commit["id"] for commit in self.world("GET", "/_world/state")["commits"]}
        self.world("POST", "/_world/act", {"act": "push", "pipeline": "commits", "commit": {"scripts": scripts}})
        return next(commit["id"] for commit in self.world("GET", "/_world/state")["commits"] if commit["id"] not in before)

    def lead_to_the_worlds_bucket(self, operation: str, parameters: dict[str, Any]) -> None:
        """The world knows only what was pushed to it."""
        if operation == "CreateDeployment":
            commit = self.commits[parameters["revision"]["s3Location"]["key"]]
            parameters["revision"]["s3Location"] = {"bucket": WORLDS_BUCKET, "key": f"site/SourceArti/{commit[:7]}", "bundleType": "zip"}

    def stack_is_deleted(self) -> None:
        """The group goes with the stack."""
        if self.names:
            groups = [group["name"] for group in self.world("GET", "/_world/state")["groups"]]
            if self.names.run in groups:
                self.world("POST", "/_world/act", {"act": "delete_group", "group": self.names.run})

    # ----- as time passes ---------------------------------------------------------------------------------------------------

    def step(self, now: float) -> None:
        """Hands over the world's events, and keeps the address."""
        events = self.told("GET", "/")
        for first in range(0, len(events), 10):
            entries = [
                {
                    "Source": event["source"],
                    "DetailType": event["detail-type"],
                    "Detail": json.dumps(event["detail"]),
                    "Resources": event["resources"],
                    "Time": seconds(event["time"]),
                }
                for event in events[first : first + 10]
            ]
            # A rule whose queue is gone fails in silence on AWS, and aloud in moto.
            with contextlib.suppress(ClientError):
                self.own.client("events").put_events(Entries=entries)
        if now >= self.next_look and not self.asleep and self.names:
            self.next_look = now + 2
            self.keep_the_address(self.names.run)

    def keep_the_address(self, run: str) -> None:
        """What elastic-ip-failover would do, in a few lines."""
        state = self.world("GET", "/_world/state")
        group = next((group for group in state["groups"] if group["name"] == run), None)
        address = next((address for address in state["addresses"] if address["tags"].get(FLEET_TAG) == run), None)
        if group is None or address is None:
            return
        scaling, ec2 = self.own.client("autoscaling"), self.own.client("ec2")
        living = {each["id"] for each in state["instances"] if each["state"] == "running"}
        members = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[run])["AutoScalingGroups"][0]["Instances"]
        good = [each["InstanceId"] for each in members if each["LifecycleState"] == "InService" and each["InstanceId"] in living]
        holder = ec2.describe_addresses(AllocationIds=[address["allocation"]])["Addresses"][0].get("InstanceId")
        if holder not in good and good:
            ec2.associate_address(AllocationId=address["allocation"], InstanceId=good[0], AllowReassociation=True)
        for each in members:
            if each["LifecycleState"] == "Terminating:Wait":
                try:
                    action = {"AutoScalingGroupName": run, "LifecycleHookName": "elastic-ip-terminate", "InstanceId": each["InstanceId"]}
                    scaling.complete_lifecycle_action(**action, LifecycleActionResult="CONTINUE")
                except ClientError:
                    pass  # answered already

    def ask(self, address: str) -> str | None:
        """Who answers at an address."""
        met = self.world("GET", f"/_world/site/{address}")
        return met["instance"] if met["outcome"] == "answer" else None

    # ----- what is there ----------------------------------------------------------------------------------------------------

    def everything(self) -> list[str]:
        """Whatever anybody has made on the stage, but for the function that stays, asked for without a tag or a name."""
        own = self.own
        found = [f"queue {url}" for url in own.client("sqs").list_queues().get("QueueUrls", [])]
        found += [f"rule {rule['Name']}" for rule in own.client("events").list_rules()["Rules"]]
        found += [f"bucket {bucket['Name']}" for bucket in own.client("s3").list_buckets()["Buckets"]]
        found += [f"table {name}" for name in own.client("dynamodb").list_tables()["TableNames"]]
        found += [f"log group {each['logGroupName']}" for each in own.client("logs").describe_log_groups()["logGroups"]]
        found += [f"stack {each['StackName']}" for each in own.client("cloudformation").describe_stacks()["Stacks"]]
        state = self.world("GET", "/_world/state")
        found += [f"address {each['allocation']}" for each in state["addresses"]]
        found += [f"group {each['name']}" for each in state["groups"]]
        found += [f"instance {each['id']}" for each in state["instances"] if each["state"] not in ("terminated", "shutting-down")]
        return found
