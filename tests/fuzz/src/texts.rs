//! What scripts and agents print.

use panda_domain::recovery::{
    AgentReport, AgentVerdict, DeploymentErrorCode, Diagnostics, MARK, Pattern, Redacted, Refusal, RestartState, redact,
};

use super::text;

/// A secret that no fuzzer finds by itself.
const SECRET: &str = "Zq7planted9Kx3wVbT5";

/// Lines with the secret in them.
const PLANTS: [&str; 10] = [
    "DB_PASSWORD=Zq7planted9Kx3wVbT5",
    "[stderr]export API_TOKEN='Zq7planted9Kx3wVbT5'",
    "{\"client_secret\": \"Zq7planted9Kx3wVbT5\"}",
    "Authorization: Bearer Zq7planted9Kx3wVbT5",
    "postgres://ann:Zq7planted9Kx3wVbT5@db.example.com/shop",
    "mysql -u root -pZq7planted9Kx3wVbT5 shop",
    "Cookie: sid=Zq7planted9Kx3wVbT5",
    "deploy --password Zq7planted9Kx3wVbT5 --verbose",
    "GET https://b.s3.amazonaws.com/k?X-Amz-Signature=Zq7planted9Kx3wVbT5&x=1",
    "<Password>Zq7planted9Kx3wVbT5</Password>",
];

/// Whatever stands around a secret, it is struck out; what is left is bounded, and has nothing that a terminal obeys.
pub fn redaction(data: &[u8]) {
    let noise = text(data);
    let noise = noise.as_ref();
    let clean = redact(noise);
    assert!(clean.split('\n').count() <= noise.split(['\n', '\r']).count(), "lines were added");
    assert!(clean.chars().all(|c| !c.is_control() || c == '\n' || c == '\t'), "a control character is left");
    assert!(
        clean.len() <= noise.len().saturating_mul(MARK.len()) + MARK.len(),
        "{} became {}",
        noise.len(),
        clean.len()
    );
    let line = Redacted::line(noise);
    assert!(line.as_str().chars().count() <= 301 && !line.as_str().contains('\n'), "{line}");
    if let Some(tail) = Redacted::tail(noise) {
        assert!(
            !tail.as_str().is_empty() && tail.as_str().chars().count() <= 2_500 && tail.as_str().lines().count() <= 30
        );
    }
    if noise.contains("planted") || noise.contains(MARK) {
        return;
    }
    // One plant for each length, so that an input costs four redactions and not thirty.
    let Some(plant) = PLANTS.get(noise.len() % PLANTS.len()) else { return };
    let middle = noise.char_indices().map(|(at, _)| at).nth(noise.chars().count() / 2).unwrap_or_default();
    let (before, after) = noise.split_at(middle);
    let whole = format!("{before}\n{plant}\n{after}");
    let clean = redact(&whole);
    assert!(!clean.contains(SECRET), "{plant} among {noise:?} became {clean:?}");
}

/// Whatever an agent, a script or CodeDeploy prints has a meaning, and a report is found among noise.
pub fn reports(data: &[u8]) {
    let text = text(data);
    let text = text.as_ref();
    let found = AgentReport::find(text);
    match RestartState::read("Success", text) {
        RestartState::Answered(report) => assert_eq!(Some(*report), found),
        RestartState::Unanswered { .. } => assert_eq!(found, None),
        state @ (RestartState::Running | RestartState::NotSent { .. }) => {
            assert_eq!(format!("{state:?}"), "", "what succeeded was sent, and has ended");
        }
    }
    assert_eq!(RestartState::read("Pending", text), RestartState::Running);
    if let Some(report) = &found {
        // Only an agent that is said to poll is cured.
        assert!(report.verdict() != AgentVerdict::Polls || report.polls);
        // The last report counts, whatever stands before it.
        assert_eq!(AgentReport::find(&format!("noise {{\n{text}")), found);
    }
    let code = DeploymentErrorCode::from(text);
    assert_eq!(code.as_str(), text, "a code is printed as it came");
    assert!(!code.facts().meaning.is_empty());
    assert!(Refusal::ALL.contains(&Refusal::of(text)));
    let (code, message) = text.split_once('\n').unwrap_or(("UnknownError", text));
    let diagnostics = Diagnostics {
        code: code.to_owned(),
        script: String::new(),
        message: message.to_owned(),
        log_tail: message.to_owned(),
    };
    for event in ["ApplicationStop", "BeforeInstall", text] {
        let pattern = Pattern::of(event, Some(&diagnostics));
        assert!(Pattern::ALL.contains(&pattern) && !pattern.code().is_empty());
    }
}
