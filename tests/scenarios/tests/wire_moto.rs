//! Does the function read AWS's protocols as moto's authors do?
//!
//! moto knows instances, groups, addresses, tags, pages and error codes; it does not know hooks that wait, nor an address that leaves a
//! dead instance, nor time. So these tests ask for requests and replies only; behaviour in time is the simulations' matter.
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
use elastic_ip_failover::{App, Config, Outcome, handle};
use jiff::{Timestamp, ToSpan as _};
use lambda_runtime::{Context, LambdaEvent};
use panda_aws::{
    Aws, Focus,
    addresses::{Associated, associate_address, describe_addresses},
    groups::{describe_groups, set_instance_unhealthy},
    instances::{Which, describe_instances, describe_named, tag_leaving},
    lifecycle::describe_hooks,
};
use panda_domain::failover::{Leaving, LeavingReason, Mark, Move, MoveReason, PublicAddress};
use panda_scenarios::{
    emulator::{Moto, boto3_in},
    golden,
};
use panda_stage::serve::endpoint::sdk_config;
use serde_json::{Value, json};

/// A group of two and a tagged Elastic IP on its first member; another address and another group without the tag. The subnets lend no public
/// addresses, because moto names the account as their owner, where AWS names `amazon`: we would take them for foreign Elastic IPs.
const FLEET: &str = r#"
image = ec2.describe_images()["Images"][0]["ImageId"]
subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]]
for subnet in subnets:
    ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": False})
ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData={"ImageId": image, "InstanceType": "t4g.micro"})
def found(name, size, tags):
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=name, MinSize=0, MaxSize=4, DesiredCapacity=size, VPCZoneIdentifier=",".join(subnets),
        LaunchTemplate={"LaunchTemplateName": "web", "Version": "$Latest"},
        Tags=[{"Key": key, "Value": value, "PropagateAtLaunch": False} for key, value in tags.items()])
    group = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]
    return sorted(instance["InstanceId"] for instance in group["Instances"])
members = found("web", 2, {"lethargic-panda:fleet": "web"})
found("batch", 1, {"team": "data"})
address = ec2.allocate_address(Domain="vpc", TagSpecifications=[
    {"ResourceType": "elastic-ip", "Tags": [{"Key": "lethargic-panda:fleet", "Value": "web"}]}])
foreign = ec2.allocate_address(Domain="vpc")
ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=members[0], AllowReassociation=True)
answer({"members": members, "allocation": address["AllocationId"], "foreign": foreign["AllocationId"]})
"#;

const REGIONS: &[&str] = &[
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-central-1",
    "eu-north-1",
    "ap-south-1",
];

/// A corner of moto for one test. moto keeps regions apart, so one server is enough for all tests; it ends with the last of them.
struct Account {
    endpoint: String,
    region: &'static str,
}

impl Account {
    fn fresh() -> Account {
        static MOTO: LazyLock<Moto> = LazyLock::new(Moto::start);
        static TAKEN: AtomicUsize = AtomicUsize::new(0);
        let region = REGIONS.get(TAKEN.fetch_add(1, Relaxed)).expect("a region for each test");
        Account { endpoint: MOTO.endpoint(), region }
    }

    fn boto3(&self, script: &str) -> Value {
        boto3_in(self.region, &self.endpoint, script)
    }

    async fn sdk(&self) -> SdkConfig {
        sdk_config(&self.endpoint, self.region).await
    }
}

struct Fleet {
    account: Account,
    aws: Aws,
    members: Vec<String>,
    allocation: String,
    foreign: String,
}

impl Fleet {
    async fn found() -> Fleet {
        let account = Account::fresh();
        let founded = account.boto3(FLEET);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let aws = Aws::new(&account.sdk().await);
        let members = founded["members"].as_array().unwrap().iter().map(text).collect();
        Fleet { aws, members, allocation: text(&founded["allocation"]), foreign: text(&founded["foreign"]), account }
    }

    /// The function, cold, on one event.
    async fn wake(&self, event: Value) -> Outcome {
        let app = App::new(Config::from_lookup(|_| None).unwrap(), &self.account.sdk().await);
        let mut context = Context::default();
        context.deadline = u64::try_from((Timestamp::now() + 60.seconds()).as_millisecond()).unwrap();
        handle(&app, LambdaEvent::new(event, context)).await.unwrap()
    }

    /// The instance that has the address, by its network interface: moto forgets the instance when an interface is associated.
    fn holder(&self) -> String {
        let script = format!(
            r#"
address = ec2.describe_addresses(AllocationIds=["{}"])["Addresses"][0]
interface = ec2.describe_network_interfaces(NetworkInterfaceIds=[address["NetworkInterfaceId"]])["NetworkInterfaces"][0]
answer(interface["Attachment"]["InstanceId"])
"#,
            self.allocation
        );
        self.account.boto3(&script).as_str().unwrap().to_owned()
    }

    async fn move_to(&self, allocation: &str, interface: &str, seen_free: bool) -> Associated {
        let moved = Move {
            allocation: allocation.into(),
            public_ip: "203.0.113.10".to_owned(),
            from: None,
            to: self.members[1].as_str().into(),
            interface: interface.into(),
            seen_free,
            reason: MoveReason::Unassociated,
        };
        associate_address(&self.aws, &moved).await.unwrap()
    }

    /// The primary network interface of a member.
    async fn interface(&self, member: &str) -> String {
        let ids = BTreeSet::from([member.into()]);
        let instances = describe_instances(&self.aws, Which::Ids(&ids)).await.unwrap();
        instances[member].interface.as_ref().unwrap().id.to_string()
    }
}

fn code(associated: Associated) -> String {
    match associated {
        Associated::Overtaken(error) => error.code.unwrap(),
        Associated::Done(id) => panic!("associated as {id:?}, where a refusal was due"),
    }
}

fn event_about(name: &str, instance: &str) -> Value {
    let mut event = golden(name);
    event["detail"]["instance-id"] = json!(instance);
    event["time"] = json!(Timestamp::now().to_string());
    event
}

#[tokio::test]
async fn the_address_of_a_killed_holder_moves_to_a_living_member() {
    let fleet = Fleet::found().await;
    let killed = fleet.members[0].clone();
    assert_eq!(fleet.holder(), killed);
    fleet.account.boto3(&format!("ec2.terminate_instances(InstanceIds=['{killed}']); answer(None)"));

    let outcome = fleet.wake(event_about("ec2-instance-state-change-notification-shutting-down", &killed)).await;
    let moves = &outcome.fleets[0].moves;
    assert_eq!(moves.len(), 1, "{outcome:?}");
    assert_eq!(moves[0].allocation, fleet.allocation);
    assert_ne!(moves[0].to, killed);
    assert_eq!(fleet.holder(), moves[0].to);
}

#[tokio::test]
async fn a_sweep_over_a_fleet_at_rest_writes_nothing() {
    let fleet = Fleet::found().await;
    let outcome = fleet.wake(golden("scheduled-event")).await;
    assert_eq!(outcome.writes, 0, "{outcome:?}");
    assert_eq!(fleet.holder(), fleet.members[0]);
}

#[tokio::test]
async fn an_instance_of_nobodys_fleet_costs_two_reads_at_most() {
    let fleet = Fleet::found().await;
    let outcome =
        fleet.wake(event_about("ec2-instance-state-change-notification-terminated", "i-0123456789abcdef0")).await;
    assert_eq!(outcome.writes, 0, "{outcome:?}");
    assert!(outcome.reads <= 2, "{outcome:?}");
}

#[tokio::test]
async fn only_tagged_addresses_and_groups_are_seen() {
    let fleet = Fleet::found().await;
    for focus in [Focus::EveryFleet, Focus::Fleet("web".into())] {
        let addresses = describe_addresses(&fleet.aws, &focus).await.unwrap();
        assert_eq!(addresses.len(), 1, "{addresses:?}");
        assert_eq!(addresses[0].1.allocation.as_str(), fleet.allocation);
        let holder = addresses[0].1.association.as_ref().unwrap().instance.as_ref().unwrap();
        assert_eq!(holder.as_str(), fleet.members[0]);
        let groups = describe_groups(&fleet.aws, &focus).await.unwrap();
        assert_eq!(groups.iter().map(|(_, group)| group.name.as_str()).collect::<Vec<_>>(), ["web"]);
        assert_eq!(groups[0].1.members.len(), 2);
    }
    assert_eq!(describe_addresses(&fleet.aws, &Focus::Fleet("api".into())).await.unwrap(), []);
}

#[tokio::test]
async fn refusals_that_ask_for_another_look_are_told_from_the_rest() {
    let fleet = Fleet::found().await;
    let interface = fleet.interface(&fleet.members[1]).await;
    assert_eq!(code(fleet.move_to(&fleet.allocation, &interface, true).await), "Resource.AlreadyAssociated");
    assert_eq!(
        code(fleet.move_to("eipalloc-0123456789abcdef0", &interface, false).await),
        "InvalidAllocationID.NotFound"
    );
    assert_eq!(
        code(fleet.move_to(&fleet.allocation, "eni-0123456789abcdef0", false).await),
        "InvalidNetworkInterfaceID.NotFound"
    );
    assert_eq!(fleet.holder(), fleet.members[0], "nothing of that moved the address");
    assert!(matches!(fleet.move_to(&fleet.foreign, &interface, true).await, Associated::Done(Some(_))));
    assert!(matches!(fleet.move_to(&fleet.allocation, &interface, false).await, Associated::Done(Some(_))));
    assert_eq!(fleet.holder(), fleet.members[1]);
}

#[tokio::test]
async fn a_mark_is_read_back_as_it_was_written() {
    let fleet = Fleet::found().await;
    let at = Timestamp::from_second(1_778_160_127).unwrap();
    let leaving = Leaving { reason: LeavingReason::SpotInterruption, since: at };
    let mark = |instance: &str| Mark { instance: instance.into(), leaving: leaving.clone() };
    assert!(tag_leaving(&fleet.aws, &mark(&fleet.members[0])).await.unwrap());
    let instances = describe_instances(&fleet.aws, Which::OfGroups(&BTreeSet::from(["web".into()]))).await.unwrap();
    assert_eq!(instances[fleet.members[0].as_str()].leaving.as_ref(), Some(&leaving));
    assert_eq!(instances[fleet.members[1].as_str()].leaving, None);
    let Some(interface) = &instances[fleet.members[0].as_str()].interface else { panic!("no primary interface") };
    assert!(matches!(interface.public, PublicAddress::Elastic(_)), "{interface:?}");
}

#[tokio::test]
async fn instances_are_asked_for_by_name_past_names_that_are_unknown() {
    let fleet = Fleet::found().await;
    let members: BTreeSet<_> = fleet.members.iter().map(|id| id.as_str().into()).collect();
    let strangers = ["i-0123456789abcdef0", "i-0fedcba9876543210"].map(Into::into);
    let asked = members.iter().cloned().chain(strangers).collect();
    let named = describe_named(&fleet.aws, &asked).await.unwrap();
    assert_eq!(named.into_keys().collect::<BTreeSet<_>>(), members);
}

#[tokio::test]
async fn a_member_is_reported_dead_and_a_group_without_hooks_has_none() {
    let fleet = Fleet::found().await;
    assert_eq!(describe_hooks(&fleet.aws, &"web".into()).await.unwrap(), []);
    assert!(set_instance_unhealthy(&fleet.aws, &"web".into(), &fleet.members[0].as_str().into()).await.unwrap());
}

#[tokio::test]
async fn every_page_of_groups_and_every_filter_of_instances_is_read() {
    let fleet = Fleet::found().await;
    let script = r#"
image = ec2.describe_images()["Images"][0]["ImageId"]
subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
for number in range(105):
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=f"many-{number}", MinSize=0, MaxSize=0, VPCZoneIdentifier=subnet,
        LaunchTemplate={"LaunchTemplateName": "web", "Version": "$Latest"},
        Tags=[{"Key": "lethargic-panda:fleet", "Value": "many", "PropagateAtLaunch": False}])
ids = []
for _ in range(3): # more than fit into one filter
    ids += [each["InstanceId"] for each in ec2.run_instances(ImageId=image, MinCount=100, MaxCount=100)["Instances"]]
answer(ids)
"#;
    let ids = fleet.account.boto3(script);
    let ids: BTreeSet<_> = ids.as_array().unwrap().iter().map(|id| id.as_str().unwrap().into()).collect();
    assert_eq!(describe_groups(&fleet.aws, &Focus::Fleet("many".into())).await.unwrap().len(), 105);
    let instances = describe_instances(&fleet.aws, Which::Ids(&ids)).await.unwrap();
    assert_eq!(instances.into_keys().collect::<BTreeSet<_>>(), ids);
}
