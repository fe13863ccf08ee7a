//! What are people told of an experiment?

use super::{Experiment, Fault, Outcome, Trigger, Verdict};

/// What people are told: a subject and a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// At most [`LONGEST_SUBJECT`] characters, printable ASCII, as SNS demands.
    pub subject: String,
    /// The rest.
    pub text: String,
}

/// SNS allows fewer than 100 characters in a subject ([publish]).
///
/// [publish]: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
pub const LONGEST_SUBJECT: usize = 99;

impl Message {
    /// A message of these lines; the subject is made to fit SNS.
    #[must_use]
    pub fn new(subject: &str, lines: &[String]) -> Self {
        let subject =
            subject.chars().map(|c| if (' '..='~').contains(&c) { c } else { '?' }).take(LONGEST_SUBJECT).collect();
        Self { subject, text: lines.join("\n") }
    }
}

/// What people are told before a fault is put in.
#[must_use]
pub fn before(experiment: &Experiment) -> Message {
    let fleet = &experiment.fleet;
    let subject = if experiment.leashed {
        format!("The panda would have struck {fleet}, but it is leashed")
    } else {
        format!("The panda strikes {fleet}")
    };
    let mut lines = about(experiment);
    if experiment.leashed {
        lines.push("The panda is leashed: nothing was done.".to_owned());
    } else {
        lines.push(format!(
            "The fleet should be whole again by {:.0}. You will be told what became of it.",
            experiment.heal_by
        ));
    }
    Message::new(&subject, &lines)
}

/// What people are told when an experiment is over.
#[must_use]
pub fn after(experiment: &Experiment, outcome: &Outcome) -> Message {
    let fleet = &experiment.fleet;
    let healed = outcome.heal_seconds.map(|seconds| format!(" in {}", spelled(seconds))).unwrap_or_default();
    let silent = outcome.outage_seconds.unwrap_or(0);
    let (subject, first) = match outcome.verdict {
        Verdict::Survived if !experiment.fault.kills() => (
            format!("{fleet} survived the panda"),
            format!("{fleet} went on serving while {} lost its CodeDeploy agent.", whom(experiment)),
        ),
        Verdict::Survived => (
            format!("{fleet} survived the panda"),
            format!("{fleet} lost {} and was whole again{healed}.", whom(experiment)),
        ),
        Verdict::Hurt => (
            format!("{fleet} was hurt by the panda"),
            format!(
                "{fleet} was whole again{healed} after {}, but its site did not answer for {}, which is longer than is tolerated.",
                deed(experiment),
                spelled(silent)
            ),
        ),
        Verdict::NotHealed => (
            format!("{fleet} DID NOT HEAL from the panda"),
            format!(
                "{fleet} was not whole again by {:.0}, after {}. Please look at it now.",
                experiment.heal_by,
                deed(experiment)
            ),
        ),
        Verdict::Aborted => (
            format!("The panda fell asleep before it struck {fleet}"),
            format!("The panda meant to strike {} and was interrupted. Nothing died.", whom(experiment)),
        ),
        Verdict::NotStruck => (
            format!("The panda could not strike {fleet}"),
            format!("AWS refused to let the panda strike {}. Nothing died.", whom(experiment)),
        ),
        Verdict::Leashed => (
            format!("The panda would have struck {fleet}, but it is leashed"),
            "The panda is leashed: nothing was done.".to_owned(),
        ),
    };
    let mut lines = vec![first];
    if outcome.verdict == Verdict::Survived && outcome.outage_seconds.is_some() {
        lines.push(if silent == 0 {
            "Its site answered all the time.".to_owned()
        } else {
            format!("Its site did not answer for {}, which is tolerated.", spelled(silent))
        });
    }
    for step in &outcome.moves {
        let name = |holder: &Option<_>| holder.as_ref().map_or_else(|| "nobody".to_owned(), ToString::to_string);
        lines.push(format!("The address {} went from {} to {}.", step.public_ip, name(&step.from), name(&step.to)));
    }
    if !outcome.replacements.is_empty() {
        let names: Vec<&str> = outcome.replacements.iter().map(crate::ids::InstanceId::as_str).collect();
        lines.push(format!("In their place came {}.", names.join(", ")));
    }
    if let Some(detail) = &outcome.detail {
        lines.push(format!("What else is known: {detail}."));
    }
    if outcome.verdict.disarms() {
        lines.push(format!(
            "The fleet is disarmed: the panda leaves it alone until you say {{\"command\":\"arm\",\"fleet\":\"{fleet}\",\"reason\":\"…\"}}."
        ));
    }
    if experiment.fault == Fault::StopAgent {
        match outcome.verdict {
            Verdict::Survived | Verdict::Hurt | Verdict::NotHealed => lines.push(format!(
                "{} now forgets its updates: deployments will fail on it until somebody restarts its CodeDeploy agent.",
                whom(experiment)
            )),
            // The command's reply may be what was lost.
            Verdict::Aborted | Verdict::NotStruck => lines.push(format!(
                "Should deployments fail on {}, restart its CodeDeploy agent: whether it was stopped is not certain.",
                whom(experiment)
            )),
            Verdict::Leashed => {}
        }
    }
    lines.push(String::new());
    lines.extend(about(experiment));
    Message::new(&subject, &lines)
}

/// The facts, one a line.
fn about(experiment: &Experiment) -> Vec<String> {
    let mut lines = vec![
        format!("Fleet: {} (group {})", experiment.fleet, experiment.group),
        format!("Fault: {} ({})", experiment.fault, explained(experiment.fault)),
    ];
    for victim in &experiment.victims {
        let holds = if victim.holds.is_empty() {
            "no address of the fleet".to_owned()
        } else {
            format!("the address {}", victim.holds.join(", "))
        };
        lines.push(format!("Victim: {} in {}, which held {holds}", victim.instance, victim.zone));
    }
    lines.push(match &experiment.trigger {
        Trigger::Tick { slot, thrown, odds } => {
            format!("Why now: the dice of slot {slot} showed {thrown:.6}, and below {odds:.6} the fleet falls")
        }
        Trigger::Command { request, reason } => format!("Why now: somebody asked for it: {reason} (request {request})"),
    });
    lines.push(format!("Decided at: {:.0}", experiment.started));
    lines.push(format!("Experiment: {}", experiment.id));
    lines
}

fn whom(experiment: &Experiment) -> String {
    let names: Vec<&str> = experiment.victims.iter().map(|victim| victim.instance.as_str()).collect();
    names.join(" and ")
}

fn deed(experiment: &Experiment) -> String {
    if experiment.fault.kills() {
        format!("it lost {}", whom(experiment))
    } else {
        format!("the CodeDeploy agent of {} was stopped", whom(experiment))
    }
}

fn explained(fault: Fault) -> &'static str {
    match fault {
        Fault::Terminate => "the instance is terminated",
        Fault::Crash => "the instance is terminated without a shutdown of its operating system, as by a power cut",
        Fault::Graceful => "Auto Scaling terminates the instance by its own rules",
        Fault::StopAgent => "the CodeDeploy agent is stopped",
    }
}

fn spelled(seconds: u64) -> String {
    match (seconds / 60, seconds % 60) {
        (0, 1) => "1 second".to_owned(),
        (0, seconds) => format!("{seconds} seconds"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}
