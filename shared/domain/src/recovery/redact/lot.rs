//! What looks drawn by lot?
//!
//! The last resort, for secrets without a name and a shape. A random token jumps between small letters, capitals and digits at more than every
//! third character; names do so where words begin. What people need to read is let through by its shape: hashes and ids in hex, UUIDs, paths.

use super::MARK;

/// The shortest token that is taken for a secret by its looks alone.
const SHORTEST: usize = 24;

/// Strikes out tokens that look drawn by lot.
pub(super) fn strike(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find(in_token) {
        let (before, from) = rest.split_at(start);
        let (token, after) = from.split_at(from.find(|c| !in_token(c)).unwrap_or(from.len()));
        clean.push_str(before);
        clean.push_str(&judged(token));
        rest = after;
    }
    clean.push_str(rest);
    clean
}

fn in_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '_' | '-')
}

fn judged(token: &str) -> String {
    if token.len() < SHORTEST {
        return token.to_owned();
    }
    // A key of AWS has forty characters and may have slashes; a path has names between them.
    if token.len() == 40 && !token.starts_with('/') && !token.contains(['-', '_', '=']) && random(token, 0.3) {
        return MARK.to_owned();
    }
    token
        .split('/')
        .map(|part| if part.len() >= SHORTEST && random(part, 0.35) { MARK.to_owned() } else { part.to_owned() })
        .collect::<Vec<_>>()
        .join("/")
}

/// Whether the characters jump between classes at more than this share of places, and all three classes are there.
fn random(token: &str, share: f64) -> bool {
    let hex = token.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    if hex {
        return false;
    }
    let class = |c: char| match c {
        'a'..='z' => 1_u8,
        'A'..='Z' => 2,
        '0'..='9' => 3,
        _ => 0,
    };
    let classes: Vec<u8> = token.chars().map(class).filter(|class| *class != 0).collect();
    let jumps = classes.windows(2).filter(|pair| pair.first() != pair.last()).count();
    let all = (1..=3).all(|wanted| classes.contains(&wanted));
    #[allow(clippy::cast_precision_loss, reason = "a log line has no 2^52 characters")]
    let ratio = jumps as f64 / classes.len().max(1) as f64;
    all && ratio > share
}
