//! Attributes of agents.

use super::resources::{ranges_from_v1, ranges_to_v1};
use crate::mesos::v1;
use crate::mesos::v1::value::Type;
use mesolith_mesos::{Attributes, Scalar, Value};

/// Attributes from the wire; one without a value is left out.
#[must_use]
pub fn attributes_from_v1(list: &[v1::Attribute]) -> Attributes {
    let value = |wire: &v1::Attribute| match wire.r#type() {
        Type::Scalar => wire.scalar.map(|v| Value::Scalar(Scalar::from(v.value))),
        Type::Ranges => wire.ranges.as_ref().map(|v| Value::Ranges(ranges_from_v1(v))),
        Type::Set => wire
            .set
            .as_ref()
            .map(|v| Value::Set(v.item.iter().cloned().collect())),
        Type::Text => wire.text.as_ref().map(|v| Value::Text(v.value.clone())),
    };
    list.iter()
        .filter_map(|wire| Some((wire.name.clone(), value(wire)?)))
        .collect()
}

/// Attributes for the wire.
#[must_use]
pub fn attributes_to_v1(attributes: &Attributes) -> Vec<v1::Attribute> {
    let one = |(name, value): (&str, &Value)| {
        let mut wire = v1::Attribute {
            name: name.to_owned(),
            ..Default::default()
        };
        match value {
            Value::Scalar(v) => {
                wire.set_type(Type::Scalar);
                wire.scalar = Some(v1::value::Scalar { value: v.as_f64() });
            }
            Value::Ranges(v) => {
                wire.set_type(Type::Ranges);
                wire.ranges = Some(ranges_to_v1(v));
            }
            Value::Set(v) => {
                wire.set_type(Type::Set);
                wire.set = Some(v1::value::Set {
                    item: v.iter().cloned().collect(),
                });
            }
            Value::Text(v) => {
                wire.set_type(Type::Text);
                wire.text = Some(v1::value::Text { value: v.clone() });
            }
        }
        wire
    };
    attributes.iter().map(one).collect()
}
