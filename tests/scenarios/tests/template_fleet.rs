//! Does the nested template make a fleet that the reflexes can keep, and that leaves nothing behind but what people would miss?
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    process::Stdio,
};

use panda_domain::chaos::{SiteUrl, tags};
use panda_scenarios::{
    emulator::tool,
    root,
    template::{Template, references, strings},
};
use panda_stage::tether::without_account;
use panda_world::HookSpec;
use serde_json::{Value, json};

/// The parameters of the nested template that have other names in the main one, or come from its resources.
const SHARED: [&str; 5] =
    ["AlarmTopicArn", "HookNamePrefix", "LogRetentionDays", "PermissionsBoundary", "PreflightFunctionArn"];

/// Read from Systems Manager when the nested stack is made.
const IMAGES: [&str; 2] = ["Arm64Image", "X8664Image"];

fn properties<'a>(template: &'a Template, resource: &str) -> &'a Value {
    let properties = &template.document["Resources"][resource]["Properties"];
    assert!(!properties.is_null(), "no resource {resource}");
    properties
}

fn group_tags(template: &Template) -> Vec<Value> {
    let tags = properties(template, "Group")["Tags"].as_array().unwrap();
    let plain = |tag: &Value| tag.get("Fn::If").map_or_else(|| tag.clone(), |branches| branches[2].clone());
    tags.iter().map(plain).collect()
}

/// What CloudFormation is given once SAM has had its way with the main template.
fn transformed() -> Template {
    let script = r#"
import json
from cfnlint.decode import decode
from cfnlint.template.transforms._sam import Transform
template, _ = decode("template.yaml")
transform = Transform("template.yaml", template, "us-east-1")
matches = transform.transform_template()
assert not matches, matches
print(json.dumps(transform.template()))
"#;
    let output = without_account(tool("python").as_os_str())
        .current_dir(root())
        .args(["-c", script])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let document =
        serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)));
    Template { document, text: said }
}

fn listed(template: &Template) -> String {
    let mut list = String::new();
    for (id, body) in template.document["Resources"].as_object().unwrap() {
        let mut line = format!("{id}: {}", body["Type"].as_str().unwrap());
        for (word, key) in [("if", "Condition"), ("at the end", "DeletionPolicy")] {
            if let Some(value) = body[key].as_str() {
                write!(line, ", {word} {value}").unwrap();
            }
        }
        writeln!(list, "{line}").unwrap();
    }
    let mut lines: Vec<&str> = list.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

#[test]
fn the_fleet_is_made_of_exactly_these() {
    insta::assert_snapshot!("fleet_resources", listed(&Template::fleet()));
}

#[test]
fn an_installation_is_made_of_exactly_these_once_sam_has_translated_it() {
    // A name that SAM makes of a digest changes with its content.
    let listed = listed(&transformed());
    assert!(!listed.lines().any(|line| line.contains("Version")), "no version of a function");
    insta::assert_snapshot!("installation_resources", listed);
}

/// Resources in an order in which each comes after those that it needs.
fn order(needs: &BTreeMap<String, BTreeSet<String>>) -> Vec<&str> {
    let mut order: Vec<&str> = Vec::new();
    while order.len() < needs.len() {
        let next = needs.iter().find(|(id, needed)| {
            !order.contains(&id.as_str()) && needed.iter().all(|needed| order.contains(&needed.as_str()))
        });
        let (id, _) = next.unwrap_or_else(|| panic!("a circle among those that come after {order:?}"));
        order.push(id);
    }
    order
}

#[test]
fn nobody_refers_to_what_is_not_there_and_there_is_no_circle() {
    for template in [Template::fleet(), transformed()] {
        let needs = template.needs();
        assert_eq!(order(&needs).len(), needs.len());
        let parameters = template.document["Parameters"].as_object().unwrap();
        let conditions = template.document["Conditions"].as_object().unwrap();
        for part in ["Conditions", "Outputs"] {
            for name in references(&template.document[part]) {
                let known = needs.contains_key(&name) || parameters.contains_key(&name) || name.starts_with("AWS::");
                assert!(known, "{part} refer to {name}");
            }
        }
        for (id, body) in template.document["Resources"].as_object().unwrap() {
            if let Some(condition) = body["Condition"].as_str() {
                assert!(conditions.contains_key(condition), "{id} depends on the condition {condition}");
            }
        }
    }
}

/// Everybody whom a resource needs, directly or not.
fn closure(needs: &BTreeMap<String, BTreeSet<String>>, of: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut open = vec![of.to_owned()];
    while let Some(id) = open.pop() {
        for needed in &needs[&id] {
            if all.insert(needed.clone()) {
                open.push(needed.clone());
            }
        }
    }
    all
}

#[test]
fn what_is_deleted_goes_in_an_order_that_leaves_no_hook_and_no_orphan() {
    // CloudFormation deletes whoever needs somebody before that somebody.
    let needs = Template::fleet().needs();
    for (first, then) in [
        // CodeDeploy takes its launch hook off the group when the deployment group is deleted, and needs its role for it.
        ("DeploymentGroup", "Group"),
        ("DeploymentGroup", "Application"),
        ("DeploymentGroup", "DeploymentRole"),
        ("Pipeline", "DeploymentGroup"),
        ("AgentAssociation", "Group"),
        ("Group", "LaunchTemplate"),
        ("LaunchTemplate", "InstanceProfile"),
        ("InstanceProfile", "InstanceRole"),
        ("Group", "SecurityGroup"),
        // A server in its last minutes still reaches AWS.
        ("Group", "RouteOut"),
        ("Group", "RoutesOfSubnet1"),
        ("Group", "RoutesOfSubnet3"),
        ("FleetAddress", "GatewayOfNetwork"),
        ("Group", "LaunchPreflight"),
        // It copies its models a last time, too.
        ("Group", "ModelPolicy"),
        ("Group", "ModelBucket"),
    ] {
        assert!(closure(&needs, first).contains(then), "{first} is not deleted before {then}");
    }
    // The fleet goes while somebody still answers its hook.
    let needs = transformed().needs();
    let before = closure(&needs, "Fleet");
    for keeper in [
        "ElasticIpFailoverFunction",
        "ElasticIpFailoverRole",
        "ElasticIpFailoverFunctionLifecycleActions",
        "ElasticIpFailoverFunctionLifecycleActionsPermission",
        "ElasticIpFailoverFunctionSweep",
        "ElasticIpFailoverFunctionSweepPermission",
        "LaunchPreflightFunction",
    ] {
        assert!(before.contains(keeper), "{keeper} goes before the fleet does");
    }
}

/// Whether an assertion of `Rules` holds, with these parameters.
fn holds(value: &Value, given: &BTreeMap<&str, String>) -> bool {
    let text = |value: &Value| match value {
        Value::Object(reference) => given[reference["Ref"].as_str().unwrap()].clone(),
        plain => plain.as_str().unwrap().to_owned(),
    };
    let (function, arguments) = value.as_object().unwrap().iter().next().unwrap();
    let arguments = arguments.as_array().unwrap();
    match function.as_str() {
        "Fn::Equals" => text(&arguments[0]) == text(&arguments[1]),
        "Fn::Contains" => arguments[0].as_array().unwrap().iter().any(|item| text(item) == text(&arguments[1])),
        "Fn::Not" => !holds(&arguments[0], given),
        "Fn::And" => arguments.iter().all(|argument| holds(argument, given)),
        "Fn::Or" => arguments.iter().any(|argument| holds(argument, given)),
        other => panic!("{other} is no function of Rules that this test knows"),
    }
}

/// Whether CloudFormation would take these parameters.
fn accepted(template: &Template, given: &BTreeMap<&str, String>) -> bool {
    template.document["Rules"].as_object().unwrap().values().all(|rule| {
        let applies = rule.get("RuleCondition").is_none_or(|condition| holds(condition, given));
        let assertions = rule["Assertions"].as_array().unwrap();
        assert!(assertions.iter().all(|assertion| assertion["AssertDescription"].is_string()));
        !applies || assertions.iter().all(|assertion| holds(&assertion["Assert"], given))
    })
}

#[test]
fn sizes_that_do_not_fit_together_are_refused_and_no_others() {
    let template = Template::fleet();
    let allowed = |parameter: &str| -> Vec<u64> {
        let values = template.document["Parameters"][parameter]["AllowedValues"].as_array().unwrap();
        values.iter().map(|value| value.as_u64().unwrap()).collect()
    };
    for min in allowed("MinSize") {
        for desired in allowed("DesiredCapacity") {
            for max in allowed("MaxSize") {
                let sizes = [("MinSize", min), ("DesiredCapacity", desired), ("MaxSize", max)];
                let mut given: BTreeMap<&str, String> =
                    sizes.iter().map(|(name, size)| (*name, size.to_string())).collect();
                given.extend([("VpcId", String::new()), ("SubnetIds", String::new())]);
                // Less than the most, because a successor starts before its predecessor leaves.
                assert_eq!(accepted(&template, &given), min <= desired && desired < max, "{min} ≤ {desired} < {max}");
            }
        }
    }
    let update = &template.document["Resources"]["Group"]["UpdatePolicy"]["AutoScalingRollingUpdate"];
    assert_eq!(
        update["MinInstancesInService"],
        json!({"Ref": "DesiredCapacity"}),
        "CloudFormation wants it below MaxSize"
    );
}

#[test]
fn half_a_network_is_refused_and_so_is_a_fleet_without_code() {
    let template = Template::fleet();
    for (vpc, subnets, right) in
        [("", "", true), ("vpc-1", "subnet-1,subnet-2", true), ("vpc-1", "", false), ("", "subnet-1,subnet-2", false)]
    {
        let given =
            [("VpcId", vpc), ("SubnetIds", subnets), ("MinSize", "1"), ("DesiredCapacity", "2"), ("MaxSize", "3")];
        let given = given.map(|(name, value)| (name, value.to_owned())).into();
        assert_eq!(accepted(&template, &given), right, "{vpc} {subnets}");
    }
    let template = Template::read();
    for (create, repository, right) in [("false", "", true), ("true", "", false), ("true", "me/site", true)] {
        let given = [("CreateFleet", create), ("FleetRepository", repository)];
        let given = given.map(|(name, value)| (name, value.to_owned())).into();
        assert_eq!(accepted(&template, &given), right, "{create} {repository}");
    }
}

#[test]
fn the_main_template_asks_for_the_fleet_what_the_nested_one_wants() {
    let (main, fleet) = (Template::read(), Template::fleet());
    let stack = &main.document["Resources"]["Fleet"];
    assert_eq!(stack["Properties"]["TemplateURL"], "fleet/template.yaml");
    assert_eq!(main.default("CreateFleet"), "false");
    let passed = stack["Properties"]["Parameters"].as_object().unwrap();
    for (name, wanted) in fleet.document["Parameters"].as_object().unwrap() {
        if IMAGES.contains(&name.as_str()) {
            assert!(!passed.contains_key(name) && !wanted["Default"].is_null(), "{name} has its default");
            continue;
        }
        let given = &passed[name];
        let of = match name.as_str() {
            "PreflightFunctionArn" => {
                assert_eq!(*given, json!({"Fn::GetAtt": ["LaunchPreflightFunction", "Arn"]}));
                continue;
            }
            shared if SHARED.contains(&shared) || shared == "FleetName" => shared.to_owned(),
            own => format!("Fleet{own}"),
        };
        assert_eq!(*given, json!({"Ref": of}), "{name}");
        let asked = &main.document["Parameters"][&of];
        for constraint in
            ["Type", "Default", "AllowedValues", "MinValue", "MaxValue", "MinLength", "MaxLength", "AllowedPattern"]
        {
            // The repository may be nothing where no fleet is made.
            if name != "Repository" || !["Default", "AllowedPattern"].contains(&constraint) {
                assert_eq!(asked[constraint], wanted[constraint], "{constraint} of {of}");
            }
        }
    }
    assert!(passed.keys().all(|name| !fleet.document["Parameters"][name].is_null()));
}

#[test]
fn every_parameter_of_the_fleet_explains_itself() {
    let template = Template::fleet();
    let interface = &template.document["Metadata"]["AWS::CloudFormation::Interface"];
    let groups = interface["ParameterGroups"].as_array().unwrap();
    let mut grouped: Vec<&str> = groups.iter().flat_map(|group| strings(&group["Parameters"])).collect();
    grouped.sort_unstable();
    let parameters = template.document["Parameters"].as_object().unwrap();
    let mut names: Vec<&str> = parameters.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(grouped, names, "each parameter is in one group");
    for (name, parameter) in parameters {
        assert!(interface["ParameterLabels"][name]["default"].is_string(), "{name} has no label");
        assert!(parameter["Description"].is_string() && parameter["ConstraintDescription"].is_string(), "{name}");
        let constrained = ["AllowedPattern", "AllowedValues", "MinValue"].iter().any(|key| !parameter[*key].is_null());
        assert!(constrained, "{name} takes anything");
    }
}

#[test]
fn every_kind_of_server_has_its_processor_and_the_image_follows_it() {
    let template = Template::fleet();
    let kinds: BTreeSet<&str> =
        strings(&template.document["Parameters"]["InstanceType"]["AllowedValues"]).into_iter().collect();
    let mapped = template.document["Mappings"]["InstanceTypes"].as_object().unwrap();
    assert_eq!(kinds, mapped.keys().map(String::as_str).collect());
    for (kind, of) in mapped {
        // A `g` after the generation is AWS's own processor.
        let family = kind.split('.').next().unwrap();
        let expected = if family.ends_with('g') { "arm64" } else { "x86_64" };
        assert_eq!(of["Architecture"], expected, "{kind}");
    }
    let data = &properties(&template, "LaunchTemplate")["LaunchTemplateData"];
    assert_eq!(data["ImageId"], json!({"Fn::If": ["IsArm64", {"Ref": "Arm64Image"}, {"Ref": "X8664Image"}]}));
    for (parameter, processor) in [("Arm64Image", "arm64"), ("X8664Image", "x86_64")] {
        let image = template.default(parameter).as_str().unwrap();
        assert!(image.ends_with(&format!("/al2023-ami-kernel-default-{processor}")), "{image}");
    }
}

#[test]
fn a_server_gives_its_credentials_to_nobody_and_its_disk_is_encrypted() {
    let template = Template::fleet();
    let data = &properties(&template, "LaunchTemplate")["LaunchTemplateData"];
    assert_eq!(data["MetadataOptions"]["HttpTokens"], "required");
    assert_eq!(data["MetadataOptions"]["HttpPutResponseHopLimit"], 1);
    let disk = &data["BlockDeviceMappings"][0]["Ebs"];
    assert_eq!((&disk["Encrypted"], &disk["VolumeType"]), (&json!(true), &json!("gp3")));
    assert!(data["KeyName"].is_null(), "people come by Session Manager");
    for rule in properties(&template, "SecurityGroup")["SecurityGroupIngress"].as_array().unwrap() {
        assert!(!rule.to_string().contains("22"), "{rule}");
    }
}

#[test]
fn a_server_reads_the_two_buckets_that_it_must_and_touches_no_address() {
    let template = Template::fleet();
    let role = properties(&template, "InstanceRole");
    let managed: Vec<&str> =
        role["ManagedPolicyArns"].as_array().unwrap().iter().map(|arn| arn["Fn::Sub"].as_str().unwrap()).collect();
    assert_eq!(
        managed,
        [
            "arn:${AWS::Partition}:iam::aws:policy/AmazonSSMManagedInstanceCore",
            "arn:${AWS::Partition}:iam::aws:policy/CloudWatchAgentServerPolicy",
        ]
    );
    let own: Vec<_> = template.statements().into_iter().filter(|statement| statement.role == "InstanceRole").collect();
    let models = properties(&template, "ModelPolicy")["PolicyDocument"]["Statement"].as_array().unwrap();
    let actions: BTreeSet<&str> = own
        .iter()
        .flat_map(|statement| statement.actions())
        .chain(models.iter().flat_map(|statement| strings(&statement["Action"])))
        .collect();
    assert!(actions.iter().all(|action| action.starts_with("s3:")), "{actions:?}");
    assert!(!actions.iter().any(|action| action.contains("Delete")), "{actions:?}");
    let reached: BTreeSet<&str> =
        own.iter().map(|statement| statement.body["Resource"]["Fn::Sub"].as_str().unwrap()).collect();
    assert_eq!(
        reached,
        BTreeSet::from([
            "${ArtifactBucket.Arn}/*",
            "arn:${AWS::Partition}:s3:::aws-codedeploy-${AWS::Region}",
            "arn:${AWS::Partition}:s3:::aws-codedeploy-${AWS::Region}/*",
        ])
    );
    // CodePipeline's bucket has versions, and the agent asks for one.
    let fetch = own.iter().find(|statement| statement.sid() == "FetchRevisions").unwrap();
    assert_eq!(fetch.actions(), ["s3:GetObject", "s3:GetObjectVersion"]);
}

#[test]
fn address_and_group_carry_the_tag_that_the_code_looks_for_and_the_group_no_tag_that_the_panda_does_not_know() {
    let template = Template::fleet();
    let address = properties(&template, "FleetAddress")["Tags"].as_array().unwrap().clone();
    let group = group_tags(&template);
    for tags in [&address, &group] {
        let fleet = tags.iter().find(|tag| tag["Key"] == panda_aws::FLEET_TAG).expect("the fleet's tag");
        assert_eq!(fleet["Value"], json!({"Ref": "FleetName"}));
    }
    for tag in &group {
        let key = tag["Key"].as_str().unwrap();
        // An unknown key with the prefix would spare the group for good.
        assert!(key == "Name" || tags::KNOWN.contains(&key), "{key}");
        assert!(tag["PropagateAtLaunch"].is_boolean(), "{key}");
    }
    let chaos = group.iter().find(|tag| tag["Key"] == tags::CHAOS).unwrap();
    assert_eq!((&chaos["Value"], &chaos["PropagateAtLaunch"]), (&json!({"Ref": "Chaos"}), &json!(true)));
    assert_eq!(template.default("Chaos"), "off");
    let url = &group.iter().find(|tag| tag["Key"] == tags::URL).unwrap()["Value"]["Fn::If"];
    for (value, given) in [(&url[1], vec![]), (&url[2], vec![("SitePort", "8080"), ("SitePath", "/health")])] {
        let text = template.with(&given, value);
        text.as_str().unwrap().parse::<SiteUrl>().unwrap_or_else(|error| panic!("{text}: {error}"));
    }
    let pipeline = group.iter().find(|tag| tag["Key"] == tags::PIPELINE).unwrap();
    assert_eq!(pipeline["Value"], properties(&template, "Pipeline")["Name"], "the panda looks at this very pipeline");
}

#[test]
fn the_terminate_hook_is_inline_ours_and_the_one_that_the_simulations_are_about() {
    let template = Template::fleet();
    let hooks = properties(&template, "Group")["LifecycleHookSpecificationList"].as_array().unwrap();
    let [hook] = hooks.as_slice() else { panic!("one hook: {hooks:?}") };
    // Whatever prefix elastic-ip-failover answers, the hook has it.
    assert_eq!(hook["LifecycleHookName"], json!({"Fn::Sub": "${HookNamePrefix}-terminate"}));
    for (given, name) in [(&[][..], "elastic-ip-terminate"), (&[("HookNamePrefix", "ours/eip")], "ours/eip-terminate")]
    {
        assert_eq!(template.with(given, &hook["LifecycleHookName"]), name);
    }
    let simulated = HookSpec::terminate("elastic-ip-terminate");
    assert_eq!(hook["HeartbeatTimeout"], simulated.heartbeat_seconds);
    assert_eq!(hook["LifecycleTransition"], simulated.transition);
    assert_eq!(hook["DefaultResult"], "CONTINUE", "an unanswered hook lets the server go");
    // A hook of its own is made after the first servers are.
    assert_eq!(template.resources("AWS::AutoScaling::LifecycleHook").count(), 0);
}

#[test]
fn a_successor_is_in_service_before_its_predecessor_leaves() {
    let template = Template::fleet();
    let group = &template.document["Resources"]["Group"];
    assert_eq!(
        group["Properties"]["InstanceMaintenancePolicy"],
        json!({"MinHealthyPercentage": 100, "MaxHealthyPercentage": 200})
    );
    let update = &group["UpdatePolicy"]["AutoScalingRollingUpdate"];
    // Boot, agent and deployment of one server; CodeDeploy gives up on a server after five minutes of silence.
    assert_eq!((&update["PauseTime"], &update["MaxBatchSize"]), (&json!("PT10M"), &json!(1)));
    assert_eq!(group["UpdatePolicy"]["AutoScalingScheduledAction"]["IgnoreUnmodifiedGroupSizeProperties"], true);
    assert_eq!(
        group["Properties"]["LaunchTemplate"]["Version"],
        json!({"Fn::GetAtt": ["LaunchTemplate", "LatestVersionNumber"]}),
        "a new version replaces the servers"
    );
    assert_eq!(
        group["Properties"]["VPCZoneIdentifier"],
        json!({"Fn::Split": [",", {"Fn::GetAtt": ["LaunchPreflight", "SubnetIds"]}]})
    );
    let metrics = strings(&group["Properties"]["MetricsCollection"][0]["Metrics"]);
    let alarm = properties(&template, "TooFewInServiceAlarm").to_string();
    for metric in ["GroupMinSize", "GroupInServiceInstances"] {
        assert!(metrics.contains(&metric) && alarm.contains(metric), "{metric}");
    }
}

#[test]
fn no_revision_that_a_server_may_need_expires() {
    let template = Template::fleet();
    let bucket = properties(&template, "ArtifactBucket");
    assert_eq!(bucket["VersioningConfiguration"]["Status"], "Enabled", "CodePipeline wants versions");
    for rule in bucket["LifecycleConfiguration"]["Rules"].as_array().unwrap() {
        let keys: BTreeSet<&str> = rule.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, BTreeSet::from(["Id", "Status", "AbortIncompleteMultipartUpload"]));
    }
    for rule in properties(&template, "ModelBucket")["LifecycleConfiguration"]["Rules"].as_array().unwrap() {
        for key in rule.as_object().unwrap().keys() {
            assert!(!key.starts_with("Expiration") && !key.starts_with("Transition"), "a model itself expires: {rule}");
        }
    }
    for (id, bucket) in template.resources("AWS::S3::Bucket") {
        let blocked = bucket["Properties"]["PublicAccessBlockConfiguration"].as_object().unwrap();
        assert!(blocked.len() == 4 && blocked.values().all(|blocked| blocked == true), "{id} may be public");
        let policy = template
            .resources("AWS::S3::BucketPolicy")
            .find(|(_, policy)| policy["Properties"]["Bucket"]["Ref"] == *id);
        let statement =
            &policy.unwrap_or_else(|| panic!("{id} has no policy")).1["Properties"]["PolicyDocument"]["Statement"][0];
        assert_eq!(statement["Condition"]["Bool"]["aws:SecureTransport"], "false");
    }
}

#[test]
fn what_outlives_the_stack_says_whose_it_was() {
    for template in [Template::read(), Template::fleet()] {
        for (id, body) in template.document["Resources"].as_object().unwrap() {
            if body["DeletionPolicy"].as_str().is_some_and(|policy| policy.starts_with("Retain")) {
                let tags = body["Properties"]["Tags"].as_array().unwrap_or_else(|| panic!("{id} has no tags"));
                let tag = json!({"Key": "lethargic-panda:stack", "Value": {"Ref": "AWS::StackName"}});
                assert!(tags.contains(&tag), "make leftovers would not find {id}");
            }
        }
    }
}

#[test]
fn code_is_deployed_in_place_rolled_back_and_never_retried_behind_our_back() {
    let template = Template::fleet();
    let group = properties(&template, "DeploymentGroup");
    assert_eq!(group["AutoScalingGroups"], json!([{"Ref": "Group"}]));
    assert_eq!(group["DeploymentStyle"]["DeploymentType"], "IN_PLACE");
    assert_eq!(group["AutoRollbackConfiguration"]["Enabled"], true);
    assert!(strings(&group["AutoRollbackConfiguration"]["Events"]).contains(&"DEPLOYMENT_FAILURE"));
    assert_eq!(group["OutdatedInstancesStrategy"], "UPDATE");
    let pipeline = properties(&template, "Pipeline");
    assert_eq!(pipeline["PipelineType"], "V2");
    let stages = pipeline["Stages"].as_array().unwrap();
    assert!(
        stages.iter().all(|stage| stage["OnFailure"].is_null()),
        "CodePipeline retries before the agent is restarted"
    );
    let source = &stages[0]["Actions"][0];
    assert_eq!(source["ActionTypeId"]["Provider"], "CodeStarSourceConnection");
    assert_eq!(source["Configuration"]["OutputArtifactFormat"], "CODE_ZIP");
    assert_eq!(stages[1]["Actions"][0]["InputArtifacts"], source["OutputArtifacts"]);
    let use_connection =
        template.statements().into_iter().find(|statement| statement.sid() == "UseConnection").unwrap();
    assert_eq!(
        use_connection.actions(),
        ["codeconnections:UseConnection", "codestar-connections:UseConnection"],
        "AWS asks for either name"
    );
    assert_eq!(use_connection.body["Resource"], source["Configuration"]["ConnectionArn"]);
}

#[test]
fn the_alarm_on_the_site_is_made_only_where_route_53_writes_its_metric() {
    let template = Template::fleet();
    assert_eq!(template.document["Resources"]["SiteUnreachableAlarm"]["Condition"], "AlarmsOnSite");
    assert_eq!(
        template.document["Conditions"]["AlarmsOnSite"],
        json!({"Fn::And": [{"Condition": "ChecksSite"}, {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]}]})
    );
    // Everywhere else an address on nobody is still heard of.
    let main = Template::read();
    let filter = properties(&main, "ElasticIpFailoverStrandedFilter");
    let alarm = properties(&main, "ElasticIpFailoverStrandedAlarm");
    assert_eq!(filter["FilterPattern"], r#"{ ($.Function = "elastic-ip-failover") && ($.Stranded[0] > 0) }"#);
    assert_eq!(filter["MetricTransformations"][0]["MetricName"], alarm["MetricName"]);
    let mut metrics = panda_lambda::telemetry::Metrics::new(elastic_ip_failover::FUNCTION, "web");
    metrics.count("Stranded", 1);
    let line: Value = serde_json::from_str(&metrics.line(std::time::UNIX_EPOCH).unwrap()).unwrap();
    assert_eq!(line["Function"], "elastic-ip-failover");
    assert!(line["Stranded"][0].as_f64().unwrap() > 0.0);
}

/// The user data as CloudFormation would hand it to a server, with these values for its names.
fn user_data(given: &BTreeMap<&str, &str>) -> String {
    let template = Template::fleet();
    let data = &properties(&template, "LaunchTemplate")["LaunchTemplateData"]["UserData"]["Fn::Base64"]["Fn::Sub"];
    let mut parts = data[0].as_str().unwrap().split("${");
    let mut filled = parts.next().unwrap().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap();
        filled.push_str(given.get(name).unwrap_or_else(|| panic!("nothing is given for {name}")));
        filled.push_str(rest);
    }
    filled
}

#[test]
fn the_user_data_is_the_script_with_the_templates_values_in_it() {
    let template = Template::fleet();
    let script = fs::read_to_string(root().join("fleet/user-data.sh")).unwrap();
    let data = &properties(&template, "LaunchTemplate")["LaunchTemplateData"]["UserData"]["Fn::Base64"]["Fn::Sub"];
    assert_eq!(data[0].as_str().unwrap().trim_end(), script.trim_end(), "run `make user-data`");
    let settings = script.split_once("# >>> settings").unwrap().1.split_once("# <<< settings").unwrap().0;
    assert_eq!(
        script.matches("${").count(),
        settings.matches("${").count(),
        "CloudFormation would replace something outside of the settings"
    );
    let longest = "x".repeat(200);
    let groups = ["UserDataLogGroup", "AgentLogGroup", "ScriptLogGroup"];
    let mut given: BTreeMap<&str, &str> = groups.iter().map(|group| (*group, longest.as_str())).collect();
    given.extend([
        ("ModelFolder", longest.as_str()),
        ("ModelBucketName", longest.as_str()),
        ("ModelSyncMinutes", "1440"),
    ]);
    let filled = user_data(&given);
    assert!(filled.starts_with("#!/bin/bash\n"));
    assert!(filled.len() <= 16_384, "EC2 takes 16 KiB: {}", filled.len());
    for name in given.keys() {
        let known = !template.document["Parameters"][*name].is_null()
            || !template.document["Resources"][*name].is_null()
            || !data[1][*name].is_null();
        assert!(known, "{name}");
    }
    assert_eq!(data[1]["ModelBucketName"], json!({"Fn::If": ["KeepsModels", {"Ref": "ModelBucket"}, ""]}));
    let mut bash = std::process::Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut bash.stdin.take().unwrap(), filled.as_bytes()).unwrap();
    assert!(bash.wait().unwrap().success(), "bash does not read it");
}

#[test]
fn the_agent_comes_last_and_is_installed_again_only_where_there_is_none() {
    let script = fs::read_to_string(root().join("fleet/user-data.sh")).unwrap();
    let main = script.split_once("# ----- one after the other").unwrap().1;
    let at = |needle: &str| main.find(needle).unwrap_or_else(|| panic!("{needle} is not called"));
    assert!(at("ship_logs") < at("install_agent") && at("keep_models") < at("install_agent"));
    let template = Template::fleet();
    let content = &properties(&template, "AgentDocument")["Content"];
    let document = content["mainSteps"][0]["inputs"]["runCommand"][0].as_str().unwrap();
    let looks = document.find("systemctl cat codedeploy-agent").unwrap();
    assert!(document.find("cloud-init status --wait").unwrap() < looks);
    assert!(looks < document.find("/var/lib/cloud/instance/user-data.txt").unwrap());
    assert_eq!(properties(&template, "AgentAssociation")["Targets"][0]["Values"], json!([{"Ref": "Group"}]));
}

/// The names of the metrics that the functions write, each with its dimensions, from their code.
fn written_metrics() -> BTreeMap<String, BTreeSet<String>> {
    let mut written: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for function in fs::read_dir(root().join("functions")).unwrap() {
        let Ok(code) = fs::read_to_string(function.unwrap().path().join("src/report.rs")) else { continue };
        let code = code.split("#[cfg(test)]").next().unwrap();
        let mut dimension = String::new();
        for line in code.lines() {
            if line.contains("Metrics::new(") {
                "Fleet".clone_into(&mut dimension);
            } else if let Some(rest) = line.split_once("Metrics::by(FUNCTION, \"") {
                rest.1.split('"').next().unwrap().clone_into(&mut dimension);
            }
            // Names of metrics are the only words of report.rs that begin so.
            for word in line.split('"').skip(1).step_by(2) {
                if word.starts_with(char::is_uppercase) && word.chars().all(char::is_alphabetic) && word != dimension {
                    written.entry(word.to_owned()).or_default().insert(dimension.clone());
                }
            }
        }
    }
    written
}

#[test]
fn the_dashboard_shows_every_metric_that_the_code_writes_and_no_other() {
    let template = Template::read();
    let body = properties(&template, "Dashboard")["DashboardBody"]["Fn::Sub"][0].as_str().unwrap();
    let shown: BTreeSet<(String, String)> = body
        .split("SEARCH('{LethargicPanda,Function,")
        .skip(1)
        .map(|search| {
            let dimension = search.split('}').next().unwrap().to_owned();
            let name = search.split("MetricName=\\\"").nth(1).unwrap().split('\\').next().unwrap();
            (name.to_owned(), dimension)
        })
        .collect();
    let written: BTreeSet<(String, String)> = written_metrics()
        .into_iter()
        .flat_map(|(name, dimensions)| dimensions.into_iter().map(move |dimension| (name.clone(), dimension)))
        .collect();
    assert_eq!(shown, written);
    let searches = body.matches("SEARCH('{LethargicPanda,Function,").count();
    assert_eq!(body.matches("LethargicPanda").count(), searches, "only by what the functions write");
}

#[test]
fn the_dashboard_is_json_and_its_widgets_do_not_overlap() {
    let template = Template::read();
    let [body, given] = properties(&template, "Dashboard")["DashboardBody"]["Fn::Sub"].as_array().unwrap().as_slice()
    else {
        panic!("a text, and what is put into it")
    };
    // An alarm that there is on a condition only, with the comma before it.
    let body = given.as_object().unwrap().iter().fold(body.as_str().unwrap().to_owned(), |body, (name, value)| {
        body.replace(&format!("${{{name}}}"), value["Fn::If"][1]["Fn::Sub"].as_str().unwrap())
    });
    let body: Value = serde_json::from_str(&body.replace("${!", "${")).unwrap();
    let shown: BTreeSet<&str> = strings(&body["widgets"][0]["properties"]["alarms"]).into_iter().collect();
    let alarms: BTreeSet<String> =
        template.resources("AWS::CloudWatch::Alarm").map(|(id, _)| format!("${{{id}.Arn}}")).collect();
    assert_eq!(shown, alarms.iter().map(String::as_str).collect());
    for value in given.as_object().unwrap().values() {
        let named = value["Fn::If"][1].to_string();
        let (id, alarm) =
            template.resources("AWS::CloudWatch::Alarm").find(|(id, _)| named.contains(id.as_str())).unwrap();
        assert_eq!((&alarm["Condition"], &value["Fn::If"][2]), (&value["Fn::If"][0], &json!("")), "{id}");
    }
    let mut taken = BTreeSet::new();
    for widget in body["widgets"].as_array().unwrap() {
        let [x, y, width, height] = ["x", "y", "width", "height"].map(|key| widget[key].as_u64().unwrap());
        assert!(x + width <= 24, "{widget}");
        for column in x..x + width {
            for row in y..y + height {
                assert!(taken.insert((column, row)), "{widget} lies on another one");
            }
        }
        let ids: Vec<&Value> =
            widget["properties"]["metrics"].as_array().into_iter().flatten().map(|metric| &metric[0]["id"]).collect();
        let ids: Vec<&str> = ids.into_iter().filter_map(Value::as_str).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{widget}");
    }
}

#[test]
fn every_alarm_leads_to_its_heading_in_the_runbook() {
    for template in [Template::read(), Template::fleet()] {
        for (id, alarm) in template.resources("AWS::CloudWatch::Alarm") {
            let words = alarm["Properties"]["AlarmDescription"].as_str().unwrap();
            let link = format!("docs/RUNBOOK.md#{}.", id.to_lowercase());
            assert!(words.trim_end().ends_with(&link), "{id} does not end with {link}: {words}");
            assert!(words.len() <= 1024);
        }
    }
}

#[test]
fn sam_builds_and_packs_the_nested_template_with_the_main_one() {
    // The code is not compiled here: a folder with a file in it stands for each function.
    let folder = tempfile::tempdir().unwrap();
    let text = Template::read().text.replace("BuildMethod: rust-cargolambda", "SkipBuild: true");
    fs::write(folder.path().join("template.yaml"), text).unwrap();
    fs::create_dir(folder.path().join("fleet")).unwrap();
    fs::copy(root().join("fleet/template.yaml"), folder.path().join("fleet/template.yaml")).unwrap();
    for (_, function) in Template::read().functions() {
        let code = folder.path().join(function["Properties"]["CodeUri"].as_str().unwrap());
        fs::create_dir_all(&code).unwrap();
        fs::write(code.join("bootstrap"), "").unwrap();
    }
    let home = folder.path().join("home");
    fs::create_dir(&home).unwrap();
    let output = without_account(tool("sam").as_os_str())
        .current_dir(folder.path())
        .env("__SAM_CLI_APP_DIR", &home)
        .env("SAM_CLI_TELEMETRY", "0")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .arg("build")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let built = fs::read_to_string(folder.path().join(".aws-sam/build/template.yaml")).unwrap();
    let nested =
        Template::parse(built).document["Resources"]["Fleet"]["Properties"]["TemplateURL"].as_str().unwrap().to_owned();
    let nested = fs::read_to_string(folder.path().join(".aws-sam/build").join(nested)).unwrap();
    assert_eq!(Template::parse(nested).document["Resources"], Template::fleet().document["Resources"]);
}
