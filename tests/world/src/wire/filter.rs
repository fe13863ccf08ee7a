//! Which resources does a request mean? Values are alternatives, filters are conditions, `*` and `?` match as on EC2 `[doc]`.

use std::collections::BTreeMap;

use super::ApiError;

/// Filters of one request, known to be AWS's.
pub(crate) struct Filters(Vec<(String, Vec<String>)>);

impl Filters {
    /// Refuses names that the operation does not know; `tag:KEY` is known where `tag-key` is.
    pub(crate) fn new(filters: Vec<(String, Vec<String>)>, known: &[&str]) -> Result<Self, ApiError> {
        for (name, values) in &filters {
            let tag = name.starts_with("tag:") && known.contains(&"tag-key");
            if !tag && !known.contains(&name.as_str()) {
                return Err(ApiError::bad("InvalidParameterValue", format!("The filter '{name}' is invalid")));
            }
            if values.is_empty() {
                let message = format!("The filter '{name}' must have values");
                return Err(ApiError::bad("InvalidParameterValue", message));
            }
        }
        Ok(Self(filters))
    }

    /// Whether a resource passes that has no other values than its tags, found by key or listed.
    pub(crate) fn pass_tagged<'v>(
        &self,
        tag: impl Fn(&str) -> Option<&'v str>,
        all: impl Fn() -> Vec<(&'v str, &'v str)>,
    ) -> bool {
        self.0.iter().all(|(name, patterns)| {
            let matches = |value: &str| patterns.iter().any(|pattern| glob(pattern.as_bytes(), value.as_bytes()));
            match name.strip_prefix("tag:") {
                Some(key) => tag(key).is_some_and(matches),
                None if name == "tag-key" => {
                    patterns.iter().any(|key| tag(key).is_some()) || all().into_iter().any(|(key, _)| matches(key))
                }
                None => all().into_iter().any(|(_, value)| matches(value)),
            }
        })
    }

    /// Whether a resource with these tags and these other values passes.
    pub(crate) fn pass<'v, I>(&self, tags: &BTreeMap<String, String>, values_of: impl Fn(&str) -> I) -> bool
    where
        I: IntoIterator<Item = &'v str>,
    {
        self.0.iter().all(|(name, patterns)| {
            let matches = |value: &str| patterns.iter().any(|pattern| glob(pattern.as_bytes(), value.as_bytes()));
            if let Some(key) = name.strip_prefix("tag:") {
                tags.get(key).is_some_and(|value| matches(value))
            } else if name == "tag-key" {
                tags.keys().any(|key| matches(key))
            } else if name == "tag-value" {
                tags.values().any(|value| matches(value))
            } else {
                values_of(name).into_iter().any(matches)
            }
        })
    }
}

fn glob(pattern: &[u8], value: &[u8]) -> bool {
    match (pattern.split_first(), value.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            glob(rest, value) || value.split_first().is_some_and(|(_, tail)| glob(pattern, tail))
        }
        (Some((b'?', rest)), Some((_, tail))) => glob(rest, tail),
        (Some((p, rest)), Some((v, tail))) => p == v && glob(rest, tail),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn stars_and_question_marks_match_as_on_ec2() {
        assert!(glob(b"web-*", b"web-1") && glob(b"*", b"") && glob(b"w?b", b"web") && glob(b"*b*", b"web-b"));
        assert!(!glob(b"web", b"web-1") && !glob(b"w?b", b"wb"));
    }
}
