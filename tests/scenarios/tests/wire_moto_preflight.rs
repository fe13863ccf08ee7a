//! Does launch-preflight read AWS's protocols as moto's authors do?
//!
//! moto knows subnets, route tables, endpoints, which zone offers which type (by lists taken from AWS), launch templates and pipelines. What it
//! does not know is not asked here: code connections, `CodeDeploy`'s groups in batches, Systems Manager's nodes and inventories, `CloudWatch` in
//! CBOR.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

use std::{
    collections::BTreeSet,
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use aws_types::SdkConfig;
use panda_aws::{
    Aws, Counter, network::describe_network, offerings::zones_that_offer, pipeline_sources::PipelineSources, setup,
};
use panda_domain::{
    ids::SubnetId,
    preflight::{Decision, Launch, LaunchSnapshot, SERVICES, Target, WayOut, plan},
};
use panda_scenarios::emulator::{Moto, boto3_in};
use panda_stage::serve::endpoint::sdk_config;
use serde_json::{Value, json};

/// In us-east-1 AWS has zones without the newer types, and moto knows which; the others are for tests that need no such zone.
const REGIONS: &[&str] = &["us-east-1", "eu-west-1", "eu-west-2", "eu-central-1", "ap-southeast-1", "us-west-2"];

struct Account {
    endpoint: String,
    region: &'static str,
    sdk: SdkConfig,
}

impl Account {
    async fn fresh() -> Account {
        static TAKEN: AtomicUsize = AtomicUsize::new(1);
        Self::of(REGIONS.get(TAKEN.fetch_add(1, Relaxed)).expect("a region for each test")).await
    }

    async fn of(region: &'static str) -> Account {
        static MOTO: LazyLock<Moto> = LazyLock::new(Moto::start);
        let endpoint = MOTO.endpoint();
        let sdk = sdk_config(&endpoint, region).await;
        Account { endpoint, region, sdk }
    }

    fn boto3(&self, script: &str) -> Value {
        boto3_in(self.region, &self.endpoint, script)
    }
}

/// The default VPC with a gateway, as AWS makes it; moto leaves the gateway to its users.
const GATEWAY: &str = r#"
vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
subnets = {s["AvailabilityZone"]: s["SubnetId"] for s in ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]}
gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
main = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "association.main", "Values": ["true"]}])["RouteTables"][0]["RouteTableId"]
ec2.create_route(RouteTableId=main, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
"#;

async fn network(account: &Account, vpc: &str, subnets: &[&str]) -> panda_domain::preflight::Network {
    let subnets: BTreeSet<SubnetId> = subnets.iter().map(|id| SubnetId::from(*id)).collect();
    describe_network(&Aws::new(&account.sdk), &subnets, &BTreeSet::from([vpc.to_owned()])).await.unwrap()
}

#[tokio::test]
async fn subnets_take_the_main_route_table_or_their_own() {
    let account = Account::fresh().await;
    let made = account.boto3(&format!(
        r#"{GATEWAY}
private = sorted(subnets.values())[0]
address = ec2.allocate_address(Domain="vpc")["AllocationId"]
nat = ec2.create_nat_gateway(SubnetId=sorted(subnets.values())[1], AllocationId=address)["NatGateway"]["NatGatewayId"]
table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
ec2.associate_route_table(RouteTableId=table, SubnetId=private)
answer({{"vpc": vpc, "private": private, "public": sorted(subnets.values())[1], "nat": nat, "table": table, "main": main, "gateway": gateway}})
"#
    ));
    let text = |name: &str| made[name].as_str().unwrap();
    let network = network(&account, text("vpc"), &[text("private"), "subnet-0123456789abcdef0"]).await;
    assert!(!network.subnets.contains_key("subnet-0123456789abcdef0"), "one that there is not is left out");
    let public = &network.subnets[text("public")];
    assert!(
        public.lends_public_ip && !public.ipv6_only && public.free > 100 && public.zone.starts_with(account.region)
    );
    let table = network.table_of(public).unwrap();
    assert!(table.main && table.id == text("main"), "{table:?}");
    assert_eq!(table.default.as_ref().unwrap().target, Target::InternetGateway(text("gateway").to_owned()));
    assert_eq!(network.way_out(public, true), WayOut::Open);
    assert_eq!(network.way_out(public, false), WayOut::NoAddress { missing: SERVICES.to_vec() });
    let private = &network.subnets[text("private")];
    let way = WayOut::NoWayIn { table: text("table").to_owned(), target: text("nat").to_owned() };
    assert_eq!(network.way_out(private, true), way);
}

#[tokio::test]
async fn endpoints_of_all_services_make_up_for_public_addresses() {
    let account = Account::fresh().await;
    let made = account.boto3(&format!(
        r#"{GATEWAY}
subnet = sorted(subnets.values())[0]
region = ec2.meta.region_name
for service in ["ssm", "ssmmessages", "ec2messages", "codedeploy", "codedeploy-commands-secure"]:
    ec2.create_vpc_endpoint(VpcId=vpc, VpcEndpointType="Interface", ServiceName=f"com.amazonaws.{{region}}.{{service}}",
        SubnetIds=[subnet], PrivateDnsEnabled=True)
answer({{"vpc": vpc, "subnet": subnet, "main": main}})
"#
    ));
    let (vpc, subnet) = (made["vpc"].as_str().unwrap(), made["subnet"].as_str().unwrap());
    let before = network(&account, vpc, &[subnet]).await;
    assert_eq!(before.way_out(&before.subnets[subnet], false), WayOut::NoAddress { missing: vec!["s3"] });
    account.boto3(&format!(
        r#"
region = ec2.meta.region_name
ec2.create_vpc_endpoint(VpcId="{vpc}", VpcEndpointType="Gateway", ServiceName=f"com.amazonaws.{{region}}.s3", RouteTableIds=["{}"])
answer(None)
"#,
        made["main"].as_str().unwrap()
    ));
    let after = network(&account, vpc, &[subnet]).await;
    assert_eq!(after.way_out(&after.subnets[subnet], false), WayOut::Open);
}

#[tokio::test]
async fn a_zone_that_does_not_offer_the_type_is_known_with_types_that_would_do() {
    let account = Account::of(REGIONS[0]).await;
    let made = account.boto3(&format!("{GATEWAY}\nanswer({{\"vpc\": vpc, \"subnets\": subnets}})"));
    let aws = Aws::new(&account.sdk);
    let offered = zones_that_offer(&aws, &["t4g.micro".to_owned(), "t9.micro".to_owned()]).await.unwrap();
    assert!(!offered.contains_key("t9.micro"));
    let offered = offered["t4g.micro"].clone();
    assert!(
        !offered.is_empty() && !offered.contains("us-east-1e"),
        "us-east-1e is the zone of the old types: {offered:?}"
    );
    // Of a wildcard, which EC2 takes in its filters, moto knows nothing here.
    let siblings = zones_that_offer(&aws, &["t3.micro", "t3a.micro", "m6g.medium"].map(str::to_owned)).await.unwrap();
    assert!(siblings["t3.micro"].contains("us-east-1a"), "{siblings:?}");
    let ids: Vec<&str> =
        ["us-east-1a", "us-east-1e"].iter().map(|zone| made["subnets"][zone].as_str().unwrap()).collect();
    let vpc = made["vpc"].as_str().unwrap();
    let launch = Launch::read(&json!({
        "SubnetIds": ids, "InstanceType": "t4g.micro", "VpcId": vpc, "MinSize": "1", "DesiredCapacity": "2", "MaxSize": "4",
    }))
    .unwrap();
    let snapshot = LaunchSnapshot { network: network(&account, vpc, &ids).await, offered, siblings, connection: None };
    let plan = plan(&launch, &snapshot);
    assert_eq!(plan.decision, Decision::Refused);
    let [only] = plan.findings.as_slice() else { panic!("{:#?}", plan.findings) };
    assert!(only.sentence.contains("lies in us-east-1e, which does not offer `t4g.micro`"), "{}", only.sentence);
    assert!(only.mend.as_ref().unwrap().contains(&format!("SubnetIds={}", ids[0])), "{only:?}");
}

#[tokio::test]
async fn a_groups_set_up_is_read_with_hooks_template_and_servers() {
    let account = Account::fresh().await;
    let made = account.boto3(
        r#"
import base64
image = ec2.describe_images()["Images"][0]["ImageId"]
subnets = sorted(subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"])[:2]
script = "\n".join(["set -e", "aws ec2 associate-address --allocation-id eipalloc-1 --instance-id $ID"])
ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData={"ImageId": image, "InstanceType": "t4g.micro",
    "UserData": base64.b64encode(script.encode()).decode(), "MetadataOptions": {"HttpTokens": "required"},
    "NetworkInterfaces": [{"DeviceIndex": 0, "AssociatePublicIpAddress": True}]})
autoscaling.create_auto_scaling_group(AutoScalingGroupName="web", MinSize=1, MaxSize=3, DesiredCapacity=2,
    VPCZoneIdentifier=",".join(subnets), LaunchTemplate={"LaunchTemplateName": "web", "Version": "$Latest"},
    Tags=[{"Key": "lethargic-panda:fleet", "Value": "shop", "PropagateAtLaunch": False},
          {"Key": "lethargic-panda:chaos", "Value": "on", "PropagateAtLaunch": True}])
autoscaling.put_lifecycle_hook(AutoScalingGroupName="web", LifecycleHookName="elastic-ip-terminate", HeartbeatTimeout=300,
    LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING", DefaultResult="CONTINUE")
autoscaling.put_lifecycle_hook(AutoScalingGroupName="web", LifecycleHookName="other",
    LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING", DefaultResult="ABANDON")
autoscaling.suspend_processes(AutoScalingGroupName="web", ScalingProcesses=["Launch"])
answer({"subnets": subnets})
"#,
    );
    let aws = Aws::new(&account.sdk);
    let groups = setup::describe_groups(&aws, Some(&"shop".into())).await.unwrap();
    let [group] = groups.as_slice() else { panic!("{groups:?}") };
    assert_eq!(setup::describe_groups(&aws, None).await.unwrap(), groups);
    assert_eq!(setup::describe_groups(&aws, Some(&"web".into())).await.unwrap(), groups, "by the group's own name");
    assert_eq!((group.desired, group.max, group.deleting), (2, 3, false));
    assert_eq!(group.suspended, BTreeSet::from(["Launch".to_owned()]));
    assert_eq!(json!(group.subnets), made["subnets"]);
    assert!(group.tags["lethargic-panda:chaos"].propagates && !group.tags["lethargic-panda:fleet"].propagates);
    let hooks = setup::describe_hooks(&aws, &group.name).await.unwrap();
    let hooks: BTreeSet<_> =
        hooks.iter().map(|hook| (hook.name.as_str(), hook.heartbeat_seconds, hook.continues)).collect();
    assert_eq!(hooks, [("elastic-ip-terminate", 300, true), ("other", 3600, false)].into());
    let template = setup::describe_template(&aws, group.template.as_ref().unwrap()).await.unwrap().unwrap();
    assert!(template.takes_addresses && template.id.starts_with("lt-"), "{template:?}");
    assert_eq!((template.version.as_str(), template.lends_public_ip), ("1", Some(true)));
    assert_eq!(template.instance_type.as_deref(), Some("t4g.micro"));
    let members: BTreeSet<_> = group.members.iter().map(|member| member.instance.clone()).collect();
    let servers = setup::describe_servers(&aws, &members).await.unwrap();
    assert_eq!(servers.len(), 2);
    for server in servers.values() {
        assert!(server.running && server.instance_type == "t4g.micro" && server.interface.is_some(), "{server:?}");
        assert_eq!(server.chaos.as_deref(), Some("on"), "it propagated");
    }
    let gone = setup::TemplateRef { id: Ok("lt-0123456789abcdef0".to_owned()), version: "$Latest".to_owned() };
    assert_eq!(setup::describe_template(&aws, &gone).await.unwrap(), None);
}

#[tokio::test]
async fn the_connections_of_a_pipeline_are_read() {
    let account = Account::fresh().await;
    account.boto3(
        r#"
codepipeline, iam = client("codepipeline"), client("iam")
trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
    "Principal": {"Service": "codepipeline.amazonaws.com"}}]}
role = iam.create_role(RoleName="preflight", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
def stage(name, category, provider, configuration):
    kind = {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
    return {"name": name, "actions": [{"name": name, "actionTypeId": kind, "configuration": configuration}]}
arn = "arn:aws:codestar-connections:us-east-1:123456789012:connection/1"
codepipeline.create_pipeline(pipeline={"name": "shop", "roleArn": role, "artifactStore": {"type": "S3", "location": "bucket"},
    "stages": [stage("Source", "Source", "CodeStarSourceConnection", {"ConnectionArn": arn, "BranchName": "main"}),
               stage("Deploy", "Deploy", "CodeDeploy", {"ApplicationName": "shop"})]})
answer(None)
"#,
    );
    let pipelines = PipelineSources::new(&account.sdk, Counter::default());
    let arn = "arn:aws:codestar-connections:us-east-1:123456789012:connection/1".to_owned();
    assert_eq!(pipelines.connections("shop").await.unwrap(), Some(BTreeSet::from([arn])));
    assert_eq!(pipelines.connections("none").await.unwrap(), None);
}
