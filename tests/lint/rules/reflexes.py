"""What the templates of this repository promise beyond what AWS demands, as rules of cfn-lint.

`make validate` runs them with `cfn-lint --append-rules tests/lint/rules`. They look at a template after SAM's transform, so each resource is what
CloudFormation will be given. `tests/scenarios/tests/lint.rs` tries every rule on `good.yaml` and on broken copies of it.
"""

import pathlib
import re

from cfnlint.decode import decode
from cfnlint.rules import CloudFormationLintRule, RuleMatch

# What Lambda and Auto Scaling assume where a template is silent.
DEFAULT_TIMEOUT = 3
DEFAULT_EVENT_AGE = 21600
DEFAULT_HEARTBEAT = 3600

TERMINATION = "EC2 Instance-terminate Lifecycle Action"
CHAOS_TAG = "lethargic-panda:chaos"


def resources(template, *kinds):
    """The resources of these types: logical id and body."""
    for name, body in template.get("Resources", {}).items():
        if body.get("Type") in kinds:
            yield name, body


def listed(value):
    """A list, whether one or several are given."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def target(value):
    """The logical id that a Ref or a GetAtt leads to."""
    if isinstance(value, dict):
        if "Ref" in value:
            return value["Ref"]
        attribute = value.get("Fn::GetAtt")
        if attribute:
            return attribute[0] if isinstance(attribute, list) else attribute.split(".")[0]
    return None


def with_default(template, value):
    """A parameter's default in place of a Ref to it."""
    parameter = template.get("Parameters", {}).get(target(value) or "")
    return parameter.get("Default") if parameter else value


def text(template, value):
    """What a text is that a Sub puts together from parameters, with their defaults."""
    if isinstance(value, dict) and isinstance(value.get("Fn::Sub"), str):
        return re.sub(r"\$\{(\w+)\}", lambda name: str(with_default(template, {"Ref": name[1]})), value["Fn::Sub"])
    return str(with_default(template, value))


def branches(value):
    """A value, or every value that an If may come to."""
    if isinstance(value, dict) and "Fn::If" in value:
        for branch in value["Fn::If"][1:]:
            yield from branches(branch)
    else:
        yield value


def invoke_config(template, function):
    """How Lambda deals with events of a function that fail."""
    for _, body in resources(template, "AWS::Lambda::EventInvokeConfig"):
        if target(body["Properties"].get("FunctionName")) == function:
            return body["Properties"]
    return {}


class Lacking:
    """A rule that says of each resource what it lacks."""

    source_url = "docs/adr"
    tags = ["lethargic-panda"]

    def lacking(self, cfn):
        """Logical id and complaint, for each."""
        return ()

    def match(self, cfn):
        return [RuleMatch(["Resources", name], complaint) for name, complaint in self.lacking(cfn)]


class FunctionForgetsItsLogs(Lacking, CloudFormationLintRule):
    id = "E9101"
    shortdesc = "A function logs into a group of this template that forgets"
    description = "Lambda would make a group of its own, which keeps everything for good and outlives the stack."

    def lacking(self, cfn):
        groups = dict(resources(cfn.template, "AWS::Logs::LogGroup"))
        for name, body in resources(cfn.template, "AWS::Lambda::Function"):
            group = groups.get(target(body["Properties"].get("LoggingConfig", {}).get("LogGroup")))
            if group is None:
                yield name, "LoggingConfig.LogGroup refers to no log group of this template"
            elif "RetentionInDays" not in group.get("Properties", {}):
                yield name, "its log group has no RetentionInDays"


class FailedEventIsKept(Lacking, CloudFormationLintRule):
    id = "E9102"
    shortdesc = "An event that a function fails at goes somewhere"
    description = "After its retries Lambda drops an asynchronous event silently unless there is a destination for it."

    def lacking(self, cfn):
        for name, _ in resources(cfn.template, "AWS::Lambda::Function"):
            config = invoke_config(cfn.template, name)
            if not config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination"):
                yield name, "no EventInvokeConfig with an OnFailure destination is about it"


class UndeliveredEventIsKept(Lacking, CloudFormationLintRule):
    id = "E9103"
    shortdesc = "An event that cannot be delivered goes somewhere"
    description = "EventBridge and its Scheduler drop what they could not deliver unless a target has a dead-letter queue; a retry policy says when."

    def lacking(self, cfn):
        kinds = {"AWS::Events::Rule": "Targets", "AWS::Scheduler::Schedule": "Target"}
        for name, body in resources(cfn.template, *kinds):
            for receiver in listed(body["Properties"].get(kinds[body["Type"]])):
                for part, wants in (("DeadLetterConfig", "Arn"), ("RetryPolicy", "MaximumEventAgeInSeconds")):
                    if wants not in receiver.get(part, {}):
                        yield name, f"its target has no {part} with {wants}"


class FailureRings(Lacking, CloudFormationLintRule):
    id = "E9104"
    shortdesc = "An alarm rings when a function fails"
    description = "Each function has an alarm on AWS/Lambda Errors with its name as the dimension."

    def lacking(self, cfn):
        watched = set()
        for _, body in resources(cfn.template, "AWS::CloudWatch::Alarm"):
            properties = body["Properties"]
            if (properties.get("Namespace"), properties.get("MetricName")) == ("AWS/Lambda", "Errors"):
                watched.update(target(dimension["Value"]) for dimension in properties.get("Dimensions", []))
        for name, _ in resources(cfn.template, "AWS::Lambda::Function"):
            if name not in watched:
                yield name, "no alarm is on its Errors"


class WildcardIsExplained(Lacking, CloudFormationLintRule):
    id = "E9105"
    shortdesc = 'Resource "*" stands only where the API forbids less, and the API is named'
    description = (
        "The comment above the statement's Sid, or the resource's metadata WildcardResources under that Sid, names every action that it allows on "
        "everything, and no action has a star in it."
    )

    def lacking(self, cfn):
        lines = pathlib.Path(cfn.filename).read_text(encoding="utf-8").splitlines()
        for name, body in resources(cfn.template, "AWS::IAM::Role", "AWS::IAM::RolePolicy", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            properties = body["Properties"]
            policies = [properties] if "PolicyDocument" in properties else properties.get("Policies", [])
            for policy in policies:
                for statement in listed(policy.get("PolicyDocument", {}).get("Statement")):
                    if statement.get("Effect") != "Allow":
                        continue
                    sid = statement.get("Sid")
                    actions = listed(statement.get("Action"))
                    for action in actions:
                        if "*" in action:
                            yield name, f"{sid}: {action} allows what nobody has thought of yet"
                    if "*" in listed(statement.get("Resource")):
                        said = self.comment(lines, sid) + str(body.get("Metadata", {}).get("WildcardResources", {}).get(sid, ""))
                        for action in actions:
                            if not re.search(rf"{re.escape(action)}\b", said):
                                yield name, f'{sid}: neither comment nor metadata says why {action} needs Resource "*"'

    @staticmethod
    def comment(lines, sid):
        """The comment right above a statement."""
        for at, line in enumerate(lines):
            if re.fullmatch(rf"\s*-?\s*Sid: {re.escape(str(sid))}\s*", line):
                above = at
                while above > 0 and lines[above - 1].lstrip().startswith("#"):
                    above -= 1
                return "\n".join(lines[above:at])
        return ""


class HookOutlivesEvent(Lacking, CloudFormationLintRule):
    id = "E9106"
    shortdesc = "A lifecycle hook waits longer than the oldest event that may answer it"
    description = (
        "Heartbeat timeout of each hook, here and in nested templates, against event age and timeout of the function that answers it. Otherwise a late "
        "answer comes to a hook that has ended."
    )

    def lacking(self, cfn):
        hooks = list(self.hooks(cfn.template))
        for _, body in resources(cfn.template, "AWS::CloudFormation::Stack"):
            hooks += self.nested(cfn.filename, body["Properties"].get("TemplateURL"))
        for _, rule in resources(cfn.template, "AWS::Events::Rule"):
            pattern = rule["Properties"].get("EventPattern") or {}
            if TERMINATION not in pattern.get("detail-type", []):
                continue
            names = pattern.get("detail", {}).get("LifecycleHookName", [])
            prefixes = tuple(str(with_default(cfn.template, name["prefix"])) for name in names if isinstance(name, dict) and "prefix" in name)
            for receiver in rule["Properties"].get("Targets", []):
                function = target(receiver.get("Arn"))
                properties = cfn.template["Resources"].get(function, {}).get("Properties", {})
                age = invoke_config(cfn.template, function).get("MaximumEventAgeInSeconds", DEFAULT_EVENT_AGE)
                longest = int(age) + int(properties.get("Timeout", DEFAULT_TIMEOUT))
                for hook, heartbeat in hooks:
                    if (not prefixes or hook.startswith(prefixes)) and int(heartbeat) <= longest:
                        yield function, f"the hook {hook} ends after {heartbeat} s, and an answer may come after {longest} s"

    @staticmethod
    def hooks(template):
        """Name and heartbeat of every lifecycle hook."""
        for _, body in resources(template, "AWS::AutoScaling::AutoScalingGroup"):
            for hook in body["Properties"].get("LifecycleHookSpecificationList", []):
                yield text(template, hook.get("LifecycleHookName")), hook.get("HeartbeatTimeout", DEFAULT_HEARTBEAT)
        for name, body in resources(template, "AWS::AutoScaling::LifecycleHook"):
            yield text(template, body["Properties"].get("LifecycleHookName", name)), body["Properties"].get("HeartbeatTimeout", DEFAULT_HEARTBEAT)

    def nested(self, filename, url):
        """The hooks of a nested template that lies beside this one."""
        path = pathlib.Path(filename).parent / url if isinstance(url, str) else None
        if path is None or not path.is_file():
            return []
        template, _ = decode(str(path))
        return list(self.hooks(template)) if template else []


class PandaIsLeashed(Lacking, CloudFormationLintRule):
    id = "E9107"
    shortdesc = "The panda kills nothing until somebody says so"
    description = f"The variable PANDA_MODE comes from a parameter that is Leashed by default, and the tag {CHAOS_TAG} from one that is off by default."

    def lacking(self, cfn):
        for name, body in resources(cfn.template, "AWS::Lambda::Function"):
            variables = body["Properties"].get("Environment", {}).get("Variables", {})
            if "PANDA_MODE" in variables and with_default(cfn.template, variables["PANDA_MODE"]) not in ("Leashed", "Off"):
                yield name, "PANDA_MODE is not Leashed by default"
        for name, body in resources(cfn.template, "AWS::AutoScaling::AutoScalingGroup"):
            for given in body["Properties"].get("Tags", []):
                for tag in branches(given):
                    # YAML 1.1 reads a bare off as false.
                    off = {"off", "False", "false"}
                    if tag.get("Key") == CHAOS_TAG and not all(str(with_default(cfn.template, value)) in off for value in branches(tag.get("Value"))):
                        yield name, f"the tag {CHAOS_TAG} is not off by default"


class DataOutlivesItsStack(Lacking, CloudFormationLintRule):
    id = "E9108"
    shortdesc = "What people would miss outlives its stack, and what else holds state says that it does not"
    description = (
        "DeletionPolicy and UpdateReplacePolicy of data keep it, unless its metadata Disposable say why nobody would miss it; those of queues, logs and "
        "nested stacks are spelled out."
    )

    DATA = (
        "AWS::DynamoDB::GlobalTable",
        "AWS::DynamoDB::Table",
        "AWS::EC2::EIP",
        "AWS::EC2::Volume",
        "AWS::EFS::FileSystem",
        "AWS::RDS::DBCluster",
        "AWS::RDS::DBInstance",
        "AWS::S3::Bucket",
    )
    STATE = ("AWS::CloudFormation::Stack", "AWS::Logs::LogGroup", "AWS::SQS::Queue")

    def lacking(self, cfn):
        spelled_out = list(resources(cfn.template, *self.STATE))
        for name, body in resources(cfn.template, *self.DATA):
            if body.get("Metadata", {}).get("Disposable"):
                spelled_out.append((name, body))
                continue
            if body.get("DeletionPolicy") not in ("Retain", "RetainExceptOnCreate", "Snapshot"):
                yield name, "its DeletionPolicy does not keep it"
            if body.get("UpdateReplacePolicy") not in ("Retain", "Snapshot"):
                yield name, "its UpdateReplacePolicy does not keep it"
        for name, body in spelled_out:
            for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
                if policy not in body:
                    yield name, f"its {policy} is not spelled out"
