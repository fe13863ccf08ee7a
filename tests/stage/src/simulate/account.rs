//! What did a run cost? Seconds without an answer, moves, calls, from the journal's exact times.

use std::collections::BTreeMap;

use jiff::Timestamp;
use panda_world::{Entry, Fault, Kind};

use super::{Strategy, truth::Truth};

/// A time in which nobody answered at an address.
#[derive(Debug, Clone, PartialEq)]
pub struct Outage {
    /// The address.
    pub public_ip: String,
    /// Seconds after the first deed.
    pub from: f64,
    /// How long.
    pub seconds: f64,
}

/// The costs of one run.
#[derive(Debug, Clone, Default)]
pub(super) struct Account {
    pub(super) outages: Vec<Outage>,
    pub(super) moves: u64,
    pub(super) needless_moves: u64,
    pub(super) calls: BTreeMap<String, u64>,
    /// From the death of a holder to the association that follows.
    pub(super) death_to_move: Vec<f64>,
    silent: BTreeMap<String, Timestamp>,
}

/// Who associated an address, by the entries around the association's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mover<'a> {
    /// The world was founded so.
    Founding,
    /// A person.
    Person,
    /// A call, by this caller.
    Caller(&'a str),
}

impl<'a> Mover<'a> {
    /// `ahead` are the entries after the association.
    pub(super) fn of(truth: &Truth, at: Timestamp, public_ip: &str, ahead: &'a [Entry]) -> Self {
        if truth.by_person(at, public_ip) {
            return Self::Person;
        }
        // The call is noted after its effects, at the same moment.
        let call = ahead.iter().take_while(|entry| entry.at == at).find_map(|entry| match &entry.kind {
            Kind::Call { caller, operation, .. } if operation == "AssociateAddress" => Some(caller.as_str()),
            _ => None,
        });
        call.map_or(Self::Founding, Self::Caller)
    }
}

/// Whether a move was for nothing: its holder lived, served, was healthy and not about to leave, and the new one is no better.
pub(super) fn is_needless(truth: &Truth, strategy: Strategy, allocation: &str, to: &str) -> bool {
    let Some(seat) = truth.seats.get(allocation) else { return false };
    // The script lets go of the address first; that it took it from a living holder is its own doing.
    let from = if strategy == Strategy::BootSteal { &seat.last_holder } else { &seat.holder };
    let Some(from) = from.as_deref().filter(|from| *from != to) else { return false };
    let Some(life) = truth.life(from) else { return false };
    let served_well = life.fitness() == Some(0) && life.answers;
    // Who holds two gives one away.
    let surplus = truth.holds(from) > 1;
    served_well && !surplus
}

/// A caller that is the function.
pub(super) fn is_function(caller: &str) -> bool {
    caller.starts_with("elastic-ip-failover/")
}

impl Account {
    /// Sees an entry before it is applied to `truth`.
    pub(super) fn see(&mut self, truth: &Truth, strategy: Strategy, entry: &Entry, ahead: &[Entry], began: Timestamp) {
        match &entry.kind {
            Kind::Serving { public_ip, instance } => {
                if instance.is_none() {
                    self.silent.entry(public_ip.clone()).or_insert(entry.at);
                } else {
                    self.answers_again(public_ip, entry.at, began);
                }
            }
            Kind::Associated { allocation, public_ip, instance, .. } => {
                if let Mover::Caller(_) = Mover::of(truth, entry.at, public_ip, ahead)
                    && let Some(seat) = truth.seats.get(allocation)
                {
                    self.moves += 1;
                    self.needless_moves += u64::from(is_needless(truth, strategy, allocation, instance));
                    if let Some(died) = seat.holder_died {
                        self.death_to_move.push(entry.at.duration_since(died).as_secs_f64());
                    }
                }
            }
            Kind::Call { caller, operation, .. } if strategy == Strategy::BootSteal || is_function(caller) => {
                *self.calls.entry(operation.clone()).or_default() += 1;
            }
            // These leave no other trace of the call.
            Kind::Fault { caller, operation, fault: Fault::Timeout | Fault::Reset | Fault::CallerDiesBefore }
                if is_function(caller) =>
            {
                *self.calls.entry(operation.clone()).or_default() += 1;
            }
            _ => {}
        }
    }

    fn answers_again(&mut self, public_ip: &str, at: Timestamp, began: Timestamp) {
        if let Some(since) = self.silent.remove(public_ip)
            && at > began
        {
            let since = since.max(began);
            self.outages.push(Outage {
                public_ip: public_ip.to_owned(),
                from: since.duration_since(began).as_secs_f64(),
                seconds: at.duration_since(since).as_secs_f64(),
            });
        }
    }

    /// Closes the books; only the fleet's own addresses count.
    pub(super) fn close(&mut self, addresses: &[String], began: Timestamp, ended: Timestamp) {
        for public_ip in addresses {
            self.answers_again(public_ip, ended, began);
        }
        self.outages.retain(|outage| addresses.contains(&outage.public_ip));
        self.outages.sort_by(|a, b| a.from.total_cmp(&b.from));
    }

    pub(super) fn outage_seconds(&self) -> f64 {
        // Not `sum`: that of nothing is minus zero.
        self.outages.iter().fold(0.0, |sum, outage| sum + outage.seconds)
    }
}
