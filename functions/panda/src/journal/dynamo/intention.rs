//! What is written when an intention is recorded, and what does it mean if DynamoDB refuses?

use aws_sdk_dynamodb::types::{ConditionCheck, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};
use jiff::{Timestamp, tz::TimeZone};
use panda_domain::chaos::{Experiment, LastKills, Limits, OpenExperiment};

use super::{
    DynamoJournal,
    item::{self, Item, moment, number, text},
    place::{COUNT_DAYS, DAY, DISARMED, KNOWN_DAYS, LAST, LAST_DAYS, LEVER, NOW, OPEN, expiry},
    put,
};
use crate::journal::{JournalError, Refusal};

/// A part of the transaction that records an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Known,
    Lever,
    Disarmed,
    Open,
    Day,
    Last,
    Past,
}

impl DynamoJournal {
    /// A part that fails if there is such an item.
    fn absent(&self, sort: &str) -> Option<TransactWriteItem> {
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .set_key(Some(item::key(NOW, sort)))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Some(TransactWriteItem::builder().condition_check(check.build().ok()?).build())
    }

    /// All that is written when an experiment is recorded. The order decides which refusal is told first.
    pub(super) fn intention(
        &self,
        experiment: &Experiment,
        limits: &Limits,
        lease_until: Timestamp,
        nonce: &str,
        seen: Option<&Item>,
        next: &LastKills,
    ) -> Result<Vec<(Part, TransactWriteItem)>, JournalError> {
        let fleet = &experiment.fleet;
        let absent = "attribute_not_exists(pk)";
        let mut known = item::key(&format!("known#{}", experiment.id), "known");
        known.insert("nonce".to_owned(), text(nonce));
        known.insert("expires".to_owned(), expiry(experiment.started, self.history_days.max(KNOWN_DAYS)));
        let mut parts = vec![(Part::Known, self.put(known).condition_expression(absent).build().ok().map(put))];
        parts.push((Part::Lever, self.absent(LEVER)));
        parts.push((Part::Disarmed, self.absent(&format!("{DISARMED}{fleet}"))));
        if experiment.leashed {
            parts.push((Part::Open, self.absent(&format!("{OPEN}{fleet}"))));
        } else {
            let mut open = item::key(NOW, &format!("{OPEN}{fleet}"));
            open.insert("id".to_owned(), text(experiment.id.as_str()));
            open.insert("experiment".to_owned(), item::write(experiment)?);
            open.insert("lease_until".to_owned(), moment(lease_until));
            open.insert("watcher".to_owned(), text(nonce));
            parts.push((Part::Open, self.put(open).condition_expression(absent).build().ok().map(put)));
            parts.push((Part::Day, self.count(experiment, limits)));
        }
        parts.push((Part::Last, self.advance(experiment, seen, next)?));
        let past = self.put(self.past(experiment)?).condition_expression(absent);
        parts.push((Part::Past, past.build().ok().map(put)));
        // The builders fail only without a table, a key or an item, which all have.
        Ok(parts.into_iter().filter_map(|(part, write)| Some((part, write?))).collect())
    }

    /// Counts an experiment's victims for the account's day, if there is room for them.
    fn count(&self, experiment: &Experiment, limits: &Limits) -> Option<TransactWriteItem> {
        let room = limits.max_account_day.checked_sub(experiment.kills()).filter(|_| experiment.kills() > 0)?;
        let midnight = limits.account_day.to_zoned(TimeZone::UTC).ok()?.timestamp();
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(item::key(NOW, &format!("{DAY}{}", limits.account_day))))
            .update_expression("ADD #kills :kills SET #expires = :expires")
            .condition_expression("attribute_not_exists(#kills) OR #kills <= :room")
            .expression_attribute_names("#kills", "kills")
            .expression_attribute_names("#expires", "expires")
            .expression_attribute_values(":kills", number(experiment.kills()))
            .expression_attribute_values(":room", number(room))
            .expression_attribute_values(":expires", number(midnight.as_second() + (1 + COUNT_DAYS) * 24 * 3600))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Some(TransactWriteItem::builder().update(update.build().ok()?).build())
    }

    /// Writes the fleet's last kills, if they still are what was read.
    fn advance(
        &self,
        experiment: &Experiment,
        seen: Option<&Item>,
        next: &LastKills,
    ) -> Result<Option<TransactWriteItem>, JournalError> {
        let version = seen.and_then(|seen| seen.get("version"));
        let mut last = item::key(NOW, &format!("{LAST}{}", experiment.fleet));
        last.extend(item::fields(next)?);
        last.insert("version".to_owned(), number(version.and_then(item::whole).unwrap_or(0).wrapping_add(1)));
        last.insert("expires".to_owned(), expiry(experiment.started, self.history_days.max(LAST_DAYS)));
        let write = match (seen, version) {
            (None, _) => self.put(last).condition_expression("attribute_not_exists(pk)"),
            // Written by hand.
            (Some(_), None) => self.put(last).condition_expression("attribute_not_exists(version)"),
            (Some(_), Some(version)) => self
                .put(last)
                .condition_expression("version = :seen")
                .expression_attribute_values(":seen", version.clone()),
        };
        Ok(write.build().ok().map(put))
    }
}

/// What an unmet condition of a part means.
pub(super) enum Refused {
    /// The transaction was carried out before, by this very call.
    ByOneself,
    For(Refusal),
    /// Somebody wrote to the fleet meanwhile: look again.
    Overtaken,
}

pub(super) fn refusal(part: Part, old: Option<&Item>, nonce: &str, limits: &Limits) -> Result<Refused, JournalError> {
    let nothing = Item::new();
    let old = old.unwrap_or(&nothing);
    Ok(match part {
        Part::Known if old.get("nonce") == Some(&text(nonce)) => Refused::ByOneself,
        Part::Known | Part::Past => Refused::For(Refusal::AlreadyRecorded),
        Part::Lever => Refused::For(Refusal::Lever(item::read(old)?)),
        Part::Disarmed => Refused::For(Refusal::Disarmed(item::read(old)?)),
        Part::Open => {
            let open: OpenExperiment = item::read(old)?;
            Refused::For(Refusal::OpenExperiment { id: open.experiment.id, started: open.experiment.started })
        }
        Part::Day => {
            Refused::For(Refusal::AccountCap { kills: item::field(old, "kills")?, cap: limits.max_account_day })
        }
        Part::Last => Refused::Overtaken,
    })
}
