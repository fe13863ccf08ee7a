//! What CloudFormation and people ask before a launch.

use panda_domain::preflight::{Answer, Command, LONGEST_ANSWER, Launch, LaunchSnapshot, Order, plan};

use super::json::payload;

/// Any JSON is an order, a command or neither; an order is answered in what CloudFormation reads, and nothing prints where the answer goes.
pub fn preflight(data: &[u8]) {
    let payload = payload(data);
    if let Err(error) = Command::decode(&payload) {
        assert!(error.to_string().chars().count() < 300, "{error}");
    }
    let order = match Order::decode(&payload) {
        Ok(order) => order,
        Err(error) => return assert!(!error.0.is_empty()),
    };
    assert!(Order::is_meant(&payload));
    let callback = &order.callback;
    let Order { step, properties, .. } = &order;
    let ids = [&callback.stack, &callback.request, &callback.logical, &callback.physical];
    let rest = format!("{step:?} {properties:?} {ids:?}");
    let url = callback.url.reveal();
    if url.len() >= 16 && !rest.contains(url) {
        assert!(!format!("{order:?}").contains(url), "the URL of the answer is printed");
    }
    let answer = match Launch::read(&order.properties) {
        Ok(launch) => {
            assert!(!launch.subnets.is_empty());
            let mut once = launch.subnets.clone();
            once.sort();
            once.dedup();
            assert_eq!(once.len(), launch.subnets.len(), "a subnet twice");
            Answer::of(&plan(&launch, &LaunchSnapshot::default()))
        }
        Err(wrong) => {
            assert!(!wrong.is_empty() && wrong.iter().all(|finding| !finding.sentence.is_empty()));
            Answer::Failed {
                reason: wrong.iter().map(|finding| finding.sentence.as_str()).collect::<Vec<_>>().join(" "),
            }
        }
    };
    for answer in [answer, Answer::Done] {
        let body = answer.body(callback);
        let read: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        assert_eq!(read.get("StackId").and_then(|id| id.as_str()), Some(callback.stack.as_str()));
        assert_eq!(read.get("PhysicalResourceId").and_then(|id| id.as_str()), Some(callback.physical.as_str()));
        // Ids are repeated word by word; only the words of people can be shortened.
        let ids = Answer::Failed { reason: String::new() }.body(callback).len();
        assert!(body.len() <= LONGEST_ANSWER || ids + 8 > LONGEST_ANSWER, "{} bytes", body.len());
    }
}
