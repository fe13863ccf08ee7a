//! A run as it could have been, for the tests of what is computed and drawn from it.

use jiff::Timestamp;
use panda_domain::chaos::Experiment;
use serde_json::json;

use super::{
    panda::{GroupTold, ReasonTold},
    record::{
        ActRecord, By, Comparison, Deliveries, EventRecord, Hunt, Letter, Life, Move, Phase, Probe, Push, Record, Said,
        Spread, Step, Stretch,
    },
};

/// A minute with two acts: a kill that costs 5.2 s and a scale-in that costs nothing.
pub(super) fn record() -> Record {
    let probes = (0..600_u32)
        .map(|tick| {
            let at = f64::from(tick) / 10.0;
            let answered_by = match tick {
                0..100 => Some("i-aaaa".to_owned()),
                100..152 => None,
                152..400 => Some("i-bbbb".to_owned()),
                _ => Some("i-cccc".to_owned()),
            };
            Probe { at, answered_by, page: None }
        })
        .collect();
    let life = |instance: &str, zone: &str, stretches: &[(f64, f64, Phase)]| Life {
        instance: instance.to_owned(),
        zone: zone.to_owned(),
        stretches: stretches.iter().map(|&(from, to, phase)| Stretch { from, to, phase }).collect(),
    };
    Record {
        seed: 7,
        // The act of the kill is at second 10.
        began: "2026-11-22T20:29:50Z".parse().unwrap_or(Timestamp::UNIX_EPOCH),
        played: "22 November 2026, 20:30 UTC".to_owned(),
        seconds: 60.0,
        fleet: "web".to_owned(),
        public_ip: "203.0.113.10".to_owned(),
        probes,
        acts: vec![
            ActRecord {
                at: 10.0,
                cause: "kill",
                sentence: "i-aaaa terminated, with <no> warning".to_owned(),
                instance: "i-aaaa".to_owned(),
                scenario: "kill-with-spare",
            },
            ActRecord {
                at: 36.0,
                cause: "scale-in",
                sentence: "scale in takes i-bbbb".to_owned(),
                instance: "i-bbbb".to_owned(),
                scenario: "scale-in",
            },
        ],
        events: vec![
            EventRecord {
                at: 10.3,
                kind: "shutting-down".to_owned(),
                instance: Some("i-aaaa".to_owned()),
                function: "elastic-ip-failover".to_owned(),
            },
            EventRecord {
                at: 36.4,
                kind: "terminate hook".to_owned(),
                instance: Some("i-bbbb".to_owned()),
                function: "elastic-ip-failover".to_owned(),
            },
        ],
        moves: vec![
            Move {
                at: 10.94,
                allocation: "eipalloc-1".to_owned(),
                from: "i-aaaa".to_owned(),
                to: "i-bbbb".to_owned(),
                trigger: "shutting-down".to_owned(),
                event_to_call_ms: 640,
                settled_at: Some(15.2),
            },
            Move {
                at: 36.5,
                allocation: "eipalloc-1".to_owned(),
                from: "i-bbbb".to_owned(),
                to: "i-cccc".to_owned(),
                trigger: "terminate hook".to_owned(),
                event_to_call_ms: 85,
                settled_at: Some(40.0),
            },
        ],
        lives: vec![
            life("i-aaaa", "eu-central-1a", &[(0.0, 10.0, Phase::Serving), (10.0, 14.0, Phase::Leaving)]),
            life("i-bbbb", "eu-central-1b", &[(0.0, 43.0, Phase::Serving), (43.0, 46.0, Phase::Leaving)]),
            life("i-cccc", "eu-central-1a", &[(14.0, 22.0, Phase::Booting), (22.0, 60.0, Phase::Serving)]),
        ],
        said: vec![Said {
            at: 11.0,
            line: "Moved eipalloc-1 from i-aaaa to i-bbbb: <its holder> is shutting down".to_owned(),
        }],
        hunt: hunt(),
        deliveries: deliveries(),
        letters: letters(),
        comparisons: [("kill-with-spare", 5.9, 8.1, 71.0, 120.4), ("scale-in", 0.0, 0.0, 20.5, 41.0)]
            .into_iter()
            .map(|(scenario, p50, p99, steal50, steal99)| {
                let comparison = Comparison {
                    runs: 20,
                    ours: Spread { p50, p99 },
                    boot_steal: Spread { p50: steal50, p99: steal99 },
                };
                (scenario.to_owned(), comparison)
            })
            .collect(),
    }
}

fn letters() -> Vec<Letter> {
    let letter = |at: f64, from: &'static str, subject: &str, text: &str| Letter {
        at,
        from,
        subject: subject.to_owned(),
        text: text.to_owned(),
    };
    vec![
        letter(9.9, "panda", "The panda strikes web", "Fleet: web\nVictim: <i-aaaa>"),
        letter(26.3, "panda", "web survived the panda", "Fleet: web\nVictim: <i-aaaa>"),
        letter(53.0, "deployment-recovery", "web recovered after 1 retry", "The agent of <i-bbbb> was restarted."),
        letter(58.0, "deployment-recovery", "web failed: script-failed", "DB_PASSWORD=[redacted]\n<exit> 3"),
    ]
}

fn deliveries() -> Deliveries {
    let step = |at: f64, by: By, what: &str| Step { at, by, what: what.to_owned() };
    let push = |at: f64, page: &str, status: &str, attempts: u32| Push {
        at,
        page: page.to_owned(),
        commit: "0a1b2c3".to_owned(),
        status: status.to_owned(),
        attempts,
        restarted: if attempts > 1 { vec!["i-bbbb".to_owned()] } else { Vec::new() },
        told_after: Some(3.0),
    };
    Deliveries {
        began: Some(47.0),
        victim: "i-bbbb".to_owned(),
        struck: Some(48.0),
        experiment: None,
        pushes: vec![push(48.5, "Release 2", "Succeeded", 2), push(54.0, "Release 3", "Failed", 1)],
        steps: vec![
            step(47.0, By::People, "The panda is told to stop the agent of `i-bbbb`."),
            step(48.0, By::Panda, "The agent of `i-bbbb` is stopped."),
            step(50.0, By::Recovery, "It has the agent of `i-bbbb` <restarted>."),
            step(52.0, By::Visitor, "The site shows \"Release 2\"."),
        ],
    }
}

fn hunt() -> Hunt {
    let told = |fleet: &str, code: &str, sentence: &str| GroupTold {
        fleet: fleet.to_owned(),
        code: code.to_owned(),
        sentence: sentence.to_owned(),
        reasons: vec![ReasonTold { code: code.to_owned(), sentence: sentence.to_owned() }],
        day_odds: Some(0.2),
    };
    let lone = told("lone", "min-healthy", "1 must stay in service (half of what is desired), and <nobody> would");
    let broken = told("broken", "policy-unreadable", "the tag `lethargic-panda:window` is no window");
    let experiment: Option<Experiment> = serde_json::from_value(json!({
        "id": "web/request-1", "fleet": "web", "group": "web", "leashed": false,
        "trigger": {"by": "command", "request": "request-1", "reason": "make demo"},
        "fault": "terminate", "victims": [{"instance": "i-aaaa", "zone": "eu-central-1a", "holds": ["203.0.113.10"]}],
        "started": "2026-11-22T20:29:59.5Z", "day": "2026-11-22", "heal_by": "2026-11-22T20:31:00Z", "desired": 2,
        "members": ["i-aaaa", "i-bbbb"], "addresses": [{"public_ip": "203.0.113.10", "holder": "i-aaaa"}], "url": "/",
        "struck": "2026-11-22T20:30:00Z",
        "outcome": {
            "verdict": "survived", "closed": "2026-11-22T20:30:16Z", "heal_seconds": 16, "outage_seconds": 5,
            "moves": [{"public_ip": "203.0.113.10", "from": "i-aaaa", "to": "i-bbbb"}], "replacements": ["i-cccc"], "detail": null,
        },
    }))
    .ok();
    Hunt {
        preview: vec![told("web", "dice", "the dice spared it"), lone.clone(), broken.clone()],
        spared: vec![lone, broken],
        ordered: Some(9.0),
        intention: experiment.clone().map(|experiment| Experiment { struck: None, outcome: None, ..experiment }),
        struck: Some(10.0),
        healed: Some(22.3),
        experiment,
        history: "1 experiments since 2026-10-23T20:31:00Z: survived 1".to_owned(),
    }
}
