//! The errors of reading JSON, in Mesos' words; clients show these texts.

/// JSON that is not the message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not JSON at all.
    #[error("syntax error at line {line} near: {near}")]
    Syntax {
        /// Line and column, counted from 1.
        line: usize,
        /// What follows on that line.
        near: String,
    },
    /// The value is an array, a number or a text.
    #[error("Expecting a JSON object")]
    NotAnObject,
    /// A value of a type that the field cannot have.
    #[error("Not expecting a JSON {found} for field '{field}'")]
    Unexpected {
        /// The JSON type.
        found: &'static str,
        /// The field.
        field: &'static str,
    },
    /// Text where a number could be text, and is not.
    #[error(
        "Failed to parse '{text}' as a JSON number for field '{field}': syntax error at line 1 near: {text}"
    )]
    NotANumber {
        /// What was given.
        text: String,
        /// The field.
        field: &'static str,
    },
    /// Bytes that are not base64.
    #[error("Failed to base64 decode bytes field '{field}': {reason}")]
    Base64 {
        /// The field.
        field: &'static str,
        /// The cause.
        reason: String,
    },
    /// A number that the field cannot hold.
    #[error("Number {number} is out of range for field '{field}'")]
    OutOfRange {
        /// The value that was given.
        number: String,
        /// The field.
        field: &'static str,
    },
    /// Required fields that are absent, by path.
    #[error("Missing required fields: {}", fields.join(", "))]
    MissingRequired {
        /// Every one of them, such as `subscribe.framework_info`.
        fields: Vec<String>,
    },
}

impl JsonError {
    /// The whole body of Mesos' answer to a request that should have held `message` (`Call`).
    #[must_use]
    pub fn answer(&self, message: &str) -> String {
        match self {
            Self::Syntax { .. } => format!("Failed to parse body into JSON: {self}"),
            _ => format!("Failed to convert JSON into {message} protobuf: {self}"),
        }
    }

    pub(crate) fn syntax(body: &[u8], error: &serde_json::Error) -> Self {
        let line = error.line().max(1);
        let text = body.split(|b| *b == b'\n').nth(line - 1).unwrap_or_default();
        let near = String::from_utf8_lossy(text.get(error.column()..).unwrap_or_default()).into_owned();
        Self::Syntax { line, near }
    }
}
