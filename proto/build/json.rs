//! Writes `Serialize` and `FromJson` for every Mesos message by walking the descriptors.
//!
//! serde's derive cannot do it: Mesos names *all* missing required fields at once, takes numbers from strings, drops
//! enum names it does not know, and writes declared defaults of fields that are not set. What the generated code
//! does is in `src/json/`; here is only which helper each field needs.

use std::collections::HashMap;
use std::fmt::Write;

use heck::{ToSnakeCase, ToUpperCamelCase};
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

type Failure = Box<dyn std::error::Error>;

/// Where prost puts each type, and the entry types of maps.
struct Types<'a> {
    paths: HashMap<String, String>,
    maps: HashMap<String, &'a DescriptorProto>,
}

/// How one value of a field is written and read.
enum Kind {
    Bool,
    Number(&'static str),
    Text,
    Bytes,
    Enum(String),
    Message,
}

pub(crate) fn generate(set: &FileDescriptorSet) -> Result<String, Failure> {
    let mut types = Types {
        paths: HashMap::new(),
        maps: HashMap::new(),
    };
    for file in &set.file {
        let module = format!("crate::{}", file.package().replace('.', "::"));
        types.enums(file.package(), &module, &file.enum_type);
        types.messages(file.package(), &module, &file.message_type);
    }
    let mut out = String::new();
    for file in &set.file {
        let package = file.package();
        // Messages of our own services are never JSON.
        if package.starts_with("mesos.v1") || package == "google.protobuf" {
            for message in &file.message_type {
                types.implement(&mut out, package, message, file.syntax() == "proto3")?;
            }
        }
    }
    Ok(out)
}

impl<'a> Types<'a> {
    fn enums(&mut self, scope: &str, module: &str, enums: &[EnumDescriptorProto]) {
        for one in enums {
            let path = format!("{module}::{}", one.name().to_upper_camel_case());
            self.paths.insert(format!(".{scope}.{}", one.name()), path);
        }
    }

    fn messages(&mut self, scope: &str, module: &str, messages: &'a [DescriptorProto]) {
        for message in messages {
            let name = format!("{scope}.{}", message.name());
            if message.options.as_ref().is_some_and(|o| o.map_entry()) {
                self.maps.insert(format!(".{name}"), message);
                continue;
            }
            self.paths.insert(
                format!(".{name}"),
                format!("{module}::{}", message.name().to_upper_camel_case()),
            );
            let inner = format!("{module}::{}", rust_name(&message.name().to_snake_case()));
            self.enums(&name, &inner, &message.enum_type);
            self.messages(&name, &inner, &message.nested_type);
        }
    }

    fn path(&self, name: &str) -> Result<&str, Failure> {
        Ok(self
            .paths
            .get(name)
            .ok_or_else(|| format!("type {name} is not known"))?)
    }

    fn kind(&self, field: &FieldDescriptorProto) -> Result<Kind, Failure> {
        Ok(match field.r#type() {
            Type::Bool => Kind::Bool,
            Type::Double => Kind::Number("f64"),
            Type::Int32 | Type::Sint32 | Type::Sfixed32 => Kind::Number("i32"),
            Type::Int64 | Type::Sint64 | Type::Sfixed64 => Kind::Number("i64"),
            Type::Uint32 | Type::Fixed32 => Kind::Number("u32"),
            Type::Uint64 | Type::Fixed64 => Kind::Number("u64"),
            Type::String => Kind::Text,
            Type::Bytes => Kind::Bytes,
            Type::Enum => Kind::Enum(self.path(field.type_name())?.to_owned()),
            Type::Message => Kind::Message,
            Type::Float | Type::Group => {
                return Err(format!("{} has an unforeseen type", field.name()).into());
            }
        })
    }

    fn implement(
        &self,
        out: &mut String,
        scope: &str,
        message: &DescriptorProto,
        proto3: bool,
    ) -> Result<(), Failure> {
        if message.options.as_ref().is_some_and(|o| o.map_entry()) {
            return Ok(());
        }
        let full = format!("{scope}.{}", message.name());
        let (mut write, mut require, mut read) = (String::new(), String::new(), String::new());
        for field in &message.field {
            if field.oneof_index.is_some() && !field.proto3_optional() {
                self.oneof(message, &full, field, &mut write, &mut read)?;
            } else {
                self.write_field(&mut write, field, proto3)?;
                self.read_field(&mut require, &mut read, field, proto3)?;
            }
        }
        let path = self.path(&format!(".{full}"))?;
        write!(
            out,
            "#[allow(deprecated, unused_mut, unused_variables)]
impl serde::Serialize for {path} {{
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {{
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
{write}        map.end()
    }}
}}
#[allow(deprecated, unused_variables)]
impl crate::json::FromJson for {path} {{
    fn read(&mut self, map: &crate::json::Object, at: &mut crate::json::Reading) -> Result<(), crate::json::JsonError> {{
        use crate::json::read as r;
{require}{read}        Ok(())
    }}
}}
"
        )?;
        for nested in &message.nested_type {
            self.implement(out, &full, nested, proto3)?;
        }
        Ok(())
    }

    fn write_field(
        &self,
        out: &mut String,
        field: &FieldDescriptorProto,
        proto3: bool,
    ) -> Result<(), Failure> {
        let (name, rust, kind) = (
            field.name(),
            rust_name(&field.name().to_snake_case()),
            self.kind(field)?,
        );
        let is_deprecated = field.options.as_ref().is_some_and(|o| o.deprecated());
        let entry = |value: &str| format!("map.serialize_entry(\"{name}\", {value})?;");
        let is_double = matches!(kind, Kind::Number("f64"));
        let line = match (field.label(), &kind) {
            (Label::Optional, _) if is_double && field.default_value.is_some() && !is_deprecated => {
                entry(&format!("&crate::json::Double(self.{rust}())"))
            }
            (Label::Optional, _) if is_double && !proto3 => {
                format!("if let Some(v) = &self.{rust} {{ {} }}", entry("&crate::json::Double(*v)"))
            }
            (Label::Required, _) if is_double => entry(&format!("&crate::json::Double(self.{rust})")),
            (Label::Repeated, Kind::Enum(path)) => format!(
                "let names: Vec<&str> = self.{rust}.iter().filter_map(|n| {path}::try_from(*n).ok()).map(|v| v.as_str_name()).collect();
        if !names.is_empty() {{ {} }}",
                entry("&names")
            ),
            (Label::Repeated, Kind::Bytes) => format!(
                "let all: Vec<_> = self.{rust}.iter().map(crate::json::Base64).collect();
        if !all.is_empty() {{ {} }}",
                entry("&all")
            ),
            (Label::Repeated, _) => format!("if !self.{rust}.is_empty() {{ {} }}", entry(&format!("&self.{rust}"))),
            // A declared default is written when nothing is set, unless the field is deprecated.
            (Label::Optional, Kind::Enum(_)) if field.default_value.is_some() && !is_deprecated => {
                entry(&format!("self.{rust}().as_str_name()"))
            }
            (Label::Optional, _) if field.default_value.is_some() && !is_deprecated => {
                entry(&format!("&self.{rust}()"))
            }
            (Label::Optional, Kind::Enum(path)) if !proto3 => {
                format!("if let Some(Ok(v)) = self.{rust}.map({path}::try_from) {{ {} }}", entry("v.as_str_name()"))
            }
            (Label::Optional, Kind::Bytes) if !proto3 => {
                format!("if let Some(v) = &self.{rust} {{ {} }}", entry("&crate::json::Base64(v)"))
            }
            (Label::Optional, Kind::Message) => format!("if let Some(v) = &self.{rust} {{ {} }}", entry("v")),
            (Label::Optional, _) if !proto3 => format!("if let Some(v) = &self.{rust} {{ {} }}", entry("v")),
            (Label::Optional, Kind::Number(number)) => {
                format!("if self.{rust} != {number}::default() {{ {} }}", entry(&format!("&self.{rust}")))
            }
            (Label::Optional, Kind::Bool) => format!("if self.{rust} {{ {} }}", entry("&true")),
            (Label::Optional, Kind::Text) => {
                format!("if !self.{rust}.is_empty() {{ {} }}", entry(&format!("&self.{rust}")))
            }
            // proto3 enums and bytes do not occur in what is JSON.
            (Label::Optional, _) => String::new(),
            (Label::Required, Kind::Enum(path)) => {
                format!("if let Ok(v) = {path}::try_from(self.{rust}) {{ {} }}", entry("v.as_str_name()"))
            }
            (Label::Required, Kind::Bytes) => entry(&format!("&crate::json::Base64(&self.{rust})")),
            (Label::Required, _) => entry(&format!("&self.{rust}")),
        };
        writeln!(out, "        {line}")?;
        Ok(())
    }

    fn read_field(
        &self,
        require: &mut String,
        out: &mut String,
        field: &FieldDescriptorProto,
        proto3: bool,
    ) -> Result<(), Failure> {
        let (name, rust, kind) = (
            field.name(),
            rust_name(&field.name().to_snake_case()),
            self.kind(field)?,
        );
        if let Some(entry) = self.maps.get(field.type_name()) {
            let of = entry
                .field
                .iter()
                .find(|f| f.name() == "value")
                .ok_or("a map entry has a value")?;
            let value = self.read_one(&self.kind(of)?, name, "v");
            writeln!(
                out,
                "        if let Some(v) = r::present(map, \"{name}\") {{ for (k, v) in r::object(v, \"{name}\")? {{ self.{rust}.insert(k.clone(), {value}); }} }}"
            )?;
            return Ok(());
        }
        let set = match (field.label(), &kind) {
            (Label::Repeated, Kind::Enum(_)) => {
                let value = self.read_one(&kind, name, "v");
                format!(
                    "for v in r::array(v, \"{name}\")? {{ if let Some(n) = {value} {{ self.{rust}.push(n as i32); }} }}"
                )
            }
            (Label::Repeated, Kind::Message) => {
                format!(
                    "for (i, v) in r::array(v, \"{name}\")?.iter().enumerate() {{ self.{rust}.push(r::element(v, \"{name}\", i, at)?); }}"
                )
            }
            (Label::Repeated, _) => {
                let value = self.read_one(&kind, name, "v");
                format!("for v in r::array(v, \"{name}\")? {{ self.{rust}.push({value}); }}")
            }
            (Label::Optional, Kind::Enum(_)) => {
                format!(
                    "self.{rust} = {}.map(|n| n as i32);",
                    self.read_one(&kind, name, "v")
                )
            }
            (Label::Required, Kind::Enum(_)) => {
                format!(
                    "if let Some(n) = {} {{ self.{rust} = n as i32; }}",
                    self.read_one(&kind, name, "v")
                )
            }
            (Label::Optional, _) if !proto3 || matches!(kind, Kind::Message) => {
                format!("self.{rust} = Some({});", self.read_one(&kind, name, "v"))
            }
            _ => format!("self.{rust} = {};", self.read_one(&kind, name, "v")),
        };
        if field.label() == Label::Required {
            match &kind {
                Kind::Enum(path) => writeln!(
                    require,
                    "        at.require_name(map, \"{name}\", {path}::from_str_name);"
                )?,
                _ => writeln!(require, "        at.require(map, \"{name}\");")?,
            }
        }
        writeln!(
            out,
            "        if let Some(v) = r::present(map, \"{name}\") {{ {set} }}"
        )?;
        Ok(())
    }

    /// The expression that reads one value; for enums an `Option`, since unknown names count as absent.
    fn read_one(&self, kind: &Kind, name: &str, value: &str) -> String {
        match kind {
            Kind::Bool => format!("r::boolean({value}, \"{name}\")?"),
            Kind::Number(number) => format!("r::number::<{number}>({value}, \"{name}\")?"),
            Kind::Text => format!("r::text({value}, \"{name}\")?"),
            Kind::Bytes => format!("r::bytes({value}, \"{name}\")?"),
            Kind::Enum(path) => format!("r::name({value}, \"{name}\", {path}::from_str_name)?"),
            Kind::Message => format!("r::message({value}, \"{name}\", at)?"),
        }
    }

    /// A member of a oneof.
    fn oneof(
        &self,
        message: &DescriptorProto,
        full: &str,
        field: &FieldDescriptorProto,
        write: &mut String,
        read: &mut String,
    ) -> Result<(), Failure> {
        let kind = self.kind(field)?;
        let index = usize::try_from(field.oneof_index())?;
        let group = message.oneof_decl.get(index).ok_or("a oneof is declared")?.name();
        let module = self
            .path(&format!(".{full}"))?
            .rsplit_once("::")
            .ok_or("a path has a module")?
            .0;
        let variant = format!(
            "{module}::{}::{}::{}",
            rust_name(&message.name().to_snake_case()),
            group.to_upper_camel_case(),
            field.name().to_upper_camel_case()
        );
        let (name, rust) = (field.name(), rust_name(group));
        let value = self.read_one(&kind, name, "v");
        let (shown, set) = match &kind {
            Kind::Enum(path) => (
                format!(
                    "if let Ok(v) = {path}::try_from(*v) {{ map.serialize_entry(\"{name}\", v.as_str_name())?; }}"
                ),
                format!("if let Some(n) = {value} {{ self.{rust} = Some({variant}(n as i32)); }}"),
            ),
            Kind::Bytes => (
                format!("map.serialize_entry(\"{name}\", &crate::json::Base64(v))?;"),
                format!("self.{rust} = Some({variant}({value}));"),
            ),
            _ => (
                format!("map.serialize_entry(\"{name}\", v)?;"),
                format!("self.{rust} = Some({variant}({value}));"),
            ),
        };
        writeln!(
            write,
            "        if let Some({variant}(v)) = &self.{rust} {{ {shown} }}"
        )?;
        writeln!(
            read,
            "        if let Some(v) = r::present(map, \"{name}\") {{ {set} }}"
        )?;
        Ok(())
    }
}

/// A field or module name as prost writes it.
fn rust_name(name: &str) -> String {
    const KEYWORDS: [&str; 14] = [
        "type", "ref", "match", "move", "in", "for", "fn", "struct", "use", "mod", "where", "async",
        "static", "loop",
    ];
    if KEYWORDS.contains(&name) {
        format!("r#{name}")
    } else {
        name.to_owned()
    }
}
