//! AWS's protocols: requests in, replies out, in AWS's own shapes, error codes and pagination.

mod autoscaling;
mod cloudwatch;
mod codeconnections;
mod codedeploy;
mod codepipeline;
mod ec2;
mod events;
mod filter;
mod input;
mod page;
mod params;
mod request;
mod service;
mod shape;
mod sns;
mod ssm;
mod ssm_inventory;
mod sts;
pub(crate) mod throttle;
mod xml;

use jiff::Timestamp;

use crate::fault::Fault;
use crate::journal::Kind;
use crate::state::State;
use crate::world::{Traffic, World};
use input::Input;
use params::Params;
pub use request::ApiRequest;
use request::Protocol;
pub use service::operations;
pub(crate) use service::{Handler, Operation, Service, View};
use shape::Shape;
use xml::Xml;

/// The reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiReply {
    /// HTTP status.
    pub status: u16,
    /// XML or JSON. Of a CBOR reply, what it says as JSON: its bytes are [`ApiReply::bytes`].
    pub body: String,
    /// AWS's error code, if it is an error.
    pub code: Option<String>,
    /// The request's id, which stands in the body and in the header `x-amzn-requestid`.
    pub request_id: String,
    protocol: Protocol,
    cbor: Vec<u8>,
}

impl ApiReply {
    /// The body as it is sent.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        if self.protocol == Protocol::Cbor { self.cbor.clone() } else { self.body.clone().into_bytes() }
    }

    /// The headers that it is sent with.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let kind = match self.protocol {
            Protocol::Query => "text/xml;charset=UTF-8",
            Protocol::Json(kind) => kind,
            Protocol::Cbor => "application/cbor",
        };
        let mut headers = vec![("content-type", kind.to_owned()), ("x-amzn-requestid", self.request_id.clone())];
        if self.protocol == Protocol::Cbor {
            headers.push(("smithy-protocol", "rpc-v2-cbor".to_owned()));
        }
        // What the Query protocol would have said, for clients that came from there `[doc]` smithy, awsQueryCompatible.
        if self.protocol != Protocol::Query
            && let Some(code) = &self.code
        {
            let who = if self.status < 500 { "Sender" } else { "Receiver" };
            headers.push(("x-amzn-query-error", format!("{code};{who}")));
        }
        headers
    }
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

/// What an operation has said, before it is written down in the caller's protocol.
enum Said {
    Xml(Xml),
    Shape(Shape),
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
        self.traffic += Traffic { calls: 1, faults: fault.is_some().into() };
        if let Some(fault) = fault {
            let (caller, operation) = (request.caller.clone(), request.operation().to_owned());
            self.record(Kind::Fault { caller, operation, fault });
        }
        let service = request.service.unwrap_or(Service::Ec2);
        match fault {
            None => Attempt::Reply(self.call(request)),
            Some(Fault::Throttled) => Attempt::Reply(self.refuse(request, service, &service.throttled())),
            Some(Fault::ServerError) => Attempt::Reply(self.refuse(request, service, &service.broken())),
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
                let service = request.service.unwrap_or(Service::Ec2);
                self.refuse(request, service, &error)
            }
        }
    }

    fn answer_call(&mut self, request: &ApiRequest, past: Option<Timestamp>) -> ApiReply {
        let Some(service) = request.service else {
            let error = ApiError::bad("NoSuchVersion", "The requested version of the service is not valid.");
            return self.refuse(request, Service::Ec2, &error);
        };
        match self.try_answer(service, request, past) {
            Ok((said, request_id)) => {
                self.note_call(service, request, "OK");
                write_reply(service, request, said, request_id)
            }
            Err(error) => self.refuse(request, service, &error),
        }
    }

    fn try_answer(
        &mut self,
        service: Service,
        request: &ApiRequest,
        past: Option<Timestamp>,
    ) -> Result<(Said, String), ApiError> {
        let name = request.operation();
        let operation = service.operation(name).ok_or_else(|| service.unknown_operation(name))?;
        if self.denied.contains(&format!("{}:{name}", service.name())) {
            return Err(service.denied(name));
        }
        if !self.authorised(service, request) {
            return Err(service.denied(name));
        }
        let unreadable = || ApiError::bad("SerializationException", "The request could not be read.");
        let said = match &operation.handler {
            Handler::Read(_) | Handler::Write(_) => {
                let params = Params::new(&request.params, service);
                params.check_known(operation.accepts)?;
                if params.flag("DryRun")? == Some(true) {
                    return Err(ec2::dry_run(&self.state, &params));
                }
                let request_id = self.ids.uuid();
                let mut xml = Xml::reply(service, name, &request_id);
                match operation.handler {
                    Handler::Read(read) => read(&self.view(past), &params, &mut xml)?,
                    Handler::Write(write) => write(self, &params, &mut xml)?,
                    Handler::Show(_) | Handler::Do(_) => {}
                }
                xml.close_reply(service, name, &request_id);
                return Ok((Said::Xml(xml), request_id));
            }
            Handler::Show(show) => {
                let input = Input::new(request.input.as_ref().ok_or_else(unreadable)?, service, &request.caller);
                input.check_known(operation.accepts)?;
                show(&self.view(past), &input)?
            }
            Handler::Do(act) => {
                let input = Input::new(request.input.as_ref().ok_or_else(unreadable)?, service, &request.caller);
                input.check_known(operation.accepts)?;
                act(self, &input)?
            }
        };
        Ok((Said::Shape(said), self.ids.uuid()))
    }

    fn view(&self, past: Option<Timestamp>) -> View<'_> {
        let (state, now) = past.map_or((&self.state, self.now), |at| (self.state_at(at).unwrap_or(&self.state), at));
        View { state, activities: &self.activities, now }
    }

    fn state_at(&self, at: Timestamp) -> Option<&State> {
        self.past.iter().rev().find(|(since, _)| *since <= at).or_else(|| self.past.front()).map(|(_, state)| state)
    }

    fn refuse(&mut self, request: &ApiRequest, service: Service, error: &ApiError) -> ApiReply {
        self.note_call(service, request, error.code);
        let request_id = self.ids.uuid();
        let shape = || {
            let words = if service == Service::Ssm { "Message" } else { "message" };
            Shape::record().with("__type", error.code).with(words, error.message.as_str())
        };
        let (body, cbor) = match request.protocol {
            Protocol::Query => (Xml::error(service, error, &request_id), Vec::new()),
            Protocol::Json(_) => (shape().to_json().to_string(), Vec::new()),
            Protocol::Cbor => (shape().to_json().to_string(), shape().to_cbor()),
        };
        let (status, code, protocol) = (error.status, Some(error.code.to_owned()), request.protocol);
        ApiReply { status, body, code, request_id, protocol, cbor }
    }

    fn note_call(&mut self, service: Service, request: &ApiRequest, result: &str) {
        // What a reader of a timeline wants to know of a call: whom it was about.
        let subject = match &request.input {
            Some(input) => Input::new(input, service, &request.caller).subject(),
            None => form_subject(request),
        };
        self.record(Kind::Call {
            caller: request.caller.clone(),
            service: service.name(),
            operation: request.operation().to_owned(),
            result: result.to_owned(),
            subject,
        });
    }
}

fn form_subject(request: &ApiRequest) -> String {
    let mut words: Vec<&str> = [
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
    // Whatever the answer is, this one was only a question.
    if request.params.get("DryRun").is_some_and(|dry| dry == "true") {
        words.push("DryRun");
    }
    words.join(" ")
}

fn write_reply(service: Service, request: &ApiRequest, said: Said, request_id: String) -> ApiReply {
    let (protocol, name) = (request.protocol, request.operation());
    let (body, cbor) = match (said, protocol) {
        (Said::Xml(mut xml), _) => (xml.finish(), Vec::new()),
        (Said::Shape(shape), Protocol::Query) => {
            let mut xml = Xml::reply(service, name, &request_id);
            shape.write_members(&mut xml);
            xml.close_reply(service, name, &request_id);
            (xml.finish(), Vec::new())
        }
        (Said::Shape(shape), Protocol::Json(_)) => (shape.to_json().to_string(), Vec::new()),
        (Said::Shape(shape), Protocol::Cbor) => (shape.to_json().to_string(), shape.to_cbor()),
    };
    ApiReply { status: 200, body, code: None, request_id, protocol, cbor }
}
