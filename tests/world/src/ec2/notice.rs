//! What does AWS announce before it takes an instance away? Spot warnings, rebalance recommendations, retirements.

use std::time::Duration;

use serde_json::json;

use super::instance::InstanceState;
use crate::event::seconds;
use crate::journal::Kind;
use crate::queue::Due;
use crate::world::{World, later};

impl World {
    /// Two minutes' notice, best effort `[doc]`; 39 s seen `[obs]`. `resources` name the zone where the region should be, as
    /// seen in the wild.
    pub(crate) fn spot_notice(&mut self, id: &str, lead: Duration) {
        let Some(instance) = self.state.instances.get(id) else { return };
        let arn = format!("arn:aws:ec2:{}:instance/{id}", instance.zone);
        let detail = json!({"instance-id": id, "instance-action": "terminate"});
        self.emit("aws.ec2", "EC2 Spot Instance Interruption Warning", &[arn], &detail, id);
        self.queue.push(later(self.now, lead), Due::Reclaim { instance: id.to_owned() });
    }

    /// A lifecycle hook does not hold a reclaimed Spot instance `[doc]`.
    pub(crate) fn on_reclaim(&mut self, id: &str) {
        self.shut_down(id, "Server.SpotInstanceTermination", true);
    }

    /// May come before, with or without the warning `[doc]`. Capacity Rebalancing launches a replacement first `[doc]`.
    pub(crate) fn rebalance_notice(&mut self, id: &str) {
        let Some(instance) = self.state.instances.get(id) else { return };
        let arn = format!("arn:aws:ec2:{}:instance/{id}", instance.zone);
        let detail = json!({"instance-id": id});
        self.emit("aws.ec2", "EC2 Instance Rebalance Recommendation", &[arn], &detail, id);
        self.member_is_at_risk(id);
    }

    /// AWS Health `[doc]`; on the date the instance is stopped (EBS-backed).
    pub(crate) fn announce_retirement(&mut self, id: &str, after: Duration) {
        let at = later(self.now, after);
        if let Some(instance) = self.state.instances.get_mut(id) {
            instance.retirement = Some(at);
        }
        self.record(Kind::Tagged { resource: id.to_owned(), key: "instance-retirement".to_owned() });
        let number = self.ids.uuid();
        let start = at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let detail = json!({
            "eventArn": format!("arn:aws:health:{}::event/EC2/AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED/{number}", crate::REGION),
            "service": "EC2",
            "eventTypeCode": "AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED",
            "eventTypeCategory": "scheduledChange",
            "startTime": start,
            "eventDescription": [{
                "language": "en_US",
                "latestDescription": format!("The instance is scheduled for retirement at {}.", seconds(at)),
            }],
            "affectedEntities": [{"entityValue": id}],
        });
        self.emit("aws.health", "AWS Health Event", &[id.to_owned()], &detail, id);
        self.queue.push(at, Due::Retire { instance: id.to_owned() });
    }

    pub(crate) fn on_retire(&mut self, id: &str) {
        let due =
            self.state.instances.get(id).is_some_and(|i| i.retirement.is_some() && i.state == InstanceState::Running);
        if due {
            self.stop(id);
        }
    }
}
