//! What did AWS refuse, and what should the caller do about it?

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use thiserror::Error;

/// A call that AWS did not carry out, after the SDK's own retries.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{operation}{} failed: {}{}", on(subject.as_deref()), said(code.as_deref(), message), request(request_id.as_deref()))]
pub struct AwsError {
    /// The operation, as IAM and `CloudTrail` name it.
    pub operation: &'static str,
    /// What the operation was about, for a person to find it.
    pub subject: Option<String>,
    /// What kind of trouble it is.
    pub trouble: Trouble,
    /// AWS's error code.
    pub code: Option<String>,
    /// AWS's message, or the SDK's when there was no reply.
    pub message: String,
    /// AWS's id of the request, which its support asks for.
    pub request_id: Option<String>,
}

/// What kind of trouble a failed call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Somebody was faster, or the reads were out of date: look again and plan again.
    Replan,
    /// Too many calls. Later.
    Throttled,
    /// The role does not allow it. A person must mend it.
    Unauthorized,
    /// No reply, or a fault of AWS's own. The call may or may not have had its effect. Again.
    Unreachable,
    /// Anything else.
    Other,
}

impl Trouble {
    /// A stable word for alarms and for the function's error type.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replan => "Replan",
            Self::Throttled => "Throttled",
            Self::Unauthorized => "Unauthorized",
            Self::Unreachable => "Unreachable",
            Self::Other => "Other",
        }
    }

    fn of_code(code: &str) -> Self {
        match code {
            // The target died or is not ready, or the address was taken or released since we looked.
            "IncorrectInstanceState"
            | "Resource.AlreadyAssociated"
            | "InvalidAssociationID.NotFound"
            | "InvalidAllocationID.NotFound"
            | "InvalidNetworkInterfaceID.NotFound"
            | "InvalidNetworkInterface.NotFound" => Self::Replan,
            // `InvalidInstanceID` bare for a state that does not fit, `.NotFound` just after a launch or long after an end.
            id if id.starts_with("InvalidInstanceID") => Self::Replan,
            // Systems Manager does not know the instance, or it does not answer. Auto Scaling is busy with the group. DynamoDB found a
            // condition unmet, or another transaction at the same item.
            "InvalidInstanceId"
            | "ScalingActivityInProgress"
            | "ScalingActivityInProgressFault"
            | "ResourceContention"
            | "ResourceContentionFault"
            | "ConditionalCheckFailedException"
            | "TransactionCanceledException"
            | "TransactionConflictException" => Self::Replan,
            "RequestLimitExceeded"
            | "Throttling"
            | "ThrottlingException"
            | "RequestThrottled"
            | "EC2ThrottledException"
            | "TooManyRequestsException"
            | "BandwidthLimitExceeded"
            | "PriorRequestNotComplete"
            | "ProvisionedThroughputExceededException"
            | "LimitExceededException"
            | "Throttled"
            | "ThrottledException"
            | "SlowDown" => Self::Throttled,
            "UnauthorizedOperation"
            | "AccessDenied"
            | "AccessDeniedException"
            | "AuthFailure"
            | "InvalidClientTokenId"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "SignatureDoesNotMatch"
            | "InvalidSignatureException"
            | "UnrecognizedClientException"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
            | "NotAuthorized"
            | "AuthorizationError"
            | "KMSAccessDenied"
            | "OptInRequired" => Self::Unauthorized,
            "InternalError"
            | "InternalFailure"
            | "InternalException"
            | "InternalServerError"
            | "InternalServiceError"
            | "InternalServiceFault"
            | "InternalServiceException"
            // DynamoDB still works on the same transaction: whether it takes effect is open.
            | "TransactionInProgressException"
            | "ServiceUnavailableException"
            | "ServiceUnavailable"
            | "Unavailable"
            | "RequestTimeout"
            | "RequestTimeoutException" => Self::Unreachable,
            _ => Self::Other,
        }
    }
}

impl AwsError {
    /// Reads what the SDK says of a failed call.
    pub fn new<E>(operation: &'static str, subject: Option<&str>, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let metadata = error.as_service_error().map(ProvideErrorMetadata::meta);
        let code = metadata.and_then(|metadata| metadata.code()).map(str::to_owned);
        let trouble = match (error, code.as_deref()) {
            (SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_), _) => {
                Trouble::Unreachable
            }
            (_, Some(code)) => Trouble::of_code(code),
            (SdkError::ServiceError(refused), None) if refused.raw().status().is_server_error() => Trouble::Unreachable,
            _ => Trouble::Other,
        };
        let message = metadata.and_then(|metadata| metadata.message()).map_or_else(|| chain(error), str::to_owned);
        // The SDK reads it from a header, but leaves it out where a reply could not be parsed.
        let request_id = metadata
            .and_then(|metadata| metadata.extra("aws_request_id"))
            .or_else(|| error.raw_response().and_then(|reply| reply.headers().get("x-amzn-requestid")))
            .map(str::to_owned);
        Self { operation, subject: subject.map(str::to_owned), trouble, code, message, request_id }
    }

    /// A refusal that came inside a reply which the service calls a success.
    pub(crate) fn inside(
        operation: &'static str,
        subject: Option<&str>,
        code: Option<&str>,
        message: Option<&str>,
        request_id: Option<&str>,
    ) -> Self {
        Self {
            operation,
            subject: subject.map(str::to_owned),
            trouble: code.map_or(Trouble::Other, Trouble::of_code),
            code: code.map(str::to_owned),
            message: message.unwrap_or("no message").to_owned(),
            request_id: request_id.map(str::to_owned),
        }
    }

    /// Whether AWS refused with this code.
    #[must_use]
    pub fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// Whether it is the instance or its interface, and not the address, that EC2 refused for an association.
    #[must_use]
    pub fn refuses_the_target(&self) -> bool {
        self.code.as_deref().is_some_and(|code| {
            code == "IncorrectInstanceState"
                || ["InvalidInstanceID", "InvalidNetworkInterface"].iter().any(|id| code.starts_with(id))
        })
    }

    /// Whether AWS refused with this code and a message that contains these words, whatever their case.
    #[must_use]
    pub fn says(&self, code: &str, words: &str) -> bool {
        self.code.as_deref() == Some(code) && self.message.to_lowercase().contains(&words.to_lowercase())
    }
}

/// An error with its causes, which the SDK keeps out of its own text.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

fn on(subject: Option<&str>) -> String {
    subject.map(|subject| format!(" on `{subject}`")).unwrap_or_default()
}

fn said(code: Option<&str>, message: &str) -> String {
    code.map_or_else(|| message.to_owned(), |code| format!("{code}: {message}"))
}

fn request(id: Option<&str>) -> String {
    id.map(|id| format!(" (request {id})")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str, message: &str) -> AwsError {
        AwsError {
            operation: "AssociateAddress",
            subject: Some("eipalloc-1 to i-1".to_owned()),
            trouble: Trouble::of_code(code),
            code: Some(code.to_owned()),
            message: message.to_owned(),
            request_id: Some("req-1".to_owned()),
        }
    }

    #[test]
    fn every_code_that_the_services_are_known_to_send_has_its_meaning() {
        for (code, trouble, target) in [
            ("InvalidInstanceID", Trouble::Replan, true),
            ("InvalidInstanceID.NotFound", Trouble::Replan, true),
            ("IncorrectInstanceState", Trouble::Replan, true),
            ("InvalidNetworkInterfaceID.NotFound", Trouble::Replan, true),
            ("Resource.AlreadyAssociated", Trouble::Replan, false),
            ("InvalidAllocationID.NotFound", Trouble::Replan, false),
            ("InvalidAssociationID.NotFound", Trouble::Replan, false),
            ("RequestLimitExceeded", Trouble::Throttled, false),
            ("Throttling", Trouble::Throttled, false),
            ("UnauthorizedOperation", Trouble::Unauthorized, false),
            ("AccessDenied", Trouble::Unauthorized, false),
            ("AuthFailure", Trouble::Unauthorized, false),
            ("InternalError", Trouble::Unreachable, false),
            ("ServiceUnavailable", Trouble::Unreachable, false),
            ("InvalidParameterValue", Trouble::Other, false),
            ("DryRunOperation", Trouble::Other, false),
            ("OperationNotPermitted", Trouble::Other, false),
            ("InvalidInstanceId", Trouble::Replan, false),
            ("ScalingActivityInProgress", Trouble::Replan, false),
            ("ConditionalCheckFailedException", Trouble::Replan, false),
            ("TransactionCanceledException", Trouble::Replan, false),
            ("TransactionInProgressException", Trouble::Unreachable, false),
            ("ProvisionedThroughputExceededException", Trouble::Throttled, false),
            ("InternalServerError", Trouble::Unreachable, false),
            ("ResourceNotFoundException", Trouble::Other, false),
            ("UnrecognizedClientException", Trouble::Unauthorized, false),
            ("AuthorizationError", Trouble::Unauthorized, false),
        ] {
            let error = refused(code, "no");
            assert_eq!(error.trouble, trouble, "{code}");
            assert_eq!(error.refuses_the_target(), target, "{code}");
        }
    }

    #[test]
    fn an_error_names_operation_subject_code_message_and_request() {
        assert_eq!(
            refused("AuthFailure", "not yours").to_string(),
            "AssociateAddress on `eipalloc-1 to i-1` failed: AuthFailure: not yours (request req-1)"
        );
    }

    #[test]
    fn words_of_a_message_are_found_whatever_their_case_and_only_under_their_code() {
        let error = refused("ValidationError", "No active Lifecycle Action found with instance ID i-1");
        assert!(error.says("ValidationError", "no active lifecycle action"));
        assert!(!error.says("Throttling", "no active lifecycle action"));
    }
}
