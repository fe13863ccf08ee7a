//! Can the templates be deployed in several regions and accounts, and several times in one? Nothing in them has a name that two would fight
//! over.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test that cannot go on should stop")]

use panda_scenarios::template::{Template, references};
use serde_json::Value;

/// What is one for all regions of an account: a name of it must hold the region.
///
/// IAM has no regions. "All dashboards in your account are global, not region-specific" (`PutDashboard`). A bucket's name is one for all
/// accounts.
const BEYOND_REGIONS: [(&str, &str); 8] = [
    ("AWS::CloudWatch::Dashboard", "DashboardName"),
    ("AWS::IAM::Group", "GroupName"),
    ("AWS::IAM::InstanceProfile", "InstanceProfileName"),
    ("AWS::IAM::ManagedPolicy", "ManagedPolicyName"),
    ("AWS::IAM::Role", "RoleName"),
    ("AWS::IAM::User", "UserName"),
    ("AWS::Route53::HostedZone", "Name"),
    ("AWS::S3::Bucket", "BucketName"),
];
const BEYOND_ACCOUNTS: &str = "AWS::S3::Bucket";

/// What keeps the resources of two deployments apart: a parameter or a name that CloudFormation makes.
fn tells_apart(template: &Template, name: &str) -> bool {
    let (parameters, resources) = (&template.document["Parameters"], &template.document["Resources"]);
    name == "AWS::StackName" || !parameters[name].is_null() || !resources[name].is_null()
}

/// Each resource with its type, and the name that it is given, if it is given one.
fn named(template: &Template) -> Vec<(&str, &str, &str, &Value)> {
    let resources = template.document["Resources"].as_object().expect("Resources");
    let mut named = Vec::new();
    for (id, resource) in resources {
        let kind = resource["Type"].as_str().expect("a type");
        let own = format!("{}Name", kind.rsplit("::").next().unwrap_or_default());
        for property in [own.as_str(), "Name"] {
            if let Some((property, name)) =
                resource["Properties"].as_object().and_then(|all| all.get_key_value(property))
            {
                named.push((id.as_str(), kind, property.as_str(), name));
            }
        }
    }
    named
}

/// Names that two deployments of the template would fight over.
fn fought_over(template: &Template) -> Vec<String> {
    let mut fought_over = Vec::new();
    for (id, kind, property, name) in named(template) {
        let references = references(name);
        let mut accuse = |why: &str| fought_over.push(format!("{id}.{property}: {why}: {name}"));
        if !references.iter().any(|name| tells_apart(template, name)) {
            accuse("every deployment has the same");
        }
        if BEYOND_REGIONS.contains(&(kind, property)) && !references.contains("AWS::Region") {
            accuse("every region has the same");
        }
        if kind == BEYOND_ACCOUNTS && !references.contains("AWS::AccountId") {
            accuse("every account has the same");
        }
    }
    fought_over
}

#[test]
fn no_resource_has_a_name_that_two_regions_accounts_or_stacks_would_fight_over() {
    for template in [Template::read(), Template::fleet()] {
        assert!(!named(&template).is_empty());
        assert_eq!(fought_over(&template), Vec::<String>::new());
    }
}

#[test]
fn no_resource_speaks_of_a_certain_account_or_region_and_no_output_is_exported() {
    let certain = |text: &str| {
        let digits = text
            .split(|letter: char| !letter.is_ascii_alphanumeric())
            .any(|word| word.len() == 12 && word.bytes().all(|byte| byte.is_ascii_digit()));
        let region = ["us-east-", "us-west-", "eu-central-", "eu-west-", "ap-southeast-"]
            .iter()
            .any(|region| text.contains(region));
        digits || region
    };
    assert!(
        certain("arn:aws:sns:eu-central-1:x")
            && certain("arn:aws:iam::123456789012:root")
            && !certain("${AWS::Region}")
    );
    for template in [Template::read(), Template::fleet()] {
        for (id, resource) in template.document["Resources"].as_object().expect("Resources") {
            // Descriptions are for people.
            let mut resource = resource.clone();
            if let Some(properties) = resource["Properties"].as_object_mut() {
                properties.retain(|name, _| !name.ends_with("Description"));
            }
            assert!(!certain(&resource.to_string()), "{id}: {resource}");
        }
        for (id, output) in template.document["Outputs"].as_object().expect("Outputs") {
            assert!(output["Export"].is_null(), "{id}: one stack of a region may export a name");
        }
    }
}

#[test]
fn a_fixed_name_a_name_without_its_region_and_a_bucket_of_every_account_are_found() {
    let template = Template::parse(
        r"
Parameters: { FleetName: { Type: String } }
Resources:
  Fixed: { Type: AWS::SNS::Topic, Properties: { TopicName: panda } }
  Board: { Type: AWS::CloudWatch::Dashboard, Properties: { DashboardName: !Ref AWS::StackName } }
  Bucket: { Type: AWS::S3::Bucket, Properties: { BucketName: !Sub 'models-${FleetName}-${AWS::Region}' } }
  Table: { Type: AWS::DynamoDB::Table, Properties: { TableName: !Sub '${AWS::StackName}-journal' } }
  Nameless: { Type: AWS::SQS::Queue }
"
        .to_owned(),
    );
    let mut found = fought_over(&template);
    found.sort();
    let starts: Vec<&str> = found.iter().filter_map(|words| words.split(": {").next()?.split(": \"").next()).collect();
    let expected = [
        "Board.DashboardName: every region has the same",
        "Bucket.BucketName: every account has the same",
        "Fixed.TopicName: every deployment has the same",
    ];
    assert_eq!(starts, expected);
}
