//! Reading single values; what the generated code calls.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Number as JsonNumber, Value};

use super::{INFINITY, JsonError, NEGATIVE_INFINITY, Object};

/// A message that can be read from JSON.
pub trait FromJson: Default {
    /// Sets the fields that the object names. Missing required ones are noted, not an error yet.
    ///
    /// # Errors
    /// When a value has the wrong type.
    fn read(&mut self, map: &Object, at: &mut Reading) -> Result<(), JsonError>;
}

impl<T: FromJson> FromJson for Box<T> {
    fn read(&mut self, map: &Object, at: &mut Reading) -> Result<(), JsonError> {
        (**self).read(map, at)
    }
}

/// Where in the message the reader is, and which required fields it has missed so far.
#[derive(Debug, Default)]
pub struct Reading {
    path: String,
    missing: Vec<String>,
}

impl Reading {
    /// Notes the field if it is absent.
    pub fn require(&mut self, map: &Object, field: &str) {
        if present(map, field).is_none() {
            self.missing.push(format!("{}{field}", self.path));
        }
    }

    /// Notes the enum field if it is absent or its name unknown.
    pub fn require_name<T>(&mut self, map: &Object, field: &str, known: fn(&str) -> Option<T>) {
        let absent = match present(map, field) {
            None => true,
            Some(Value::String(name)) => known(name).is_none(),
            // A wrong type is an error of its own.
            Some(_) => false,
        };
        if absent {
            self.missing.push(format!("{}{field}", self.path));
        }
    }

    pub(crate) fn finish(self) -> Result<(), JsonError> {
        if self.missing.is_empty() {
            Ok(())
        } else {
            Err(JsonError::MissingRequired { fields: self.missing })
        }
    }
}

/// The value of a field; null counts as absent.
pub(crate) fn present<'a>(map: &'a Object, field: &str) -> Option<&'a Value> {
    map.get(field).filter(|v| !v.is_null())
}

pub(crate) fn boolean(value: &Value, field: &'static str) -> Result<bool, JsonError> {
    value.as_bool().ok_or_else(|| unexpected(value, field))
}

pub(crate) fn text(value: &Value, field: &'static str) -> Result<String, JsonError> {
    value
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| unexpected(value, field))
}

pub(crate) fn bytes(value: &Value, field: &'static str) -> Result<Bytes, JsonError> {
    let text = value.as_str().ok_or_else(|| unexpected(value, field))?;
    let reason = |error| match error {
        base64::DecodeError::InvalidByte(_, byte) => format!("Invalid character '{}'", char::from(byte)),
        other => other.to_string(),
    };
    STANDARD
        .decode(text)
        .map(Bytes::from)
        .map_err(|e| JsonError::Base64 {
            field,
            reason: reason(e),
        })
}

/// An enum's name; `None` when nobody knows it.
pub(crate) fn name<T>(
    value: &Value,
    field: &'static str,
    known: fn(&str) -> Option<T>,
) -> Result<Option<T>, JsonError> {
    value.as_str().map(known).ok_or_else(|| unexpected(value, field))
}

pub(crate) fn array<'a>(value: &'a Value, field: &'static str) -> Result<&'a [Value], JsonError> {
    value
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| unexpected(value, field))
}

pub(crate) fn object<'a>(value: &'a Value, field: &'static str) -> Result<&'a Object, JsonError> {
    value.as_object().ok_or_else(|| unexpected(value, field))
}

pub(crate) fn message<T: FromJson>(
    value: &Value,
    field: &'static str,
    at: &mut Reading,
) -> Result<T, JsonError> {
    within(value, field, &format!("{field}."), at)
}

/// A message in a list.
pub(crate) fn element<T: FromJson>(
    value: &Value,
    field: &'static str,
    index: usize,
    at: &mut Reading,
) -> Result<T, JsonError> {
    within(value, field, &format!("{field}[{index}]."), at)
}

fn within<T: FromJson>(
    value: &Value,
    field: &'static str,
    step: &str,
    at: &mut Reading,
) -> Result<T, JsonError> {
    let map = object(value, field)?;
    let outer = at.path.len();
    at.path.push_str(step);
    let mut message = T::default();
    message.read(map, at)?;
    at.path.truncate(outer);
    Ok(message)
}

/// A number, or text that reads as one.
pub(crate) fn number<T: Number>(value: &Value, field: &'static str) -> Result<T, JsonError> {
    let given = match value {
        Value::Number(number) => number.clone(),
        Value::String(text) => match (T::from_word(text), text.trim().parse::<JsonNumber>()) {
            (Some(named), _) => return Ok(named),
            (None, Ok(number)) => number,
            (None, Err(_)) => {
                return Err(JsonError::NotANumber {
                    text: text.clone(),
                    field,
                });
            }
        },
        _ => return Err(unexpected(value, field)),
    };
    T::from_json(&given).ok_or_else(|| JsonError::OutOfRange {
        number: given.to_string(),
        field,
    })
}

/// The number types of protobuf.
pub(crate) trait Number: Sized {
    fn from_json(number: &JsonNumber) -> Option<Self>;

    /// A number that has a name and no digits.
    fn from_word(_word: &str) -> Option<Self> {
        None
    }
}

impl Number for f64 {
    fn from_word(word: &str) -> Option<Self> {
        match word {
            INFINITY => Some(Self::INFINITY),
            NEGATIVE_INFINITY => Some(Self::NEG_INFINITY),
            _ => None,
        }
    }

    fn from_json(number: &JsonNumber) -> Option<Self> {
        number.as_f64()
    }
}

macro_rules! integer {
    ($($type:ty)*) => {$(
        impl Number for $type {
            /// A fraction is cut off, as Mesos does.
            #[allow(clippy::cast_possible_truncation)]
            fn from_json(number: &JsonNumber) -> Option<Self> {
                let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
                whole.or_else(|| number.as_f64().map(|f| f.trunc() as i128))?.try_into().ok()
            }
        }
    )*};
}

integer!(i32 i64 u32 u64);

fn unexpected(value: &Value, field: &'static str) -> JsonError {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    JsonError::Unexpected { found, field }
}
