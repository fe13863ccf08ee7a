//! How does a world begin? With fleets that have been in service for a while.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::autoscaling::group::{Group, Hook, Maintenance, WarmPool};
use crate::autoscaling::member::{Health, Lifecycle, Member, Transition};
use crate::ec2::address::{Address, Association};
use crate::ec2::instance::{CheckStatus, InstanceState};
use crate::journal::Kind;
use crate::spec::{FleetSpec, GroupSpec, HookSpec};
use crate::wire::ApiError;
use crate::world::{ACCOUNT, REGION, World};

mod delivery;

/// The tag by which everything of a fleet is found.
const FLEET_TAG: &str = "lethargic-panda:fleet";

impl HookSpec {
    pub(crate) fn to_hook(&self) -> Result<Hook, ApiError> {
        let transition = Transition::parse(&self.transition).ok_or_else(|| {
            ApiError::bad("ValidationError", format!("Invalid lifecycle transition {}", self.transition))
        })?;
        // 30 to 7200 seconds `[doc]`
        if !(30..=7_200).contains(&self.heartbeat_seconds) {
            let message = "Heartbeat timeout must be between 30 and 7200 seconds";
            return Err(ApiError::bad("ValidationError", message));
        }
        let default_continue = match self.default_result.as_str() {
            "CONTINUE" => true,
            "ABANDON" => false,
            other => return Err(ApiError::bad("ValidationError", format!("Invalid lifecycle action result: {other}"))),
        };
        Ok(Hook {
            name: self.name.clone(),
            transition,
            heartbeat_seconds: self.heartbeat_seconds,
            default_continue,
            metadata: self.metadata.clone(),
            code_deploy: false,
            target: None,
            role: None,
        })
    }
}

impl World {
    /// Brings a fleet up in steady state: members in service and serving, addresses on the first of them. It has been so for
    /// some hours; no events tell of it.
    pub fn found_fleet(&mut self, spec: &FleetSpec) {
        if let Some(delivery) = &spec.delivery {
            self.found_delivery(spec, delivery);
        }
        let mut members = Vec::new();
        for group in &spec.groups {
            let mut built = self.group_of_spec(group);
            if spec.tagged {
                // On the group alone, unless its own tags have it: CloudFormation propagates only what it is told to.
                built.tags.entry(FLEET_TAG.to_owned()).or_insert_with(|| (spec.name.clone(), false));
            }
            let name = built.name.clone();
            self.add_group(built);
            for _ in 0..group.desired {
                members.extend(self.found_member(&name, false));
            }
            let pool = self.state.groups.get(&name).and_then(|g| Some(Self::warm_pool_size(g, g.warm_pool.as_ref()?)));
            for _ in 0..pool.unwrap_or(0) {
                self.found_member(&name, true);
            }
            if group.code_deploy && !self.is_played(&name) {
                self.put_deployment_group(&spec.name, &name, std::slice::from_ref(&name));
            }
        }
        if let Some(delivery) = &spec.delivery {
            self.found_deployed(spec, delivery);
        }
        self.found_surroundings(spec);
        let mut holders = members.into_iter();
        for public_ip in &spec.addresses {
            let allocation = self.allocate(Some(public_ip.clone()));
            if let Some(address) = self.state.addresses.get_mut(&allocation) {
                address.tags.insert("Name".to_owned(), spec.name.clone());
                if spec.tagged {
                    address.tags.insert(FLEET_TAG.to_owned(), spec.name.clone());
                }
            }
            if spec.associated
                && let Some(holder) = holders.next()
            {
                self.found_association(&allocation, &holder);
            }
        }
        self.settle_change();
    }

    /// What stands beside the servers: alarms, pipelines, topics, documents, names.
    fn found_surroundings(&mut self, spec: &FleetSpec) {
        for alarm in &spec.alarms {
            self.put_alarm(&alarm.name, alarm.rule.clone(), alarm.state);
        }
        for pipeline in &spec.pipelines {
            self.put_pipeline(pipeline);
        }
        for topic in &spec.topics {
            self.put_topic(topic);
        }
        for (document, effect) in &spec.documents {
            self.put_document(document, *effect);
        }
        if let Some(public_ip) = spec.addresses.first() {
            for host in &spec.hosts {
                self.name_site(host, public_ip);
            }
        }
    }

    fn found_member(&mut self, name: &str, warm: bool) -> Option<String> {
        let (zone, subnet) = self.launch_zone(name)?;
        let group = self.state.groups.get(name)?.clone_without_members();
        let id = self.make_instance(&group, &zone, &subnet);
        let age = SignedDuration::from_secs(self.rng.i64(3_600..86_400));
        let launched = self.now.checked_sub(age).unwrap_or(Timestamp::MIN);
        let rest = match group.warm_pool.as_ref().map(|pool| pool.state.as_str()) {
            Some("Running") => Lifecycle::Running,
            Some("Hibernated") => Lifecycle::Hibernated,
            _ => Lifecycle::Stopped,
        };
        let runs = !warm || rest == Lifecycle::Running;
        let instance = self.state.instances.get_mut(&id)?;
        instance.state = if runs { InstanceState::Running } else { InstanceState::Stopped };
        instance.launched = launched;
        instance.checks = if runs { CheckStatus::Ok } else { CheckStatus::Initializing };
        instance.app_ready = runs;
        instance.prepared = true;
        instance.agent_ready = true;
        instance.ssm_since = Some(launched);
        instance.ssm_registered = true;
        if !runs {
            instance.auto_public_ip = None;
        }
        let member = Member {
            instance: id.clone(),
            lifecycle: if warm { rest } else { Lifecycle::InService },
            warm,
            health: Health::Healthy,
            protected: group.protect_new,
            version: group.version,
            in_service: (!warm).then_some(launched),
            waiting: Vec::new(),
            from_warm_pool: false,
            activity: None,
            complaint: None,
            hooks_begun: true,
            abandoned: false,
            refreshed: false,
        };
        let (state, lifecycle) = (instance.state, member.lifecycle);
        self.state.groups.get_mut(name)?.members.insert(id.clone(), member);
        self.record(Kind::Instance { instance: id.clone(), state });
        self.record(Kind::Lifecycle { group: name.to_owned(), instance: id.clone(), lifecycle, warm });
        Some(id)
    }

    fn found_association(&mut self, allocation: &str, holder: &str) {
        let id = self.ids.resource("eipassoc");
        let Some(instance) = self.state.instances.get_mut(holder) else { return };
        instance.auto_public_ip = None;
        let Some(interface) = instance.primary_interface() else { return };
        let (interface, private_ip) = (interface.id.clone(), interface.private_ip.clone());
        let Some(address) = self.state.addresses.get_mut(allocation) else { return };
        address.association = Some(Association { id, instance: holder.to_owned(), interface, private_ip });
        address.routed_to = Some(holder.to_owned());
        let public_ip = address.public_ip.clone();
        let instance = holder.to_owned();
        self.record(Kind::Associated { allocation: allocation.to_owned(), public_ip, instance, from: None });
    }

    /// `AllocateAddress`
    pub(crate) fn allocate(&mut self, public_ip: Option<String>) -> String {
        let allocation = self.ids.resource("eipalloc");
        let public_ip = public_ip.unwrap_or_else(|| self.ids.public_ip());
        let address = Address {
            allocation: allocation.clone(),
            public_ip,
            association: None,
            tags: BTreeMap::new(),
            routed_to: None,
            serving: None,
            route_epoch: 0,
        };
        self.state.addresses.insert(allocation.clone(), address);
        self.record(Kind::Tagged { resource: allocation.clone(), key: String::new() });
        allocation
    }

    pub(crate) fn group_arn(&mut self, name: &str) -> String {
        let id = self.ids.uuid();
        format!("arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:{id}:autoScalingGroupName/{name}")
    }

    /// Subnet of a zone; the world has one for each.
    pub(crate) fn subnet_of(zone: &str) -> String {
        format!("subnet-0{:0>16}", zone.bytes().fold(0_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 1_000_000_007))
    }

    fn group_of_spec(&mut self, spec: &GroupSpec) -> Group {
        let mut group = self.blank_group(&spec.name, &spec.zones);
        if let Some(offered) = self.network_mut().offers.get_mut(&spec.instance_type) {
            offered.retain(|zone| !spec.unoffered_zones.contains(zone));
        }
        for hook in spec.hooks.iter().filter_map(|hook| hook.to_hook().ok()) {
            group.hooks.insert(hook.name.clone(), hook);
        }
        if spec.code_deploy {
            let hook = code_deploy_hook(&spec.name);
            group.hooks.insert(hook.name.clone(), hook);
        }
        group.min = spec.min;
        group.max = spec.max;
        group.desired = spec.desired;
        group.unoffered_zones = spec.unoffered_zones.iter().cloned().collect();
        spec.instance_type.clone_into(&mut group.instance_type);
        let given = spec.tags.iter().map(|tag| (tag, true)).chain(spec.own_tags.iter().map(|tag| (tag, false)));
        group.tags = given.map(|((key, value), propagates)| (key.clone(), (value.clone(), propagates))).collect();
        group.suspended = spec.suspended.iter().cloned().collect();
        group.maintenance =
            spec.maintenance.map(|p| Maintenance { min_percent: p.min_percent, max_percent: p.max_percent });
        group.warm_pool = spec.warm_pool.as_ref().map(|pool| WarmPool {
            min: pool.min,
            prepared: pool.prepared,
            state: pool.state.clone(),
        });
        group.grace_seconds = spec.grace_seconds;
        group.spot = spec.spot;
        group.capacity_rebalance = spec.capacity_rebalance;
        group.second_interface = spec.second_interface;
        group.public_addresses = spec.public_addresses;
        group.protect_new = spec.protected_from_scale_in;
        group.termination_protection = spec.termination_protection;
        group.boot_steal.clone_from(&spec.boot_steal);
        group
    }

    /// A group with AWS's defaults.
    pub(crate) fn blank_group(&mut self, name: &str, zones: &[String]) -> Group {
        let period = u64::try_from(self.timing.health_period.as_millis()).unwrap_or(60_000).max(1);
        Group {
            name: name.to_owned(),
            arn: self.group_arn(name),
            created: self.now,
            min: 0,
            max: 0,
            desired: 0,
            zones: zones.iter().map(|zone| (zone.clone(), Self::subnet_of(zone))).collect(),
            unoffered_zones: BTreeSet::new(),
            instance_type: "t4g.micro".to_owned(),
            hooks: BTreeMap::new(),
            members: BTreeMap::new(),
            tags: BTreeMap::new(),
            suspended: BTreeSet::new(),
            maintenance: None,
            warm_pool: None,
            grace_seconds: 0,
            cooldown_seconds: 300,
            spot: false,
            capacity_rebalance: false,
            second_interface: false,
            public_addresses: true,
            protect_new: false,
            termination_protection: false,
            boot_steal: None,
            boots_broken: false,
            version: 1,
            launch_template: name.to_owned(),
            template_version: None,
            refreshes: Vec::new(),
            deleting: false,
            replacements: Vec::new(),
            avoided: BTreeMap::new(),
            retry_after: None,
            wake_at: None,
            health_phase: Duration::from_millis(self.rng.u64(0..period)),
            capacity_cause: None,
            blue: None,
        }
    }
}

/// `CodeDeploy`'s own launch hook, by the name it has on AWS; its timeout of ten minutes and ABANDON `[obs]`.
fn code_deploy_hook(group: &str) -> Hook {
    Hook {
        name: format!("CodeDeploy-managed-automatic-launch-deployment-hook-{group}"),
        transition: Transition::Launching,
        heartbeat_seconds: 600,
        default_continue: false,
        metadata: None,
        code_deploy: true,
        target: Some(format!(
            "arn:aws:sqs:{REGION}:{ACCOUNT}:razorbill-{REGION}-prod-default-autoscaling-lifecycle-hook"
        )),
        role: None,
    }
}
