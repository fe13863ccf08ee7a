//! How does a lifecycle event come to an agent, and what if there is none to take it?

use std::time::Duration;

use super::script::Run;
use super::target::{Diagnostics, Progress};
use crate::journal::Kind;
use crate::queue::Due;
use crate::world::{World, later};

/// "CodeDeploy agent was not able …": what the API says where no agent took the event, since 2022 (aws-codedeploy-agent 307).
const UNHEARD: &str = "CodeDeploy agent was not able to receive the lifecycle event. Check the CodeDeploy agent logs on your host and make sure the agent is running and can connect to the CodeDeploy server.";
/// Code 7 of both agents `[src]`: they find at their start an event that they had begun.
const RESTARTED: &str = "Failed: Failing in-progress lifecycle event after an agent restart.";
/// How often an agent that is cut off tries to report.
const REPORT_AGAIN: Duration = Duration::from_secs(30);

impl World {
    /// The next lifecycle event waits for the agent: for five minutes `[doc]` limits.
    pub(crate) fn offer_event(&mut self, number: u64, instance: &str) {
        let Some(target) = self.target_mut(number, instance) else { return };
        if target.present().is_none() {
            self.finish_target(number, instance);
            return;
        }
        target.turn += 1;
        target.orphaned = false;
        let turn = target.turn;
        let at = later(self.now, self.timing.event_unheard);
        self.queue.push(at, Due::EventUnheard { deployment: number, instance: instance.to_owned(), turn });
        if self.state.instances.get(instance).is_some_and(crate::Instance::agent_polls) {
            self.aside(
                self.timing.agent_poll,
                Due::EventHeard { deployment: number, instance: instance.to_owned(), turn },
            );
        }
    }

    /// The agent asks for work and takes the event, unless it is at work for another deployment: then later.
    pub(crate) fn on_event_heard(&mut self, number: u64, instance: &str, turn: u32) {
        if !self.waits_at(number, instance, turn) {
            return;
        }
        let Some(found) = self.state.instances.get(instance).filter(|found| found.agent_polls()) else { return };
        let epoch = found.epoch;
        if self.agent_is_busy(instance) {
            let due = Due::EventHeard { deployment: number, instance: instance.to_owned(), turn };
            return self.aside(self.timing.agent_poll, due);
        }
        let now = self.now;
        let Some(target) = self.target_mut(number, instance) else { return };
        target.updated = now;
        let Some(event) = target.present() else { return };
        event.progress = Progress::InProgress;
        event.started = Some(now);
        let name = event.name;
        let run = self.run_of(number, instance, name);
        let lasts = run.lasts.unwrap_or_else(|| self.timing.lifecycle_event.draw(&mut self.side_rng));
        let instance = instance.to_owned();
        self.queue.push(later(now, lasts), Due::EventEnds { deployment: number, instance, turn, epoch });
    }

    /// Whether an event is offered to an instance, and nobody has taken it.
    fn waits_at(&self, number: u64, instance: &str, turn: u32) -> bool {
        self.target(number, instance).is_some_and(|target| {
            target.turn == turn && target.progress == Progress::InProgress && !target.is_amid_event()
        })
    }

    pub(crate) fn on_event_unheard(&mut self, number: u64, instance: &str, turn: u32) {
        if self.waits_at(number, instance, turn) {
            self.finish_event(number, instance, Err(Diagnostics::unknown(UNHEARD)));
        }
    }

    /// The script is through, and the agent reports.
    pub(crate) fn on_event_ends(&mut self, number: u64, instance: &str, turn: u32, epoch: u32) {
        let Some(target) = self.target(number, instance).filter(|target| target.turn == turn) else { return };
        let Some(event) = target.events.iter().find(|event| event.progress == Progress::InProgress) else { return };
        let (name, started) = (event.name, event.started.unwrap_or(self.now));
        let Some(found) = self.state.instances.get(instance).filter(|found| found.epoch == epoch) else { return };
        if !found.agent_polls() {
            // Its time runs out before it reaches anybody, or it reports late.
            let due = if later(started, self.timing.event_lost) <= self.now {
                return self.finish_event(number, instance, Err(Diagnostics::unknown(UNHEARD)));
            } else {
                Due::EventEnds { deployment: number, instance: instance.to_owned(), turn, epoch }
            };
            return self.queue.push(later(self.now, REPORT_AGAIN), due);
        }
        let Run { result, .. } = self.run_of(number, instance, name);
        if result.is_err() {
            self.count_failure(number, instance, name);
        }
        self.finish_event(number, instance, result);
    }

    /// The agent died in the midst of an event: nobody reports, until its hour is over `[doc]` troubleshooting-ec2-instances.
    pub(crate) fn on_event_lost(&mut self, number: u64, instance: &str, turn: u32) {
        if self.target(number, instance).is_some_and(|target| target.turn == turn && target.orphaned) {
            self.finish_event(number, instance, Err(Diagnostics::unknown(UNHEARD)));
        }
    }

    fn finish_event(&mut self, number: u64, instance: &str, result: Result<Diagnostics, Diagnostics>) {
        let now = self.now;
        let Some(target) = self.target_mut(number, instance) else { return };
        target.updated = now;
        let failed = result.is_err();
        let Some(event) = target.present() else { return };
        let name = event.name;
        event.started.get_or_insert(now);
        event.ended = Some(now);
        event.progress = if failed { Progress::Failed } else { Progress::Succeeded };
        event.diagnostics = Some(result.unwrap_or_else(|diagnostics| diagnostics));
        if failed {
            self.end_target(number, instance, Progress::Failed);
        } else {
            self.feel_event(number, instance, name);
            self.offer_event(number, instance);
        }
    }

    /// What an event does to the site: its files are there after `Install`, the server stops and starts with its scripts.
    fn feel_event(&mut self, number: u64, instance: &str, name: &str) {
        let commit = self.running(number).and_then(|deployment| deployment.commit.clone());
        let before = self.state.instances.get(instance).and_then(|found| found.deployed.clone());
        let stops = before.and_then(|id| self.commit(&id).map(|commit| commit.spec.stops_server)).unwrap_or(false);
        let Some(found) = self.state.instances.get_mut(instance) else { return };
        match name {
            "ApplicationStop" if stops => {
                found.app_ready = false;
                self.record(Kind::Silent { instance: instance.to_owned() });
            }
            "Install" => {
                found.serves = commit;
                self.touch();
            }
            "ApplicationStart" if !found.app_ready => {
                found.app_ready = true;
                found.prepared = true;
                self.record(Kind::Ready { instance: instance.to_owned() });
            }
            _ => {}
        }
    }

    fn finish_target(&mut self, number: u64, instance: &str) {
        let commit = self.running(number).and_then(|deployment| deployment.commit.clone());
        if let Some(found) = self.state.instances.get_mut(instance) {
            found.deployed = commit;
        }
        self.end_target(number, instance, Progress::Succeeded);
    }

    /// Whether the agent of an instance is in the midst of a lifecycle event, or a dead one has left its mark that it was.
    pub(crate) fn agent_is_busy(&self, instance: &str) -> bool {
        let numbers = self.state.code_deploy.at_work.get(instance).into_iter().flatten();
        numbers.filter_map(|number| self.target(*number, instance)).any(super::target::Target::is_amid_event)
    }

    /// The agent is dead, or hangs, or its machine goes: nobody reports of the events that it has taken.
    pub(crate) fn agent_falls_silent(&mut self, instance: &str) {
        for number in self.state.code_deploy.at_work.get(instance).cloned().unwrap_or_default() {
            let Some(target) = self.target_mut(number, instance).filter(|target| target.is_amid_event()) else {
                continue;
            };
            target.turn += 1;
            target.orphaned = true;
            let turn = target.turn;
            let since = target.present().and_then(|event| event.started);
            let at = later(since.unwrap_or(self.now), self.timing.event_lost).max(self.now);
            self.queue.push(at, Due::EventLost { deployment: number, instance: instance.to_owned(), turn });
        }
    }

    /// An agent polls (again): one that was started anew fails what it finds begun, and takes what waits.
    pub(crate) fn agent_wakes(&mut self, instance: &str, anew: bool) {
        if !self.state.instances.get(instance).is_some_and(crate::Instance::agent_polls) {
            return;
        }
        for number in self.state.code_deploy.at_work.get(instance).cloned().unwrap_or_default() {
            let Some(target) = self.target(number, instance) else { continue };
            if target.orphaned && target.is_amid_event() {
                if anew {
                    self.finish_event(number, instance, Err(Diagnostics::unknown(RESTARTED)));
                }
            } else if self.waits_at(number, instance, target.turn) {
                let due = Due::EventHeard { deployment: number, instance: instance.to_owned(), turn: target.turn };
                self.aside(self.timing.agent_poll, due);
            }
        }
    }
}
