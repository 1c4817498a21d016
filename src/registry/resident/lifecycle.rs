//! Lifecycles of people: how somebody stands, who they are, and which numbers are theirs.

use crate::base::PartialDate;
use crate::registry::basis::{CIVIL_STATUS_CHANGE, CORRECTION, COURT_DECISION, ENTRY_ANNULLED, ID_RE_ESTABLISHED};
use crate::registry::common::PARENT_YEARS_MIN;
use crate::registry::lifecycle::{
    AcrossRule, Around, CrossRule, Entries, Lifecycle, Lookup, Source, UniqueRule, assumption, basis, basis_of, free,
    law, memory, never,
};
use crate::registry::rule::date_at;
use crate::trust::{Object, Value};

/// An entry of a death in the civil-status books.
pub const DEATH_ENTRY: &str = "death_entry";

pub(super) fn person() -> Lifecycle {
    let residence = || memory("Law 68/2020 on Residence");
    let numbers = || law("Decree 70/2024, amended by Decree 58/2026");
    let civil_code = || memory("Civil Code, arts. 68 to 73");
    let death = || basis_of(&[DEATH_ENTRY, COURT_DECISION]);
    // Who was declared dead and comes back, and who was written down as dead and was not.
    let not_dead = || basis_of(&[COURT_DECISION, ENTRY_ANNULLED]);
    let identity = || basis_of(&[CIVIL_STATUS_CHANGE, CORRECTION, COURT_DECISION]);
    Lifecycle::default()
        .states(
            "status",
            numbers(),
            [
                ("active", "moved_out", free(), residence()),
                ("moved_out", "active", free(), residence()),
                ("active", "deceased", death(), civil_code()),
                ("moved_out", "deceased", death(), civil_code()),
                ("active", "cancelled", basis(), numbers()),
                ("moved_out", "cancelled", basis(), numbers()),
                ("deceased", "cancelled", basis(), numbers()),
                ("deceased", "active", not_dead(), civil_code()),
                ("deceased", "moved_out", not_dead(), civil_code()),
            ],
        )
        .states(
            "life_status",
            civil_code(),
            [
                ("alive", "missing", basis_of(&[COURT_DECISION]), civil_code()),
                ("missing", "alive", basis(), civil_code()),
                ("alive", "deceased", death(), civil_code()),
                ("missing", "deceased", death(), civil_code()),
                ("deceased", "alive", not_dead(), civil_code()),
            ],
        )
        .fields([
            ("full_name", identity(), numbers()),
            ("birth_date", identity(), numbers()),
            ("sex", identity(), numbers()),
            ("father_id", identity(), numbers()),
            ("mother_id", identity(), numbers()),
            ("nationality", basis(), assumption()),
            ("ethnicity", basis(), assumption()),
        ])
        .fields_once_known([
            ("birth_place", identity(), assumption()),
            ("birth_registration_place", identity(), assumption()),
            ("old_id_number", basis_of(&[CORRECTION]), assumption()),
            ("death_date", basis(), assumption()),
            ("superseded_by", basis_of(&[CORRECTION]), numbers()),
        ])
        .list(
            "superseded_ids",
            &[],
            Entries {
                added: basis_of(&[ID_RE_ESTABLISHED, CORRECTION]),
                removed: basis_of(&[CORRECTION]),
                ..Entries::free()
            },
            numbers(),
        )
        .rule(CrossRule::new("DEATH_DAY", "death_date", DEATH_DAY, civil_code(), |step| {
            let (_, "deceased") = step.texts("life_status")? else { return None };
            let died = step.after.text("death_date").and_then(PartialDate::parse);
            let documented = step.basis().and_then(|basis| date_at(basis, "issued_on"));
            let is_later = died.and_then(PartialDate::full).zip(documented).is_some_and(|(died, entry)| entry < died);
            (died.is_none() || is_later).then(never)
        }))
        .across(superseded_are_given_up(numbers()))
        .across(successor_claims_it(numbers()))
        .across(claimed_with_its_claimant(numbers()))
        .across(parent("mother_id", "male"))
        .across(parent("father_id", "female"))
        .unique(UniqueRule::new(("NUMBER_CLAIMED", "superseded_ids"), ONE_SUCCESSOR, numbers(), |person| {
            // The record of a number that was itself given up claims nothing any more: its successor does.
            match person.text("status") {
                Some("cancelled") => Vec::new(),
                _ => superseded(person),
            }
        }))
}

/// A parent whose record is here is older than the child, and not of the sex `other`.
fn parent(field: &'static str, other: &'static str) -> AcrossRule {
    let id = move |person: &Object| person.text(field).map(str::to_owned).into_iter().collect();
    let fits = move |before: Option<&Object>, after: &Object, around: &dyn Around| {
        let stays = |path| before.is_some_and(|before| before.text(path) == after.text(path));
        let Some(parent) = after.text(field).filter(|_| !(stays(field) && stays("birth_date"))) else { return true };
        let Some(parent) = around.newest(parent) else { return true };
        let year = |person: &Object| person.text("birth_date").and_then(PartialDate::parse).map(|date| date.year);
        let older = year(&parent).zip(year(after)).is_none_or(|(parent, child)| child - parent >= PARENT_YEARS_MIN);
        older && parent.text("sex") != Some(other)
    };
    let says = "must name a mother who is a woman or a father who is a man, at least 12 years older than the child";
    AcrossRule::new(("PARENT", field), says, assumption(), id, fits)
}

const DEATH_DAY: &str = "a death has its death_date, and is entered on that day or later";
const ONE_SUCCESSOR: &str = "must not name a number that another record, which is not cancelled, names as superseded";

fn superseded(person: &Object) -> Vec<String> {
    let numbers = person.array("superseded_ids").unwrap_or_default();
    numbers.iter().filter_map(Value::as_text).map(str::to_owned).collect()
}

/// Whether the record of a number names as its successor this person, by the number that is theirs or by one that they claim. One that names none
/// does not if it `may_be_silent`.
fn leads_to(own: &Object, person: &Object, claims: &[String], may_be_silent: bool) -> bool {
    own.text("superseded_by")
        .map_or(may_be_silent, |by| Some(by) == person.text("personal_id") || claims.iter().any(|claim| claim == by))
}

/// A number that somebody holds, or held until they died, is not superseded by another.
fn superseded_are_given_up(source: Source) -> AcrossRule {
    let given_up = move |before: Option<&Object>, after: &Object, around: &dyn Around| {
        let (known, claims) = (before.map(superseded).unwrap_or_default(), superseded(after));
        let mut new = claims.iter().filter(|number| !known.contains(number)).filter_map(|number| around.newest(number));
        new.all(|own| own.text("status") == Some("cancelled") && leads_to(&own, after, &claims, true))
    };
    let says = "must name only numbers whose own record is absent, or is cancelled by this submission at the latest and names no other successor";
    AcrossRule::new(("NUMBER_HELD", "superseded_ids"), says, source, superseded, given_up)
}

/// What a cancelled record claimed goes to whoever follows it, and to nobody else: a stranger's claim would leave the number with two people, and so
/// with none.
fn claimed_with_its_claimant(source: Source) -> AcrossRule {
    let lookups = |person: &Object| superseded(person).into_iter().map(Lookup::Number).collect();
    let follows = |before: Option<&Object>, after: &Object, around: &dyn Around| {
        let (known, claims) = (before.map(superseded).unwrap_or_default(), superseded(after));
        let own = after.text("personal_id");
        let is_cancelled = |person: &Object| person.text("status") == Some("cancelled");
        let is_followed = |claimant: &Object| {
            let number = claimant.text("personal_id");
            let is_claimed = claims.iter().any(|claim| Some(claim.as_str()) == number);
            match is_cancelled(claimant) {
                _ if number == own || is_claimed => true,
                true => leads_to(claimant, after, &[], false),
                // Of two records that are not cancelled, one alone may claim it: that is another rule's.
                false => !is_cancelled(after) || superseded(claimant).iter().any(|claim| Some(claim.as_str()) == own),
            }
        };
        let mut new = claims.iter().filter(|number| !known.contains(number));
        new.all(|number| around.found(&Lookup::Number(number.clone())).iter().all(is_followed))
    };
    AcrossRule::new(("NUMBER_CLAIMED", "superseded_ids"), CLAIMANT, source, |_| Vec::new(), follows).finding(lookups)
}

const CLAIMANT: &str = "must not name a number that a cancelled record names as superseded, unless it names that record's number, too, or is its successor";

/// A cancelled number and the one that replaced it name each other.
fn successor_claims_it(source: Source) -> AcrossRule {
    let names = |person: &Object| person.text("superseded_by").map(str::to_owned).into_iter().collect();
    let claims_it = |before: Option<&Object>, after: &Object, around: &dyn Around| {
        let known = before.and_then(|before| before.text("superseded_by"));
        let named = after.text("superseded_by").filter(|by| known != Some(*by));
        let successor = named.and_then(|by| around.newest(by));
        successor
            .is_none_or(|next| superseded(&next).iter().any(|claim| Some(claim.as_str()) == after.text("personal_id")))
    };
    let says = "must name a number whose record, where there is one, names this one in superseded_ids, in the same submission at the latest";
    AcrossRule::new(("SUCCESSOR", "superseded_by"), says, source, names, claims_it)
}
