//! Which part of a long list is asked for? A token names the last id shown, so that arrivals and departures do not shift pages.

use super::{ApiError, Service};

/// Takes one page of items ordered by id, and gives the token of the next.
pub(crate) fn page<'a, T>(
    items: impl Iterator<Item = (&'a str, T)>,
    size: Option<usize>,
    token: Option<&str>,
    service: Service,
) -> Result<(Vec<T>, Option<String>), ApiError> {
    let after = start(token, service)?;
    let size = size.unwrap_or(usize::MAX);
    let mut shown = Vec::new();
    let mut last = String::new();
    for (id, item) in items {
        if after.as_deref().is_some_and(|after| id <= after) {
            continue;
        }
        if shown.len() == size {
            return Ok((shown, Some(encode(&last))));
        }
        id.clone_into(&mut last);
        shown.push(item);
    }
    Ok((shown, None))
}

/// The id after which a token's page begins.
pub(crate) fn start(token: Option<&str>, service: Service) -> Result<Option<String>, ApiError> {
    token.map(|token| decode(token).ok_or_else(|| service.invalid_token())).transpose()
}

/// Opaque to callers: hexadecimal.
fn encode(id: &str) -> String {
    use std::fmt::Write as _;
    id.bytes().fold(String::from("panda-"), |mut token, byte| {
        write!(token, "{byte:02x}").ok();
        token
    })
}

fn decode(token: &str) -> Option<String> {
    let digits = token.strip_prefix("panda-")?;
    let pair = |at: usize| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(pair).collect();
    String::from_utf8(bytes?).ok()
}
