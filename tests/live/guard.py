"""May a run begin here? Not where somebody's fleet is: the functions of a run would care for it too."""

from __future__ import annotations

from .aws import Aws
from .names import FLEET_TAG


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
    return found
