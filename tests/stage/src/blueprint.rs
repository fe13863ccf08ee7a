//! What would `fleet/template.yaml` make? The simulated AWS has no CloudFormation: here its part is played for the fleet, so that tags,
//! hooks, sizes and deployments of a simulated fleet are the template's own.

#![expect(clippy::indexing_slicing, reason = "JSON answers null for what is not there")]

use std::{collections::BTreeMap, fs, path::Path};

use panda_world::{DeliverySpec, FleetSpec, GroupSpec, HookSpec, MaintenanceSpec, World};
use serde_json::Value;

use crate::intrinsic::{Stack, as_number};

/// By which the reflexes find a fleet.
const FLEET_TAG: &str = "lethargic-panda:fleet";

/// A fleet as the nested template makes it with some parameters.
#[derive(Debug)]
pub struct Blueprint {
    stack: Stack,
}

/// Why no fleet can be made of it.
#[derive(Debug, thiserror::Error)]
pub enum BlueprintError {
    /// The template cannot be read.
    #[error("cannot read {path}", path = path.display())]
    Unreadable {
        /// Where it should be.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not YAML.
    #[error("the fleet's template is not YAML")]
    NotYaml(#[from] serde_yaml_ng::Error),
    /// A parameter is not one of the template's, or a value not one that it allows.
    #[error("the fleet's template takes no {0}")]
    Parameter(String),
    /// Something is not there, or not in a form that is understood here.
    #[error("the fleet's template has no usable {0}")]
    Lacks(String),
}

impl Blueprint {
    /// Reads the nested template of the repository at `root`, for a stack of this name. What `parameters` does not name has its default.
    ///
    /// # Errors
    /// The template is not there, or does not take the parameters.
    pub fn read(root: &Path, stack: &str, parameters: &[(&str, &str)]) -> Result<Self, BlueprintError> {
        let path = root.join("fleet/template.yaml");
        let text = fs::read_to_string(&path).map_err(|source| BlueprintError::Unreadable { path, source })?;
        Self::parse(&text, stack, parameters)
    }

    fn parse(text: &str, stack: &str, parameters: &[(&str, &str)]) -> Result<Self, BlueprintError> {
        let stack = Stack::new(&serde_yaml_ng::from_str(text)?, stack, parameters);
        Ok(Self { stack: stack.map_err(|refused| BlueprintError::Parameter(refused.to_string()))? })
    }

    /// The fleet, behind this Elastic IP. Its group, application and deployment group are called like it; CloudFormation would give them
    /// names of their own.
    ///
    /// # Errors
    /// The template has no group, address or pipeline, or one without the fleet's tag.
    pub fn fleet(&self, public_ip: &str) -> Result<FleetSpec, BlueprintError> {
        let address = self.properties("FleetAddress", "AWS::EC2::EIP")?;
        let group = self.group()?;
        let name = fleet_of(&address)?;
        if group.tags.get(FLEET_TAG).or(group.own_tags.get(FLEET_TAG)) != Some(&name) {
            return Err(lacks("tag of the group that is the Elastic IP's"));
        }
        let fleet = FleetSpec {
            name,
            addresses: vec![public_ip.to_owned()],
            groups: vec![group],
            delivery: Some(self.delivery()?),
            ..FleetSpec::default()
        };
        fleet.check().map_err(BlueprintError::Lacks)?;
        Ok(fleet)
    }

    fn group(&self) -> Result<GroupSpec, BlueprintError> {
        let group = self.properties("Group", "AWS::AutoScaling::AutoScalingGroup")?;
        let template = &self.properties("LaunchTemplate", "AWS::EC2::LaunchTemplate")?["LaunchTemplateData"];
        let hooks = group["LifecycleHookSpecificationList"].as_array().ok_or_else(|| lacks("hooks of the group"))?;
        let policy = &group["InstanceMaintenancePolicy"];
        let maintenance = || {
            let (min_percent, max_percent) =
                (number(&policy["MinHealthyPercentage"])?, number(&policy["MaxHealthyPercentage"])?);
            Some(MaintenanceSpec { min_percent, max_percent })
        };
        let size = |key: &str| number(&group[key]).ok_or_else(|| lacks(&format!("{key} of the group")));
        let (mut tags, mut own_tags) = (BTreeMap::new(), BTreeMap::new());
        for tag in group["Tags"].as_array().ok_or_else(|| lacks("tags of the group"))? {
            let (key, value) = (text(&tag["Key"])?, text(&tag["Value"])?);
            if tag["PropagateAtLaunch"] == true { &mut tags } else { &mut own_tags }.insert(key, value);
        }
        // CodeDeploy puts its launch hook on the groups that its deployment group names.
        let deployed_to = self.properties("DeploymentGroup", "AWS::CodeDeploy::DeploymentGroup")?;
        let code_deploy = deployed_to["AutoScalingGroups"].as_array().is_some_and(|all| all.contains(&"Group".into()));
        let interfaces = template["NetworkInterfaces"].as_array();
        Ok(GroupSpec {
            name: self.stack.parameter("FleetName").ok_or_else(|| lacks("FleetName"))?,
            min: size("MinSize")?,
            desired: size("DesiredCapacity")?,
            max: size("MaxSize")?,
            instance_type: text(&template["InstanceType"])?,
            hooks: hooks.iter().map(hook).collect::<Result<_, _>>()?,
            code_deploy,
            maintenance: maintenance(),
            grace_seconds: number(&group["HealthCheckGracePeriod"]).unwrap_or(0),
            public_addresses: interfaces
                .is_some_and(|all| all.iter().any(|one| one["AssociatePublicIpAddress"] == true)),
            tags,
            own_tags,
            ..GroupSpec::default()
        })
    }

    fn delivery(&self) -> Result<DeliverySpec, BlueprintError> {
        let pipeline = self.properties("Pipeline", "AWS::CodePipeline::Pipeline")?;
        let group = self.properties("DeploymentGroup", "AWS::CodeDeploy::DeploymentGroup")?;
        let source = pipeline["Stages"]
            .as_array()
            .and_then(|stages| stages.first())
            .map(|stage| &stage["Actions"][0]["Configuration"])
            .ok_or_else(|| lacks("source of the pipeline"))?;
        Ok(DeliverySpec {
            pipeline: text(&pipeline["Name"])?,
            repository: text(&source["FullRepositoryId"])?,
            branch: text(&source["BranchName"])?,
            config: text(&group["DeploymentConfigName"])?,
            rollback: group["AutoRollbackConfiguration"]["Enabled"] == true,
            update_outdated: group["OutdatedInstancesStrategy"] == "UPDATE",
            ..DeliverySpec::default()
        })
    }

    /// The stack's outputs, once the world has founded the fleet behind this Elastic IP. What needs a service that the world does not play
    /// is left out.
    ///
    /// # Errors
    /// The template has no outputs.
    pub fn outputs(&self, world: &World, public_ip: &str) -> Result<BTreeMap<String, String>, BlueprintError> {
        let name = self.stack.parameter("FleetName").unwrap_or_default();
        let pipeline = self.properties("Pipeline", "AWS::CodePipeline::Pipeline")?;
        let pipeline = world.pipelines().find(|one| pipeline["Name"] == one.name).map(|one| one.name.clone());
        let zones = world.group(&name).map(|group| group.zones.keys().map(String::as_str).collect::<Vec<_>>());
        let given = [
            ("FleetAddress", world.addresses().any(|one| one.public_ip == public_ip).then(|| public_ip.to_owned())),
            ("Group", world.group(&name).map(|group| group.name.clone())),
            ("Pipeline", pipeline),
            ("LaunchPreflight.Zones", zones.map(|zones| zones.join(","))),
        ];
        let known = given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        self.stack.outputs(&known).ok_or_else(|| lacks("outputs"))
    }

    fn properties(&self, resource: &str, kind: &str) -> Result<Value, BlueprintError> {
        self.stack.properties(resource, kind).ok_or_else(|| lacks(&format!("{kind} that is called {resource}")))
    }
}

/// The fleet's name, by its tag.
fn fleet_of(properties: &Value) -> Result<String, BlueprintError> {
    let tags = properties["Tags"].as_array().map(Vec::as_slice).unwrap_or_default();
    let tag = tags.iter().find(|tag| tag["Key"] == FLEET_TAG);
    text(&tag.ok_or_else(|| lacks(&format!("tag {FLEET_TAG} of the Elastic IP")))?["Value"])
}

fn hook(hook: &Value) -> Result<HookSpec, BlueprintError> {
    Ok(HookSpec {
        name: text(&hook["LifecycleHookName"])?,
        transition: text(&hook["LifecycleTransition"])?,
        heartbeat_seconds: number(&hook["HeartbeatTimeout"]).ok_or_else(|| lacks("heartbeat of a hook"))?,
        default_result: text(&hook["DefaultResult"])?,
        metadata: None,
    })
}

fn lacks(what: &str) -> BlueprintError {
    BlueprintError::Lacks(what.to_owned())
}

fn text(value: &Value) -> Result<String, BlueprintError> {
    value.as_str().map(str::to_owned).ok_or_else(|| lacks(&format!("text in place of {value}")))
}

fn number(value: &Value) -> Option<u32> {
    as_number(value).and_then(|number| u32::try_from(number).ok())
}

#[cfg(test)]
mod tests;
