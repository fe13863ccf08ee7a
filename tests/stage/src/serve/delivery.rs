//! How do the world's events reach the deployed functions?
//!
//! An endpoint refuses `PutEvents` with a source of `aws.*`, as AWS does, so `EventBridge`'s own work is done here with the
//! endpoint's own rules: list them, ask the endpoint which patterns match (`TestEventPattern`), look up their targets,
//! invoke asynchronously. Schedule rules are left to the endpoint, which fires them itself.

use std::{
    collections::BTreeSet,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::{sync::mpsc::UnboundedSender, task::JoinSet, time::Instant};

/// What `EventBridge` does when a target sets no `RetryPolicy` is 185 attempts in 24 hours. Nobody waits so long for a local
/// endpoint that has gone away: this many attempts, then the event is given up as it would be to the dead-letter queue.
const DEFAULT_RETRIES: u32 = 4;

/// First pause before an Invoke is tried again; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// An enabled rule with an event pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Its event pattern, as JSON.
    pub pattern: String,
    /// Where it sends what matches.
    pub targets: Vec<Target>,
}

/// A function that a rule invokes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The function's ARN.
    pub function: String,
    /// A constant payload instead of the event.
    pub input: Option<String>,
    /// `RetryPolicy.MaximumRetryAttempts`.
    pub retries: Option<u32>,
    /// The dead-letter queue's ARN.
    pub dead_letter: Option<String>,
}

impl Target {
    /// The function's name, the last part of its ARN.
    #[must_use]
    pub fn function_name(&self) -> &str {
        self.function.rsplit(':').next().unwrap_or(&self.function)
    }
}

/// A call to the endpoint that did not succeed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation}: {reason}")]
pub struct CallError {
    /// The operation.
    pub operation: &'static str,
    /// Code and message.
    pub reason: String,
}

/// Where the functions and their rules are deployed.
pub trait Endpoint: Send + Sync + 'static {
    /// Every enabled rule with an event pattern, with its targets.
    fn rules(&self) -> impl Future<Output = Result<Vec<Rule>, CallError>> + Send;
    /// Whether the pattern matches the event.
    fn matches(&self, pattern: &str, event: &str) -> impl Future<Output = Result<bool, CallError>> + Send;
    /// Hands the payload to the function's asynchronous queue.
    fn invoke(&self, function: &str, payload: Vec<u8>) -> impl Future<Output = Result<(), CallError>> + Send;
}

/// What became of an event.
#[derive(Debug, Clone)]
pub enum Notice {
    /// A rule matched; the function is being invoked.
    Wanted {
        /// The event.
        event: Arc<Value>,
        /// The function's name.
        function: String,
        /// When the event arrived.
        since: Instant,
    },
    /// A rule matched and its function's queue took the event.
    Delivered {
        /// The event.
        event: Arc<Value>,
        /// The rule.
        rule: String,
        /// The function's name.
        function: String,
    },
    /// No rule wants it.
    Unwanted {
        /// The event.
        event: Arc<Value>,
    },
    /// Every attempt failed: the event goes where the dead-letter queue would have it.
    GivenUp {
        /// The event.
        event: Arc<Value>,
        /// The function's name.
        function: String,
        /// The dead-letter queue that the rule names.
        dead_letter: Option<String>,
        /// The last attempt's error.
        error: CallError,
    },
    /// The endpoint could not say whether a rule matches, or list its rules.
    Unreadable {
        /// What failed.
        error: CallError,
    },
}

/// Delivers events by the endpoint's rules.
pub struct Courier<E> {
    endpoint: Arc<E>,
    rules: Mutex<Arc<Vec<Rule>>>,
    notices: UnboundedSender<Notice>,
}

impl<E: Endpoint> Courier<E> {
    /// A courier without rules: [`Courier::refresh`] reads them. What it does it tells `notices`.
    pub fn new(endpoint: Arc<E>, notices: UnboundedSender<Notice>) -> Self {
        Self { endpoint, rules: Mutex::default(), notices }
    }

    /// Reads the rules again, and returns their names.
    ///
    /// # Errors
    ///
    /// The endpoint did not answer; the rules read before stay in force.
    pub async fn refresh(&self) -> Result<BTreeSet<String>, CallError> {
        let rules = self.endpoint.rules().await?;
        let names = rules.iter().map(|rule| rule.name.clone()).collect();
        *self.rules.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
        Ok(names)
    }

    /// The functions that the rules invoke, by name, without repetition.
    pub fn functions(&self) -> BTreeSet<String> {
        let rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        rules.iter().flat_map(|rule| &rule.targets).map(|target| target.function_name().to_owned()).collect()
    }

    /// Sends `event` to every target of every rule that matches it. Returns when each has it or is given up.
    pub async fn deliver(&self, event: Value) {
        let since = Instant::now();
        let rules = Arc::clone(&self.rules.lock().unwrap_or_else(PoisonError::into_inner));
        let text: Arc<str> = event.to_string().into();
        let event = Arc::new(event);
        let mut asked = JoinSet::new();
        for (position, rule) in rules.iter().enumerate() {
            let (endpoint, pattern, text) = (Arc::clone(&self.endpoint), rule.pattern.clone(), Arc::clone(&text));
            asked.spawn(async move { (position, endpoint.matches(&pattern, &text).await) });
        }
        let (mut wanted, mut sent) = (false, JoinSet::new());
        while let Some(Ok((position, answer))) = asked.join_next().await {
            match (answer, rules.get(position)) {
                (Ok(true), Some(rule)) => {
                    wanted = true;
                    for target in &rule.targets {
                        let function = target.function_name().to_owned();
                        self.tell(Notice::Wanted { event: Arc::clone(&event), function, since });
                        let payload = target.input.clone().unwrap_or_else(|| text.to_string()).into_bytes();
                        let attempt = send(
                            Arc::clone(&self.endpoint),
                            rule.name.clone(),
                            target.clone(),
                            payload,
                            Arc::clone(&event),
                        );
                        sent.spawn(attempt);
                    }
                }
                (Ok(_), _) => {}
                (Err(error), _) => self.tell(Notice::Unreadable { error }),
            }
        }
        if !wanted {
            self.tell(Notice::Unwanted { event });
        }
        while let Some(Ok(notice)) = sent.join_next().await {
            self.tell(notice);
        }
    }

    fn tell(&self, notice: Notice) {
        // Nobody listens any more when the stage is being cleared.
        let _ = self.notices.send(notice);
    }
}

async fn send<E: Endpoint>(
    endpoint: Arc<E>,
    rule: String,
    target: Target,
    payload: Vec<u8>,
    event: Arc<Value>,
) -> Notice {
    let function = target.function_name().to_owned();
    let retries = target.retries.unwrap_or(DEFAULT_RETRIES).min(DEFAULT_RETRIES);
    let mut pause = FIRST_PAUSE;
    let mut attempt = 0;
    loop {
        match endpoint.invoke(&target.function, payload.clone()).await {
            Ok(()) => return Notice::Delivered { event, rule, function },
            Err(error) if attempt >= retries => {
                return Notice::GivenUp { event, function, dead_letter: target.dead_letter, error };
            }
            Err(_) => {
                tokio::time::sleep(pause).await;
                pause *= 2;
                attempt += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should stop")]
    use std::sync::atomic::{AtomicU32, Ordering};

    use serde_json::json;
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::*;

    /// Matches a rule when the pattern's text occurs in the event; refuses the first `refusals` invocations.
    #[derive(Default)]
    struct FakeEndpoint {
        rules: Vec<Rule>,
        refusals: AtomicU32,
        invoked: Mutex<Vec<(String, String)>>,
    }

    impl Endpoint for FakeEndpoint {
        async fn rules(&self) -> Result<Vec<Rule>, CallError> {
            Ok(self.rules.clone())
        }
        async fn matches(&self, pattern: &str, event: &str) -> Result<bool, CallError> {
            Ok(event.contains(pattern))
        }
        async fn invoke(&self, function: &str, payload: Vec<u8>) -> Result<(), CallError> {
            if self.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
                return Err(CallError { operation: "Invoke", reason: "connection refused".into() });
            }
            self.invoked.lock().unwrap().push((function.to_owned(), String::from_utf8(payload).unwrap()));
            Ok(())
        }
    }

    fn rule(pattern: &str, targets: &[&str]) -> Rule {
        let target = |function: &&str| Target {
            function: format!("arn:aws:lambda:eu-central-1:123456789012:function:{function}"),
            input: None,
            retries: Some(2),
            dead_letter: Some("arn:aws:sqs:eu-central-1:123456789012:undelivered".into()),
        };
        Rule {
            name: format!("on-{pattern}"),
            pattern: pattern.to_owned(),
            targets: targets.iter().map(target).collect(),
        }
    }

    async fn courier(endpoint: FakeEndpoint) -> (Courier<FakeEndpoint>, Arc<FakeEndpoint>, UnboundedReceiver<Notice>) {
        let endpoint = Arc::new(endpoint);
        let (notices, heard) = unbounded_channel();
        let courier = Courier::new(Arc::clone(&endpoint), notices);
        courier.refresh().await.unwrap();
        (courier, endpoint, heard)
    }

    /// The first notice that says what became of an event.
    async fn outcome(heard: &mut UnboundedReceiver<Notice>) -> Notice {
        loop {
            match heard.recv().await.unwrap() {
                Notice::Wanted { .. } => {}
                outcome => return outcome,
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_goes_to_every_target_of_the_rules_that_match_and_to_no_other() {
        let rules = vec![rule("state-change", &["failover", "watch"]), rule("spot", &["failover"])];
        let (courier, endpoint, mut heard) = courier(FakeEndpoint { rules, ..Default::default() }).await;
        courier.deliver(json!({"detail-type": "state-change"})).await;
        let mut functions: Vec<_> = endpoint.invoked.lock().unwrap().iter().map(|(arn, _)| arn.clone()).collect();
        functions.sort();
        assert_eq!(functions.len(), 2, "{functions:?}");
        assert!(functions.first().unwrap().ends_with(":failover") && functions.last().unwrap().ends_with(":watch"));
        let delivered = outcome(&mut heard).await;
        assert!(matches!(delivered, Notice::Delivered { rule, .. } if rule == "on-state-change"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_payload_is_the_event_unless_the_target_has_a_constant_input() {
        let mut with_input = rule("x", &["constant"]);
        with_input.targets.iter_mut().for_each(|target| target.input = Some(r#"{"command":"tick"}"#.into()));
        let rules = vec![rule("x", &["plain"]), with_input];
        let (courier, endpoint, _heard) = courier(FakeEndpoint { rules, ..Default::default() }).await;
        courier.deliver(json!({"id": "x"})).await;
        let mut payloads: Vec<_> = endpoint.invoked.lock().unwrap().iter().map(|(_, body)| body.clone()).collect();
        payloads.sort();
        assert_eq!(payloads, [r#"{"command":"tick"}"#, r#"{"id":"x"}"#]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_invocation_is_tried_again() {
        let rules = vec![rule("x", &["failover"])];
        let endpoint = FakeEndpoint { rules, refusals: AtomicU32::new(2), ..Default::default() };
        let (courier, endpoint, mut heard) = courier(endpoint).await;
        courier.deliver(json!({"id": "x"})).await;
        assert_eq!(endpoint.invoked.lock().unwrap().len(), 1);
        assert!(matches!(outcome(&mut heard).await, Notice::Delivered { .. }));
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_rules_retries_the_event_is_given_up_with_the_name_of_its_dead_letter_queue() {
        let rules = vec![rule("x", &["failover"])];
        let endpoint = FakeEndpoint { rules, refusals: AtomicU32::new(9), ..Default::default() };
        let (courier, endpoint, mut heard) = courier(endpoint).await;
        courier.deliver(json!({"id": "x"})).await;
        assert!(endpoint.invoked.lock().unwrap().is_empty());
        assert_eq!(endpoint.refusals.load(Ordering::SeqCst), 6, "one attempt and two retries");
        let Notice::GivenUp { function, dead_letter, .. } = outcome(&mut heard).await else {
            panic!("not given up");
        };
        assert_eq!(function, "failover");
        assert!(dead_letter.unwrap().ends_with(":undelivered"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_that_no_rule_wants_is_told_and_sent_nowhere() {
        let (courier, endpoint, mut heard) = courier(FakeEndpoint::default()).await;
        courier.deliver(json!({"id": "x"})).await;
        assert!(endpoint.invoked.lock().unwrap().is_empty());
        assert!(matches!(outcome(&mut heard).await, Notice::Unwanted { .. }));
    }
}
