//! The report as a picture: how long moves take, and what is left of AWS's request limits, over the number of fleets.

use maud::{Markup, html};

use super::report::{PhaseReport, ScaleReport, SizeReport};

const WIDTH: f64 = 760.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 560.0;
const PANEL: f64 = 190.0;
const FIRST: f64 = 58.0;
const SECOND: f64 = FIRST + PANEL + 78.0;
const HEIGHT: f64 = SECOND + PANEL + 46.0;
/// So many buckets are drawn, the emptiest ones.
const BUCKETS: usize = 4;
/// Names of lines that end at about the same height are kept so far apart.
const LINE: f64 = 15.0;

/// Readers may have a light or a dark page; the picture brings its own.
const STYLE: &str = "\
    svg { font: 12px system-ui, sans-serif; background: #ffffff; fill: #1f2328 }\
    .ground { fill: #ffffff } .axis { stroke: #8c959f } .grid { stroke: #d8dee4 }\
    .title { font-weight: 600; font-size: 13px } .faint { fill: #57606a }\
    polyline { fill: none; stroke-width: 2 }\
    .a { stroke: #0969da } .b { stroke: #9a6700 } .c { stroke: #cf222e } .d { stroke: #8250df }\
    .of-a { fill: #0969da } .of-b { fill: #9a6700 } .of-c { fill: #cf222e } .of-d { fill: #8250df }\
    @media (prefers-color-scheme: dark) {\
    svg { background: #0d1117; fill: #e6edf3 }\
    .ground { fill: #0d1117 } .axis { stroke: #6e7681 } .grid { stroke: #30363d } .faint { fill: #9198a1 }\
    .a { stroke: #58a6ff } .b { stroke: #d29922 } .c { stroke: #ff7b72 } .d { stroke: #bc8cff }\
    .of-a { fill: #58a6ff } .of-b { fill: #d29922 } .of-c { fill: #ff7b72 } .of-d { fill: #bc8cff } }";
const CLASSES: [&str; BUCKETS] = ["a", "b", "c", "d"];

/// A line of a panel: its name and a value for each size.
struct Line {
    name: String,
    values: Vec<f64>,
}

/// The picture as SVG.
pub(super) fn draw(report: &ScaleReport) -> String {
    let sizes = &report.sizes;
    let of = |name: &str, value: fn(&SizeReport) -> f64| Line {
        name: name.to_owned(),
        values: sizes.iter().map(value).collect(),
    };
    let moves = [
        of("single death, half of them", |size| size.single.death_to_move.p50),
        of("zone, half of them", |size| size.zone.death_to_move.p50),
        of("zone, 99 of 100", |size| size.zone.death_to_move.p99),
        of("zone, the slowest", |size| size.zone.death_to_move.max),
    ];
    let most = moves.iter().flat_map(|line| line.values.iter().copied()).fold(1.0, f64::max);
    let markup = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } width=(WIDTH) height=(HEIGHT) role="img"
            aria-label="Seconds from death to move, and what is left of the request limits, over the number of fleets" {
            style { (maud::PreEscaped(STYLE)) }
            rect.ground width=(WIDTH) height=(HEIGHT) {}
            text.title x="16" y="24" { "One installation, one account: 1 to " (sizes.iter().map(|size| size.fleets).max().unwrap_or(0)) " fleets under AWS's request limits" }
            (panel(sizes, FIRST, "seconds from a holder's death to the move of its address", &moves, nice(most), ""))
            (panel(sizes, SECOND, "a third of all holders dies within a minute: the least that is left of a request limit, in %", &buckets(sizes), 100.0, " %"))
        }
    };
    markup.into_string()
}

/// The buckets that were emptiest at any size.
fn buckets(sizes: &[SizeReport]) -> Vec<Line> {
    let left = |phase: &PhaseReport, operation: &str| phase.least_left.get(operation).copied().unwrap_or(1.0);
    let mut names: Vec<(&str, f64)> = Vec::new();
    for name in sizes.iter().flat_map(|size| size.zone.least_left.keys()) {
        if names.iter().all(|(known, _)| *known != name.as_str()) {
            // All of the curve counts: several are empty at its end.
            names.push((name, sizes.iter().map(|size| left(&size.zone, name)).sum()));
        }
    }
    names.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    let line = |(name, _): &(&str, f64)| Line {
        name: (*name).to_owned(),
        values: sizes.iter().map(|size| left(&size.zone, name) * 100.0).collect(),
    };
    names.iter().take(BUCKETS).map(line).collect()
}

fn panel(sizes: &[SizeReport], top: f64, title: &str, lines: &[Line], most: f64, unit: &str) -> Markup {
    let bottom = top + PANEL;
    let largest = sizes.iter().map(|size| f64::from(size.fleets)).fold(2.0, f64::max);
    let x = |fleets: u32| LEFT + f64::from(fleets.max(1)).log10() / largest.log10() * (RIGHT - LEFT);
    let y = |value: f64| bottom - (value / most).clamp(0.0, 1.0) * PANEL;
    let points = |line: &Line| {
        let points =
            sizes.iter().zip(&line.values).map(|(size, value)| format!("{},{}", px(x(size.fleets)), px(y(*value))));
        points.collect::<Vec<_>>().join(" ")
    };
    let ends: Vec<f64> = lines.iter().map(|line| y(line.values.last().copied().unwrap_or(0.0))).collect();
    let names = apart(&ends, top, bottom);
    html! {
        text.title.faint x=(LEFT) y=(px(top - 12.0)) { (title) }
        @for step in 0..=4_u8 {
            @let value = most * f64::from(step) / 4.0;
            line.grid x1=(LEFT) x2=(RIGHT) y1=(px(y(value))) y2=(px(y(value))) {}
            text.faint x=(LEFT - 8.0) y=(px(y(value) + 4.0)) text-anchor="end" { (short(value)) (unit) }
        }
        line.axis x1=(LEFT) x2=(RIGHT) y1=(bottom) y2=(bottom) {}
        @for size in sizes {
            line.axis x1=(px(x(size.fleets))) x2=(px(x(size.fleets))) y1=(bottom) y2=(bottom + 4.0) {}
            text.faint x=(px(x(size.fleets))) y=(bottom + 18.0) text-anchor="middle" { (size.fleets) }
        }
        text.faint x=(px(f64::midpoint(LEFT, RIGHT))) y=(bottom + 34.0) text-anchor="middle" { "fleets" }
        @for ((line, class), name) in lines.iter().zip(CLASSES).zip(&names) {
            polyline class=(class) points=(points(line)) {}
            text class={ "of-" (class) } x=(RIGHT + 10.0) y=(px(*name + 4.0)) { (line.name) }
        }
    }
}

/// Heights for names at these heights, in their order, so that none covers another.
fn apart(ends: &[f64], top: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<(usize, f64)> = ends.iter().copied().enumerate().collect();
    order.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    let room = LINE * f64::from(u32::try_from(ends.len().saturating_sub(1)).unwrap_or(0));
    let mut least = f64::MIN;
    let mut placed: Vec<(usize, f64)> = Vec::new();
    for (number, (place, end)) in order.into_iter().enumerate() {
        let below = room - LINE * f64::from(u32::try_from(number).unwrap_or(0));
        let at = end.min(bottom - below).max(top).max(least);
        least = at + LINE;
        placed.push((place, at));
    }
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, at)| at).collect()
}

/// The next of 1, 2, 4, 6, 8, 10, 20, … that is not below.
fn nice(value: f64) -> f64 {
    let ten = 10_f64.powf(value.max(1.0).log10().floor());
    [1.0, 2.0, 4.0, 6.0, 8.0, 10.0].into_iter().map(|step| step * ten).find(|nice| *nice >= value).unwrap_or(ten * 10.0)
}

fn short(value: f64) -> String {
    if value.fract().abs() < 1e-9 { format!("{value:.0}") } else { format!("{value:.1}") }
}

fn px(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::Spread;

    fn size(fleets: u32, p99: f64, left: f64) -> SizeReport {
        let zone = PhaseReport {
            death_to_move: Spread { p50: 2.0, p99, max: p99 },
            least_left: [("DescribeAddresses".to_owned(), left), ("CreateTags".to_owned(), 0.99)].into(),
            ..PhaseReport::default()
        };
        let (rest, single) = (PhaseReport::default(), PhaseReport::default());
        SizeReport { fleets, runs: 1, rest, single, zone, at_once: 1, dead_letters: 0, unmet: 0 }
    }

    #[test]
    fn the_picture_shows_each_size_and_the_buckets_with_the_emptiest_first() {
        let svg = draw(&ScaleReport { sizes: vec![size(1, 3.0, 0.9), size(1_000, 30.0, 0.0)] });
        assert!(
            [">1<", ">1000<", "DescribeAddresses", "CreateTags", "prefers-color-scheme"]
                .iter()
                .all(|part| svg.contains(part)),
            "{svg}"
        );
        assert!(svg.find("DescribeAddresses") < svg.find("CreateTags"));
        // An empty bucket lies on the axis, a hundredth of the way from a full one on its grid line.
        assert!(svg.contains(&format!("{},{}", px(RIGHT), px(SECOND + PANEL))), "{svg}");
    }

    #[test]
    fn names_of_lines_that_end_together_are_kept_apart_and_inside() {
        let places = apart(&[100.0, 100.0, 99.0], 0.0, 110.0);
        assert_eq!(places.iter().map(|at| px(*at)).collect::<Vec<_>>(), ["95.0", "110.0", "80.0"]);
        assert_eq!(nice(7.3).to_bits(), 8.0_f64.to_bits());
        assert_eq!(nice(43.0).to_bits(), 60.0_f64.to_bits());
    }
}
