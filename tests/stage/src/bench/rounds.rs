//! How often did a job wait for AWS, one answer after the other?
//!
//! Calls that are under way at the same time cost one wait together. So a call belongs to the round after the last one that had ended when
//! it began, and a job has as many rounds as its longest chain of calls that waited for each other.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One call, as the simulated AWS saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The service, by the name that requests are signed for.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// When it arrived, by some clock.
    pub begin: Duration,
    /// When it was answered, by the same.
    pub end: Duration,
}

impl Call {
    /// Whether it only asks. A condition on a name that AWS keeps to itself: every operation that only asks begins with one of these.
    #[must_use]
    pub fn reads(&self) -> bool {
        ["Describe", "List", "Get", "BatchGet", "Query", "Scan"].iter().any(|verb| self.operation.starts_with(verb))
    }
}

/// The round of each call, from 1, in the order given.
#[must_use]
pub fn rounds(calls: &[Call]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..calls.len()).collect();
    order.sort_by_key(|&at| calls.get(at).map(|call| call.begin));
    let mut rounds = vec![0; calls.len()];
    for &at in &order {
        let Some(call) = calls.get(at) else { continue };
        let before = calls.iter().zip(&rounds).filter(|(other, _)| other.end <= call.begin).map(|(_, round)| *round);
        let round = before.max().unwrap_or(0) + 1;
        if let Some(slot) = rounds.get_mut(at) {
            *slot = round;
        }
    }
    rounds
}

/// Calls of one round, alike rounds in a row being one stretch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// The operations that were under way together, each with how often.
    pub together: Vec<(String, usize)>,
    /// How many rounds in a row were like that.
    pub rounds: usize,
}

/// The calls, round by round.
#[must_use]
pub fn stretches(calls: &[Call]) -> Vec<Stretch> {
    let of = rounds(calls);
    let mut stretches: Vec<Stretch> = Vec::new();
    for round in 1..=of.iter().copied().max().unwrap_or(0) {
        let mut together: Vec<(String, usize)> = Vec::new();
        let mut operations: Vec<&str> =
            calls.iter().zip(&of).filter(|(_, at)| **at == round).map(|(call, _)| call.operation.as_str()).collect();
        // Who of a round came first is chance.
        operations.sort_unstable();
        for operation in operations {
            match together.last_mut() {
                Some((last, count)) if last == operation => *count += 1,
                _ => together.push((operation.to_owned(), 1)),
            }
        }
        match stretches.last_mut() {
            Some(last) if last.together == together => last.rounds += 1,
            _ => stretches.push(Stretch { together, rounds: 1 }),
        }
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(operation: &str, begin: u64, end: u64) -> Call {
        let (begin, end) = (Duration::from_millis(begin), Duration::from_millis(end));
        Call { service: "ec2".to_owned(), operation: operation.to_owned(), begin, end }
    }

    #[test]
    fn calls_that_overlap_are_one_round_and_a_call_that_waited_is_the_next() {
        let calls = [
            call("DescribeAddresses", 0, 50),
            call("DescribeInstances", 3, 53),
            call("DescribeAutoScalingGroups", 6, 56),
            call("AssociateAddress", 58, 108),
        ];
        assert_eq!(rounds(&calls), [1, 1, 1, 2]);
    }

    #[test]
    fn a_call_that_overlaps_with_both_rounds_joins_none_of_them_together() {
        // The second waited for the first only; the long one goes on beside both.
        let calls = [call("A", 0, 50), call("Long", 1, 120), call("B", 52, 102), call("C", 125, 175)];
        assert_eq!(rounds(&calls), [1, 1, 2, 3]);
    }

    #[test]
    fn the_order_in_which_calls_were_noted_down_does_not_matter() {
        let calls = [call("Second", 60, 110), call("First", 0, 50)];
        assert_eq!(rounds(&calls), [2, 1]);
        assert_eq!(rounds(&[]), Vec::<usize>::new());
    }

    #[test]
    fn rounds_that_are_alike_are_told_once() {
        let page = |number: u64| call("DescribeAutoScalingGroups", number * 60, number * 60 + 50);
        let mut calls: Vec<Call> = (0..10).map(page).collect();
        calls.push(call("Query", 2, 52));
        let stretches = stretches(&calls);
        let first =
            Stretch { together: vec![("DescribeAutoScalingGroups".to_owned(), 1), ("Query".to_owned(), 1)], rounds: 1 };
        let pages = Stretch { together: vec![("DescribeAutoScalingGroups".to_owned(), 1)], rounds: 9 };
        assert_eq!(stretches, [first, pages]);
    }

    #[test]
    fn a_question_is_told_from_a_deed_by_its_verb() {
        assert!(call("DescribeInstances", 0, 1).reads() && call("BatchGetDeployments", 0, 1).reads());
        assert!(!call("AssociateAddress", 0, 1).reads() && !call("TransactWriteItems", 0, 1).reads());
    }
}
