//! What does CodeDeploy say of the whole deployment?
//!
//! The API knows 34 codes; the documentation names one more, and both grow. Where a meaning is not documented it is read from the name.
//! `HEALTH_CONSTRAINTS` is what a dead agent looks like from here: so the instances are asked first, and the code only where they are silent.

use std::fmt;

use super::{Cure, Facts};

/// `errorInformation.code` of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names are AWS's, and the facts below say what they mean")]
pub enum DeploymentErrorCode {
    AgentIssue,
    HealthConstraints,
    HealthConstraintsInvalid,
    Timeout,
    InternalError,
    Throttled,
    NoInstances,
    RevisionMissing,
    InvalidRevision,
    HookExecutionFailure,
    CustomerApplicationUnhealthy,
    AlarmActive,
    ManualStop,
    IamRoleMissing,
    IamRolePermissions,
    AutoScalingIamRolePermissions,
    AutoScalingConfiguration,
    AutoscalingValidationError,
    UnableToSendAsg,
    ApplicationMissing,
    DeploymentGroupMissing,
    ResourceCannotBeFound,
    OverMaxInstances,
    ResourceLimitExceeded,
    NoEc2Subscription,
    ElasticLoadBalancingInvalid,
    ElbInvalidInstance,
    MissingElbInformation,
    MissingBlueGreenDeploymentConfiguration,
    MissingGithubToken,
    EcsUpdateError,
    InvalidEcsService,
    InvalidLambdaConfiguration,
    InvalidLambdaFunction,
    CloudformationStackFailure,
    /// A code newer than this program.
    Unknown(String),
}

/// Every code that is known, with AWS's name for it and what it means.
const KNOWN: [(DeploymentErrorCode, &str, Facts); 35] = {
    use Cure::{Aws, Configuration, Never, Restart, Unknown, User};
    use DeploymentErrorCode as Code;
    [
        (
            Code::AgentIssue,
            "AGENT_ISSUE",
            Facts::new(
                Restart,
                "The CodeDeploy agent is not installed, not running or not reached on some instances.",
                "Look at the instances' findings; where there are none, check that the agent is installed and runs on every instance.",
                "codedeploy-agent-operations-verify",
            ),
        ),
        (
            Code::HealthConstraints,
            "HEALTH_CONSTRAINTS",
            Facts::new(
                Unknown,
                "Too many instances failed, or too few healthy ones are left. The instances say why.",
                "Look at the failed instances in the console: the deployment itself does not know the cause.",
                "error-codes",
            ),
        ),
        (
            Code::HealthConstraintsInvalid,
            "HEALTH_CONSTRAINTS_INVALID",
            Facts::new(
                Configuration,
                "The deployment could not begin: fewer instances are healthy than its configuration demands.",
                "Bring more instances into service, or choose a deployment configuration that demands fewer. Stopped instances count as failed.",
                "instances-health",
            ),
        ),
        (
            Code::Timeout,
            "TIMEOUT",
            Facts::new(
                Unknown,
                "The deployment took longer than it may.",
                "Look at the instance that was at work last: its agent died, or its script hung.",
                "limits",
            ),
        ),
        (
            Code::InternalError,
            "INTERNAL_ERROR",
            Facts::new(
                Aws,
                "CodeDeploy failed for a reason inside AWS.",
                "If it happens again, look at the AWS Health Dashboard and ask AWS Support with the deployment's id.",
                "error-codes",
            ),
        ),
        (
            Code::Throttled,
            "THROTTLED",
            Facts::new(
                Aws,
                "AWS took too many requests from the service role at once.",
                "If it happens again, find out what else calls AWS with this role, or in this account, so often.",
                "error-codes",
            ),
        ),
        (
            Code::NoInstances,
            "NO_INSTANCES",
            Facts::new(
                Configuration,
                "No instance belongs to the deployment group, or none is in service.",
                "Check the group's Auto Scaling group and tags; deploy again when instances are in service.",
                "troubleshooting-deployments",
            ),
        ),
        (
            Code::RevisionMissing,
            "REVISION_MISSING",
            Facts::new(
                Configuration,
                "The revision is not where it was: somebody deleted it, or a lifecycle rule of the artifact bucket did.",
                "Release a change, which makes a new revision. Keep revisions of the artifact bucket as long as a launch may need them.",
                "error-codes",
            ),
        ),
        (
            Code::InvalidRevision,
            "INVALID_REVISION",
            Facts::new(
                User,
                "The revision cannot be used: its bundle or its AppSpec file is not valid.",
                "Check appspec.yml at the root of the revision.",
                "reference-appspec-file-validate",
            ),
        ),
        (
            Code::HookExecutionFailure,
            "HOOK_EXECUTION_FAILURE",
            Facts::new(User, "A validation hook failed.", "Look at the log of the hook's function.", "error-codes"),
        ),
        (
            Code::CustomerApplicationUnhealthy,
            "CUSTOMER_APPLICATION_UNHEALTHY",
            Facts::new(
                User,
                "The application was unhealthy after the deployment.",
                "Look at the application's own log and at its health check.",
                "error-codes",
            ),
        ),
        (
            Code::AlarmActive,
            "ALARM_ACTIVE",
            Facts::new(
                User,
                "A CloudWatch alarm of the deployment group rang, and CodeDeploy stopped.",
                "Look at the alarm: the new revision may have set it off.",
                "monitoring-create-alarms",
            ),
        ),
        (
            Code::ManualStop,
            "MANUAL_STOP",
            Facts::new(
                Never,
                "Somebody stopped the deployment.",
                "Nothing, unless it was stopped by mistake: then retry the stage in the console.",
                "deployments-stop",
            ),
        ),
        (
            Code::IamRoleMissing,
            "IAM_ROLE_MISSING",
            Facts::new(
                Configuration,
                "The service role of the deployment group does not exist.",
                "Give the deployment group a service role.",
                "getting-started-create-service-role",
            ),
        ),
        (
            Code::IamRolePermissions,
            "IAM_ROLE_PERMISSIONS",
            Facts::new(
                Configuration,
                "The service role of the deployment group may not do what the deployment needs.",
                "Attach AWSCodeDeployRole; with launch templates the role also needs ec2:RunInstances, ec2:CreateTags and iam:PassRole.",
                "getting-started-create-service-role",
            ),
        ),
        (
            Code::AutoScalingIamRolePermissions,
            "AUTO_SCALING_IAM_ROLE_PERMISSIONS",
            Facts::new(
                Configuration,
                "The service role of the deployment group may not use Auto Scaling.",
                "Attach AWSCodeDeployRole to the service role.",
                "getting-started-create-service-role",
            ),
        ),
        (
            Code::AutoScalingConfiguration,
            "AUTO_SCALING_CONFIGURATION",
            Facts::new(
                Configuration,
                "The link between the deployment group and its Auto Scaling group is broken.",
                "Remove the Auto Scaling group from the deployment group and add it again: that makes a new lifecycle hook.",
                "troubleshooting-auto-scaling",
            ),
        ),
        (
            Code::AutoscalingValidationError,
            "AUTOSCALING_VALIDATION_ERROR",
            Facts::new(
                Configuration,
                "Auto Scaling did not accept what CodeDeploy asked of it.",
                "Check that the Auto Scaling group exists; remove it from the deployment group and add it again.",
                "troubleshooting-auto-scaling",
            ),
        ),
        (
            Code::UnableToSendAsg,
            "UNABLE_TO_SEND_ASG",
            Facts::new(
                Configuration,
                "CodeDeploy could not give the deployment to the Auto Scaling group.",
                "Remove the Auto Scaling group from the deployment group and add it again: that makes a new lifecycle hook.",
                "error-codes",
            ),
        ),
        (
            Code::ApplicationMissing,
            "APPLICATION_MISSING",
            Facts::new(
                Configuration,
                "The CodeDeploy application does not exist any more.",
                "Correct the application's name in the pipeline, or create it again.",
                "error-codes",
            ),
        ),
        (
            Code::DeploymentGroupMissing,
            "DEPLOYMENT_GROUP_MISSING",
            Facts::new(
                Configuration,
                "The deployment group does not exist any more.",
                "Correct the deployment group's name in the pipeline, or create it again.",
                "error-codes",
            ),
        ),
        (
            Code::ResourceCannotBeFound,
            "CODEDEPLOY_RESOURCE_CANNOT_BE_FOUND",
            Facts::new(
                Configuration,
                "Something that the deployment needs in CodeDeploy does not exist.",
                "Check the application, the deployment group and the deployment configuration.",
                "error-codes",
            ),
        ),
        (
            Code::OverMaxInstances,
            "OVER_MAX_INSTANCES",
            Facts::new(
                Configuration,
                "More instances than the account may deploy to.",
                "Deploy to fewer instances, or ask for a higher quota.",
                "limits",
            ),
        ),
        (
            Code::ResourceLimitExceeded,
            "RESOURCE_LIMIT_EXCEEDED",
            Facts::new(Configuration, "A quota is used up.", "Ask for a higher quota.", "limits"),
        ),
        (
            Code::NoEc2Subscription,
            "NO_EC2_SUBSCRIPTION",
            Facts::new(
                Configuration,
                "The account is not subscribed to EC2.",
                "Finish the registration of the account.",
                "error-codes",
            ),
        ),
        (
            Code::ElasticLoadBalancingInvalid,
            "ELASTIC_LOAD_BALANCING_INVALID",
            Facts::new(
                Configuration,
                "The load balancer of the deployment group cannot be used.",
                "Check the load balancer or target group that the deployment group names.",
                "integrations-aws-elastic-load-balancing",
            ),
        ),
        (
            Code::ElbInvalidInstance,
            "ELB_INVALID_INSTANCE",
            Facts::new(
                Configuration,
                "An instance is not registered with the load balancer, or cannot be.",
                "Check that the instances belong to the load balancer's target group and network.",
                "integrations-aws-elastic-load-balancing",
            ),
        ),
        (
            Code::MissingElbInformation,
            "MISSING_ELB_INFORMATION",
            Facts::new(
                Configuration,
                "The deployment group names no load balancer, and needs one.",
                "Name a load balancer or target group in the deployment group.",
                "integrations-aws-elastic-load-balancing",
            ),
        ),
        (
            Code::MissingBlueGreenDeploymentConfiguration,
            "MISSING_BLUE_GREEN_DEPLOYMENT_CONFIGURATION",
            Facts::new(
                Configuration,
                "The deployment group lacks the settings of a blue/green deployment.",
                "Complete the settings, or deploy in place.",
                "deployment-groups-create-blue-green",
            ),
        ),
        (
            Code::MissingGithubToken,
            "MISSING_GITHUB_TOKEN",
            Facts::new(
                Configuration,
                "CodeDeploy has no access to GitHub.",
                "Connect the application to GitHub again, or let CodePipeline fetch the source.",
                "integrations-partners-github",
            ),
        ),
        (
            Code::EcsUpdateError,
            "ECS_UPDATE_ERROR",
            Facts::new(
                Configuration,
                "The ECS service could not be updated.",
                "Look at the service's events; this function cures deployments to EC2 only.",
                "error-codes",
            ),
        ),
        (
            Code::InvalidEcsService,
            "INVALID_ECS_SERVICE",
            Facts::new(
                Configuration,
                "The ECS service cannot be deployed to.",
                "Check the service; this function cures deployments to EC2 only.",
                "error-codes",
            ),
        ),
        (
            Code::InvalidLambdaConfiguration,
            "INVALID_LAMBDA_CONFIGURATION",
            Facts::new(
                Configuration,
                "The settings of the Lambda deployment are not valid.",
                "Check the AppSpec file; this function cures deployments to EC2 only.",
                "error-codes",
            ),
        ),
        (
            Code::InvalidLambdaFunction,
            "INVALID_LAMBDA_FUNCTION",
            Facts::new(
                Configuration,
                "The Lambda function cannot be deployed to.",
                "Check the function and its alias; this function cures deployments to EC2 only.",
                "error-codes",
            ),
        ),
        (
            Code::CloudformationStackFailure,
            "CLOUDFORMATION_STACK_FAILURE",
            Facts::new(
                Configuration,
                "The CloudFormation stack of the deployment failed.",
                "Look at the stack's events.",
                "error-codes",
            ),
        ),
    ]
};

impl From<&str> for DeploymentErrorCode {
    fn from(name: &str) -> Self {
        KNOWN
            .iter()
            .find(|(_, known, _)| *known == name)
            .map_or_else(|| Self::Unknown(name.to_owned()), |(code, _, _)| code.clone())
    }
}

impl DeploymentErrorCode {
    /// Every code that is known.
    pub fn all() -> impl Iterator<Item = Self> {
        KNOWN.iter().map(|(code, _, _)| code.clone())
    }

    fn known(&self) -> Option<&'static (Self, &'static str, Facts)> {
        KNOWN.iter().find(|(code, _, _)| code == self)
    }

    /// AWS's name for it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match (self, self.known()) {
            (Self::Unknown(name), _) => name,
            (_, Some((_, name, _))) => name,
            (_, None) => "",
        }
    }

    /// What is known about it.
    #[must_use]
    pub fn facts(&self) -> Facts {
        self.known().map_or(
            Facts::new(
                Cure::Unknown,
                "CodeDeploy gave a reason that this program does not know.",
                "Look at the deployment in the console.",
                "error-codes",
            ),
            |(_, _, facts)| *facts,
        )
    }

    /// Whether the instances know more: then what they say is the cause, and this is only its sum.
    #[must_use]
    pub fn asks_instances(&self) -> bool {
        matches!(self, Self::AgentIssue | Self::HealthConstraints | Self::Timeout)
    }
}

impl fmt::Display for DeploymentErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
