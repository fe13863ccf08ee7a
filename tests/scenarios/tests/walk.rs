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

/// A `sam` that writes down what it is told. After `--guided` it has saved the processor that `ANSWER` names, if it names one.
const SAM: &str = r#"#!/bin/sh
echo "$@" >>told
case "$*" in *--guided*) [ -z "$ANSWER" ] || printf 'version = 0.1\n[default.deploy.parameters]\nparameter_overrides = "Architecture=\\"%s\\""\n' "$ANSWER" >samconfig.toml ;; esac
"#;

/// What `sam build` and `sam deploy` are told by `bin/deploy` where `--guided` has saved some parameters, or none; or else why it refuses.
fn deployed(saved: Option<&str>, answer: &str, arguments: &[&str]) -> Result<(String, String), String> {
    let folder = tempfile::tempdir().unwrap();
    let sam = folder.path().join("sam");
    std::fs::write(&sam, SAM).unwrap();
    std::fs::set_permissions(&sam, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let shipped = std::fs::read_to_string(root().join("samconfig.toml")).unwrap();
    let section = "[default.deploy.parameters]\n";
    assert!(shipped.contains(section));
    let config = match saved {
        Some(saved) => shipped.replace(section, &format!("{section}parameter_overrides = {}\n", json!(saved))),
        None => shipped,
    };
    std::fs::write(folder.path().join("samconfig.toml"), config).unwrap();
    let output = without_account(tool("python").as_os_str())
        .current_dir(folder.path())
        .arg(root().join("bin/deploy"))
        .args(["--stack", "panda"])
        .args(arguments)
        .env("PATH", format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap()))
        .env("ANSWER", answer)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = std::fs::read_to_string(folder.path().join("told")).unwrap_or_default();
    if output.status.success() {
        let (build, deploy) = told.trim_end().split_once('\n').unwrap();
        return Ok((build.to_owned(), deploy.to_owned()));
    }
    let said = String::from_utf8(output.stderr).unwrap();
    // Before anything is built, but for an answer that nobody could know.
    assert!(!answer.is_empty() || (output.status.code() == Some(2) && told.is_empty()), "{told}{said}");
    Err(said)
}

#[test]
fn the_functions_are_built_for_the_processor_that_the_stack_gets() {
    let saved = r#"PandaMode="Leashed" PandaHolidays="12-25 12-26" Architecture="x86_64""#;
    for (saved, arguments, processor, words) in [
        (None, &[][..], "arm64", " --parameter-overrides Architecture=arm64"),
        (None, &["--processor", "x86_64"], "x86_64", " --parameter-overrides Architecture=x86_64"),
        (
            None,
            &[
                "--processor",
                "x86_64",
                "--parameter-overrides",
                "CreateFleet=true",
                "FleetName=web",
                "--region",
                "eu-west-1",
            ],
            "x86_64",
            " --region eu-west-1 --parameter-overrides CreateFleet=true FleetName=web Architecture=x86_64",
        ),
        (
            None,
            &["--no-confirm-changeset", "--parameter-overrides", "Architecture=x86_64", "PandaMode=Off"],
            "x86_64",
            " --no-confirm-changeset --parameter-overrides Architecture=x86_64 PandaMode=Off",
        ),
        (Some(saved), &[], "x86_64", ""),
        (Some(saved), &["--processor", "x86_64", "--no-confirm-changeset"], "x86_64", " --no-confirm-changeset"),
        (Some(saved), &["--guided"], "x86_64", " --guided"),
        // Another section is another installation.
        (
            Some(saved),
            &["--config-env", "other", "--parameter-overrides", "PandaMode=Off"],
            "arm64",
            " --config-env other --parameter-overrides PandaMode=Off Architecture=arm64",
        ),
    ] {
        let (build, deploy) = deployed(saved, "", arguments).unwrap();
        assert_eq!(build, format!("build --parameter-overrides Architecture={processor}"), "{arguments:?}");
        assert_eq!(deploy, format!("deploy --stack-name panda{words}"), "{arguments:?}");
    }
    for (saved, arguments, why) in [
        (Some(saved), &["--processor", "arm64"][..], "ARCH is arm64 and Architecture is x86_64 in samconfig.toml"),
        (Some("PandaMode=Leashed"), &[], "add Architecture=arm64"),
        (None, &["--processor", "arm64", "--parameter-overrides", "Architecture=x86_64"], "x86_64 in ARGS"),
        (None, &["--processor", "riscv"], "There is no processor riscv"),
        (Some(saved), &["--config-file", "samconfig.ini"], "samconfig.ini"),
    ] {
        let said = deployed(saved, "", arguments).unwrap_err();
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn what_guided_has_saved_is_not_overridden_for_one_run() {
    let saved = r#"PandaMode="Leashed" CreateFleet="false" Architecture="arm64""#;
    for arguments in
        [&["--parameter-overrides", "PandaMode=Off"][..], &["--guided", "--parameter-overrides", "PandaMode=Off"]]
    {
        let said = deployed(Some(saved), "", arguments).unwrap_err();
        assert!(said.contains("Change PandaMode in samconfig.toml"), "{said}");
    }
    assert!(deployed(None, "", &["--parameter-overrides", "PandaMode=Off"]).is_ok());
}

#[test]
fn another_processor_as_an_answer_to_guided_is_told_at_once() {
    let (_, deploy) = deployed(None, "arm64", &["--guided"]).unwrap();
    assert_eq!(
        deploy, "deploy --stack-name panda --guided --parameter-overrides Architecture=arm64",
        "the default of the question"
    );
    let said = deployed(None, "x86_64", &["--guided"]).unwrap_err();
    assert!(said.contains("built for arm64") && said.contains("run make deploy now"), "{said}");
}

#[test]
fn make_tells_what_people_said_of_the_processor_and_the_region_and_nothing_else() {
    let line = |target: &str, environment: &[(&str, &str)], arguments: &[&str]| {
        let output = without_account("make".as_ref())
            .current_dir(root())
            .args(["--no-print-directory", "-n", "-o", "tools", target])
            .args(arguments)
            .env_remove("AWS_REGION")
            .env_remove("MAKEFLAGS")
            .env_remove("ARCH")
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let line = said.lines().find(|line| line.contains("--stack")).unwrap_or_default();
        line.split_once(" --stack").unwrap().1.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("deploy", &[], &[]), "lethargic-panda");
    assert_eq!(
        line("deploy", &[("ARCH", "x86_64")], &["ARGS=--guided"]),
        "lethargic-panda --processor x86_64 --guided"
    );
    assert_eq!(line("deploy", &[], &["ARCH=arm64"]), "lethargic-panda --processor arm64");
    for target in ["deploy", "teardown", "outputs"] {
        let said = line(target, &[("AWS_REGION", "us-west-2")], &["ARGS=--region eu-west-3"]);
        assert!(said.ends_with("lethargic-panda --region us-west-2 --region eu-west-3"), "the last one counts: {said}");
    }
}
