//! What does a client ask for, and in which of AWS's protocols?
//!
//! The current Rust SDK crates speak: EC2, Auto Scaling, STS and SNS the Query protocol; `CodeDeploy`, `CodePipeline`, SSM and
//! EventBridge AWS JSON 1.1; `CloudWatch` RPC v2 with CBOR (aws-sdk-cloudwatch 1.140 `describe_alarms.rs`: path
//! `/service/GraniteServiceVersion20100801/operation/DescribeAlarms`, header `smithy-protocol`). Older clients speak Query or
//! AWS JSON 1.0 to `CloudWatch`, and it answers them all.

use std::collections::BTreeMap;

use aws_smithy_cbor::Decoder;
use aws_smithy_cbor::data::Type;
use aws_smithy_cbor::decode::DeserializeError;
use serde_json::{Map, Value};

use super::input;
use super::service::{Operation, Service};

/// How a request came, and so how its reply goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// A form in, XML out.
    Query,
    /// `application/x-amz-json-1.0` or `-1.1`.
    Json(&'static str),
    /// Smithy's RPC v2 with CBOR.
    Cbor,
}

/// One API call: who calls, and what for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiRequest {
    /// Who calls, for the journal.
    pub caller: String,
    /// A Query form's fields, `Action` and `Version` among them; empty in the other protocols.
    pub params: BTreeMap<String, String>,
    pub(super) protocol: Protocol,
    pub(super) service: Option<Service>,
    operation: String,
    /// The members of the request; none if they could not be read.
    pub(super) input: Option<Value>,
}

impl ApiRequest {
    /// Reads a form-encoded body.
    #[must_use]
    pub fn parse(caller: &str, body: &[u8]) -> Self {
        Self::form(caller, form_urlencoded::parse(body).into_owned().collect())
    }

    /// Reads a request of any protocol by its path, its headers and its body.
    pub fn read<'h>(caller: &str, path: &str, header: impl Fn(&'static str) -> Option<&'h str>, body: &[u8]) -> Self {
        if let Some((model, operation)) = path.strip_prefix("/service/").and_then(|rest| rest.split_once("/operation/"))
        {
            let input = if body.is_empty() { Some(Value::Object(Map::new())) } else { from_cbor(body).ok() };
            return Self::of(caller, Protocol::Cbor, Service::of_model(model), operation, input);
        }
        if let Some((model, operation)) = header("x-amz-target").and_then(|target| target.rsplit_once('.')) {
            let old = header("content-type").is_some_and(|kind| kind.starts_with("application/x-amz-json-1.0"));
            let protocol =
                Protocol::Json(if old { "application/x-amz-json-1.0" } else { "application/x-amz-json-1.1" });
            return Self::of(caller, protocol, Service::of_model(model), operation, serde_json::from_slice(body).ok());
        }
        Self::parse(caller, body)
    }

    /// A request in AWS JSON 1.1, by its target: `AmazonSSM.SendCommand`.
    #[must_use]
    pub fn json(caller: &str, target: &str, input: Value) -> Self {
        let (model, operation) = target.rsplit_once('.').unwrap_or(("", target));
        let protocol = Protocol::Json("application/x-amz-json-1.1");
        Self::of(caller, protocol, Service::of_model(model), operation, Some(input))
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

    /// A request to SNS.
    #[must_use]
    pub fn sns(caller: &str, action: &str, params: &[(&str, &str)]) -> Self {
        Self::query(caller, action, "2010-03-31", params)
    }

    fn query(caller: &str, action: &str, version: &str, params: &[(&str, &str)]) -> Self {
        let mut form: BTreeMap<String, String> =
            params.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        form.insert("Action".to_owned(), action.to_owned());
        form.insert("Version".to_owned(), version.to_owned());
        Self::form(caller, form)
    }

    fn form(caller: &str, form: BTreeMap<String, String>) -> Self {
        let service = form.get("Version").and_then(|version| Service::of_version(version));
        let operation = form.get("Action").cloned().unwrap_or_default();
        // EC2's and Auto Scaling's operations read the form itself.
        let tree = matches!(service, Some(Service::CloudWatch | Service::Sns)).then(|| input::tree(&form));
        Self { params: form, ..Self::of(caller, Protocol::Query, service, &operation, tree) }
    }

    fn of(caller: &str, protocol: Protocol, service: Option<Service>, operation: &str, input: Option<Value>) -> Self {
        let (caller, operation) = (caller.to_owned(), operation.to_owned());
        Self { caller, params: BTreeMap::new(), protocol, service, operation, input }
    }

    /// The operation.
    #[must_use]
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// A member of a JSON or CBOR request, or of a form that is read as one.
    pub(crate) fn member(&self, name: &str) -> Option<&Value> {
        self.input.as_ref()?.get(name)
    }

    pub(super) fn is_read(&self) -> bool {
        self.service.and_then(|service| service.operation(&self.operation)).is_some_and(Operation::reads)
    }
}

/// What a CBOR request says, as the same tree that JSON gives.
fn from_cbor(body: &[u8]) -> Result<Value, DeserializeError> {
    let mut decoder = Decoder::new(body);
    read_value(&mut decoder, 0)
}

fn read_value(decoder: &mut Decoder<'_>, depth: u8) -> Result<Value, DeserializeError> {
    if depth > 64 {
        return Err(DeserializeError::custom("nested too deeply", decoder.position()));
    }
    match decoder.datatype()? {
        Type::Map | Type::MapIndef => {
            let mut members = Map::new();
            let mut left = decoder.map()?;
            while more(decoder, &mut left)? {
                let key = decoder.string()?;
                members.insert(key, read_value(decoder, depth + 1)?);
            }
            Ok(Value::Object(members))
        }
        Type::Array | Type::ArrayIndef => {
            let mut items = Vec::new();
            let mut left = decoder.list()?;
            while more(decoder, &mut left)? {
                items.push(read_value(decoder, depth + 1)?);
            }
            Ok(Value::Array(items))
        }
        Type::String | Type::StringIndef => decoder.string().map(Value::String),
        Type::Bool => decoder.boolean().map(Value::Bool),
        Type::F16 | Type::F32 | Type::F64 => decoder.double().map(Value::from),
        Type::Tag => decoder.timestamp().map(|at| Value::from(at.as_secs_f64())),
        Type::Null | Type::Undefined => decoder.null().map(|()| Value::Null),
        _ => decoder.long().map(Value::from),
    }
}

/// Whether a map or list goes on: by its announced length, or until its break.
fn more(decoder: &mut Decoder<'_>, left: &mut Option<u64>) -> Result<bool, DeserializeError> {
    if let Some(count) = left {
        let goes_on = *count > 0;
        *count = count.saturating_sub(1);
        return Ok(goes_on);
    }
    if decoder.datatype()? == Type::Break {
        decoder.skip()?;
        return Ok(false);
    }
    Ok(true)
}
