//! Whose is the address? `AssociateAddress`, `DisassociateAddress`, and when packets follow.

use super::address::Association;
use super::instance::{Instance, InstanceState, Interface};
use crate::journal::Kind;
use crate::queue::Due;
use crate::wire::ApiError;
use crate::world::World;

/// What `AssociateAddress` names as its target.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target<'a> {
    Instance(&'a str),
    Interface(&'a str),
}

impl World {
    /// `AssociateAddress` `[doc]`: re-association is the default, repeating is no error, the target's other address is
    /// displaced, the instance form needs exactly one interface.
    pub(crate) fn associate(
        &mut self,
        allocation: &str,
        target: Target<'_>,
        private_ip: Option<&str>,
        allow_reassociation: bool,
    ) -> Result<String, ApiError> {
        let Some(address) = self.state.addresses.get(allocation) else {
            return Err(unknown_allocation(allocation));
        };
        let (instance, interface) = self.find_target(target)?;
        if private_ip.is_some_and(|ip| ip != interface.private_ip) {
            let message = format!("The private IP address is not assigned to '{}'", interface.id);
            return Err(ApiError::bad("InvalidParameterValue", message));
        }
        if let Some(on) = &address.association {
            if on.interface == interface.id {
                return Ok(on.id.clone());
            }
            if !allow_reassociation {
                return Err(already_associated(allocation, &on.id));
            }
        }
        let displaced = self.state.addresses_on(&instance.id).next().map(|other| other.allocation.clone());
        if let Some(other) = &displaced
            && !allow_reassociation
            && let Some(on) = self.state.addresses.get(other).and_then(|other| other.association.as_ref())
        {
            // The same refusal for a target that already has an address `[infer]`.
            return Err(already_associated(&interface.id, &on.id));
        }
        let holder = instance.id.clone();
        let association = Association {
            id: String::new(),
            instance: holder.clone(),
            interface: interface.id.clone(),
            private_ip: interface.private_ip.clone(),
        };
        if let Some(other) = displaced {
            self.dissociate(&other);
        }
        let id = self.ids.resource("eipassoc");
        let from = self.attach(allocation, Association { id: id.clone(), ..association });
        if let Some(instance) = self.state.instances.get_mut(&holder) {
            // "Your auto-assigned public IP is released when you associate an Elastic IP" `[doc]` using-instance-addressing
            instance.auto_public_ip = None;
        }
        if let Some(old) = &from {
            self.assign_public_ip(old);
        }
        Ok(id)
    }

    /// Writes the association down; packets follow after the settle time, and reach the old holder until then.
    fn attach(&mut self, allocation: &str, association: Association) -> Option<String> {
        let address = self.state.addresses.get_mut(allocation)?;
        let instance = association.instance.clone();
        let from = address.association.replace(association).map(|old| old.instance);
        address.route_epoch += 1;
        let (route_epoch, public_ip) = (address.route_epoch, address.public_ip.clone());
        let allocation = allocation.to_owned();
        self.record(Kind::Associated { allocation: allocation.clone(), public_ip, instance, from: from.clone() });
        self.after(self.timing.settle, Due::Settled { allocation, route_epoch });
        from
    }

    pub(crate) fn on_settled(&mut self, allocation: &str, route_epoch: u32) {
        let Some(address) = self.state.addresses.get_mut(allocation).filter(|a| a.route_epoch == route_epoch) else {
            return;
        };
        address.routed_to = address.association.as_ref().map(|on| on.instance.clone());
        let (public_ip, instance) = (address.public_ip.clone(), address.routed_to.clone());
        self.record(Kind::Settled { allocation: allocation.to_owned(), public_ip, instance });
    }

    /// `DisassociateAddress` by association. The docs call it idempotent; the code seen is `InvalidAssociationID.NotFound`
    /// `[obs]` terraform-provider-aws 1682, 6758, k8s-eip-operator.
    pub(crate) fn disassociate_by_id(&mut self, association: &str) -> Result<(), ApiError> {
        let found =
            self.state.addresses.values().find(|a| a.association.as_ref().is_some_and(|on| on.id == association));
        let Some(allocation) = found.map(|address| address.allocation.clone()) else {
            let message = format!("The association ID '{association}' does not exist");
            return Err(ApiError::bad("InvalidAssociationID.NotFound", message));
        };
        self.release_holder(&allocation);
        Ok(())
    }

    /// By public address, as the article's script does.
    pub(crate) fn disassociate_by_ip(&mut self, public_ip: &str) -> Result<(), ApiError> {
        let Some(address) = self.state.addresses.values().find(|a| a.public_ip == public_ip) else {
            let message = format!("Address '{public_ip}' not found.");
            return Err(ApiError::bad("InvalidAddress.NotFound", message));
        };
        if address.association.is_none() {
            let message = format!("The address '{public_ip}' is not associated");
            return Err(ApiError::bad("InvalidAssociationID.NotFound", message));
        }
        let allocation = address.allocation.clone();
        self.release_holder(&allocation);
        Ok(())
    }

    fn release_holder(&mut self, allocation: &str) {
        if let Some(old) = self.dissociate(allocation) {
            self.assign_public_ip(&old);
        }
    }

    /// Cuts at once: nothing answers at the address from now on `[infer]`.
    pub(crate) fn dissociate(&mut self, allocation: &str) -> Option<String> {
        let address = self.state.addresses.get_mut(allocation)?;
        let old = address.association.take()?.instance;
        address.route_epoch += 1;
        address.routed_to = None;
        let public_ip = address.public_ip.clone();
        let instance = Some(old.clone());
        self.record(Kind::Disassociated { allocation: allocation.to_owned(), public_ip, instance });
        Some(old)
    }

    /// EC2 drops what a dying instance holds.
    pub(crate) fn drop_associations(&mut self, instance: &str) {
        let held: Vec<String> = self.state.addresses_on(instance).map(|address| address.allocation.clone()).collect();
        for allocation in held {
            self.dissociate(&allocation);
        }
    }

    /// An instance that lost its Elastic IP gets a new public address, unless it has more than one interface `[doc]`.
    fn assign_public_ip(&mut self, instance: &str) {
        let holds = self.state.addresses_on(instance).next().is_some();
        let Some(instance) = self.state.instances.get_mut(instance) else { return };
        if instance.public_addresses
            && !holds
            && instance.interfaces.len() == 1
            && instance.state == InstanceState::Running
        {
            instance.auto_public_ip = Some(self.ids.public_ip());
        }
    }

    fn find_target(&self, target: Target<'_>) -> Result<(&Instance, &Interface), ApiError> {
        match target {
            Target::Instance(id) => {
                let instance = self.state.instances.get(id).ok_or_else(|| unknown_instance(id))?;
                // Seen for pending and terminated (terraform-provider-aws 3072, 21228, 30028); shutting-down alike `[infer]`.
                // A stopped instance may be a target `[obs]` koding 5492.
                if instance.state.is_dead() || instance.state == InstanceState::Pending {
                    let state = instance.state.as_str();
                    let message = format!("The {state} instance '{id}' is not in a valid state for this operation.");
                    return Err(ApiError::bad("InvalidInstanceID", message));
                }
                if instance.interfaces.len() > 1 {
                    let message = format!(
                        "There are multiple interfaces attached to instance '{id}'. Please specify an interface ID for the operation instead."
                    );
                    return Err(ApiError::bad("InvalidInstanceID", message));
                }
                let interface = instance.primary_interface().ok_or_else(|| unknown_instance(id))?;
                Ok((instance, interface))
            }
            Target::Interface(id) => {
                let found = self.state.instances.values().find_map(|instance| {
                    instance.interfaces.iter().find(|nic| nic.id == id).map(|nic| (instance, nic))
                });
                let Some((instance, interface)) = found else {
                    let message = format!("The networkInterface ID '{id}' does not exist");
                    return Err(ApiError::bad("InvalidNetworkInterfaceID.NotFound", message));
                };
                let state = match instance.state {
                    // `[obs]` PaloAlto 97
                    InstanceState::Pending => "pending-instance-creation",
                    state if state.is_dead() => state.as_str(),
                    _ => return Ok((instance, interface)),
                };
                let message = format!(
                    "The {state} instance to which '{id}' is attached is not in a valid state for this operation"
                );
                Err(ApiError::bad("IncorrectInstanceState", message))
            }
        }
    }
}

/// `InvalidInstanceID.NotFound`
pub(crate) fn unknown_instance(id: &str) -> ApiError {
    ApiError::bad("InvalidInstanceID.NotFound", format!("The instance ID '{id}' does not exist"))
}

/// `InvalidAllocationID.NotFound`
pub(crate) fn unknown_allocation(id: &str) -> ApiError {
    ApiError::bad("InvalidAllocationID.NotFound", format!("The allocation ID '{id}' does not exist"))
}

/// `[obs]` terraform-provider-aws 3429
fn already_associated(resource: &str, association: &str) -> ApiError {
    let message = format!("resource {resource} is already associated with associate-id {association}");
    ApiError::bad("Resource.AlreadyAssociated", message)
}
