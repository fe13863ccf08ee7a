//! The laws of `panda_domain::preflight`, searched for counterexamples.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on should stop")]

mod cases;

use std::collections::{BTreeMap, BTreeSet};

use panda_domain::{
    event::Transition,
    failover::{Address, Association, Lifecycle, PublicAddress},
    ids::SubnetId,
    preflight::{
        AgentLook, Answer, Callback, ConnectionLook, Decision, DeploymentGroup, Endpoint, FleetSetup, GroupSetup,
        HookSetup, InstanceSetup, LONGEST_ANSWER, Launch, LaunchSnapshot, ManagedLook, MemberSetup, Network, Route,
        RouteTable, Rules, SERVICES, Severity, Subnet, Tag, Target, Template, WayOut, check, plan,
    },
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Value, json};

use self::cases::cases;

const CASES: u32 = 1_000;
const VPC: &str = "vpc-1";
const TYPE: &str = "t4g.micro";

fn zone(n: u8) -> String {
    format!("us-east-1{}", char::from(b'a' + n % 4))
}

/// A subnet before its id is known: its zone, whether it belongs to the VPC, lends addresses, has IPv4, and which table it has of its own.
type Seed = (u8, bool, bool, bool, Option<u8>);

fn target() -> impl Strategy<Value = Option<Route>> {
    let gateway = || Target::InternetGateway("igw-1".to_owned());
    prop_oneof![
        6 => Just(Some(Route { target: gateway(), blackhole: false })),
        1 => Just(Some(Route { target: gateway(), blackhole: true })),
        2 => Just(Some(Route { target: Target::Other("nat-1".to_owned()), blackhole: false })),
        2 => Just(None),
    ]
}

fn network() -> impl Strategy<Value = Network> {
    let seed = (
        0_u8..4,
        prop::bool::weighted(0.85),
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.95),
        option::of(0_u8..2),
    );
    let services = option::of(vec(select(SERVICES.to_vec()), 0..8));
    (vec(seed, 1..9), [target(), target(), target()], services).prop_map(|(seeds, routes, services)| {
        let seeds: Vec<Seed> = seeds;
        let tables = routes.into_iter().enumerate().map(|(n, default)| RouteTable {
            id: format!("rtb-{n}"),
            vpc: VPC.to_owned(),
            main: n == 0,
            subnets: (0..seeds.len())
                .filter(|s| seeds[*s].4.map(usize::from) == n.checked_sub(1) && n > 0)
                .map(id)
                .collect(),
            default,
        });
        let endpoint = |service: &str| Endpoint {
            vpc: VPC.to_owned(),
            service: format!("com.amazonaws.us-east-1.{service}"),
            tables: (service == "s3").then(|| BTreeSet::from(["rtb-0".to_owned()])),
            private_dns: true,
        };
        let subnet = |(n, (zone_of, ours, lends, ipv4, _)): (usize, &Seed)| {
            let vpc = if *ours { VPC } else { "vpc-2" }.to_owned();
            let subnet =
                Subnet { id: id(n), vpc, zone: zone(*zone_of), lends_public_ip: *lends, ipv6_only: !ipv4, free: 100 };
            (id(n), subnet)
        };
        Network {
            subnets: seeds.iter().enumerate().map(subnet).collect(),
            tables: tables.collect(),
            // None: all of them.
            endpoints: services.unwrap_or_else(|| SERVICES.to_vec()).into_iter().map(endpoint).collect(),
        }
    })
}

fn id(n: usize) -> SubnetId {
    format!("subnet-{n}").into()
}

fn snapshot() -> impl Strategy<Value = LaunchSnapshot> {
    let zones = || vec(0_u8..4, 0..6).prop_map(|zones| zones.into_iter().map(zone).collect::<BTreeSet<_>>());
    let look = prop_oneof![
        Just(ConnectionLook::Available),
        Just(ConnectionLook::Unfinished("PENDING".to_owned())),
        Just(ConnectionLook::Missing),
        Just(ConnectionLook::Unseen("AccessDeniedException".to_owned())),
    ];
    (
        network(),
        zones(),
        vec((select(vec!["t3.micro", "m6g.micro", "t4g.micro", "c7g.micro"]), zones()), 0..4),
        option::of(look),
    )
        .prop_map(|(network, offered, siblings, connection)| LaunchSnapshot {
            network,
            offered,
            siblings: siblings.into_iter().map(|(name, zones)| (name.to_owned(), zones)).collect(),
            connection,
        })
}

fn launch() -> impl Strategy<Value = Launch> {
    let sizes = prop_oneof![4 => Just((1, 2, 4)), 1 => (0_u32..5, 0_u32..5, 0_u32..5)];
    (vec(0_usize..10, 1..7), sizes, any::<bool>(), option::weighted(0.2, any::<bool>()), any::<bool>()).prop_map(
        |(subnets, (min, desired, max), drop_unsuitable, lends_public_ip, connected)| {
            let mut once: Vec<SubnetId> = Vec::new();
            for subnet in subnets.into_iter().map(id) {
                if !once.contains(&subnet) {
                    once.push(subnet);
                }
            }
            Launch {
                subnets: once,
                instance_type: TYPE.to_owned(),
                vpc: VPC.to_owned(),
                min,
                desired,
                max,
                connection: connected.then(|| "arn:aws:codeconnections:us-east-1:123456789012:connection/1".to_owned()),
                lends_public_ip,
                drop_unsuitable,
            }
        },
    )
}

fn suits(launch: &Launch, snapshot: &LaunchSnapshot, id: &SubnetId) -> bool {
    snapshot.network.subnets.get(id).is_some_and(|subnet| {
        let lends = launch.lends_public_ip.unwrap_or(subnet.lends_public_ip);
        subnet.vpc == launch.vpc
            && snapshot.offered.contains(&subnet.zone)
            && snapshot.network.way_out(subnet, lends) == WayOut::Open
    })
}

fn callback() -> Callback {
    Callback {
        url: "https://bucket.s3.amazonaws.com/answer?X-Amz-Signature=secret".into(),
        stack: format!("arn:aws:cloudformation:us-east-1:123456789012:stack/{}/5b6a0f60", "w".repeat(128)),
        request: "c2f2e1a4-0000-0000-0000-000000000000".to_owned(),
        logical: "LaunchPreflight".repeat(17),
        physical: "p".repeat(256),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(CASES)))]

    #[test]
    fn an_accepted_subnet_was_asked_for_and_can_be_launched_into(launch in launch(), snapshot in snapshot()) {
        if let Decision::Accepted { subnets, dropped, .. } = plan(&launch, &snapshot).decision {
            let asked: Vec<&SubnetId> = launch.subnets.iter().filter(|id| !dropped.contains(id)).collect();
            prop_assert_eq!(subnets.iter().collect::<Vec<_>>(), asked, "in their order");
            for id in &subnets {
                prop_assert!(suits(&launch, &snapshot, id), "{}", id);
            }
        }
    }

    #[test]
    fn nothing_is_left_out_unless_that_was_allowed(launch in launch(), snapshot in snapshot()) {
        let plan = plan(&launch, &snapshot);
        if let Decision::Accepted { dropped, .. } = plan.decision {
            prop_assert!(launch.drop_unsuitable || dropped.is_empty());
            for id in dropped {
                prop_assert!(!suits(&launch, &snapshot, &id), "{} would have done", id);
                let told = plan.findings.iter().any(|f| f.subject == id.as_str() && f.severity == Severity::Warning);
                prop_assert!(told, "{} was left out without a word", id);
            }
        }
    }

    #[test]
    fn nothing_is_accepted_in_fewer_than_two_zones_or_outside_its_sizes(launch in launch(), snapshot in snapshot()) {
        if let Decision::Accepted { subnets, zones, .. } = plan(&launch, &snapshot).decision {
            let of: BTreeSet<String> = subnets.iter().map(|id| snapshot.network.subnets[id].zone.clone()).collect();
            prop_assert!(of.len() >= 2);
            prop_assert_eq!(of, zones);
            prop_assert!(launch.min <= launch.desired && launch.desired <= launch.max);
        }
    }

    #[test]
    fn what_was_accepted_is_accepted_again_without_a_word_about_its_subnets(launch in launch(), snapshot in snapshot()) {
        if let Decision::Accepted { subnets, .. } = plan(&launch, &snapshot).decision {
            let again = Launch { subnets: subnets.clone(), drop_unsuitable: false, ..launch };
            let plan = plan(&again, &snapshot);
            match plan.decision {
                Decision::Accepted { subnets: kept, dropped, .. } => prop_assert!(kept == subnets && dropped.is_empty()),
                Decision::Refused => prop_assert!(false, "{:?}", plan.findings),
            }
            prop_assert!(plan.findings.iter().all(|finding| !finding.subject.starts_with("subnet-")), "{:?}", plan.findings);
        }
    }

    #[test]
    fn order_and_repetition_of_subnets_change_no_verdict(launch in launch(), snapshot in snapshot()) {
        let properties = |subnets: Vec<&str>| json!({
            "SubnetIds": subnets, "InstanceType": TYPE, "VpcId": VPC, "MinSize": launch.min.to_string(),
            "DesiredCapacity": launch.desired, "MaxSize": launch.max.to_string(), "DropUnsuitable": launch.drop_unsuitable.to_string(),
        });
        let forth: Vec<&str> = launch.subnets.iter().map(SubnetId::as_str).collect();
        let mut back: Vec<&str> = forth.iter().rev().copied().collect();
        back.extend(forth.iter().copied());
        let forth = plan(&Launch::read(&properties(forth)).unwrap(), &snapshot);
        let back = plan(&Launch::read(&properties(back)).unwrap(), &snapshot);
        prop_assert_eq!(&forth.findings, &back.findings);
        prop_assert_eq!(forth.decision == Decision::Refused, back.decision == Decision::Refused);
    }

    #[test]
    fn a_connection_warns_and_refuses_nothing(launch in launch(), snapshot in snapshot()) {
        let without = plan(&launch, &LaunchSnapshot { connection: None, ..snapshot.clone() });
        let with = plan(&launch, &snapshot);
        prop_assert_eq!(&with.decision, &without.decision);
        let warned = with.findings.iter().filter(|finding| finding.code.starts_with("connection-")).count();
        let amiss = snapshot.connection.is_some_and(|look| look != ConnectionLook::Available);
        prop_assert_eq!(warned, usize::from(amiss && launch.connection.is_some()));
    }

    #[test]
    fn a_refusal_says_what_to_choose(launch in launch(), snapshot in snapshot()) {
        let plan = plan(&launch, &snapshot);
        let errors: Vec<_> = plan.findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
        prop_assert_eq!(plan.decision == Decision::Refused, !errors.is_empty());
        for error in errors {
            let mend = error.mend.as_deref().unwrap_or_default();
            prop_assert!(!mend.is_empty(), "{:?}", error);
            // What is suggested is accepted.
            if let Some((_, rest)) = mend.split_once("SubnetIds=") {
                let chosen: Vec<SubnetId> = rest.split(' ').next().unwrap().split(',').map(SubnetId::from).collect();
                let sound = Launch { subnets: chosen, min: 1, desired: 2, max: 4, drop_unsuitable: false, ..launch.clone() };
                prop_assert!(matches!(panda_domain::preflight::plan(&sound, &snapshot).decision, Decision::Accepted { .. }), "{}", mend);
            }
        }
    }

    #[test]
    fn an_answer_fits_into_what_cloudformation_takes(
        launch in launch(), snapshot in snapshot(), many in 0_usize..300, letters in "[a\"\\\\é\u{1}😀 ]{0,6000}",
    ) {
        let plan = plan(&launch, &snapshot);
        let subnets: Vec<SubnetId> = (0..many).map(|n| format!("subnet-{n:017}").into()).collect();
        let answers = [
            Answer::of(&plan),
            Answer::Done,
            Answer::Failed { reason: letters.clone() },
            Answer::Accepted { subnets: subnets.clone(), zones: BTreeSet::new(), dropped: Vec::new(), warnings: letters },
        ];
        for answer in answers {
            let body = answer.body(&callback());
            prop_assert!(body.len() <= LONGEST_ANSWER, "{}", body.len());
            let body: Value = serde_json::from_str(&body).unwrap();
            prop_assert_eq!(&body["RequestId"], "c2f2e1a4-0000-0000-0000-000000000000");
            prop_assert!(!body.to_string().contains("secret"));
            match (&answer, body["Status"].as_str().unwrap()) {
                (Answer::Accepted { subnets, .. }, "SUCCESS") => {
                    let told: Vec<SubnetId> =
                        body["Data"]["SubnetIds"].as_str().unwrap().split(',').filter(|id| !id.is_empty()).map(SubnetId::from).collect();
                    prop_assert_eq!(&told, subnets, "never cut");
                }
                (Answer::Accepted { subnets, .. }, "FAILED") => prop_assert!(subnets.len() > 80),
                (Answer::Done, status) => prop_assert_eq!(status, "SUCCESS"),
                (_, status) => prop_assert_eq!(status, "FAILED"),
            }
            if body["Status"] == "FAILED" {
                prop_assert!(body["Reason"].is_string());
            }
        }
    }

    #[test]
    fn whatever_comes_as_properties_is_read_or_named(
        name in select(vec!["SubnetIds", "InstanceType", "VpcId", "MinSize", "MaxSize", "DropUnsuitable", "ConnectionArn", "Subnets"]),
        value in any_json(),
    ) {
        let mut properties = json!({
            "ServiceToken": "arn:aws:lambda:us-east-1:123456789012:function:x", "SubnetIds": ["subnet-1", "subnet-2"], "InstanceType": TYPE,
            "VpcId": VPC, "MinSize": "1", "DesiredCapacity": "2", "MaxSize": "4", "DropUnsuitable": "false",
        });
        prop_assert!(Launch::read(&properties).is_ok());
        properties[name] = value.clone();
        if let Err(findings) = Launch::read(&properties) {
            prop_assert!(findings.iter().all(|finding| finding.subject == name && finding.mend.is_some()), "{:?}", findings);
        }
        prop_assert!(Launch::read(&value).is_err());
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z0-9.,-]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            vec(("[a-zA-Z]{1,9}", inner), 0..3).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

fn rules() -> Rules {
    Rules { hook_prefix: "elastic-ip".to_owned(), hold_seconds: 220 }
}

/// A fleet as it should be.
fn sound() -> FleetSetup {
    let zones = ["us-east-1a", "us-east-1b"];
    let members: Vec<MemberSetup> = ["i-1", "i-2"]
        .map(|instance| MemberSetup { instance: instance.into(), lifecycle: Lifecycle::InService, healthy: true })
        .into();
    let instance = |n: usize, public| InstanceSetup {
        instance_type: TYPE.to_owned(),
        running: true,
        tokens_required: true,
        has_profile: true,
        chaos: Some("on".to_owned()),
        interface: Some((format!("eni-{n}"), public)),
    };
    let hook = |name: &str, transition, heartbeat_seconds| HookSetup {
        name: name.into(),
        transition,
        heartbeat_seconds,
        continues: true,
    };
    let managed = ManagedLook { ping: "Online".to_owned(), agent: AgentLook::Installed("1.8.1".to_owned()) };
    let table = RouteTable {
        id: "rtb-1".to_owned(),
        vpc: VPC.to_owned(),
        main: true,
        subnets: BTreeSet::new(),
        default: Some(Route { target: Target::InternetGateway("igw-1".to_owned()), blackhole: false }),
    };
    let subnet = |n: usize| Subnet {
        id: id(n),
        vpc: VPC.to_owned(),
        zone: zones[n].to_owned(),
        lends_public_ip: true,
        ipv6_only: false,
        free: 200,
    };
    let tag = |value: &str, propagates| Tag { value: value.to_owned(), propagates };
    let group = GroupSetup {
        name: "web".into(),
        tags: BTreeMap::from([
            ("lethargic-panda:fleet".to_owned(), tag("web", true)),
            ("lethargic-panda:chaos".to_owned(), tag("on", true)),
            ("Team".to_owned(), tag("shop", false)),
        ]),
        desired: 2,
        max: 4,
        deleting: false,
        suspended: BTreeSet::new(),
        subnets: vec![id(0), id(1)],
        hooks: Ok(vec![
            hook("elastic-ip-launch", Transition::Launching, 60),
            hook("elastic-ip-terminate", Transition::Terminating, 300),
            HookSetup { continues: false, ..hook("CodeDeploy-managed-web", Transition::Launching, 600) },
        ]),
        template: Ok(Some(Template { id: "lt-1".to_owned(), version: "3".to_owned(), ..Template::default() })),
        instances: Ok(BTreeMap::from([
            ("i-1".into(), instance(1, PublicAddress::Elastic("203.0.113.10".to_owned()))),
            ("i-2".into(), instance(2, PublicAddress::Lent)),
        ])),
        managed: Ok(BTreeMap::from([("i-1".into(), managed.clone()), ("i-2".into(), managed)])),
        network: Ok(Network {
            subnets: [0, 1].map(|n| (id(n), subnet(n))).into(),
            tables: vec![table],
            endpoints: Vec::new(),
        }),
        offered: Ok(BTreeMap::from([(TYPE.to_owned(), zones.map(str::to_owned).into())])),
        deployments: Ok(vec![DeploymentGroup {
            application: "web".to_owned(),
            name: "web".to_owned(),
            hook: Some("CodeDeploy-managed-web".to_owned()),
        }]),
        stop_alarms: Ok(BTreeMap::from([("web-5xx".to_owned(), true)])),
        status_alarms: Ok(vec!["web-status-check".to_owned()]),
        pipelines: Ok(BTreeMap::from([(
            "web".to_owned(),
            Some(BTreeMap::from([("arn".to_owned(), ConnectionLook::Available)])),
        )])),
        members,
    };
    let on = Association { id: "eipassoc-1".into(), instance: Some("i-1".into()) };
    let address =
        Address { allocation: "eipalloc-1".into(), public_ip: "203.0.113.10".to_owned(), association: Some(on) };
    FleetSetup { fleet: "web".into(), addresses: Ok(vec![address]), groups: vec![group] }
}

#[test]
fn of_a_fleet_that_is_as_it_should_be_nothing_is_said() {
    assert_eq!(check(&sound(), &rules()), []);
}

/// What a person, or time, did to a fleet.
type Harm = (&'static str, Severity, fn(&mut FleetSetup));

fn web(setup: &mut FleetSetup) -> &mut GroupSetup {
    &mut setup.groups[0]
}

fn harms() -> Vec<Harm> {
    use Severity::{Error, Note, Warning};
    vec![
        ("no-group", Error, |fleet| fleet.groups.clear()),
        ("no-group", Error, |fleet| web(fleet).deleting = true),
        ("no-address", Error, |fleet| fleet.addresses = Ok(Vec::new())),
        ("address-elsewhere", Error, |fleet| fleet.addresses.as_mut().unwrap()[0].association = None),
        ("address-elsewhere", Error, |fleet| {
            let on = Association { id: "eipassoc-1".into(), instance: Some("i-stranger".into()) };
            fleet.addresses.as_mut().unwrap()[0].association = Some(on);
        }),
        ("more-addresses-than-servers", Warning, |fleet| {
            let address = fleet.addresses.as_ref().unwrap()[0].clone();
            fleet.addresses.as_mut().unwrap().extend([address.clone(), address]);
        }),
        ("foreign-address", Error, |fleet| {
            web(fleet).instances.as_mut().unwrap().get_mut("i-2").unwrap().interface =
                Some(("eni-2".to_owned(), PublicAddress::Elastic("203.0.113.99".to_owned())));
        }),
        ("fleet-tag", Error, |fleet| drop(web(fleet).tags.remove("lethargic-panda:fleet"))),
        ("unknown-tag", Warning, |fleet| {
            let tag = Tag { value: "1".to_owned(), propagates: false };
            web(fleet).tags.insert("lethargic-panda:max-kills".to_owned(), tag);
        }),
        ("chaos-tag", Error, |fleet| {
            web(fleet).tags.get_mut("lethargic-panda:chaos").unwrap().value = "yes".into();
        }),
        ("chaos-tag", Warning, |fleet| {
            let tag = web(fleet).tags.remove("lethargic-panda:chaos").unwrap();
            web(fleet).tags.insert("Lethargic-Panda:chaos".to_owned(), tag);
        }),
        ("chaos-tag-stays", Error, |fleet| {
            web(fleet).tags.get_mut("lethargic-panda:chaos").unwrap().propagates = false;
        }),
        ("chaos-tag-missing", Error, |fleet| {
            web(fleet).instances.as_mut().unwrap().get_mut("i-2").unwrap().chaos = None;
        }),
        ("empty", Error, |fleet| {
            web(fleet).desired = 0;
            fleet.addresses = Err("not read".to_owned());
        }),
        ("no-spare", Note, |fleet| web(fleet).desired = 1),
        ("suspended", Error, |fleet| web(fleet).suspended = BTreeSet::from(["Launch".to_owned()])),
        ("no-terminate-hook", Error, |fleet| {
            web(fleet).hooks.as_mut().unwrap().retain(|hook| hook.transition == Transition::Launching);
        }),
        ("no-terminate-hook", Error, |fleet| web(fleet).hooks.as_mut().unwrap()[1].name = "release".into()),
        ("short-heartbeat", Warning, |fleet| web(fleet).hooks.as_mut().unwrap()[1].heartbeat_seconds = 299),
        ("short-heartbeat", Error, |fleet| web(fleet).hooks.as_mut().unwrap()[1].heartbeat_seconds = 60),
        ("abandons", Warning, |fleet| web(fleet).hooks.as_mut().unwrap()[0].continues = false),
        ("abandons", Warning, |fleet| web(fleet).hooks.as_mut().unwrap()[1].continues = false),
        ("takes-addresses", Error, |fleet| {
            web(fleet).template.as_mut().unwrap().as_mut().unwrap().takes_addresses = true;
        }),
        ("one-zone", Warning, |fleet| drop(web(fleet).subnets.pop())),
        ("subnet-unknown", Error, |fleet| web(fleet).subnets.push("subnet-gone".into())),
        ("no-way-out", Error, |fleet| web(fleet).network.as_mut().unwrap().tables.clear()),
        ("no-way-out", Error, |fleet| {
            web(fleet).network.as_mut().unwrap().subnets.get_mut("subnet-0").unwrap().lends_public_ip = false;
        }),
        ("no-way-out", Error, |fleet| {
            web(fleet).template.as_mut().unwrap().as_mut().unwrap().lends_public_ip = Some(false);
        }),
        ("type-not-offered", Error, |fleet| {
            drop(web(fleet).offered.as_mut().unwrap().get_mut(TYPE).unwrap().pop_last());
        }),
        ("unknown-to-ec2", Error, |fleet| {
            web(fleet).instances.as_mut().unwrap().remove("i-2");
        }),
        ("not-running", Error, |fleet| web(fleet).instances.as_mut().unwrap().get_mut("i-2").unwrap().running = false),
        ("imds-v1", Warning, |fleet| {
            web(fleet).instances.as_mut().unwrap().get_mut("i-2").unwrap().tokens_required = false;
        }),
        ("not-managed", Error, |fleet| drop(web(fleet).managed.as_mut().unwrap().remove("i-2"))),
        ("not-managed", Error, |fleet| {
            web(fleet).managed.as_mut().unwrap().get_mut("i-1").unwrap().ping = "ConnectionLost".into();
        }),
        ("no-agent", Error, |fleet| {
            web(fleet).managed.as_mut().unwrap().get_mut("i-1").unwrap().agent = AgentLook::Missing;
        }),
        ("no-inventory", Note, |fleet| {
            web(fleet).managed.as_mut().unwrap().get_mut("i-1").unwrap().agent = AgentLook::Unknown;
        }),
        ("not-deployed", Note, |fleet| web(fleet).deployments = Ok(Vec::new())),
        ("several-deployment-groups", Warning, |fleet| {
            let group = web(fleet).deployments.as_ref().unwrap()[0].clone();
            web(fleet).deployments.as_mut().unwrap().push(group);
        }),
        ("no-deployment-hook", Error, |fleet| web(fleet).deployments.as_mut().unwrap()[0].hook = None),
        ("no-deployment-hook", Error, |fleet| drop(web(fleet).hooks.as_mut().unwrap().pop())),
        ("no-pipeline", Error, |fleet| drop(web(fleet).pipelines.as_mut().unwrap().insert("web".to_owned(), None))),
        ("connection-unconfirmed", Warning, |fleet| {
            let pending = BTreeMap::from([("arn".to_owned(), ConnectionLook::Unfinished("PENDING".to_owned()))]);
            web(fleet).pipelines.as_mut().unwrap().insert("web".to_owned(), Some(pending));
        }),
        ("no-stop-alarm", Error, |fleet| {
            web(fleet).stop_alarms = Ok(BTreeMap::from([("gone".to_owned(), false)]));
        }),
        ("no-status-alarm", Note, |fleet| web(fleet).status_alarms = Ok(Vec::new())),
    ]
}

#[test]
fn each_thing_that_goes_wrong_is_found_by_its_code_and_nothing_else_is() {
    for (code, severity, harm) in harms() {
        let mut setup = sound();
        harm(&mut setup);
        let findings = check(&setup, &rules());
        let seen = findings.iter().filter(|finding| finding.code != "unseen");
        let found: BTreeSet<_> = seen.map(|finding| (finding.code, finding.severity)).collect();
        assert_eq!(found, BTreeSet::from([(code, severity)]), "{findings:#?}");
    }
}

#[test]
fn every_error_of_a_fleet_comes_with_what_mends_it() {
    // Whatever two things went wrong together.
    for (code, _, first) in harms() {
        for (other, _, second) in harms() {
            let mut setup = sound();
            first(&mut setup);
            if setup.groups.is_empty()
                || std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| second(&mut setup))).is_err()
            {
                continue; // the one took away what the other harms
            }
            for finding in check(&setup, &rules()) {
                assert!(
                    finding.severity != Severity::Error || finding.mend.is_some(),
                    "{code} and {other}: {finding:?}"
                );
                assert!(finding.sentence.ends_with('.') && !finding.sentence.contains("  "), "{}", finding.sentence);
            }
        }
    }
}

#[test]
fn what_could_not_be_seen_is_said_and_is_no_verdict() {
    let no = || "AccessDenied".to_owned();
    let mut setup = sound();
    setup.addresses = Err(no());
    let group = web(&mut setup);
    (group.hooks, group.template, group.instances) = (Err(no()), Err(no()), Err(no()));
    (group.managed, group.network, group.offered) = (Err(no()), Err(no()), Err(no()));
    (group.deployments, group.stop_alarms) = (Err(no()), Err(no()));
    (group.status_alarms, group.pipelines) = (Err(no()), Err(no()));
    let findings = check(&setup, &rules());
    assert!(
        findings.iter().all(|finding| finding.code == "unseen" && finding.severity == Severity::Warning),
        "{findings:#?}"
    );
    assert!(findings.iter().all(|finding| finding.sentence.contains("AccessDenied")));
    assert_eq!(findings.len(), 10, "{findings:#?}");
}

/// What is said of a fleet that was harmed, by code: how bad, and what mends it.
fn said(harm: impl FnOnce(&mut FleetSetup)) -> Vec<(&'static str, Severity, String)> {
    let mut setup = sound();
    harm(&mut setup);
    let findings = check(&setup, &rules()).into_iter();
    findings.map(|finding| (finding.code, finding.severity, finding.mend.unwrap_or_default())).collect()
}

#[test]
fn what_mends_a_fleet_is_the_command_as_it_is_typed() {
    use Severity::{Error, Note, Warning};
    let tag = |key: &str, value: &str, propagates: bool| {
        format!(
            "aws autoscaling create-or-update-tags --tags \
             ResourceId=web,ResourceType=auto-scaling-group,Key=lethargic-panda:{key},Value={value},PropagateAtLaunch={propagates}"
        )
    };
    let update = "aws autoscaling update-auto-scaling-group --auto-scaling-group-name web";
    let untagged = said(|fleet| drop(web(fleet).tags.remove("lethargic-panda:fleet")));
    assert_eq!(untagged, [("fleet-tag", Error, tag("fleet", "web", true))]);
    let stays = |fleet: &mut FleetSetup| web(fleet).tags.get_mut("lethargic-panda:fleet").unwrap().propagates = false;
    assert_eq!(said(stays), [("fleet-tag-stays", Error, tag("fleet", "web", true))]);
    let nothing_deploys = said(|fleet| {
        stays(fleet);
        web(fleet).deployments = Ok(Vec::new());
    });
    assert_eq!(nothing_deploys.iter().map(|(code, ..)| *code).collect::<Vec<_>>(), ["not-deployed"]);
    let none = said(|fleet| fleet.groups.clear());
    assert!(none.iter().any(|(code, _, mend)| *code == "no-group" && mend.ends_with("PropagateAtLaunch=true")));
    let stays = said(|fleet| web(fleet).tags.get_mut("lethargic-panda:chaos").unwrap().propagates = false);
    assert_eq!(stays, [("chaos-tag-stays", Error, tag("chaos", "on", true))]);
    for (max, mend) in [
        (1, format!("{update} --max-size 2 --desired-capacity 2")),
        (2, "aws autoscaling set-desired-capacity --auto-scaling-group-name web --desired-capacity 2".to_owned()),
    ] {
        let alone = said(|fleet| (web(fleet).desired, web(fleet).max) = (1, max));
        assert_eq!(alone, [("no-spare", Note, mend)]);
    }
    let one_zone = said(|fleet| drop(web(fleet).subnets.pop()));
    assert_eq!(one_zone, [("one-zone", Warning, format!("{update} --vpc-zone-identifier \"subnet-0,subnet-…\""))]);
    let gone = said(|fleet| web(fleet).subnets.push("subnet-gone".into()));
    assert_eq!(gone, [("subnet-unknown", Error, format!("{update} --vpc-zone-identifier \"subnet-0,subnet-1\""))]);
    let lost = said(|fleet| web(fleet).network.as_mut().unwrap().tables.clear());
    assert_eq!(lost[0].2, format!("{update} --vpc-zone-identifier \"subnet-1\""));
    let lonely = said(|fleet| web(fleet).subnets = vec!["subnet-gone".into()]);
    assert_eq!(lonely[0].2, format!("{update} --vpc-zone-identifier \"subnet-…,subnet-…\""), "none is left");
    let mute = said(|fleet| {
        web(fleet).network.as_mut().unwrap().subnets.get_mut("subnet-0").unwrap().lends_public_ip = false;
    });
    let lend = "aws ec2 modify-subnet-attribute --subnet-id subnet-0 --map-public-ip-on-launch".to_owned();
    assert_eq!(mute, [("no-way-out", Error, lend)]);
    let free = said(|fleet| fleet.addresses.as_mut().unwrap()[0].association = None);
    let by_hand = "aws ec2 associate-address --allocation-id eipalloc-1 --network-interface-id eni-1".to_owned();
    assert_eq!(free, [("address-elsewhere", Error, by_hand)]);
    let second = said(|fleet| {
        let addresses = fleet.addresses.as_mut().unwrap();
        addresses.push(Address { allocation: "eipalloc-2".into(), association: None, ..addresses[0].clone() });
    });
    let to_the_other = "aws ec2 associate-address --allocation-id eipalloc-2 --network-interface-id eni-2".to_owned();
    assert_eq!(second, [("address-elsewhere", Error, to_the_other)]);
}

#[test]
fn who_does_not_serve_is_not_looked_at_and_a_heartbeat_of_ninety_seconds_is_enough_to_hold() {
    type Spoil = fn(&mut MemberSetup);
    let idle: [Spoil; 2] = [|member| member.healthy = false, |member| member.lifecycle = Lifecycle::Standby];
    for idle in idle {
        let found = said(|fleet| {
            idle(&mut web(fleet).members[1]);
            web(fleet).instances.as_mut().unwrap().get_mut("i-2").unwrap().running = false;
        });
        assert_eq!(found, [], "who does not serve need not run");
    }
    let heartbeat = |seconds| said(|fleet| web(fleet).hooks.as_mut().unwrap()[1].heartbeat_seconds = seconds)[0].1;
    assert_eq!((heartbeat(89), heartbeat(90)), (Severity::Error, Severity::Warning));
}

#[test]
fn who_cannot_be_reached_is_an_error_only_where_somebody_wants_to_reach_it() {
    let unreachable = |faults: Option<&str>, deployed: bool| {
        let found = said(|fleet| {
            let group = web(fleet);
            group.managed.as_mut().unwrap().remove("i-2");
            if !deployed {
                group.deployments = Ok(Vec::new());
            }
            if let Some(faults) = faults {
                let tag = Tag { value: faults.to_owned(), propagates: false };
                group.tags.insert("lethargic-panda:faults".to_owned(), tag);
            }
        });
        found.iter().find(|(code, ..)| *code == "not-managed").unwrap().1
    };
    assert_eq!(unreachable(None, true), Severity::Error);
    assert_eq!(unreachable(None, false), Severity::Warning);
    assert_eq!(unreachable(Some("terminate crash"), false), Severity::Warning);
    assert_eq!(unreachable(Some("terminate stop-agent"), false), Severity::Error);
}
