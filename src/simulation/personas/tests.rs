//! The personas keep the registries' rules, their reserved numbers, and what their rows promise.

use std::collections::BTreeSet;

use super::*;
use crate::registry::Catalogue;
use crate::registry::lifecycle::Step;
use crate::registry::rule::Findings;
use crate::simulation::population::Population;

const TODAYS: [Date; 4] = [
    Date::constant(2025, 7, 2),
    Date::constant(2026, 11, 22),
    Date::constant(2028, 2, 29),
    Date::constant(2031, 12, 31),
];

fn known(today: Date, id: &str) -> Persona {
    all(today).into_iter().find(|persona| persona.personal_id.as_str() == id).expect(id)
}

#[test]
fn every_persona_keeps_the_registries_rules() {
    let catalogue = Catalogue::built_in();
    for today in TODAYS {
        let mut violations = crate::base::Violations::default();
        let personas = all(today);
        assert_eq!(personas.len(), ROWS.len());
        for record in personas.iter().flat_map(|persona| persona.records.iter().chain(&persona.later)) {
            let record_type = catalogue.record_type(record.record_type).expect(record.record_type);
            let id = record.payload.text(&record_type.natural_key).unwrap_or_default();
            record_type.validate(&record.payload, today, &id, &mut violations);
        }
        assert!(violations.is_empty(), "{today}: {violations:#?}");
        // Of the persona whose ward was divided, as a resident and as a household.
        let odd: Vec<_> = violations.warnings().kept.iter().map(|warning| warning.rule.clone()).collect();
        assert_eq!(odd, ["NOT_IN_FORCE"; 2], "{today}: {:#?}", violations.warnings());
    }
}

#[test]
fn every_later_version_is_a_legal_step() {
    let catalogue = Catalogue::built_in();
    for today in TODAYS {
        let mut violations = crate::base::Violations::default();
        let mut steps = 0;
        for persona in all(today) {
            for record in persona.later.iter().filter(|record| record.version > 1) {
                let record_type = catalogue.record_type(record.record_type).expect(record.record_type);
                let key = record.payload.text(&record_type.natural_key);
                let is_before = |first: &&Record| {
                    first.record_type == record.record_type && first.payload.text(&record_type.natural_key) == key
                };
                let before = &persona.records.iter().find(is_before).expect("a first version").payload;
                let step = Step { before, after: &record.payload, operation: record.operation, today };
                record_type.lifecycle.check(&step, &mut Findings::new(&persona.situation, &mut violations));
                steps += 1;
            }
        }
        assert!(violations.is_empty(), "{today}: {violations:#?}");
        assert_eq!(steps, 11);
    }
}

#[test]
fn personas_keep_to_their_reserved_numbers() {
    let (today, catalogue) = (TODAYS[1], Catalogue::built_in());
    let mut keys = BTreeSet::new();
    for persona in all(today) {
        assert!(persona.personal_id.as_str()[6..].starts_with("99"), "{}", persona.full_name);
        assert!(crate::base::text::name_is_valid(persona.full_name));
        for record in &persona.records {
            let record_type = catalogue.record_type(record.record_type).expect(record.record_type);
            let key = record.payload.text(&record_type.natural_key).expect("natural key");
            assert!(keys.insert((record.record_type, key.to_owned())), "{} {key}", record.record_type);
        }
        for record in &persona.later {
            let record_type = catalogue.record_type(record.record_type).expect(record.record_type);
            let key = record.payload.text(&record_type.natural_key).expect("natural key");
            // What says what a later version says comes behind it.
            let is_new = keys.insert((record.record_type, key.to_owned()));
            assert_eq!(record.version, if is_new { 1 } else { 2 }, "{key}");
        }
    }
    for batch in Population::new(crate::base::Seed::root(1), 2_000, today) {
        for record in &batch.records {
            let record_type = catalogue.record_type(record.record_type).expect(record.record_type);
            let key = record.payload.text(&record_type.natural_key).expect("natural key");
            assert!(!keys.contains(&(record.record_type, key.to_owned())));
        }
    }
}

#[test]
fn full_lives_reach_every_registry() {
    let today = TODAYS[1];
    for id in ["042090990001", "042185990002", "042090990101", "042090990206", "042086990020"] {
        let persona = known(today, id);
        let registries: BTreeSet<_> =
            persona.records.iter().filter_map(|record| record.record_type.split('.').next()).collect();
        assert_eq!(registries.len(), 8, "{id}");
    }
    assert_eq!(known(today, "042090990001").links.len(), 3);
    assert!(known(today, "042193990013").refuses_consents);
    assert_eq!(known(today, "042089990015").account.map(|account| account.level), Some(1));
    let girl = known(today, "042324990011").account.expect("account");
    assert_eq!((girl.level, girl.guardian), (1, PersonalId::parse("042196990023")));
}

#[test]
fn situations_follow_today() {
    for today in TODAYS {
        let of_type = |id: &str, record_type: &str| {
            let persona = known(today, id);
            let newest = persona.later.iter().chain(&persona.records).find(|r| r.record_type == record_type);
            newest.expect(record_type).payload.clone()
        };
        let lapsed = of_type("042092990005", "health_insurance.card.v1");
        let until = lapsed.text("valid_until").and_then(crate::base::PartialDate::parse).expect("date");
        let month_before = today.year() * 12 + i16::from(today.month()) - 1;
        assert_eq!(until.year * 12 + i16::from(until.month.expect("month")), month_before);
        let dead = of_type("042065990010", "resident.person.v1");
        assert!(dead.text("death_date").expect("death").starts_with(&(today.year() - 1).to_string()));
        assert_eq!(of_type("042095990006", "driver_licence.licence.v1").integer("points"), Some(0));
        assert_eq!(of_type("042087990014", "resident.person.v1").text("status"), Some("moved_out"));
        assert_eq!(of_type("042078990009", "judicial.record.v1").text("status"), Some("expunged"));
        let frozen = of_type("042182990008", "land.certificate.v1");
        assert_eq!(frozen.text_at("restrictions.0.kind"), Some("court_freeze"));
        assert_eq!(frozen.text_at("owners.0.personal_id"), Some("042080990022"));
    }
}

#[test]
fn commands_can_be_copied() {
    let command = known(TODAYS[1], "042185990002").command;
    assert_eq!(
        command,
        "grpcurl -plaintext -H 'authorization: Bearer demo-citizen-042185990002' -d \
         '{\"personal_id\":\"042185990002\",\"document_type\":\"DOCUMENT_TYPE_HEALTH_INSURANCE_CARD\"}' \
         127.0.0.1:50051 lienthong.identity.v1.LinkService/LinkDocument"
    );
    for persona in all(TODAYS[1]) {
        let body = persona.command.split('\'').find(|part| part.starts_with('{')).expect("a body");
        assert!(serde_json::from_str::<serde_json::Value>(body).is_ok(), "{body}");
    }
}

/// The page that documents the personas, as it must stand in `docs/personas.md`.
fn page() -> String {
    let mut page = String::from(
        "# Personas\n\n\
         Synthetic citizens who stand for situations. They live in every world, whatever its seed: their personal IDs have last six\n\
         digits from 990000 on, which no generated citizen has. Dates follow from the world's clock. Removing one, or changing what it\n\
         stands for, is a breaking change. `lienthong persona list` and `SimulationService/ListPersonas` list them too.\n\n\
         Unless the situation says otherwise each has a level 2 account and a full life: a person and a household, a health-insurance\n\
         card, a social-insurance membership, a judicial record, a licence, a motorcycle, a parcel with its certificate and a household\n\
         business. 042089990021, 042080990022 and 042196990023 are there because another persona needs them.\n\n\
         `lienthong person create --situation KEY` and `SimulationService/CreatePerson` put a new citizen into any of these situations, with the\n\
         same records, links, consents and faults, and with whomever it takes besides; into those in which a registry signs falsely (`other_issuer`,\n\
         `compromised_key`, `issued_in_future`) in sessions only. No fault acts where the simulation is off.\n\n\
         A call is *refused with DATA_LOSS* where nothing else was answered: records of the registries that sign falsely were asked for, and no others.\n\
         Where another registry answers too, if only that it has no record, the call succeeds, and `missing` names the record types of the others with\n\
         `MISSING_REASON_NOT_VERIFIED` and the verdict's code: so it does in `FetchView` without `record_types`, which asks for all that the agency may read.\n\n\
         | personal ID | key | name | situation | what a caller meets |\n|---|---|---|---|---|\n",
    );
    let personas = all(TODAYS[1]);
    for persona in &personas {
        let id = persona.personal_id.as_str();
        let (key, name) = (persona.key, persona.full_name);
        page += &format!("| {id} | `{key}` | {name} | {} | {} |\n", persona.situation, persona.expectation);
    }
    page += "\n## A command to try with each\n\nAgainst a gateway on this machine, as `lienthong serve` starts it.\n\n```\n";
    for persona in &personas {
        page += &format!("# {}\n{}\n", persona.situation, persona.command);
    }
    page + "```\n"
}

/// After a change of the catalogue, `LIENTHONG_WRITE_PAGES=1 cargo test the_page` writes the page anew.
#[test]
fn the_page_says_what_the_catalogue_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/personas.md");
    if std::env::var_os("LIENTHONG_WRITE_PAGES").is_some() {
        std::fs::write(path, page()).expect("writable");
    }
    assert_eq!(std::fs::read_to_string(path).expect("docs/personas.md"), page());
}
