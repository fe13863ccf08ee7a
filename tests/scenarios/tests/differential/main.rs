//! Does the world answer as moto does?
//!
//! Both read the same documentation, by different authors. A random sequence of calls goes to both through AWS's own client, and replies,
//! refusals and what exists afterwards are compared. Each difference is a fault of the world, to be mended, or stands in [`table`] with the
//! source that says who is right. What takes time is not compared: moto has none.
//!
//! `DIFFERENTIAL_SEEDS=100` plays so many more seeds, `DIFFERENTIAL_FROM=7` begins with another.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]
#![allow(clippy::print_stdout, reason = "what was compared is told")]
#![allow(clippy::unnecessary_wraps, reason = "whoever makes calls may find no reason for one")]

mod autoscaling;
mod call;
mod compare;
mod ec2;
mod judged;
mod model;
mod names;
mod pair;
mod play;
mod services;
mod table;

use std::collections::BTreeSet;

use judged::Judged;
use pair::Pair;
use play::{LEFT_BEHIND, Tally, play};
use table::{JUDGED, NOT_COMPARED};

/// What every run plays.
const SEEDS: &[u64] = &[1, 2, 3];
/// Calls of a seed.
const CALLS: u32 = 200;
/// Seeds more, after which nothing that is listed may still be waited for.
const LONG: u64 = 20;

#[test]
fn the_world_and_moto_differ_only_where_a_source_says_who_is_right() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let more = number("DIFFERENTIAL_SEEDS").unwrap_or(0);
    let from = number("DIFFERENTIAL_FROM").unwrap_or(1_000);
    let (mut pair, mut tally) = (Pair::start(), Tally::default());
    for seed in SEEDS.iter().copied().chain(from..from + more) {
        let before = (tally.operations.len(), tally.met.len());
        play(&mut pair, &mut tally, seed, CALLS);
        let (operations, met) = (tally.operations.len() - before.0, tally.met.len() - before.1);
        println!("seed {seed}: {operations} operations and {met} listed differences more than before");
    }
    tell(&tally);

    let unlisted: Vec<&String> = tally.unlisted.keys().collect();
    assert_eq!(unlisted, Vec::<&String>::new(), "these are in no table; the calls that led there stand above");

    let compared: BTreeSet<String> = tally.operations.keys().cloned().collect();
    let known: BTreeSet<String> =
        panda_world::operations().map(|(service, name)| format!("{service}:{name}")).collect();
    let explained: BTreeSet<String> = NOT_COMPARED.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(&compared & &explained, BTreeSet::new(), "these are compared, and said not to be");
    assert_eq!(&known - &(&compared | &explained), BTreeSet::new(), "these are neither compared nor explained");
    assert_eq!(&explained - &known, BTreeSet::new(), "these the world does not know");

    let gone: Vec<&&Judged> = (0..JUDGED.len()).filter(|at| is_gone(&tally, *at, more)).map(|at| &JUDGED[at]).collect();
    assert!(gone.is_empty(), "these differences are listed and no longer there: {gone:#?}");
    let clean: Vec<_> = LEFT_BEHIND.iter().filter(|what| more >= LONG && !tally.let_go.contains_key(*what)).collect();
    assert!(clean.is_empty(), "moto leaves these behind no longer: {clean:#?}");
}

/// Whether a listed difference did not occur although its call was made often. Those that any case of a call may show depend on what exists at
/// that moment: only a long run must meet them. Those that any call may show are met by luck.
fn is_gone(tally: &Tally, at: usize, more: u64) -> bool {
    const OFTEN: u32 = 8;
    let judged = JUDGED[at];
    let waits = judged.case == "*" && (more < LONG || judged.call.ends_with(":*"));
    !tally.met.contains_key(&at) && !waits && tally.times_asked(judged) >= OFTEN
}

fn tell(tally: &Tally) {
    println!("{} accounts of each side, {} of them until moto lent an address twice.", tally.lives, tally.given_twice);
    println!("Operations: done by both, refused by both alike, refused by one:");
    for (operation, [done, refused, differently]) in &tally.operations {
        println!("  {operation:<50} {done:>5} {refused:>5} {differently:>5}");
    }
    println!("Operations of the world that are not compared:");
    for (operation, why) in NOT_COMPARED {
        println!("  {operation:<50} {why}");
    }
    println!("Listed differences, how often they were met and their calls made, who is right, and by which source:");
    for (at, judged) in JUDGED.iter().enumerate() {
        let Judged { call, case, path, right, source, .. } = judged;
        let (met, asked) = (tally.met.get(&at).copied().unwrap_or_default(), tally.times_asked(judged));
        println!("  {met:>5} in {asked:>5} {right:?}: {call} ({case}) {path}: {source}");
    }
    for what in LEFT_BEHIND {
        println!("  {:>5} World: {what}", tally.let_go.get(what).copied().unwrap_or_default());
    }
    for (line, times) in &tally.unlisted {
        println!("unlisted, {times} times: {line}");
    }
}
