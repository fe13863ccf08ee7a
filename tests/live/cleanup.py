"""How does everything go away again that a run has made, whatever happened to it?

Nothing here trusts the run's notes: each kind of thing is found by the run's name or tag, removed, and looked for again. What fails is tried again
until its patience is over, and keeps no other kind from being removed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import kept

from .aws import ERRORS, Aws, code, said
from .clock import Clock
from .names import FLEET_TAG, TAG, Names


@dataclass(frozen=True)
class Kind:
    """Something that a run makes: how it is found, how it is removed, and how long that may take."""

    what: str
    find: Callable[[Aws, Names], list[str]]
    remove: Callable[[Aws, Names, str], None]
    patience: float = 180


# ----- what the run made itself ---------------------------------------------------------------------------------------------


def find_hooks(aws: Aws, names: Names) -> list[str]:
    """The run's hooks on its group: a server that waits in one would keep the stack from going."""
    scaling = aws.client("autoscaling")
    groups = scaling.describe_auto_scaling_groups(Filters=[{"Name": f"tag:{FLEET_TAG}", "Values": [names.run]}])["AutoScalingGroups"]
    return [
        f"{group['AutoScalingGroupName']}/{hook['LifecycleHookName']}"
        for group in groups
        for hook in scaling.describe_lifecycle_hooks(AutoScalingGroupName=group["AutoScalingGroupName"])["LifecycleHooks"]
        if hook["LifecycleHookName"].startswith(names.hook(""))
    ]


def remove_hook(aws: Aws, _: Names, found: str) -> None:
    """Who waits in it goes on."""
    group, _, hook = found.rpartition("/")
    aws.client("autoscaling").delete_lifecycle_hook(AutoScalingGroupName=group, LifecycleHookName=hook)


def find_rules(aws: Aws, names: Names) -> list[str]:
    """The recorder's rules."""
    return [rule["Name"] for rule in aws.client("events").list_rules(NamePrefix=names.rule(""))["Rules"]]


def remove_rule(aws: Aws, _: Names, rule: str) -> None:
    """A rule goes after its targets."""
    events = aws.client("events")
    targets = [target["Id"] for target in events.list_targets_by_rule(Rule=rule)["Targets"]]
    if targets:
        events.remove_targets(Rule=rule, Ids=targets)
    events.delete_rule(Name=rule)


def find_queues(aws: Aws, names: Names) -> list[str]:
    """The recorder's queue. For a minute after its end AWS may list it still; asked for it, it knows better."""
    sqs = aws.client("sqs")
    try:
        return [sqs.get_queue_url(QueueName=names.queue)["QueueUrl"]]
    except sqs.exceptions.ClientError as error:
        if "NonExistentQueue" in code(error) or "QueueDoesNotExist" in code(error):
            return []
        raise


def remove_queue(aws: Aws, _: Names, url: str) -> None:
    """With what is in it."""
    aws.client("sqs").delete_queue(QueueUrl=url)


def find_addresses(aws: Aws, names: Names) -> list[str]:
    """The Elastic IPs that scenarios have made."""
    return [found["AllocationId"] for found in aws.client("ec2").describe_addresses(Filters=_mine(names))["Addresses"] if not _is_fleets(found)]


def remove_address(aws: Aws, _: Names, allocation: str) -> None:
    """Taken from whoever holds it, and released."""
    ec2 = aws.client("ec2")
    for found in ec2.describe_addresses(AllocationIds=[allocation])["Addresses"]:
        if association := found.get("AssociationId"):
            ec2.disassociate_address(AssociationId=association)
    ec2.release_address(AllocationId=allocation)


def find_bucket(aws: Aws, names: Names) -> list[str]:
    """The bucket that sam packed into."""
    return [found["Name"] for found in aws.client("s3").list_buckets()["Buckets"] if found["Name"] == names.bucket]


def remove_bucket(aws: Aws, _: Names, name: str) -> None:
    """With everything in it."""
    kept.empty(aws, name)


# ----- the stack, and what it keeps -----------------------------------------------------------------------------------------


def find_stack(aws: Aws, names: Names) -> list[str]:
    """The stack, in whatever state."""
    return [names.stack] if kept.exists(aws, names.stack) else []


def remove_stack(aws: Aws, names: Names, stack: str) -> None:
    """Asked for once; while it goes, nothing is to be done. If it could not be deleted, its buckets may have been in the way."""
    formation = aws.client("cloudformation")
    status = formation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    if status == "DELETE_IN_PROGRESS":
        return
    if status == "DELETE_FAILED":
        for _, remove in kept.buckets(aws, names.stack):
            remove()
    formation.delete_stack(StackName=stack)


def find_kept(aws: Aws, names: Names) -> list[str]:
    """What the stack keeps for people who would miss it: nobody does. While the stack is there, it is the stack's."""
    if kept.exists(aws, names.stack):
        return []
    return [what for kind in kept.KINDS for what, _ in kind(aws, names.stack)]


def remove_kept(aws: Aws, names: Names, wanted: str) -> None:
    """As `make leftovers` removes it."""
    for kind in kept.KINDS:
        for what, remove in kind(aws, names.stack):
            if what == wanted:
                remove()


def find_logs(aws: Aws, names: Names) -> list[str]:
    """Log groups: a server that writes while the stack goes makes its own anew."""
    if kept.exists(aws, names.stack):
        return []
    pages = aws.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=names.logs)
    return [group["logGroupName"] for page in pages for group in page["logGroups"]]


def remove_logs(aws: Aws, _: Names, name: str) -> None:
    """With everything in it."""
    aws.client("logs").delete_log_group(logGroupName=name)


def _mine(names: Names) -> list[dict[str, object]]:
    return [{"Name": f"tag:{TAG}", "Values": [names.run]}]


def _is_fleets(found: dict[str, list[dict[str, str]]]) -> bool:
    # The stack's tags are on everything in it, so the fleet's own address carries both; it goes after the stack.
    return any(tag["Key"] == FLEET_TAG for tag in found.get("Tags", []))


# The order matters: first what writes, then what holds the stack back, then the stack, then what it has kept.
ORDER = [
    Kind("event rule", find_rules, remove_rule),
    Kind("queue", find_queues, remove_queue),
    Kind("lifecycle hook", find_hooks, remove_hook),
    Kind("Elastic IP", find_addresses, remove_address),
    Kind("stack", find_stack, remove_stack, patience=2700),
    Kind("kept", find_kept, remove_kept, patience=600),
    Kind("log group", find_logs, remove_logs),
    Kind("bucket", find_bucket, remove_bucket, patience=300),
]


def clean(aws: Aws, clock: Clock, names: Names, tell: Callable[[str], None]) -> list[str]:
    """Removes everything, kind by kind. Gives what could not be removed, in words."""
    left: list[str] = []
    for kind in ORDER:
        left += _remove(kind, aws, clock, names, tell)
    return left


def _remove(kind: Kind, aws: Aws, clock: Clock, names: Names, tell: Callable[[str], None]) -> list[str]:
    end, wait, told, failure = clock.now() + kind.patience, 2.0, set(), ""
    while True:
        try:
            found = kind.find(aws, names)
            if not found:
                return []
            for each in found:
                if each not in told:
                    told.add(each)
                    tell(f"removing {kind.what} {each}")
                try:
                    kind.remove(aws, names, each)
                except ERRORS as error:
                    failure = f": {said(error)}"
            # Most are gone at once: then there is nothing to wait for.
            if not (found := kind.find(aws, names)):
                return []
        except ERRORS as error:
            # It could not even be looked for: whether there is one is not known, and that counts as one.
            found, failure = found if told else [names.run], f": {said(error)}"
        if clock.now() >= end:
            return [f"{kind.what} {each}{failure}" for each in found]
        clock.sleep(wait)
        wait = min(30.0, wait * 2)
