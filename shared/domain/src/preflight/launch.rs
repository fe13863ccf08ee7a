//! What is to be launched? The properties of the custom resource.
//!
//! CloudFormation gives every number and flag as text. Properties are read strictly and all at once: a name that is misspelt would be a check
//! that is not made.

use serde_json::{Map, Value};

use super::Finding;
use crate::ids::SubnetId;

/// What may stand among the properties. `ServiceToken` and `ServiceTimeout` are CloudFormation's own.
const KNOWN: [&str; 11] = [
    "SubnetIds",
    "InstanceType",
    "VpcId",
    "MinSize",
    "DesiredCapacity",
    "MaxSize",
    "ConnectionArn",
    "AssociatePublicIpAddress",
    "DropUnsuitable",
    "ServiceToken",
    "ServiceTimeout",
];

/// A launch that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The subnets, each once, in the order in which they were given.
    pub subnets: Vec<SubnetId>,
    /// The instance type.
    pub instance_type: String,
    /// The VPC that the subnets must belong to.
    pub vpc: String,
    /// The smallest size of the group.
    pub min: u32,
    /// How many instances it is asked to keep.
    pub desired: u32,
    /// The largest size of the group.
    pub max: u32,
    /// The connection through which the pipeline gets its code.
    pub connection: Option<String>,
    /// Whether the launch template lends each instance a public address, whatever its subnet does; `None` if the subnet decides.
    pub lends_public_ip: Option<bool>,
    /// Whether subnets that will not do are left out instead of failing the deployment.
    pub drop_unsuitable: bool,
}

impl Launch {
    /// Reads the properties.
    ///
    /// # Errors
    /// With everything that is wrong, property by property.
    pub fn read(properties: &Value) -> Result<Self, Vec<Finding>> {
        let empty = Map::new();
        let mut reader = Reader { properties: properties.as_object().unwrap_or(&empty), wrong: Vec::new() };
        if let Some(unknown) = reader.properties.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            let unknown: String = unknown.chars().take(64).collect();
            reader.refuse(&unknown, &format!("there is no such property; there are {}", KNOWN.join(", ")));
        }
        let subnets = reader.subnets();
        let instance_type = reader.text("InstanceType", "an instance type such as `t4g.micro`", is_instance_type);
        let vpc = reader.text("VpcId", "the id of a VPC, `vpc-…`", |text| is_id(text, "vpc-"));
        let [min, desired, max] = ["MinSize", "DesiredCapacity", "MaxSize"].map(|name| reader.number(name));
        let connection = reader.optional("ConnectionArn", "the ARN of a connection", |text| text.starts_with("arn:"));
        let lends_public_ip = reader.flag("AssociatePublicIpAddress");
        let drop_unsuitable = reader.flag("DropUnsuitable").unwrap_or(false);
        if !reader.wrong.is_empty() {
            return Err(reader.wrong);
        }
        Ok(Self { subnets, instance_type, vpc, min, desired, max, connection, lends_public_ip, drop_unsuitable })
    }
}

fn is_instance_type(text: &str) -> bool {
    let word =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    text.split_once('.').is_some_and(|(family, size)| word(family) && word(size))
}

fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|rest| !rest.is_empty() && rest.len() <= 32 && rest.chars().all(|c| c.is_ascii_alphanumeric()))
}

struct Reader<'a> {
    properties: &'a Map<String, Value>,
    wrong: Vec<Finding>,
}

impl Reader<'_> {
    fn refuse(&mut self, name: &str, why: &str) {
        let sentence = format!("The property `{name}` cannot be used: {why}.");
        let mend = format!("Mend `{name}` of the resource Custom::LaunchPreflight.");
        self.wrong.push(Finding::error("property", name, sentence).mended_by(mend));
    }

    /// A text, a number or a flag as text; empty where there is none.
    fn scalar(&self, name: &str) -> Option<String> {
        match self.properties.get(name) {
            None | Some(Value::Null) => Some(String::new()),
            Some(Value::String(text)) => Some(text.trim().to_owned()),
            Some(Value::Number(number)) => Some(number.to_string()),
            Some(Value::Bool(flag)) => Some(flag.to_string()),
            Some(_) => None,
        }
    }

    fn optional(&mut self, name: &str, right: &str, is: impl Fn(&str) -> bool) -> Option<String> {
        match self.scalar(name) {
            Some(text) if text.is_empty() => None,
            Some(text) if is(&text) => Some(text),
            found => {
                let found =
                    found.map_or_else(|| "a list or structure".to_owned(), |text| format!("`{}`", short(&text)));
                self.refuse(name, &format!("it is {found} and must be {right}"));
                None
            }
        }
    }

    fn text(&mut self, name: &str, right: &str, is: impl Fn(&str) -> bool) -> String {
        let wrong = self.wrong.len();
        let text = self.optional(name, right, is);
        if text.is_none() && self.wrong.len() == wrong {
            self.refuse(name, &format!("it is missing, and must be {right}"));
        }
        text.unwrap_or_default()
    }

    fn number(&mut self, name: &str) -> u32 {
        let text = self.text(name, "a whole number", |text| text.parse::<u32>().is_ok());
        text.parse().unwrap_or_default()
    }

    fn flag(&mut self, name: &str) -> Option<bool> {
        let known = |text: &str| ["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word));
        let text = self.optional(name, "`true` or `false`", known)?;
        Some(text.eq_ignore_ascii_case("true"))
    }

    /// A list, or its members in one text, separated by commas.
    fn subnets(&mut self) -> Vec<SubnetId> {
        let given: Option<Vec<String>> = match self.properties.get("SubnetIds") {
            None | Some(Value::Null) => Some(Vec::new()),
            Some(Value::String(text)) => Some(text.split(',').map(str::to_owned).collect()),
            Some(Value::Array(items)) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            Some(_) => None,
        };
        let Some(given) = given else {
            self.refuse("SubnetIds", "it must be a list of subnets' ids");
            return Vec::new();
        };
        let mut subnets: Vec<SubnetId> = Vec::new();
        for id in given.iter().map(|id| id.trim()).filter(|id| !id.is_empty()) {
            if !is_id(id, "subnet-") {
                self.refuse("SubnetIds", &format!("`{}` is no subnet's id, `subnet-…`", short(id)));
                return Vec::new();
            }
            let id = SubnetId::from(id);
            if !subnets.contains(&id) {
                subnets.push(id);
            }
        }
        if subnets.is_empty() {
            self.refuse("SubnetIds", "it names no subnet; a fleet needs two, in different Availability Zones");
        }
        subnets
    }
}

fn short(text: &str) -> String {
    text.chars().take(64).collect()
}
