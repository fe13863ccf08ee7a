//! Who hears of a failure, and of a recovery?
//!
//! Mail is what every case ends with: if it cannot be sent, the invocation fails and is run again. A message goes out before it is noted
//! down, so that one may come twice and none is lost. The chat is a courtesy.

use panda_aws::AwsError;
use panda_domain::recovery::{Look, RecoveryPlan, Telling, message};
use tracing::{info, warn};

use crate::{
    cases::{Cases, Claim, Taken},
    handler::App,
};

/// What became of a message.
#[derive(Debug, PartialEq)]
pub(crate) enum Told {
    /// It was sent.
    Sent {
        /// Its subject.
        subject: String,
        /// What went wrong beside.
        problems: Vec<String>,
    },
    /// Somebody else sent it, or is about to.
    Before,
}

/// Tells people, unless they were told.
pub(crate) async fn tell<C: Cases>(
    app: &App<C>,
    look: &Look,
    plan: &RecoveryPlan,
    telling: &Telling,
    claim: Claim<'_>,
) -> Result<Told, AwsError> {
    let claim = Claim { key: &telling.key, ..claim };
    let mut problems = Vec::new();
    match app.cases.take(claim).await {
        Ok(Taken::Ours) => {}
        Ok(Taken::Theirs | Taken::Done) => return Ok(Told::Before),
        // Rather twice than never.
        Err(error) => problems.push(format!("could not ask whether people were told: {error}")),
    }
    let notice = message(look, plan, telling.news, &app.region);
    if let Err(error) = app.topic.publish(&notice.mail.subject, &notice.mail.text).await {
        // Whoever comes next may try at once.
        if let Err(error) = app.cases.release(&telling.key, claim.holder).await {
            warn!("Could not let go of a message: {error}");
        }
        return Err(error);
    }
    info!(subject = notice.mail.subject, "Told people");
    if let Some(chat) = &app.chat {
        match serde_json::to_string(&notice.chat) {
            Ok(text) => {
                if let Err(error) = chat.publish(&notice.mail.subject, &text).await {
                    problems.push(format!("could not tell the chat: {error}"));
                }
            }
            Err(error) => problems.push(format!("could not write the message for the chat: {error}")),
        }
    }
    if let Err(error) = app.cases.finish(&telling.key, app.now()).await {
        problems.push(format!("people were told, and may be told again: {error}"));
    }
    for problem in &problems {
        warn!("{problem}");
    }
    Ok(Told::Sent { subject: notice.mail.subject, problems })
}
