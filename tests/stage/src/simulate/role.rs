//! What may a function do, by its role in the template?
//!
//! The policies are read with the names that the simulation gives to what the template makes: a resource is called by its logical id.

#![expect(clippy::indexing_slicing, reason = "JSON answers null for what is not there")]

use panda_world::{ACCOUNT, REGION, Role};
use serde_json::Value as Json;
use serde_yaml_ng::Value as Yaml;

use super::deployment::{TemplateError, lacks};
use crate::intrinsic::{Known, Stack};

/// The stack of a template with its parameters' defaults, in which a resource has the name that the simulation gives to it.
pub(super) fn named(template: &Yaml) -> Result<Stack, TemplateError> {
    let stack = Stack::new(template, "lethargic-panda", &[]).map_err(|refused| lacks(&refused.to_string()))?;
    let mut names = Known::new();
    for (name, resource) in stack.template()["Resources"].as_object().into_iter().flatten() {
        let arn = arn(name, resource["Type"].as_str().unwrap_or_default());
        if resource["Type"] == "AWS::SNS::Topic" {
            // Of a topic, `Ref` gives the ARN.
            names.insert(name.clone(), arn.clone());
        }
        names.insert(format!("{name}.Arn"), arn);
    }
    Ok(stack.knowing(names))
}

/// The role that a function's `Role` names, with its policies as IAM would get them.
pub(super) fn of(stack: &Stack, function: &Json) -> Result<Role, TemplateError> {
    let arn = function["Properties"]["Role"]["Fn::GetAtt"].as_str();
    let name = arn.and_then(|path| path.strip_suffix(".Arn"));
    let name = name.ok_or_else(|| lacks("role of its own for the function"))?;
    let policies = stack.answered(&stack.template()["Resources"][name]["Properties"]["Policies"]);
    let policies = policies.as_array().ok_or_else(|| lacks(&format!("policies of {name}")))?;
    let documents: Vec<Json> = policies.iter().map(|policy| policy["PolicyDocument"].clone()).collect();
    Role::read(&documents).map_err(|error| TemplateError::Role(name.to_owned(), error.to_string()))
}

fn arn(name: &str, kind: &str) -> String {
    let (service, resource) = match kind {
        "AWS::SNS::Topic" => ("sns", name.to_owned()),
        "AWS::SQS::Queue" => ("sqs", name.to_owned()),
        "AWS::DynamoDB::Table" => ("dynamodb", format!("table/{name}")),
        "AWS::Logs::LogGroup" => ("logs", format!("log-group:{name}:*")),
        _ => ("lambda", format!("function:{name}")),
    };
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}")
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
