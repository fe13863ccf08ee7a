//! What server does a script run on?

use std::{
    fs::{self, File},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread::{self, sleep},
    time::{Duration, Instant},
};

use panda_scenarios::root;
use serde_json::Value;
use tempfile::TempDir;

/// The two generations of the CodeDeploy agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Agent {
    /// 1.x, Ruby.
    One,
    /// 2.x, Rust.
    Two,
}

impl Agent {
    pub(crate) const BOTH: [Agent; 2] = [Agent::One, Agent::Two];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Agent::One => "v1",
            Agent::Two => "v2",
        }
    }

    /// What its log says when it has reached CodeDeploy.
    pub(crate) fn poll(self) -> &'static str {
        match self {
            Agent::One => {
                r#"line '2026-11-24T12:01:00 INFO  [codedeploy-agent(201)]: [Aws::CodeDeployCommand::Client 200 60.36 0 retries] poll_host_command(host_identifier:"arn:aws:ec2:eu-west-1:123456789012:instance/i-0new")'"#
            }
            Agent::Two => "line '2026-11-24 12:01:00  INFO Worker 201 entering polling loop'",
        }
    }

    /// What its log says when CodeDeploy refuses it, or cannot be reached, for this reason.
    pub(crate) fn refusal(self, reason: &str) -> String {
        match self {
            Agent::One => format!(
                "line '2026-11-24T12:01:00 ERROR [codedeploy-agent(201)]: InstanceAgent::Plugins::CodeDeployPlugin::CommandPoller: {reason}'"
            ),
            Agent::Two => format!("line '2026-11-24 12:01:00 ERROR Error polling for host commands: {reason}'"),
        }
    }
}

/// Tries all cases at the same time: a script mostly waits.
pub(crate) fn at_once<T: Send>(cases: impl IntoIterator<Item = T>, test: impl Fn(T) + Sync) {
    let test = &test;
    thread::scope(|scope| {
        for case in cases {
            scope.spawn(move || test(case));
        }
    });
}

/// A server with a CodeDeploy agent, below a folder.
#[derive(Debug)]
pub(crate) struct Server {
    folder: TempDir,
    /// What its agents listen to until it is closed, however the test ends.
    silence: Option<File>,
}

impl Server {
    /// One whose agent is installed and dead. When it is started, it polls.
    pub(crate) fn with(agent: Agent) -> Server {
        let server = Server::without_agent();
        for folder in [
            "opt/codedeploy-agent/bin",
            "opt/codedeploy-agent/state/.pid",
            "opt/codedeploy-agent/deployment-root/ongoing-deployment",
            "var/log/aws/codedeploy-agent",
            "etc/init.d",
        ] {
            fs::create_dir_all(server.path(folder)).unwrap();
        }
        let (version, command) = match agent {
            Agent::One => ("agent_version: OFFICIAL_1.8.1-29_rpm", "#!/usr/bin/env ruby\n"),
            Agent::Two => ("agent_version: 2.1.0", ""),
        };
        server.write("opt/codedeploy-agent/.version", version);
        if agent == Agent::One {
            server.write("etc/init.d/codedeploy-agent", "");
            server.write("opt/codedeploy-agent/bin/codedeploy-agent", command);
        } else {
            symlink(bin().join("codedeploy-agent"), server.path("opt/codedeploy-agent/bin/codedeploy-agent")).unwrap();
        }
        server.write("var/log/aws/codedeploy-agent/codedeploy-agent.log", "");
        server.write("fake/unit", "");
        server.write("fake/generation", agent.name());
        server.write("fake/log", agent.poll());
        server
    }

    /// One that never had an agent.
    pub(crate) fn without_agent() -> Server {
        let mut server = Server { folder: tempfile::tempdir().unwrap(), silence: None };
        for folder in ["proc", "run", "fake/v1", "fake/v2"] {
            fs::create_dir_all(server.path(folder)).unwrap();
        }
        for process in ["v1/start", "v1/_worker", "v2/start", "v2/_worker"] {
            symlink(bin().join("agent"), server.path("fake").join(process)).unwrap();
        }
        server.write(
            "proc/meminfo",
            "MemTotal:         948920 kB\nMemFree:           84000 kB\nMemAvailable:     431000 kB\n",
        );
        server.write("fake/state", "inactive");
        let made = Command::new("mkfifo").arg(server.path("fake/silence")).status().unwrap();
        assert!(made.success());
        // For both, so that nobody needs to be there to listen yet.
        server.silence = Some(File::options().read(true).write(true).open(server.path("fake/silence")).unwrap());
        server
    }

    /// Starts the agent, as at boot, and returns its master's process. It logs nothing.
    pub(crate) fn boot(&self) -> u64 {
        let log = self.read("fake/log");
        self.write("fake/log", "");
        let started = self.command(&bin().join("systemctl")).args(["start", "codedeploy-agent"]).output().unwrap();
        assert!(started.status.success(), "{started:?}");
        self.write("fake/log", log);
        self.masters()[0]
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_default()
    }

    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A file that says that a lifecycle event began so many hours ago.
    pub(crate) fn lifecycle_event(&self, path: &str, hours_ago: u32) {
        self.write(path, "command");
        let aged = Command::new("touch").arg("-d").arg(format!("{hours_ago} hours ago")).arg(self.path(path)).status();
        assert!(aged.unwrap().success());
    }

    /// A command that takes this folder for its server. Its waits are short.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var("PATH").unwrap();
        command
            .env("PATH", format!("{}:{path}", bin().display()))
            .env("FAKE_ROOT", self.folder.path())
            .env("RESTART_AGENT_ROOT", self.folder.path())
            .env("RESTART_AGENT_PAUSE", "0.1")
            .stdin(Stdio::null());
        for (name, seconds) in [("HOLD", 1), ("STOP", 3), ("TERM", 2), ("KILL", 5), ("START", 5), ("POLL", 30)] {
            command.env(format!("RESTART_AGENT_{name}_SECONDS"), seconds.to_string());
        }
        command
    }

    /// The script that the SSM document carries.
    pub(crate) fn restart_script(&self) -> Command {
        self.command(&root().join("functions/deployment-recovery/restart-agent.sh"))
    }

    /// Runs it to its end.
    pub(crate) fn restart_agent(&self) -> Restart {
        Restart::of(&self.restart_script().output().unwrap())
    }

    /// The same for an agent that is not going to poll: nobody waits for that for long.
    pub(crate) fn restart_agent_in_vain(&self) -> Restart {
        Restart::of(&self.restart_script().env("RESTART_AGENT_POLL_SECONDS", "5").output().unwrap())
    }

    /// Begins to run it.
    pub(crate) fn begin_restart(&self) -> Child {
        self.restart_script()
            .env("RESTART_AGENT_POLL_SECONDS", "8")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// What systemd was asked for, in order.
    pub(crate) fn asked(&self, verb: &str) -> usize {
        self.read("fake/calls").lines().filter(|call| call.split(' ').next() == Some(verb)).count()
    }

    /// Waits until something is so.
    pub(crate) fn until(&self, what: &str, so: impl Fn(&Server) -> bool) {
        let patience = Instant::now() + Duration::from_mins(1);
        while !so(self) {
            assert!(Instant::now() < patience, "waited in vain: {what}");
            sleep(Duration::from_millis(20));
        }
    }

    /// A process that is not the agent's, though it speaks of it.
    pub(crate) fn bystander(&self, name: &str) -> Bystander {
        let child = Command::new("bash")
            .args(["-c", r#"exec -a "$0" sleep 300"#, name])
            .env("FAKE_ROOT", self.folder.path())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        self.write(&format!("fake/bystander-{}", child.id()), "");
        symlink(format!("/proc/{}", child.id()), self.path("proc").join(child.id().to_string())).unwrap();
        Bystander { child }
    }

    /// The same, started by a hook of a deployment: it is in the control group of the agent's unit.
    pub(crate) fn started_by_a_hook(&self, name: &str) -> Bystander {
        let bystander = self.bystander(name);
        self.write(&format!("fake/left-{}", bystander.child.id()), "");
        bystander
    }

    /// The living masters, oldest first.
    pub(crate) fn masters(&self) -> Vec<u64> {
        let mut found: Vec<u64> =
            self.processes().into_iter().filter(|(_, words)| is_master(words)).map(|(pid, _)| pid).collect();
        found.sort_unstable();
        found
    }

    /// Processes of this server with their words. One that has ended has none.
    fn processes(&self) -> Vec<(u64, Vec<String>)> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.path("proc")).unwrap() {
            let path = entry.unwrap().path();
            let Some(pid) = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok()) else {
                continue;
            };
            let words = fs::read(path.join("cmdline")).unwrap_or_default();
            let words: Vec<String> =
                words.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
            let environment = fs::read(path.join("environ")).unwrap_or_default();
            let ours = format!("FAKE_ROOT={}", self.folder.path().display());
            if environment.split(|byte| *byte == 0).any(|entry| entry == ours.as_bytes()) {
                found.push((pid, words));
            }
        }
        found
    }
}

fn is_master(words: &[String]) -> bool {
    words[0].starts_with("codedeploy-agent: master ")
        || (words[0].ends_with("/bin/codedeploy-agent") && words.get(1).is_some_and(|word| word == "start"))
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.silence.take());
        for (pid, _) in self.processes() {
            let _ = Command::new("bash").args(["-c", "kill -KILL \"$0\"", &pid.to_string()]).status();
        }
    }
}

/// Ends with its test.
#[derive(Debug)]
pub(crate) struct Bystander {
    child: Child,
}

impl Bystander {
    pub(crate) fn lives(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a run of the script ended.
#[derive(Debug)]
pub(crate) struct Restart {
    pub(crate) code: Option<i32>,
    pub(crate) said: Value,
    pub(crate) remarks: String,
}

impl Restart {
    /// What is true of every run: one line of JSON with all fields of the contract, and none else.
    pub(crate) fn of(output: &Output) -> Restart {
        let remarks = String::from_utf8_lossy(&output.stderr).into_owned();
        let line = std::str::from_utf8(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        assert!(line.ends_with('\n') && line.lines().count() == 1, "not one line: {line:?}\n{remarks}");
        let said: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\n{remarks}"));
        let fields: Vec<&str> = said.as_object().unwrap().keys().map(String::as_str).collect();
        let mut contract = [
            "schema",
            "agent",
            "version",
            "before",
            "after",
            "action",
            "polls",
            "held_seconds",
            "disk_percent",
            "memory_free_mb",
            "clock",
            "errors",
        ];
        contract.sort_unstable();
        assert_eq!(fields.iter().copied().collect::<std::collections::BTreeSet<_>>(), contract.into_iter().collect());
        assert_eq!(said["schema"], 1);
        for moment in ["before", "after"] {
            let active = said[moment]["active"].as_str().unwrap();
            assert!(["active", "inactive", "failed", "unknown"].contains(&active), "{line}");
            assert!(said[moment]["pid"].is_u64() || said[moment]["pid"].is_null(), "{line}");
        }
        assert!(said["polls"].is_boolean() && said["held_seconds"].is_u64(), "{line}");
        let errors = said["errors"].as_array().unwrap();
        assert!(errors.len() <= 5 && errors.iter().all(|error| error.as_str().unwrap().len() <= 300), "{line}");
        Restart { code: output.status.code(), said, remarks }
    }

    pub(crate) fn action(&self) -> &str {
        self.said["action"].as_str().unwrap()
    }

    pub(crate) fn polls(&self) -> bool {
        self.said["polls"].as_bool().unwrap()
    }

    pub(crate) fn pid(&self, moment: &str) -> Option<u64> {
        self.said[moment]["pid"].as_u64()
    }

    pub(crate) fn errors(&self) -> String {
        let lines: Vec<&str> =
            self.said["errors"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
        lines.join("\n")
    }

    /// The agent is alive, stayed so, and polls.
    pub(crate) fn assert_cured(&self, action: &str) {
        assert_eq!((self.action(), self.code, self.polls()), (action, Some(0), true), "{self:?}");
        assert!(self.pid("after").is_some() && self.said["held_seconds"].as_u64() >= Some(1), "{self:?}");
        assert_eq!(self.said["after"]["active"], "active", "{self:?}");
    }
}

/// The programs that stand in for the real ones.
fn bin() -> PathBuf {
    root().join("tests/scenarios/tests/shell/with-agent")
}
