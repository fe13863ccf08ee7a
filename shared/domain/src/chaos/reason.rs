//! Why is a group spared?
//!
//! "Why did nothing die?" is what people ask a chaos tool most, so every reason has a code that a machine can count and a sentence that a
//! person can read.

use std::fmt;

use jiff::{Timestamp, civil::Date};

use super::{ExperimentId, Fault, Ineligible, PolicyProblem, tags};
use crate::{
    event::InstanceState,
    failover::{Leaving, Lifecycle},
    ids::{FleetName, GroupName, InstanceId},
};

/// Why a group is spared.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the fields are what the sentence below says of them")]
pub enum Reason {
    /// The group does not take part.
    NotOptedIn { lookalike: Option<String> },
    /// A tag is not understood.
    Policy(PolicyProblem),
    /// The mode is `Off`.
    Off,
    /// The order is for another fleet.
    NotAsked { fleet: FleetName },
    /// Somebody pulled the safety lever.
    Lever { reason: String, by: String, at: Timestamp },
    /// The fleet is disarmed.
    Disarmed { reason: String, by: String, at: Timestamp },
    /// An experiment of the fleet still runs.
    ExperimentOpen { id: ExperimentId, started: Timestamp },
    /// This very experiment was made already.
    AlreadyMade { id: ExperimentId },
    /// No window is open.
    OutsideWindow { next: Option<Timestamp> },
    /// A window is open, and this slot began before it did.
    SlotBeforeWindow { next: Option<Timestamp> },
    /// The last kill is too recent.
    MinimumDays { last: Timestamp, min_days: u32, not_before: Option<Timestamp> },
    /// The fleet had its kills for the day.
    FleetCap { day: Date, kills: u32, asked: u32, cap: u32 },
    /// The account had its kills for the day.
    AccountCap { kills: u32, asked: u32, cap: u32 },
    /// The run has its victims.
    RunCap { asked: u32, cap: u32 },
    /// Another group of the fleet is hit.
    SiblingChosen { group: GroupName },
    /// The dice did not fall.
    Dice { thrown: f64, odds: f64 },
    /// The group is being deleted.
    Deleting,
    /// Somebody suspended what heals a group.
    Suspended { processes: Vec<String> },
    /// The group is asked to keep nobody.
    Empty,
    /// The group is not as it should be.
    Unwell { desired: u32, serving: u32, unwell: Vec<(InstanceId, Lifecycle, bool)> },
    /// A member that Auto Scaling counts as in service does not run.
    MemberDown { instance: InstanceId, state: Option<InstanceState> },
    /// A member is taken away any moment.
    MemberLeaving { instance: InstanceId, leaving: Leaving },
    /// Too few would stay.
    MinHealthy { serving: u32, asked: u32, floor: u32, source: FloorSource },
    /// Launches fail.
    LaunchFailing { at: Timestamp, message: String },
    /// The group replaces its instances.
    Refreshing { status: String },
    /// A deployment runs.
    Deploying { deployments: Vec<String> },
    /// A pipeline runs.
    PipelineRunning { pipeline: String, executions: Vec<String> },
    /// A stop alarm rings.
    AlarmRinging { alarm: String },
    /// A stop alarm does not exist.
    AlarmMissing { alarm: String },
    /// An address is not where it works.
    AddressUnserved { public_ip: String, why: String },
    /// The site does not answer.
    SiteSilent { url: String, why: String },
    /// Nobody may be hit.
    NobodyEligible { members: Vec<(InstanceId, Ineligible)> },
    /// Fewer may be hit than were asked for.
    TooFewEligible { eligible: u32, asked: u32 },
    /// The instance that was asked for may not be hit.
    VictimIneligible { instance: InstanceId, why: Ineligible },
    /// The instance that was asked for is not there.
    VictimUnknown { instance: InstanceId },
    /// The fault that was asked for is not among those that the group allows.
    FaultNotAllowed { fault: Fault, allowed: Vec<Fault> },
    /// Something could not be seen.
    Unseen { what: String, error: String },
}

/// Where the least number of instances that must stay comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloorSource {
    /// The tag `lethargic-panda:min-healthy`.
    Tag,
    /// Half of what is desired.
    Default,
    /// The group's instance maintenance policy.
    MaintenancePolicy {
        /// Its `MinHealthyPercentage`.
        percent: u32,
    },
}

impl Reason {
    /// The code that a machine counts.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotOptedIn { .. } => "not-opted-in",
            Self::Policy(_) => "policy-unreadable",
            Self::Off => "mode-off",
            Self::NotAsked { .. } => "not-asked",
            Self::Lever { .. } => "lever",
            Self::Disarmed { .. } => "disarmed",
            Self::ExperimentOpen { .. } => "experiment-open",
            Self::AlreadyMade { .. } => "already-made",
            Self::OutsideWindow { .. } => "outside-window",
            Self::SlotBeforeWindow { .. } => "slot-before-window",
            Self::MinimumDays { .. } => "minimum-days",
            Self::FleetCap { .. } => "fleet-cap",
            Self::AccountCap { .. } => "account-cap",
            Self::RunCap { .. } => "run-cap",
            Self::SiblingChosen { .. } => "sibling-chosen",
            Self::Dice { .. } => "dice",
            Self::Deleting => "deleting",
            Self::Suspended { .. } => "suspended",
            Self::Empty => "empty",
            Self::Unwell { .. } => "unwell",
            Self::MemberDown { .. } => "member-down",
            Self::MemberLeaving { .. } => "member-leaving",
            Self::MinHealthy { .. } => "min-healthy",
            Self::LaunchFailing { .. } => "launch-failing",
            Self::Refreshing { .. } => "refreshing",
            Self::Deploying { .. } => "deploying",
            Self::PipelineRunning { .. } => "pipeline-running",
            Self::AlarmRinging { .. } => "alarm-ringing",
            Self::AlarmMissing { .. } => "alarm-missing",
            Self::AddressUnserved { .. } => "address-unserved",
            Self::SiteSilent { .. } => "site-silent",
            Self::NobodyEligible { .. } => "nobody-eligible",
            Self::TooFewEligible { .. } => "too-few-eligible",
            Self::VictimIneligible { .. } => "victim-ineligible",
            Self::VictimUnknown { .. } => "victim-unknown",
            Self::FaultNotAllowed { .. } => "fault-not-allowed",
            Self::Unseen { .. } => "unseen",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOptedIn { lookalike: None } => {
                write!(f, "the group does not take part (`{}` is not `on`)", tags::CHAOS)
            }
            Self::NotOptedIn { lookalike: Some(key) } => write!(
                f,
                "the group does not take part: it carries `{key}`, and keys are case-sensitive (`{}`)",
                tags::CHAOS
            ),
            Self::Policy(problem) => problem.fmt(f),
            Self::Off => f.write_str("the panda is switched off (its mode is `Off`)"),
            Self::NotAsked { fleet } => write!(f, "the order is for the fleet {fleet}"),
            Self::Lever { reason, by, at } => {
                write!(f, "everything is disarmed since {at:.0} by {by}: {reason}")
            }
            Self::Disarmed { reason, by, at } => write!(f, "the fleet is disarmed since {at:.0} by {by}: {reason}"),
            Self::ExperimentOpen { id, started } => {
                write!(f, "the experiment {id} of {started:.0} is not over yet")
            }
            Self::AlreadyMade { id } => write!(f, "the experiment {id} was made already; this is a repetition"),
            Self::OutsideWindow { next } => {
                f.write_str("no window is open; ")?;
                opening(f, *next)
            }
            Self::SlotBeforeWindow { next } => {
                f.write_str("the window opened after this throw of the dice was due; ")?;
                opening(f, *next)
            }
            Self::MinimumDays { last, min_days, not_before } => {
                write!(f, "the last kill was at {last:.0}, and {min_days} work days must lie between kills")?;
                match not_before {
                    Some(at) => write!(f, "; the next may come from {at:.0}"),
                    None => Ok(()),
                }
            }
            Self::FleetCap { day, kills, asked, cap } => {
                write!(f, "the fleet had {kills} of at most {cap} kills on {day}, and this would be {asked} more")
            }
            Self::AccountCap { kills, asked, cap } => write!(
                f,
                "{kills} of at most {cap} instances were killed today in the account, and this would be {asked} more"
            ),
            Self::RunCap { asked, cap } => {
                write!(f, "a run hits at most {cap} instances, and {asked} more would be too many")
            }
            Self::SiblingChosen { group } => write!(f, "the group {group} of the same fleet is hit instead"),
            Self::Dice { thrown, odds } => {
                write!(f, "the dice spared it: {thrown:.6}, and only below {odds:.6} it is hit")
            }
            Self::Deleting => f.write_str("the group is being deleted"),
            Self::Suspended { processes } => {
                write!(f, "somebody suspended {}, without which the group does not heal", processes.join(", "))
            }
            Self::Empty => f.write_str("the group is asked to keep no instances"),
            Self::Unwell { desired, serving, unwell } => self::unwell(f, *desired, *serving, unwell),
            Self::MemberDown { instance, state } => {
                write!(f, "the group is not well: {instance} is in service for Auto Scaling, and for EC2 ")?;
                match state {
                    Some(state) => state.fmt(f),
                    None => f.write_str("unknown"),
                }
            }
            Self::MemberLeaving { instance, leaving } => {
                write!(f, "the group is about to lose {instance} anyway ({leaving})")
            }
            Self::MinHealthy { serving, asked, floor, source } => write!(
                f,
                "{floor} must stay in service ({source}), and of {serving} only {} would after {asked} less",
                serving.saturating_sub(*asked)
            ),
            Self::LaunchFailing { at, message } => {
                write!(f, "a launch failed at {at:.0} and none succeeded since: {message}")
            }
            Self::Refreshing { status } => write!(f, "an instance refresh is {status}"),
            Self::Deploying { deployments } => write!(f, "a deployment runs: {}", deployments.join(", ")),
            Self::PipelineRunning { pipeline, executions } => {
                write!(f, "the pipeline {pipeline} runs: {}", executions.join(", "))
            }
            Self::AlarmRinging { alarm } => write!(f, "the alarm {alarm} rings"),
            Self::AlarmMissing { alarm } => {
                write!(f, "there is no alarm {alarm}, which was to forbid kills while it rings")
            }
            Self::AddressUnserved { public_ip, why } => write!(f, "the address {public_ip} does not work: {why}"),
            Self::SiteSilent { url, why } => write!(f, "the site does not answer at {url}: {why}"),
            Self::NobodyEligible { members } => nobody(f, members),
            Self::TooFewEligible { eligible, asked } => {
                write!(f, "{asked} were to be hit, and only {eligible} may be")
            }
            Self::VictimIneligible { instance, why } => write!(f, "{instance} may not be hit: it {why}"),
            Self::VictimUnknown { instance } => write!(f, "{instance} is not in the group"),
            Self::FaultNotAllowed { fault, allowed } => {
                let allowed: Vec<&str> = allowed.iter().map(|fault| fault.name()).collect();
                write!(f, "`{fault}` is not among the faults that the group allows: `{}`", allowed.join("`, `"))
            }
            Self::Unseen { what, error } => write!(f, "could not see {what}: {error}"),
        }
    }
}

fn unwell(
    f: &mut fmt::Formatter<'_>,
    desired: u32,
    serving: u32,
    unwell: &[(InstanceId, Lifecycle, bool)],
) -> fmt::Result {
    write!(f, "the group is not well: {serving} of {desired} in service and healthy")?;
    for (instance, lifecycle, healthy) in unwell {
        let health = if *healthy { "healthy" } else { "unhealthy" };
        write!(f, "; {instance} is {lifecycle} and {health}")?;
    }
    Ok(())
}

fn nobody(f: &mut fmt::Formatter<'_>, members: &[(InstanceId, Ineligible)]) -> fmt::Result {
    f.write_str("nobody may be hit")?;
    for (instance, why) in members {
        write!(f, "; {instance} {why}")?;
    }
    Ok(())
}

fn opening(f: &mut fmt::Formatter<'_>, next: Option<Timestamp>) -> fmt::Result {
    match next {
        Some(next) => write!(f, "the next opens at {next:.0}"),
        None => f.write_str("none opens within ten years"),
    }
}

impl fmt::Display for FloorSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag => write!(f, "`{}`", tags::MIN_HEALTHY),
            Self::Default => write!(f, "half, for want of the tag `{}`", tags::MIN_HEALTHY),
            Self::MaintenancePolicy { percent } => write!(
                f,
                "the group's instance maintenance policy asks for {percent} %; the tag `{}` would overrule it",
                tags::MIN_HEALTHY
            ),
        }
    }
}
