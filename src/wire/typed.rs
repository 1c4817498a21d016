//! Typed forms of payloads: a payload's fields as a protobuf message, by the message's descriptor.
//!
//! The typed message is the payload: field names are the same, an enum's value is the payload's text in capitals behind
//! the enum's prefix (`female` is `SEX_FEMALE`), everything else is a text, a small whole number, a list or a nested
//! message. So one table for each message serves all record types, whole or partly disclosed, and a typed form is made
//! from canonical bytes without building an object. Typed forms are for reading; verification covers the signed bytes.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use prost::Message;
use prost_reflect::{FieldDescriptor, MethodDescriptor};

use crate::trust::Disclosure;
use crate::trust::canonical;

mod encode;
mod error;
mod pool;
pub(crate) mod table;

pub use error::TypedError;
pub use pool::pool;
use table::Tables;

/// The wire bytes of the message `name` with these fields: names, and canonical bytes of their values.
pub fn encode<'a>(name: &str, fields: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Vec<u8>, TypedError> {
    let tables = Tables::get();
    let unknown = || TypedError { path: name.to_owned(), problem: "is no message" };
    encode::fields(tables, tables.message(name).ok_or_else(unknown)?, fields)
}

/// The wire bytes of the disclosed fields; hidden fields are absent.
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

/// The disclosed fields as the generated message `M`, whose full name is `name`.
pub fn typed<M: Message + Default>(name: &str, disclosure: &Disclosure) -> Result<M, TypedError> {
    let bytes = encode_disclosure(name, disclosure)?;
    M::decode(bytes.as_slice()).map_err(|_| TypedError { path: name.to_owned(), problem: "is of another message type" })
}

/// The method of a full name, `lienthong.identity.v1.LinkService/LinkDocument`.
pub fn method(name: &str) -> Option<MethodDescriptor> {
    let (service, name) = name.split_once('/')?;
    pool().get_service_by_name(service)?.methods().find(|method| method.name() == name)
}

/// The full names of all methods in the protos.
pub fn methods() -> impl Iterator<Item = String> {
    pool().services().flat_map(|service| {
        let of = service.full_name().to_owned();
        service.methods().map(|method| format!("{of}/{}", method.name())).collect::<Vec<_>>()
    })
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
