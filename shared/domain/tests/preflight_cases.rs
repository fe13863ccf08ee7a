//! What `panda_domain::preflight` reads, property by property, and how it says what it found.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on should stop")]

use std::collections::BTreeSet;

use panda_domain::preflight::{
    Answer, Callback, Command, Decision, Endpoint, Finding, LONGEST_ANSWER, Launch, LaunchPlan, LaunchSnapshot,
    Network, Order, OrderError, Route, RouteTable, SERVICES, Severity, Step, Subnet, Target, WayOut, plan, sum_up,
};
use serde_json::{Value, json};

fn properties(change: &[(&str, Value)]) -> Value {
    let mut properties = json!({
        "SubnetIds": ["subnet-1", " subnet-2 ", "subnet-1", ""], "InstanceType": "t4g.micro", "VpcId": "vpc-1", "MinSize": "1",
        "DesiredCapacity": 2, "MaxSize": "4", "ServiceToken": "arn:aws:lambda:x",
    });
    for (name, value) in change {
        properties.as_object_mut().unwrap().insert((*name).to_owned(), value.clone());
    }
    properties
}

fn read(change: &[(&str, Value)]) -> Launch {
    Launch::read(&properties(change)).unwrap()
}

#[test]
fn properties_are_read_as_cloudformation_writes_them() {
    let launch = Launch {
        subnets: vec!["subnet-1".into(), "subnet-2".into()],
        instance_type: "t4g.micro".to_owned(),
        vpc: "vpc-1".to_owned(),
        min: 1,
        desired: 2,
        max: 4,
        connection: None,
        lends_public_ip: None,
        drop_unsuitable: false,
    };
    assert_eq!(read(&[]), launch);
    assert_eq!(read(&[("SubnetIds", json!("subnet-1, subnet-2"))]), launch, "also as one text");
    let arn = "arn:aws:codeconnections:us-east-1:123456789012:connection/1";
    let full = read(&[
        ("ConnectionArn", json!(arn)),
        ("AssociatePublicIpAddress", json!("TRUE")),
        ("DropUnsuitable", json!(true)),
    ]);
    assert_eq!(
        full,
        Launch {
            connection: Some(arn.to_owned()),
            lends_public_ip: Some(true),
            drop_unsuitable: true,
            ..launch.clone()
        }
    );
    let lends = read(&[
        ("AssociatePublicIpAddress", json!("false")),
        ("ConnectionArn", json!(" ")),
        ("DropUnsuitable", Value::Null),
    ]);
    assert_eq!(lends, Launch { lends_public_ip: Some(false), ..launch });
    for kind in ["c7gn.metal-24xl", "u-6tb1.metal", "m5.large"] {
        assert_eq!(read(&[("InstanceType", json!(kind))]).instance_type, kind);
    }
}

#[test]
fn a_property_that_cannot_be_used_is_named_with_what_it_must_be() {
    let long = format!("subnet-{}", "1".repeat(33));
    for (name, value, says) in [
        ("InstanceType", json!("t4g"), "it is `t4g` and must be an instance type"),
        ("InstanceType", json!("t4g."), "it is `t4g.` and must be"),
        ("InstanceType", json!(".micro"), "and must be"),
        ("InstanceType", json!("T4G.micro"), "and must be"),
        ("InstanceType", json!("t4g.micro; rm"), "and must be"),
        ("InstanceType", json!(""), "it is missing, and must be an instance type"),
        ("InstanceType", json!(["t4g.micro"]), "it is a list or structure and must be"),
        ("VpcId", json!("vpc-"), "it is `vpc-` and must be the id of a VPC"),
        ("VpcId", json!("vpc-1/2"), "and must be"),
        ("VpcId", json!("1"), "and must be"),
        ("MinSize", json!("-1"), "it is `-1` and must be a whole number"),
        ("MaxSize", json!(1.5), "it is `1.5` and must be a whole number"),
        ("DesiredCapacity", Value::Null, "it is missing, and must be a whole number"),
        ("ConnectionArn", json!("mine"), "it is `mine` and must be the ARN of a connection"),
        ("DropUnsuitable", json!("yes"), "it is `yes` and must be `true` or `false`"),
        ("SubnetIds", json!("subnet-1 subnet-2"), "`subnet-1 subnet-2` is no subnet's id"),
        ("SubnetIds", json!([long]), "is no subnet's id"),
        ("SubnetIds", json!([1]), "it must be a list of subnets' ids"),
        ("SubnetIds", json!({}), "it must be a list of subnets' ids"),
        ("SubnetIds", json!([" "]), "it names no subnet"),
        ("Subnets", json!([]), "there is no such property; there are SubnetIds, InstanceType"),
    ] {
        let wrong = Launch::read(&properties(&[(name, value.clone())])).unwrap_err();
        let [finding] = wrong.as_slice() else { panic!("{name} {value}: {wrong:?}") };
        assert_eq!((finding.severity, finding.code, finding.subject.as_str()), (Severity::Error, "property", name));
        assert!(finding.sentence.contains(says), "{}", finding.sentence);
        assert_eq!(finding.mend, Some(format!("Mend `{name}` of the resource Custom::LaunchPreflight.")));
    }
    assert!(Launch::read(&properties(&[("VpcId", json!(format!("vpc-{}", "a".repeat(32))))])).is_ok());
    let strange = "x".repeat(200);
    let wrong = Launch::read(&properties(&[("VpcId", json!(strange)), (strange.as_str(), json!(1))])).unwrap_err();
    assert_eq!(wrong.len(), 2, "everything at once");
    assert!(
        wrong
            .iter()
            .all(|finding| finding.sentence.contains(&"x".repeat(64)) && !finding.sentence.contains(&"x".repeat(65)))
    );
}

fn order(change: &[(&str, Value)]) -> Value {
    let mut order = json!({
        "RequestType": "Create", "ResponseURL": "https://bucket/answer?X-Amz-Signature=secret",
        "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/web/5b6a", "RequestId": "c2f2",
        "LogicalResourceId": "Preflight", "ResourceProperties": {"MinSize": "1"},
    });
    for (name, value) in change {
        order.as_object_mut().unwrap().insert((*name).to_owned(), value.clone());
    }
    order
}

#[test]
fn an_order_is_read_with_where_its_answer_goes_and_prints_that_nowhere() {
    for (written, step) in [
        ("Create", Step::Create),
        ("Update", Step::Update),
        ("Delete", Step::Delete),
        ("Import", Step::Unknown("Import".to_owned())),
    ] {
        let read = Order::decode(&order(&[("RequestType", json!(written))])).unwrap();
        assert_eq!((read.step.clone(), read.step.to_string()), (step, written.to_owned()));
    }
    let read = Order::decode(&order(&[])).unwrap();
    assert_eq!(read.callback.url.reveal(), "https://bucket/answer?X-Amz-Signature=secret");
    assert_eq!(read.callback.physical, "launch-preflight-5b6a-Preflight");
    assert_eq!(read.properties, json!({"MinSize": "1"}));
    let printed = format!("{read:?}");
    assert!(printed.contains("ResponseUrl(…)") && !printed.contains("secret"), "{printed}");
    let again = Order::decode(&order(&[("PhysicalResourceId", json!("mine"))])).unwrap();
    assert_eq!(again.callback.physical, "mine");
    for name in ["RequestType", "ResponseURL", "StackId", "RequestId", "LogicalResourceId"] {
        for nothing in [json!(""), json!(7), Value::Null] {
            let wrong = order(&[(name, nothing)]);
            assert_eq!(Order::decode(&wrong), Err(OrderError(name)));
            assert!(Order::is_meant(&wrong), "one of two is enough");
        }
    }
    assert!(Order::is_meant(&json!({"RequestType": 1})) && Order::is_meant(&json!({"ResponseURL": 1})));
    assert!(!Order::is_meant(&json!({"command": "check"})));
}

#[test]
fn a_command_is_check_for_one_fleet_or_for_all() {
    assert_eq!(Command::decode(&json!({"command": "check"})), Ok(Command::Check { fleet: None }));
    assert_eq!(
        Command::decode(&json!({"command": "check", "fleet": " web "})),
        Ok(Command::Check { fleet: Some("web".into()) })
    );
    let long = "k".repeat(80);
    for (payload, says) in [
        (json!([]), "it is no JSON object".to_owned()),
        (json!({"command": "cheque"}), "there is no command `cheque`".to_owned()),
        (json!({"command": long}), format!("there is no command `{}`:", "k".repeat(40)).replace("`:", "`")),
        (json!({"command": 1}), "the field `command` is missing or no text".to_owned()),
        (json!({"command": "check", "fleet": " "}), "the field `fleet` is no name".to_owned()),
        (json!({"command": "check", "fleets": "web"}), "there is no field `fleets`".to_owned()),
    ] {
        let error = Command::decode(&payload).unwrap_err().to_string();
        assert!(error.starts_with(&says), "{error}");
    }
}

fn finding(severity: Severity, sentence: &str, mend: Option<&str>) -> Finding {
    Finding {
        severity,
        code: "code",
        subject: "web".to_owned(),
        sentence: sentence.to_owned(),
        mend: mend.map(str::to_owned),
    }
}

#[test]
fn findings_are_summed_up_in_words() {
    use Severity::{Error, Note, Warning};
    let said = |findings: &[Severity]| {
        sum_up(&findings.iter().map(|severity| finding(*severity, "", None)).collect::<Vec<_>>())
    };
    assert_eq!(said(&[]), "nothing to mend");
    assert_eq!(said(&[Error]), "1 error");
    assert_eq!(said(&[Warning, Error, Note, Error]), "2 errors, 1 warning, 1 note");
}

#[test]
fn an_answer_says_what_stands_against_a_launch_and_each_way_out_once() {
    let findings = vec![
        finding(Severity::Error, "One.", Some("Do this.")),
        finding(Severity::Error, "Two.", Some("Do this.")),
        finding(Severity::Warning, "Three.", Some("Do that.")),
        finding(Severity::Note, "Four.", None),
    ];
    let refused = Answer::of(&LaunchPlan { decision: Decision::Refused, findings: findings.clone() });
    assert_eq!(refused, Answer::Failed { reason: "One. Two. Do this.".to_owned() });
    let decision = Decision::Accepted {
        subnets: vec!["subnet-1".into()],
        zones: ["a".to_owned()].into(),
        dropped: vec!["subnet-2".into()],
    };
    let accepted = Answer::of(&LaunchPlan { decision, findings });
    let body: Value = serde_json::from_str(&accepted.body(&callback())).unwrap();
    assert_eq!(
        body["Data"],
        json!({"SubnetIds": "subnet-1", "Zones": "a", "DroppedSubnetIds": "subnet-2", "Warnings": "Three."})
    );
    assert!(accepted.is_success() && Answer::Done.is_success() && !refused.is_success());
}

fn callback() -> Callback {
    let text = |text: &str| text.to_owned();
    Callback { url: "https://x".into(), stack: text("s"), request: text("r"), logical: text("l"), physical: text("p") }
}

#[test]
fn words_that_do_not_fit_are_cut_at_the_last_byte_that_does() {
    let body = |length: usize| Answer::Failed { reason: "\"".repeat(length) }.body(&callback());
    let reason = |body: &str| serde_json::from_str::<Value>(body).unwrap()["Reason"].as_str().unwrap().to_owned();
    // Each of them takes two bytes in JSON.
    let fits = (LONGEST_ANSWER - body(0).len()) / 2;
    assert_eq!(reason(&body(fits)), "\"".repeat(fits));
    let cut = body(fits + 1);
    assert!(cut.len() <= LONGEST_ANSWER && cut.len() > LONGEST_ANSWER - 2, "{}", cut.len());
    assert_eq!(reason(&cut), format!("{}…", "\"".repeat((LONGEST_ANSWER - body(0).len() - 3) / 2)));
    let exact = Answer::Failed { reason: "x".repeat(LONGEST_ANSWER - body(0).len()) }.body(&callback());
    assert!(exact.len() == LONGEST_ANSWER && !exact.contains('…'), "a whole answer of the longest length is whole");
}

#[test]
fn accepted_subnets_fit_to_the_last_byte_and_words_fill_what_is_left() {
    let accepted = |warnings: &str| Answer::Accepted {
        subnets: vec!["subnet-1".into()],
        zones: BTreeSet::new(),
        dropped: Vec::new(),
        warnings: warnings.to_owned(),
    };
    let long = accepted(&"x".repeat(9_000));
    assert_eq!(long.body(&callback()).len(), LONGEST_ANSWER);
    let missing = LONGEST_ANSWER - accepted("…").body(&callback()).len();
    for (padding, status) in [(missing, "SUCCESS"), (missing + 1, "FAILED")] {
        let body = long.body(&Callback { physical: "p".repeat(1 + padding), ..callback() });
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["Status"], status);
    }
}

#[test]
fn sizes_that_contradict_each_other_come_with_sizes_that_do_not() {
    let mend = |min: u32, desired: u32, max: u32| {
        let sizes = [("MinSize", json!(min)), ("DesiredCapacity", json!(desired)), ("MaxSize", json!(max))];
        let findings = plan(&read(&sizes), &snapshot()).findings;
        findings.into_iter().find(|finding| finding.code == "sizes").and_then(|finding| finding.mend)
    };
    assert_eq!(mend(1, 2, 2), None);
    assert_eq!(mend(3, 2, 4).as_deref(), Some("Choose a DesiredCapacity between 3 and 4."));
    assert_eq!(mend(3, 4, 3).as_deref(), Some("Choose a DesiredCapacity between 3 and 3."));
    assert_eq!(mend(3, 4, 2).as_deref(), Some("Choose a MaxSize of at least 3."));
}

#[test]
fn too_few_free_addresses_are_a_warning() {
    let said = |free: u32, asked: &[&str]| {
        let mut snapshot = snapshot();
        snapshot.network.subnets.values_mut().for_each(|subnet| subnet.free = free);
        let findings = plan(&read(&[("SubnetIds", json!(asked))]), &snapshot).findings;
        findings.into_iter().find(|finding| finding.code == "few-addresses").map(|finding| finding.sentence)
    };
    let both = ["subnet-1", "subnet-2"];
    assert_eq!(
        said(1, &both).as_deref(),
        Some("The subnets have 2 free addresses, and the fleet may grow to 4 servers.")
    );
    assert_eq!(said(2, &both), None, "just enough");
    assert_eq!(said(0, &["subnet-3"]), None, "of no subnet nothing is said");
}

#[test]
fn what_is_left_out_is_said_as_a_warning() {
    let asked = [("SubnetIds", json!(["subnet-1", "subnet-2", "subnet-9"])), ("DropUnsuitable", json!(true))];
    let plan = plan(&read(&asked), &snapshot());
    let left_out = plan.findings.first().unwrap();
    assert_eq!(left_out.severity, Severity::Warning);
    assert_eq!(left_out.sentence, "Left out: the subnet `subnet-9` does not exist in this account and region.");
    assert!(matches!(plan.decision, Decision::Accepted { .. }));
}

fn subnet(n: u32, zone: &str) -> Subnet {
    Subnet {
        id: format!("subnet-{n}").into(),
        vpc: "vpc-1".to_owned(),
        zone: zone.to_owned(),
        lends_public_ip: true,
        ipv6_only: false,
        free: 200,
    }
}

fn table() -> RouteTable {
    RouteTable {
        id: "rtb-1".to_owned(),
        vpc: "vpc-1".to_owned(),
        main: true,
        subnets: BTreeSet::new(),
        default: Some(Route { target: Target::InternetGateway("igw-1".to_owned()), blackhole: false }),
    }
}

/// Two subnets in two zones that will do, and a third in a zone that is not offered.
fn snapshot() -> LaunchSnapshot {
    let subnets = [subnet(1, "a"), subnet(2, "b"), subnet(3, "c")].map(|subnet| (subnet.id.clone(), subnet)).into();
    LaunchSnapshot {
        network: Network { subnets, tables: vec![table()], endpoints: Vec::new() },
        offered: ["a", "b"].map(str::to_owned).into(),
        ..LaunchSnapshot::default()
    }
}

#[test]
fn a_type_that_a_zone_lacks_comes_with_its_siblings_of_every_zone() {
    let launch = read(&[("SubnetIds", json!(["subnet-1", "subnet-3"]))]);
    let mut snapshot = snapshot();
    let zones = |zones: &[&str]| zones.iter().map(|zone| (*zone).to_owned()).collect::<BTreeSet<_>>();
    let everywhere = zones(&["a", "b", "c"]);
    snapshot.siblings = [
        ("t4g.micro", everywhere.clone()),
        ("t3.micro", everywhere.clone()),
        ("m7g.micro", everywhere.clone()),
        ("t5g.micro", everywhere.clone()),
        ("t6g.micro", zones(&["a", "b"])),
        ("mac2.micro", everywhere.clone()),
    ]
    .map(|(name, zones)| (name.to_owned(), zones))
    .into();
    let sentence = |snapshot: &LaunchSnapshot| plan(&launch, snapshot).findings.first().unwrap().sentence.clone();
    assert_eq!(
        sentence(&snapshot),
        "The subnet `subnet-3` lies in c, which does not offer `t4g.micro`; a and b do. Every zone of your subnets offers \
         `t5g.micro` and `m7g.micro`."
    );
    snapshot.siblings.clear();
    snapshot.offered = zones(&["a"]);
    assert_eq!(sentence(&snapshot), "The subnet `subnet-3` lies in c, which does not offer `t4g.micro`; a does.");
}

#[test]
fn what_would_do_is_asked_for_first_and_else_one_of_each_zone() {
    let mut snapshot = snapshot();
    for (n, zone) in [(4, "b"), (5, "a"), (6, "b")] {
        snapshot.network.subnets.insert(format!("subnet-{n}").into(), subnet(n, zone));
    }
    let mend = |asked: &[&str], snapshot: &LaunchSnapshot| {
        let findings = plan(&read(&[("SubnetIds", json!(asked))]), snapshot).findings;
        findings.first().and_then(|finding| finding.mend.clone()).unwrap()
    };
    assert_eq!(mend(&["subnet-3"], &snapshot), "These would do: SubnetIds=subnet-1,subnet-2 (a and b).");
    assert_eq!(
        mend(&["subnet-3", "subnet-4", "subnet-6"], &snapshot),
        "These would do: SubnetIds=subnet-1,subnet-4,subnet-6 (a and b)."
    );
    snapshot.network.subnets.retain(|_, subnet| subnet.zone != "a");
    let none = mend(&["subnet-3"], &snapshot);
    assert!(
        none.starts_with("In `vpc-1` too few subnets would do: make some in zones that offer `t4g.micro`"),
        "{none}"
    );
}

#[test]
fn a_subnet_that_lends_no_address_needs_an_endpoint_for_every_service() {
    let mut snapshot = snapshot();
    for subnet in snapshot.network.subnets.values_mut() {
        subnet.lends_public_ip = false;
    }
    let asked = json!(["subnet-1", "subnet-2"]);
    let silent = plan(&read(&[("SubnetIds", asked.clone())]), &snapshot);
    assert_eq!(silent.decision, Decision::Refused);
    let mends: Vec<_> = silent.findings.iter().filter_map(|finding| finding.mend.as_deref()).collect();
    assert!(
        mends.contains(&"aws ec2 modify-subnet-attribute --subnet-id subnet-1 --map-public-ip-on-launch"),
        "{mends:?}"
    );
    let lent = read(&[("SubnetIds", asked.clone()), ("AssociatePublicIpAddress", json!(true))]);
    assert!(matches!(plan(&lent, &snapshot).decision, Decision::Accepted { .. }), "the launch template may lend one");
    let endpoint = |service: &str, vpc: &str, tables: Option<&str>, private_dns| Endpoint {
        vpc: vpc.to_owned(),
        service: format!("com.amazonaws.us-east-1.{service}"),
        tables: tables.map(|table| [table.to_owned()].into()),
        private_dns,
    };
    let network = |endpoints| Network { endpoints, ..snapshot.network.clone() };
    let first = subnet(1, "a");
    let way = |vpc: &str, tables: Option<&str>, private_dns| {
        let endpoints = SERVICES.map(|service| endpoint(service, vpc, tables, private_dns)).into();
        network(endpoints).way_out(&first, false)
    };
    let closed = WayOut::NoAddress { missing: SERVICES.into() };
    assert_eq!(way("vpc-1", None, true), WayOut::Open);
    assert_eq!(way("vpc-1", None, false), closed);
    assert_eq!(way("vpc-2", None, true), closed);
    assert_eq!(way("vpc-1", Some("rtb-1"), false), WayOut::Open);
    assert_eq!(way("vpc-1", Some("rtb-2"), true), closed);
    let some = SERVICES.into_iter().skip(1).map(|service| endpoint(service, "vpc-1", None, true)).collect();
    assert_eq!(
        network(some).way_out(&first, false),
        WayOut::NoAddress { missing: SERVICES.into_iter().take(1).collect() }
    );
    let mut elsewhere = snapshot.network.clone();
    elsewhere.tables.insert(0, RouteTable { vpc: "vpc-2".to_owned(), id: "rtb-2".to_owned(), ..table() });
    assert_eq!(elsewhere.table_of(&first).unwrap().id, "rtb-1", "the main table of its own VPC");
}
