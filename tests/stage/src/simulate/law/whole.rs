//! Were the laws kept that only the whole run shows?

use super::Judge;
use crate::simulate::{
    Strategy,
    lambda::{Ending, Invocation},
    play::Played,
    truth::Truth,
};

impl Judge<'_> {
    /// Judges what can be seen only from the whole.
    pub(in crate::simulate) fn conclude(&mut self, played: &Played, truth: &Truth) {
        let end = played.ended;
        if self.strategy == Strategy::BootSteal {
            return;
        }
        if let Some(unwell) = &played.unwell {
            self.accuse("the fleet heals", end, unwell.clone());
        }
        for unmet in &played.unmet {
            self.accuse("one sweep with fresh reads reaches the goal", end, unmet.clone());
        }
        for refused in &played.refused {
            self.accuse("a role allows all that its function asks for", end, refused.clone());
        }
        if self.rough {
            return;
        }
        for letter in &played.dead_letters {
            self.accuse(
                "nothing is dead-lettered without faults",
                letter.at,
                format!("{}: {}", letter.trigger, letter.reason),
            );
        }
        for invocation in self.invocations {
            self.frugal(invocation, truth);
            match &invocation.ended {
                Some((_, Ending::Done(_))) => {}
                Some((at, ending)) => self.accuse(
                    "no invocation fails without faults",
                    *at,
                    format!("{}: {ending:?}", invocation.trigger),
                ),
                None => self.accuse(
                    "no invocation fails without faults",
                    invocation.began,
                    format!("{} did not end", invocation.trigger),
                ),
            }
        }
    }

    /// A death costs no more than three reads before the address is moved; the state change of a stranger two reads and nothing else. What an
    /// announcement said is written down.
    fn frugal(&mut self, invocation: &Invocation, truth: &Truth) {
        let Some((ended, Ending::Done(_))) = &invocation.ended else { return };
        let life = invocation.subject.as_deref().and_then(|subject| truth.life(subject));
        let stranger = life.is_some_and(|life| life.group.is_none() && life.left.is_none());
        if invocation.trigger.starts_with("EC2 Instance State-change") {
            let calls = self.calls.get(invocation.environment.as_str()).into_iter().flatten();
            let calls: Vec<&str> =
                calls.filter(|(at, _)| *at >= invocation.began && at <= ended).map(|(_, call)| *call).collect();
            let first_move = calls.iter().position(|call| *call == "AssociateAddress");
            if let Some(reads) = first_move.filter(|reads| *reads > 3) {
                let what = format!("{}: {reads} reads", invocation.trigger);
                self.accuse("a death needs no more than three reads before its one write", invocation.began, what);
            }
            if stranger && (calls.len() > 2 || calls.iter().any(|call| !call.starts_with("Describe"))) {
                let what = format!("{}: {}", invocation.trigger, calls.join(", "));
                self.accuse("a stranger's state change costs two reads at the most", invocation.began, what);
            }
        }
        let announced = ["EC2 Spot", "EC2 Instance Rebalance"].iter().any(|kind| invocation.trigger.starts_with(kind));
        if let Some(subject) =
            invocation.subject.as_ref().filter(|subject| announced && !stranger && !self.marked.contains(*subject))
        {
            self.accuse(
                "what was announced is written down",
                *ended,
                format!("{subject} was not marked: {}", invocation.trigger),
            );
        }
    }
}
