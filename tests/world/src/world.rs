//! The state machine: a clock that the caller moves, and everything that happens on the way.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::act::{Act, ActError};
use crate::autoscaling::activity::Activity;
use crate::autoscaling::group::Group;
use crate::codedeploy::agent::AgentGeneration;
use crate::ec2::address::Address;
use crate::ec2::instance::Instance;
use crate::fault::Faults;
use crate::iam::Roles;
use crate::ids::Ids;
use crate::journal::{Entry, Kind};
use crate::messages::Message;
use crate::queue::{Due, Queue};
use crate::site::Sites;
use crate::state::State;
use crate::timing::{Span, Timing};
use crate::wire::throttle::Buckets;

/// The only account of the world.
pub const ACCOUNT: &str = "123456789012";
/// Its only region.
pub const REGION: &str = "us-east-1";

/// How many calls there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// All attempts, those of the SDK's own retries included.
    pub calls: u64,
    /// Those that something went wrong with: refused, lost, answered from the past, or the last of their caller.
    pub faults: u64,
}

impl std::ops::AddAssign for Traffic {
    fn add_assign(&mut self, more: Self) {
        self.calls += more.calls;
        self.faults += more.faults;
    }
}

/// A simulated AWS account in one region.
#[derive(Debug)]
pub struct World {
    pub(crate) now: Timestamp,
    pub(crate) queue: Queue,
    pub(crate) timing: Timing,
    pub(crate) faults: Faults,
    /// Chance in what AWS and the fleet do. Deliveries and calls draw from their own streams of the same seed, so that two
    /// strategies that call differently still meet the same fleet.
    pub(crate) rng: fastrand::Rng,
    pub(crate) delivery_rng: fastrand::Rng,
    pub(crate) call_rng: fastrand::Rng,
    /// For what stands beside the fleet (agents, commands, deployments): it must not change the fleet's fate.
    pub(crate) side_rng: fastrand::Rng,
    pub(crate) ids: Ids,
    pub(crate) state: State,
    /// The state as it was, oldest first; kept only while reads may be stale.
    pub(crate) past: VecDeque<(Timestamp, State)>,
    pub(crate) activities: BTreeMap<String, VecDeque<Activity>>,
    pub(crate) buckets: Buckets,
    /// `service:Operation`s that the callers' role does not allow.
    pub(crate) denied: BTreeSet<String>,
    pub(crate) roles: Roles,
    pub(crate) sites: Sites,
    pub(crate) messages: Vec<Message>,
    pub(crate) traffic: Traffic,
    /// Members that `CodePipeline`'s events lack.
    pub(crate) left_out: BTreeSet<String>,
    /// The generation of the agent that groups' user data installs.
    pub(crate) generations: BTreeMap<String, AgentGeneration>,
    journal: Vec<Entry>,
    outbox: Vec<Value>,
    changed: bool,
}

/// A time later by a delay; the end of time at worst.
pub(crate) fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

impl World {
    /// An empty account.
    #[must_use]
    pub fn new(seed: u64, start: Timestamp, timing: Timing) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (delivery_rng, call_rng, ids) = (rng.fork(), rng.fork(), Ids::new(rng.fork()));
        Self {
            now: start,
            queue: Queue::default(),
            timing,
            faults: Faults::default(),
            rng,
            delivery_rng,
            call_rng,
            side_rng: fastrand::Rng::with_seed(seed ^ 0x5ad0_cade_0b5e_55ed),
            ids,
            state: State::default(),
            past: VecDeque::new(),
            activities: BTreeMap::new(),
            buckets: Buckets::default(),
            denied: BTreeSet::new(),
            roles: Roles::default(),
            sites: Sites::default(),
            messages: Vec::new(),
            traffic: Traffic::default(),
            left_out: BTreeSet::new(),
            generations: BTreeMap::new(),
            journal: Vec::new(),
            outbox: Vec::new(),
            changed: false,
        }
    }

    /// Changes what goes wrong from now on.
    pub fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
        self.past.clear();
        self.changed = true;
        self.settle_change();
    }

    /// Changes the delays of what happens from now on.
    pub fn set_timing(&mut self, timing: Timing) {
        self.timing = timing;
    }

    /// The world's time.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Its delays.
    #[must_use]
    pub const fn timing(&self) -> &Timing {
        &self.timing
    }

    /// How many calls there were since the beginning, whatever became of them.
    #[must_use]
    pub const fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// The least that was left of each request limit since this was last asked, as a share of it, by operation. Empty without
    /// [`Faults::token_buckets`].
    pub fn take_least_left(&mut self) -> BTreeMap<String, f64> {
        self.buckets.take_least_left()
    }

    /// When the next queued transition or event delivery is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.queue.next_at()
    }

    /// Moves the clock and runs everything due on the way, in order of time. A time in the past moves nothing.
    pub fn advance_to(&mut self, to: Timestamp) {
        while let Some((at, due)) = self.queue.pop_until(to) {
            self.now = self.now.max(at);
            self.run(due);
            self.settle_change();
        }
        self.now = self.now.max(to);
    }

    /// Events that have been delivered since the last call, in order of their delivery.
    pub fn take_events(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.outbox)
    }

    /// What people, machines or AWS do outside the API.
    ///
    /// # Errors
    /// The subject does not exist, or AWS would refuse.
    pub fn act(&mut self, act: &Act) -> Result<(), ActError> {
        let text = serde_json::to_string(act).unwrap_or_default();
        self.record(Kind::Act { act: text });
        let result = self.perform(act);
        self.settle_change();
        result
    }

    /// The instance that answers at this Elastic IP now.
    #[must_use]
    pub fn serving_at(&self, public_ip: &str) -> Option<&str> {
        self.state.addresses.values().find(|address| address.public_ip == public_ip).and_then(|a| self.answering(a))
    }

    fn answering<'a>(&'a self, address: &'a Address) -> Option<&'a str> {
        let instance = address.routed_to.as_deref()?;
        self.state.instances.get(instance).filter(|instance| instance.answers()).map(|instance| instance.id.as_str())
    }

    /// Ground truth: all instances, terminated ones too while AWS lists them.
    pub fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.state.instances.values()
    }

    /// Ground truth: one instance.
    #[must_use]
    pub fn instance(&self, id: &str) -> Option<&Instance> {
        self.state.instances.get(id)
    }

    /// Ground truth: all addresses.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.state.addresses.values()
    }

    /// Ground truth: all groups.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.state.groups.values()
    }

    /// Ground truth: one group.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.state.groups.get(name)
    }

    /// The instance that holds this Elastic IP, by its association.
    #[must_use]
    pub fn holder_of(&self, public_ip: &str) -> Option<&str> {
        let address = self.state.addresses.values().find(|address| address.public_ip == public_ip)?;
        address.association.as_ref().map(|on| on.instance.as_str())
    }

    /// Everything that has happened since [`World::take_journal`] was last called.
    #[must_use]
    pub fn journal(&self) -> &[Entry] {
        &self.journal
    }

    /// Takes the journal, so that a long life does not fill the memory.
    pub fn take_journal(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.journal)
    }

    pub(crate) fn record(&mut self, kind: Kind) {
        self.changed |= !matches!(kind, Kind::Call { .. } | Kind::Fault { .. } | Kind::Event { .. });
        self.journal.push(Entry { at: self.now, kind });
    }

    /// After each transition: who answers now, and what may a stale read see later?
    pub(crate) fn settle_change(&mut self) {
        if !std::mem::take(&mut self.changed) {
            return;
        }
        let mut serving = Vec::new();
        for address in self.state.addresses.values() {
            let now = self.answering(address);
            if now != address.serving.as_deref() {
                serving.push((address.allocation.clone(), address.public_ip.clone(), now.map(str::to_owned)));
            }
        }
        for (allocation, public_ip, instance) in serving {
            if let Some(address) = self.state.addresses.get_mut(&allocation) {
                address.serving.clone_from(&instance);
            }
            self.journal.push(Entry { at: self.now, kind: Kind::Serving { public_ip, instance } });
        }
        if self.faults.reads_may_be_stale() {
            self.past.push_back((self.now, self.state.clone()));
            let horizon = self.now.checked_sub(self.faults.stale_lag.to).unwrap_or(Timestamp::MIN);
            while self.past.get(1).is_some_and(|(since, _)| *since <= horizon) {
                self.past.pop_front();
            }
        }
    }

    pub(crate) fn deliver(&mut self, event: Value) {
        self.outbox.push(event);
    }

    pub(crate) fn after(&mut self, span: Span, due: Due) {
        let at = later(self.now, span.draw(&mut self.rng));
        self.queue.push(at, due);
    }

    /// The same for what stands beside the fleet.
    pub(crate) fn aside(&mut self, span: Span, due: Due) {
        let at = later(self.now, span.draw(&mut self.side_rng));
        self.queue.push(at, due);
    }

    /// Something changed that the journal has no line of its own for; stale reads must know.
    pub(crate) fn touch(&mut self) {
        self.changed = true;
    }

    fn run(&mut self, due: Due) {
        match due {
            Due::Running { instance, epoch } => self.on_running(&instance, epoch),
            Due::Stopped { instance, epoch } => self.on_stopped(&instance, epoch),
            Due::Terminated { instance, epoch } => self.on_terminated(&instance, epoch),
            Due::LastBreath { instance, epoch } => self.on_last_breath(&instance, epoch),
            Due::DropAssociation { instance } => self.drop_associations(&instance),
            Due::DropTags { instance } => self.on_drop_tags(&instance),
            Due::Forget { instance } => self.on_forget(&instance),
            Due::UserData { instance, epoch } => self.on_user_data(&instance, epoch),
            Due::Steal { instance, epoch } => self.on_steal(&instance, epoch),
            Due::AppReady { instance, epoch } => self.on_app_ready(&instance, epoch),
            Due::DeployReported { instance } => self.on_deploy_reported(&instance),
            Due::ChecksDone { instance, epoch } => self.on_checks_done(&instance, epoch),
            Due::ChecksSee { instance, epoch, check_epoch } => self.on_checks_see(&instance, epoch, check_epoch),
            Due::Alarm { instance, check_epoch } => self.on_alarm(&instance, check_epoch),
            Due::UnhealthyByChecks { instance, check_epoch } => self.on_unhealthy_by_checks(&instance, check_epoch),
            Due::Settled { allocation, route_epoch } => self.on_settled(&allocation, route_epoch),
            Due::Reclaim { instance } => self.on_reclaim(&instance),
            Due::Retire { instance } => self.on_retire(&instance),
            Due::HealthNotice { group, instance } => self.on_health_notice(&group, &instance),
            Due::Reconcile { group } => self.on_reconcile(&group),
            Due::LaunchHooks { group, instance } => self.on_launch_hooks(&group, &instance),
            Due::TerminateHooks { group, instance } => self.on_terminate_hooks(&group, &instance),
            Due::HookTimeout { group, instance, token } => self.on_hook_timeout(&group, &instance, &token),
            Due::Proceeded { group, instance } => self.on_proceeded(&group, &instance),
            Due::Gone { group, instance } => self.on_gone(&group, &instance),
            Due::InStandby { group, instance } => self.on_in_standby(&group, &instance),
            Due::OutOfStandby { group, instance } => self.on_out_of_standby(&group, &instance),
            Due::Detached { group, instance } => self.on_detached(&group, &instance),
            Due::ScaleDownBlue { blue } => self.on_scale_down_blue(&blue),
            Due::DeploymentBegins { deployment } => self.on_deployment_begins(deployment),
            Due::DeploymentEnds { deployment, status } => self.on_deployment_ends(deployment, status),
            Due::EventHeard { deployment, instance, turn } => self.on_event_heard(deployment, &instance, turn),
            Due::EventUnheard { deployment, instance, turn } => self.on_event_unheard(deployment, &instance, turn),
            Due::EventEnds { deployment, instance, turn, epoch } => {
                self.on_event_ends(deployment, &instance, turn, epoch);
            }
            Due::EventLost { deployment, instance, turn } => self.on_event_lost(deployment, &instance, turn),
            Due::LaunchDeployed { instance, well } => self.on_launch_deployed(&instance, well),
            Due::ActionEnds { action, well } => self.on_action_ends(&action, well),
            Due::DeployActionEnds { action, deployment, status } => {
                self.on_deploy_action_ends(&action, &deployment, status);
            }
            Due::ExecutionEnds { pipeline, execution } => self.on_execution_ends(&pipeline, &execution),
            Due::CommandDelivered { command, instance } => self.on_command_delivered(&command, &instance),
            Due::CommandDone { command, instance, epoch } => self.on_command_done(&command, &instance, epoch),
            Due::CommandReports { command, instance, epoch, report } => {
                self.on_command_reports(&command, &instance, epoch, *report);
            }
            Due::CommandExpired { command, instance } => self.on_command_expired(&command, &instance),
            Due::Deliver { event } => self.on_deliver(*event),
        }
    }
}
