//! Field commitments: a statement signs one hash, and yet each top-level field can be shown or hidden on its own.
//!
//! ```text
//! salt_i = HMAC-SHA256(record salt, "lienthong/field-salt/v1" ‖ 00 ‖ name)
//! leaf_i = SHA-256(00 ‖ "lienthong/field/v1" ‖ 00 ‖ salt_i ‖ len16(name) ‖ name ‖ len32(value) ‖ value)
//! fields_root = RFC 6962 tree hash over leaf_0 … leaf_n-1, fields in canonical order
//! ```
//!
//! `value` is the field's canonical bytes. The salt keeps a hidden field hidden: without it, a birth date could be
//! found by trying all of them. One salt for each record, and one derived from it for each field, so that a whole
//! disclosure carries 32 bytes and a partial one reveals nothing about the fields that it hides.

use bytes::Bytes;

use super::canonical::{CanonicalError, Scanned, is_name, scan, scan_value};
use super::merkle::{Hash, root_in_place};
use super::record::{Disclosure, HiddenField, Salt, ShownField};
use super::sha256::{Hmac, Messages, State};
use crate::base::limits::PAYLOAD_FIELDS_MAX;

const SALT_LABEL: &[u8] = b"lienthong/field-salt/v1\0";
const LEAF_LABEL: &[u8] = b"\0lienthong/field/v1\0";

/// Derives the field salts of one record; the keyed state is computed once.
#[derive(Clone)]
pub struct Salter(Hmac);

impl Salter {
    /// For the record with this salt.
    pub fn new(record_salt: &Salt) -> Self {
        Self(Hmac::new(record_salt))
    }

    /// The salt of a field.
    pub fn field_salt(&self, name: &str) -> Salt {
        self.0.mac(&[SALT_LABEL, name.as_bytes()])
    }
}

/// Commitments to fields that wait to be computed together.
struct Leaves(Messages);

impl Leaves {
    fn new(count: usize) -> Self {
        Self(Messages::new(State::BEGINNING, count))
    }

    #[inline(always)]
    fn push(&mut self, salt: &Salt, name: &str, value: &[u8]) {
        let (name_length, value_length) = ((name.len() as u16).to_be_bytes(), (value.len() as u32).to_be_bytes());
        self.0.push(&[LEAF_LABEL, salt, &name_length, name.as_bytes(), &value_length, value]);
    }

    fn hash_into(mut self, places: &mut [Hash]) {
        self.0.hash_into(places);
    }
}

/// The commitment to one field.
pub fn field_leaf(salt: &Salt, name: &str, value: &[u8]) -> Hash {
    let (mut leaves, mut leaf) = (Leaves::new(1), [0; 32]);
    leaves.push(salt, name, value);
    leaves.hash_into(std::slice::from_mut(&mut leaf));
    leaf
}

/// The root over all fields of a payload.
pub fn fields_root(payload: &Scanned<'_>, record_salt: &Salt) -> Hash {
    let mut places = [[0; 32]; PAYLOAD_FIELDS_MAX];
    let places = &mut places[..payload.len()];
    Salter::new(record_salt).0.mac_into(payload.fields().map(|field| [SALT_LABEL, field.name.as_bytes()]), places);
    let mut leaves = Leaves::new(payload.len());
    payload.fields().zip(places.iter()).for_each(|(field, salt)| leaves.push(salt, field.name, field.value));
    leaves.hash_into(places);
    root_in_place(places)
}

/// The reason why a disclosure has no root that could be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DisclosureError {
    /// A payload, name or value is not canonical.
    #[error(transparent)]
    NotCanonical(#[from] CanonicalError),
    /// A field's name is not a name.
    #[error("field {0} has no snake_case name")]
    Name(u16),
    /// A field is missing, appears twice or out of order, or there are too many.
    #[error("shown and hidden fields together are not each field once, in order")]
    Fields,
}

/// The root that a disclosure leads to, and how many fields it has.
pub fn disclosed_root(disclosure: &Disclosure) -> Result<(Hash, usize), DisclosureError> {
    match disclosure {
        Disclosure::Whole { payload, salt } => {
            let scanned = scan(payload)?;
            Ok((fields_root(&scanned, salt), scanned.len()))
        }
        Disclosure::Partial { shown, hidden } => partial_root(shown, hidden),
    }
}

/// Takes the shown and hidden fields in the order of their indices; each index is in exactly one of the lists.
fn partial_root(shown: &[ShownField], hidden: &[HiddenField]) -> Result<(Hash, usize), DisclosureError> {
    let count = shown.len() + hidden.len();
    if count > PAYLOAD_FIELDS_MAX {
        return Err(DisclosureError::Fields);
    }
    let mut shown_leaves = [[0; 32]; PAYLOAD_FIELDS_MAX];
    let mut waiting = Leaves::new(shown.len());
    let mut previous_name = "";
    for field in shown {
        if !is_name(field.name.as_bytes()) {
            return Err(DisclosureError::Name(field.index));
        }
        if field.name.as_str() <= previous_name {
            return Err(DisclosureError::Fields);
        }
        previous_name = &field.name;
        scan_value(&field.value)?;
        waiting.push(&field.salt, &field.name, &field.value);
    }
    waiting.hash_into(&mut shown_leaves);
    let mut leaves = [[0; 32]; PAYLOAD_FIELDS_MAX];
    let mut shown = shown.iter().zip(&shown_leaves).map(|(field, leaf)| (field.index, leaf)).peekable();
    let mut hidden = hidden.iter().map(|field| (field.index, &field.leaf)).peekable();
    for (index, leaf) in leaves[..count].iter_mut().enumerate() {
        let next = |(at, _): &(u16, _)| usize::from(*at) == index;
        let Some((_, found)) = shown.next_if(next).or_else(|| hidden.next_if(next)) else {
            return Err(DisclosureError::Fields);
        };
        *leaf = *found;
    }
    Ok((root_in_place(&mut leaves[..count]), count))
}

/// Hides every field except the named ones; names that the record does not have are ignored. A partial disclosure
/// can be narrowed further.
pub fn redact<N: AsRef<str>>(disclosure: &Disclosure, show: &[N]) -> Result<Disclosure, CanonicalError> {
    let shows = |name: &str| show.iter().any(|shown| shown.as_ref() == name);
    let (mut shown, mut hidden) = (Vec::new(), Vec::new());
    match disclosure {
        Disclosure::Whole { payload, salt } => {
            let scanned = scan(payload)?;
            let mut salts = [[0; 32]; PAYLOAD_FIELDS_MAX];
            let salts = &mut salts[..scanned.len()];
            let names = scanned.fields().map(|field| [SALT_LABEL, field.name.as_bytes()]);
            Salter::new(salt).0.mac_into(names, salts);
            let mut waiting = Leaves::new(scanned.len());
            for (index, (field, salt)) in scanned.fields().zip(&*salts).enumerate() {
                let index = index as u16;
                if shows(field.name) {
                    let (name, value) = (field.name.to_owned(), payload.slice_ref(field.value));
                    shown.push(ShownField { index, name, value, salt: *salt });
                } else {
                    waiting.push(salt, field.name, field.value);
                    hidden.push(HiddenField { index, leaf: [0; 32] });
                }
            }
            let leaves = &mut salts[..hidden.len()];
            waiting.hash_into(leaves);
            hidden.iter_mut().zip(leaves).for_each(|(field, leaf)| field.leaf = *leaf);
        }
        Disclosure::Partial { shown: before, hidden: already } => {
            hidden.extend_from_slice(already);
            for field in before {
                if shows(&field.name) {
                    shown.push(ShownField { value: Bytes::copy_from_slice(&field.value), ..field.clone() });
                } else {
                    let leaf = field_leaf(&field.salt, &field.name, &field.value);
                    hidden.push(HiddenField { index: field.index, leaf });
                }
            }
            hidden.sort_by_key(|field| field.index);
        }
    }
    Ok(Disclosure::Partial { shown, hidden })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::to_hex;
    use crate::trust::canonical::{Object, write};

    fn whole() -> Disclosure {
        let payload =
            Object::new().with("birth_date", "1990-01-02").with("full_name", "Lê Thị Hà").with("sex", "female");
        Disclosure::Whole { payload: write(&payload).into(), salt: [7; 32] }
    }

    #[test]
    fn formulas_are_fixed() {
        // computed apart, with Python's hmac and hashlib
        let salt = Salter::new(&[7; 32]).field_salt("sex");
        assert_eq!(to_hex(&salt), "dd7100d67a11333906fe825f4ac6ee39afa12ad847c13cf3b445d5b9bb33dd8e");
        assert_eq!(
            to_hex(&field_leaf(&salt, "sex", b"\"female\"")),
            "39dedfa1e6d995ccc5865e33f2522823363e4c30752e0b1cbb1e5fe200e365e0"
        );
        let (root, count) = disclosed_root(&whole()).expect("canonical");
        assert_eq!(
            (to_hex(&root).as_str(), count),
            ("c4bb74c5141d30abebd3d83a9904c9af40cf196e1142002b2c77447e7d41a2dc", 3)
        );
    }

    #[test]
    fn redaction_keeps_the_root_and_can_be_narrowed() {
        let root = disclosed_root(&whole()).expect("canonical");
        for show in [&["sex", "full_name", "no_such_field"][..], &["birth_date"], &[]] {
            let partial = redact(&whole(), show).expect("canonical");
            assert_eq!(disclosed_root(&partial), Ok(root));
            let fields = partial.fields().expect("canonical");
            assert!(fields.names().all(|name| show.contains(&name)));
            let narrower = redact(&partial, &["sex"]).expect("canonical");
            assert_eq!(disclosed_root(&narrower), Ok(root));
            assert!(narrower.fields().expect("canonical").len() <= 1);
        }
    }

    #[test]
    fn fields_stand_once_each_and_in_order() {
        let Ok(Disclosure::Partial { shown, hidden }) = redact(&whole(), &["sex", "full_name"]) else { unreachable!() };
        let check = |shown: Vec<ShownField>, hidden: Vec<HiddenField>, expect: DisclosureError| {
            assert_eq!(disclosed_root(&Disclosure::Partial { shown, hidden }), Err(expect));
        };
        check(shown.iter().rev().cloned().collect(), hidden.clone(), DisclosureError::Fields);
        check([&shown[..], &shown[..]].concat(), hidden.clone(), DisclosureError::Fields);
        check(shown.clone(), [&hidden[..], &hidden[..]].concat(), DisclosureError::Fields);
        let mut renamed = shown.clone();
        renamed[0].name = "zzz".to_owned();
        check(renamed, hidden.clone(), DisclosureError::Fields);
        let mut renamed = shown.clone();
        renamed[0].name = "Full".to_owned();
        check(renamed, hidden.clone(), DisclosureError::Name(1));
        let many = (0..65).map(|index| HiddenField { index, leaf: [0; 32] }).collect();
        check(vec![], many, DisclosureError::Fields);
        // dropping the last field leaves a well-formed disclosure with another root
        let fewer = Disclosure::Partial { shown: shown[..1].to_vec(), hidden };
        assert_ne!(disclosed_root(&fewer), disclosed_root(&whole()));
    }
}
