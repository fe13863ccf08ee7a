//! Does `fleet/user-data.sh` make a server of the fleet, with the CodeDeploy agent last?

use std::{
    fs,
    net::Ipv4Addr,
    path::PathBuf,
    process::{Command, Output, Stdio},
    sync::{Arc, mpsc},
};

use axum::{
    Router,
    http::{HeaderMap, StatusCode},
    routing::{get, put},
};
use panda_scenarios::root;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{net::TcpListener, runtime, sync::oneshot};

const SETTINGS: [(&str, &str); 6] = [
    ("UserDataLogGroup", "/fleet/boot"),
    ("AgentLogGroup", "/fleet/agent"),
    ("ScriptLogGroup", "/fleet/scripts"),
    ("ModelFolder", ""),
    ("ModelBucketName", ""),
    ("ModelSyncMinutes", "5"),
];

fn text() -> String {
    fs::read_to_string(root().join("fleet/user-data.sh")).unwrap()
}

/// A server at its first boot, below a folder, with its metadata and the internet on loopback.
#[derive(Debug)]
struct Boot {
    folder: TempDir,
    network: String,
    settings: Vec<(&'static str, &'static str)>,
    _serving: oneshot::Sender<()>,
}

impl Boot {
    /// In this region, whose bucket answers these codes for agent 2 and agent 1.
    fn of(region: &'static str, domain: &'static str, agent_2: StatusCode, agent_1: StatusCode) -> Boot {
        let installer = Arc::new(fs::read_to_string(bin().join("install")).unwrap());
        let answer = move |code: StatusCode| {
            let installer = Arc::clone(&installer);
            get(async move || (code, if code.is_success() { installer.to_string() } else { "<Error/>".to_owned() }))
        };
        let bucket = format!("/aws-codedeploy-{region}.s3.{region}.{domain}");
        let internet = Router::new()
            .route("/169.254.169.254/latest/api/token", put(token))
            .route(
                "/169.254.169.254/latest/meta-data/placement/region",
                get(async move |headers: HeaderMap| with_token(&headers, region)),
            )
            .route(
                "/169.254.169.254/latest/meta-data/services/domain",
                get(async move |headers: HeaderMap| with_token(&headers, domain)),
            )
            .route(&format!("{bucket}/latestv2/install"), answer(agent_2))
            .route(&format!("{bucket}/latest/install"), answer(agent_1));
        let (network, serving) = serve(internet);
        let folder = tempfile::tempdir().unwrap();
        for path in ["dev", "fake"] {
            fs::create_dir_all(folder.path().join(path)).unwrap();
        }
        Boot { folder, network, settings: SETTINGS.to_vec(), _serving: serving }
    }

    fn ordinary() -> Boot {
        Boot::of("eu-west-1", "amazonaws.com", StatusCode::OK, StatusCode::OK)
    }

    /// With models to keep.
    fn with_models() -> Boot {
        let mut boot = Boot::ordinary();
        for (name, value) in [("ModelFolder", "/srv/models"), ("ModelBucketName", "models-bucket")] {
            boot.settings.iter_mut().find(|(known, _)| *known == name).unwrap().1 = value;
        }
        boot
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs::write(self.path(path), text).unwrap();
    }

    /// What was called since the last time somebody asked.
    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.path("fake/calls")).unwrap_or_default();
        self.write("fake/calls", "");
        calls.lines().map(str::to_owned).collect()
    }

    /// Runs the script as CloudFormation writes it and cloud-init starts it.
    fn run(&self) -> Output {
        let script =
            self.settings.iter().fold(text(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value));
        let path = self.path("user-data.txt");
        fs::write(&path, script).unwrap();
        Command::new("bash")
            .arg(path)
            .env("PATH", format!("{}:{}", bin().display(), std::env::var("PATH").unwrap()))
            .env("FAKE_ROOT", self.folder.path())
            .env("FAKE_NETWORK", &self.network)
            .env("REAL_CURL", real("curl"))
            .env("USER_DATA_ROOT", self.folder.path())
            .env("USER_DATA_PAUSE", "0")
            .env_remove("http_proxy")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn run_well(&self) -> Vec<String> {
        let output = self.run();
        assert!(
            output.status.success(),
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        self.calls()
    }
}

async fn token(headers: HeaderMap) -> (StatusCode, &'static str) {
    if headers.contains_key("x-aws-ec2-metadata-token-ttl-seconds") {
        (StatusCode::OK, "a-token")
    } else {
        (StatusCode::BAD_REQUEST, "")
    }
}

/// As a server whose launch template requires version 2: without a token, nothing.
fn with_token(headers: &HeaderMap, value: &'static str) -> (StatusCode, &'static str) {
    if headers.get("x-aws-ec2-metadata-token").is_some_and(|token| token == "a-token") {
        (StatusCode::OK, value)
    } else {
        (StatusCode::UNAUTHORIZED, "")
    }
}

/// Serves on loopback until the sender goes.
fn serve(router: Router) -> (String, oneshot::Sender<()>) {
    let (serving, ended) = oneshot::channel::<()>();
    let (ready, port) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            ready.send(listener.local_addr().unwrap().port()).unwrap();
            let until_dropped = async { drop(ended.await) };
            axum::serve(listener, router).with_graceful_shutdown(until_dropped).await.unwrap();
        });
    });
    (format!("http://127.0.0.1:{}", port.recv().unwrap()), serving)
}

fn bin() -> PathBuf {
    root().join("tests/scenarios/tests/shell/first-boot")
}

/// A program of this machine.
fn real(name: &str) -> PathBuf {
    std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("{name} is not on this machine: make doctor says how to get it"))
}

fn position(calls: &[String], call: &str) -> usize {
    calls.iter().position(|known| known.starts_with(call)).unwrap_or_else(|| panic!("no `{call}` in {calls:#?}"))
}

#[test]
fn the_agent_comes_after_everything_else() {
    let boot = Boot::with_models();
    let calls = boot.run_well();
    let agent = position(&calls, "install auto");
    for before in [
        "dnf install -y amazon-cloudwatch-agent",
        "amazon-cloudwatch-agent-ctl ",
        "aws s3 sync ",
        "systemctl enable model-sync.timer",
    ] {
        assert!(position(&calls, before) < agent, "{calls:#?}");
    }
    assert_eq!(calls[agent + 1..], ["systemctl enable codedeploy-agent"]);
}

#[test]
fn the_region_comes_from_the_metadata_of_version_2_alone() {
    let boot = Boot::of("ap-southeast-2", "amazonaws.com", StatusCode::OK, StatusCode::NOT_FOUND);
    let calls = boot.run_well();
    let asked: Vec<&str> = calls.iter().filter_map(|call| call.strip_prefix("curl ")).collect();
    assert_eq!(
        asked,
        [
            "http://169.254.169.254/latest/api/token",
            "http://169.254.169.254/latest/meta-data/placement/region",
            "http://169.254.169.254/latest/meta-data/services/domain",
            "https://aws-codedeploy-ap-southeast-2.s3.ap-southeast-2.amazonaws.com/latestv2/install",
        ]
    );
    assert!(!calls.iter().any(|call| call.contains("ruby")));
}

#[test]
fn in_china_the_installer_comes_from_chinas_domain() {
    let calls = Boot::of("cn-north-1", "amazonaws.com.cn", StatusCode::OK, StatusCode::OK).run_well();
    position(&calls, "curl https://aws-codedeploy-cn-north-1.s3.cn-north-1.amazonaws.com.cn/latestv2/install");
}

#[test]
fn where_agent_2_is_not_offered_yet_agent_1_is_installed_with_its_ruby() {
    for refusal in [StatusCode::FORBIDDEN, StatusCode::NOT_FOUND] {
        let calls = Boot::of("eu-west-1", "amazonaws.com", refusal, StatusCode::OK).run_well();
        let ruby = position(&calls, "dnf install -y ruby");
        let install =
            position(&calls, "curl https://aws-codedeploy-eu-west-1.s3.eu-west-1.amazonaws.com/latest/install");
        assert!(ruby < install && install < position(&calls, "install auto"), "{calls:#?}");
    }
}

#[test]
fn a_server_without_an_agent_says_so_on_its_console_and_fails() {
    for (agent_2, agent_1) in
        [(StatusCode::NOT_FOUND, StatusCode::FORBIDDEN), (StatusCode::INTERNAL_SERVER_ERROR, StatusCode::OK)]
    {
        let boot = Boot::of("eu-west-1", "amazonaws.com", agent_2, agent_1);
        assert_eq!(boot.run().status.code(), Some(1));
        assert!(boot.read("dev/console").contains("FAILED: the CodeDeploy agent could not be installed"));
    }
    let boot = Boot::ordinary();
    boot.write("fake/installer-fails", "");
    assert_eq!(boot.run().status.code(), Some(1));
    assert_eq!(
        boot.calls().iter().filter(|call| *call == "install auto").count(),
        6,
        "it is tried again, and not for ever"
    );
}

#[test]
fn an_agent_that_does_not_run_is_a_failure_whatever_systemd_says() {
    for trouble in ["fake/broken-codedeploy-agent", "fake/exited"] {
        let boot = Boot::ordinary();
        boot.write(trouble, "");
        assert_eq!(boot.run().status.code(), Some(1));
        assert!(boot.read("dev/console").contains("FAILED: the CodeDeploy agent does not run"), "{trouble}");
    }
}

#[test]
fn without_metadata_nothing_is_guessed() {
    let mut boot = Boot::ordinary();
    boot.network.push_str("/nowhere");
    assert_eq!(boot.run().status.code(), Some(1));
    assert!(boot.read("dev/console").contains("FAILED: no instance metadata"));
    assert!(!boot.calls().iter().any(|call| call.contains("codedeploy")));
}

#[test]
fn a_package_database_that_is_somebody_elses_is_waited_for_and_not_for_ever() {
    let boot = Boot::ordinary();
    boot.write("fake/locked", "5");
    boot.run_well();
    // Without logs a server still serves.
    let boot = Boot::ordinary();
    boot.write("fake/locked", "1000");
    let calls = boot.run_well();
    assert_eq!(calls.iter().filter(|call| call.starts_with("dnf ")).count(), 6);
    assert!(boot.read("dev/console").contains("the logs stay on this server"));
}

#[test]
fn a_second_run_changes_nothing() {
    let boot = Boot::with_models();
    boot.run_well();
    let units = ["model-sync.service", "model-sync.timer", "model-sync-at-shutdown.service"];
    let written = |boot: &Boot| {
        units.map(|unit| fs::metadata(boot.path("etc/systemd/system").join(unit)).unwrap().modified().unwrap())
    };
    let before = written(&boot);
    boot.write("srv/models/one", "a model");
    let calls = boot.run_well();
    let harmless =
        |call: &String| call.starts_with("curl http://169.254.169.254/") || call.starts_with("systemctl enable ");
    assert!(calls.iter().all(harmless), "{calls:#?}");
    assert_eq!(written(&boot), before);
}

#[test]
fn a_second_run_mends_what_the_first_one_left_out() {
    let boot = Boot::with_models();
    boot.write("fake/installer-fails", "");
    assert_eq!(boot.run().status.code(), Some(1));
    fs::remove_file(boot.path("fake/installer-fails")).unwrap();
    boot.calls();
    position(&boot.run_well(), "install auto");
}

#[test]
fn the_logs_of_boot_agent_and_scripts_go_to_their_groups() {
    let boot = Boot::ordinary();
    boot.run_well();
    let config: Value = serde_json::from_str(&boot.read("opt/aws/amazon-cloudwatch-agent/etc/fleet.json")).unwrap();
    let files = config["logs"]["logs_collected"]["files"]["collect_list"].as_array().unwrap();
    let group = |path: &str| &files.iter().find(|file| file["file_path"] == path).unwrap()["log_group_name"];
    assert_eq!(group("/var/log/cloud-init-output.log"), "/fleet/boot");
    assert_eq!(group("/var/log/aws/codedeploy-agent/codedeploy-agent.log"), "/fleet/agent");
    assert_eq!(
        group("/opt/codedeploy-agent/deployment-root/deployment-logs/codedeploy-agent-deployments.log"),
        "/fleet/scripts"
    );
    assert!(files.iter().all(|file| file["log_stream_name"].as_str().unwrap().starts_with("{instance_id}")));
}

#[test]
fn models_are_copied_by_a_timer_that_never_deletes() {
    let boot = Boot::with_models();
    boot.run_well();
    let service = boot.read("etc/systemd/system/model-sync.service");
    let copy = "/usr/bin/aws s3 sync --only-show-errors /srv/models s3://models-bucket/";
    assert!(
        service.contains(&format!("\nExecStart={copy}\n"))
            && service.contains("\nEnvironment=AWS_DEFAULT_REGION=eu-west-1\n"),
        "{service}"
    );
    assert!(boot.read("etc/systemd/system/model-sync.timer").contains("\nOnUnitInactiveSec=5 min\n"));
    assert!(boot.read("etc/systemd/system/model-sync-at-shutdown.service").contains(&format!("\nExecStop={copy}\n")));
    assert!(!text().contains("--delete"));
    for unit in ["model-sync.timer", "model-sync-at-shutdown.service"] {
        assert!(boot.path("fake/active").join(unit).exists(), "{unit} runs from now on");
    }
}

#[test]
fn a_new_server_begins_with_the_models_of_the_earlier_ones_and_never_overwrites_its_own() {
    let boot = Boot::with_models();
    boot.write("fake/bucket", "made by a server that is gone");
    boot.run_well();
    assert_eq!(boot.read("srv/models/model"), "made by a server that is gone");
    boot.write("srv/models/model", "newer");
    boot.run_well();
    assert_eq!(boot.read("srv/models/model"), "newer");
}

#[test]
fn a_bucket_that_does_not_answer_keeps_no_server_from_serving() {
    let boot = Boot::with_models();
    boot.write("fake/aws-fails", "");
    let calls = boot.run_well();
    position(&calls, "systemctl enable model-sync.timer");
    assert!(boot.read("dev/console").contains("could not fetch everything"));
}

#[test]
fn without_models_there_is_no_timer() {
    let boot = Boot::ordinary();
    let calls = boot.run_well();
    assert!(!calls.iter().any(|call| call.contains("model-sync") || call.starts_with("aws ")), "{calls:#?}");
    assert!(!boot.path("etc/systemd").exists());
}

#[test]
fn no_address_is_touched() {
    for word in ["associate-address", "disassociate", "allocation-id", "eipalloc", "aws ec2"] {
        assert!(!text().contains(word), "{word}");
    }
}

#[test]
fn cloudformation_replaces_the_settings_and_nothing_else() {
    let text = text();
    let (before, rest) = text.split_once("# >>> settings\n").unwrap();
    let (settings, after) = rest.split_once("# <<< settings\n").unwrap();
    assert!(!before.contains("${") && !after.contains("${"));
    let names: Vec<&str> =
        settings.lines().map(|line| line.split_once("='${").unwrap().1.strip_suffix("}'").unwrap()).collect();
    assert_eq!(names, SETTINGS.map(|(name, _)| name));
    // EC2 takes 16 KB of user data before it is encoded, and the settings' values are not in yet.
    assert!(text.len() < 14_000 && text.is_ascii());
}
