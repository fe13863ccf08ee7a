//! Do the commands of README's walk, from nothing to a page and back to nothing, do what it says?
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on should stop")]

use std::{
    io::Write as _,
    process::{Output, Stdio},
    sync::{Arc, Mutex},
};

use panda_scenarios::{
    emulator::{Moto, boto3, boto3_in, tool},
    root,
};
use panda_stage::tether::without_account;
use serde_json::json;

/// Two installations and somebody else's: an address, a bucket with two versions of a model, a table each.
const KEPT: &str = r#"
s3, dynamodb = client("s3"), client("dynamodb")
for stack, owner, name in [("panda", "panda-Fleet-1ABC", "ours"), ("panda-two", "panda-two-Fleet-2DEF", "theirs"), ("site", None, "foreign")]:
    tags = [{"Key": "lethargic-panda:stack", "Value": owner}] if owner else []
    specification = {"TagSpecifications": [{"ResourceType": "elastic-ip", "Tags": tags}]} if tags else {}
    ec2.allocate_address(Domain="vpc", **specification)
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"2"):
        s3.put_object(Bucket=name, Key="model", Body=body)
    if tags:
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})
    keys = dict(AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}], KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}])
    own = [{"Key": "lethargic-panda:stack", "Value": stack}] if owner else []
    dynamodb.create_table(TableName=stack + "-PandaJournal-1", BillingMode="PAY_PER_REQUEST", Tags=own, **keys)
answer(None)
"#;

const THERE: &str = r#"
s3, dynamodb = client("s3"), client("dynamodb")
answer({"addresses": len(ec2.describe_addresses()["Addresses"]), "buckets": sorted(bucket["Name"] for bucket in s3.list_buckets()["Buckets"]),
        "tables": sorted(dynamodb.list_tables()["TableNames"])})
"#;

/// Runs a script of `bin` for the stack `panda`, in a folder without a samconfig.toml.
fn run(script: &str, moto: &Moto, elsewhere: &[(&str, &str)], arguments: &[&str], answer: &str) -> (Output, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut child = without_account(tool("python").as_os_str())
        .current_dir(folder.path())
        .arg(root().join("bin").join(script))
        .args(["--stack", "panda"])
        .args(arguments)
        .env("AWS_ENDPOINT_URL", moto.endpoint())
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .envs(elsewhere.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end without asking.
    let _ = child.stdin.take().unwrap().write_all(answer.as_bytes());
    let output = child.wait_with_output().unwrap();
    let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
    (output, said)
}

fn leftovers(moto: &Moto, arguments: &[&str], answer: &str) -> (Output, String) {
    run("leftovers", moto, &[], arguments, answer)
}

/// A stack that says what the template's outputs say.
const DEPLOYED: &str = r#"
values = {"FleetConnectionArn": "arn:aws:codeconnections:us-east-1:123456789012:connection/1", "FleetPipelineName": "panda-Fleet", "FleetUrl": "http://203.0.113.10/"}
template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": {name: {"Value": value} for name, value in values.items()}}
client("cloudformation").create_stack(StackName="panda", TemplateBody=json.dumps(template))
answer(None)
"#;

/// A `CodeConnections` whose connection waits for a few looks, and a `CodePipeline`: moto knows neither. Returns its endpoint and what it heard.
fn code_services(pending: usize) -> (String, Arc<Mutex<Vec<String>>>) {
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let ears = Arc::clone(&heard);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let answer = move |headers: axum::http::HeaderMap, body: String| {
        let mut heard = ears.lock().unwrap();
        let target = headers["x-amz-target"].to_str().unwrap().rsplit('.').next().unwrap().to_owned();
        let looks = heard.iter().filter(|call| call.starts_with("GetConnection")).count();
        heard.push(format!("{target} {body}"));
        let status = if looks < pending { "PENDING" } else { "AVAILABLE" };
        let reply = match target.as_str() {
            "GetConnection" => json!({"Connection": {"ConnectionStatus": status}}),
            _ => json!({"pipelineExecutionId": "1-2-3"}),
        };
        std::future::ready(([("content-type", "application/x-amz-json-1.1")], reply.to_string()))
    };
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async {
            listener.set_nonblocking(true).unwrap();
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let app = axum::Router::new().fallback(axum::routing::any(answer));
            axum::serve(listener, app).await.unwrap();
        });
    });
    (endpoint, heard)
}

#[test]
fn the_pipeline_is_started_once_somebody_has_clicked_and_not_before() {
    let moto = Moto::start();
    boto3(&moto.endpoint(), DEPLOYED);
    let (endpoint, heard) = code_services(2);
    let elsewhere = [("AWS_ENDPOINT_URL_CODECONNECTIONS", &*endpoint), ("AWS_ENDPOINT_URL_CODEPIPELINE", &*endpoint)];

    let (output, said) = run("connect", &moto, &elsewhere, &["--wait", "0", "--look", "0"], "");
    assert!(!output.status.success() && said.contains("still PENDING"), "{said}");
    assert!(!heard.lock().unwrap().iter().any(|call| call.starts_with("Start")), "nobody has clicked");

    let (output, said) = run("connect", &moto, &elsewhere, &["--look", "0"], "");
    assert!(output.status.success(), "{said}");
    for part in ["us-east-1.console.aws.amazon.com/codesuite/settings/connections", "1-2-3", "http://203.0.113.10/"] {
        assert!(said.contains(part), "{said}");
    }
    let heard = heard.lock().unwrap();
    let starts: Vec<&String> = heard.iter().filter(|call| call.starts_with("Start")).collect();
    assert!(starts.len() == 1 && starts[0].contains(r#""name": "panda-Fleet""#), "{starts:?}");
}

#[test]
fn an_installation_without_a_fleet_has_nothing_to_connect() {
    let moto = Moto::start();
    boto3(
        &moto.endpoint(),
        r#"
client("cloudformation").create_stack(StackName="panda", TemplateBody=json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}))
answer(None)
"#,
    );
    let (output, said) = run("connect", &moto, &[], &[], "");
    assert!(!output.status.success() && said.contains("CreateFleet=true"), "{said}");
}

#[test]
fn what_a_stack_kept_is_listed_and_goes_only_when_somebody_writes_its_name() {
    let moto = Moto::start();
    boto3(&moto.endpoint(), KEPT);
    let all = boto3(&moto.endpoint(), THERE);

    let (output, said) = leftovers(&moto, &[], "");
    assert!(output.status.success(), "{said}");
    assert_eq!(said.lines().count(), 3, "{said}");
    for part in ["Elastic IP ", "bucket ours,", "table panda-PandaJournal-1,"] {
        assert!(said.contains(part), "{said}");
    }
    let (output, said) = leftovers(&moto, &["--delete"], "yes\n");
    assert!(!output.status.success() && said.contains("Nothing was removed."), "{said}");
    assert_eq!(boto3(&moto.endpoint(), THERE), all);

    let (output, said) = leftovers(&moto, &["--delete"], "panda\n");
    assert!(output.status.success(), "{said}");
    let rest = boto3(&moto.endpoint(), THERE);
    assert_eq!(rest["addresses"], 2);
    assert_eq!(rest["buckets"], json!(["foreign", "theirs"]));
    assert_eq!(rest["tables"], json!(["panda-two-PandaJournal-1", "site-PandaJournal-1"]));
    let (output, said) = leftovers(&moto, &[], "");
    assert!(output.status.success() && said.contains("Nothing is left"), "{said}");
}

/// An installation of the same name in another region, whose fleet lives.
const ELSEWHERE: &str = r#"
s3, tags = client("s3"), [{"Key": "lethargic-panda:stack", "Value": "panda-Fleet-3GHI"}]
s3.create_bucket(Bucket="alive", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
s3.put_bucket_tagging(Bucket="alive", Tagging={"TagSet": tags})
ec2.allocate_address(Domain="vpc", TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": tags}])
answer(None)
"#;

#[test]
fn what_an_installation_of_the_same_name_has_in_another_region_is_neither_listed_nor_removed() {
    let moto = Moto::start();
    boto3(&moto.endpoint(), KEPT);
    boto3_in("us-west-2", &moto.endpoint(), ELSEWHERE);
    let there = |region: &str| boto3_in(region, &moto.endpoint(), THERE);
    assert_eq!(
        there("us-west-2")["buckets"],
        json!(["alive", "foreign", "ours", "theirs"]),
        "S3 lists the whole account's"
    );

    let (output, said) = leftovers(&moto, &["--delete"], "panda\n");
    assert!(output.status.success() && said.contains("bucket ours,") && !said.contains("alive"), "{said}");
    let rest = there("us-west-2");
    assert_eq!((&rest["addresses"], &rest["buckets"]), (&json!(1), &json!(["alive", "foreign", "theirs"])));
}

#[test]
fn nothing_is_taken_from_a_stack_that_is_still_there() {
    let moto = Moto::start();
    boto3(&moto.endpoint(), KEPT);
    let stack = r#"
template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
client("cloudformation").create_stack(StackName="panda", TemplateBody=json.dumps(template))
answer(None)
"#;
    boto3(&moto.endpoint(), stack);
    let all = boto3(&moto.endpoint(), THERE);
    let (output, said) = leftovers(&moto, &["--delete"], "panda\n");
    assert!(!output.status.success() && said.contains("make teardown first"), "{said}");
    assert_eq!(boto3(&moto.endpoint(), THERE), all);
}
