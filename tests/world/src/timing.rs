//! How long does each thing take? Every delay of the world, with its source and how sure we are of it.

use std::time::Duration;

/// A delay drawn evenly between two bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Shortest.
    pub from: Duration,
    /// Longest.
    pub to: Duration,
}

impl Span {
    /// Whole seconds.
    #[must_use]
    pub const fn secs(from: u64, to: u64) -> Self {
        Self { from: Duration::from_secs(from), to: Duration::from_secs(to) }
    }

    /// Milliseconds.
    #[must_use]
    pub const fn millis(from: u64, to: u64) -> Self {
        Self { from: Duration::from_millis(from), to: Duration::from_millis(to) }
    }

    /// Draws one delay, in whole microseconds.
    pub fn draw(self, rng: &mut fastrand::Rng) -> Duration {
        let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let (from, to) = (micros(self.from), micros(self.to));
        Duration::from_micros(if from < to { rng.u64(from..=to) } else { from })
    }
}

/// Every delay of the world. [`Timing::default`] is AWS as documented or observed; [`Timing::brisk`] is for demonstrations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// Time of one API call at the in-process face, there and back. 20-120 ms `[infer]`
    pub api_latency: Span,
    /// From the fact to the target: 0.2-1.5 s. `[obs]` "near real time"; AWS Architecture blog 2026-02: `EventBridge` p90 ~80 ms
    /// plus the source's own delay; state changes reported after 1-2 s.
    pub event_delivery: Span,
    /// From `AssociateAddress` to packets at the new instance: 3-6 s. `[obs]` nginx keepalived guide "5 to 6 seconds", fck-nat
    /// sleeps 3 s, `aws-ec2-assign-elastic-ip` PR 25 saw ~20 s once.
    pub settle: Span,
    /// `pending` to `running`: 5-20 s. `[infer]`
    pub pending: Span,
    /// `running` to the point in user data where the article's script takes the address (OS boot, packages, agent): 25-60 s. `[infer]`
    pub user_data: Span,
    /// Between the two `aws` commands of that script: 0.7-1.5 s, the start of the Python CLI. `[infer]`
    pub cli_gap: Span,
    /// From that point to the application answering (`CodeDeploy` deployment): 20-60 s. `[infer]`
    pub deploy: Span,
    /// From the application answering to `CodeDeploy`'s CONTINUE of its launch hook: 0.5-5 s. `[infer]`
    pub deploy_report: Span,
    /// A stopped, prepared instance (warm pool, start by hand) answers so long after `running`: 10-30 s. `[infer]`
    pub restart: Span,
    /// From `pending` to `Pending:Wait`: 2-25 s, so the hook may come before or after `running`. `[?]`
    pub launch_hook: Span,
    /// From `Terminating` to `Terminating:Wait`: 0.2-1.5 s. `[infer]`
    pub terminate_hook: Span,
    /// From the last hook's answer to the next state (`…:Proceed`): 1-3 s. `[infer]`
    pub proceed: Span,
    /// `shutting-down` to `terminated`: 15-60 s. `[obs]`
    pub shutting_down: Span,
    /// A terminated or stopped instance answers so long yet, until its operating system has stopped the service: 0-2 s. `[infer]`
    pub last_breath: Span,
    /// The association outlives `shutting-down` by so much, at most until `terminated`: 5-60 s. `[obs]` alternat retries 10 x 60 s
    /// "to handle any delays in releasing an EIP allocation during instance termination"; the moment itself is undocumented `[?]`.
    pub association_kept: Span,
    /// `stopping` to `stopped`: 10-60 s. `[infer]`
    pub stopping: Span,
    /// A terminated instance stays listed "for approximately one hour". `[doc]` EC2 guide, instance lifecycle.
    pub listed: Span,
    /// Its tags go earlier: "tags … are gradually disassociated from the terminated instance and may no longer be visible" `[doc]`;
    /// 30-300 s after `terminated` `[infer]`.
    pub tags_kept: Span,
    /// `initializing` lasts so long after `running`: 60-180 s. `[infer]` checks run every minute `[doc]`.
    pub checks_initializing: Span,
    /// A failing instance is `impaired` after: 60-150 s. Checks run every minute `[doc]`; two in a row fail `[infer]`.
    pub impaired: Span,
    /// A repaired instance is `ok` again after: 60-150 s. `[infer]`
    pub recovered: Span,
    /// From `impaired` to the alarm's event: 10-75 s, one period of a minute and its evaluation. `[infer]`
    pub alarm: Span,
    /// Auto Scaling looks at EC2 states so often: 60 s `[infer]`; each group has its own phase.
    pub health_period: Duration,
    /// And acts so long after its look: 1-60 s. `[obs]` jenkins ec2-fleet-plugin 461 "extended delay"; a single instance's kill:
    /// "a minute or two of downtime".
    pub health_notice: Span,
    /// Impaired status checks become `Unhealthy` after "a few minutes" `[doc]`: 120-300 s.
    pub impaired_to_unhealthy: Span,
    /// Auto Scaling reacts to a change of its own records (health, desired, a termination begun): 0.5-2 s. `[obs]` activity log:
    /// the launch follows the termination by 1 s.
    pub reaction: Span,
    /// After a failed launch the group tries again: 20-60 s `[infer]`, at first elsewhere `[doc]`.
    pub launch_retry: Span,
    /// A zone in which a launch failed is avoided for so long: 300 s. `[infer]`
    pub zone_avoided: Duration,
    /// From `terminated` to "EC2 Instance Terminate Successful": 1-8 s. `[obs]` SNS messages' `StartTime` to `EndTime` 6-8 s
    pub terminate_success: Span,
    /// Entering or leaving standby, detaching: 1-5 s. `[infer]`
    pub standby: Span,
    /// Blue/green: from the last green instance in service to the blue group's scale-down: 60-90 s. `[infer]` (`CodeDeploy`'s wait is set by its user)
    pub blue_green_wait: Span,
    /// Whether a refresh that terminates first waits with its launch until the old instance is gone: chance in percent. `[?]`
    pub refresh_waits_percent: u8,
    /// From `running` to the Systems Manager agent's first sign of life: 20-60 s, the boot of the operating system. `[infer]`
    pub ssm_agent: Span,
    /// A command's invocations are not found so long after `SendCommand`: 0.2-2 s. `[obs]` boto3 2701, aws-cli 3546: the first
    /// poll "practically always" fails in a fast client.
    pub command_visible: Span,
    /// From `SendCommand` to the agent: 0.3-2 s. `[infer]`
    pub command_delivery: Span,
    /// A document's steps take so long: 1-6 s. `[infer]` `systemctl` and its verification.
    pub command_run: Span,
    /// An offline agent is looked for again so often while a command waits: 15 s. `[infer]`
    pub command_poll: Duration,
    /// From a deployment's creation to its first lifecycle event: 1-4 s. `[infer]`
    pub deployment_begins: Span,
    /// From a lifecycle event's offer to an agent that polls: 0.3-3 s. `[infer]` it keeps a long poll open.
    pub agent_poll: Span,
    /// A lifecycle event lasts so long where its script does not say: 2-8 s. `[infer]`
    pub lifecycle_event: Span,
    /// An event that no agent has taken fails after 5 min. `[doc]` `CodeDeploy` limits
    pub event_unheard: Duration,
    /// An event of which nobody reports fails after 1 h. `[doc]` troubleshooting-ec2-instances; limits: 3600 s
    pub event_lost: Duration,
    /// An action that fetches the source lasts 3-8 s. `[infer]`
    pub source_action: Span,
    /// A pipeline sees the end of its deployment 1-15 s later. `[infer]` it polls
    pub pipeline_notice: Span,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            api_latency: Span::millis(20, 120),
            event_delivery: Span::millis(200, 1_500),
            settle: Span::millis(3_000, 6_000),
            pending: Span::secs(5, 20),
            user_data: Span::secs(25, 60),
            cli_gap: Span::millis(700, 1_500),
            deploy: Span::secs(20, 60),
            deploy_report: Span::millis(500, 5_000),
            restart: Span::secs(10, 30),
            launch_hook: Span::secs(2, 25),
            terminate_hook: Span::millis(200, 1_500),
            proceed: Span::secs(1, 3),
            shutting_down: Span::secs(15, 60),
            last_breath: Span::millis(0, 2_000),
            association_kept: Span::secs(5, 60),
            stopping: Span::secs(10, 60),
            listed: Span::secs(3_300, 3_900),
            tags_kept: Span::secs(30, 300),
            checks_initializing: Span::secs(60, 180),
            impaired: Span::secs(60, 150),
            recovered: Span::secs(60, 150),
            alarm: Span::secs(10, 75),
            health_period: Duration::from_mins(1),
            health_notice: Span::secs(1, 60),
            impaired_to_unhealthy: Span::secs(120, 300),
            reaction: Span::millis(500, 2_000),
            launch_retry: Span::secs(20, 60),
            zone_avoided: Duration::from_mins(5),
            terminate_success: Span::secs(1, 8),
            standby: Span::secs(1, 5),
            blue_green_wait: Span::secs(60, 90),
            refresh_waits_percent: 50,
            ssm_agent: Span::secs(20, 60),
            command_visible: Span::millis(200, 2_000),
            command_delivery: Span::millis(300, 2_000),
            command_run: Span::secs(1, 6),
            command_poll: Duration::from_secs(15),
            deployment_begins: Span::secs(1, 4),
            agent_poll: Span::millis(300, 3_000),
            lifecycle_event: Span::secs(2, 8),
            event_unheard: Duration::from_mins(5),
            event_lost: Duration::from_hours(1),
            source_action: Span::secs(3, 8),
            pipeline_notice: Span::secs(1, 15),
        }
    }
}

impl Timing {
    /// For people who watch: boots take seconds, detection takes seconds. What the function is measured by (event
    /// delivery, settle time, API latency) stays near AWS's.
    #[must_use]
    pub fn brisk() -> Self {
        Self {
            settle: Span::millis(1_500, 2_500),
            pending: Span::millis(700, 1_500),
            user_data: Span::millis(1_000, 2_000),
            cli_gap: Span::millis(400, 800),
            deploy: Span::millis(1_500, 3_000),
            deploy_report: Span::millis(200, 800),
            restart: Span::millis(1_000, 2_000),
            launch_hook: Span::millis(500, 2_500),
            proceed: Span::millis(300, 800),
            shutting_down: Span::secs(4, 8),
            last_breath: Span::millis(0, 300),
            association_kept: Span::secs(3, 7),
            stopping: Span::secs(2, 5),
            tags_kept: Span::secs(5, 20),
            checks_initializing: Span::secs(3, 6),
            impaired: Span::secs(3, 5),
            recovered: Span::secs(3, 5),
            alarm: Span::millis(500, 1_500),
            health_period: Duration::from_secs(6),
            health_notice: Span::millis(500, 3_000),
            impaired_to_unhealthy: Span::secs(8, 12),
            reaction: Span::millis(300, 1_000),
            launch_retry: Span::secs(3, 6),
            zone_avoided: Duration::from_secs(30),
            terminate_success: Span::millis(300, 1_000),
            standby: Span::millis(300, 1_000),
            blue_green_wait: Span::secs(5, 8),
            ssm_agent: Span::secs(1, 2),
            command_run: Span::millis(500, 1_500),
            command_poll: Duration::from_secs(2),
            deployment_begins: Span::millis(300, 1_000),
            agent_poll: Span::millis(200, 500),
            lifecycle_event: Span::millis(300, 900),
            event_unheard: Duration::from_secs(12),
            event_lost: Duration::from_mins(1),
            source_action: Span::millis(500, 1_500),
            pipeline_notice: Span::millis(300, 1_500),
            ..Self::default()
        }
    }
}
