"""May a run begin here? Not where somebody's fleet is: the functions of a run would care for it too."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

from .aws import Aws
from .names import FLEET_TAG


# Times of AWS's are compared with this machine's.
MOST_SKEW = 2.0


def skew(aws: Aws) -> float:
    """How many seconds this machine's clock is ahead of AWS's, which tells whole seconds."""
    headers = aws.client("sts").get_caller_identity()["ResponseMetadata"]["HTTPHeaders"]
    return time.time() - parsedate_to_datetime(headers["date"]).timestamp() - 0.5


def obstacles(aws: Aws) -> list[str]:
    """What keeps a run from this account and region."""
    found: list[str] = []
    filters = [{"Name": "tag-key", "Values": [FLEET_TAG]}]
    for address in aws.client("ec2").describe_addresses(Filters=filters)["Addresses"]:
        found.append(f"the Elastic IP {address['PublicIp']} carries the tag {FLEET_TAG}")
    for page in aws.client("autoscaling").get_paginator("describe_auto_scaling_groups").paginate(Filters=filters):
        for group in page["AutoScalingGroups"]:
            found.append(f"the Auto Scaling group {group['AutoScalingGroupName']} carries the tag {FLEET_TAG}")
    for page in aws.client("cloudformation").get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            if any(output["OutputKey"] == "ElasticIpFailoverFunctionName" for output in stack.get("Outputs", [])):
                found.append(f"the stack {stack['StackName']} is an installation already, and would act on what is measured")
    if abs(ahead := skew(aws)) > MOST_SKEW:
        found.append(f"this machine's clock is {ahead:+.0f} s from AWS's, and the times of both are compared: have it set by NTP")
    return found
