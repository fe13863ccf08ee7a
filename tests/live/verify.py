"""Is nothing left? Asked in other ways than the ones by which it was removed."""

from __future__ import annotations

from collections.abc import Callable

from .aws import ERRORS, Aws, code, said
from .clock import Clock
from .names import FLEET_TAG, TAG, Names

# What is asked for by its name: it answers, or it is gone.
ASKED = {
    "dynamodb": ("dynamodb", "describe_table", "TableName"),
    "events": ("events", "describe_rule", "Name"),
    "lambda": ("lambda", "get_function", "FunctionName"),
    "s3": ("s3", "head_bucket", "Bucket"),
    "sqs": ("sqs", "get_queue_url", "QueueName"),
}

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
    service, name = arn.split(":")[2], arn.rpartition(":")[2].rpartition("/")[2]
    try:
        if service == "ec2" and name.startswith("i-"):
            reservations = aws.client("ec2").describe_instances(InstanceIds=[name])["Reservations"]
            return all(each["State"]["Name"] == "terminated" for reservation in reservations for each in reservation["Instances"])
        if service == "ec2":
            # Tags go with what carries them.
            return not aws.client("ec2").describe_tags(Filters=[{"Name": "resource-id", "Values": [name]}])["Tags"]
        if service == "cloudformation" and ":stack/" in arn:
            return aws.client("cloudformation").describe_stacks(StackName=arn)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"
        if service in ASKED:
            client, operation, argument = ASKED[service]
            getattr(aws.client(client), operation)(**{argument: name})
    except aws.client("ec2").exceptions.ClientError as error:
        return any(word in code(error) for word in ("NotFound", "NonExistent", "DoesNotExist", "ValidationError", "404"))
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
