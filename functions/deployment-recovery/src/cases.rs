//! Who is at work on a failure, and what were people told of it?
//!
//! One failure wakes us up to four times within a second: the action, its stage, the pipeline and the deployment each say so. A case is
//! worked on by one invocation at a time, by a lease that ends with the invocation. Who finds it taken leaves a note, and the holder looks
//! once more before it lets go: no event is lost, and nobody waits. Lambda repeats a failed invocation under the same request id, so that it
//! gets its own lease back. A message is a case as well, which is done once it was sent; so is
//! a failed deployment, once its execution has seen to it.
//!
//! The book fails open: without it a failure is worked on all the same. Then two may do the same at once, which CodePipeline and the
//! restart's own script bear, and people may be told twice.

pub mod dynamo;
pub mod memory;

use std::{fmt, future::Future};

use jiff::Timestamp;
use panda_aws::AwsError;

/// The book of cases.
pub trait Cases: fmt::Debug + Send + Sync {
    /// Takes a case, unless another one has it: then that one is asked to look again.
    /// What was asked of an earlier holder, who died with it, is asked of the new one.
    ///
    /// # Errors
    /// When the book does not answer; it is open whether the case is ours.
    fn take(&self, claim: Claim<'_>) -> impl Future<Output = Result<Taken, AwsError>> + Send;

    /// Lets a case go, unless somebody asked for another look since it was taken.
    ///
    /// # Errors
    /// When the book does not answer. The lease ends by itself.
    fn release(&self, key: &str, holder: &str) -> impl Future<Output = Result<Released, AwsError>> + Send;

    /// Notes that a case is done for good, and lets it go.
    ///
    /// # Errors
    /// When the book does not answer. It may then be done again.
    fn finish(&self, key: &str, at: Timestamp) -> impl Future<Output = Result<(), AwsError>> + Send;

    /// Whether a case is done for good.
    ///
    /// # Errors
    /// When the book does not answer; run again.
    fn is_done(&self, key: &str) -> impl Future<Output = Result<bool, AwsError>> + Send;
}

/// Who wants which case, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim<'a> {
    /// The case.
    pub key: &'a str,
    /// The invocation.
    pub holder: &'a str,
    /// The present.
    pub now: Timestamp,
    /// The end of the invocation.
    pub until: Timestamp,
}

/// How a claim came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is ours.
    Ours,
    /// Another invocation has it, and will look again.
    Theirs,
    /// It is done for good.
    Done,
}

/// How a case was let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// It is nobody's.
    Gone,
    /// It is still ours: somebody asked for another look.
    LookAgain,
}
