//! What is a request authorised for? Its action, each resource that it names, and the condition keys that hold for them.
//!
//! Service Authorization Reference `[doc]`, the pages of each service: "Actions defined by …", column "Resource types". An operation that
//! has none is asked for a resource that only `"*"` matches, and so is every operation that this module does not know.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::state::State;
use crate::wire::{ApiRequest, Service};
use crate::world::{ACCOUNT, REGION};

/// One thing that must be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    /// `service:Operation`
    pub(crate) action: String,
    /// An ARN.
    pub(crate) resource: String,
    /// Condition keys.
    pub(crate) context: BTreeMap<String, Fact>,
}

/// The value of a condition key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fact {
    Text(String),
    Texts(Vec<String>),
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.action, self.resource)?;
        for (key, fact) in &self.context {
            match fact {
                Fact::Text(text) => write!(f, ", {key} = {text}")?,
                Fact::Texts(texts) => write!(f, ", {key} = [{}]", texts.join(", "))?,
            }
        }
        Ok(())
    }
}

/// Everything that must be allowed for a request.
pub(crate) fn of(state: &State, service: Service, request: &ApiRequest) -> Vec<Question> {
    let asker = Asker { state, request, action: format!("{}:{}", service.name(), request.operation()) };
    let mut questions = match service {
        Service::Ec2 => asker.ec2(),
        Service::AutoScaling => asker.auto_scaling(),
        Service::Ssm => asker.ssm(),
        Service::CodeDeploy => asker.code_deploy(),
        Service::CodePipeline => asker.code_pipeline(),
        Service::CodeConnections => asker.code_connections(),
        Service::CloudWatch => asker.cloud_watch(),
        Service::Sns => asker.sns(),
        Service::Events => return asker.events(),
        Service::Sts => Vec::new(),
    };
    if questions.is_empty() {
        questions.push(asker.ask(format!("arn:aws:{}:::", service.name()) + "no-resource"));
    }
    questions
}

struct Asker<'a> {
    state: &'a State,
    request: &'a ApiRequest,
    action: String,
}

impl Asker<'_> {
    fn ask(&self, resource: String) -> Question {
        Question { action: self.action.clone(), resource, context: BTreeMap::new() }
    }

    fn form(&self, key: &str) -> Option<&str> {
        self.request.params.get(key).map(String::as_str)
    }

    /// A numbered list of a form: `InstanceId.1`.
    fn numbered(&self, key: &str) -> Vec<String> {
        let prefix = format!("{key}.");
        let items = self.request.params.range(prefix.clone()..).take_while(|(name, _)| name.starts_with(&prefix));
        items.map(|(_, value)| value.clone()).collect()
    }

    /// A member of a JSON or CBOR request: one text, or several.
    fn members(&self, key: &str) -> Vec<String> {
        match self.request.member(key) {
            Some(Value::String(text)) => vec![text.clone()],
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    }

    fn with_tags<'t>(
        mut question: Question,
        keys: &[&str],
        tags: impl Iterator<Item = (&'t String, &'t String)>,
    ) -> Question {
        for (key, value) in tags {
            for prefix in keys {
                question.context.insert(format!("{prefix}/{key}"), Fact::Text(value.clone()));
            }
        }
        question
    }

    fn instance(&self, id: &str, keys: &[&str]) -> Question {
        let question = self.ask(format!("arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{id}"));
        let tags = self.state.instances.get(id).map(|instance| &instance.tags);
        Self::with_tags(question, keys, tags.into_iter().flatten())
    }

    fn ec2(&self) -> Vec<Question> {
        const KEYS: [&str; 2] = ["aws:ResourceTag", "ec2:ResourceTag"];
        match self.request.operation() {
            "AssociateAddress" => {
                let mut questions = Vec::new();
                let allocation = self.form("AllocationId").unwrap_or_default();
                let address = self.ask(format!("arn:aws:ec2:{REGION}:{ACCOUNT}:elastic-ip/{allocation}"));
                let tags = self.state.addresses.get(allocation).map(|address| &address.tags);
                questions.push(Self::with_tags(address, &KEYS, tags.into_iter().flatten()));
                let mut instance = self.form("InstanceId").map(str::to_owned);
                if let Some(interface) = self.form("NetworkInterfaceId") {
                    questions.push(self.ask(format!("arn:aws:ec2:{REGION}:{ACCOUNT}:network-interface/{interface}")));
                    let owns = |it: &&crate::Instance| it.interfaces.iter().any(|own| own.id == interface);
                    instance = instance.or_else(|| self.state.instances.values().find(owns).map(|it| it.id.clone()));
                }
                questions.extend(instance.map(|id| self.instance(&id, &KEYS)));
                questions
            }
            "TerminateInstances" | "StopInstances" | "StartInstances" | "RebootInstances" => {
                self.numbered("InstanceId").iter().map(|id| self.instance(id, &KEYS)).collect()
            }
            "CreateTags" | "DeleteTags" => {
                let tags = self.request.params.keys().filter(|key| key.starts_with("Tag.") && key.ends_with(".Key"));
                let keys: Vec<String> = tags.filter_map(|key| self.form(key)).map(str::to_owned).collect();
                let about = |id: &String| {
                    let mut question = if id.starts_with("i-") {
                        self.instance(id, &KEYS)
                    } else {
                        self.ask(format!("arn:aws:ec2:{REGION}:{ACCOUNT}:elastic-ip/{id}"))
                    };
                    question.context.insert("aws:TagKeys".to_owned(), Fact::Texts(keys.clone()));
                    question
                };
                self.numbered("ResourceId").iter().map(about).collect()
            }
            _ => Vec::new(),
        }
    }

    fn auto_scaling(&self) -> Vec<Question> {
        const KEYS: [&str; 2] = ["aws:ResourceTag", "autoscaling:ResourceTag"];
        if self.request.operation().starts_with("Describe") {
            return Vec::new();
        }
        let by_instance = || self.form("InstanceId").and_then(|id| self.state.group_of(id));
        let Some(name) = self.form("AutoScalingGroupName").or_else(by_instance) else { return Vec::new() };
        let Some(group) = self.state.groups.get(name) else {
            let arn =
                format!("arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:none:autoScalingGroupName/{name}");
            return vec![self.ask(arn)];
        };
        let tags = group.tags.iter().map(|(key, (value, _))| (key, value));
        vec![Self::with_tags(self.ask(group.arn.clone()), &KEYS, tags)]
    }

    fn ssm(&self) -> Vec<Question> {
        if self.request.operation() != "SendCommand" {
            return Vec::new();
        }
        let documents = self.members("DocumentName").into_iter().map(|name| {
            // AWS's own documents have no account.
            let account = if name.starts_with("AWS-") { "" } else { ACCOUNT };
            self.ask(format!("arn:aws:ssm:{REGION}:{account}:document/{name}"))
        });
        let instances = self.members("InstanceIds");
        let instances = instances.iter().map(|id| self.instance(id, &["ssm:resourceTag", "aws:ResourceTag"]));
        documents.chain(instances).collect()
    }

    fn deployment_group(&self, application: &str, group: &str) -> Question {
        self.ask(format!("arn:aws:codedeploy:{REGION}:{ACCOUNT}:deploymentgroup:{application}/{group}"))
    }

    fn code_deploy(&self) -> Vec<Question> {
        let one = |key: &str| self.members(key).into_iter().next();
        match self.request.operation() {
            "ListDeployments" => match (one("applicationName"), one("deploymentGroupName")) {
                (Some(application), Some(group)) => vec![self.deployment_group(&application, &group)],
                _ => vec![self.ask(format!("arn:aws:codedeploy:{REGION}:{ACCOUNT}:deploymentgroup:*"))],
            },
            "BatchGetDeployments" | "GetDeployment" | "StopDeployment" => {
                let ids = [self.members("deploymentIds"), self.members("deploymentId")].concat();
                let deployments = ids.iter().filter_map(|id| self.state.code_deploy.deployment(id));
                let questions: Vec<_> =
                    deployments.map(|it| self.deployment_group(&it.application, &it.group)).collect();
                // Of none that exist, as of any.
                if questions.is_empty() { vec![self.deployment_group("none", "none")] } else { questions }
            }
            "BatchGetDeploymentGroups" | "GetDeploymentGroup" | "CreateDeployment" => {
                let application = one("applicationName").unwrap_or_default();
                let groups = [self.members("deploymentGroupNames"), self.members("deploymentGroupName")].concat();
                groups.iter().map(|group| self.deployment_group(&application, group)).collect()
            }
            "ListDeploymentGroups" | "GetApplication" => {
                let application = one("applicationName").unwrap_or_default();
                vec![self.ask(format!("arn:aws:codedeploy:{REGION}:{ACCOUNT}:application:{application}"))]
            }
            _ => Vec::new(),
        }
    }

    /// Connections from before the service was renamed go by its old name, as actions and as resources `[doc]` service authorization reference.
    fn code_connections(&self) -> Vec<Question> {
        let Some(connection) = self.members("ConnectionArn").into_iter().next() else { return Vec::new() };
        let service =
            if connection.contains(":codestar-connections:") { "codestar-connections" } else { "codeconnections" };
        let action = format!("{service}:{}", self.request.operation());
        vec![Question { action, resource: connection, context: BTreeMap::new() }]
    }

    fn code_pipeline(&self) -> Vec<Question> {
        let names = [self.members("pipelineName"), self.members("name")].concat();
        let Some(pipeline) = names.first() else { return Vec::new() };
        let pipeline = format!("arn:aws:codepipeline:{REGION}:{ACCOUNT}:{pipeline}");
        match self.request.operation() {
            "RetryStageExecution" => {
                let stage = self.members("stageName").concat();
                vec![self.ask(format!("{pipeline}/{stage}"))]
            }
            _ => vec![self.ask(pipeline)],
        }
    }

    fn cloud_watch(&self) -> Vec<Question> {
        if self.request.operation() != "DescribeAlarms" {
            return Vec::new();
        }
        let names = self.members("AlarmNames");
        let names = if names.is_empty() { vec!["*".to_owned()] } else { names };
        names.iter().map(|name| self.ask(format!("arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}"))).collect()
    }

    fn sns(&self) -> Vec<Question> {
        self.members("TopicArn").into_iter().map(|arn| self.ask(arn)).collect()
    }

    /// Each entry is a question of its own.
    fn events(&self) -> Vec<Question> {
        let Some(Value::Array(entries)) = self.request.member("Entries") else { return Vec::new() };
        let ask = |entry: &Value| {
            let text = |key: &str| entry.get(key).and_then(Value::as_str);
            let bus = text("EventBusName").unwrap_or("default");
            let bus = bus.rsplit('/').next().unwrap_or(bus);
            let mut question = self.ask(format!("arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{bus}"));
            for (key, member) in [("events:source", "Source"), ("events:detail-type", "DetailType")] {
                question.context.extend(text(member).map(|value| (key.to_owned(), Fact::Text(value.to_owned()))));
            }
            question
        };
        entries.iter().map(ask).collect()
    }
}
