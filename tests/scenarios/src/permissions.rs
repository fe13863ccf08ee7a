//! Is every permission of a role used? What nobody needs, nobody should have.

use std::collections::BTreeSet;

use panda_stage::simulate::{Deployment, RunReport};
use panda_world::Permission;

/// Services that the simulated AWS does not play: the journal and the book are in memory there, the log and the queue are Lambda's.
const NOT_PLAYED: [&str; 3] = ["dynamodb:", "logs:", "sqs:"];

/// What these runs used of the role of a function.
#[must_use]
pub fn used<'a>(function: &str, runs: impl IntoIterator<Item = &'a RunReport>) -> BTreeSet<Permission> {
    runs.into_iter().filter_map(|run| run.permissions.get(function)).flatten().cloned().collect()
}

/// Permissions of the role in the template that are neither used nor listed, and those that are listed though they are used. A list names
/// the actions that only other tests use, with the test.
#[must_use]
pub fn unaccounted(function: &str, used: &BTreeSet<Permission>, elsewhere: &[(&str, &str)]) -> Vec<String> {
    let role = Deployment::of(&Deployment::template(), function).expect("the template has the function").role;
    let mut wrong = Vec::new();
    for permission in role.permissions() {
        let is_used = used.contains(permission);
        let played = !NOT_PLAYED.iter().any(|service| permission.action.starts_with(service));
        let listed = elsewhere.iter().any(|(action, _)| *action == permission.action);
        if played && is_used == listed {
            wrong.push(format!("{permission:?} used: {is_used}, listed: {listed}"));
        }
    }
    wrong
}
