//! What do people do in a year, whatever happens? They work on fleets, order kills, pull levers, change the panda's mode, and tidy up.

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    DAYS,
    calendar::{Environment, Rules},
    fleets::{Plan, Weather},
    mischief::{Agenda, Deed},
};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Writes the year's appointments.
pub(super) fn appoint(
    rng: &mut Rng,
    agenda: &Agenda,
    plans: &[Plan],
    weather: &Weather,
    environment: &Environment,
    start: Timestamp,
) {
    let days = i64::from(DAYS);
    let after = |seconds: i64| start.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(start);
    for (number, plan) in plans.iter().enumerate() {
        let fleet = plan.spec.name.as_str();
        for _ in 0..weather.troubles {
            agenda.add(after(rng.i64(0..days * DAY)), Deed::Trouble(number));
        }
        for week in 0..=days / 7 {
            agenda.add(after(week * 7 * DAY + 5 * HOUR), Deed::Tidy(number));
        }
        for _ in 0..4 {
            agenda.add(after(rng.i64(0..days * DAY)), Deed::Command(order(rng, fleet)));
        }
        for _ in 0..6 {
            if let Some(closing) = closing(rng, plan, environment, start) {
                let at = closing.checked_sub(SignedDuration::from_millis(rng.i64(-1_000..60_000))).unwrap_or(closing);
                agenda.add(at, Deed::Command(order(rng, fleet)));
            }
        }
        if rng.bool() {
            let at = rng.i64(0..days * DAY);
            pause(agenda, after(at), after(at + rng.i64(HOUR..10 * DAY)), Some(fleet));
        }
        for _ in 0..rng.u8(0..4) {
            agenda.add(after(rng.i64(0..days * DAY)), Deed::Command(json!({"command": "preview", "fleet": fleet})));
        }
    }
    for _ in 0..rng.u8(1..=3) {
        let at = rng.i64(0..days * DAY);
        pause(agenda, after(at), after(at + rng.i64(HOUR..6 * DAY)), None);
    }
    for command in
        [json!({"command": "history", "days": 400}), json!({"command": "preview"}), json!({"command": "nap"})]
    {
        agenda.add(after(rng.i64(0..days * DAY)), Deed::Command(command));
    }
    for (mode, longest) in [("Leashed", 21 * DAY), ("Off", 4 * DAY)] {
        let at = rng.i64(0..days * DAY);
        agenda.add(after(at), Deed::Mode(mode));
        agenda.add(after(at + rng.i64(HOUR..longest)), Deed::Mode("Unleashed"));
    }
}

/// Somebody disarms, and arms again.
fn pause(agenda: &Agenda, from: Timestamp, to: Timestamp, fleet: Option<&str>) {
    for (at, command, reason) in [(from, "disarm", "release week"), (to, "arm", "release week is over")] {
        agenda.add(at, Deed::Command(about(json!({"command": command, "reason": reason}), fleet)));
    }
}

/// A command about a fleet, or about everything.
pub(super) fn about(mut command: Value, fleet: Option<&str>) -> Value {
    if let (Some(fleet), Some(fields)) = (fleet, command.as_object_mut()) {
        fields.insert("fleet".to_owned(), Value::from(fleet));
    }
    command
}

fn order(rng: &mut Rng, fleet: &str) -> Value {
    let mut order = json!({"command": "kill", "fleet": fleet, "reason": "game day"});
    let faults = ["terminate", "crash", "graceful", "stop-agent"];
    if let Some(fields) = order.as_object_mut() {
        if rng.u8(0..3) == 0 {
            let fault = faults.get(rng.usize(0..faults.len())).copied().unwrap_or_default();
            fields.insert("fault".to_owned(), Value::from(fault));
        }
        if rng.u8(0..3) == 0 {
            fields.insert("count".to_owned(), Value::from(2));
        }
    }
    order
}

/// When a window of the fleet closes, on some day.
fn closing(rng: &mut Rng, plan: &Plan, environment: &Environment, start: Timestamp) -> Option<Timestamp> {
    let rules = Rules::read(&plan.spec.groups.first()?.tags, environment).ok()?;
    (0..20).find_map(|_| {
        let day = start.checked_add(SignedDuration::from_secs(rng.i64(0..i64::from(DAYS)) * DAY)).ok()?;
        rules.spans(rules.date(day)).last().map(|(_, closing)| *closing)
    })
}
