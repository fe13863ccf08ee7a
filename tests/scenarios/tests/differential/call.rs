//! What is asked, and what comes back?

use std::fmt;

use serde_json::{Value, json};

/// A call in which the names of [`super::names`] stand for ids.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) service: &'static str,
    pub(crate) operation: &'static str,
    /// What is particular about it, for the table of differences.
    pub(crate) case: &'static str,
    pub(crate) input: Value,
    /// The list that comes in pages, and the members that bear their size and their token.
    pub(crate) pages: Option<[&'static str; 3]>,
    /// Whether what exists must be looked at afterwards.
    pub(crate) writes: bool,
}

impl Call {
    pub(crate) fn read(service: &'static str, operation: &'static str, case: &'static str, input: Value) -> Call {
        Call { service, operation, case, input, pages: None, writes: false }
    }

    pub(crate) fn write(service: &'static str, operation: &'static str, case: &'static str, input: Value) -> Call {
        Call { writes: true, ..Call::read(service, operation, case, input) }
    }

    /// The same, page by page.
    pub(crate) fn paged(self, list: &'static str) -> Call {
        let size =
            if self.service == "autoscaling" || self.service == "cloudwatch" { "MaxRecords" } else { "MaxResults" };
        Call { pages: Some([list, size, "NextToken"]), ..self }
    }

    /// `ec2:DescribeInstances`
    pub(crate) fn name(&self) -> String {
        format!("{}:{}", self.service, self.operation)
    }

    pub(crate) fn to_line(&self, input: &Value) -> Value {
        json!({"service": self.service, "operation": self.operation, "input": input, "pages": self.pages})
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}) {}", self.name(), self.case, self.input)
    }
}

/// What a side said.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Ok(Value),
    /// AWS's code; the status where there is no code, or `unreadable`.
    Refused(String, String),
}

impl Reply {
    pub(crate) fn of(line: &Value) -> Reply {
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        if line.get("code").is_some() {
            return Reply::Refused(text("code"), text("message"));
        }
        Reply::Ok(line["ok"].clone())
    }

    /// `OK`, or AWS's code.
    pub(crate) fn outcome(&self) -> &str {
        match self {
            Reply::Ok(_) => "OK",
            Reply::Refused(code, _) => code,
        }
    }

    pub(crate) fn tree(&self) -> Option<&Value> {
        match self {
            Reply::Ok(tree) => Some(tree),
            Reply::Refused(..) => None,
        }
    }
}
