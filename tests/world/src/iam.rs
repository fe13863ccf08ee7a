//! May this caller do that? Callers with a role are held to its policies: actions, resources, and the conditions on their tags.
//!
//! A request is authorised for every resource that it names, each with its own tags, as the Service Authorization Reference lists them
//! `[doc]`; one that is not allowed for all of them has no effect. A caller without a role may do everything: the people and machines of a
//! test. What a role allowed is remembered, so that a test can say which of its permissions nobody needed.

mod question;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use iam_rs::{
    Arn, Context, ContextValue, Decision, EvaluationOptions, IAMPolicy, IAMRequest, PolicyEvaluator, Principal,
    PrincipalId,
};
use serde_json::Value;
use thiserror::Error;

use crate::wire::{ApiRequest, Service};
use crate::world::{ACCOUNT, World};
pub(crate) use question::Question;

/// Why a policy cannot be played.
#[derive(Debug, Error)]
pub enum RoleError {
    /// It is not a policy that IAM would take.
    #[error("this is no policy: {0}: {1}")]
    Unreadable(serde_json::Error, String),
    /// An unused or used permission could not be named.
    #[error("a statement without Sid: {0}")]
    Nameless(String),
}

/// What a role allows.
#[derive(Debug, Clone, Default)]
pub struct Role {
    /// The statements that name an action, by that action in lower case; those with wildcards under the empty name.
    by_action: BTreeMap<String, Arc<PolicyEvaluator>>,
    permissions: BTreeSet<Permission>,
}

/// One action of one statement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// The statement's `Sid`.
    pub statement: String,
    /// The action, as `service:Operation`.
    pub action: String,
}

impl Role {
    /// Reads the documents of a role's policies, without functions of `CloudFormation` in them.
    ///
    /// # Errors
    /// One of them is not a policy, or has a statement without a `Sid`.
    pub fn read(documents: &[Value]) -> Result<Self, RoleError> {
        let mut by_action: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let mut permissions = BTreeSet::new();
        for statement in documents.iter().flat_map(|document| some_or_many(document.get("Statement"))) {
            let sid = statement.get("Sid").and_then(Value::as_str);
            let sid = sid.ok_or_else(|| RoleError::Nameless(statement.to_string()))?;
            for action in some_or_many(statement.get("Action")).iter().filter_map(Value::as_str) {
                let name = if action.contains('*') { String::new() } else { action.to_lowercase() };
                by_action.entry(name).or_default().push(statement.clone());
                permissions.insert(Permission { statement: sid.to_owned(), action: action.to_owned() });
            }
        }
        let evaluator = |(action, statements): (String, Vec<Value>)| {
            let policy = serde_json::json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
            let policy = IAMPolicy::from_json(&policy).map_err(|error| RoleError::Unreadable(error, policy))?;
            let options = EvaluationOptions { collect_match_details: true, ..EvaluationOptions::default() };
            Ok((action, Arc::new(PolicyEvaluator::with_policies(vec![policy]).with_options(options))))
        };
        Ok(Self { by_action: by_action.into_iter().map(evaluator).collect::<Result<_, RoleError>>()?, permissions })
    }

    /// Everything that it allows or denies, action by action.
    #[must_use]
    pub const fn permissions(&self) -> &BTreeSet<Permission> {
        &self.permissions
    }

    /// The statements that allow this, or why none does.
    fn allows(&self, question: &Question) -> Result<Vec<String>, String> {
        let caller = Principal::Aws(PrincipalId::String(ACCOUNT.to_owned()));
        let context = question.context.iter().map(|(key, value)| (key.clone(), ContextValue::from(value)));
        let context = Context::with_data(context.collect());
        let resource = Arn::parse(&question.resource).map_err(|error| error.to_string())?;
        let request = IAMRequest::new_with_context(caller, question.action.as_str(), resource, context);
        let mut by = Vec::new();
        for name in [question.action.to_lowercase(), String::new()] {
            let Some(evaluator) = self.by_action.get(&name) else { continue };
            let result = evaluator.evaluate(&request).map_err(|error| error.to_string())?;
            match result.decision {
                Decision::Deny => return Err("a statement denies it".to_owned()),
                Decision::Allow => by.extend(
                    result.statement_details.into_iter().filter(|it| it.conditions_satisfied).filter_map(|it| it.sid),
                ),
                Decision::NotApplicable => {}
            }
        }
        if by.is_empty() { Err("no statement allows it".to_owned()) } else { Ok(by) }
    }
}

impl From<&question::Fact> for ContextValue {
    fn from(fact: &question::Fact) -> Self {
        match fact {
            question::Fact::Text(text) => Self::String(text.clone()),
            question::Fact::Texts(texts) => Self::StringList(texts.clone()),
        }
    }
}

/// The roles of a world, and what of them was needed.
#[derive(Debug, Default)]
pub(crate) struct Roles {
    by_caller: BTreeMap<String, Arc<Role>>,
    used: BTreeMap<String, BTreeSet<Permission>>,
    refused: Vec<String>,
}

impl Roles {
    /// The name under which a caller has a role: all of it, or what stands before the slash.
    fn of(&self, caller: &str) -> Option<(&str, Arc<Role>)> {
        let before = caller.split('/').next().unwrap_or(caller);
        let (name, role) = self.by_caller.get_key_value(caller).or_else(|| self.by_caller.get_key_value(before))?;
        Some((name.as_str(), Arc::clone(role)))
    }
}

impl World {
    /// From now on the calls of a caller, and of all whose names begin with this one and a slash, are held to a role.
    pub fn assume(&mut self, caller: &str, role: Role) {
        self.roles.by_caller.insert(caller.to_owned(), Arc::new(role));
    }

    /// What was used of the role of a caller.
    #[must_use]
    pub fn used_permissions(&self, caller: &str) -> BTreeSet<Permission> {
        self.roles.used.get(caller).cloned().unwrap_or_default()
    }

    /// What roles did not allow, for people: who asked for what.
    #[must_use]
    pub fn refused_by_roles(&self) -> &[String] {
        &self.roles.refused
    }

    /// Whether the caller's role allows a request, if it has a role.
    pub(crate) fn authorised(&mut self, service: Service, request: &ApiRequest) -> bool {
        let Some((name, role)) = self.roles.of(&request.caller) else { return true };
        let name = name.to_owned();
        let questions = question::of(&self.state, service, request);
        let mut used = BTreeSet::new();
        for question in &questions {
            let statements = match role.allows(question) {
                Ok(statements) => statements,
                Err(why) => {
                    self.roles.refused.push(format!("{} asked for {question}: {why}", request.caller));
                    return false;
                }
            };
            let action = question.action.clone();
            used.extend(statements.into_iter().map(|statement| Permission { statement, action: action.clone() }));
        }
        self.roles.used.entry(name).or_default().append(&mut used);
        true
    }
}

fn some_or_many(value: Option<&Value>) -> &[Value] {
    match value {
        None => &[],
        Some(Value::Array(many)) => many,
        Some(one) => std::slice::from_ref(one),
    }
}
