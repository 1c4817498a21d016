//! Discrepancies between registries about one person: small rules over the person's records, each with its code.
//!
//! The population register is the primary source of a person's identity (Decree 278/2025: one trusted source for each datum); the
//! copies of other registries are compared with it. Messages hold no personal data; the claims name each source and its value.

use crate::base::text::{exact_key, folded_key};
use crate::base::{Date, PartialDate, PersonalId};
use crate::registry::codes;
use crate::registry::rule::date_at;
use crate::registry::{Heading, State};
use crate::trust::{Object, Value};

use super::claim::{Claim, Discrepancy, Mention, mentions};
use super::facts::facts_differ;
use super::found::FoundRecord;
use super::units;

/// All discrepancies, in the order of the rules.
pub(super) fn discrepancies(numbers: &[PersonalId], records: &[FoundRecord], today: Date) -> Vec<Discrepancy> {
    let mentions: Vec<Mention<'_>> = (1..)
        .zip(records)
        .filter(|(_, found)| !found.revoked)
        .flat_map(|(source, found)| mentions(numbers, found, source))
        .collect();
    let current = numbers.first().map(PersonalId::as_str);
    let is_register = |found: &FoundRecord| {
        found.record_type.people.is_some() && !found.revoked && found.payload.text("personal_id") == current
    };
    let person = (1..).zip(records).find(|(_, found)| is_register(found));
    let mut all = Vec::new();
    if let Some((source, person)) = person {
        let own = Mention { path: String::new(), object: &person.payload, source };
        all.extend(name_differs(&own, &mentions));
        all.extend(differs(&own, &mentions, "birth_date", |a, b| {
            match (PartialDate::parse(a), PartialDate::parse(b)) {
                (Some(a), Some(b)) => a.agrees(b),
                _ => true,
            }
        }));
        all.extend(differs(&own, &mentions, "sex", |a, b| a == b));
        all.extend(residence_differs(&own, &mentions, records));
        all.extend(facts_differ(&own, &mentions, records));
        all.extend(still_owner(&own, records));
        all.extend(card_lapsed(&own, today));
    }
    all.extend(unit_split(numbers, records));
    all
}

fn name_differs(own: &Mention<'_>, mentions: &[Mention<'_>]) -> Option<Discrepancy> {
    let name = own.object.text("full_name")?;
    let others: Vec<&Mention<'_>> = mentions
        .iter()
        .filter(|mention| mention.object.text("full_name").is_some_and(|other| exact_key(other) != exact_key(name)))
        .collect();
    let marks_only = others
        .iter()
        .all(|mention| mention.object.text("full_name").is_some_and(|other| folded_key(other) == folded_key(name)));
    let claims = claims(own, "full_name", &others)?;
    let message = if marks_only { "the names differ in diacritics only" } else { "the names differ" };
    Some(Discrepancy { code: "NAME_DIFFERS", message, claims })
}

fn differs(
    own: &Mention<'_>,
    mentions: &[Mention<'_>],
    field: &'static str,
    agree: impl Fn(&str, &str) -> bool,
) -> Option<Discrepancy> {
    let mine = own.object.text(field)?;
    let others: Vec<&Mention<'_>> =
        mentions.iter().filter(|mention| mention.object.text(field).is_some_and(|other| !agree(mine, other))).collect();
    let (code, message) = match field {
        "birth_date" => ("BIRTH_DATE_DIFFERS", "the birth dates differ at their common precision"),
        _ => ("SEX_DIFFERS", "the sexes differ"),
    };
    Some(Discrepancy { code, message, claims: claims(own, field, &others)? })
}

/// The person record's claim and those of the others; `None` without others.
fn claims(own: &Mention<'_>, field: &str, others: &[&Mention<'_>]) -> Option<Vec<Claim>> {
    if others.is_empty() {
        return None;
    }
    let first = own.claim(field).into_iter();
    Some(first.chain(others.iter().filter_map(|mention| mention.claim(field))).collect())
}

/// Compares other registries' addresses with the registered one. An administrative unit is its code and its first day.
fn residence_differs(own: &Mention<'_>, mentions: &[Mention<'_>], records: &[FoundRecord]) -> Option<Discrepancy> {
    let units = codes::list("units")?;
    // A record of before a merger of units has the name of its day: what counts is whose place it is now.
    let unit = |address: &Object| {
        let (code, from) = (address.text("unit_code")?, date_at(address, "unit_valid_from")?);
        let (code, from) = codes::present(&units, code, from);
        Some((code.to_owned(), from))
    };
    let registered: Vec<_> =
        ["permanent_residence", "current_residence"].iter().filter_map(|at| unit(own.object.object(at)?)).collect();
    if registered.is_empty() {
        return None;
    }
    let mut others: Vec<Claim> = mentions
        .iter()
        .filter(|mention| {
            let said = mention.object.object("address").and_then(unit);
            said.is_some_and(|said| !registered.contains(&said))
        })
        .filter_map(|mention| mention.claim("address"))
        .collect();
    for (source, found) in (1..).zip(records) {
        let residence = found.payload.object("residence").filter(|_| found.record_type.people.is_none());
        if residence.and_then(unit).is_some_and(|said| !found.revoked && !registered.contains(&said)) {
            let whole = Mention { path: String::new(), object: &found.payload, source };
            others.extend(whole.claim("residence"));
        }
    }
    if others.is_empty() {
        return None;
    }
    let mut claims: Vec<Claim> =
        ["permanent_residence", "current_residence"].iter().filter_map(|at| own.claim(at)).collect();
    claims.append(&mut others);
    Some(Discrepancy {
        code: "RESIDENCE_DIFFERS",
        message: "an address is in another administrative unit than the registered residence",
        claims,
    })
}

/// A person who died or moved to another province still owns something in force.
fn still_owner(own: &Mention<'_>, records: &[FoundRecord]) -> Vec<Discrepancy> {
    let dead = own.object.text("life_status") == Some("deceased");
    let moved = own.object.text("status") == Some("moved_out");
    let owned = |headings: &[Heading], status: &str| -> Option<Vec<Claim>> {
        let owned: Vec<Claim> = (1..)
            .zip(records)
            .filter(|(_, found)| headings.contains(&found.record_type.heading) && !found.revoked)
            .filter(|(_, found)| found.record_type.found_through.is_none())
            .filter(|(_, found)| found.record_type.state(&found.payload) == Some(State::Active))
            .filter_map(|(source, found)| {
                Mention { path: String::new(), object: &found.payload, source }.claim("status")
            })
            .collect();
        if owned.is_empty() {
            return None;
        }
        Some(own.claim(status).into_iter().chain(owned).collect())
    };
    let mut all = Vec::new();
    if dead && let Some(claims) = owned(&[Heading::Land, Heading::Vehicles, Heading::Business], "life_status") {
        let message = "a deceased person is still registered as owner";
        all.push(Discrepancy { code: "OWNER_DECEASED", message, claims });
    }
    if moved && let Some(claims) = owned(&[Heading::Land], "status") {
        let message = "a person who moved to another province still owns land here";
        all.push(Discrepancy { code: "MOVED_OUT", message, claims });
    }
    all
}

fn card_lapsed(own: &Mention<'_>, today: Date) -> Option<Discrepancy> {
    let expires = own.object.text_at("card.expires_on")?.parse::<Date>().ok()?;
    if expires > today || own.object.text("life_status") != Some("alive") {
        return None;
    }
    let claims = own.claim("life_status").into_iter().chain(own.claim("card.expires_on")).collect();
    Some(Discrepancy { code: "CARD_LAPSED", message: "the identity card's validity has ended", claims })
}

/// Addresses in a former commune whose area now belongs to several communes.
fn unit_split(numbers: &[PersonalId], records: &[FoundRecord]) -> Option<Discrepancy> {
    let mut claims = Vec::new();
    for (source, found) in (1..).zip(records).filter(|(_, found)| !found.revoked) {
        let whole = Mention { path: String::new(), object: &found.payload, source };
        for field in ["permanent_residence", "current_residence", "residence", "address"] {
            claims.extend(split_claims(&whole, field));
        }
        for mention in mentions(numbers, found, source).iter().filter(|mention| !mention.path.is_empty()) {
            claims.extend(split_claims(mention, "address"));
        }
    }
    if claims.is_empty() {
        return None;
    }
    let message = "an address is in a former commune that was split: it may be in any of the candidates";
    Some(Discrepancy { code: "UNIT_SPLIT", message, claims })
}

/// The address, and each candidate for its commune.
fn split_claims(mention: &Mention<'_>, field: &str) -> Vec<Claim> {
    let candidates = mention
        .object
        .object(field)
        .and_then(|address| units::candidates(address.text("unit_code")?, address.text("unit_valid_from")?));
    let Some(candidates) = candidates else { return Vec::new() };
    let own = mention.claim(field).into_iter();
    let now = candidates.iter().map(|code| Claim {
        field: mention.field(&format!("{field}.unit_code")),
        value: Value::from(*code),
        source: mention.source,
    });
    own.chain(now).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{RecordId, Timestamp};
    use crate::registry::{self, Catalogue};

    const TODAY: Date = Date::constant(2026, 11, 22);
    const NUMBER: &str = "042090990001";

    fn found(record_type: &str, payload: Object) -> FoundRecord {
        FoundRecord {
            record_type: Catalogue::built_in().record_type(record_type).expect("a type").clone(),
            record_id: RecordId([1; 16]),
            version: 1,
            issued_at: Timestamp(0),
            ledger_index: 0,
            revoked: false,
            payload,
            bytes: 0,
        }
    }

    fn address(unit: &str, valid_from: &str) -> Object {
        Object::new().with("unit_code", unit).with("unit_valid_from", valid_from)
    }

    fn person() -> Object {
        Object::new()
            .with("personal_id", NUMBER)
            .with("full_name", "Nguyễn Văn Hoà")
            .with("birth_date", "1990-03-14")
            .with("sex", "male")
            .with("permanent_residence", address("18073", "2025-07-01"))
            .with("life_status", "alive")
            .with("status", "active")
    }

    fn car(owner: Object) -> FoundRecord {
        let owner = owner.with("personal_id", NUMBER);
        found(registry::vehicle::REGISTRATION, Object::new().with("owner", owner).with("status", "active"))
    }

    fn land(status: &str) -> FoundRecord {
        let owner = Object::new().with("personal_id", NUMBER).with("full_name", "NGUYỄN VĂN HÒA");
        let certificate = Object::new().with("owners", vec![owner]).with("status", status);
        found(registry::land::CERTIFICATE, certificate)
    }

    fn card(holder: Object) -> FoundRecord {
        let holder = holder.with("personal_id", NUMBER);
        found(registry::health_insurance::CARD, Object::new().with("holder", holder).with("status", "active"))
    }

    #[test]
    fn each_rule_sees_its_case_and_no_other() {
        let named = |name: &str| Object::new().with("full_name", name);
        let cases: [(Object, FoundRecord, &[&str]); 16] = [
            (person(), car(named("Nguyễn Văn Hòa")), &[]),
            (person(), car(named("Nguyễn Văn Hoa")), &["NAME_DIFFERS"]),
            (person(), card(named("Trần Nam").with("birth_date", "1991")), &["NAME_DIFFERS", "BIRTH_DATE_DIFFERS"]),
            (person(), card(named("Nguyễn Văn Hòa").with("birth_date", "1990")), &[]),
            (person(), card(Object::new().with("birth_date", "1990-04-14")), &["BIRTH_DATE_DIFFERS"]),
            (person(), card(Object::new().with("sex", "female")), &["SEX_DIFFERS"]),
            (person(), car(Object::new().with("address", address("18073", "2025-07-01"))), &[]),
            (person(), car(Object::new().with("address", address("18652", "2025-07-01"))), &["RESIDENCE_DIFFERS"]),
            // The commune of before, whose place the present one took.
            (person(), car(Object::new().with("address", address("18073", "2004-07-08"))), &[]),
            (person().with("life_status", "deceased"), land("valid"), &["OWNER_DECEASED"]),
            (person().with("life_status", "deceased"), land("revoked"), &[]),
            (person().with("status", "moved_out"), land("valid"), &["MOVED_OUT"]),
            (person().with("status", "moved_out"), car(Object::new()), &[]),
            (person().with("card", Object::new().with("expires_on", "2026-11-22")), land("valid"), &["CARD_LAPSED"]),
            (person().with("card", Object::new().with("expires_on", "2026-11-23")), land("valid"), &[]),
            (person().with("permanent_residence", address("18082", "2004-07-08")), land("valid"), &["UNIT_SPLIT"]),
        ];
        let numbers = [PersonalId::parse(NUMBER).expect("12 digits")];
        for (at, (person, other, expected)) in cases.into_iter().enumerate() {
            let records = [found(registry::resident::PERSON, person), other];
            let all = discrepancies(&numbers, &records, TODAY);
            let codes: Vec<_> = all.iter().map(|one| one.code).collect();
            assert_eq!(codes, expected, "case {at}");
            for one in all {
                assert!(one.claims.len() >= 2, "{}", one.code);
            }
        }
    }

    #[test]
    fn the_books_of_civil_status_are_the_source_of_parents_marriages_and_deaths() {
        const OTHER: &str = "042192990002";
        let of = |id: &str| Object::new().with("personal_id", id);
        let birth = found(
            registry::civil_status::BIRTH,
            Object::new().with("child", of(NUMBER)).with("mother", of(OTHER)).with("status", "active"),
        );
        let marriage = |status: &str, day: &str| {
            let entry = Object::new().with("husband", of(NUMBER)).with("wife", of(OTHER));
            found(registry::civil_status::MARRIAGE, entry.with("status", status).with("registered_on", day))
        };
        let death = found(
            registry::civil_status::DEATH,
            Object::new().with("deceased", of(NUMBER)).with("died_on", "2026-03-01").with("status", "active"),
        );
        let married = |status: &str| person().with("marital_status", status);
        let dead = |day: &str| person().with("life_status", "deceased").with("death_date", day);
        let cases: [(Object, Vec<FoundRecord>, &[&str]); 12] = [
            // Who was divorced is not married to the same one any more, unless again.
            (
                married("married").with("spouse_id", OTHER),
                vec![marriage("divorced", "2015-01-05")],
                &["SPOUSE_DIFFERS"],
            ),
            (married("married").with("spouse_id", "042192990009"), vec![marriage("divorced", "2015-01-05")], &[]),
            (married("married").with("spouse_id", OTHER), vec![marriage("annulled", "2015-01-05")], &[]),
            (person().with("mother_id", OTHER), vec![birth.clone()], &[]),
            (person(), vec![birth.clone()], &[]),
            (person().with("mother_id", "042160990009"), vec![birth], &["PARENT_DIFFERS"]),
            (married("single"), vec![marriage("active", "2015-01-05")], &["MARITAL_STATUS_DIFFERS"]),
            (married("divorced"), vec![marriage("divorced", "2015-01-05")], &[]),
            // The later of two marriages counts, in whatever order they are found; an annulled one says nothing.
            (
                married("married").with("spouse_id", OTHER),
                vec![
                    marriage("active", "2020-01-05"),
                    marriage("divorced", "2015-01-05"),
                    marriage("annulled", "2021-01-05"),
                ],
                &[],
            ),
            (person(), vec![death.clone()], &["DEATH_NOT_REGISTERED"]),
            (dead("2026-03"), vec![death.clone()], &[]),
            (dead("2026-04-01"), vec![death], &["DEATH_DATE_DIFFERS"]),
        ];
        let numbers = [PersonalId::parse(NUMBER).expect("12 digits")];
        for (at, (person, others, expected)) in cases.into_iter().enumerate() {
            let records = [vec![found(registry::resident::PERSON, person)], others].concat();
            let all = discrepancies(&numbers, &records, TODAY);
            assert_eq!(all.iter().map(|one| one.code).collect::<Vec<_>>(), expected, "case {at}");
            assert!(all.iter().all(|one| one.claims.len() == 2), "case {at}");
        }
    }

    #[test]
    fn a_split_commune_has_its_candidates() {
        let person = person().with("permanent_residence", address("18082", "2004-07-08"));
        let all = discrepancies(
            &[PersonalId::parse(NUMBER).expect("12 digits")],
            &[found(registry::resident::PERSON, person)],
            TODAY,
        );
        let units: Vec<_> = all[0].claims[1..].iter().filter_map(|claim| claim.value.as_text()).collect();
        assert_eq!(units, ["18073", "18652"]);
    }

    #[test]
    fn revoked_records_say_nothing() {
        let other = FoundRecord { revoked: true, ..car(Object::new().with("full_name", "Trần Nam")) };
        let records = [found(registry::resident::PERSON, person()), other];
        assert_eq!(discrepancies(&[PersonalId::parse(NUMBER).expect("12 digits")], &records, TODAY), []);
    }
}
