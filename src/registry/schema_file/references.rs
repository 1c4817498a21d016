//! The references of a record type: a field that names records of its own registry must name existing ones.
//!
//! The rule sees the result of the whole submission, so that a record and the one that it names may come together. A reference that a record has already
//! stays. Records of other registries cannot be looked up here: they are named in `Describe`, and not checked.

use std::collections::BTreeSet;

use super::super::lifecycle::{AcrossRule, assumption};
use super::super::schema::{Reference, texts_at};
use crate::trust::Object;

/// The rule of a reference to records of the same registry.
pub(super) fn rule(reference: &Reference) -> AcrossRule {
    let (path, field) = (reference.path.clone(), reference.path.split(".*").next().unwrap_or_default());
    let keys = move |object: &Object| {
        let mut keys = BTreeSet::new();
        texts_at(object, &path, &mut |text| {
            keys.insert(text.to_owned());
        });
        keys
    };
    let says = format!("must name a record of the type {} that the registry has", reference.record_type);
    let asked = keys.clone();
    AcrossRule::new(
        ("REFERENCE", field),
        &says,
        assumption(),
        move |after| asked(after).into_iter().collect(),
        move |before, after, around| {
            let known = before.map(&keys).unwrap_or_default();
            keys(after).difference(&known).all(|key| around.newest(key).is_some())
        },
    )
    .about(&reference.record_type)
}
