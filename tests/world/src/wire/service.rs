//! Which services does the world know, by which names do clients call them, and what can each do?

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

use super::input::Input;
use super::params::Params;
use super::shape::Shape;
use super::xml::Xml;
use super::{ApiError, autoscaling, cloudwatch, codeconnections, codedeploy, codepipeline, ec2, events, sns, ssm, sts};
use crate::autoscaling::activity::Activity;
use crate::state::State;
use crate::world::World;

/// A service of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Ec2,
    AutoScaling,
    Sts,
    CloudWatch,
    CodeConnections,
    CodeDeploy,
    CodePipeline,
    Ssm,
    Sns,
    Events,
}

impl Service {
    /// The word in ARNs, IAM actions and endpoints.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::AutoScaling => "autoscaling",
            Self::Sts => "sts",
            Self::CloudWatch => "cloudwatch",
            Self::CodeConnections => "codeconnections",
            Self::CodeDeploy => "codedeploy",
            Self::CodePipeline => "codepipeline",
            Self::Ssm => "ssm",
            Self::Sns => "sns",
            Self::Events => "events",
        }
    }

    /// By the `Version` of a Query request.
    pub(super) fn of_version(version: &str) -> Option<Self> {
        match version {
            "2016-11-15" => Some(Self::Ec2),
            "2011-01-01" => Some(Self::AutoScaling),
            "2011-06-15" => Some(Self::Sts),
            "2010-08-01" => Some(Self::CloudWatch),
            "2010-03-31" => Some(Self::Sns),
            _ => None,
        }
    }

    /// By the name of its model, which stands in `X-Amz-Target` and in the path of an RPC v2 request.
    pub(super) fn of_model(model: &str) -> Option<Self> {
        match model {
            "GraniteServiceVersion20100801" => Some(Self::CloudWatch),
            "CodeConnections_20231201" => Some(Self::CodeConnections),
            "CodeDeploy_20141006" => Some(Self::CodeDeploy),
            "CodePipeline_20150709" => Some(Self::CodePipeline),
            "AmazonSSM" => Some(Self::Ssm),
            "AWSEvents" => Some(Self::Events),
            _ => None,
        }
    }

    /// The namespace of its XML.
    pub(super) const fn namespace(self) -> &'static str {
        match self {
            Self::Ec2 => "http://ec2.amazonaws.com/doc/2016-11-15/",
            Self::AutoScaling => "http://autoscaling.amazonaws.com/doc/2011-01-01/",
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
            Self::CloudWatch => "http://monitoring.amazonaws.com/doc/2010-08-01/",
            Self::Sns => "http://sns.amazonaws.com/doc/2010-03-31/",
            Self::CodeConnections | Self::CodeDeploy | Self::CodePipeline | Self::Ssm | Self::Events => "",
        }
    }

    /// Whether only the JSON protocol is spoken.
    const fn speaks_json_only(self) -> bool {
        matches!(self, Self::CodeConnections | Self::CodeDeploy | Self::CodePipeline | Self::Ssm | Self::Events)
    }

    /// A parameter that is missing, of the wrong kind or not known, in the service's own code.
    pub(super) fn invalid(self, message: impl Into<String>) -> ApiError {
        let code = match self {
            Self::Ec2 | Self::CloudWatch => "InvalidParameterValue",
            Self::Sns => "InvalidParameter",
            Self::AutoScaling | Self::Sts => "ValidationError",
            Self::CodeConnections | Self::CodeDeploy | Self::CodePipeline | Self::Ssm | Self::Events => {
                "ValidationException"
            }
        };
        ApiError::bad(code, message)
    }

    /// A token that no page gave.
    pub(super) fn invalid_token(self) -> ApiError {
        match self {
            Self::Ec2 => ApiError::bad("InvalidNextToken", "The specified NextToken is not valid"),
            Self::CodeDeploy | Self::CodePipeline => {
                ApiError::bad("InvalidNextTokenException", "The next token was specified in an invalid format.")
            }
            _ => ApiError::bad("InvalidNextToken", "The NextToken value is not valid."),
        }
    }

    /// Refused by a rate limit: EC2 503, the others 400.
    pub(super) fn throttled(self) -> ApiError {
        match self {
            Self::Ec2 => ApiError::bad("RequestLimitExceeded", "Request limit exceeded.").with_status(503),
            service if service.speaks_json_only() => ApiError::bad("ThrottlingException", "Rate exceeded"),
            _ => ApiError::bad("Throttling", "Rate exceeded"),
        }
    }

    /// A fault of the service's own.
    pub(super) fn broken(self) -> ApiError {
        let code = match self {
            Self::CloudWatch => "InternalServiceError",
            service if service.speaks_json_only() => "InternalFailure",
            _ => "InternalError",
        };
        ApiError::bad(code, "An internal error has occurred").with_status(500)
    }

    /// The caller's role does not allow it.
    pub(super) fn denied(self, operation: &str) -> ApiError {
        let message = format!("User is not authorized to perform: {}:{operation}", self.name());
        match self {
            Self::Ec2 => ApiError::bad("UnauthorizedOperation", "You are not authorized to perform this operation."),
            Self::Sns => ApiError::bad("AuthorizationError", message),
            service if service.speaks_json_only() => return ApiError::bad("AccessDeniedException", message),
            _ => ApiError::bad("AccessDenied", message),
        }
        .with_status(403)
    }

    /// No such operation here.
    pub(super) fn unknown_operation(self, name: &str) -> ApiError {
        if self.speaks_json_only() {
            return ApiError::bad("UnknownOperationException", format!("The operation {name} is not known."));
        }
        ApiError::bad("InvalidAction", format!("The action {name} is not valid for this web service."))
    }

    pub(super) fn operation(self, name: &str) -> Option<&'static Operation> {
        self.operations().iter().find(|operation| operation.name == name)
    }

    const fn operations(self) -> &'static [Operation] {
        match self {
            Self::Ec2 => ec2::OPERATIONS,
            Self::AutoScaling => autoscaling::OPERATIONS,
            Self::Sts => sts::OPERATIONS,
            Self::CloudWatch => cloudwatch::OPERATIONS,
            Self::CodeConnections => codeconnections::OPERATIONS,
            Self::CodeDeploy => codedeploy::OPERATIONS,
            Self::CodePipeline => codepipeline::OPERATIONS,
            Self::Ssm => ssm::OPERATIONS,
            Self::Sns => sns::OPERATIONS,
            Self::Events => events::OPERATIONS,
        }
    }
}

/// Everything that the world can be asked: the service's word in IAM actions, and the operation.
pub fn operations() -> impl Iterator<Item = (&'static str, &'static str)> {
    use Service::{AutoScaling, CloudWatch, CodeConnections, CodeDeploy, CodePipeline, Ec2, Events, Sns, Ssm, Sts};
    [Ec2, AutoScaling, Sts, CloudWatch, CodeConnections, CodeDeploy, CodePipeline, Ssm, Sns, Events]
        .into_iter()
        .flat_map(|service| service.operations().iter().map(move |operation| (service.name(), operation.name)))
}

/// What a read sees: the present, or the past where reads may be stale.
pub(crate) struct View<'a> {
    pub(crate) state: &'a State,
    pub(crate) activities: &'a BTreeMap<String, VecDeque<Activity>>,
    /// The time that is seen.
    pub(crate) now: Timestamp,
}

type Answer = Result<(), ApiError>;

/// How an operation is answered. EC2's and Auto Scaling's replies are written as XML; the others' are shapes, which each
/// protocol writes its own way.
pub(crate) enum Handler {
    Read(fn(&View<'_>, &Params<'_>, &mut Xml) -> Answer),
    Write(fn(&mut World, &Params<'_>, &mut Xml) -> Answer),
    Show(fn(&View<'_>, &Input<'_>) -> Result<Shape, ApiError>),
    Do(fn(&mut World, &Input<'_>) -> Result<Shape, ApiError>),
}

/// An operation with the parameters it knows. AWS answers an unknown one differently from service to service; the world always
/// refuses it, so that nothing is silently ignored.
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) accepts: &'static [&'static str],
    pub(crate) handler: Handler,
}

impl Operation {
    pub(super) const fn show(
        name: &'static str,
        accepts: &'static [&'static str],
        handler: fn(&View<'_>, &Input<'_>) -> Result<Shape, ApiError>,
    ) -> Self {
        Self { name, accepts, handler: Handler::Show(handler) }
    }

    pub(super) const fn act(
        name: &'static str,
        accepts: &'static [&'static str],
        handler: fn(&mut World, &Input<'_>) -> Result<Shape, ApiError>,
    ) -> Self {
        Self { name, accepts, handler: Handler::Do(handler) }
    }

    pub(super) const fn reads(&self) -> bool {
        matches!(self.handler, Handler::Read(_) | Handler::Show(_))
    }
}
