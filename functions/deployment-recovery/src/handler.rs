//! Observe, plan, act, report.

use std::time::SystemTime;

use aws_smithy_async::time::SharedTimeSource;
use aws_types::SdkConfig;
use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent};
use panda_aws::{
    Aws, AwsError, bus::Bus, commands::Commands, deployments::Deployments, opening, pipelines::Pipelines, topics::Topic,
};
use panda_domain::{
    ids::PipelineName,
    recovery::{Call, Command, CommandError, CommandTarget, Hints, NoWake, Subject, Wake},
};
use panda_lambda::{deadline::Deadline, failure};
use serde_json::Value;
use thiserror::Error;
use tracing::{Span, error, info, instrument};

use crate::{
    Config, Mode,
    cases::{Cases, dynamo::DynamoCases},
    observe::{Eyes, pipeline_look},
    outcome::Outcome,
    work::{Unfinished, Work},
};

/// What the function keeps from one event to the next.
#[derive(Debug)]
pub struct App<C> {
    pub(crate) config: Config,
    pub(crate) eyes: Eyes,
    pub(crate) topic: Topic,
    pub(crate) chat: Option<Topic>,
    pub(crate) bus: Bus,
    pub(crate) cases: C,
    pub(crate) region: String,
    clock: SharedTimeSource,
}

impl App<DynamoCases> {
    /// The function as it is deployed, with its book of cases in DynamoDB.
    #[must_use]
    pub fn deployed(config: Config, sdk: &SdkConfig) -> Self {
        let aws = Aws::new(sdk);
        let cases = DynamoCases::new(sdk, aws.counter(), config.cases_table.as_str());
        Self::new(config, sdk, aws, cases)
    }

    /// Opens connections before the first event: to what every failure is looked up at.
    pub async fn open(&self) {
        let Eyes { pipelines, deployments, .. } = &self.eyes;
        opening::open(async { tokio::join!(self.cases.knock(), pipelines.knock(), deployments.knock()) }).await;
    }
}

impl<C> App<C> {
    /// The function with this book. The clock is the SDK's own, so that both agree on what time it is.
    #[must_use]
    pub fn new(config: Config, sdk: &SdkConfig, aws: Aws, cases: C) -> Self {
        let counter = aws.counter();
        let topic = |arn: &str| Topic::new(sdk, counter.clone(), arn);
        Self {
            topic: topic(&config.topic_arn),
            chat: config.chat_topic_arn.as_deref().map(topic),
            bus: Bus::new(sdk, counter.clone(), config.event_bus.as_str()),
            region: sdk.region().map(ToString::to_string).unwrap_or_default(),
            clock: sdk.time_source().unwrap_or_default(),
            eyes: Eyes {
                deployments: Deployments::new(sdk, counter.clone()),
                pipelines: Pipelines::new(sdk, counter.clone()),
                commands: Commands::new(sdk, counter),
                document: config.restart_document.clone(),
                aws,
            },
            cases,
            config,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::try_from(self.clock.now()).unwrap_or_default()
    }

    pub(crate) fn system_now(&self) -> SystemTime {
        self.clock.now()
    }
}

/// Why an invocation failed. Lambda runs it again, and what was done is seen then.
#[derive(Debug, Error)]
pub enum HandlerError {
    /// The payload is a command that is not understood. Nothing was done.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// What a command is about could not be looked up. Nothing was done.
    #[error("could not look up what the command is about")]
    Observe(#[source] AwsError),
    /// Something is left to do, and another run can do it.
    #[error("{what}: {}", .outcome.summary)]
    Unfinished {
        /// What is left.
        what: &'static str,
        /// What was done.
        outcome: Box<Outcome>,
        /// What AWS said.
        #[source]
        first: AwsError,
    },
}

impl HandlerError {
    /// What was done nevertheless.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Unfinished { outcome, .. } => Some(outcome),
            Self::Command(_) | Self::Observe(_) => None,
        }
    }

    fn error_type(&self) -> String {
        match self {
            Self::Command(_) => "Command".to_owned(),
            Self::Observe(error) | Self::Unfinished { first: error, .. } => {
                format!("{}.{}", error.operation, error.trouble.as_str())
            }
        }
    }
}

impl From<HandlerError> for Diagnostic {
    fn from(error: HandlerError) -> Self {
        failure::diagnostic(error.error_type(), &error)
    }
}

/// Handles one event or command.
///
/// # Errors
/// When the payload is a command that is not understood, or people could not be told, or nobody be asked to go on: run again. What cannot be
/// cured is no error; people are told.
#[instrument(name = "handle", skip_all, fields(case, decision))]
pub async fn handle<C: Cases>(app: &App<C>, event: LambdaEvent<Value>) -> Result<Outcome, HandlerError> {
    let started = app.system_now();
    app.eyes.aws.take_tally();
    let mut outcome = Outcome::new(app.config.mode);
    let deadline = Deadline::at(event.context.deadline);
    // Boxed: the future of all calls of an invocation is deep and large.
    let unfinished = Box::pin(respond(app, &event.payload, &event.context.request_id, deadline, &mut outcome)).await;
    let took = app.system_now().duration_since(started).unwrap_or_default();
    outcome.conclude(app.eyes.aws.take_tally(), u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    let result = match unfinished {
        Ok(None) => Ok(outcome),
        Ok(Some(Unfinished { what, error })) => {
            Err(HandlerError::Unfinished { what, outcome: Box::new(outcome), first: error })
        }
        Err(error) => Err(error),
    };
    match &result {
        Ok(outcome) => {
            Span::current().record("decision", &outcome.summary);
            info!(
                duration_ms = outcome.duration_ms,
                cases = outcome.cases.len(),
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

async fn respond<C: Cases>(
    app: &App<C>,
    payload: &Value,
    request: &str,
    deadline: Deadline,
    outcome: &mut Outcome,
) -> Result<Option<Unfinished>, HandlerError> {
    let wake = match Wake::decode(payload) {
        Ok(wake) => wake,
        Err(NoWake::Ignored(ignored)) => {
            outcome.summary = format!("Ignored: {ignored}");
            return Ok(None);
        }
        Err(NoWake::Command(error)) => return Err(error.into()),
    };
    if app.config.mode == Mode::Off {
        "Switched off: nothing was looked at".clone_into(&mut outcome.summary);
        return Ok(None);
    }
    let Wake { call, hints, .. } = wake;
    let (subject, acts) = match call {
        Call::Failed(subject)
        | Call::Succeeded(subject)
        | Call::LookAgain(subject)
        | Call::Command(Command::LookAgain { subject, .. }) => (Some(subject), true),
        Call::Command(Command::Diagnose(target)) => (find(app, target).await?, false),
        Call::Command(Command::Recover(target)) => (find(app, target).await?, true),
        Call::Sweep | Call::Command(Command::Sweep) => {
            sweep(app, request, deadline, outcome).await?;
            return Ok(None);
        }
    };
    let Some(subject) = subject else {
        "No deployment of the pipeline has failed".clone_into(&mut outcome.summary);
        return Ok(None);
    };
    Span::current().record("case", subject.key());
    let hints = Hints { since: hints.since.or(Some(app.now())), ..hints };
    let mut work = Work::new(app, &subject, hints, request, deadline);
    let result = if acts {
        work.run().await
    } else {
        work.diagnose().await;
        Ok(())
    };
    let Work { outcome: case, problems, .. } = work;
    outcome.cases.push(case);
    outcome.problems.extend(problems);
    Ok(result.err())
}

/// What a command is about; `None` if a pipeline shows no failed deployment.
async fn find<C>(app: &App<C>, target: CommandTarget) -> Result<Option<Subject>, HandlerError> {
    Ok(match target {
        CommandTarget::Deployment(deployment) => Some(Subject::Deployment(deployment)),
        CommandTarget::Pipeline(pipeline, Some(execution)) => Some(Subject::Execution { pipeline, execution }),
        CommandTarget::Pipeline(pipeline, None) => failed_in(app, pipeline).await.map_err(HandlerError::Observe)?,
    })
}

/// The execution whose deployment failed and is still where it failed.
async fn failed_in<C>(app: &App<C>, pipeline: PipelineName) -> Result<Option<Subject>, AwsError> {
    let Some(stages) = app.eyes.pipelines.stages(pipeline.as_str()).await? else { return Ok(None) };
    let execution = pipeline_look(stages).failed_execution().cloned();
    Ok(execution.map(|execution| Subject::Execution { pipeline, execution }))
}

/// Says of every pipeline whether a deployment of it has failed, and why. It touches nothing: how old a failure is, a pipeline does not show,
/// and nobody wants last month's revision deployed.
async fn sweep<C: Cases>(
    app: &App<C>,
    request: &str,
    deadline: Deadline,
    outcome: &mut Outcome,
) -> Result<(), HandlerError> {
    for name in app.eyes.pipelines.names().await.map_err(HandlerError::Observe)? {
        let Some(subject) = failed_in(app, PipelineName::from(name)).await.map_err(HandlerError::Observe)? else {
            continue;
        };
        let mut work = Work::new(app, &subject, Hints::default(), request, deadline);
        work.diagnose().await;
        let Work { outcome: case, problems, .. } = work;
        outcome.cases.push(case);
        outcome.problems.extend(problems);
    }
    Ok(())
}
