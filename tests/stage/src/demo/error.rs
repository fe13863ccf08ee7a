//! Why may a demo not come to its happy end?

use std::{io, path::PathBuf};

use ::panda::journal::JournalError;

use super::FUNCTION;
use crate::{blueprint::BlueprintError, deploy::DeployError, serve::delivery::CallError, simulate::TemplateError};

/// Why the demo did not come to its happy end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The template could not be deployed.
    #[error("the template could not be deployed")]
    Deploy(#[from] DeployError),
    /// No fleet can be made of the fleet's template.
    #[error("no fleet can be made of fleet/template.yaml")]
    Fleet(#[from] BlueprintError),
    /// The roles of the functions cannot be read.
    #[error("the roles of the functions cannot be read")]
    Roles(#[from] TemplateError),
    /// A function asked for what its role does not allow.
    #[error("the functions' roles do not allow what they asked for: {}", .0.join("; "))]
    Refused(Vec<String>),
    /// Something on the loopback network failed.
    #[error("the loopback network does not work")]
    Loopback(#[from] io::Error),
    /// The endpoint does not answer.
    #[error("the endpoint does not list the deployed rules")]
    Rules(#[source] CallError),
    /// Nothing would wake the function.
    #[error("the deployment has no rule with an event pattern: nothing would wake the function")]
    NoRules,
    /// The function is not among those that the rules invoke.
    #[error("no deployed rule invokes {FUNCTION}")]
    NoFunction,
    /// The function does not work at all.
    #[error("the deployed function fails its first sweep")]
    Function(#[source] CallError),
    /// The functions could not be listed.
    #[error("the endpoint does not list the deployed functions")]
    Functions(#[source] CallError),
    /// A function is not among them, or not whole.
    #[error("no deployed function is {name}, or it lacks its topic or its journal")]
    Incomplete {
        /// Which.
        name: &'static str,
    },
    /// A function would send servers a document that they do not have.
    #[error("{name} is deployed with another document than {document}")]
    Document {
        /// Which function.
        name: &'static str,
        /// What it should be.
        document: &'static str,
    },
    /// Nobody would read what a function tells people.
    #[error("nobody can be subscribed to the topic of {from}")]
    NoTopic {
        /// Which.
        from: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The panda does not answer.
    #[error("the deployed panda fails at `{command}`")]
    Panda {
        /// What it was told.
        command: &'static str,
        /// Why.
        source: CallError,
    },
    /// The panda had reasons not to kill.
    #[error("the panda did not strike {fleet}: {why}")]
    NotStruck {
        /// Whom it was told to hit.
        fleet: &'static str,
        /// In its words.
        why: String,
    },
    /// The journal could not be read.
    #[error("the panda's journal cannot be read")]
    Journal(#[source] JournalError),
    /// The panda killed without a record.
    #[error("{victim} died, and the panda's journal did not hold the intention")]
    NotWrittenDown {
        /// Who died.
        victim: String,
    },
    /// The panda hit somebody else than it was told by the tags.
    #[error("the panda was to hit {holder}, which holds the address, and hit {victim}")]
    NotTheHolder {
        /// Whom it was to hit.
        holder: String,
        /// Whom it hit.
        victim: String,
    },
    /// The panda did not spare a fleet, or not for the right reason.
    #[error("the panda was to spare {fleet} by `{code}`, and said: {said}")]
    NotSpared {
        /// Which.
        fleet: &'static str,
        /// The code of the reason that it should have found.
        code: &'static str,
        /// What it said.
        said: String,
    },
    /// The fleet is whole, and the panda says something else.
    #[error("the fleet is whole again, and the panda says of its experiment: {said}")]
    Misjudged {
        /// What.
        said: String,
    },
    /// People did not hear of the experiment.
    #[error("people were to be told before the kill and after it, and heard {heard} messages")]
    Untold {
        /// How many came.
        heard: usize,
    },
    /// The experiment is not in the journal.
    #[error("the panda's history does not hold its experiment: {said}")]
    Forgotten {
        /// What it holds.
        said: String,
    },
    /// The site never answered.
    #[error("the site did not answer before the first act")]
    NoSite,
    /// An act is not possible.
    #[error("the act `{act}` was refused")]
    Act {
        /// Which.
        act: &'static str,
        /// Why.
        source: panda_world::ActError,
    },
    /// No rule delivered an event after an act.
    #[error("after the act `{act}` no deployed rule called the function")]
    NeverCalled {
        /// Which.
        act: &'static str,
    },
    /// The function was called and the address stayed.
    #[error("after the act `{act}` the function was called, but the address did not move in {seconds} s")]
    NeverMoved {
        /// Which.
        act: &'static str,
        /// How long the demo waited.
        seconds: u64,
    },
    /// The address moved, and still the fleet is not whole.
    #[error("after the act `{act}` the address moved, but the fleet was not whole again in {seconds} s")]
    NotHealed {
        /// Which.
        act: &'static str,
        /// How long the demo waited.
        seconds: u64,
    },
    /// Something that was to follow did not.
    #[error("{what} was to follow within {seconds} s, and did not; {found}")]
    Unkept {
        /// What.
        what: String,
        /// How long the demo waited.
        seconds: u64,
        /// What there is instead.
        found: String,
    },
    /// deployment-recovery told people something else than what happened.
    #[error("the mail \"{subject}\" {wrong}:\n{text}")]
    Letter {
        /// Its subject.
        subject: String,
        /// What is wrong with it.
        wrong: String,
        /// Its text.
        text: String,
    },
    /// The site ended without an answer.
    #[error("the fleet is whole again, but the site does not answer")]
    SiteSilent,
    /// A file could not be written.
    #[error("cannot write {path}")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Ctrl-C, or the end of the session.
    #[error("interrupted; everything that was started has been ended")]
    Interrupted,
}
