//! Observe, plan, answer.

use aws_smithy_async::time::SharedTimeSource;
use aws_types::SdkConfig;
use futures_util::{StreamExt as _, stream};
use lambda_runtime::{Diagnostic, LambdaEvent};
use panda_aws::{
    Aws, AwsError,
    alarms::Alarms,
    callback::{Callbacks, Unanswered},
    connections::Connections,
    deployment_groups::DeploymentGroups,
    managed::ManagedNodes,
    pipeline_sources::PipelineSources,
    status_alarms::StatusAlarms,
};
use panda_domain::{
    ids::FleetName,
    preflight::{
        Answer, Command, CommandError, Decision, Finding, Launch, Order, OrderError, Severity, Step, check, plan,
        sum_up,
    },
};
use panda_lambda::{deadline::Deadline, failure};
use serde_json::Value;
use thiserror::Error;
use tokio::time::{Duration, timeout};
use tracing::{Span, error, info, instrument};

use crate::{
    Config,
    fleet::{Eyes, Found},
    launch,
    outcome::{FleetReport, Outcome},
};

/// The longest look at what AWS offers: a deployment waits for it.
const LOOK: Duration = Duration::from_secs(30);

/// What must be left of the invocation to answer. Who does not answer has CloudFormation wait for an hour.
const ANSWERING: Duration = Duration::from_secs(20);

/// What must be left of it after the answer, so that Lambda does not end it in between.
const MARGIN: Duration = Duration::from_secs(2);

/// The longest time that an answer is tried, where no deadline is known.
const ANSWER: Duration = Duration::from_secs(40);

/// How many fleets are looked at at the same time: AWS's request budgets are for everybody.
const FLEETS_AT_ONCE: usize = 4;

/// What the function keeps from one event to the next.
#[derive(Debug)]
pub struct App {
    config: Config,
    eyes: Eyes,
    callbacks: Callbacks,
    clock: SharedTimeSource,
}

impl App {
    /// Clients and configuration. The clock is the SDK's own, so that both agree on what time it is.
    #[must_use]
    pub fn new(config: Config, sdk: &SdkConfig) -> Self {
        let aws = Aws::new(sdk);
        let counter = aws.counter();
        Self {
            config,
            eyes: Eyes {
                alarms: Alarms::new(sdk, counter.clone()),
                connections: Connections::new(sdk, counter.clone()),
                deployment_groups: DeploymentGroups::new(sdk, counter.clone()),
                managed: ManagedNodes::new(sdk, counter.clone()),
                pipelines: PipelineSources::new(sdk, counter.clone()),
                status_alarms: StatusAlarms::new(sdk, counter),
                aws,
            },
            callbacks: Callbacks::new(sdk),
            clock: sdk.time_source().unwrap_or_default(),
        }
    }

    fn left(&self, deadline: Deadline) -> Duration {
        deadline.left(self.clock.now())
    }
}

/// Why an invocation must be tried again, or cannot be answered.
#[derive(Debug, Error)]
pub enum HandlerError {
    /// The payload is no command.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// CloudFormation's request lacks what an answer needs.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// The fleets could not be looked at.
    #[error("could not look at the fleets")]
    Observe(#[source] AwsError),
    /// CloudFormation did not get its answer. Lambda runs the event again, and what was found is found again.
    #[error("CloudFormation did not get its answer, {said}")]
    Unanswered {
        /// What it would have been told.
        said: String,
        /// Why it was not.
        #[source]
        error: Unanswered,
    },
}

impl HandlerError {
    fn error_type(&self) -> String {
        match self {
            Self::Command(_) => "Command".to_owned(),
            Self::Order(_) => "Order".to_owned(),
            Self::Observe(error) => format!("{}.{}", error.operation, error.trouble.as_str()),
            Self::Unanswered { .. } => "Unanswered".to_owned(),
        }
    }
}

impl From<HandlerError> for Diagnostic {
    fn from(error: HandlerError) -> Self {
        failure::diagnostic(error.error_type(), &error)
    }
}

/// Handles a request of CloudFormation or a command of a person.
///
/// # Errors
/// When nobody could be answered. A launch that is refused is no error: CloudFormation is told.
#[instrument(name = "handle", skip_all, fields(command, stack, decision))]
pub async fn handle(app: &App, event: LambdaEvent<Value>) -> Result<Outcome, HandlerError> {
    let started = app.clock.now();
    app.eyes.aws.take_tally();
    let deadline = Deadline::at(event.context.deadline);
    // Boxed: the future of all calls of an invocation is deep and large.
    let result = Box::pin(async {
        if Order::is_meant(&event.payload) {
            obey(app, &Order::decode(&event.payload)?, deadline).await
        } else {
            let Command::Check { fleet } = Command::decode(&event.payload)?;
            look_at_fleets(app, fleet.as_ref(), deadline).await
        }
    })
    .await
    .map(|mut outcome| {
        let took = app.clock.now().duration_since(started).unwrap_or_default();
        outcome.conclude(app.eyes.aws.take_tally(), u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        outcome
    });
    match &result {
        Ok(outcome) => {
            Span::current().record("decision", &outcome.summary);
            info!(
                duration_ms = outcome.duration_ms,
                findings = outcome.count(),
                aws.reads = outcome.reads,
                aws.writes = outcome.writes,
                "{}",
                outcome.summary
            );
        }
        Err(error) => error!("{}", failure::chain(error)),
    }
    result
}

/// Answers CloudFormation, whatever happens.
async fn obey(app: &App, order: &Order, deadline: Deadline) -> Result<Outcome, HandlerError> {
    let callback = &order.callback;
    let command = order.step.to_string();
    Span::current().record("command", &command).record("stack", &callback.stack);
    let mut outcome = Outcome { command, stack: Some(callback.stack.clone()), ..Outcome::default() };
    let answer = match &order.step {
        // There is nothing to undo, and a stack that cannot be deleted helps nobody.
        Step::Delete => Answer::Done,
        Step::Create | Step::Update => judge(app, &order.properties, deadline, &mut outcome).await,
        Step::Unknown(step) => {
            let step: String = step.chars().take(64).collect();
            Answer::Failed { reason: format!("Custom::LaunchPreflight knows no request of type `{step}`.") }
        }
    };
    outcome.answer = Some(if answer.is_success() { "SUCCESS" } else { "FAILED" });
    outcome.summary = match &answer {
        Answer::Done => format!("{}: done, there is nothing to undo", order.step),
        Answer::Accepted { .. } => format!("{}: accepted; {}", order.step, sum_up(&outcome.findings)),
        Answer::Failed { reason } => format!("{}: refused. {reason}", order.step),
    };
    let patience = app.left(deadline).saturating_sub(MARGIN).min(ANSWER);
    match app.callbacks.send(&callback.url, &answer.body(callback), patience).await {
        Ok(()) => Ok(outcome),
        Err(error) => Err(HandlerError::Unanswered { said: outcome.summary, error }),
    }
}

async fn judge(app: &App, properties: &Value, deadline: Deadline, outcome: &mut Outcome) -> Answer {
    let launch = match Launch::read(properties) {
        Ok(launch) => launch,
        Err(findings) => {
            let sentences: Vec<&str> = findings.iter().map(|finding| finding.sentence.as_str()).collect();
            let reason = sentences.join(" ");
            outcome.findings = findings;
            return Answer::Failed { reason };
        }
    };
    let patience = app.left(deadline).saturating_sub(ANSWERING).min(LOOK);
    let snapshot = match timeout(patience, launch::look(&app.eyes.aws, &app.eyes.connections, &launch)).await {
        Ok(Ok(snapshot)) => snapshot,
        Ok(Err(error)) => {
            return Answer::Failed {
                reason: format!("The launch could not be checked, so it is not let through: {error}."),
            };
        }
        Err(_) => {
            let reason = format!(
                "The launch could not be checked within {} s, because AWS did not answer; try the deployment again.",
                patience.as_secs()
            );
            return Answer::Failed { reason };
        }
    };
    let plan = plan(&launch, &snapshot);
    if let Decision::Accepted { subnets, dropped, .. } = &plan.decision {
        outcome.subnets.clone_from(subnets);
        outcome.dropped.clone_from(dropped);
    }
    let answer = Answer::of(&plan);
    outcome.findings = plan.findings;
    answer
}

async fn look_at_fleets(app: &App, fleet: Option<&FleetName>, deadline: Deadline) -> Result<Outcome, HandlerError> {
    let command = "check";
    Span::current().record("command", command);
    let found = app.eyes.find(fleet).await.map_err(HandlerError::Observe)?;
    let fleets = found.fleets();
    let reports = fleets.iter().map(|fleet| report(app, &found, fleet, deadline));
    let fleets: Vec<FleetReport> = stream::iter(reports).buffered(FLEETS_AT_ONCE).collect().await;
    let mut outcome = Outcome { command: command.to_owned(), fleets, ..Outcome::default() };
    if outcome.fleets.is_empty() {
        outcome.summary = "No Auto Scaling group and no Elastic IP carries the tag `lethargic-panda:fleet`".into();
    }
    Ok(outcome)
}

async fn report(app: &App, found: &Found, fleet: &FleetName, deadline: Deadline) -> FleetReport {
    let patience = app.left(deadline).saturating_sub(MARGIN);
    let findings = match timeout(patience, app.eyes.look(found, fleet)).await {
        Ok(setup) => check(&setup, &app.config.rules),
        Err(_) => vec![Finding {
            severity: Severity::Warning,
            code: "unseen",
            subject: fleet.to_string(),
            sentence: format!("There was no time left to look at `{fleet}`."),
            mend: Some(format!("make preflight FLEET={fleet}")),
        }],
    };
    FleetReport::new(fleet.clone(), findings)
}
