//! Does `functions/deployment-recovery/restart-agent.sh` bring back the agents that can be brought back, and harm none?

use std::{fs, path::Path, process::Command};

use panda_scenarios::root;

use crate::server::{Agent, Bystander, Restart, Server, at_once};

const LOG: &str = "var/log/aws/codedeploy-agent/codedeploy-agent.log";
const DROP_IN: &str = "run/systemd/system/codedeploy-agent.service.d/lethargic-panda.conf";
const TRACKED: &str = "opt/codedeploy-agent/deployment-root/ongoing-deployment/d-EXAMPLE01";

#[test]
fn a_dead_agent_is_started_and_polls() {
    at_once(Agent::BOTH, |agent| {
        let server = Server::with(agent);
        let restart = server.restart_agent();
        restart.assert_cured("started");
        assert_eq!(restart.said["agent"], agent.name());
        assert_eq!(restart.said["version"], if agent == Agent::One { "1.8.1" } else { "2.1.0" });
        assert_eq!((restart.pid("before"), restart.pid("after")), (None, Some(server.masters()[0])));
        assert_eq!(restart.said["before"]["active"], "inactive");
    });
}

#[test]
fn the_report_tells_of_disk_memory_and_clock() {
    let server = Server::with(Agent::One);
    server.write("fake/disk", "97");
    server.write("fake/clock", "no");
    let restart = server.restart_agent();
    assert_eq!(restart.said["disk_percent"], 97);
    assert_eq!(restart.said["memory_free_mb"], 420);
    assert_eq!(restart.said["clock"], "not synchronised");
    assert_eq!(restart.said["errors"].as_array().unwrap().len(), 0, "{restart:?}");
}

#[test]
fn a_living_agent_is_another_process_afterwards() {
    at_once(Agent::BOTH, |agent| {
        let server = Server::with(agent);
        let before = server.boot();
        let restart = server.restart_agent();
        restart.assert_cured("restarted");
        assert_eq!(restart.pid("before"), Some(before));
        assert_eq!(server.masters(), [restart.pid("after").unwrap()]);
        assert_ne!(restart.pid("after"), Some(before));
    });
}

#[test]
fn a_hung_agent_is_killed_and_nobody_else() {
    at_once(Agent::BOTH, |agent| {
        let server = Server::with(agent);
        server.write("fake/life", "deaf");
        let before = server.boot();
        server.write("fake/life", "");
        let mut others = [
            server.bystander("/opt/codedeploy-agent/deployment-root/g/d-1/deployment-archive/scripts/start.sh"),
            server.bystander("vim codedeploy-agent: master 1"),
            server.bystander("codedeploy-agent-exporter"),
        ];
        let restart = server.restart_agent();
        restart.assert_cured("restarted");
        assert_eq!(restart.pid("before"), Some(before));
        assert!(!server.masters().contains(&before));
        assert!(restart.remarks.contains("still there, so killed"), "{}", restart.remarks);
        assert!(others.iter_mut().all(Bystander::lives));
    });
}

#[test]
fn what_a_hook_has_started_outlives_the_restart_of_its_agent() {
    at_once(Agent::BOTH, |agent| {
        let server = Server::with(agent);
        let before = server.boot();
        let mut application = server.started_by_a_hook("/usr/sbin/httpd");
        let restart = server.restart_agent();
        restart.assert_cured("restarted");
        assert!(!server.masters().contains(&before));
        assert!(application.lives(), "{}", server.read("fake/calls"));
        // A master that crashes later must not leave a worker behind: the unit is again as it was.
        assert!(!server.path(DROP_IN).exists());
        assert_eq!((server.asked("daemon-reload"), server.read("fake/kill-mode").as_str()), (2, ""));
    });
}

#[test]
fn a_unit_that_spares_what_hooks_have_started_is_left_as_it_is() {
    at_once(["process", "none"], |mode| {
        let server = Server::with(Agent::One);
        server.boot();
        server.write("fake/kill-mode", mode);
        let mut application = server.started_by_a_hook("/usr/sbin/httpd");
        server.restart_agent().assert_cured("restarted");
        assert!(application.lives());
        assert_eq!(server.asked("daemon-reload"), 0);
    });
}

#[test]
fn where_systemd_cannot_be_told_to_spare_others_the_agent_is_restarted_all_the_same_and_it_is_said() {
    at_once(Agent::BOTH, |agent| {
        let server = Server::with(agent);
        server.boot();
        server.write("run/systemd", ""); // no folder, so nothing can be put into it
        let restart = server.restart_agent();
        restart.assert_cured("restarted");
        assert!(restart.errors().contains("what the hooks have started may end with the agent"), "{restart:?}");
    });
}

#[test]
fn a_process_that_a_failed_unit_left_behind_is_ended_first() {
    at_once(Agent::BOTH, |agent| {
        let server = Server::with(agent);
        let before = server.boot();
        server.write("fake/state", "failed"); // systemd does not stop what it holds for ended
        let restart = server.restart_agent();
        restart.assert_cured("restarted");
        assert_eq!(restart.said["before"]["active"], "failed");
        assert_eq!(server.masters().len(), 1);
        assert!(!server.masters().contains(&before));
    });
}

#[test]
fn an_agent_at_work_is_left_alone() {
    at_once(Agent::BOTH, |agent| {
        let server = Server::with(agent);
        let before = server.boot();
        server.lifecycle_event(TRACKED, 0);
        let restart = server.restart_agent();
        assert_eq!((restart.action(), restart.code), ("refused-busy", Some(0)));
        assert_eq!((restart.pid("before"), restart.pid("after")), (Some(before), Some(before)));
        assert_eq!(server.asked("stop"), 0);
    });
}

#[test]
fn the_work_is_looked_for_where_the_agent_is_configured_to_keep_it() {
    for line in [":root_dir: '/FOLDER/'", ":root_dir: \"/FOLDER\" # moved", "root_dir: /FOLDER"] {
        let server = Server::with(Agent::Two);
        server.boot();
        let folder = server.path("srv/deployments").display().to_string();
        let line = line.replace("/FOLDER", &folder);
        server.write(
            "etc/codedeploy-agent/conf/codedeployagent.yml",
            format!("---\n:log_aws_wire: false\n{line}\n:verbose: false\n"),
        );
        server.lifecycle_event("srv/deployments/ongoing-deployment/d-EXAMPLE01", 1);
        assert_eq!(server.restart_agent().action(), "refused-busy", "{line}");
    }
}

#[test]
fn work_that_is_older_than_any_lifecycle_event_protects_no_agent() {
    at_once(Agent::BOTH, |agent| {
        for hours in [3, 25] {
            let server = Server::with(agent);
            server.boot();
            server.lifecycle_event(TRACKED, hours);
            server.restart_agent().assert_cured("restarted");
        }
    });
}

#[test]
fn an_agent_that_died_at_work_is_started_so_that_it_reports_the_event_as_failed() {
    at_once(Agent::BOTH, |agent| {
        let server = Server::with(agent);
        server.lifecycle_event(TRACKED, 0);
        server.restart_agent().assert_cured("started");
        assert!(server.path(TRACKED).exists(), "it is the agent's to take away");
    });
}

#[test]
fn an_event_that_begins_while_the_agent_stops_is_not_killed_and_the_agent_comes_back_after_it() {
    at_once(Agent::BOTH, |agent| {
        let server = Server::with(agent);
        let before = server.boot();
        server.write("fake/stop", "event");
        let restart = server.restart_agent();
        assert_eq!((restart.action(), restart.code), ("refused-busy", Some(0)));
        assert_eq!(server.masters(), [before]);
        assert_eq!(server.asked("start"), 2, "systemd has a start to do: {}", server.read("fake/calls"));
    });
}

#[test]
fn an_event_that_begins_while_the_agent_is_told_to_end_is_not_killed_either() {
    at_once(Agent::BOTH, |agent| {
        let server = Server::with(agent);
        server.write("fake/life", "ordered");
        server.write("fake/stop", "mute");
        let before = server.boot();
        let restart = server.restart_agent();
        assert_eq!((restart.action(), restart.code), ("refused-busy", Some(0)), "{restart:?}");
        assert_eq!(server.masters(), [before]);
    });
}

#[test]
fn an_empty_pid_file_does_not_keep_the_agent_from_starting() {
    at_once(Agent::BOTH, |agent| {
        let server = Server::with(agent);
        for file in ["codedeploy-agent.pid", "codedeploy-agent.pid.lock", "master.pid"] {
            server.write(&format!("opt/codedeploy-agent/state/.pid/{file}"), "");
        }
        // The boot has gone wrong already.
        assert!(server.command(Path::new("systemctl")).args(["start", "codedeploy-agent"]).status().unwrap().success());
        assert!(server.masters().is_empty());
        let restart = server.restart_agent();
        restart.assert_cured("started");
        let says = if agent == Agent::One { "active" } else { "failed" };
        assert_eq!((&restart.said["before"]["active"], restart.pid("before")), (&says.into(), None));
    });
}

#[test]
fn a_unit_that_is_active_without_a_process_is_no_proof() {
    at_once(Agent::BOTH, |agent| {
        let server = Server::with(agent);
        server.write("fake/start", "exited");
        let restart = server.restart_agent();
        assert_eq!((restart.action(), restart.code, restart.polls()), ("failed", Some(1), false));
        assert_eq!((&restart.said["after"]["active"], restart.pid("after")), (&"active".into(), None));
    });
}

#[test]
fn on_a_full_disk_a_living_agent_is_left_alone_a_dead_one_is_tried_and_no_file_is_deleted() {
    at_once(Agent::BOTH, |agent| {
        for living in [true, false] {
            let server = Server::with(agent);
            server.write("fake/disk", "100");
            server.write("srv/precious", "user data");
            server.write("opt/codedeploy-agent/deployment-root/g/d-1/bundle.tar", "a revision");
            let before = living.then(|| server.boot());
            server.write("fake/start", "exited"); // an agent that cannot write its pid file
            // Not a byte more can be written, by anybody.
            let script = server.restart_script();
            let mut full = server.command(Path::new("bash"));
            full.args(["-c", "ulimit -f 0; exec \"$0\""]).arg(script.get_program());
            let restart = Restart::of(&full.output().unwrap());
            assert_eq!(
                (restart.action(), restart.code, &restart.said["disk_percent"]),
                ("failed", Some(1), &100.into())
            );
            assert!(restart.errors().contains("the agent cannot write into"), "{restart:?}");
            assert_eq!((restart.pid("after"), server.masters()), (before, before.into_iter().collect()));
            assert_eq!(server.read("srv/precious"), "user data");
            assert_eq!(server.read("opt/codedeploy-agent/deployment-root/g/d-1/bundle.tar"), "a revision");
        }
    });
}

#[test]
fn a_server_without_an_agent_is_told_of_and_nothing_is_installed() {
    let server = Server::without_agent();
    let restart = server.restart_agent();
    assert_eq!((restart.action(), restart.code), ("not-installed", Some(2)));
    assert_eq!((&restart.said["agent"], &restart.said["version"]), (&"absent".into(), &serde_json::Value::Null));
    assert!(!server.path("opt").exists());
    assert_eq!(server.asked("start") + server.asked("stop"), 0);
}

#[test]
fn an_agent_without_a_unit_is_told_of() {
    at_once(Agent::BOTH, |agent| {
        let server = Server::with(agent);
        fs::remove_file(server.path("fake/unit")).unwrap();
        let restart = server.restart_agent();
        assert_eq!((restart.action(), restart.code), ("failed", Some(1)));
        assert!(restart.errors().contains("no systemd unit codedeploy-agent"), "{restart:?}");
    });
}

#[test]
fn a_start_that_systemd_refuses_is_a_failure_with_its_words() {
    at_once(Agent::BOTH, |agent| {
        let server = Server::with(agent);
        server.write("fake/start", "fail");
        let restart = server.restart_agent();
        assert_eq!((restart.action(), restart.code, restart.pid("after")), ("failed", Some(1), None));
        assert_eq!(restart.said["after"]["active"], "failed");
        assert!(restart.errors().contains("systemctl start: Job for codedeploy-agent.service failed"), "{restart:?}");
    });
}

#[test]
fn a_start_that_does_not_end_is_given_up() {
    at_once(Agent::BOTH, |agent| {
        let server = Server::with(agent);
        server.write("fake/start", "hang");
        let restart = server.restart_agent();
        assert_eq!((restart.action(), restart.code, restart.pid("after")), ("timed-out", Some(3), None));
    });
}

#[test]
fn an_agent_that_nothing_ends_is_given_up() {
    let server = Server::with(Agent::One);
    // A process in the kernel's hands: it is listed, and no signal reaches it.
    server.write("proc/99999999/cmdline", "codedeploy-agent: master 99999999\0");
    let restart = server.restart_agent();
    assert_eq!((restart.action(), restart.code, restart.pid("after")), ("timed-out", Some(3), Some(99_999_999)));
    assert!(restart.errors().contains("not even SIGKILL"), "{restart:?}");
}

#[test]
fn an_agent_that_dies_again_is_a_failure() {
    at_once(Agent::BOTH, |agent| {
        let server = Server::with(agent);
        server.write("fake/life", "short");
        let restart = server.restart_agent();
        assert_eq!((restart.action(), restart.code, restart.pid("after")), ("failed", Some(1), None));
        assert!(!restart.polls(), "a poll before its death is no proof");
    });
}

#[test]
fn an_agent_that_codedeploy_refuses_lives_but_does_not_poll() {
    at_once(Agent::BOTH, |agent| {
        let reasons = [
            "Cannot reach InstanceService: Aws::CodeDeployCommand::Errors::AccessDeniedException - ",
            "Missing credentials - please check if this instance was started with an IAM instance profile",
            "Cannot reach InstanceService: Aws::CodeDeployCommand::Errors::InvalidSignatureException - Signature expired: 20261124T120000Z is now earlier than 20261124T125500Z",
            "Cannot reach InstanceService: Seahorse::Client::NetworkingError - execution expired",
        ];
        at_once(reasons, |reason| {
            let server = Server::with(agent);
            server.boot();
            // A poll that succeeded before the refusal is no proof, and 2.x says that it begins to poll before it is refused.
            let begins = agent.poll();
            server.write("fake/log", format!("{begins}\n{}", agent.refusal(reason)));
            let restart = server.restart_agent_in_vain();
            assert_eq!((restart.action(), restart.code, restart.polls()), ("restarted", Some(0), false), "{restart:?}");
            assert!(restart.errors().contains(reason.trim()), "{restart:?}");
        });
    });
}

#[test]
fn a_refusal_that_passes_does_not_count() {
    let server = Server::with(Agent::One);
    let refusal = Agent::One.refusal("Cannot reach InstanceService: SocketError - getaddrinfo");
    server.write("fake/log", format!("{refusal}\nsleep 0.5\n{}", Agent::One.poll()));
    let restart = server.restart_agent();
    restart.assert_cured("started");
    assert_eq!(restart.errors(), "", "what has passed is wrong no more");
}

#[test]
fn a_hook_that_fails_right_after_the_start_is_no_failure_to_poll() {
    let server = Server::with(Agent::One);
    let failure = Agent::One.refusal("Error during perform: InstanceAgent::Plugins::CodeDeployPlugin::ScriptError - Script at specified location: scripts/start.sh failed with exit code 1");
    server.write("fake/log", format!("{}\n{failure}", Agent::One.poll()));
    let restart = server.restart_agent();
    restart.assert_cured("started");
    assert!(restart.errors().contains("ScriptError"), "{restart:?}");
}

#[test]
fn a_poll_of_before_the_restart_is_no_proof() {
    at_once(Agent::BOTH, |agent| {
        let server = Server::with(agent);
        server.boot();
        server.write(LOG, agent.poll().trim_start_matches("line '").trim_end_matches('\'').to_owned() + "\n");
        server.write("fake/log", "");
        let restart = server.restart_agent_in_vain();
        assert_eq!((restart.action(), restart.code, restart.polls()), ("restarted", Some(0), false));
    });
}

#[test]
fn an_agent_2_whose_own_status_says_no_does_not_poll() {
    let server = Server::with(Agent::Two);
    server.write("fake/status", "3");
    assert!(!server.restart_agent_in_vain().polls());
}

#[test]
fn an_agent_2_with_other_words_is_believed_while_it_logs_no_error() {
    let server = Server::with(Agent::Two);
    server.write("fake/log", "line '2026-11-24 12:01:00  INFO Waiting for commands'");
    server.restart_agent().assert_cured("started");
}

#[test]
fn a_log_that_is_rotated_or_emptied_meanwhile_is_read_on() {
    at_once(Agent::BOTH, |agent| {
        at_once(["POLL\nrotate", "rotate\nPOLL", "empty\nPOLL", "rotate\nsleep 0.3\nPOLL"], |log| {
            let server = Server::with(agent);
            server.write(LOG, "2026-11-23T12:00:00 INFO  [codedeploy-agent(7)]: an old line\n".repeat(1000));
            server.boot();
            server.write("fake/log", log.replace("POLL", agent.poll()));
            server.restart_agent().assert_cured("restarted");
        });
    });
}

#[test]
fn without_a_log_nothing_is_proven() {
    at_once(Agent::BOTH, |agent| {
        let server = Server::with(agent);
        fs::remove_file(server.path(LOG)).unwrap();
        server.write("fake/log", "");
        let restart = server.restart_agent_in_vain();
        assert_eq!((restart.action(), restart.code, restart.polls()), ("started", Some(0), false));
    });
}

#[test]
fn the_last_errors_of_a_dead_agent_are_told_when_it_stays_dead_and_not_when_it_polls() {
    at_once(Agent::BOTH, |agent| {
        let log: Vec<String> = (1..=9)
            .map(|n| format!("2026-11-24T11:0{n}:00 ERROR [codedeploy-agent(7)]: No space left on device {n}"))
            .collect();
        let log = log.join("\n") + "\n2026-11-24T11:10:00 INFO  [codedeploy-agent(7)]: ERRORS is not an error\n";
        let server = Server::with(agent);
        server.write(LOG, &log);
        server.write("fake/start", "exited");
        let errors = server.restart_agent().errors();
        assert_eq!(errors.lines().count(), 5);
        assert!(errors.contains("device 9") && errors.contains("device 5") && !errors.contains("device 4"), "{errors}");
        server.write("fake/start", "normal");
        server.write("fake/state", "inactive");
        let restart = server.restart_agent();
        restart.assert_cured("started");
        assert_eq!(restart.errors(), "");
    });
}

#[test]
fn whatever_bytes_are_in_the_log_the_report_is_json() {
    at_once(Agent::BOTH, |agent| {
        let server = Server::with(agent);
        let mut log = Vec::new();
        let filler = "x".repeat(1000);
        for nasty in [
            &br#"ERROR "quoted" \ back\slash \u0041 \"{}"#[..],
            b"ERROR \x00\x01\x07\x1b[31m\x7f red \x9f",
            b"ERROR \xff\xfe\xc3\x28 \xf0\x9f\x90\xbc invalid UTF-8",
            b"ERROR carriage\rreturn\tand tab\x0b\x0c",
            b"ERROR ${HOME} $(touch pwned) `touch pwned` %s %n",
        ] {
            log.extend_from_slice(nasty);
            log.extend_from_slice(filler.as_bytes());
            log.push(b'\n');
        }
        server.write(LOG, &log);
        server.write("fake/start", "exited");
        let restart = server.restart_agent();
        let errors = restart.errors();
        assert_eq!(errors.lines().count(), 5, "{errors}");
        assert!(errors.starts_with(r#"ERROR "quoted" \ back\slash \u0041 \"{}"#), "{errors}");
        assert!(
            errors.contains("carriage return and tab") && errors.contains("$(touch pwned) `touch pwned` %s %n"),
            "{errors}"
        );
        assert!(
            errors.lines().all(|line| line.len() <= 300 && line.chars().all(|c| (' '..='~').contains(&c))),
            "{errors}"
        );
        assert!(!root().join("pwned").exists());
    });
}

#[test]
fn what_looks_like_a_credential_does_not_leave_the_server() {
    let server = Server::with(Agent::One);
    server.write(
        LOG,
        "ERROR AKIAIOSFODNN7EXAMPLE and ASIAIOSFODNN7EXAMPLE\nERROR AWS_SECRET_ACCESS_KEY=hush1 DB_PASSWORD='hush2'\nERROR password: hush3, token: \"hush4\"\nERROR ExpiredTokenException: The security token included\n",
    );
    server.write("fake/start", "exited");
    let errors = server.restart_agent().errors();
    assert!(!errors.contains("EXAMPLE") && !errors.contains("hush"), "{errors}");
    assert!(errors.contains("ExpiredTokenException: The security token included"), "{errors}");
}

#[test]
fn two_restarts_at_once_are_one() {
    let server = Server::with(Agent::One);
    server.boot();
    server.write("fake/log", ""); // the first one watches to the end of its time
    let first = server.begin_restart();
    server.until("the first has stopped the agent", |server| server.asked("stop") == 1);
    let second = server.restart_agent();
    assert_eq!((second.action(), second.code), ("refused-busy", Some(0)));
    assert!(second.errors().contains("another restart"), "{second:?}");
    let first = Restart::of(&first.wait_with_output().unwrap());
    assert_eq!(first.action(), "restarted");
    assert_eq!(server.asked("stop"), 1);
}

#[test]
fn a_script_that_is_ended_half_way_leaves_no_stopped_agent() {
    let server = Server::with(Agent::One);
    server.boot();
    server.write("fake/stop", "event");
    let running = server.begin_restart();
    server.until("it is about to stop the agent", |server| server.asked("stop") == 1);
    assert!(
        Command::new("bash").args(["-c", "kill -TERM \"$0\"", &running.id().to_string()]).status().unwrap().success()
    );
    let restart = Restart::of(&running.wait_with_output().unwrap());
    assert_eq!((restart.action(), restart.code), ("timed-out", Some(3)));
    assert_eq!(server.asked("start"), 2, "{}", server.read("fake/calls"));
}

#[test]
fn the_ssm_document_can_carry_the_script() {
    let script = fs::read_to_string(root().join("functions/deployment-recovery/restart-agent.sh")).unwrap();
    // SSM takes two braces in a row for one of its parameters, executes the first line's interpreter, and a document ends at 64 KB.
    assert!(script.starts_with("#!/bin/bash\n") && script.len() < 32_000);
    assert!(!script.contains("{{") && !script.contains("}}"));
    // A tab or a trailing blank would not come through a YAML block as it is.
    assert!(script.lines().all(|line| !line.contains('\t') && line.trim_end() == line) && script.is_ascii());
}
