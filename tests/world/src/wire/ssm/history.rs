//! Which commands of the past does a request mean?

use jiff::Timestamp;

use super::write_command;
use crate::ssm::command::Command;
use crate::wire::input::Input;
use crate::wire::page::page;
use crate::wire::shape::Shape;
use crate::wire::{ApiError, Service, View};

/// `Filters` of commands, as far as invocations know them `[model]` `CommandFilter`.
#[derive(Default)]
pub(super) struct Filters<'a> {
    after: Option<Timestamp>,
    before: Option<Timestamp>,
    document: Option<&'a str>,
    status: Option<&'a str>,
}

impl<'a> Filters<'a> {
    pub(super) fn of(input: &Input<'a>) -> Result<Self, ApiError> {
        let mut filters = Self::default();
        for filter in input.structures("Filters")? {
            let (key, value) = (filter.need("key")?, filter.need("value")?);
            let time = || {
                let at: Result<Timestamp, _> = value.parse();
                at.map(Some).map_err(|_| input.refuse(format!("{value} is not a time such as 2021-07-07T00:00:00Z")))
            };
            match key {
                "InvokedAfter" => filters.after = time()?,
                "InvokedBefore" => filters.before = time()?,
                "DocumentName" => filters.document = Some(value),
                "Status" => filters.status = Some(value),
                other => {
                    return Err(ApiError::bad("InvalidFilterKey", format!("The filter key {other} is not valid.")));
                }
            }
        }
        Ok(filters)
    }

    pub(super) fn pass(&self, command: &Command) -> bool {
        self.after.is_none_or(|after| command.requested >= after)
            && self.before.is_none_or(|before| command.requested <= before)
            && self.document.is_none_or(|document| command.document == document)
    }

    pub(super) fn pass_status(&self, status: &str) -> bool {
        self.status.is_none_or(|wanted| wanted == status)
    }
}

/// The newest first `[obs]`.
pub(super) fn commands(view: &View<'_>, input: &Input<'_>) -> Result<Shape, ApiError> {
    let filters = Filters::of(input)?;
    let (id, instance) = (input.get("CommandId")?, input.get("InstanceId")?);
    let size = input.number("MaxResults", 1, 50)?.unwrap_or(50) as usize;
    let ssm = &view.state.ssm;
    let all = ssm.order.iter().rev().filter_map(|id| ssm.commands.get(id));
    let chosen = all
        .filter(|command| {
            command.visible <= view.now && filters.pass(command) && filters.pass_status(command.status().0)
        })
        .filter(|command| id.is_none_or(|id| command.id == id))
        .filter(|command| instance.is_none_or(|instance| command.invocations.contains_key(instance)));
    let rows: Vec<(String, &Command)> = chosen
        .map(|command| (format!("{:020}", i64::MAX - command.requested.as_millisecond()) + &command.id, command))
        .collect();
    let items = rows.iter().map(|(key, command)| (key.as_str(), *command));
    let (shown, next) = page(items, Some(size), input.get("NextToken")?, Service::Ssm)?;
    Ok(Shape::record()
        .with("Commands", shown.into_iter().map(write_command).collect::<Shape>())
        .maybe("NextToken", next))
}
