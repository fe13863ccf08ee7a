//! Whom does the panda kill, when, and why does it spare the others?
//!
//! A tick goes through these steps; a `kill` command goes through the same, and only the dice are left out:
//!
//! 1. [`Command::decode`]: what is asked?
//! 2. [`survey()`]: whom do the dice hit, by what is cheap to know ([`GroupView`], [`Present`])?
//! 3. [`plan()`]: after a [`CloseLook`] at each of those, who is hit and how, or why nobody?
//! 4. [`choose()`]: of several, which fit into one run?
//! 5. [`healing()`] and [`judge()`]: did the fleet heal, and what became of the experiment?
//! 6. [`before()`] and [`after()`]: what are people told?
//!
//! The laws, each a property test of the same name in `tests/chaos_laws.rs`:
//!
//! 1. `leashed_beats_every_other_switch`, and `an_unreadable_policy_spares_the_group_with_the_reason`
//! 2. `nothing_is_struck_without_an_experiment_to_record_and_the_limits_to_hold_it_against`, and a repetition has the same identity
//! 3. `never_below_min_healthy_never_the_last_server_never_while_the_group_is_unwell_or_changing`
//! 4. `a_fleet_that_does_not_heal_by_its_deadline_is_disarmed_and_people_are_told`
//! 5. `every_group_seen_gets_a_verdict_with_a_reason_and_the_same_input_gives_the_same_verdict`
//! 6. `nothing_dies_outside_a_window`
//! 7. `the_caps_hold`
//! 8. `only_the_eligible_die`
//! 9. `a_duplicate_of_a_tick_throws_the_same_number`
//! 10. `what_cannot_be_seen_spares`

mod choose;
mod command;
mod dice;
mod eligibility;
mod experiment;
mod fault;
mod gates;
mod group;
mod healing;
mod holidays;
mod judge;
mod look;
mod message;
mod numbers;
mod odds;
mod plan;
mod policy;
mod present;
mod reason;
mod report;
mod schedule;
mod settings;
mod site;
mod survey;
pub mod tags;
mod window;
mod zone;

pub use self::{
    choose::choose,
    command::{Asked, Command, CommandError, HISTORY_DAYS, KillOrder, MOST_HISTORY_DAYS, MOST_VICTIMS},
    dice::Dice,
    eligibility::Ineligible,
    experiment::{AddressMove, Experiment, ExperimentId, HeldAddress, Limits, Outcome, Trigger, Verdict, Victim},
    fault::Fault,
    group::{GroupMember, GroupView, fleet_of},
    healing::{Healing, Observation, Silence, Takeover, Unhealed, WATCH_HARMLESS, heal_by, healing, take_over},
    holidays::Holidays,
    judge::{Ending, judge},
    look::{AddressLook, AlarmState, CloseLook, InstanceLook, Launches, Probe, Seen},
    message::{LONGEST_SUBJECT, Message, after, before},
    numbers::{MaxPerDay, MeanDays, MinDays, MinHealthy},
    plan::{ChaosPlan, Decision, Strike, plan},
    policy::{OptIn, Policy, PolicyProblem, VictimChoice},
    present::{LastKills, OpenExperiment, Pace, Present, Said, Tally, utc_date},
    reason::{FloorSource, Reason},
    report::{GroupVerdict, Told},
    schedule::{Calendar, Slot, TickLength, WorkDay},
    settings::{Defaults, Mode, Settings},
    site::SiteUrl,
    survey::{Draw, Outlook, Surveyed, survey},
    window::{Window, Windows},
    zone::Zone,
};
