//! What does EventBridge deliver, and when? Envelopes in AWS's documented shapes; delivery is best effort, at least once and
//! unordered `[doc]` (`EventBridge` user guide: EC2, EC2 Auto Scaling, Spot and Health are "best effort").

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::journal::{EventFate, Kind};
use crate::queue::Due;
use crate::world::{ACCOUNT, REGION, World, later};

/// AWS's source whose events arrive at least once `[doc]` EventBridge reference; those of AWS's others here are best effort.
const GUARANTEED: &str = "aws.codepipeline";
/// What the sources of AWS's own events begin with. What `PutEvents` has taken is on the bus, and from there it arrives at least once
/// `[doc]` eb-rule-retry-policy: only how AWS's services hand over their own is best effort.
const AWS: &str = "aws.";

/// Whole seconds, as in an event's `time`.
pub(crate) fn seconds(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}

/// Milliseconds, as in EC2's and Auto Scaling's replies.
pub(crate) fn millis(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// ARN of an instance.
pub(crate) fn instance_arn(instance: &str) -> String {
    format!("arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{instance}")
}

impl World {
    /// Sends an event on its way, through the faults of delivery, and gives its id.
    pub(crate) fn emit(
        &mut self,
        source: &str,
        detail_type: &str,
        resources: &[String],
        detail: &Value,
        subject: &str,
    ) -> String {
        let id = self.ids.uuid();
        let event = json!({
            "version": "0",
            "id": id,
            "detail-type": detail_type,
            "source": source,
            "account": ACCOUNT,
            "time": seconds(self.now),
            "region": REGION,
            "resources": resources,
            "detail": detail,
        });
        self.note_event(&event, subject, EventFate::Emitted);
        let rng = &mut self.delivery_rng;
        let mut arrival = later(self.now, self.timing.event_delivery.draw(rng));
        let happens = |chance: f64, rng: &mut fastrand::Rng| chance > 0.0 && rng.f64() < chance;
        // CodePipeline's are guaranteed `[doc]`; the chance is drawn all the same, so that they change nobody else's fate.
        if happens(self.faults.event_loss, rng) && source.starts_with(AWS) && source != GUARANTEED {
            self.note_event(&event, subject, EventFate::Lost);
            return id;
        }
        if happens(self.faults.event_delay, rng) {
            arrival = later(arrival, self.faults.event_delay_by.draw(rng));
        }
        if happens(self.faults.event_double, rng) {
            let again = later(arrival, self.faults.event_delay_by.draw(rng));
            self.queue.push(again, Due::Deliver { event: Box::new(event.clone()) });
            self.note_event(&event, subject, EventFate::Doubled);
        }
        self.queue.push(arrival, Due::Deliver { event: Box::new(event) });
        id
    }

    pub(crate) fn on_deliver(&mut self, event: Value) {
        self.note_event(&event, "", EventFate::Delivered);
        self.deliver(event);
    }

    fn note_event(&mut self, event: &Value, subject: &str, fate: EventFate) {
        let text = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (id, detail_type) = (text("id"), text("detail-type"));
        self.record(Kind::Event { id, detail_type, subject: subject.to_owned(), fate });
    }
}
