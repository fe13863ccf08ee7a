//! What does a deployment deploy, in a request and in a reply?

use crate::codedeploy::revision::{BUCKET, Commit};
use crate::wire::ApiError;
use crate::wire::input::Input;
use crate::wire::shape::Shape;
use crate::world::World;

/// As the pipeline gives it: the bundle in its bucket. The bucket is versioned.
pub(super) fn write(commit: &Commit) -> Shape {
    Shape::record().with("revisionType", "S3").with(
        "s3Location",
        Shape::record()
            .with("bucket", BUCKET)
            .with("key", commit.key())
            .with("bundleType", "zip")
            .with("version", commit.id.get(8..40).unwrap_or_default())
            .with("eTag", commit.id.get(..32).unwrap_or_default()),
    )
}

/// The commit that a revision means: on GitHub, or its bundle in the bucket.
pub(super) fn read(world: &World, input: &Input<'_>) -> Result<String, ApiError> {
    let revision = input.structure("revision");
    let missing = || ApiError::bad("RevisionRequiredException", "A revision is required.");
    let revision = revision.ok_or_else(missing)?;
    let all = &world.state.code_deploy;
    let found = match revision.get("revisionType")? {
        Some("GitHub") => match revision.structure("gitHubLocation") {
            Some(location) => all.commit(location.need("commitId")?),
            None => return Err(missing()),
        },
        Some("S3") => match revision.structure("s3Location") {
            Some(location) => {
                all.commit_at(location.need("key")?).filter(|_| location.get("bucket") == Ok(Some(BUCKET)))
            }
            None => return Err(missing()),
        },
        _ => return Err(ApiError::bad("InvalidRevisionException", "The revision was specified in an invalid format.")),
    };
    found.map(|commit| commit.id.clone()).ok_or_else(|| {
        ApiError::bad("RevisionDoesNotExistException", "The named revision does not exist with the user or account.")
    })
}
