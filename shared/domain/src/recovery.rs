//! Why did a deployment fail, what can be cured, and what are people told?
//!
//! One failure is one [`Subject`]: an execution of a pipeline through all its attempts, or a deployment that no pipeline waits for. It goes through
//! these steps, again and again until nothing is left to do:
//!
//! 1. [`Wake::decode`]: what is asked, and about what?
//! 2. The shell reads a [`Look`]: pipeline, deployments, instances, earlier restarts, what people know already.
//! 3. [`plan()`]: what failed and why ([`diagnose()`]), and what is the next [`Step`]?
//! 4. The shell takes the step: waits, sends the restart document, sets an instance unhealthy, retries the stage, or tells people
//!    ([`message()`]). Then it looks again: a step that was taken is seen in the next look, so nothing is remembered but what was told.
//!
//! What is known about causes is one table, [`table()`], that people read as `docs/DEPLOYMENTS.md`.
//!
//! The laws, each a property test of the same name in `tests/recovery_laws.rs`:
//!
//! 1. `only_what_a_restart_can_cure_is_restarted_and_what_people_must_mend_is_never_retried`, and what somebody stopped is left alone
//! 2. `at_most_max_retries_of_one_execution_and_none_once_a_newer_one_is_at_the_stage`, counted by CodePipeline itself
//! 3. `nothing_is_restarted_or_retried_while_the_group_is_deploying`
//! 4. `no_retry_before_every_restarted_agent_polls`
//! 5. `no_secret_leaves`
//! 6. `what_is_unknown_or_unreadable_is_explained_and_never_cured`
//! 7. `every_failed_execution_ends_with_one_message_and_a_recovery_with_one_more`
//! 8. `planning_again_after_each_step_ends_and_a_terminal_state_gives_nothing`
//! 9. `an_instance_is_replaced_only_beyond_cure_for_auto_scaling_one_at_a_time_and_never_the_last_server`
//! 10. `a_duplicate_of_an_event_takes_no_second_step`
//! 11. `what_nothing_shows_yet_is_looked_for_again_before_people_are_told`

mod agent;
mod cause;
mod chat;
mod code;
mod command;
mod diagnosis;
mod links;
mod look;
mod message;
mod pattern;
mod plan;
mod reason;
mod redact;
mod refusal;
mod run;
mod table;
mod telling;
mod wake;

pub use self::{
    agent::{AgentAction, AgentReport, AgentTrouble, AgentVerdict},
    cause::{Cause, Cure, DOCUMENTATION, Facts},
    chat::ChatMessage,
    code::DeploymentErrorCode,
    command::{Command, CommandError, Target as CommandTarget},
    diagnosis::{Diagnosis, Finding, MOST_UNANSWERED, MOST_UNSENT, MOST_WHILE_BUSY, Nursing, Said, Standing, diagnose},
    links::Console,
    look::{
        Creator, DeploymentInfo, DeploymentLook, DeploymentStatus, Diagnostics, InstanceLook, LifecycleEvent, Look,
        Membership, Ping, Restart, RestartState, Seen, Target, TargetStatus, Told,
    },
    message::{Notice, message},
    pattern::Pattern,
    plan::{RecoveryPlan, Rules, Step, plan},
    reason::Reason,
    redact::{MARK, Redacted, redact},
    refusal::Refusal,
    run::{ActionLook, Commit, ExecutionLook, PipelineLook, RunStatus, StageLook},
    table::{rows, table},
    telling::{News, Telling},
    wake::{Call, Hints, NoWake, Subject, Wake},
};
