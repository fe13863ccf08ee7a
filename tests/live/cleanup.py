"""How does everything go away again that a run has made, whatever happened to it?

Nothing here trusts the run's notes: each kind of thing is found by the run's name or tag, removed, and looked for again. What fails is tried again
until its patience is over, and keeps no other kind from being removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import kept

from .aws import ERRORS, Aws, code, said
from .clock import Clock
from .names import FLEET_TAG, TAG, Names

# What it is, and how it goes; as bin/kept.py has them.
Found = tuple[str, Callable[[], object]]


@dataclass(frozen=True)
class Kind:
    """Something that a run makes: how it is found, and how long its removal may take."""

    what: str
    find: Callable[[Aws, Names], Iterable[Found]]
    patience: float = 180


# ----- what the run made itself ---------------------------------------------------------------------------------------------


def rules(aws: Aws, names: Names) -> Iterable[Found]:
    """The recorder's rules."""
    for rule in aws.client("events").list_rules(NamePrefix=names.rule(""))["Rules"]:
        yield rule["Name"], lambda name=rule["Name"]: _remove_rule(aws, name)


def _remove_rule(aws: Aws, rule: str) -> None:
    """A rule goes after its targets."""
    events = aws.client("events")
    targets = [target["Id"] for target in events.list_targets_by_rule(Rule=rule)["Targets"]]
    if targets:
        events.remove_targets(Rule=rule, Ids=targets)
    events.delete_rule(Name=rule)


def queues(aws: Aws, names: Names) -> Iterable[Found]:
    """The recorder's queue, with what is in it. For a minute after its end AWS may list it still; asked for it, it knows better."""
    sqs = aws.client("sqs")
    try:
        url = sqs.get_queue_url(QueueName=names.queue)["QueueUrl"]
    except sqs.exceptions.ClientError as error:
        if "NonExistentQueue" in code(error) or "QueueDoesNotExist" in code(error):
            return
        raise
    yield url, lambda: sqs.delete_queue(QueueUrl=url)


def hooks(aws: Aws, names: Names) -> Iterable[Found]:
    """The run's hooks on its group: a server that waits in one would keep the stack from going."""
    scaling = aws.client("autoscaling")
    for group in scaling.describe_auto_scaling_groups(Filters=_tagged(FLEET_TAG, names))["AutoScalingGroups"]:
        name = group["AutoScalingGroupName"]
        for hook in scaling.describe_lifecycle_hooks(AutoScalingGroupName=name)["LifecycleHooks"]:
            mine = {"AutoScalingGroupName": name, "LifecycleHookName": hook["LifecycleHookName"]}
            if hook["LifecycleHookName"].startswith(names.hook("")):
                yield f"{hook['LifecycleHookName']} of {name}", lambda mine=mine: scaling.delete_lifecycle_hook(**mine)


def addresses(aws: Aws, names: Names) -> Iterable[Found]:
    """The Elastic IPs that scenarios have made."""
    for found in aws.client("ec2").describe_addresses(Filters=_tagged(TAG, names))["Addresses"]:
        # The stack's tags are on everything in it, so the fleet's own address carries both; it goes after the stack.
        if not any(tag["Key"] == FLEET_TAG for tag in found.get("Tags", [])):
            yield f"{found['PublicIp']} ({found['AllocationId']})", lambda found=found: _remove_address(aws, found)


def _remove_address(aws: Aws, found: dict[str, Any]) -> None:
    """Taken from whoever holds it, and released."""
    ec2 = aws.client("ec2")
    if association := found.get("AssociationId"):
        ec2.disassociate_address(AssociationId=association)
    ec2.release_address(AllocationId=found["AllocationId"])


def bucket(aws: Aws, names: Names) -> Iterable[Found]:
    """The bucket that sam packed into, with everything in it."""
    if any(found["Name"] == names.bucket for found in aws.client("s3").list_buckets()["Buckets"]):
        yield names.bucket, lambda: kept.empty(aws, names.bucket)


# ----- the stack, and what it keeps -----------------------------------------------------------------------------------------


def stack(aws: Aws, names: Names) -> Iterable[Found]:
    """The stack, in whatever state."""
    if kept.exists(aws, names.stack):
        yield names.stack, lambda: _remove_stack(aws, names.stack)


def _remove_stack(aws: Aws, name: str) -> None:
    """Asked for once; while it goes, nothing is to be done. If it could not be deleted, its buckets may have been in the way."""
    formation = aws.client("cloudformation")
    status = formation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    if status == "DELETE_IN_PROGRESS":
        return
    if status == "DELETE_FAILED":
        for _, remove in kept.buckets(aws, name):
            remove()
    formation.delete_stack(StackName=name)


def leftovers(aws: Aws, names: Names) -> Iterable[Found]:
    """What the stack keeps for people who would miss it: nobody does. While the stack is there, it is the stack's."""
    if not kept.exists(aws, names.stack):
        for kind in kept.KINDS:
            yield from kind(aws, names.stack)


def logs(aws: Aws, names: Names) -> Iterable[Found]:
    """Log groups: a server that writes while the stack goes makes its own anew."""
    if not kept.exists(aws, names.stack):
        client = aws.client("logs")
        for page in client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=names.logs):
            for group in page["logGroups"]:
                yield group["logGroupName"], lambda name=group["logGroupName"]: client.delete_log_group(logGroupName=name)


def _tagged(tag: str, names: Names) -> list[dict[str, Any]]:
    return [{"Name": f"tag:{tag}", "Values": [names.run]}]


# The order matters: first what writes, then what holds the stack back, then the stack, then what it has kept.
ORDER = [
    Kind("event rule", rules),
    Kind("queue", queues),
    Kind("lifecycle hook", hooks),
    Kind("Elastic IP", addresses),
    Kind("stack", stack, patience=2700),
    Kind("kept by the stack:", leftovers, patience=600),
    Kind("log group", logs),
    Kind("bucket", bucket, patience=300),
]


def clean(aws: Aws, clock: Clock, names: Names, tell: Callable[[str], None]) -> list[str]:
    """Removes everything, kind by kind. Gives what could not be removed, in words."""
    left: list[str] = []
    for kind in ORDER:
        left += _remove(kind, aws, clock, names, tell)
    return left


def _remove(kind: Kind, aws: Aws, clock: Clock, names: Names, tell: Callable[[str], None]) -> list[str]:
    """Looks, removes, and looks again, until nothing is found or the patience is over."""
    end, wait = clock.now() + kind.patience, 1.0
    told: set[str] = set()
    while True:
        failure = ""
        try:
            found = list(kind.find(aws, names))
        except ERRORS as error:
            # Whether there is one is not known, and that counts as one.
            found, failure = [(f"of {names.run}, which could not be looked for", lambda: None)], f": {said(error)}"
        if not found:
            return []
        for what, remove in found:
            if not failure and what not in told:
                told.add(what)
                tell(f"removing {kind.what} {what}")
            try:
                remove()
            except ERRORS as error:
                failure = f": {said(error)}"
        if clock.now() >= end:
            return [f"{kind.what} {what}{failure}" for what, _ in found]
        # Most are gone at once, which the next look will see.
        if failure or wait > 1 or kind.find is stack:
            clock.sleep(wait)
        wait = min(30.0, wait * 2)
