//! Reads a request's form: scalars, numbered lists, filters, tags. EC2 numbers lists `Name.1`, Auto Scaling `Name.member.1`.

use std::collections::BTreeMap;

use super::{ApiError, Service};

/// The fields of a request.
pub(crate) struct Params<'a> {
    fields: &'a BTreeMap<String, String>,
    service: Service,
}

/// A tag in a request.
pub(crate) struct TagParam {
    pub(crate) resource: String,
    pub(crate) key: String,
    pub(crate) value: Option<String>,
    pub(crate) propagate: bool,
}

impl<'a> Params<'a> {
    pub(crate) const fn new(fields: &'a BTreeMap<String, String>, service: Service) -> Self {
        Self { fields, service }
    }

    /// Refuses what the operation does not know.
    pub(crate) fn check_known(&self, accepts: &[&str]) -> Result<(), ApiError> {
        for key in self.fields.keys() {
            let first = key.split('.').next().unwrap_or(key);
            if !["Action", "Version"].contains(&first) && !accepts.contains(&first) {
                let message = format!("The parameter {first} is not recognized");
                return Err(ApiError::bad(self.either("UnknownParameter", "ValidationError"), message));
            }
        }
        Ok(())
    }

    fn either(&self, ec2: &'static str, other: &'static str) -> &'static str {
        if self.service == Service::Ec2 { ec2 } else { other }
    }

    /// A field that may be absent or empty.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.fields.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A field that must be there.
    pub(crate) fn need(&self, name: &str) -> Result<&'a str, ApiError> {
        self.get(name).ok_or_else(|| self.missing(name))
    }

    pub(crate) fn missing(&self, name: &str) -> ApiError {
        if self.service == Service::Ec2 {
            ApiError::bad("MissingParameter", format!("The request must contain the parameter {name}"))
        } else {
            let mut field = name.to_owned();
            field.replace_range(..1, &name.chars().take(1).collect::<String>().to_lowercase());
            let message = format!(
                "1 validation error detected: Value null at '{field}' failed to satisfy constraint: Member must not be null"
            );
            ApiError::bad("ValidationError", message)
        }
    }

    pub(crate) fn invalid(&self, name: &str, value: &str) -> ApiError {
        let message = format!("Value ({value}) for parameter {name} is invalid.");
        ApiError::bad(self.either("InvalidParameterValue", "ValidationError"), message)
    }

    /// `true` or `false`.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some("true" | "True") => Ok(Some(true)),
            Some("false" | "False") => Ok(Some(false)),
            Some(other) => Err(self.invalid(name, other)),
        }
    }

    /// A number.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u32>, ApiError> {
        let parse = |value: &str| value.parse().map_err(|_| self.invalid(name, value));
        self.get(name).map(parse).transpose()
    }

    fn prefix(&self, name: &str) -> String {
        if self.service == Service::Ec2 { format!("{name}.") } else { format!("{name}.member.") }
    }

    /// The numbers of a list's elements, in order.
    fn numbers(&self, name: &str) -> Vec<(u32, String)> {
        let prefix = self.prefix(name);
        let mut numbers: Vec<u32> = self
            .fields
            .range(prefix.clone()..)
            .map_while(|(key, _)| key.strip_prefix(&prefix))
            .filter_map(|rest| rest.split('.').next()?.parse().ok())
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.into_iter().map(|number| (number, format!("{prefix}{number}"))).collect()
    }

    /// A list of scalars.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        self.numbers(name).iter().filter_map(|(_, key)| self.fields.get(key).cloned()).collect()
    }

    /// A list of scalars that must not be empty.
    pub(crate) fn need_list(&self, name: &str) -> Result<Vec<String>, ApiError> {
        let list = self.list(name);
        if list.is_empty() { Err(self.missing(name)) } else { Ok(list) }
    }

    /// Filters: name and values.
    pub(crate) fn filters(&self) -> Result<Vec<(String, Vec<String>)>, ApiError> {
        let (name, values) = if self.service == Service::Ec2 { ("Filter", "Value") } else { ("Filters", "Values") };
        let mut filters = Vec::new();
        for (_, key) in self.numbers(name) {
            let filter = self.need(&format!("{key}.Name"))?.to_owned();
            filters.push((filter, self.list(&format!("{key}.{values}"))));
        }
        Ok(filters)
    }

    /// Elements of a list of structures: each a reader of its own fields.
    pub(crate) fn structures(&self, name: &str) -> Vec<String> {
        self.numbers(name).into_iter().map(|(_, key)| key).collect()
    }

    /// Tags in a list of the given name.
    pub(crate) fn tags(&self, name: &str) -> Result<Vec<TagParam>, ApiError> {
        let mut tags = Vec::new();
        for key in self.structures(name) {
            let field = |part: &str| self.fields.get(&format!("{key}.{part}")).cloned();
            tags.push(TagParam {
                resource: field("ResourceId").unwrap_or_default(),
                key: field("Key").filter(|key| !key.is_empty()).ok_or_else(|| self.missing("Tag.Key"))?,
                value: field("Value"),
                propagate: self.flag(&format!("{key}.PropagateAtLaunch"))?.unwrap_or(false),
            });
        }
        Ok(tags)
    }
}
