//! AWS's Query protocol: form-encoded requests in, XML out, in AWS's own shapes, error codes and pagination.

mod autoscaling;
mod ec2;
mod filter;
mod page;
mod params;
mod sts;
pub(crate) mod throttle;
mod xml;

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

use crate::autoscaling::activity::Activity;
use crate::fault::Fault;
use crate::journal::Kind;
use crate::state::State;
use crate::world::World;
use params::Params;
use xml::Xml;

/// One API call: who calls, and the form of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiRequest {
    /// Who calls, for the journal.
    pub caller: String,
    /// The form's fields, `Action` and `Version` among them.
    pub params: BTreeMap<String, String>,
}

impl ApiRequest {
    /// Reads a form-encoded body.
    #[must_use]
    pub fn parse(caller: &str, body: &[u8]) -> Self {
        Self { caller: caller.to_owned(), params: form_urlencoded::parse(body).into_owned().collect() }
    }

    /// A request to EC2.
    #[must_use]
    pub fn ec2(caller: &str, action: &str, params: &[(&str, &str)]) -> Self {
        Self::query(caller, action, "2016-11-15", params)
    }

    /// A request to Auto Scaling.
    #[must_use]
    pub fn autoscaling(caller: &str, action: &str, params: &[(&str, &str)]) -> Self {
        Self::query(caller, action, "2011-01-01", params)
    }

    fn query(caller: &str, action: &str, version: &str, params: &[(&str, &str)]) -> Self {
        let mut form: BTreeMap<String, String> =
            params.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        form.insert("Action".to_owned(), action.to_owned());
        form.insert("Version".to_owned(), version.to_owned());
        Self { caller: caller.to_owned(), params: form }
    }

    /// The operation.
    #[must_use]
    pub fn operation(&self) -> &str {
        self.params.get("Action").map_or("", String::as_str)
    }

    fn service(&self) -> Option<Service> {
        match self.params.get("Version").map(String::as_str) {
            Some("2016-11-15") => Some(Service::Ec2),
            Some("2011-01-01") => Some(Service::AutoScaling),
            Some("2011-06-15") => Some(Service::Sts),
            _ => None,
        }
    }

    fn is_read(&self) -> bool {
        self.operation().starts_with("Describe")
    }
}

/// The reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiReply {
    /// HTTP status.
    pub status: u16,
    /// XML.
    pub body: String,
    /// AWS's error code, if it is an error.
    pub code: Option<String>,
    /// The request's id, which stands in the body and in the header `x-amzn-requestid`.
    pub request_id: String,
}

/// What becomes of a call where things may go wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// A reply.
    Reply(ApiReply),
    /// No reply: the connection hangs, then times out.
    Hangs,
    /// No reply: the connection is reset.
    Reset,
    /// The caller is dead.
    CallerDies,
}

/// An error in AWS's terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) status: u16,
}

impl ApiError {
    /// The caller's fault: HTTP 400.
    pub(crate) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), status: 400 }
    }

    pub(crate) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Ec2,
    AutoScaling,
    Sts,
}

impl Service {
    const fn name(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::AutoScaling => "autoscaling",
            Self::Sts => "sts",
        }
    }

    fn operations(self) -> &'static [Operation] {
        match self {
            Self::Ec2 => ec2::OPERATIONS,
            Self::AutoScaling => autoscaling::OPERATIONS,
            Self::Sts => sts::OPERATIONS,
        }
    }
}

/// What a read sees: the present, or the past where reads may be stale.
pub(crate) struct View<'a> {
    pub(crate) state: &'a State,
    pub(crate) activities: &'a BTreeMap<String, VecDeque<Activity>>,
}

type Answer = Result<(), ApiError>;

/// How an operation is answered.
pub(crate) enum Handler {
    Read(fn(&View<'_>, &Params<'_>, &mut Xml) -> Answer),
    Write(fn(&mut World, &Params<'_>, &mut Xml) -> Answer),
}

/// An operation with the parameters it knows. EC2 answers an unknown one with `UnknownParameter`; the world does the same for
/// Auto Scaling with `ValidationError`, so that nothing is silently ignored.
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) accepts: &'static [&'static str],
    pub(crate) handler: Handler,
}

impl World {
    /// One API call on the wire level: no faults, no latency.
    pub fn call(&mut self, request: &ApiRequest) -> ApiReply {
        let reply = self.answer_call(request, None);
        self.settle_change();
        reply
    }

    /// One call through the faults of this world.
    pub(crate) fn attempt(&mut self, request: &ApiRequest) -> Attempt {
        let fault = Fault::draw(&self.faults, &mut self.call_rng, request.is_read());
        let throttled = self.faults.token_buckets && !self.buckets.take(request, self.now);
        let fault = fault.or(throttled.then_some(Fault::Throttled));
        if let Some(fault) = fault {
            let (caller, operation) = (request.caller.clone(), request.operation().to_owned());
            self.record(Kind::Fault { caller, operation, fault });
        }
        let service = request.service().unwrap_or(Service::Ec2);
        match fault {
            None => Attempt::Reply(self.call(request)),
            Some(Fault::Throttled) => Attempt::Reply(self.refuse(request, service, &throttle::refusal(service))),
            Some(Fault::ServerError) => {
                let error = ApiError::bad("InternalError", "An internal error has occurred").with_status(500);
                Attempt::Reply(self.refuse(request, service, &error))
            }
            Some(Fault::Timeout) => Attempt::Hangs,
            Some(Fault::Reset) => Attempt::Reset,
            Some(Fault::ReplyLost) => {
                self.call(request);
                Attempt::Reset
            }
            Some(Fault::CallerDiesBefore) => Attempt::CallerDies,
            Some(Fault::CallerDiesAfter) => {
                self.call(request);
                Attempt::CallerDies
            }
            Some(Fault::Stale) => {
                let lag = self.faults.stale_lag.draw(&mut self.call_rng);
                let at = self.now.checked_sub(lag).unwrap_or(Timestamp::MIN);
                Attempt::Reply(self.answer_call(request, Some(at)))
            }
        }
    }

    /// The same for a face without connections of its own to cut: what has no reply is answered with 500.
    pub(crate) fn attempt_reply(&mut self, request: &ApiRequest) -> ApiReply {
        match self.attempt(request) {
            Attempt::Reply(reply) => reply,
            Attempt::Hangs | Attempt::Reset | Attempt::CallerDies => {
                let error = ApiError::bad("InternalFailure", "The connection was lost").with_status(500);
                let service = request.service().unwrap_or(Service::Ec2);
                self.refuse(request, service, &error)
            }
        }
    }

    fn answer_call(&mut self, request: &ApiRequest, past: Option<Timestamp>) -> ApiReply {
        let Some(service) = request.service() else {
            let error = ApiError::bad("NoSuchVersion", "The requested version of the service is not valid.");
            return self.refuse(request, Service::Ec2, &error);
        };
        match self.try_answer(service, request, past) {
            Ok((mut xml, request_id)) => {
                self.note_call(service, request, "OK");
                ApiReply { status: 200, body: xml.finish(), code: None, request_id }
            }
            Err(error) => self.refuse(request, service, &error),
        }
    }

    fn try_answer(
        &mut self,
        service: Service,
        request: &ApiRequest,
        past: Option<Timestamp>,
    ) -> Result<(Xml, String), ApiError> {
        let name = request.operation();
        let operation = service.operations().iter().find(|operation| operation.name == name).ok_or_else(|| {
            let message = format!("The action {name} is not valid for this web service.");
            ApiError::bad("InvalidAction", message)
        })?;
        let params = Params::new(&request.params, service);
        params.check_known(operation.accepts)?;
        if params.flag("DryRun")? == Some(true) {
            let message = "Request would have succeeded, but DryRun flag is set.";
            return Err(ApiError::bad("DryRunOperation", message).with_status(412));
        }
        let request_id = self.ids.uuid();
        let mut xml = Xml::reply(service, name, &request_id);
        match operation.handler {
            Handler::Read(read) => {
                let state = past.and_then(|at| self.state_at(at)).unwrap_or(&self.state);
                read(&View { state, activities: &self.activities }, &params, &mut xml)?;
            }
            Handler::Write(write) => write(self, &params, &mut xml)?,
        }
        xml.close_reply(service, name, &request_id);
        Ok((xml, request_id))
    }

    fn state_at(&self, at: Timestamp) -> Option<&State> {
        self.past.iter().rev().find(|(since, _)| *since <= at).or_else(|| self.past.front()).map(|(_, state)| state)
    }

    fn refuse(&mut self, request: &ApiRequest, service: Service, error: &ApiError) -> ApiReply {
        self.note_call(service, request, error.code);
        let request_id = self.ids.uuid();
        let body = Xml::error(service, error, &request_id);
        ApiReply { status: error.status, body, code: Some(error.code.to_owned()), request_id }
    }

    fn note_call(&mut self, service: Service, request: &ApiRequest, result: &str) {
        // What a reader of a timeline wants to know of a call: whom it was about.
        let subject: Vec<&str> = [
            "AutoScalingGroupName",
            "LifecycleHookName",
            "AllocationId",
            "InstanceId",
            "InstanceId.1",
            "NetworkInterfaceId",
            "PublicIp",
            "AssociationId",
            "ResourceId.1",
        ]
        .iter()
        .filter_map(|key| request.params.get(*key).map(String::as_str))
        .collect();
        self.record(Kind::Call {
            caller: request.caller.clone(),
            service: service.name(),
            operation: request.operation().to_owned(),
            result: result.to_owned(),
            subject: subject.join(" "),
        });
    }
}
