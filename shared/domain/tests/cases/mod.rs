//! How many cases a law is searched with.

/// So many as the law asks for; fewer where `PROPTEST_CASES` says so, as when the laws are asked a thousand times over (`make mutants`).
#[allow(clippy::disallowed_methods, reason = "a switch of the test, not of what is tested")]
pub(crate) fn cases(usual: u32) -> u32 {
    std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .map_or(usual, |cases: u32| cases.min(usual))
}
