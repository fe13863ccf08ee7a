//! Systems Manager: which instances does it manage, and what does it know to be installed on them?

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ssm::{
    Client,
    types::{InstanceInformationStringFilter, InventoryFilter, InventoryQueryOperatorType},
};
use aws_types::SdkConfig;
use panda_domain::{
    ids::InstanceId,
    preflight::{AgentLook, ManagedLook},
};

use crate::{AwsError, Counter, Lazy, budget};

/// What the verbs of this module need to be allowed.
pub const ACTIONS: &[&str] = &["ssm:DescribeInstanceInformation", "ssm:ListInventoryEntries"];

/// The most that Systems Manager puts on a page, and so the most ids of one call.
const PAGE: usize = 50;

/// The CodeDeploy agent's package, in both of its generations.
const AGENT: &str = "codedeploy-agent";

/// Systems Manager's managed nodes.
#[derive(Debug)]
pub struct ManagedNodes {
    client: Lazy<Client>,
    counter: Counter,
}

impl ManagedNodes {
    /// Nodes of the configuration's account and region.
    #[must_use]
    pub fn new(sdk: &SdkConfig, counter: Counter) -> Self {
        let client = |sdk: &SdkConfig| {
            Client::from_conf(aws_sdk_ssm::config::Builder::from(sdk).retry_partition(budget("ssm")).build())
        };
        Self { client: Lazy::new(sdk, client), counter }
    }

    /// What Systems Manager says of these instances; those that it does not know are left out.
    ///
    /// # Errors
    /// When AWS does not answer or refuses; run again.
    pub async fn look(&self, instances: &BTreeSet<InstanceId>) -> Result<BTreeMap<InstanceId, ManagedLook>, AwsError> {
        let ids: Vec<String> = instances.iter().map(ToString::to_string).collect();
        let mut looks = BTreeMap::new();
        for chunk in ids.chunks(PAGE) {
            let filter = InstanceInformationStringFilter::builder().key("InstanceIds").set_values(Some(chunk.to_vec()));
            let filter = filter
                .build()
                .map_err(|error| AwsError::inside(DESCRIBE, None, None, Some(&error.to_string()), None))?;
            let request = self.client.get().describe_instance_information().filters(filter);
            let mut pages = request.max_results(i32::try_from(PAGE).unwrap_or(50)).into_paginator().send();
            while let Some(page) = pages.next().await {
                self.counter.read();
                let page = page.map_err(|error| AwsError::new(DESCRIBE, None, &error))?;
                for node in page.instance_information_list() {
                    let Some(id) = node.instance_id() else { continue };
                    let ping = node.ping_status().map_or("unknown", |ping| ping.as_str()).to_owned();
                    looks.insert(InstanceId::from(id), ManagedLook { ping, agent: AgentLook::Unknown });
                }
            }
        }
        for (id, look) in &mut looks {
            look.agent = self.agent(id).await?;
        }
        Ok(looks)
    }

    /// What the inventory says of the CodeDeploy agent. A reply without a time of capture is no inventory.
    async fn agent(&self, instance: &InstanceId) -> Result<AgentLook, AwsError> {
        const LIST: &str = "ListInventoryEntries";
        let filter =
            InventoryFilter::builder().key("Name").values(AGENT).r#type(InventoryQueryOperatorType::Equal).build();
        let filter = filter.map_err(|error| AwsError::inside(LIST, None, None, Some(&error.to_string()), None))?;
        self.counter.read();
        let reply = self
            .client
            .get()
            .list_inventory_entries()
            .instance_id(instance.as_str())
            .type_name("AWS:Application")
            .filters(filter)
            .send()
            .await
            .map_err(|error| AwsError::new(LIST, Some(instance.as_str()), &error))?;
        // An endpoint that does not know the filter tells of every package.
        let agent = reply.entries().iter().find(|entry| entry.get("Name").is_some_and(|name| name == AGENT));
        Ok(match agent {
            Some(entry) => AgentLook::Installed(entry.get("Version").cloned().unwrap_or_default()),
            None if reply.capture_time().is_some_and(|time| !time.is_empty()) => AgentLook::Missing,
            None => AgentLook::Unknown,
        })
    }
}

const DESCRIBE: &str = "DescribeInstanceInformation";
