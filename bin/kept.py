"""What an installation keeps when it is torn down, and how it goes: Elastic IPs, buckets and the panda's journal, by the tag lethargic-panda:stack."""

import botocore.exceptions

TAG = "lethargic-panda:stack"


def belongs(tags, stack):
    """Whether tags say that the stack, or the fleet's stack nested in it, made their resource."""
    owner = next((tag["Value"] for tag in tags if tag["Key"] == TAG), "")
    return owner == stack or owner.startswith(f"{stack}-Fleet-")


def exists(aws, stack):
    """Whether the stack is still there."""
    try:
        stacks = aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except botocore.exceptions.ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return False
        raise
    return any(found["StackStatus"] != "DELETE_COMPLETE" for found in stacks)


def addresses(aws, stack):
    """The stack's Elastic IPs: what each is, and how it goes."""
    ec2 = aws.client("ec2")
    for address in ec2.describe_addresses(Filters=[{"Name": "tag-key", "Values": [TAG]}])["Addresses"]:
        if belongs(address.get("Tags", []), stack):
            held = f", on {address['InstanceId']}" if address.get("InstanceId") else ""
            name = f"Elastic IP {address['PublicIp']} ({address['AllocationId']}{held}), 3.65 USD a month"
            yield name, lambda found=address: ec2.release_address(AllocationId=found["AllocationId"])


def bucket_names(aws, stack):
    """The names of the stack's buckets."""
    s3 = aws.client("s3")
    # Without the region these would be the buckets of the whole account, and an installation may have the same name in each of its regions.
    for page in s3.get_paginator("list_buckets").paginate(BucketRegion=aws.region_name):
        for bucket in page.get("Buckets", []):
            try:
                tags = s3.get_bucket_tagging(Bucket=bucket["Name"])["TagSet"]
            except botocore.exceptions.ClientError:
                continue  # no tags, or somebody else's
            if belongs(tags, stack):
                yield bucket["Name"]


def buckets(aws, stack):
    """The stack's buckets: what each is, and how it goes."""
    for name in bucket_names(aws, stack):
        yield f"bucket {name}, with every version of everything in it", lambda found=name: empty(aws, found)


def empty(aws, name):
    """Deletes a bucket and all that is in it."""
    bucket = aws.resource("s3").Bucket(name)
    bucket.object_versions.delete()
    for upload in bucket.multipart_uploads.all():
        upload.abort()
    bucket.delete()


def tables(aws, stack):
    """The stack's tables: what each is, and how it goes."""
    dynamodb = aws.client("dynamodb")
    for page in dynamodb.get_paginator("list_tables").paginate():
        for name in page["TableNames"]:
            # The name begins so; the tag decides.
            if name.startswith(f"{stack}-"):
                arn = dynamodb.describe_table(TableName=name)["Table"]["TableArn"]
                if belongs(dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"], stack):
                    yield f"table {name}, the panda's journal", lambda found=name: dynamodb.delete_table(TableName=found)


KINDS = (addresses, buckets, tables)
