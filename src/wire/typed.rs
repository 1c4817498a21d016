//! Typed forms of payloads: a payload's fields as a protobuf message, by the message's descriptor.
//!
//! The typed message is the payload: field names are the same, an enum's value is the payload's text in capitals behind
//! the enum's prefix (`female` is `SEX_FEMALE`), everything else is a text, a small whole number, a list or a nested
//! message. So one table for each message serves all record types, whole or partly disclosed, and a typed form is made
//! from canonical bytes without building an object. Typed forms are for reading; what is verified are the signed bytes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;

use prost::Message;
use prost_reflect::FieldDescriptor;

use crate::trust::Disclosure;
use crate::trust::canonical;

mod compare;
mod encode;
mod error;
mod pool;
mod table;
mod tree;

pub use error::TypedError;
pub use pool::pool;
use table::Tables;
pub use tree::{Fields, Tree};

/// The wire bytes of the message `name` with these fields: names, and canonical bytes of their values.
pub fn encode<'a>(name: &str, fields: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Vec<u8>, TypedError> {
    let tables = Tables::get();
    let unknown = || TypedError { path: name.to_owned(), problem: "is no message" };
    encode::fields(tables, tables.message(name).ok_or_else(unknown)?, fields)
}

/// The wire bytes of what a disclosure shows; fields that it hides are absent.
pub fn encode_disclosure(name: &str, disclosure: &Disclosure) -> Result<Vec<u8>, TypedError> {
    match disclosure {
        Disclosure::Whole { payload, .. } => {
            let scanned = canonical::scan(payload)?;
            encode(name, scanned.fields().map(|field| (field.name, field.value)).collect::<Vec<_>>())
        }
        Disclosure::Partial { shown, .. } => {
            encode(name, shown.iter().map(|field| (field.name.as_str(), field.value.as_ref())))
        }
    }
}

/// What a disclosure shows as the generated message `M`, whose full name is `name`.
pub fn typed<M: Message + Default>(name: &str, disclosure: &Disclosure) -> Result<M, TypedError> {
    let bytes = encode_disclosure(name, disclosure)?;
    M::decode(bytes.as_slice()).map_err(|_| TypedError { path: name.to_owned(), problem: "is of another message type" })
}

/// What a disclosure shows, borrowed from it. That it is canonical is for the verifier to say.
pub fn shown(disclosure: &Disclosure) -> Result<Fields<'_>, TypedError> {
    let refused = |name: &str| TypedError { path: name.to_owned(), problem: "is not canonical" };
    match disclosure {
        Disclosure::Whole { payload, .. } => match read(payload) {
            Some(Tree::Object(fields)) => Ok(fields),
            _ => Err(refused("payload")),
        },
        Disclosure::Partial { shown, .. } => {
            let read = shown.iter().map(|field| {
                let value = read(&field.value).ok_or_else(|| refused(&field.name))?;
                Ok((Cow::Borrowed(field.name.as_str()), value))
            });
            read.collect()
        }
    }
}

fn read(json: &[u8]) -> Option<Tree<'_>> {
    Tree::parse(std::str::from_utf8(json).ok()?).ok()
}

/// The path at which a typed form (JSON of protobuf: camelCase or snake_case names, defaults left out or not) says
/// something else than the shown fields; `None` when it says the same.
pub fn difference(name: &str, shown: &Fields<'_>, typed: &Tree<'_>) -> Option<String> {
    let tables = Tables::get();
    match tables.message(name) {
        Some(table) => compare::message(tables, table, shown, typed).err(),
        None => Some(name.to_owned()),
    }
}

/// The path at which the JSON of a `google.protobuf.Struct` says something else than the shown fields; `None` when it says the
/// same: every field by its own name, and no other.
pub fn plain_difference(shown: &Fields<'_>, said: &Tree<'_>) -> Option<String> {
    match said {
        Tree::Object(said) => compare::plain(shown, said).err(),
        _ => Some("the typed form".to_owned()),
    }
}

/// A field's comment in the protos: what it means, in one paragraph.
pub fn comment(field: &FieldDescriptor) -> String {
    static COMMENTS: OnceLock<BTreeMap<(String, Vec<i32>), String>> = OnceLock::new();
    let comments = COMMENTS.get_or_init(|| {
        let mut comments = BTreeMap::new();
        for file in pool().files() {
            for location in file.file_descriptor_proto().source_code_info.iter().flat_map(|info| &info.location) {
                if let Some(text) = &location.leading_comments {
                    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
                    comments.insert((file.name().to_owned(), location.path.clone()), text);
                }
            }
        }
        comments
    });
    let key = (field.parent_file().name().to_owned(), field.path().to_vec());
    comments.get(&key).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests;
