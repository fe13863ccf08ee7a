//! Which fleets are there, how are they tagged, and how is the panda set up? A year's cast, drawn from its seed.

use std::collections::BTreeMap;

use fastrand::Rng;
use panda_domain::chaos::tags;
use panda_world::{AlarmSpec, DocumentEffect, Faults, FleetSpec, GroupSpec, MaintenanceSpec, Span};

use super::calendar::Environment;
use crate::simulate::frailty::Frailty;

const NAMES: [&str; 6] = ["shop", "wiki", "mail", "auth", "blog", "chat"];
/// Windows with what makes them worth trying: the usual, several, a night in which clocks change, over midnight, the whole week, short.
const WINDOWS: [&str; 10] = [
    "Mon-Fri 09:00-15:00",
    "Mon-Thu 10:00-12:00/Fri 09:00-10:30",
    "Sat,Sun 00:30-04:00",
    "Fri 22:00-04:00/Sun 01:30-03:00",
    "Mon-Fri 09:30-12:00",
    "Wed 00:00-24:00",
    "Mon-Fri 10:00-14:00",
    "Tue,Thu 13:15-13:45",
    "Mon-Sun 23:00-01:00",
    "Mon-Fri 10:05-13:50",
];
/// UTC, both hemispheres, odd offsets, a clock change by half an hour.
const ZONES: [&str; 8] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Los_Angeles",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "Pacific/Auckland",
];
/// Tags that no panda should understand.
pub(super) const BROKEN: [(&str, &str); 10] = [
    (tags::MEAN_DAYS, "often"),
    (tags::MIN_DAYS, "-1"),
    (tags::WINDOW, "Mon-Fri 9-15"),
    (tags::WINDOW, "Mo-Fr 09:00-15:00"),
    (tags::TIME_ZONE, "Europe/Bärlin"),
    (tags::MIN_HEALTHY, "all"),
    (tags::VICTIM, "oldest"),
    (tags::FAULTS, "terminate explode"),
    ("lethargic-panda:windows", "Mon-Fri 09:00-15:00"),
    ("lethargic-panda:Min-Days", "20"),
];

/// A fleet of the year.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) spec: FleetSpec,
    /// The alarm that its tags name, if they do.
    pub(super) alarm: Option<String>,
    /// The pipeline that its tags name, if they do.
    pub(super) pipeline: Option<String>,
}

impl Plan {
    /// Its group of this name.
    pub(super) fn group(&self, name: &str) -> Option<&GroupSpec> {
        self.spec.groups.iter().find(|group| group.name == name)
    }
}

/// How rough a year is.
#[derive(Debug, Clone)]
pub(super) struct Weather {
    pub(super) faults: Faults,
    pub(super) frailty: Frailty,
    /// How many in a hundred strikes the caller does not outlive.
    pub(super) deaths: u8,
    /// How often in a hundred something happens at the worst moment.
    pub(super) mischief: u8,
    /// How many in a hundred ticks are lost, doubled, and late.
    pub(super) ticks: (u8, u8, u8),
    /// How often something happens to a fleet in a year.
    pub(super) troubles: u32,
}

impl Weather {
    /// One year in four is calm.
    pub(super) fn draw(rng: &mut Rng) -> Self {
        if rng.u8(0..4) == 0 {
            return Self {
                faults: Faults::default(),
                frailty: Frailty::default(),
                deaths: 0,
                mischief: 8,
                ticks: (0, 1, 3),
                troubles: rng.u32(0..=20),
            };
        }
        // A watch is hundreds of calls; a chance of death that is not rare for each would end nearly all of them.
        let faults = Faults {
            caller_dies: 0.000_3,
            timeout: 0.002,
            stale_lag: Span::secs(0, rng.u64(1..=10)),
            ..Faults::rough()
        };
        Self {
            faults,
            frailty: Frailty { lost_before: 10, lost_after: 15, dies: 10 },
            deaths: 6,
            mischief: 12,
            ticks: (4, 6, 8),
            troubles: rng.u32(10..=40),
        }
    }
}

/// The fleets of a year: a few, and in one year of ten half a dozen. Every look is at all of them, so that fleets cost the square of their
/// number.
pub(super) fn draw(rng: &mut Rng) -> Vec<Plan> {
    let number = if rng.u8(0..10) == 0 { rng.usize(5..=6) } else { rng.usize(2..=4) };
    let home = pick(rng, &ZONES);
    NAMES.iter().take(number).zip(0_u8..).map(|(name, n)| fleet(rng, name, n, home)).collect()
}

/// Most fleets live in the same zone, as most people of a company do.
fn fleet(rng: &mut Rng, name: &str, number: u8, home: &str) -> Plan {
    let addresses = rng.u8(0..=2);
    let first = 10 + number * 4;
    let alarm = (rng.u8(0..3) == 0).then(|| format!("{name}-errors"));
    let pipeline = (rng.u8(0..3) == 0).then(|| format!("{name}-release"));
    let mut tags = policy(rng, addresses > 0, home);
    for (key, value) in [(tags::STOP_ALARMS, &alarm), (tags::PIPELINE, &pipeline)] {
        tags.extend(value.iter().map(|value| (key.to_owned(), value.clone())));
    }
    match rng.u8(0..20) {
        0 => {
            tags.remove(tags::CHAOS);
        }
        1 => {
            tags.insert(tags::CHAOS.to_owned(), "off".to_owned());
        }
        2 => {
            tags.insert(tags::CHAOS.to_owned(), "yes".to_owned());
        }
        3 => {
            let (key, value) = BROKEN.get(rng.usize(0..BROKEN.len())).copied().unwrap_or_default();
            tags.insert(key.to_owned(), value.to_owned());
        }
        _ => {}
    }
    let groups = if rng.u8(0..5) == 0 { vec![format!("{name}-a"), format!("{name}-b")] } else { vec![name.to_owned()] };
    let groups = groups.into_iter().map(|group| {
        // The last server of a group is never killed: one fleet in eight is there to show it.
        let spares = if rng.u8(0..8) == 0 { 0 } else { rng.u32(1..=3) };
        let desired = u32::from(addresses).max(1) + spares;
        GroupSpec {
            name: group,
            desired,
            max: desired + 3,
            code_deploy: rng.u8(0..4) > 0,
            maintenance: (rng.u8(0..4) == 0).then_some(MaintenanceSpec { min_percent: 60, max_percent: 160 }),
            tags: tags.clone(),
            zones: ["a", "b", "c"].iter().take(rng.usize(1..=3)).map(|zone| format!("us-east-1{zone}")).collect(),
            ..GroupSpec::default()
        }
    });
    let spec = FleetSpec {
        name: name.to_owned(),
        addresses: (0..addresses).map(|n| format!("203.0.113.{}", first + n)).collect(),
        groups: groups.collect(),
        alarms: alarm.iter().map(|name| AlarmSpec { name: name.clone(), ..AlarmSpec::default() }).collect(),
        pipelines: pipeline.iter().cloned().collect(),
        topics: vec!["PandaTopic".to_owned()],
        documents: BTreeMap::from([("PandaStopAgentDocument".to_owned(), DocumentEffect::StopCodeDeployAgent)]),
        ..FleetSpec::default()
    };
    Plan { spec, alarm, pipeline }
}

/// Tags of a group that takes part. What is not tagged comes from the function's environment.
fn policy(rng: &mut Rng, with_addresses: bool, home: &str) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::from([(tags::CHAOS.to_owned(), "on".to_owned())]);
    let mut tag = |key: &str, value: String| {
        tags.insert(key.to_owned(), value);
    };
    if rng.u8(0..4) > 0 {
        tag(tags::WINDOW, pick(rng, &WINDOWS).to_owned());
    }
    match rng.u8(0..6) {
        0 => tag(tags::TIME_ZONE, pick(rng, &ZONES).to_owned()),
        1 => {}
        _ => tag(tags::TIME_ZONE, home.to_owned()),
    }
    match rng.u8(0..6) {
        0 => {
            tag(tags::MIN_DAYS, "0".to_owned());
            tag(tags::MEAN_DAYS, pick(rng, &["1.5", "3", "8"]).to_owned());
            tag(tags::MAX_PER_DAY, rng.u8(1..=3).to_string());
        }
        1 => {
            tag(tags::MIN_DAYS, "3".to_owned());
            tag(tags::MEAN_DAYS, pick(rng, &["3", "6", "12.5"]).to_owned());
        }
        2 | 3 => tag(tags::MEAN_DAYS, pick(rng, &["2", "7", "10", "20"]).to_owned()),
        _ => {}
    }
    if rng.u8(0..3) == 0 {
        tag(tags::HOLIDAYS, "12-24 12-25 2026-05-01 01-01".to_owned());
    }
    if rng.bool() {
        tag(tags::MIN_HEALTHY, pick(rng, &["1", "1", "2", "50%", "75%", "34%"]).to_owned());
    }
    if rng.bool() {
        let choices: &[&str] = if with_addresses { &["any", "holder", "spare"] } else { &["any"] };
        tag(tags::VICTIM, pick(rng, choices).to_owned());
    }
    if rng.bool() {
        let faults =
            ["terminate", "crash", "graceful", "graceful crash", "stop-agent", "terminate crash graceful stop-agent"];
        tag(tags::FAULTS, pick(rng, &faults).to_owned());
    }
    // A question every second: a few fleets are enough to see that it is asked.
    if with_addresses && rng.u8(0..4) == 0 {
        tag(tags::URL, pick(rng, &["/health", ":8080/"]).to_owned());
    }
    tags
}

/// The function's environment: the template's, with what a person might set by the parameters.
pub(super) fn environment(template: &Environment, rng: &mut Rng) -> Environment {
    let mut environment = template.clone();
    let mut set = |name: &str, value: String| {
        environment.insert(name.to_owned(), value);
    };
    set("PANDA_MODE", "Unleashed".to_owned());
    // The template's `!Ref` of a topic is its ARN.
    set("TOPIC_ARN", panda_world::topic_arn("PandaTopic"));
    if rng.u8(0..3) == 0 {
        set("MAX_KILLS_PER_DAY", rng.u8(1..=3).to_string());
    }
    if rng.bool() {
        set("MAX_KILLS_PER_RUN", rng.u8(1..=3).to_string());
    }
    if rng.bool() {
        set("TIME_ZONE", pick(rng, &ZONES).to_owned());
    }
    if rng.u8(0..3) == 0 {
        set("HOLIDAYS", "12-25 12-26".to_owned());
    }
    environment
}

fn pick<'a>(rng: &mut Rng, from: &[&'a str]) -> &'a str {
    from.get(rng.usize(0..from.len())).copied().unwrap_or_default()
}
