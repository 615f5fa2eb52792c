//! Numbers, booleans and the environment: what they are, and what a person is told who writes something else.
//!
//! The API server checks the types of a schema before anything of ours, and its words name no remedy. So what is
//! installed ([`crate::loose`]) lets these values pass, an admission policy ([`crate::admission`]) refuses them with our
//! sentence, and where there is none the operator says the same ([`crate::mistyped`]). All three follow the types.

use serde_json::Value;

/// What a value has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scalar {
    /// A whole number.
    Whole,
    /// A number.
    Number,
    /// True or false.
    Flag,
    /// A map to texts, of which each may also be a reference to a secret.
    Environment,
}

impl Scalar {
    /// Of a schema as the types give it.
    pub(crate) fn of(schema: &Value) -> Option<Self> {
        match schema["type"].as_str()? {
            "integer" => Some(Self::Whole),
            "number" => Some(Self::Number),
            "boolean" => Some(Self::Flag),
            "object" if schema["additionalProperties"]["title"] == ENVIRONMENT => Some(Self::Environment),
            _ => None,
        }
    }

    /// In words, for docs: `kubectl explain` does not know the type of a value that is let pass.
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::Whole => "A whole number",
            Self::Number => "A number",
            Self::Flag => "True or false",
            Self::Environment => "A map to texts",
        }
    }

    /// What is needed, as the end of a sentence.
    pub(crate) fn needed(self) -> &'static str {
        match self {
            Self::Whole => "a whole number is needed",
            Self::Number => "a number is needed",
            Self::Flag => "true or false is needed",
            Self::Environment => "a text is needed",
        }
    }

    /// A text is one of these in quotes when this matches it (RE2).
    pub(crate) fn quoted(self) -> &'static str {
        match self {
            Self::Whole => "^-?[0-9]+$",
            Self::Number | Self::Environment => "^-?[0-9]+([.][0-9]+)?$",
            Self::Flag => "^(true|false)$",
        }
    }
}

/// The title of an environment's values in the types. Other maps to texts have none.
pub(crate) const ENVIRONMENT: &str = "environment";

/// One step from an object to a value in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// The field of this name.
    Field(String),
    /// Every entry of the list.
    Each,
}

/// Every scalar below a schema as the types give it, by the way to it.
pub(crate) fn below(schema: &Value) -> Vec<(Vec<Step>, Scalar)> {
    let mut found = Vec::new();
    walk(schema, &mut Vec::new(), &mut found);
    found
}

fn walk(schema: &Value, way: &mut Vec<Step>, found: &mut Vec<(Vec<Step>, Scalar)>) {
    if let Some(scalar) = Scalar::of(schema) {
        return found.push((way.clone(), scalar));
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        way.push(Step::Field(name.clone()));
        walk(field, way, found);
        way.pop();
    }
    if schema["items"].is_object() {
        way.push(Step::Each);
        walk(&schema["items"], way, found);
        way.pop();
    }
}

/// `spec.fetch[].extract`.
pub(crate) fn path(way: &[Step]) -> String {
    way.iter().fold("spec".to_owned(), |path, step| match step {
        Step::Field(name) => format!("{path}.{name}"),
        Step::Each => format!("{path}[]"),
    })
}

/// What the value is called where it is written: `extract: `, or nothing for the entry of a list.
pub(crate) fn label(way: &[Step]) -> String {
    match way.last() {
        Some(Step::Field(name)) => format!("{name}: "),
        _ => String::new(),
    }
}
