//! The record types that a request names: a bounded list of known types without repetitions. All methods that take such a list share this rule.

use std::sync::Arc;

use super::catalogue::unknown_record_type;
use super::schema::RecordType;
use crate::base::{Violation, limits};

/// The record types of a list in the field `record_types`, each with its position there. Names that are unknown or repeated, and those beyond
/// [`RECORD_TYPES_MAX`](limits::RECORD_TYPES_MAX), are violations; whether a list may be empty is the method's.
pub fn named_types<'a, K>(
    known: K,
    names: &[String],
    violations: &mut Vec<Violation>,
) -> Vec<(usize, &'a Arc<RecordType>)>
where
    K: IntoIterator<Item = &'a Arc<RecordType>> + Clone,
{
    if names.len() > limits::RECORD_TYPES_MAX {
        let says = format!("at most {} record types", limits::RECORD_TYPES_MAX);
        violations.push(Violation::new("record_types", "COUNT", says));
    }
    let mut found: Vec<(usize, &Arc<RecordType>)> = Vec::with_capacity(names.len().min(limits::RECORD_TYPES_MAX));
    for (at, name) in names.iter().take(limits::RECORD_TYPES_MAX).enumerate() {
        match known.clone().into_iter().find(|of| of.name == **name) {
            None => {
                let field = format_args!("record_types[{at}]");
                violations.push(unknown_record_type(field, name, known.clone()));
            }
            Some(of) if found.iter().any(|(_, other)| other.name == of.name) => {
                violations.push(Violation::new(format!("record_types[{at}]"), "DUPLICATE", "is listed already"));
            }
            Some(of) => found.push((at, of)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Catalogue;

    #[test]
    fn each_named_type_is_known_and_named_once() {
        let catalogue = Catalogue::built_in();
        let read = |names: &[&str]| {
            let (names, mut violations): (Vec<String>, _) = (names.iter().map(|name| (*name).into()).collect(), vec![]);
            let found = named_types(catalogue.record_types(), &names, &mut violations);
            let found: Vec<(usize, String)> = found.into_iter().map(|(at, of)| (at, of.name.to_string())).collect();
            let bad: Vec<(String, String)> =
                violations.into_iter().map(|bad| (bad.field.to_string(), bad.rule.to_string())).collect();
            (found, bad)
        };
        let (land, vehicle) = ("land.parcel.v1", "vehicle.registration.v1");
        let (found, bad) = read(&[land, "land.parcels.v1", land, vehicle]);
        assert_eq!(found, [(0, land.to_owned()), (3, vehicle.to_owned())]);
        let bad_at = |at: usize, rule: &str| (format!("record_types[{at}]"), rule.to_owned());
        assert_eq!(bad, [bad_at(1, "UNKNOWN_VALUE"), bad_at(2, "DUPLICATE")]);
        let (found, bad) = read(&["x"; 17]);
        assert_eq!((found.len(), bad.len(), bad[0].clone()), (0, 17, ("record_types".into(), "COUNT".into())));
        assert_eq!(read(&[]), (vec![], vec![]));
    }
}
