//! Whether lives are legal: every record by the rules of its type, every later version by its lifecycle too. The registries check the same, and
//! more, before anything is written; this says it without them.

use crate::base::{Date, Error, Result, Violation, Violations};
use crate::registry::lifecycle::Step;
use crate::registry::resident::PERSON;
use crate::registry::rule::Findings;
use crate::registry::{Catalogue, Name};
use crate::simulation::document::Record;

/// Fields of the person that are fields of the request too, and so are named as it names them.
const OF_THE_REQUEST: [&str; 2] = ["full_name", "birth_date"];

/// Everything that the rules have against first and later versions, fields named under the record type.
pub fn violations(
    catalogue: &Catalogue,
    first: &[Record<Name>],
    later: &[Record<Name>],
    today: Date,
) -> Result<Violations> {
    let mut found = Violations::default();
    for record in first.iter().chain(later) {
        let of = catalogue.defined(&record.record_type)?;
        of.validate(&record.payload, today, &&*record.record_type, &mut found);
        if record.version == 1 {
            continue;
        }
        let key = of.key_of(&record.payload);
        let before = |other: &&Record<Name>| {
            (&other.record_type, other.version + 1, of.key_of(&other.payload))
                == (&record.record_type, record.version, key.clone())
        };
        let Some(before) = first.iter().chain(later).find(before) else {
            return Err(Error::bug("a later version without the one before it"));
        };
        let step = Step { before: &before.payload, after: &record.payload, operation: record.operation, today };
        of.lifecycle.check(&step, &mut Findings::new(&&*record.record_type, &mut found));
    }
    Ok(found)
}

/// The same violations as the request knows them: under a field of its own, or under `chosen`, which made the records, by their path in them.
pub fn of_request(found: &Violations, chosen: &str) -> Violations {
    let mut renamed = Violations::default();
    for violation in found.kept() {
        let own = violation.field.strip_prefix(PERSON).and_then(|rest| rest.strip_prefix('.'));
        renamed.push(match own.filter(|field| OF_THE_REQUEST.contains(field)) {
            Some(field) => violation.clone().at(field),
            None => {
                let says = format!("{}: {}", violation.field, violation.message);
                Violation::new(chosen, violation.rule.clone(), says)
            }
        });
    }
    renamed
}
