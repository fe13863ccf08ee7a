//! EC2, API version 2016-11-15.

mod addresses;
mod attribute;
mod instances;
mod network;
mod state;
mod status;
mod tags;

use std::collections::BTreeMap;

use super::params::Params;
use super::xml::Xml;
use super::{ApiError, Handler, Operation};
use crate::ec2::instance::InstanceState;
use crate::ec2::network::VPC;
use crate::state::State;

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "DescribeInstances",
        accepts: &["InstanceId", "Filter", "MaxResults", "NextToken", "DryRun"],
        handler: Handler::Read(instances::describe),
    },
    Operation {
        name: "DescribeInstanceStatus",
        accepts: &["InstanceId", "Filter", "MaxResults", "NextToken", "IncludeAllInstances", "DryRun"],
        handler: Handler::Read(status::describe),
    },
    Operation {
        name: "DescribeAddresses",
        accepts: &["AllocationId", "PublicIp", "Filter", "DryRun"],
        handler: Handler::Read(addresses::describe),
    },
    Operation {
        name: "AssociateAddress",
        accepts: &[
            "AllocationId",
            "PublicIp",
            "InstanceId",
            "NetworkInterfaceId",
            "PrivateIpAddress",
            "AllowReassociation",
            "DryRun",
        ],
        handler: Handler::Write(addresses::associate),
    },
    Operation {
        name: "DisassociateAddress",
        accepts: &["AssociationId", "PublicIp", "DryRun"],
        handler: Handler::Write(addresses::disassociate),
    },
    Operation {
        name: "AllocateAddress",
        accepts: &["Domain", "Address", "TagSpecification", "NetworkBorderGroup", "PublicIpv4Pool", "DryRun"],
        handler: Handler::Write(addresses::allocate),
    },
    Operation {
        name: "ReleaseAddress",
        accepts: &["AllocationId", "PublicIp", "NetworkBorderGroup", "DryRun"],
        handler: Handler::Write(addresses::release),
    },
    Operation {
        name: "TerminateInstances",
        accepts: &["InstanceId", "Force", "SkipOsShutdown", "DryRun"],
        handler: Handler::Write(state::terminate),
    },
    Operation {
        name: "StopInstances",
        accepts: &["InstanceId", "Force", "Hibernate", "SkipOsShutdown", "DryRun"],
        handler: Handler::Write(state::stop),
    },
    Operation {
        name: "StartInstances",
        accepts: &["InstanceId", "AdditionalInfo", "DryRun"],
        handler: Handler::Write(state::start),
    },
    Operation {
        name: "DescribeInstanceAttribute",
        accepts: &["InstanceId", "Attribute", "DryRun"],
        handler: Handler::Read(attribute::describe),
    },
    Operation {
        name: "ModifyInstanceAttribute",
        accepts: &["InstanceId", "DisableApiTermination", "DryRun"],
        handler: Handler::Write(attribute::modify),
    },
    Operation { name: "CreateTags", accepts: &["ResourceId", "Tag", "DryRun"], handler: Handler::Write(tags::create) },
    Operation { name: "DeleteTags", accepts: &["ResourceId", "Tag", "DryRun"], handler: Handler::Write(tags::delete) },
    Operation {
        name: "DescribeSubnets",
        accepts: &["SubnetId", "Filter", "MaxResults", "NextToken", "DryRun"],
        handler: Handler::Read(network::subnets),
    },
    Operation {
        name: "DescribeRouteTables",
        accepts: &["RouteTableId", "Filter", "MaxResults", "NextToken", "DryRun"],
        handler: Handler::Read(network::tables),
    },
    Operation {
        name: "DescribeVpcEndpoints",
        accepts: &["Filter", "MaxResults", "NextToken", "DryRun"],
        handler: Handler::Read(network::endpoints),
    },
    Operation {
        name: "DescribeInstanceTypeOfferings",
        accepts: &["LocationType", "Filter", "MaxResults", "NextToken", "DryRun"],
        handler: Handler::Read(network::offerings),
    },
    Operation {
        name: "DescribeLaunchTemplateVersions",
        accepts: &["LaunchTemplateId", "LaunchTemplateName", "LaunchTemplateVersion", "DryRun"],
        handler: Handler::Read(network::template_versions),
    },
    Operation {
        name: "DescribeTags",
        accepts: &["Filter", "MaxResults", "NextToken", "DryRun"],
        handler: Handler::Read(tags::describe),
    },
];

/// What `DryRun` says. Instances that are not there are told of first, as authorisation looks at their tags `[infer]`; whether
/// they may be terminated is not looked at `[?]`.
pub(crate) fn dry_run(state: &State, params: &Params<'_>) -> ApiError {
    let ids = params.list("InstanceId");
    let permitted = || {
        let message = "Request would have succeeded, but DryRun flag is set.";
        ApiError::bad("DryRunOperation", message).with_status(412)
    };
    check_instances(&ids, |id| state.instances.contains_key(id)).err().unwrap_or_else(permitted)
}

fn write_tags(xml: &mut Xml, tags: &BTreeMap<String, String>) {
    xml.list("tagSet", "item", tags, |xml, (key, value)| {
        xml.leaf("key", key);
        xml.leaf("value", value);
    });
}

fn write_state(xml: &mut Xml, name: &str, state: InstanceState) {
    xml.node(name, |xml| {
        xml.leaf("code", state.code().to_string());
        xml.leaf("name", state.as_str());
    });
}

/// `MaxResults`: 5 to 1000, and not together with ids `[doc]`.
fn page_size(params: &Params<'_>, ids: &[String]) -> Result<Option<usize>, ApiError> {
    let Some(size) = params.number("MaxResults")? else { return Ok(None) };
    if !ids.is_empty() {
        let message = "The parameter instancesSet cannot be used with the parameter maxResults";
        return Err(ApiError::bad("InvalidParameterCombination", message));
    }
    if !(5..=1_000).contains(&size) {
        let expected = if size < 5 { "greater than 5" } else { "less than 1000" };
        let message = format!("Value ( {size} ) for parameter maxResults is invalid. Expecting a value {expected}.");
        return Err(ApiError::bad("InvalidParameterValue", message));
    }
    Ok(Some(size as usize))
}

/// Ids that were asked for by name must look like ids and exist.
fn check_instances<'a>(ids: &[String], exists: impl Fn(&str) -> bool + 'a) -> Result<(), ApiError> {
    if let Some(id) = ids.iter().find(|id| !id.starts_with("i-")) {
        return Err(ApiError::bad("InvalidInstanceID.Malformed", format!("Invalid id: \"{id}\"")));
    }
    let missing: Vec<&str> = ids.iter().map(String::as_str).filter(|id| !exists(id)).collect();
    match missing.as_slice() {
        [] => Ok(()),
        [id] => Err(crate::ec2::association::unknown_instance(id)),
        many => {
            let message = format!("The instance IDs '{}' do not exist", many.join(", "));
            Err(ApiError::bad("InvalidInstanceID.NotFound", message))
        }
    }
}
