//! `ListInventoryEntries`: what is installed on an instance, as far as the CodeDeploy agent goes

use super::input::Input;
use super::shape::Shape;
use super::{ApiError, View};
use crate::event::millis;

/// An instance that Systems Manager does not know has no inventory, and so no time of capture `[?]`. Every server of a group that CodeDeploy
/// deploys to has the agent, whether it runs or not.
pub(super) fn entries(view: &View<'_>, input: &Input<'_>) -> Result<Shape, ApiError> {
    let (id, kind) = (input.need("InstanceId")?, input.need("TypeName")?);
    if kind != "AWS:Application" {
        return Err(input.refuse(format!("TypeName: this world keeps no inventory of {kind}")));
    }
    for filter in input.structures("Filters")? {
        if filter.need("Key")? != "Name" || filter.list("Values")? != ["codedeploy-agent"] {
            return Err(filter.refuse("Filters: this world knows the CodeDeploy agent only"));
        }
    }
    let state = view.state;
    let known = state.instances.get(id).filter(|instance| instance.ping(view.now).is_some());
    let deployed = state.group_of(id).is_some_and(|group| {
        let mut groups = state.code_deploy.applications.values().flat_map(|application| application.groups.values());
        groups.any(|deployment| deployment.auto_scaling.iter().any(|name| name == group))
    });
    let entry =
        || Shape::record().with("Name", "codedeploy-agent").with("Version", "1.8.1").with("Architecture", "arm64");
    let entries: Vec<Shape> = known.filter(|_| deployed).map(|_| entry()).into_iter().collect();
    Ok(Shape::record()
        .with("TypeName", kind)
        .with("InstanceId", id)
        .with("SchemaVersion", "1.1")
        .maybe("CaptureTime", known.map(|instance| millis(instance.launched)))
        .with("Entries", Shape::List(entries)))
}
