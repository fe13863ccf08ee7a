//! Does the panda read AWS's protocols as moto's authors do?
//!
//! Requests and replies only; behaviour in time is the simulations' matter. What moto does not know is not asked here: scaling activities
//! (its list is always empty), instance refreshes, `CodeDeploy`'s deployment groups in batches and targets, pipeline executions that still
//! run, commands that fail or whose instance is not managed. Alarms neither: the SDK asks CloudWatch in CBOR (Smithy RPC v2), which moto
//! does not speak.
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
    time::Duration,
};

use aws_types::SdkConfig;
use panda_aws::{
    Aws, Counter, Tally, Trouble,
    activities::last_launches,
    bus::{Bus, SOURCE},
    chaos_groups::{describe_chaos_groups, describe_group},
    commands::{Commands, Ran},
    deployments::Deployments,
    instances::{Which, look_at},
    pipelines::Pipelines,
    termination::{Shutdown, Terminated, probe_terminate, terminate, terminate_in_group},
    topics::Topic,
};
use panda_domain::{chaos::Launches, event::InstanceState, ids::InstanceId};
use panda_scenarios::emulator::{Moto, boto3_in};
use panda_stage::serve::endpoint::sdk_config;
use serde_json::{Value, json};

/// A group of two that takes part, and one that does not.
const GROUPS: &str = r#"
image = ec2.describe_images()["Images"][0]["ImageId"]
subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]]
ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData={"ImageId": image, "InstanceType": "t4g.micro"})
def found(name, size, tags):
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=name, MinSize=1, MaxSize=4, DesiredCapacity=size, VPCZoneIdentifier=",".join(subnets),
        LaunchTemplate={"LaunchTemplateName": "web", "Version": "$Latest"},
        Tags=[{"Key": key, "Value": value, "PropagateAtLaunch": False} for key, value in tags.items()])
    group = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]
    return sorted(instance["InstanceId"] for instance in group["Instances"])
members = found("web", 2, {"lethargic-panda:chaos": "on", "lethargic-panda:fleet": "shop", "Team": "web"})
found("batch", 1, {"lethargic-panda:fleet": "batch"})
autoscaling.suspend_processes(AutoScalingGroupName="web", ScalingProcesses=["AZRebalance"])
answer(members)
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
    "ap-southeast-1",
];

/// A corner of moto for one test. moto keeps regions apart, so one server is enough for all tests; it ends with the last of them.
struct Account {
    endpoint: String,
    region: &'static str,
    sdk: SdkConfig,
}

impl Account {
    async fn fresh() -> Account {
        static MOTO: LazyLock<Moto> = LazyLock::new(Moto::start);
        static TAKEN: AtomicUsize = AtomicUsize::new(0);
        let region = REGIONS.get(TAKEN.fetch_add(1, Relaxed)).expect("a region for each test");
        let endpoint = MOTO.endpoint();
        let sdk = sdk_config(&endpoint, region).await;
        Account { endpoint, region, sdk }
    }

    fn boto3(&self, script: &str) -> Value {
        boto3_in(self.region, &self.endpoint, script)
    }

    /// The members of the group `web`.
    fn groups(&self) -> Vec<InstanceId> {
        let members = self.boto3(GROUPS);
        members.as_array().unwrap().iter().map(|id| InstanceId::from(id.as_str().unwrap())).collect()
    }
}

#[tokio::test]
async fn only_groups_that_carry_the_tag_are_seen_and_with_all_that_counts() {
    let account = Account::fresh().await;
    let members = account.groups();
    let aws = Aws::new(&account.sdk);
    let groups = describe_chaos_groups(&aws).await.unwrap();
    assert_eq!(groups.len(), 1, "{groups:?}");
    let web = &groups[0];
    assert_eq!((web.name.as_str(), web.min, web.desired, web.max, web.deleting), ("web", 1, 2, 4, false));
    assert_eq!(web.suspended, ["AZRebalance"]);
    let tags: Vec<_> = web.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(tags, [("Team", "web"), ("lethargic-panda:chaos", "on"), ("lethargic-panda:fleet", "shop")]);
    assert_eq!(
        web.serving().map(|member| member.instance.clone()).collect::<BTreeSet<_>>(),
        members.into_iter().collect()
    );
    for member in &web.members {
        assert!(member.zone.starts_with(account.region) && !member.protected, "{member:?}");
    }
    assert_eq!(describe_group(&aws, &"web".into()).await.unwrap().as_ref(), Some(web));
    assert_eq!(describe_group(&aws, &"batch".into()).await.unwrap().unwrap().members.len(), 1);
    assert_eq!(describe_group(&aws, &"none".into()).await.unwrap(), None);
    assert_eq!(last_launches(&aws, &"web".into()).await.unwrap(), Launches::default());
}

#[tokio::test]
async fn every_page_of_groups_is_read() {
    let account = Account::fresh().await;
    account.groups();
    account.boto3(
        r#"
subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
for number in range(105):
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=f"many-{number}", MinSize=0, MaxSize=0, VPCZoneIdentifier=subnet,
        LaunchTemplate={"LaunchTemplateName": "web", "Version": "$Latest"},
        Tags=[{"Key": "lethargic-panda:chaos", "Value": "off", "PropagateAtLaunch": False}])
answer(None)
"#,
    );
    let aws = Aws::new(&account.sdk);
    assert_eq!(describe_chaos_groups(&aws).await.unwrap().len(), 106);
    assert_eq!(aws.take_tally(), Tally { reads: 2, writes: 0 });
}

#[tokio::test]
async fn a_probe_kills_nobody_and_a_kill_kills_one() {
    let account = Account::fresh().await;
    let members = account.groups();
    let aws = Aws::new(&account.sdk);
    let state = async |member: &InstanceId| {
        let looked = look_at(&aws, Which::Ids(&BTreeSet::from([member.clone()]))).await.unwrap();
        looked[member].state.clone()
    };
    probe_terminate(&aws, &members[0]).await.unwrap();
    assert_eq!(state(&members[0]).await, InstanceState::Running);
    assert_eq!(terminate(&aws, &members[0], Shutdown::Orderly).await.unwrap(), Terminated::Struck);
    assert_eq!(terminate(&aws, &members[0], Shutdown::Orderly).await.unwrap(), Terminated::AlreadyLeaving);
    assert_ne!(state(&members[0]).await, InstanceState::Running);
    assert_eq!(state(&members[1]).await, InstanceState::Running);
    assert_eq!(terminate(&aws, &members[1], Shutdown::PowerCut).await.unwrap(), Terminated::Struck);
    let stranger = InstanceId::from("i-0123456789abcdef0");
    assert_eq!(terminate(&aws, &stranger, Shutdown::Orderly).await.unwrap(), Terminated::Gone);
}

#[tokio::test]
async fn an_instance_with_termination_protection_is_refused_for_good() {
    let account = Account::fresh().await;
    let member = account.groups().remove(0);
    account.boto3(&format!(
        "ec2.modify_instance_attribute(InstanceId='{member}', DisableApiTermination={{'Value': True}}); answer(None)"
    ));
    let error = terminate(&Aws::new(&account.sdk), &member, Shutdown::Orderly).await.unwrap_err();
    assert_eq!((error.code.as_deref(), error.trouble), (Some("OperationNotPermitted"), Trouble::Other), "{error}");
    assert!(error.to_string().contains(member.as_str()), "{error}");
}

#[tokio::test]
async fn a_group_that_terminates_a_member_keeps_its_desired_capacity() {
    let account = Account::fresh().await;
    let members = account.groups();
    let aws = Aws::new(&account.sdk);
    assert_eq!(terminate_in_group(&aws, &members[0]).await.unwrap(), Terminated::Struck);
    let web = describe_group(&aws, &"web".into()).await.unwrap().unwrap();
    assert_eq!(web.desired, 2);
    assert_eq!(web.member(&members[0]), None);
}

#[tokio::test]
async fn a_pipeline_that_is_not_there_is_told_from_one_at_rest() {
    let account = Account::fresh().await;
    account.boto3(
        r#"
iam, codepipeline = client("iam"), client("codepipeline")
trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
    "Principal": {"Service": "codepipeline.amazonaws.com"}}]}
role = iam.create_role(RoleName="pipeline", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
def stage(name, category, provider):
    action = {"name": name, "actionTypeId": {"category": category, "owner": "AWS", "provider": provider, "version": "1"}}
    return {"name": name, "actions": [action]}
codepipeline.create_pipeline(pipeline={
    "name": "shop", "roleArn": role, "artifactStore": {"type": "S3", "location": "bucket"},
    "stages": [stage("Source", "Source", "S3"), stage("Deploy", "Deploy", "CodeDeploy")]})
codepipeline.start_pipeline_execution(name="shop")
answer(None)
"#,
    );
    let pipelines = Pipelines::new(&account.sdk, Counter::default());
    // moto's executions succeed at once.
    assert_eq!(pipelines.running("shop").await.unwrap(), Some(Vec::new()));
    assert_eq!(pipelines.running("none").await.unwrap(), None);
}

#[tokio::test]
async fn where_nothing_is_deployed_one_call_says_so() {
    let account = Account::fresh().await;
    account.boto3(
        r#"
codedeploy = client("codedeploy")
codedeploy.create_application(applicationName="shop", computePlatform="Server")
answer(None)
"#,
    );
    let counter = Counter::default();
    let deployments = Deployments::new(&account.sdk, counter.clone());
    assert_eq!(deployments.active().await.unwrap(), []);
    assert_eq!(counter.take(), Tally { reads: 1, writes: 0 });
}

#[tokio::test]
async fn a_command_is_sent_and_its_end_awaited() {
    let account = Account::fresh().await;
    let member = account.groups().remove(0);
    let counter = Counter::default();
    let commands = Commands::new(&account.sdk, counter.clone());
    let ran = commands.run("StopAgent", &member, &"why ".repeat(50), Duration::from_secs(20)).await.unwrap();
    assert_eq!(ran, Ran::Succeeded);
    assert_eq!(counter.take(), Tally { reads: 1, writes: 1 });
    let sent = account.boto3("answer(client('ssm').list_commands()['Commands'])");
    assert_eq!(sent[0]["DocumentName"], json!("StopAgent"));
    // moto adds whoever matches the targets, and everybody matches none.
    assert!(sent[0]["InstanceIds"].as_array().unwrap().contains(&json!(member.as_str())));
    assert_eq!(sent[0]["Comment"].as_str().map(str::len), Some(100));
}

#[tokio::test]
async fn people_and_machines_hear_of_it() {
    let account = Account::fresh().await;
    let arns = account.boto3(
        r#"
sns, sqs, events = client("sns"), client("sqs"), client("events")
def queue(name):
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
topic = sns.create_topic(Name="people")["TopicArn"]
sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue("people"))
events.put_rule(Name="panda", EventPattern=json.dumps({"source": ["lethargic-panda"]}))
events.put_targets(Rule="panda", Targets=[{"Id": "queue", "Arn": queue("machines")}])
answer(topic)
"#,
    );
    let counter = Counter::default();
    let topic = Topic::new(&account.sdk, counter.clone(), arns.as_str().unwrap());
    topic.publish("web: the panda\nstrikes – now", "An instance dies.\nIt was `i-1`.").await.unwrap();
    let bus = Bus::new(&account.sdk, counter.clone(), "default");
    let group = "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:id:autoScalingGroupName/web".to_owned();
    bus.put("Chaos Experiment Ended", std::slice::from_ref(&group), r#"{"fleet":"web"}"#).await.unwrap();
    let heard = account.boto3(
        r#"
sqs = client("sqs")
def hear(name):
    messages = sqs.receive_message(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"]).get("Messages", [])
    return [json.loads(message["Body"]) for message in messages]
answer({"people": hear("people"), "machines": hear("machines")})
"#,
    );
    let people = &heard["people"][0];
    assert_eq!(people["Subject"], json!("web: the panda strikes - now"));
    assert_eq!(people["Message"], json!("An instance dies.\nIt was `i-1`."));
    let machines = &heard["machines"][0];
    assert_eq!(machines["source"], json!(SOURCE));
    assert_eq!(machines["detail-type"], json!("Chaos Experiment Ended"));
    assert_eq!(machines["detail"], json!({"fleet": "web"}));
    assert_eq!(machines["resources"], json!([group]));
    assert_eq!(counter.take(), Tally { reads: 0, writes: 2 });

    let error = bus.put("Chaos Experiment Ended", &[], "no JSON").await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("MalformedDetail"), "{error}");
    let nobody = Topic::new(&account.sdk, counter, format!("{}-gone", arns.as_str().unwrap()));
    let error = nobody.publish("anybody?", "there").await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("NotFound"), "{error}");
}
