"""Is nothing left? Asked in other ways than the ones by which it was removed."""

from __future__ import annotations

from collections.abc import Callable

from .aws import ERRORS, Aws, code, said
from .clock import Clock
from .names import FLEET_TAG, TAG, Names

# AWS lists what is gone for a while, so it is asked again.
PATIENCE = 600.0


def left(aws: Aws, names: Names) -> list[str]:
    """Whatever carries the run's tag, or the fleet's with the run's name."""
    found: list[str] = []
    pages = aws.client("resourcegroupstaggingapi").get_paginator("get_resources")
    for page in pages.paginate(TagFilters=[{"Key": TAG, "Values": [names.run]}]):
        found += [resource["ResourceARN"] for resource in page["ResourceTagMappingList"]]
    found = [arn for arn in found if not is_gone(aws, arn)]
    ec2 = aws.client("ec2")
    for tag in (TAG, FLEET_TAG):
        mine = [{"Name": f"tag:{tag}", "Values": [names.run]}]
        for reservation in ec2.describe_instances(Filters=mine)["Reservations"]:
            found += [each["InstanceId"] for each in reservation["Instances"] if each["State"]["Name"] != "terminated"]
        found += [each["AllocationId"] for each in ec2.describe_addresses(Filters=mine)["Addresses"]]
        groups = aws.client("autoscaling").describe_auto_scaling_groups(Filters=mine)["AutoScalingGroups"]
        found += [f"Auto Scaling group {each['AutoScalingGroupName']}" for each in groups]
    return sorted(set(found))


def is_gone(aws: Aws, arn: str) -> bool:
    """Whether something that is still listed does not exist any more: terminated servers keep their tags, and deleted stacks their names."""
    service, name = arn.split(":")[2], arn.split(":")[-1].rpartition("/")[2]
    try:
        if service == "ec2" and name.startswith("i-"):
            reservations = aws.client("ec2").describe_instances(InstanceIds=[name])["Reservations"]
            return all(each["State"]["Name"] == "terminated" for reservation in reservations for each in reservation["Instances"])
        if service == "cloudformation" and ":stack/" in arn:
            return aws.client("cloudformation").describe_stacks(StackName=arn)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"
        if service == "lambda" and ":function:" in arn:
            aws.client("lambda").get_function(FunctionName=arn)
        if service == "sqs":
            aws.client("sqs").get_queue_url(QueueName=name)
        if service == "dynamodb":
            aws.client("dynamodb").describe_table(TableName=name)
    except aws.client("ec2").exceptions.ClientError as error:
        words = ("NotFound", "NonExistent", "DoesNotExist", "ValidationError")
        return any(word in code(error) for word in words)
    return False


def verify(aws: Aws, clock: Clock, names: Names, tell: Callable[[str], None]) -> list[str]:
    """Looks until nothing is left, or the patience is over. Gives what is still there."""
    end, wait, told = clock.now() + PATIENCE, 5.0, False
    while True:
        try:
            found = left(aws, names)
        except ERRORS as error:
            found = [f"whatever carries the tag {TAG}={names.run}, which could not be listed: {said(error)}"]
        if not found:
            return []
        if clock.now() >= end:
            return found
        if not told:
            tell(f"{len(found)} things are still listed; AWS is asked again")
            told = True
        clock.sleep(wait)
        wait = min(30.0, wait * 2)
