//! Which connections to code are there, and which pipelines get their code through them?

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::world::World;

/// Connections and who uses them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connections {
    /// Status by ARN.
    pub(crate) statuses: BTreeMap<String, String>,
    /// The connection of a pipeline's source, by the pipeline.
    pub(crate) sources: BTreeMap<String, String>,
}

impl World {
    fn connections_mut(&mut self) -> &mut Connections {
        self.touch();
        Arc::make_mut(&mut self.state.connections)
    }

    /// Makes a connection, or gives it another status: `PENDING` until somebody confirms it, then `AVAILABLE`, or `ERROR`.
    pub fn put_connection(&mut self, arn: &str, status: &str) {
        self.connections_mut().statuses.insert(arn.to_owned(), status.to_owned());
    }

    /// Has a pipeline get its code through a connection.
    pub fn put_pipeline_source(&mut self, pipeline: &str, arn: &str) {
        self.put_pipeline(pipeline);
        self.connections_mut().sources.insert(pipeline.to_owned(), arn.to_owned());
    }
}
