//! What do the environment's variables say of how AWS is called?
//!
//! Region, credentials and endpoints, by the names that all SDKs know. `aws_config`'s own loader would look further: into profiles, containers
//! and instances, by clients of their own; Lambda has none of it, and a function would carry and run the code for it all the same.

use aws_types::{
    region::Region,
    service_config::{LoadServiceConfig, ServiceConfigKey},
};

/// The environment, or what a test takes for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Environment {
    pub(crate) lookup: fn(&str) -> Option<String>,
}

impl Environment {
    /// The variables of the process.
    pub(crate) fn of_the_process() -> Self {
        Self { lookup: |name| std::env::var(name).ok() }
    }

    /// A variable that says something.
    pub(crate) fn text(self, name: &str) -> Option<String> {
        (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The region.
    pub(crate) fn region(self) -> Option<Region> {
        self.text("AWS_REGION").or_else(|| self.text("AWS_DEFAULT_REGION")).map(Region::new)
    }

    /// A switch; `None` if it is not set.
    pub(crate) fn switch(self, name: &str) -> Option<bool> {
        self.text(name).map(|value| value.eq_ignore_ascii_case("true"))
    }
}

impl LoadServiceConfig for Environment {
    /// `AWS_ENDPOINT_URL_AUTO_SCALING`, or else `AWS_ENDPOINT_URL`. A client takes only an endpoint that is one: it would not survive another.
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        if self.switch("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") == Some(true) {
            return None;
        }
        let service = key.service_id().to_uppercase().replace([' ', '-'], "_");
        self.text(&format!("{}_{service}", key.env())).or_else(|| self.text(key.env()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    fn endpoint(lookup: fn(&str) -> Option<String>, service: &str) -> Option<String> {
        let key = ServiceConfigKey::builder().service_id(service).env("AWS_ENDPOINT_URL").profile("endpoint_url");
        Environment { lookup }.load_config(key.build().unwrap())
    }

    #[test]
    fn a_services_own_endpoint_goes_before_the_one_of_all() {
        let lookup = |name: &str| match name {
            "AWS_ENDPOINT_URL_AUTO_SCALING" => Some("http://127.0.0.1:1".to_owned()),
            "AWS_ENDPOINT_URL" => Some("http://127.0.0.1:2".to_owned()),
            _ => None,
        };
        assert_eq!(endpoint(lookup, "Auto Scaling").as_deref(), Some("http://127.0.0.1:1"));
        assert_eq!(endpoint(lookup, "EC2").as_deref(), Some("http://127.0.0.1:2"));
        assert_eq!(endpoint(|_| None, "EC2"), None);
    }

    #[test]
    fn endpoints_are_left_alone_where_the_environment_says_so() {
        let lookup = |name: &str| match name {
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS" => Some("true".to_owned()),
            name => name.starts_with("AWS_ENDPOINT_URL").then(|| "http://127.0.0.1:1".to_owned()),
        };
        assert_eq!(endpoint(lookup, "EC2"), None);
    }

    #[test]
    fn lambdas_region_goes_before_the_default_one() {
        let both = Environment {
            lookup: |name| Some(if name == "AWS_REGION" { "eu-west-1" } else { "us-east-1" }.to_owned()),
        };
        assert_eq!(both.region(), Some(Region::new("eu-west-1")));
        let other = Environment { lookup: |name| (name == "AWS_DEFAULT_REGION").then(|| "us-east-1".to_owned()) };
        assert_eq!(other.region(), Some(Region::new("us-east-1")));
    }
}
