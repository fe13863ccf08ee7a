//! What may a function do, by its role in the template?
//!
//! The policies are read with the names that the simulation gives to what the template makes: a resource is called by its logical id.

#![expect(clippy::indexing_slicing, reason = "YAML answers null for what is not there")]

use panda_world::{ACCOUNT, REGION, Role};
use serde_json::Value as Json;
use serde_yaml_ng::Value as Yaml;

use super::deployment::{Template, TemplateError, lacks};

impl Template {
    /// The role that a function's `Role` names.
    pub(super) fn role(&self, function: &Yaml) -> Result<Role, TemplateError> {
        let name = match &function["Properties"]["Role"] {
            Yaml::Tagged(tagged) if tagged.tag == "GetAtt" => {
                tagged.value.as_str().and_then(|path| path.strip_suffix(".Arn"))
            }
            _ => None,
        };
        let name = name.ok_or_else(|| lacks("role of its own for the function"))?;
        let policies = self.yaml["Resources"][name]["Properties"]["Policies"].as_sequence();
        let policies = policies.ok_or_else(|| lacks(&format!("policies of {name}")))?;
        let documents: Vec<Json> = policies.iter().map(|policy| self.document(&policy["PolicyDocument"])).collect();
        Role::read(&documents).map_err(|error| TemplateError::Role(name.to_owned(), error.to_string()))
    }

    /// A policy as IAM would get it.
    pub(super) fn document(&self, value: &Yaml) -> Json {
        match value {
            Yaml::Tagged(tagged) if tagged.tag == "Ref" => {
                Json::from(self.reference(tagged.value.as_str().unwrap_or_default()))
            }
            Yaml::Tagged(tagged) if tagged.tag == "GetAtt" => {
                let path = tagged.value.as_str().unwrap_or_default();
                Json::from(self.arn(path.strip_suffix(".Arn").unwrap_or(path)))
            }
            Yaml::Tagged(tagged) if tagged.tag == "Sub" => {
                let mut parts = tagged.value.as_str().unwrap_or_default().split("${");
                let mut text = parts.next().unwrap_or_default().to_owned();
                for (name, rest) in parts.filter_map(|part| part.split_once('}')) {
                    text.push_str(&match name.strip_suffix(".Arn") {
                        Some(resource) => self.arn(resource),
                        None => self.reference(name),
                    });
                    text.push_str(rest);
                }
                Json::from(text)
            }
            Yaml::Sequence(items) => items.iter().map(|item| self.document(item)).collect(),
            Yaml::Mapping(fields) => {
                let entry = |(key, value): (&Yaml, &Yaml)| Some((key.as_str()?.to_owned(), self.document(value)));
                Json::Object(fields.iter().filter_map(entry).collect())
            }
            other => self.resolve(other),
        }
    }

    /// What `Ref` gives.
    fn reference(&self, name: &str) -> String {
        match name {
            "AWS::Partition" => "aws".to_owned(),
            "AWS::Region" => REGION.to_owned(),
            "AWS::AccountId" => ACCOUNT.to_owned(),
            "AWS::StackName" => "lethargic-panda".to_owned(),
            // Of a topic, `Ref` gives the ARN.
            _ if self.yaml["Resources"][name]["Type"] == "AWS::SNS::Topic" => self.arn(name),
            _ => match self.named(name) {
                Json::String(text) => text,
                other => other.to_string(),
            },
        }
    }

    fn arn(&self, name: &str) -> String {
        let kind = self.yaml["Resources"][name]["Type"].as_str().unwrap_or_default();
        let (service, resource) = match kind {
            "AWS::SNS::Topic" => ("sns", name.to_owned()),
            "AWS::SQS::Queue" => ("sqs", name.to_owned()),
            "AWS::DynamoDB::Table" => ("dynamodb", format!("table/{name}")),
            "AWS::Logs::LogGroup" => ("logs", format!("log-group:{name}:*")),
            _ => ("lambda", format!("function:{name}")),
        };
        format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
    use crate::simulate::deployment::Deployment;

    #[test]
    fn each_function_has_a_role_whose_statements_are_read_with_their_actions() {
        for (function, action) in [("elastic-ip-failover", "ec2:AssociateAddress"), ("panda", "ec2:TerminateInstances")]
        {
            let deployment = Deployment::of(&Deployment::template(), function).unwrap();
            assert!(deployment.role.permissions().iter().any(|it| it.action == action), "{function}");
        }
    }
}
