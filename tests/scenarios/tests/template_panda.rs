//! Does the template deploy a panda that can do no harm by accident?
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output, Stdio},
    time::UNIX_EPOCH,
};

use panda::Config;
use panda_domain::chaos::{self, Holidays, Mode, Windows, Zone};
use panda_lambda::telemetry::{Metrics, NAMESPACE};
use panda_scenarios::{
    emulator::tool,
    root,
    template::{Statement, Template, strings},
};
use panda_stage::{deploy::LEFT_OUT, tether::without_account};
use serde_json::{Value, json};

const FUNCTION: &str = "PandaFunction";

fn configured(given: &[(&str, &str)]) -> Result<Config, String> {
    let set = Template::read().environment(FUNCTION, given);
    Config::from_lookup(|name| set.get(name).cloned()).map_err(|error| error.to_string())
}

#[test]
fn it_is_leashed_until_somebody_unleashes_it() {
    let template = Template::read();
    let parameter = &template.document["Parameters"]["PandaMode"];
    assert_eq!(parameter["Default"], "Leashed");
    assert_eq!(strings(&parameter["AllowedValues"]), ["Leashed", "Unleashed", "Off"]);
    for mode in strings(&parameter["AllowedValues"]) {
        let read: Mode = mode.parse().unwrap();
        assert_eq!(read == Mode::Unleashed, mode == "Unleashed");
        configured(&[("PandaMode", mode)]).unwrap();
    }
}

#[test]
fn with_the_templates_defaults_it_is_the_function_that_it_is_without_variables_but_for_where_things_are() {
    let places = ["JOURNAL_TABLE", "TOPIC_ARN", "STOP_AGENT_DOCUMENT"];
    let set = Template::read().environment(FUNCTION, &[]);
    let deployed = Config::from_lookup(|name| set.get(name).cloned()).unwrap();
    let bare = Config::from_lookup(|name| set.get(name).filter(|_| places.contains(&name)).cloned()).unwrap();
    assert_eq!(deployed, bare);
}

#[test]
fn every_number_that_a_parameter_allows_is_taken_by_the_code() {
    let template = Template::read();
    let parameters = template.document["Parameters"].as_object().unwrap();
    for (name, parameter) in parameters.iter().filter(|(name, _)| name.starts_with("Panda")) {
        let limits = ["MinValue", "MaxValue"].map(|limit| &parameter[limit]);
        let values = limits.into_iter().chain(parameter["AllowedValues"].as_array().into_iter().flatten());
        for value in values.filter(|value| value.is_number()) {
            let value = value.to_string();
            // What only makes sense together with another one.
            let with: &[(&str, &str)] = match name.as_str() {
                "PandaMinDays" => &[("PandaMeanDays", "1000")],
                "PandaMeanDays" => &[
                    ("PandaMinDays", "0"),
                    ("PandaMaxPerDay", "100"),
                    ("PandaTickMinutes", "5"),
                    ("PandaWindow", "Mon-Sun 00:00-24:00"),
                ],
                _ => &[],
            };
            let given: Vec<(&str, &str)> =
                [(name.as_str(), value.as_str())].into_iter().chain(with.iter().copied()).collect();
            configured(&given)
                .unwrap_or_else(|error| panic!("{name} allows {value}, which the function refuses: {error}"));
        }
    }
}

/// Which of the texts the pattern of a parameter allows, as a whole.
fn allowed(parameter: &str, texts: &[&str]) -> Vec<bool> {
    let pattern = &Template::read().document["Parameters"][parameter]["AllowedPattern"];
    let script = "import json, re, sys; pattern, texts = json.load(sys.stdin); print(json.dumps([bool(re.fullmatch(pattern, text)) for text in texts]))";
    let mut python = without_account(tool("python").as_os_str())
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(json!([pattern, texts]).to_string().as_bytes()).unwrap();
    serde_json::from_slice(&python.wait_with_output().unwrap().stdout).unwrap()
}

/// The pattern and the parser take the right ones, and neither takes the wrong ones.
fn agree<T: std::str::FromStr>(parameter: &str, right: &[&str], wrong: &[&str]) {
    let texts: Vec<&str> = right.iter().chain(wrong).copied().collect();
    for (text, allows) in texts.iter().zip(allowed(parameter, &texts)) {
        let expected = right.contains(text);
        assert_eq!(allows, expected, "the pattern of {parameter} on `{text}`");
        assert_eq!(text.parse::<T>().is_ok(), expected, "the parser of {parameter} on `{text}`");
    }
}

#[test]
fn windows_are_what_the_parser_takes() {
    let right = [
        "Mon-Fri 09:00-15:00",
        "Sat 10:00-24:00",
        "Mon,Wed-Thu 09:00-12:30",
        "Sat-Mon 00:00-24:00",
        "Fri 22:00-04:00",
        "Mon-Thu 09:00-12:00 / Mon-Thu 13:00-15:00/Fri 09:00-11:00",
        "Mon-Fri  09:00-15:00",
    ];
    let wrong = [
        "",
        "Mon-Fri",
        "09:00-15:00",
        "mon-fri 09:00-15:00",
        "Monday 09:00-15:00",
        "Mon-Fri 9:00-15:00",
        "Mon-Fri 09:00-25:00",
        "Mon-Fri 24:00-06:00",
        "Mon-Fri 09:60-15:00",
        "Mon-Fri 09:00 - 15:00",
        "Mon - Fri 09:00-15:00",
        "Mon-Fri 09:00-15:00;Sat 10:00-12:00",
        "Mon-Fri 09:00-15:00 /",
        "Mon-Fri,09:00-15:00",
        "Mon, Wed 09:00-15:00",
        "Mon-Wed-Fri 09:00-15:00",
    ];
    agree::<Windows>("PandaWindow", &right, &wrong);
}

#[test]
fn holidays_are_what_the_parser_takes() {
    let right = ["", "12-25", "2026-12-31", "12-24 12-25  2027-01-01", "02-29"];
    let wrong =
        ["25-12", "12/25", "2026-13-01", "2026-1-1", "12-25,12-26", "12-32", "Dec-25", "26-12-25", "00-10", "12-00"];
    agree::<Holidays>("PandaHolidays", &right, &wrong);
}

#[test]
fn time_zones_are_what_the_parser_takes() {
    let right = ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "America/Port-au-Prince", "Etc/GMT+8"];
    let wrong = ["", "Europe/", "/Berlin", "Europe Berlin", "+01:00", "Europe/Berlin;"];
    agree::<Zone>("PandaTimeZone", &right, &wrong);
}

#[test]
fn what_is_right_in_form_and_wrong_in_sense_is_refused_by_the_function_with_the_variables_name() {
    for (parameter, value, variable) in [
        ("PandaWindow", "Mon-Fri 09:00-09:00", "WINDOW"),
        ("PandaTimeZone", "Europe/Atlantis", "TIME_ZONE"),
        ("PandaHolidays", "02-30", "HOLIDAYS"),
    ] {
        assert_eq!(allowed(parameter, &[value]), [true]);
        let error = configured(&[(parameter, value)]).unwrap_err();
        assert!(error.contains(variable), "{error}");
    }
}

#[test]
fn its_schedule_sends_a_tick_at_the_same_minutes_of_every_hour_and_never_twice() {
    let template = Template::read();
    let schedules = template.schedules();
    let [tick] = schedules.as_slice() else { panic!("one schedule") };
    assert_eq!(tick.function, FUNCTION);
    let input: Value = serde_json::from_str(tick.properties["Input"].as_str().unwrap()).unwrap();
    assert_eq!(chaos::Command::decode(&input), Ok(chaos::Command::Tick));
    assert_eq!(tick.properties["RetryPolicy"]["MaximumRetryAttempts"], 0);
    assert_eq!(tick.properties["OmitName"], true, "two installations would have a schedule of the same name");
    let silence = &template.document["Resources"]["PandaTicksMissingAlarm"]["Properties"]["Period"];
    assert_eq!(silence, &json!({"Fn::FindInMap": ["Ticks", {"Ref": "PandaTickMinutes"}, "Seconds"]}));
    for minutes in template.document["Parameters"]["PandaTickMinutes"]["AllowedValues"].as_array().unwrap() {
        let minutes = minutes.as_u64().unwrap();
        assert_eq!(60 % minutes, 0, "{minutes} minutes are no part of an hour");
        let expression =
            template.with(&[("PandaTickMinutes", &minutes.to_string())], &tick.properties["ScheduleExpression"]);
        assert_eq!(expression, format!("cron(0/{minutes} * * * ? *)"));
        assert_eq!(template.document["Mappings"]["Ticks"][minutes.to_string()]["Seconds"], minutes * 60);
    }
}

#[test]
fn only_the_scheduler_of_this_account_may_wake_it_and_only_it() {
    let template = Template::read();
    let role = &template.document["Resources"]["PandaTickRole"]["Properties"];
    let trust = &role["AssumeRolePolicyDocument"]["Statement"][0];
    assert_eq!(trust["Principal"], json!({"Service": "scheduler.amazonaws.com"}));
    assert_eq!(trust["Condition"]["StringEquals"]["aws:SourceAccount"], json!({"Ref": "AWS::AccountId"}));
    let statements = template.statements();
    let actions: Vec<&str> =
        statements.iter().filter(|statement| statement.role == "PandaTickRole").flat_map(Statement::actions).collect();
    assert_eq!(actions, ["lambda:InvokeFunction", "sqs:SendMessage"]);
}

#[test]
fn nothing_is_tried_twice_on_the_way_to_a_kill() {
    let template = Template::read();
    let invoke = &template.document["Resources"][FUNCTION]["Properties"]["EventInvokeConfig"];
    assert_eq!(invoke["MaximumRetryAttempts"], 0);
    // An old tick would come on top of the next one.
    assert_eq!(invoke["MaximumEventAgeInSeconds"], 60);
}

#[test]
fn an_experiment_fits_into_the_invocation_that_began_it() {
    let template = Template::read();
    let timeout = template.property(&template.document["Resources"][FUNCTION], "Timeout").as_u64().unwrap();
    assert_eq!(timeout, 900, "the longest that Lambda allows");
    let heal = template.document["Parameters"]["PandaHealSeconds"]["MaxValue"].as_u64().unwrap();
    assert!(heal + 120 <= timeout, "{heal} s of watching leave no two minutes to look before and to tell after");
}

#[test]
fn it_can_end_only_members_that_carry_the_chaos_tag() {
    let statements = Template::read().statements();
    let of = |action: &str| -> Vec<&Statement> {
        let panda = statements.iter().filter(|statement| statement.role == "PandaRole");
        panda.filter(|statement| statement.actions().contains(&action)).collect()
    };
    let terminate = of("ec2:TerminateInstances");
    let [terminate] = terminate.as_slice() else { panic!("one statement lets it terminate") };
    assert_eq!(terminate.role, "PandaRole");
    assert_eq!(terminate.actions(), ["ec2:TerminateInstances"]);
    assert_eq!(
        terminate.body["Condition"],
        json!({
            "StringEquals": {"aws:ResourceTag/lethargic-panda:chaos": "on"},
            "Null": {"ec2:ResourceTag/aws:autoscaling:groupName": "false"},
        })
    );
    let graceful = of("autoscaling:TerminateInstanceInAutoScalingGroup");
    let [graceful] = graceful.as_slice() else { panic!("one statement lets Auto Scaling terminate") };
    assert_eq!(graceful.body["Condition"], json!({"StringEquals": {"aws:ResourceTag/lethargic-panda:chaos": "on"}}));
    let commands = of("ssm:SendCommand");
    assert_eq!(commands.len(), 2, "the document and the instances");
    let document = commands.iter().find(|statement| statement.sid() == "SendTheOneDocument").unwrap();
    assert!(document.body["Resource"]["Fn::Sub"].as_str().unwrap().ends_with(":document/${PandaStopAgentDocument}"));
    let instances = commands.iter().find(|statement| statement.sid() == "SendToMembersTaggedForChaos").unwrap();
    assert_eq!(instances.body["Condition"], json!({"StringEquals": {"ssm:resourceTag/lethargic-panda:chaos": "on"}}));
}

#[test]
fn it_writes_into_its_own_journal_topic_and_name_only() {
    let statements = Template::read().statements();
    let resource = |action: &str| {
        let found: Vec<&Statement> = statements
            .iter()
            .filter(|statement| statement.role == "PandaRole")
            .filter(|statement| statement.actions().iter().any(|known| known.starts_with(action)))
            .collect();
        let [one] = found.as_slice() else { panic!("one statement for {action}") };
        (one.body["Resource"].clone(), one.body["Condition"].clone())
    };
    assert_eq!(resource("dynamodb:"), (json!({"Fn::GetAtt": ["PandaJournal", "Arn"]}), Value::Null));
    assert_eq!(resource("sns:"), (json!({"Ref": "PandaTopic"}), Value::Null));
    assert_eq!(resource("events:").1, json!({"StringEquals": {"events:source": "lethargic-panda"}}));
    let bus = Template::read().environment(FUNCTION, &[])["EVENT_BUS"].clone();
    assert!(resource("events:").0["Fn::Sub"].as_str().unwrap().ends_with(&format!(":event-bus/{bus}")));
}

#[test]
fn the_journal_outlives_the_stack_forgets_by_itself_and_costs_by_use() {
    let template = Template::read();
    let table = &template.document["Resources"]["PandaJournal"];
    assert_eq!(table["DeletionPolicy"], "RetainExceptOnCreate");
    assert_eq!(table["UpdateReplacePolicy"], "Retain");
    let properties = &table["Properties"];
    assert!(
        properties["TableName"].is_null(),
        "a table of that name that was kept would stand in the next installation's way"
    );
    assert_eq!(properties["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(properties["TimeToLiveSpecification"], json!({"AttributeName": "expires", "Enabled": true}));
    assert_eq!(properties["SSESpecification"]["SSEEnabled"], true);
    let keys: Vec<&Value> =
        properties["KeySchema"].as_array().unwrap().iter().map(|key| &key["AttributeName"]).collect();
    assert_eq!(keys, ["pk", "sk"]);
    assert!(
        properties["AttributeDefinitions"]
            .as_array()
            .unwrap()
            .iter()
            .all(|attribute| attribute["AttributeType"] == "S")
    );
    assert!(!template.document["Resources"]["PandaTopic"]["Properties"]["KmsMasterKeyId"].is_null());
}

#[test]
fn the_filter_counts_the_line_that_says_a_fleet_has_not_healed() {
    let template = Template::read();
    let filter = &template.document["Resources"]["PandaNotHealedFilter"]["Properties"];
    assert_eq!(filter["FilterPattern"], r#"{ ($.Function = "panda") && ($.NotHealed[0] > 0) }"#);
    assert_eq!(filter["LogGroupName"], json!({"Ref": "PandaLogGroup"}));
    let mut metrics = Metrics::new(panda::FUNCTION, "web");
    metrics.count("NotHealed", 1);
    let line: Value = serde_json::from_str(&metrics.line(UNIX_EPOCH).unwrap()).unwrap();
    assert_eq!(line["Function"], "panda");
    assert!(line["NotHealed"][0].as_f64().unwrap() > 0.0);
    let alarm = &template.document["Resources"]["PandaFleetNotHealedAlarm"]["Properties"];
    let counted = &filter["MetricTransformations"][0];
    assert_eq!((&alarm["Namespace"], &alarm["MetricName"]), (&counted["MetricNamespace"], &counted["MetricName"]));
    assert_eq!(alarm["Namespace"], NAMESPACE);
    assert!(alarm["Dimensions"].is_null() && counted["Dimensions"].is_null(), "both are about every fleet");
}

#[test]
fn what_the_local_deployment_leaves_out_is_no_more_than_what_ministack_refuses() {
    let template = Template::read();
    let types: Vec<&Value> =
        LEFT_OUT.iter().map(|resource| &template.document["Resources"][*resource]["Type"]).collect();
    assert_eq!(types, ["AWS::SSM::Document"; 2]);
}

#[test]
fn every_sample_command_is_the_command_of_its_name() {
    let folder = root().join("tests/events/panda");
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let payload: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(chaos::Command::decode(&payload).unwrap().name(), name);
        names.insert(name);
    }
    assert_eq!(names, ["arm", "disarm", "history", "kill", "preview", "tick"].map(str::to_owned).into());
}

/// A machine of shell scripts: the agent is alive while the file `alive` exists, and time flies.
struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    fn new(alive: bool, commands: &[(&str, &str)]) -> Machine {
        let machine = Machine { folder: tempfile::tempdir().unwrap() };
        if alive {
            fs::write(machine.path().join("alive"), "").unwrap();
        }
        machine.has("pgrep", r#"[ -e "$MACHINE/alive" ] && printf '4711\n4712\n'"#);
        machine.has("sleep", r#"echo "$@" >>"$MACHINE/slept""#);
        machine.has("timeout", r#"shift; "$@""#);
        for (name, body) in commands {
            machine.has(name, body);
        }
        for name in ["sh", "tr", "sed", "printf", "rm", "wc", "mkdir", "cat"] {
            let real =
                ["/bin", "/usr/bin"].map(|folder| Path::new(folder).join(name)).into_iter().find(|path| path.exists());
            if let Some(real) = real {
                std::os::unix::fs::symlink(real, machine.path().join(name)).unwrap();
            }
        }
        machine
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn has(&self, name: &str, body: &str) {
        let path = self.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs the script of the document, as the SSM agent would.
    fn run(&self) -> (Output, Value) {
        let template = Template::read();
        let content = &template.document["Resources"]["PandaStopAgentDocument"]["Properties"]["Content"];
        let script = content["mainSteps"][0]["inputs"]["runCommand"][0].as_str().unwrap();
        let output = Command::new("/bin/sh")
            .args(["-c", script])
            .env_clear()
            .env("PATH", self.path())
            .env("MACHINE", self.path())
            .env("STOP_AGENT_ROOT", self.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(said.lines().count(), 1, "one line: {said}{}", String::from_utf8_lossy(&output.stderr));
        let told = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{said}: {error}"));
        (output, told)
    }
}

#[test]
fn the_document_stops_the_agent_by_systemd_where_there_is_one() {
    let systemctl = r#"case "$1" in cat) exit 0;; stop) echo "$@" >"$MACHINE/asked"; rm "$MACHINE/alive";; esac"#;
    let machine = Machine::new(true, &[("systemctl", systemctl)]);
    let (output, told) = machine.run();
    assert!(output.status.success());
    assert_eq!((&told["agent"], &told["by"]), (&json!("stopped"), &json!("systemctl")));
    assert_eq!((&told["before"], &told["after"]), (&json!("4711 4712"), &json!("")));
    // Not waited for: the agent's own unit would let it take two hours.
    assert_eq!(fs::read_to_string(machine.path().join("asked")).unwrap(), "stop --no-block codedeploy-agent\n");
}

#[test]
fn the_document_spares_what_the_agents_hooks_have_started() {
    // systemd does as the drop-ins say that it has read: of all else in the unit's control group nothing is left.
    let systemctl = r#"case "$1" in
        daemon-reload) cat "$MACHINE"/run/systemd/system/codedeploy-agent.service.d/*.conf >"$MACHINE/read" 2>/dev/null;;
        stop) case "$(cat "$MACHINE/read")" in *KillMode=process*) ;; *) rm "$MACHINE/application";; esac; rm "$MACHINE/alive";;
    esac; exit 0"#;
    let machine = Machine::new(true, &[("systemctl", systemctl)]);
    let alive = |name: &str| machine.path().join(name).exists();
    fs::write(machine.path().join("application"), "").unwrap();
    let (output, told) = machine.run();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(told["agent"], "stopped");
    assert!(alive("application") && !alive("alive"));
    // The next agent's unit is as its makers wrote it.
    assert_eq!(fs::read_to_string(machine.path().join("read")).unwrap(), "");
    assert!(!alive("run/systemd/system/codedeploy-agent.service.d/lethargic-panda.conf"));
}

#[test]
fn the_document_stops_the_agent_where_the_drop_in_cannot_be_written_and_says_so() {
    let systemctl = r#"case "$1" in stop) rm "$MACHINE/alive";; esac; exit 0"#;
    let machine = Machine::new(true, &[("systemctl", systemctl)]);
    fs::write(machine.path().join("run"), "").unwrap();
    let (output, told) = machine.run();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(told["agent"], "stopped");
    assert!(String::from_utf8_lossy(&output.stderr).contains("may end with the agent"), "{output:?}");
}

#[test]
fn the_document_stops_an_agent_without_systemd_by_its_init_script() {
    let machine = Machine::new(true, &[("service", r#"rm "$MACHINE/alive""#)]);
    let (output, told) = machine.run();
    assert!(output.status.success());
    assert_eq!((&told["agent"], &told["by"]), (&json!("stopped"), &json!("service")));
}

#[test]
fn the_document_gives_up_on_an_agent_that_does_not_stop_and_says_so() {
    let machine = Machine::new(true, &[("systemctl", "exit 0")]);
    let (output, told) = machine.run();
    assert_eq!(output.status.code(), Some(1), "the command failed");
    assert_eq!((&told["agent"], &told["seconds"]), (&json!("still running"), &json!(120)));
    let naps = fs::read_to_string(machine.path().join("slept")).unwrap().lines().count();
    assert_eq!(naps, 60);
}

#[test]
fn the_document_finds_nothing_to_do_where_no_agent_runs() {
    let (output, told) = Machine::new(false, &[("systemctl", "exit 0")]).run();
    assert!(output.status.success());
    assert_eq!((&told["agent"], &told["by"]), (&json!("was not running"), &json!("nothing")));
}
