//! Does deployment-recovery read AWS's protocols as moto's authors do?
//!
//! Requests and replies only; behaviour in time is the scenarios' matter. What moto does not know is not asked here: the state of a pipeline
//! and its retry, targets of deployments, which servers Systems Manager manages, lists of invocations.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

use std::{collections::BTreeSet, sync::LazyLock, time::Duration};

use aws_types::SdkConfig;
use panda_aws::{
    Aws, Counter, Tally, commands::Commands, deployments::Deployments, pipelines::Pipelines, servers::describe_servers,
};
use panda_domain::{event::InstanceState, ids::InstanceId};
use panda_scenarios::emulator::{Moto, boto3_in};
use panda_stage::serve::endpoint::sdk_config;
use serde_json::{Value, json};

/// A corner of moto for one test: it keeps regions apart.
struct Account {
    endpoint: String,
    region: &'static str,
    sdk: SdkConfig,
}

impl Account {
    async fn in_region(region: &'static str) -> Account {
        static MOTO: LazyLock<Moto> = LazyLock::new(Moto::start);
        let endpoint = MOTO.endpoint();
        let sdk = sdk_config(&endpoint, region).await;
        Account { endpoint, region, sdk }
    }

    fn boto3(&self, script: &str) -> Value {
        boto3_in(self.region, &self.endpoint, script)
    }
}

#[tokio::test]
async fn a_deployment_is_read_by_its_id_and_an_unknown_one_is_none() {
    let account = Account::in_region("us-east-1").await;
    let id = account.boto3(
        r#"
deploy = client("codedeploy")
deploy.create_application(applicationName="shop", computePlatform="Server")
deploy.create_deployment_group(
    applicationName="shop", deploymentGroupName="web", serviceRoleArn="arn:aws:iam::123456789012:role/deploy")
revision = {"revisionType": "S3", "s3Location": {"bucket": "b", "key": "k", "bundleType": "zip"}}
answer(deploy.create_deployment(applicationName="shop", deploymentGroupName="web", revision=revision)["deploymentId"])
"#,
    );
    let id = id.as_str().unwrap();
    let deployments = Deployments::new(&account.sdk, Counter::default());
    let read = deployments.deployment(id).await.unwrap().unwrap();
    assert_eq!((read.application.as_str(), read.deployment_group.as_str()), ("shop", "web"));
    assert!(read.created.is_some() && read.rolled_back_by.is_none(), "{read:?}");
    assert_eq!(deployments.deployment("d-GONE00000").await, Ok(None));
    assert!(deployments.active_in("shop", "web").await.unwrap().contains(&id.to_owned()));
    assert_eq!(deployments.active_in("gone", "web").await, Ok(Vec::new()));
}

#[tokio::test]
async fn pipelines_are_listed_and_an_unknown_execution_is_none() {
    let account = Account::in_region("us-west-2").await;
    account.boto3(
        r#"
iam = client("iam")
role = iam.create_role(RoleName="pipeline", AssumeRolePolicyDocument=json.dumps({
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "codepipeline.amazonaws.com"}, "Action": "sts:AssumeRole"}]}))["Role"]["Arn"]
action = lambda name, category, provider: {"name": name, "runOrder": 1, "actionTypeId":
    {"category": category, "owner": "AWS", "provider": provider, "version": "1"}}
for name in ("web", "batch"):
    client("codepipeline").create_pipeline(pipeline={
        "name": name, "roleArn": role, "artifactStore": {"type": "S3", "location": "bucket"}, "stages": [
            {"name": "Source", "actions": [action("GitHub", "Source", "S3")]},
            {"name": "Deploy", "actions": [action("CodeDeploy", "Deploy", "CodeDeploy")]}]})
answer(None)
"#,
    );
    let pipelines = Pipelines::new(&account.sdk, Counter::default());
    let names: BTreeSet<String> = pipelines.names().await.unwrap().into_iter().collect();
    assert_eq!(names, ["batch", "web"].map(str::to_owned).into());
    let id = "07e563b5-8802-4efe-94cc-e864390dd7af";
    assert_eq!(pipelines.execution("web", id).await, Ok(None));
}

#[tokio::test]
async fn servers_are_described_with_their_fleet_and_who_is_gone_is_left_out() {
    let account = Account::in_region("eu-west-1").await;
    let id = account.boto3(
        r#"
image = ec2.describe_images()["Images"][0]["ImageId"]
tags = [{"ResourceType": "instance", "Tags": [{"Key": "lethargic-panda:fleet", "Value": "web"}]}]
answer(ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, TagSpecifications=tags)["Instances"][0]["InstanceId"])
"#,
    );
    let id = InstanceId::from(id.as_str().unwrap());
    let asked = BTreeSet::from([id.clone(), "i-00000000000000bad".into()]);
    let servers = describe_servers(&Aws::new(&account.sdk), &asked).await.unwrap();
    assert_eq!(servers.len(), 1, "{servers:?}");
    let server = &servers[&id];
    assert_eq!((&server.state, server.fleet.as_ref().unwrap().as_str()), (&InstanceState::Running, "web"));
    assert_eq!(server.group, None);
}

#[tokio::test]
async fn a_restart_goes_out_in_batches_that_do_not_end_at_the_first_failure() {
    let account = Account::in_region("eu-central-1").await;
    let counter = Counter::default();
    let commands = Commands::new(&account.sdk, counter.clone());
    let servers: BTreeSet<InstanceId> = (0..120).map(|number| InstanceId::from(format!("i-{number:017x}"))).collect();
    let sent = commands.send_to_all("RestartAgent", &servers, &"why ".repeat(50), Duration::from_mins(1)).await;
    assert_eq!((sent.to.len(), sent.failures.len(), counter.take()), (120, 0, Tally { reads: 0, writes: 3 }));
    let seen = account.boto3("answer(client('ssm').list_commands()['Commands'])");
    let seen = seen.as_array().unwrap();
    assert_eq!(seen.len(), 3);
    for command in seen {
        assert_eq!((&command["DocumentName"], &command["MaxErrors"]), (&json!("RestartAgent"), &json!("100%")));
        assert!(command["InstanceIds"].as_array().unwrap().len() <= 50);
    }
}
