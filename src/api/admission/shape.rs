//! Reads a message's wire form before it is decoded: how many fields it has, and whether they match the proto.
//!
//! Decoding turns an empty embedded message of two bytes into hundreds, so a message's length says little about the memory that it will take.
//! The scan needs no memory, refuses messages with too many fields, and names the malformed field, where the decoder would only say
//! that something is wrong. Source: protobuf.dev, "Encoding".

use std::collections::HashMap;

use prost_reflect::{Kind, MessageDescriptor};

use crate::base::limits;

/// A message in [`Shapes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShapeId(usize);

/// The messages that requests are made of.
#[derive(Debug, Default)]
pub struct Shapes {
    messages: Vec<Shape>,
    by_name: HashMap<String, usize>,
}

/// A message's fields, by number.
#[derive(Debug, Default)]
struct Shape {
    fields: Vec<Field>,
}

#[derive(Debug)]
struct Field {
    number: u32,
    name: String,
    wire: Wire,
    is_repeated: bool,
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wire {
    Varint,
    Fixed32,
    Fixed64,
    Text,
    Bytes,
    Message(usize),
}

/// Deepest nesting that is read: prost's own limit.
const DEPTH_MAX: u32 = 100;

/// Why a message is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// It has more fields than the method allows.
    TooManyFields,
    /// It is malformed; the path of the field (`changes.payload`), empty for the message itself, and the flaw.
    Malformed(String, &'static str),
}

impl Shapes {
    /// The shape of this message, and of those inside it.
    pub fn of(&mut self, message: &MessageDescriptor) -> ShapeId {
        ShapeId(self.add(message))
    }

    fn add(&mut self, message: &MessageDescriptor) -> usize {
        if let Some(known) = self.by_name.get(message.full_name()) {
            return *known;
        }
        let id = self.messages.len();
        self.messages.push(Shape::default());
        self.by_name.insert(message.full_name().to_owned(), id);
        let mut fields = Vec::new();
        for field in message.fields() {
            let wire = match field.kind() {
                Kind::Message(of) => Wire::Message(self.add(&of)),
                Kind::String => Wire::Text,
                Kind::Bytes => Wire::Bytes,
                Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => Wire::Fixed64,
                Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => Wire::Fixed32,
                _ => Wire::Varint,
            };
            let is_repeated = field.is_list() || field.is_map();
            fields.push(Field { number: field.number(), name: field.name().to_owned(), wire, is_repeated });
        }
        fields.sort_by_key(|field| field.number);
        self.messages[id].fields = fields;
        id
    }

    /// Counts the fields of an encoded message, up to `fields_max`.
    pub fn scan(&self, id: ShapeId, message: &[u8], fields_max: usize) -> Result<usize, Flaw> {
        let mut scan = Scan { shapes: self, left: fields_max, listed: 0 };
        scan.message(id.0, message, 0).map_err(|flaw| match flaw {
            Flaw::Malformed(path, what) => Flaw::Malformed(path.trim_end_matches('.').to_owned(), what),
            flaw => flaw,
        })?;
        Ok(fields_max - scan.left)
    }
}

struct Scan<'a> {
    shapes: &'a Shapes,
    left: usize,
    /// Messages in the lists of the request itself.
    listed: usize,
}

fn malformed<T>(what: &'static str) -> Result<T, Flaw> {
    Err(Flaw::Malformed(String::new(), what))
}

impl Scan<'_> {
    fn message(&mut self, id: usize, mut bytes: &[u8], depth: u32) -> Result<(), Flaw> {
        if depth > DEPTH_MAX {
            return malformed("nested too deeply");
        }
        let shape = &self.shapes.messages[id];
        while !bytes.is_empty() {
            let key = varint(&mut bytes)?;
            let Ok(key) = u32::try_from(key) else {
                return malformed("a field number above the maximum");
            };
            let (number, wire_type) = (key >> 3, key & 7);
            if number == 0 {
                return malformed("field number 0");
            }
            self.count(1)?;
            let found = shape.fields.binary_search_by_key(&number, |field| field.number);
            match found.ok().and_then(|at| shape.fields.get(at)) {
                Some(field) => self.field(field, wire_type, &mut bytes, depth).map_err(|flaw| match flaw {
                    Flaw::Malformed(path, what) => Flaw::Malformed(format!("{}.{path}", field.name), what),
                    flaw => flaw,
                })?,
                None => skip(wire_type, &mut bytes)?,
            }
        }
        Ok(())
    }

    fn field(&mut self, field: &Field, wire_type: u32, bytes: &mut &[u8], depth: u32) -> Result<(), Flaw> {
        match (field.wire, wire_type) {
            (Wire::Varint, 0) => varint(bytes).map(drop),
            (Wire::Fixed64, 1) => take(bytes, 8).map(drop),
            (Wire::Fixed32, 5) => take(bytes, 4).map(drop),
            (Wire::Text, 2) => match simdutf8::basic::from_utf8(delimited(bytes)?) {
                Ok(_) => Ok(()),
                Err(_) => malformed("text that is not UTF-8"),
            },
            (Wire::Bytes, 2) => delimited(bytes).map(drop),
            (Wire::Message(id), 2) => {
                if field.is_repeated && depth == 0 {
                    self.listed += 1;
                    if self.listed > limits::REQUEST_LIST_MAX {
                        return Err(Flaw::TooManyFields);
                    }
                }
                self.message(id, delimited(bytes)?, depth + 1)
            }
            // Scalars of a list may come packed.
            (Wire::Varint, 2) if field.is_repeated => {
                let mut packed = delimited(bytes)?;
                while !packed.is_empty() {
                    self.count(1)?;
                    varint(&mut packed)?;
                }
                Ok(())
            }
            (Wire::Fixed64, 2) if field.is_repeated => self.packed(delimited(bytes)?, 8),
            (Wire::Fixed32, 2) if field.is_repeated => self.packed(delimited(bytes)?, 4),
            _ => malformed("a value of the wrong wire type"),
        }
    }

    fn packed(&mut self, bytes: &[u8], width: usize) -> Result<(), Flaw> {
        self.count(bytes.len() / width)?;
        if bytes.len().is_multiple_of(width) { Ok(()) } else { malformed("a packed list that ends within a value") }
    }

    fn count(&mut self, fields: usize) -> Result<(), Flaw> {
        self.left = self.left.checked_sub(fields).ok_or(Flaw::TooManyFields)?;
        Ok(())
    }
}

/// Skips a field that the proto does not have. proto3 has no groups.
fn skip(wire_type: u32, bytes: &mut &[u8]) -> Result<(), Flaw> {
    match wire_type {
        0 => varint(bytes).map(drop),
        1 => take(bytes, 8).map(drop),
        2 => delimited(bytes).map(drop),
        5 => take(bytes, 4).map(drop),
        _ => malformed("a wire type that proto3 does not have"),
    }
}

fn varint(bytes: &mut &[u8]) -> Result<u64, Flaw> {
    let mut value = 0_u64;
    for (at, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            if at == 9 && *byte > 1 {
                return malformed("a number of more than 64 bits");
            }
            *bytes = &bytes[at + 1..];
            return Ok(value);
        }
    }
    malformed(if bytes.len() < 10 { "it ends within a number" } else { "a number of more than ten bytes" })
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], Flaw> {
    match bytes.split_at_checked(length) {
        Some((taken, rest)) => {
            *bytes = rest;
            Ok(taken)
        }
        None => malformed("it ends within a field"),
    }
}

fn delimited<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], Flaw> {
    match usize::try_from(varint(bytes)?) {
        Ok(length) => take(bytes, length),
        Err(_) => malformed("it ends within a field"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;
    use prost_reflect::DynamicMessage;

    use super::*;
    use crate::wire::proto::registry::v1;
    use crate::wire::typed::pool;

    const SUBMIT: &str = "lienthong.registry.v1.SubmitChangesRequest";

    fn scan(bytes: &[u8], fields_max: usize) -> Result<usize, Flaw> {
        let mut shapes = Shapes::default();
        let id = shapes.of(&pool().get_message_by_name(SUBMIT).expect("in the protos"));
        shapes.scan(id, bytes, fields_max)
    }

    fn value(kind: prost_types::value::Kind) -> prost_types::Value {
        prost_types::Value { kind: Some(kind) }
    }

    #[test]
    fn fields_are_counted_inside_and_out() {
        let list = prost_types::ListValue { values: vec![value(prost_types::value::Kind::NullValue(0)); 5] };
        let fields = [("a".to_owned(), value(prost_types::value::Kind::ListValue(list)))];
        let payload = prost_types::Struct { fields: fields.into_iter().collect() };
        let change = v1::Change { record_type: "x".into(), payload: Some(payload), ..Default::default() };
        let request = v1::SubmitChangesRequest { registry: "land".into(), changes: vec![change], ..Default::default() };
        let bytes = request.encode_to_vec();
        // registry, change, type, payload, entry, key, value, list, five values, and what each of these says: null
        assert_eq!(scan(&bytes, 100), Ok(18));
        assert_eq!(scan(&bytes, 18), Ok(18));
        assert_eq!(scan(&bytes, 17), Err(Flaw::TooManyFields));
        assert_eq!(scan(&[0x1a, 0x00].repeat(2_000_000), 4_096), Err(Flaw::TooManyFields));
        let list = |count| scan(&[0x1a, 0x00].repeat(count), usize::MAX);
        assert_eq!(list(limits::REQUEST_LIST_MAX), Ok(limits::REQUEST_LIST_MAX));
        assert_eq!(list(limits::REQUEST_LIST_MAX + 1), Err(Flaw::TooManyFields));
    }

    #[test]
    fn what_is_not_well_formed_is_named() {
        let refused = |bytes: &[u8]| match scan(bytes, 100) {
            Err(Flaw::Malformed(path, _)) => path,
            other => unreachable!("{other:?}"),
        };
        assert_eq!(refused(&[0x0a, 0x01, 0xff]), "registry", "not UTF-8");
        assert_eq!(refused(&[0x0a, 0x05, b'a']), "registry", "cut short");
        assert_eq!(refused(&[0x08, 0x01]), "registry", "a number for a text");
        assert_eq!(refused(&[0x1a, 0x03, 0x0a, 0x01, 0xff]), "changes.record_type");
        assert_eq!(refused(&[0x00]), "", "field 0");
        assert_eq!(refused(&[0x0b]), "registry", "a group");
        assert_eq!(refused(&[0x9b, 0x06]), "", "an unknown group");
        assert_eq!(scan(&[0x98, 0x06, 0x01], 100), Ok(1), "an unknown field is passed over");
    }

    proptest! {
        /// The scan accepts exactly the messages that the decoder accepts.
        #[test]
        fn the_decoder_reads_what_the_scan_admits(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if scan(&bytes, 1_000).is_ok() {
                prop_assert!(v1::SubmitChangesRequest::decode(bytes.as_slice()).is_ok());
                let of = pool().get_message_by_name(SUBMIT).expect("in the protos");
                prop_assert!(DynamicMessage::decode(of, bytes.as_slice()).is_ok());
            }
        }

        /// Changed a little, a message is refused by both or read by both, but for groups, which the scan always refuses.
        #[test]
        fn changed_messages_too(at in 0_usize..60, byte in any::<u8>()) {
            let change = v1::Change { record_type: "land.parcel.v1".into(), expected_version: 3, ..Default::default() };
            let request = v1::SubmitChangesRequest {
                registry: "land".into(),
                request_id: "request".into(),
                changes: vec![change.clone(), change],
            };
            let mut bytes = request.encode_to_vec();
            let length = bytes.len();
            bytes[at % length] = byte;
            if scan(&bytes, 1_000).is_ok() {
                prop_assert!(v1::SubmitChangesRequest::decode(bytes.as_slice()).is_ok());
            }
        }
    }
}
