//! How does Lambda invoke the function? Asynchronously and at least once, in environments that it keeps warm or starts cold.
//!
//! AWS Lambda developer guide, "Asynchronous invocation": an error is retried twice, after one and after two minutes, unless the event is
//! too old by then; what fails for good goes to the failure destination. "Execution environment": one invocation at a time in each, kept for
//! the next when it ends, replaced when it dies or runs out of time.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use aws_types::SdkConfig;
use fastrand::Rng;
use jiff::Timestamp;
use lambda_runtime::{Context, LambdaEvent};
use panda_world::Span;
use serde_json::Value;
use tokio::sync::Notify;

use super::{cloud::Cloud, deployment::Deployment};

/// From the rule to the start of the handler in a warm environment. `[infer]`
const HAND_OVER: Span = Span::millis(5, 50);
/// Start of a new environment: a small native binary and its first TLS connections. `[infer]`
const COLD_START: Span = Span::millis(80, 250);
/// Pauses before the retries. `[doc]` "Lambda waits one minute before the first retry and two minutes before the second."
const RETRY_AFTER: [Duration; 2] = [Duration::from_mins(1), Duration::from_mins(2)];
/// How often a warm environment is there and yet a cold one is started, in percent: Lambda recycles them as it likes.
const RECYCLED_PERCENT: u8 = 2;

/// One attempt to handle one event.
#[derive(Debug, Clone)]
pub(super) struct Invocation {
    /// What woke the function, for people.
    pub trigger: String,
    /// The instance that the event is about, if it is about one.
    pub subject: Option<String>,
    /// The environment, which is also the caller's name in the world's journal.
    pub environment: String,
    /// Whether the environment was started for this.
    pub cold: bool,
    /// 0 for the first attempt.
    pub attempt: u32,
    /// When the handler began.
    pub began: Timestamp,
    /// When it ended, and how.
    pub ended: Option<(Timestamp, Ending)>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    /// With an outcome, as JSON.
    Done(String),
    /// With an error.
    Failed(String),
    /// The environment died between two calls.
    Died,
    /// Lambda cut it off.
    TimedOut,
}

/// An event that Lambda gave up.
#[derive(Debug, Clone)]
pub(super) struct DeadLetter {
    /// When.
    pub at: Timestamp,
    /// What woke the function, for people.
    pub trigger: String,
    /// Why it was given up.
    pub reason: String,
}

/// A function's code, as Lambda runs it.
pub(super) trait Function: 'static {
    /// Its name, by which its calls are known in the world's journal.
    const NAME: &'static str;
    /// What an environment of it keeps from one event to the next.
    type App: 'static;

    /// Starts an environment. It must end at the notice of its death.
    fn start(&self, environment: &str, sdk: &SdkConfig, death: &Arc<Notify>) -> Self::App;

    /// Handles an event. Gives the outcome, or the error, in words.
    fn handle(app: &Self::App, event: LambdaEvent<Value>) -> impl Future<Output = Result<String, String>>;
}

/// The function that keeps the addresses.
pub(super) struct Failover(pub(super) elastic_ip_failover::Config);

impl Function for Failover {
    const NAME: &'static str = "elastic-ip-failover";
    type App = elastic_ip_failover::App;

    fn start(&self, _: &str, sdk: &SdkConfig, _: &Arc<Notify>) -> Self::App {
        elastic_ip_failover::App::new(self.0.clone(), sdk)
    }

    async fn handle(app: &Self::App, event: LambdaEvent<Value>) -> Result<String, String> {
        match elastic_ip_failover::handle(app, event).await {
            Ok(outcome) => Ok(serde_json::to_string(&outcome).unwrap_or_else(|error| error.to_string())),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Lambda, with a function deployed.
pub(super) struct Lambda<F: Function>(Rc<Inner<F>>);

impl<F: Function> Clone for Lambda<F> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

struct Inner<F: Function> {
    deployment: Arc<Deployment>,
    function: F,
    cloud: Cloud,
    rng: RefCell<Rng>,
    idle: RefCell<Vec<Rc<Environment<F>>>>,
    /// Environments from before the last deployment are not kept.
    deployed: Cell<u32>,
    made: Cell<u32>,
    busy: Cell<usize>,
    /// Environments at work, and the most there were at the same time.
    running: Cell<u32>,
    most: Cell<u32>,
    calm: Notify,
    begun: Cell<u64>,
    log: RefCell<BTreeMap<u64, Invocation>>,
    dead_letters: RefCell<Vec<DeadLetter>>,
}

struct Environment<F: Function> {
    name: String,
    deployed: u32,
    app: F::App,
    death: Arc<Notify>,
}

impl<F: Function> Lambda<F> {
    pub(super) fn new(deployment: Arc<Deployment>, function: F, cloud: Cloud, seed: u64) -> Self {
        cloud.lock().assume(F::NAME, deployment.role.clone());
        Self(Rc::new(Inner {
            deployment,
            function,
            cloud,
            rng: RefCell::new(Rng::with_seed(seed ^ 0x1A3B_DA00)),
            idle: RefCell::default(),
            deployed: Cell::new(0),
            made: Cell::new(0),
            busy: Cell::new(0),
            running: Cell::new(0),
            most: Cell::new(0),
            calm: Notify::new(),
            begun: Cell::new(0),
            log: RefCell::default(),
            dead_letters: RefCell::default(),
        }))
    }

    /// Takes an event into the queue. It is handled in the background.
    pub(super) fn accept(&self, event: Value) {
        let id = event.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        self.accept_as(id, event);
    }

    /// The same for a payload without an id of its own: the request's.
    pub(super) fn accept_as(&self, id: String, event: Value) {
        self.0.busy.set(self.0.busy.get() + 1);
        let lambda = self.clone();
        tokio::task::spawn_local(async move {
            lambda.see_through(&id, event).await;
            lambda.0.busy.set(lambda.0.busy.get().saturating_sub(1));
            lambda.0.calm.notify_one();
        });
    }

    /// Events that are not done with, those that wait for a retry included.
    pub(super) fn busy(&self) -> usize {
        self.0.busy.get()
    }

    /// Environments that were at work at the same time, at the most.
    pub(super) fn most_at_once(&self) -> u32 {
        self.0.most.get()
    }

    /// Returns when an event is done with.
    pub(super) async fn progress(&self) {
        self.0.calm.notified().await;
    }

    /// Whatever is deployed from now on: running invocations go on with what they have, new ones start anew.
    pub(super) fn redeploy(&self, change: impl FnOnce(&F)) {
        change(&self.0.function);
        self.0.deployed.set(self.0.deployed.get() + 1);
        self.0.idle.borrow_mut().clear();
    }

    pub(super) fn take_log(&self) -> (Vec<Invocation>, Vec<DeadLetter>) {
        (self.0.log.take().into_values().collect(), self.0.dead_letters.take())
    }

    /// What Lambda gave up since this was last asked.
    pub(super) fn take_letters(&self) -> Vec<DeadLetter> {
        self.0.dead_letters.take()
    }

    /// The invocations that ended since this was last asked.
    pub(super) fn take_ended(&self) -> Vec<Invocation> {
        let mut log = self.0.log.borrow_mut();
        let (ended, running) = std::mem::take(&mut *log).into_iter().partition(|(_, one)| one.ended.is_some());
        *log = running;
        let ended: BTreeMap<u64, Invocation> = ended;
        ended.into_values().collect()
    }

    async fn see_through(&self, id: &str, event: Value) {
        let age = tokio::time::Instant::now();
        let mut pauses = RETRY_AFTER.into_iter().take(self.0.deployment.retries as usize);
        let mut attempt = 0;
        loop {
            let reason = match self.attempt(id, &event, attempt).await {
                Ending::Done(_) => return,
                Ending::Failed(error) => error,
                Ending::Died => "the environment died".to_owned(),
                Ending::TimedOut => "timed out".to_owned(),
            };
            let Some(pause) = pauses.next() else {
                return self.give_up(&event, format!("after {} attempts: {reason}", attempt + 1));
            };
            tokio::time::sleep(pause).await;
            if age.elapsed() > self.0.deployment.event_age {
                return self.give_up(&event, format!("too old after {} attempts: {reason}", attempt + 1));
            }
            attempt += 1;
        }
    }

    async fn attempt(&self, id: &str, event: &Value, attempt: u32) -> Ending {
        let (environment, cold) = self.environment();
        self.0.running.set(self.0.running.get() + 1);
        self.0.most.set(self.0.most.get().max(self.0.running.get()));
        let mut delay = self.draw(HAND_OVER);
        if cold {
            delay += self.draw(COLD_START);
        }
        tokio::time::sleep(delay).await;
        let cloud = &self.0.cloud;
        let began = cloud.now();
        let deadline =
            began.as_millisecond() + i64::try_from(self.0.deployment.timeout.as_millis()).unwrap_or(i64::MAX);
        let mut context = Context::default();
        // A retry of an asynchronous invocation has the request id of the first attempt.
        id.clone_into(&mut context.request_id);
        context.deadline = u64::try_from(deadline).unwrap_or(0);
        let number = self.begin(event, attempt, &environment.name, cold, began);
        let running = Rc::clone(&environment);
        let payload = LambdaEvent::new(event.clone(), context);
        let mut handling = tokio::task::spawn_local(async move { F::handle(&running.app, payload).await });
        let ending = tokio::select! {
            biased;
            result = &mut handling => match result {
                Ok(Ok(outcome)) => Ending::Done(outcome),
                Ok(Err(error)) => Ending::Failed(error),
                Err(panic) => Ending::Failed(panic.to_string()),
            },
            () = environment.death.notified() => Ending::Died,
            () = tokio::time::sleep(self.0.deployment.timeout) => Ending::TimedOut,
        };
        handling.abort();
        self.0.running.set(self.0.running.get().saturating_sub(1));
        if matches!(ending, Ending::Done(_) | Ending::Failed(_)) && environment.deployed == self.0.deployed.get() {
            self.0.idle.borrow_mut().push(environment);
        }
        let ended = Some((cloud.now(), ending.clone()));
        if let Some(invocation) = self.0.log.borrow_mut().get_mut(&number) {
            invocation.ended = ended;
        }
        ending
    }

    fn begin(&self, event: &Value, attempt: u32, environment: &str, cold: bool, began: Timestamp) -> u64 {
        let number = self.0.begun.replace(self.0.begun.get() + 1);
        let invocation = Invocation {
            trigger: trigger(event),
            subject: subject(event).map(str::to_owned),
            environment: environment.to_owned(),
            cold,
            attempt,
            began,
            ended: None,
        };
        self.0.log.borrow_mut().insert(number, invocation);
        number
    }

    /// The environment that became free last, or a new one.
    fn environment(&self) -> (Rc<Environment<F>>, bool) {
        let recycled = self.0.rng.borrow_mut().u8(0..100) < RECYCLED_PERCENT;
        let mut idle = self.0.idle.borrow_mut();
        if recycled {
            idle.pop();
        }
        if let Some(environment) = idle.pop().filter(|_| !recycled) {
            return (environment, false);
        }
        self.0.made.set(self.0.made.get() + 1);
        let name = format!("{}/{}", F::NAME, self.0.made.get());
        let (sdk, death) = self.0.cloud.sdk_config(&name);
        let app = self.0.function.start(&name, &sdk, &death);
        (Rc::new(Environment { name, deployed: self.0.deployed.get(), app, death }), true)
    }

    fn draw(&self, span: Span) -> Duration {
        span.draw(&mut self.0.rng.borrow_mut())
    }

    fn give_up(&self, event: &Value, reason: String) {
        let at = self.0.cloud.now();
        self.0.dead_letters.borrow_mut().push(DeadLetter { at, trigger: trigger(event), reason });
    }
}

/// The instance that an event is about.
fn subject(event: &Value) -> Option<&str> {
    let detail = &event["detail"];
    ["instance-id", "EC2InstanceId"].iter().find_map(|key| detail[*key].as_str())
}

/// What woke the function, in one line.
fn trigger(event: &Value) -> String {
    let detail = &event["detail"];
    let about = [subject(event), detail["state"].as_str(), detail["AutoScalingGroupName"].as_str()];
    let kind = event["detail-type"].as_str().or_else(|| event["command"].as_str());
    let mut words = vec![kind.unwrap_or("an event")];
    words.extend(about.into_iter().flatten());
    words.join(" ")
}
