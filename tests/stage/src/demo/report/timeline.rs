//! The whole run in one picture: requests on top, then who else was at work, then a row per instance, and the address as a line
//! across them.

use maud::{Markup, html};

use super::{
    milliseconds,
    scale::{Scale, px},
    seconds,
};
use crate::demo::{
    outage::Outage,
    panda::PANDA,
    record::{Life, Phase, Record},
    recovery::RECOVERY,
};

const WIDTH: f64 = 1060.0;
const LEFT: f64 = 148.0;
const ACTS: f64 = 22.0;
const SITE: f64 = 44.0;
const SITE_HEIGHT: f64 = 24.0;
const FIRST_LANE: f64 = 96.0;
const LANE: f64 = 40.0;
const ROW: f64 = 38.0;
const BAR: f64 = 20.0;

/// A function at work over some time, beside the ones that answer in an instant.
#[derive(Debug, PartialEq)]
struct Lane {
    name: &'static str,
    class: &'static str,
    bars: Vec<Bar>,
    letters: Vec<f64>,
}

/// A stretch of its work, and how it ended.
#[derive(Debug, PartialEq)]
struct Bar {
    from: f64,
    to: f64,
    words: String,
}

/// Where the instances' rows lie.
#[derive(Debug, Clone, Copy)]
struct Rows {
    first: f64,
}

impl Rows {
    fn top(self, row: usize) -> f64 {
        self.first + as_f64(row) * ROW
    }

    fn middle(self, row: usize) -> f64 {
        self.top(row) + BAR / 2.0
    }
}

/// A stretch in which one instance answered at the address.
#[derive(Debug, PartialEq)]
struct Answering {
    row: usize,
    from: f64,
    to: f64,
}

/// What the colours mean.
pub(super) fn legend() -> Markup {
    html! {
        ul.legend aria-label="Legend" {
            li { i.swatch.answered {} "answered" }
            li { i.swatch.outage {} "no answer" }
            li { i.swatch.booting {} "booting" }
            li { i.swatch.serving {} "serving" }
            li { i.swatch.failing {} "status checks failing" }
            li { i.swatch.leaving {} "shutting down" }
            li { i.swatch.address {} "the Elastic IP" }
            li { i.dot {} "AssociateAddress" }
            li { i.diamond {} "event that woke the function" }
            li { i.swatch.watching {} "the panda at work" }
            li { i.swatch.recovering {} "deployment-recovery at work" }
            li { i.mail {} "mail to people" }
        }
    }
}

/// The picture.
pub(super) fn chart(record: &Record, outages: &[Outage]) -> Markup {
    let scale = Scale::new(0.0, record.seconds, LEFT, WIDTH - 14.0);
    let lanes = lanes(record);
    let rows = Rows { first: FIRST_LANE + as_f64(lanes.len()) * LANE };
    let bottom = rows.top(record.lives.len());
    let height = bottom + 30.0;
    html! {
        svg.timeline viewBox={ "0 0 " (WIDTH) " " (px(height)) } role="img" aria-label=(spoken(record, outages)) {
            defs {
                pattern #hatch width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                    rect.hatch-ground width="6" height="6" {}
                    rect.hatch-line width="2" height="6" {}
                }
            }
            (axis(&scale, bottom))
            (site_strip(&scale, outages))
            @for (row, life) in record.lives.iter().enumerate() { (life_row(&scale, rows.top(row), life)) }
            (act_lines(&scale, record, bottom))
            (address_line(&scale, rows, record))
            (markers(&scale, rows, record))
            @for (number, lane) in lanes.iter().enumerate() { (lane_row(&scale, FIRST_LANE + as_f64(number) * LANE, lane)) }
        }
    }
}

fn spoken(record: &Record, outages: &[Outage]) -> String {
    let acts: Vec<_> = record.acts.iter().map(|act| format!("{} at {}", act.cause, seconds(act.at))).collect();
    let silent: Vec<_> =
        outages.iter().map(|outage| format!("{} from {}", seconds(outage.seconds()), seconds(outage.from))).collect();
    format!(
        "Acts: {}. Outages: {}.",
        acts.join(", "),
        if silent.is_empty() { "none".to_owned() } else { silent.join(", ") }
    )
}

fn axis(scale: &Scale, bottom: f64) -> Markup {
    html! {
        g.axis {
            @for tick in scale.ticks(10.0) {
                line x1=(px(scale.x(tick))) x2=(px(scale.x(tick))) y1=(px(SITE + SITE_HEIGHT + 6.0)) y2=(px(bottom)) {}
                text x=(px(scale.x(tick))) y=(px(bottom + 18.0)) text-anchor="middle" { (format!("{tick:.0}")) " s" }
            }
        }
    }
}

fn site_strip(scale: &Scale, outages: &[Outage]) -> Markup {
    html! {
        g.site {
            text.row-name x="0" y=(px(SITE + 16.0)) { "site" }
            rect.answered x=(px(LEFT)) y=(px(SITE)) width=(px(scale.width(0.0, f64::MAX))) height=(px(SITE_HEIGHT)) rx="3" {}
            @for outage in outages {
                @let width = scale.width(outage.from, outage.to).max(2.0);
                @let middle = scale.x(outage.from) + width / 2.0;
                rect.outage x=(px(scale.x(outage.from))) y=(px(SITE)) width=(px(width)) height=(px(SITE_HEIGHT)) {
                    title { "no answer for " (seconds(outage.seconds())) }
                }
                text.outage-name x=(px(middle)) y=(px(SITE + SITE_HEIGHT + 14.0)) text-anchor="middle" { (seconds(outage.seconds())) }
            }
        }
    }
}

/// Who else was at work.
fn lanes(record: &Record) -> Vec<Lane> {
    let letters = |name: &str| record.letters_from(name).map(|letter| letter.at).collect();
    let experiments = [
        (record.hunt.ordered, record.hunt.experiment.as_ref()),
        (record.deliveries.began, record.deliveries.experiment.as_ref()),
    ];
    let watched = experiments.into_iter().filter_map(|(ordered, experiment)| {
        let outcome = experiment.and_then(|experiment| experiment.outcome.as_ref());
        Some(Bar {
            from: ordered?,
            to: outcome.map_or(record.seconds, |outcome| record.seconds_at(outcome.closed)),
            words: outcome.map_or("not over", |outcome| outcome.verdict.name()).to_owned(),
        })
    });
    // From the failure of a push to the mail about it.
    let told = record.letters_from(RECOVERY).zip(&record.deliveries.pushes);
    let mended = told.map(|(letter, push)| Bar {
        from: push.told_after.map_or(letter.at, |after| letter.at - after),
        to: letter.at,
        words: if push.attempts > 1 { "recovered" } else { "explained" }.to_owned(),
    });
    let lanes = [
        Lane { name: PANDA, class: "watching", bars: watched.collect(), letters: letters(PANDA) },
        Lane { name: RECOVERY, class: "recovering", bars: mended.collect(), letters: letters(RECOVERY) },
    ];
    lanes.into_iter().filter(|lane| !lane.bars.is_empty()).collect()
}

fn lane_row(scale: &Scale, top: f64, lane: &Lane) -> Markup {
    html! {
        g.lane {
            text.row-name x="0" y=(px(top + 15.0)) { (lane.name) }
            @for bar in &lane.bars {
                rect class=(lane.class) x=(px(scale.x(bar.from))) y=(px(top)) width=(px(scale.width(bar.from, bar.to))) height=(px(BAR)) rx="2" {
                    title { (lane.name) ": " (seconds(bar.from)) " to " (seconds(bar.to)) }
                }
                // Below the bar, so that it fits at the end of the run as well.
                text.lane-name x=(px(scale.x(f64::midpoint(bar.from, bar.to)))) y=(px(top + BAR + 13.0)) text-anchor="middle" { (bar.words) }
            }
            @for at in &lane.letters {
                path.mail d=(format!("M{} {} h12 v9 h-12 z l6 5 l6 -5", px(scale.x(*at) - 6.0), px(top + 5.5))) { title { "mail to people at " (seconds(*at)) } }
            }
        }
    }
}

fn life_row(scale: &Scale, top: f64, life: &Life) -> Markup {
    html! {
        g.life {
            text.row-name x="0" y=(px(top + 9.0)) { (short(&life.instance)) title { (life.instance) } }
            text.row-note x="0" y=(px(top + 22.0)) { (life.zone) }
            @for stretch in &life.stretches {
                @let class = match stretch.phase {
                    Phase::Booting => "booting",
                    Phase::Serving => "serving",
                    Phase::Failing => "failing",
                    Phase::Leaving => "leaving",
                };
                rect class=(class) x=(px(scale.x(stretch.from))) y=(px(top)) width=(px(scale.width(stretch.from, stretch.to))) height=(px(BAR)) rx="2" {
                    title { (life.instance) ": " (class) ", " (seconds(stretch.from)) " to " (seconds(stretch.to)) }
                }
            }
        }
    }
}

fn act_lines(scale: &Scale, record: &Record, bottom: f64) -> Markup {
    html! {
        g.acts {
            @for (number, act) in record.acts.iter().enumerate() {
                @let x = scale.x(act.at);
                line x1=(px(x)) x2=(px(x)) y1=(px(ACTS + 6.0)) y2=(px(bottom)) {}
                text x=(px(x)) y=(px(ACTS)) { tspan.number { (number + 1) } " " (act.cause) title { (act.sentence) } }
            }
            @for (at, what) in deliveries(record) {
                @let x = scale.x(at);
                line x1=(px(x)) x2=(px(x)) y1=(px(ACTS + 6.0)) y2=(px(bottom)) {}
                text x=(px(x)) y=(px(ACTS)) { (what) }
            }
        }
    }
}

/// What was done to the fleet's updates.
fn deliveries(record: &Record) -> Vec<(f64, &str)> {
    let stopped = record.deliveries.struck.map(|at| (at, "stop-agent"));
    let pushed = record.deliveries.pushes.iter().map(|push| (push.at, push.page.as_str()));
    // What comes at once would be written over.
    let apart = |(at, what)| (at, if stopped.is_some_and(|(first, _)| at - first < 12.0) { "" } else { what });
    stopped.into_iter().chain(pushed.map(apart)).collect()
}

fn address_line(scale: &Scale, rows: Rows, record: &Record) -> Markup {
    let stretches = answering(record);
    html! {
        g.address {
            @for pair in stretches.windows(2) {
                @if let [before, after] = pair {
                    @if before.row != after.row {
                        path.step d=(format!(
                            "M{} {} L{} {}",
                            px(scale.x(before.to)), px(rows.middle(before.row)), px(scale.x(after.from)), px(rows.middle(after.row)),
                        )) {}
                    }
                }
            }
            @for stretch in &stretches {
                line x1=(px(scale.x(stretch.from))) x2=(px(scale.x(stretch.to))) y1=(px(rows.middle(stretch.row))) y2=(px(rows.middle(stretch.row))) {}
            }
        }
    }
}

/// Who answered when, from the requests themselves.
fn answering(record: &Record) -> Vec<Answering> {
    let mut stretches: Vec<Answering> = Vec::new();
    for probe in &record.probes {
        let row = probe.answered_by.as_ref().and_then(|id| record.lives.iter().position(|life| life.instance == *id));
        match (row, stretches.last_mut()) {
            (Some(row), Some(last)) if last.row == row && probe.at - last.to < 0.35 => last.to = probe.at,
            (Some(row), _) => stretches.push(Answering { row, from: probe.at, to: probe.at }),
            (None, _) => {}
        }
    }
    stretches
}

fn markers(scale: &Scale, rows: Rows, record: &Record) -> Markup {
    let row_of = |instance: &str| record.lives.iter().position(|life| life.instance == instance);
    html! {
        g.markers {
            @for change in &record.moves {
                @let event_at = change.after_event_ms().map(|ms| change.at - std::time::Duration::from_millis(ms).as_secs_f64());
                @if let (Some(event_at), Some(row)) = (event_at, row_of(&change.from)) {
                    @let (x, y) = (scale.x(event_at), rows.middle(row));
                    path.event d=(format!("M{} {} l5 5 l-5 5 l-5 -5 z", px(x), px(y - 5.0))) { title { (change.trigger) " at " (seconds(event_at)) } }
                }
                @if let Some(row) = row_of(&change.to) {
                    @let (x, y) = (scale.x(change.at), rows.middle(row));
                    circle.move cx=(px(x)) cy=(px(y)) r="5" {
                        title { "AssociateAddress at " (seconds(change.at)) }
                    }
                    text.move-name x=(px(x + 2.0)) y=(px(y + 23.0)) { (change.trigger) @if let Some(ms) = change.after_event_ms() { " → " (milliseconds(ms)) } }
                }
            }
        }
    }
}

/// `i-0a1b2c3d…`: seventeen digits tell a reader no more than the first eight do.
fn short(instance: &str) -> String {
    if instance.chars().count() <= 12 {
        return instance.to_owned();
    }
    instance.chars().take(10).chain(std::iter::once('…')).collect()
}

fn as_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::fixture;

    #[test]
    fn the_address_line_follows_who_answered() {
        let rows: Vec<_> = answering(&fixture::record()).iter().map(|stretch| stretch.row).collect();
        assert_eq!(rows, [0, 1, 2]);
    }

    #[test]
    fn a_silence_interrupts_the_line_even_when_the_same_instance_answers_again() {
        let mut record = fixture::record();
        record.probes.iter_mut().skip(20).take(10).for_each(|probe| probe.answered_by = None);
        assert_eq!(answering(&record).len(), 4);
    }

    #[test]
    fn every_act_event_and_move_is_in_the_picture() {
        let record = fixture::record();
        let picture = chart(&record, &crate::demo::outage::of(&record)).into_string();
        for word in [
            "kill",
            "scale-in",
            "640 ms",
            "85 ms",
            "terminate hook",
            "5.2 s",
            "i-cccc",
            "panda",
            "survived",
            "stop-agent",
            "recovered",
            "explained",
        ] {
            assert!(picture.contains(word), "{word} is missing");
        }
    }
}
