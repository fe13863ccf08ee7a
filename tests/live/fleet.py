"""The fleet that a run has made: who is in it, and what can be done to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import kept

from .aws import Aws, code
from .clock import Clock
from .names import FLEET_TAG, Names

OVER = ("Succeeded", "Failed", "Stopped")


class Missing(Exception):
    """Something of the fleet is not there."""


class Fleet:
    """The group, its address, its deployments. All of it is found by tags, as the functions find it."""

    def __init__(self, aws: Aws, clock: Clock, names: Names) -> None:
        self.aws, self.clock, self.names = aws, clock, names
        self.ec2, self.scaling, self.deploys = (aws.client(name) for name in ("ec2", "autoscaling", "codedeploy"))
        mine = [{"Name": f"tag:{FLEET_TAG}", "Values": [names.run]}]
        self.group = _only("group", self.scaling.describe_auto_scaling_groups(Filters=mine)["AutoScalingGroups"])["AutoScalingGroupName"]
        found = _only("Elastic IP", self.ec2.describe_addresses(Filters=mine)["Addresses"])
        self.address, self.allocation = found["PublicIp"], found["AllocationId"]
        self.application, self.deployment_group = self._deployment_group()
        self.bucket = _only("bucket", list(kept.bucket_names(aws, names.stack)))
        stack = _only("stack", aws.client("cloudformation").describe_stacks(StackName=names.stack)["Stacks"])
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        self.function, self.pipeline = outputs["ElasticIpFailoverFunctionName"], outputs.get("FleetPipelineName")

    def _deployment_group(self) -> tuple[str, str]:
        for page in self.deploys.get_paginator("list_applications").paginate():
            for application in page["applications"]:
                names = self.deploys.list_deployment_groups(applicationName=application)["deploymentGroups"]
                for first in range(0, len(names), 100):
                    reply = self.deploys.batch_get_deployment_groups(applicationName=application, deploymentGroupNames=names[first : first + 100])
                    for info in reply["deploymentGroupsInfo"]:
                        if any(scaling["name"] == self.group for scaling in info["autoScalingGroups"]):
                            return application, info["deploymentGroupName"]
        raise Missing("no deployment group deploys to the fleet's group")

    # ----- who is there -----------------------------------------------------------------------------------------------------

    def described(self) -> dict[str, Any]:
        """The group as Auto Scaling tells of it."""
        return _only("group", self.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[self.group])["AutoScalingGroups"])

    def members(self) -> dict[str, dict[str, Any]]:
        """Its members by their ids."""
        return {member["InstanceId"]: member for member in self.described()["Instances"]}

    def listed(self, instance: str) -> dict[str, Any] | None:
        """An instance as EC2 tells of it; none where EC2 does not know it yet, or any more."""
        reservations = self.ec2.describe_instances(Filters=[{"Name": "instance-id", "Values": [instance]}])["Reservations"]
        return next((found for reservation in reservations for found in reservation["Instances"]), None)

    def state(self, instance: str) -> str:
        """`running`, `shutting-down`, …; nothing where EC2 does not list it."""
        found = self.listed(instance)
        return found["State"]["Name"] if found else ""

    def interface(self, instance: str) -> str:
        """Its primary network interface."""
        found = self.listed(instance)
        if found is None:
            raise Missing(f"EC2 does not know {instance}")
        interfaces = found["NetworkInterfaces"]
        return next(found["NetworkInterfaceId"] for found in interfaces if found["Attachment"]["DeviceIndex"] == 0)

    def holder(self, allocation: str | None = None) -> str | None:
        """Who holds an address: the fleet's, or another one."""
        found = self.ec2.describe_addresses(AllocationIds=[allocation or self.allocation])["Addresses"]
        return _only("address", found).get("InstanceId")

    def in_service(self) -> list[str]:
        """Members that serve."""
        good = ("InService", "Healthy")
        return sorted(id for id, member in self.members().items() if (member["LifecycleState"], member["HealthStatus"]) == good)

    def spare(self) -> str:
        """A member that serves and does not hold the fleet's address."""
        holder = self.holder()
        others = [member for member in self.in_service() if member != holder]
        if not others:
            raise Missing("no member beside the holder is in service")
        return others[0]

    def is_whole(self, size: int) -> bool:
        """As many members as wanted, all of them in service, the address on one of them, no deployment at work."""
        members = sorted(self.members())
        if len(members) != size or self.in_service() != members or self.holder() not in members or self.active():
            return False
        # Auto Scaling notices minutes later that one of them is dead.
        return all(self.state(member) == "running" for member in members)

    def active(self) -> bool:
        """Whether a deployment is at work."""
        running = ["Created", "Queued", "InProgress"]
        reply = self.deploys.list_deployments(
            applicationName=self.application, deploymentGroupName=self.deployment_group, includeOnlyStatuses=running
        )
        return bool(reply["deployments"])

    def wait_until_whole(self, size: int = 2, seconds: float = 1200) -> None:
        """Waits until it is."""
        self.clock.until(f"a whole fleet of {size}", seconds, lambda: self.is_whole(size), every=5)

    # ----- what is done to it -----------------------------------------------------------------------------------------------

    def resize(self, size: int) -> None:
        """Wants so many servers."""
        self.scaling.set_desired_capacity(AutoScalingGroupName=self.group, DesiredCapacity=size, HonorCooldown=False)

    def kill(self, instance: str) -> None:
        """`TerminateInstances`: EC2 first, Auto Scaling learns later."""
        self.ec2.terminate_instances(InstanceIds=[instance])

    def move(self, instance: str) -> None:
        """The fleet's address to an instance."""
        self.ec2.associate_address(AllocationId=self.allocation, NetworkInterfaceId=self.interface(instance), AllowReassociation=True)

    def hooks(self) -> list[dict[str, Any]]:
        """The group's lifecycle hooks."""
        return self.scaling.describe_lifecycle_hooks(AutoScalingGroupName=self.group)["LifecycleHooks"]

    def complete(self, instance: str, hook: str) -> bool:
        """Answers a hook; false where it waits for nobody."""
        try:
            self.scaling.complete_lifecycle_action(
                AutoScalingGroupName=self.group, LifecycleHookName=hook, InstanceId=instance, LifecycleActionResult="CONTINUE"
            )
        except self.scaling.exceptions.ClientError as error:
            if code(error) == "ValidationError":
                return False
            raise
        return True

    def release(self, instance: str) -> None:
        """Answers every terminate hook that an instance waits in and that is the fleet's or the run's. CodeDeploy's is CodeDeploy's."""
        if self.members().get(instance, {}).get("LifecycleState") != "Terminating:Wait":
            return
        for hook in self.hooks():
            if hook["LifecycleTransition"].endswith("TERMINATING") and not hook["LifecycleHookName"].startswith("CodeDeploy-"):
                self.complete(instance, hook["LifecycleHookName"])

    @contextmanager
    def hooked(self, kind: str, transition: str, heartbeat: int) -> Iterator[str]:
        """A hook of the run's own, for a while. It continues by itself when nobody answers."""
        name = self.names.hook(kind)
        self.scaling.put_lifecycle_hook(
            AutoScalingGroupName=self.group,
            LifecycleHookName=name,
            LifecycleTransition=f"autoscaling:EC2_INSTANCE_{transition}",
            HeartbeatTimeout=heartbeat,
            DefaultResult="CONTINUE",
        )
        try:
            yield name
        finally:
            self.scaling.delete_lifecycle_hook(AutoScalingGroupName=self.group, LifecycleHookName=name)

    @contextmanager
    def without_reflex(self) -> Iterator[None]:
        """elastic-ip-failover sleeps for a while, so that what is seen is AWS's own doing. Its events wait, and it looks at them later."""
        functions = self.aws.client("lambda")
        functions.put_function_concurrency(FunctionName=self.function, ReservedConcurrentExecutions=0)
        try:
            yield
        finally:
            functions.delete_function_concurrency(FunctionName=self.function)

    # ----- deployments ------------------------------------------------------------------------------------------------------

    def deploy(self, key: str, bundle: bytes) -> str:
        """Puts a revision into the fleet's bucket and has it deployed. Gives the deployment's id."""
        stored = self.aws.client("s3").put_object(Bucket=self.bucket, Key=key, Body=bundle)
        location = {"bucket": self.bucket, "key": key, "bundleType": "zip"}
        if version := stored.get("VersionId"):
            location["version"] = version
        return self.deploys.create_deployment(
            applicationName=self.application,
            deploymentGroupName=self.deployment_group,
            revision={"revisionType": "S3", "s3Location": location},
        )["deploymentId"]

    def deployment(self, deployment: str) -> dict[str, Any]:
        """A deployment as CodeDeploy tells of it."""
        return self.deploys.get_deployment(deploymentId=deployment)["deploymentInfo"]

    def wait_for(self, deployment: str, seconds: float = 1200) -> dict[str, Any]:
        """Waits until a deployment is over."""

        def over() -> dict[str, Any] | None:
            info = self.deployment(deployment)
            return info if info["status"] in OVER else None

        return self.clock.until(f"the end of deployment {deployment}", seconds, over, every=2)

    def targets(self, deployment: str) -> dict[str, Any]:
        """`BatchGetDeploymentTargets`."""
        ids = self.deploys.list_deployment_targets(deploymentId=deployment)["targetIds"]
        reply = self.deploys.batch_get_deployment_targets(deploymentId=deployment, targetIds=ids)
        return {"deploymentTargets": reply["deploymentTargets"]}

    def launched(self, since: float) -> list[dict[str, Any]]:
        """Deployments that Auto Scaling has started since then, the newest first."""
        reply = self.deploys.list_deployments(applicationName=self.application, deploymentGroupName=self.deployment_group)
        infos = [self.deployment(id) for id in reply["deployments"][:10]]
        return [info for info in infos if info.get("creator") == "autoscaling" and at(info["createTime"]) >= since - 1]

    def activities(self, instance: str, since: float) -> list[dict[str, Any]]:
        """Scaling activities that name an instance and have begun since then, the oldest first."""
        reply = self.scaling.describe_scaling_activities(AutoScalingGroupName=self.group, MaxRecords=50)
        found = [each for each in reply["Activities"] if instance in each["Description"] and at(each["StartTime"]) >= since - 1]
        return sorted(found, key=lambda each: each["StartTime"])


def at(time: datetime) -> float:
    """A time as seconds since 1970."""
    return time.timestamp()


def _only(what: str, found: list[Any]) -> Any:
    if len(found) != 1:
        raise Missing(f"{len(found)} of one {what} are there")
    return found[0]
