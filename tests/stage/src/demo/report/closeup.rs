//! One act under the glass: each request as a bar, and when the event, the call and the data plane came.

use maud::{Markup, html};

use super::{
    scale::{Scale, px},
    seconds,
};
use crate::demo::{
    outage::{self, Outage},
    record::{ActRecord, Move, Record},
};

const WIDTH: f64 = 500.0;
const BARS: f64 = 52.0;
const BAR_HEIGHT: f64 = 34.0;
const HEIGHT: f64 = 140.0;

/// Least and most seconds that a panel shows after its act.
const SHOWN: std::ops::RangeInclusive<f64> = 9.0..=40.0;

/// What the colours mean.
pub(super) fn legend() -> Markup {
    html! {
        ul.legend aria-label="Legend" {
            li { i.swatch.before {} "the holder before the act" }
            li { i.swatch.address {} "its successor" }
            li { i.swatch.outage {} "no answer" }
        }
    }
}

/// The panel of act `number`, counted from 0.
pub(super) fn panel(record: &Record, outages: &[Outage], number: usize) -> Markup {
    let Some(act) = record.acts.get(number) else {
        return html! {};
    };
    let end = record.acts.get(number + 1).map_or(record.seconds, |next| next.at);
    let change = record.moves.iter().find(|change| (act.at..end).contains(&change.at));
    let silent = outage::seconds_after(outages, act);
    html! {
        figure.panel {
            figcaption {
                strong { (number + 1) " " (act.cause) }
                span.verdict.bad[silent >= 0.05] {
                    @if silent >= 0.05 { (seconds(silent)) " without an answer" } @else { "no request failed" }
                }
            }
            p { (act.sentence) }
            (strip(record, act, change, end))
        }
    }
}

fn strip(record: &Record, act: &ActRecord, change: Option<&Move>, end: f64) -> Markup {
    let last = change.map_or(act.at, |change| change.settled_at.unwrap_or(change.at));
    let shown = (last - act.at + 2.0).clamp(*SHOWN.start(), *SHOWN.end()).min(end - act.at);
    let scale = Scale::new(act.at - 1.0, act.at + shown, 6.0, WIDTH - 6.0);
    let bar = (scale.width(act.at, act.at + 0.1) - 0.8).max(0.8);
    html! {
        svg.strip viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(spoken(act, change)) {
            @for probe in record.probes.iter().filter(|probe| scale.shows(probe.at)) {
                @let class = match &probe.answered_by {
                    None => "outage",
                    Some(id) if *id == act.instance => "before",
                    Some(_) => "after",
                };
                rect class=(class) x=(px(scale.x(probe.at))) y=(px(BARS)) width=(px(bar)) height=(px(BAR_HEIGHT)) {}
            }
            (mark(scale.x(act.at), 14.0, act.cause))
            @if let Some(change) = change {
                @let event_at = change.at - std::time::Duration::from_millis(change.after_event_ms().unwrap_or(0)).as_secs_f64();
                (mark(scale.x(event_at), 30.0, &format!("{} +{:.1} s", change.trigger, event_at - act.at)))
                (mark(scale.x(change.at), 46.0, &format!("AssociateAddress +{:.1} s", change.at - act.at)))
                @if let Some(settled) = change.settled_at {
                    (below(scale.x(settled), &format!("new holder answers +{:.1} s", settled - act.at)))
                }
            }
            g.axis {
                @for tick in (0..=40_u32).step_by(if shown > 20.0 { 5 } else { 2 }) {
                    @if scale.shows(act.at + f64::from(tick)) {
                        text x=(px(scale.x(act.at + f64::from(tick)))) y=(px(HEIGHT - 4.0)) text-anchor="middle" { (tick) " s" }
                    }
                }
            }
        }
    }
}

fn spoken(act: &ActRecord, change: Option<&Move>) -> String {
    match change {
        Some(change) => format!(
            "{}: {}, the address moved {} after the act",
            act.cause,
            change.trigger,
            seconds(change.at - act.at)
        ),
        None => format!("{}: the address did not move", act.cause),
    }
}

/// A line down to the bars with its words to the right, or to the left near the right edge.
fn mark(x: f64, y: f64, words: &str) -> Markup {
    let (anchor, text_x) = if x > WIDTH * 0.66 { ("end", x - 4.0) } else { ("start", x + 4.0) };
    html! {
        line.mark x1=(px(x)) x2=(px(x)) y1=(px(y - 9.0)) y2=(px(BARS + BAR_HEIGHT)) {}
        text x=(px(text_x)) y=(px(y)) text-anchor=(anchor) { (words) }
    }
}

fn below(x: f64, words: &str) -> Markup {
    let (anchor, text_x) = if x > WIDTH * 0.5 { ("end", x - 4.0) } else { ("start", x + 4.0) };
    html! {
        line.mark x1=(px(x)) x2=(px(x)) y1=(px(BARS)) y2=(px(BARS + BAR_HEIGHT + 18.0)) {}
        text x=(px(text_x)) y=(px(BARS + BAR_HEIGHT + 16.0)) text-anchor=(anchor) { (words) }
    }
}
