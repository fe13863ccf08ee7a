//! What do status checks see? EC2 checks every minute `[doc]` monitoring-system-instance-status-check; there is no event for
//! it, only the metrics `StatusCheckFailed*` and whatever alarm stands on them. The world has one alarm for each instance.

use serde_json::json;

use super::instance::{CheckStatus, InstanceState};
use crate::journal::Kind;
use crate::queue::Due;
use crate::world::{ACCOUNT, REGION, World};

impl World {
    /// The machine (or its network, or its zone) fails or recovers.
    pub(crate) fn set_failing(&mut self, id: &str, failing: bool) {
        let lost = |zone: &str| self.state.lost_zones.contains(zone);
        if !failing && self.state.instances.get(id).is_some_and(|instance| lost(&instance.zone)) {
            return;
        }
        let Some(instance) = self.state.instances.get_mut(id) else { return };
        if instance.failing == failing {
            return;
        }
        instance.failing = failing;
        instance.check_epoch += 1;
        let (epoch, check_epoch, answers) = (instance.epoch, instance.check_epoch, instance.answers());
        let boot_again = !failing && instance.state == InstanceState::Running && !instance.app_ready;
        let id = id.to_owned();
        let kind = if failing { Kind::Silent { instance: id.clone() } } else { Kind::Ready { instance: id.clone() } };
        if failing || answers {
            self.record(kind);
        }
        if boot_again {
            self.begin_boot(&id, epoch);
        }
        if !failing {
            self.agent_wakes(&id, false);
        }
        let span = if failing { self.timing.impaired } else { self.timing.recovered };
        self.after(span, Due::ChecksSee { instance: id, epoch, check_epoch });
    }

    pub(crate) fn on_checks_done(&mut self, id: &str, epoch: u32) {
        let Some(instance) = self.state.instances.get_mut(id).filter(|i| i.epoch == epoch) else { return };
        if instance.checks == CheckStatus::Initializing && !instance.failing {
            instance.checks = CheckStatus::Ok;
            self.record(Kind::Checks { instance: id.to_owned(), status: CheckStatus::Ok });
        }
    }

    pub(crate) fn on_checks_see(&mut self, id: &str, epoch: u32, check_epoch: u32) {
        let Some(instance) =
            self.state.instances.get_mut(id).filter(|i| i.epoch == epoch && i.check_epoch == check_epoch)
        else {
            return;
        };
        let status = if instance.failing { CheckStatus::Impaired } else { CheckStatus::Ok };
        if instance.checks == status {
            return;
        }
        instance.checks = status;
        let id = id.to_owned();
        self.record(Kind::Checks { instance: id.clone(), status });
        self.after(self.timing.alarm, Due::Alarm { instance: id.clone(), check_epoch });
        if status == CheckStatus::Impaired {
            self.after(self.timing.impaired_to_unhealthy, Due::UnhealthyByChecks { instance: id, check_epoch });
        }
    }

    /// `[doc]` `CloudWatch` user guide, alarm events; metric `StatusCheckFailed` with the dimension `InstanceId`.
    pub(crate) fn on_alarm(&mut self, id: &str, check_epoch: u32) {
        let Some(instance) = self.state.instances.get(id).filter(|i| i.check_epoch == check_epoch) else { return };
        if instance.state != InstanceState::Running {
            return;
        }
        let failing = instance.failing;
        let (value, previous) = if failing { ("ALARM", "OK") } else { ("OK", "ALARM") };
        let (point, relation) = if failing { ("1.0", "greater than") } else { ("0.0", "not greater than") };
        let name = format!("StatusCheckFailed-{id}");
        let stamp = self.now.strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string();
        let reason = format!("Threshold Crossed: 1 datapoint [{point}] was {relation} the threshold (0.0).");
        let metric_id = self.ids.uuid();
        let detail = json!({
            "alarmName": name,
            "configuration": {
                "description": "Status check failed",
                "metrics": [{
                    "id": metric_id,
                    "metricStat": {
                        "metric": {
                            "dimensions": {"InstanceId": id},
                            "name": "StatusCheckFailed",
                            "namespace": "AWS/EC2",
                        },
                        "period": 60,
                        "stat": "Maximum",
                    },
                    "returnData": true,
                }],
            },
            "previousState": {"reason": "", "reasonData": "{}", "timestamp": stamp, "value": previous},
            "state": {"reason": reason, "reasonData": "{}", "timestamp": stamp, "value": value},
        });
        let arn = format!("arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}");
        self.emit("aws.cloudwatch", "CloudWatch Alarm State Change", &[arn], &detail, id);
    }
}
