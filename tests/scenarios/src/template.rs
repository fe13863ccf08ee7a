//! The templates as the tests read them: with their intrinsic functions, before any transform.

use std::collections::{BTreeMap, BTreeSet};

use quamina::Quamina;
use serde_json::{Map, Value, json};
use serde_yaml_ng::Value as Yaml;

/// The template, its intrinsic functions in their long form (`{"Ref": …}`, `{"Fn::GetAtt": […]}`), and its text for the comments.
#[derive(Debug)]
pub struct Template {
    /// The whole document.
    pub document: Value,
    /// As it is in the file.
    pub text: String,
}

/// A rule or a schedule that invokes a function.
#[derive(Debug)]
pub struct Rule {
    /// The function's logical id.
    pub function: String,
    /// The event's name in the function's `Events`.
    pub name: String,
    /// Its type, as SAM calls it.
    pub kind: String,
    /// Its properties.
    pub properties: Value,
}

impl Rule {
    /// The logical id of what SAM makes of it.
    pub fn logical_id(&self) -> String {
        format!("{}{}", self.function, self.name)
    }
}

/// A statement of an IAM policy, with the comment above it.
#[derive(Debug)]
pub struct Statement {
    /// The role's logical id.
    pub role: String,
    /// The statement.
    pub body: Value,
}

impl Statement {
    /// Its id.
    pub fn sid(&self) -> &str {
        self.body["Sid"].as_str().unwrap_or_else(|| panic!("a statement of {} has no Sid", self.role))
    }

    /// Its actions.
    pub fn actions(&self) -> Vec<&str> {
        strings(&self.body["Action"])
    }
}

impl Template {
    /// Reads the repository's template: the reflexes.
    pub fn read() -> Template {
        Template::parse(std::fs::read_to_string(crate::root().join("template.yaml")).expect("template.yaml is there"))
    }

    /// Reads the nested template: the fleet.
    pub fn fleet() -> Template {
        let path = crate::root().join("fleet/template.yaml");
        Template::parse(std::fs::read_to_string(path).expect("fleet/template.yaml is there"))
    }

    /// Whom each resource needs: the resources that it refers to or names in `DependsOn`. A reference to what is neither a resource, a
    /// parameter nor CloudFormation's own is a panic.
    pub fn needs(&self) -> BTreeMap<String, BTreeSet<String>> {
        let resources = self.document["Resources"].as_object().expect("Resources");
        let parameters = &self.document["Parameters"];
        let mut needs = BTreeMap::new();
        for (id, body) in resources {
            let mut names = references(body);
            names.extend(body.get("DependsOn").map(strings).into_iter().flatten().map(str::to_owned));
            names.retain(|name| {
                let known = resources.contains_key(name) || !parameters[name].is_null() || name.starts_with("AWS::");
                assert!(known, "{id} refers to {name}, which is not there");
                resources.contains_key(name)
            });
            needs.insert(id.clone(), names);
        }
        needs
    }

    /// Reads a template from its text.
    pub fn parse(text: String) -> Template {
        let yaml: Yaml = serde_yaml_ng::from_str(&text).expect("template.yaml is YAML");
        Template { document: plain(&yaml), text }
    }

    /// The resources of a type: logical id and body.
    pub fn resources(&self, kind: &str) -> impl Iterator<Item = (&String, &Value)> {
        let resources = self.document["Resources"].as_object().expect("Resources");
        resources.iter().filter(move |(_, body)| body["Type"] == kind)
    }

    /// The functions.
    pub fn functions(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.resources("AWS::Serverless::Function")
    }

    /// A function's property, from the function or from `Globals`.
    pub fn property<'a>(&'a self, function: &'a Value, name: &str) -> &'a Value {
        match &function["Properties"][name] {
            Value::Null => &self.document["Globals"]["Function"][name],
            own => own,
        }
    }

    /// Every rule of EventBridge: those with patterns, and those with a rate.
    pub fn rules(&self) -> Vec<Rule> {
        self.events(&["EventBridgeRule", "Schedule"])
    }

    /// Every schedule of EventBridge Scheduler, which is another service.
    pub fn schedules(&self) -> Vec<Rule> {
        self.events(&["ScheduleV2"])
    }

    fn events(&self, kinds: &[&str]) -> Vec<Rule> {
        let mut rules = Vec::new();
        for (function, body) in self.functions() {
            for (name, event) in body["Properties"]["Events"].as_object().into_iter().flatten() {
                let kind = event["Type"].as_str().expect("an event has a type");
                if kinds.contains(&kind) {
                    rules.push(Rule {
                        function: function.clone(),
                        name: name.clone(),
                        kind: kind.to_owned(),
                        properties: event["Properties"].clone(),
                    });
                }
            }
        }
        rules
    }

    /// A rule's event pattern, with the parameters' defaults filled in; none for a schedule.
    pub fn pattern(&self, rule: &Rule) -> Option<Value> {
        rule.properties.get("Pattern").map(|pattern| self.with_defaults(pattern))
    }

    /// The names of the rules whose patterns match an event, as EventBridge would match them.
    pub fn rules_that_match(&self, event: &Value) -> BTreeSet<String> {
        let mut patterns = Quamina::new();
        for rule in self.rules() {
            if let Some(pattern) = self.pattern(&rule) {
                patterns.add_pattern(rule.name, &pattern.to_string()).expect("EventBridge's own syntax");
            }
        }
        patterns.matches_for_event(event.to_string().as_bytes()).expect("an event").into_iter().collect()
    }

    /// A parameter's default.
    pub fn default(&self, parameter: &str) -> &Value {
        let default = &self.document["Parameters"][parameter]["Default"];
        assert!(!default.is_null(), "the parameter {parameter} has no default");
        default
    }

    /// The same value with each `Ref` and `${…}` to a parameter replaced by its default.
    pub fn with_defaults(&self, value: &Value) -> Value {
        self.with(&[], value)
    }

    /// The same value with each `Ref` and `${…}` to a parameter replaced by what is given for it, or by its default.
    pub fn with(&self, given: &[(&str, &str)], value: &Value) -> Value {
        let parameter = |name: &str| {
            let given = given.iter().find(|(known, _)| *known == name).map(|(_, value)| json!(value));
            given.or_else(|| (!self.document["Parameters"][name].is_null()).then(|| self.default(name).clone()))
        };
        match value {
            Value::Object(fields) if fields.len() == 1 => {
                let reference = |key: &str| fields.get(key).and_then(Value::as_str);
                if let Some(value) = reference("Ref").and_then(parameter) {
                    return value;
                }
                if let Some(text) = reference("Fn::Sub") {
                    let mut parts = text.split("${");
                    let mut filled = parts.next().unwrap_or_default().to_owned();
                    for part in parts {
                        let (name, rest) = part.split_once('}').expect("a closed `${`");
                        match parameter(name) {
                            Some(Value::String(value)) => filled.push_str(&value),
                            Some(value) => filled.push_str(&value.to_string()),
                            None => filled.extend(["${", name, "}"]),
                        }
                        filled.push_str(rest);
                    }
                    return json!(filled);
                }
                fields.iter().map(|(key, value)| (key.clone(), self.with(given, value))).collect()
            }
            Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), self.with(given, value))).collect(),
            Value::Array(items) => items.iter().map(|item| self.with(given, item)).collect(),
            other => other.clone(),
        }
    }

    /// The environment that a function of this logical id would have with these parameters. A resource has its logical id for a name.
    pub fn environment(&self, function: &str, given: &[(&str, &str)]) -> BTreeMap<String, String> {
        let variables = &self.document["Resources"][function]["Properties"]["Environment"]["Variables"];
        let text = |value: &Value| match self.with(given, value) {
            Value::String(text) => text,
            Value::Object(reference) => strings(reference.values().next().expect("a reference"))[0].to_owned(),
            other => other.to_string(),
        };
        variables.as_object().expect("variables").iter().map(|(name, value)| (name.clone(), text(value))).collect()
    }

    /// Every statement of every role's inline policies.
    pub fn statements(&self) -> Vec<Statement> {
        let mut statements = Vec::new();
        for (role, body) in self.resources("AWS::IAM::Role") {
            for policy in body["Properties"]["Policies"].as_array().into_iter().flatten() {
                for statement in policy["PolicyDocument"]["Statement"].as_array().into_iter().flatten() {
                    statements.push(Statement { role: role.clone(), body: statement.clone() });
                }
            }
        }
        statements
    }

    /// The comment lines right above the line that ends with `needle`.
    pub fn comment_above(&self, needle: &str) -> String {
        let lines: Vec<&str> = self.text.lines().map(str::trim).collect();
        let at = lines
            .iter()
            .position(|line| line.ends_with(needle))
            .unwrap_or_else(|| panic!("no line ends with `{needle}`"));
        let above = lines.iter().take(at).rev().take_while(|line| line.starts_with('#'));
        above.map(|line| line.trim_start_matches(['#', ' '])).collect::<Vec<_>>().join(" ")
    }
}

/// The names that a value refers to, by `Ref`, `Fn::GetAtt` and `${…}`.
pub fn references(value: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    collect(value, &mut names);
    names
}

fn collect(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        Value::Object(fields) => {
            for (key, value) in fields {
                match key.as_str() {
                    "Ref" => names.extend(value.as_str().map(str::to_owned)),
                    "Fn::GetAtt" => names.extend(value[0].as_str().map(str::to_owned)),
                    "Fn::Sub" => {
                        let (text, own) = match value {
                            Value::Array(parts) => (&parts[0], &parts[1]),
                            text => (text, &Value::Null),
                        };
                        collect(own, names);
                        for part in text.as_str().expect("Fn::Sub has a text").split("${").skip(1) {
                            let name = part.split(['}', '.']).next().expect("a closed `${`");
                            if !name.starts_with('!') && own[name].is_null() {
                                names.insert(name.to_owned());
                            }
                        }
                    }
                    _ => collect(value, names),
                }
            }
        }
        _ => {}
    }
}

/// A list of strings, or one string.
pub fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().map(|item| item.as_str().expect("a list of strings")).collect(),
        other => panic!("neither a string nor a list: {other}"),
    }
}

fn plain(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => json!(value),
        Yaml::Number(number) => serde_json::to_value(number).expect("a YAML number is a JSON number"),
        Yaml::String(text) => json!(text),
        Yaml::Sequence(items) => items.iter().map(plain).collect(),
        Yaml::Mapping(fields) => {
            let key = |key: &Yaml| key.as_str().expect("keys are strings").to_owned();
            Value::Object(fields.iter().map(|(name, value)| (key(name), plain(value))).collect::<Map<_, _>>())
        }
        Yaml::Tagged(tagged) => intrinsic(tagged.tag.to_string().trim_start_matches('!'), plain(&tagged.value)),
    }
}

fn intrinsic(name: &str, value: Value) -> Value {
    match (name, value) {
        ("Ref" | "Condition", value) => json!({ name: value }),
        ("GetAtt", Value::String(path)) => {
            let (resource, attribute) = path.split_once('.').expect("!GetAtt names a resource and an attribute");
            json!({ "Fn::GetAtt": [resource, attribute] })
        }
        (_, value) => json!({ format!("Fn::{name}"): value }),
    }
}
