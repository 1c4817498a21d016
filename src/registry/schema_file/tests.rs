//! Schema files: their content, and refusals with line and rule.

use super::*;
use crate::base::Violations;
use crate::base::time::Date;
use crate::registry::rule::{Origin, Rule};
use crate::registry::schema::{Heading, KeyForm, State};
use crate::registry::{Catalogue, Sector};
use crate::trust::Object;

const TODAY: Date = Date::constant(2026, 11, 22);
const EDUCATION: &str = include_str!("../../../examples/registries/education.yaml");

fn read(text: &str) -> Result<Sector, Flaws> {
    load(text, &Catalogue::built_in())
}

fn education() -> Sector {
    read(EDUCATION).unwrap_or_else(|flaws| panic!("{flaws}"))
}

fn diploma() -> Object {
    let holder =
        Object::new().with("personal_id", "042090990001").with("full_name", "Lê Văn An").with("birth_date", "1990");
    Object::new()
        .with("diploma_number", "DHV 123456")
        .with("holder", holder)
        .with("degree", "bachelor")
        .with("major", "Luật")
        .with("school", "Trường Đại học Vinh")
        .with("graduated_on", "2012-06-30")
        .with("classification", "good")
        .with("credits", 130)
        .with("status", "valid")
}

/// The violations of a diploma: `field RULE`, warnings with `?`; in the order found.
fn found(payload: &Object) -> Vec<String> {
    let sector = education();
    let mut violations = Violations::default();
    sector.record_types[0].validate(payload, TODAY, &"payload", &mut violations);
    let told = |mark: &str, of: &[crate::base::Violation]| -> Vec<String> {
        of.iter().map(|one| format!("{} {}{mark}", one.field.trim_start_matches("payload."), one.rule)).collect()
    };
    [told("", violations.kept()), told("?", &violations.warnings().kept)].concat()
}

#[test]
fn a_file_is_a_registry_like_any_other() {
    let sector = education();
    let definition = sector.definition.clone().expect("a definition");
    assert_eq!((&*sector.name, sector.agency.as_str(), definition.version), ("education", "education", 1));
    let of = &sector.record_types[0];
    assert_eq!((&*of.name, of.heading, of.key_form), ("education.diploma.v1", Heading::Documents, KeyForm::Compact));
    assert_eq!(
        of.statuses.iter().map(|(_, state)| *state).collect::<Vec<_>>(),
        [State::Active, State::Suspended, State::Ended]
    );
    assert_eq!(of.people_of(&diploma()).len(), 1);
    assert_eq!(of.key_of(&diploma()).as_deref(), Some("DHV123456"));
    assert_eq!((of.days)(&diploma()).0, Some(Date::constant(2012, 6, 30)));
    assert!(of.holder(&diploma()).is_some());
    let title = of.fields[0].title.as_ref().expect("a title");
    assert_eq!((title.vi.as_str(), title.en.as_str()), ("Số hiệu văn bằng", "Diploma number"));
    let Rule::Form(form) = &of.fields[0].rule else { panic!("a form") };
    assert!(matches!(form.origin(), Origin::Pattern(_, 6, 20)));
}

#[test]
fn payloads_are_held_to_the_schema_and_its_rules() {
    assert_eq!(found(&diploma()), [""; 0]);
    for (payload, expected) in [
        (diploma().with("graduated_on", "2099-01-01"), "graduated_on GRADUATED_IN_FUTURE"),
        (diploma().with("graduated_on", "2001-01-01"), "graduated_on GRADUATED_TOO_YOUNG?"),
        (diploma().with("diploma_number", "123"), "diploma_number FORMAT"),
        (diploma().with("degree", "wizard"), "degree UNKNOWN_VALUE"),
        (diploma().with("credits", 0), "credits OUT_OF_RANGE"),
        (diploma().with("colour", "red"), "colour UNKNOWN_FIELD"),
        (diploma().with("holder", Object::new()), "holder.full_name REQUIRED"),
    ] {
        assert_eq!(found(&payload), [expected]);
    }
    let mut without = diploma();
    without.remove("credits");
    assert_eq!(found(&without), ["credits CREDITS_OF_DEGREE"]);
}

#[test]
fn a_rule_speaks_both_languages() {
    let mut violations = Violations::default();
    let payload = diploma().with("graduated_on", "2099-01-01");
    education().record_types[0].validate(&payload, TODAY, &"payload", &mut violations);
    let bad = &violations.kept()[0];
    assert_eq!(
        (bad.message.as_str(), &*bad.message_in(crate::base::Language::Vietnamese)),
        ("must not be in the future", "ngày tốt nghiệp không được ở tương lai")
    );
}

/// The education file with one text in place of another, and the flaws that it must have: line, rule.
#[test]
fn every_flaw_is_told_with_its_line_and_rule() {
    let line_of = |text: &str, part: &str| text.lines().position(|line| line.contains(part)).expect(part) + 1;
    for (from, to, at, rule) in [
        ("registry: education\n", "registry: Education\n", "registry: Education", "NAME"),
        ("registry: education\n", "registry: records\n", "registry: records", "NAME"),
        ("version: 1", "version: 0", "version: 0", "OUT_OF_RANGE"),
        ("format: lienthong/registry/v1", "format: lienthong/registry/v2", "registry/v2", "FORMAT"),
        ("purposes:", "purpose:", "purpose:", "UNKNOWN_KEY"),
        ("heading: documents", "heading: diplomas", "heading: diplomas", "VALUE"),
        ("natural_key: diploma_number", "natural_key: credits", "natural_key: credits", "NATURAL_KEY"),
        ("parties: [holder.personal_id]", "parties: [holder.full_name]", "parties: [holder.full_name]", "FIELD"),
        ("document: {number: 101", "document: {number: 3", "document: {number: 3", "OUT_OF_RANGE"),
        ("holds: {from: graduated_on}", "holds: {from: major}", "holds: {from: major}", "FIELD"),
        ("[valid: active,", "[valid: ended,", "[valid: ended,", "STATUSES"),
        ("[valid: active,", "[valid: active, valid: active,", "[valid: active, valid", "STATUSES"),
        ("parties: [holder.personal_id]", "parties: []", "document: {number: 101", "PARTIES"),
        ("otherwise: [correction]", "otherwise: []", "otherwise: []", "NEEDS"),
        ("otherwise: [correction]", "otherwise: [A Correction]", "otherwise: [A", "NEEDS"),
        ("          maximum: 400", "          exclusiveMaximum: 400", "exclusiveMaximum", "KEYWORD"),
        ("          maximum: 400", "          maximum: 400.5", "400.5", "VALUE"),
        ("          maximum: 400", "          maximum: null", "maximum: null", "TYPE"),
        ("type: integer", "type: number", "type: number", "TYPE"),
        (
            "      additionalProperties: false",
            "      additionalProperties: true",
            "additionalProperties: true",
            "ADDITIONAL",
        ),
        ("pattern: ^[A-ZĐ]", "pattern: ^([A-ZĐ]+)+(?=", "(?=", "PATTERN"),
        ("          $ref: urn:lienthong:holder", "          $ref: '#/$defs/person'", "$defs/person", "REFERENCE"),
        ("        register_number:", "        RegisterNumber:", "RegisterNumber", "NAME"),
        ("x-title-vi: Ngành đào tạo", "x-title-fr: Filière", "x-title-fr", "KEYWORD"),
        ("rule: self.graduated_on <= today", "rule: self.graduated <= today", "self.graduated <=", "CEL"),
        ("rule: self.graduated_on <= today", "rule: 'true'", "", ""),
        ("id: GRADUATED_IN_FUTURE", "id: graduated", "id: graduated", "NAME"),
        ("level: warning", "level: form", "level: form", "LEVEL"),
        ("source: \"memory: Circular 08/2021/TT-BGDĐT\"", "source: hearsay", "source: hearsay", "SOURCE"),
        ("{from: suspended, to: valid, needs: basis,", "{from: valid, to: valid, needs: basis,", "", "LIFECYCLE"),
        ("needs: basis, source: assumption}", "needs: papers, source: assumption}", "needs: papers", "NEEDS"),
        ("education.diploma.v1: all", "land.parcel.v1: all", "land.parcel.v1", "RECORD_TYPE"),
    ] {
        let text = EDUCATION.replacen(from, to, 1);
        assert_ne!(text, EDUCATION, "{from}");
        if rule.is_empty() {
            read(&text).unwrap_or_else(|flaws| panic!("{flaws}"));
            continue;
        }
        let flaws = read(&text).expect_err(to);
        let hit = flaws.kept.iter().find(|flaw| flaw.rule == rule).unwrap_or_else(|| panic!("{to}: {flaws}"));
        if !at.is_empty() && rule != "STATUSES" {
            assert_eq!(hit.line, line_of(&text, at), "{to}: {flaws}");
        }
    }
}

#[test]
fn a_lifecycle_has_no_dead_ends_and_nothing_out_of_reach() {
    let rules = |text: &str| {
        let flaws = read(text).expect_err("a flaw");
        flaws.kept.iter().map(|flaw| (flaw.rule, flaw.message.clone())).collect::<Vec<_>>()
    };
    let without = |from: &str, to: &str| {
        let row = format!("{{from: {from}, to: {to},");
        EDUCATION.lines().filter(|line| !line.contains(&row)).collect::<Vec<_>>().join("\n")
    };
    let unreachable = rules(&without("valid", "suspended"));
    assert_eq!(unreachable, [("UNREACHABLE", "no transitions lead from valid to suspended".to_owned())]);
    let dead = without("suspended", "valid")
        .replace("            - {from: suspended, to: revoked", "            - {from: valid, to: none_revoked");
    assert!(rules(&dead).iter().any(|(rule, _)| *rule == "DEAD_END"), "{:?}", rules(&dead));
}

#[test]
fn bombs_are_refused_at_once() {
    let laughs = "a: &a [x, x]\nb: &b [*a, *a]\n";
    let deep = "[".repeat(60);
    let refs = "record_types: [{schema: {$defs: {a: {$ref: '#/$defs/b'}, b: {$ref: '#/$defs/a'}}, $ref: '#/$defs/a'}}]";
    for (text, rule) in [
        (laughs, "ALIAS"),
        (deep.as_str(), "TOO_DEEP"),
        (refs, "RECURSIVE"),
        (&"x".repeat(FILE_BYTES_MAX + 1), "TOO_LARGE"),
        ("", "SYNTAX"),
        ("[1, 2]", "TYPE"),
        (&"[".repeat(100_000), "SYNTAX"),
        ("a: 1\na: 2\n", "DUPLICATE"),
        ("a: !!binary x\n", "ALIAS"),
        ("? [a]\n: b\n", "KEY"),
        ("a: 'b\n", "SYNTAX"),
        ("a: 1\n---\nb: 2\n", "SYNTAX"),
        ("a: 0123\n", "VALUE"),
        (&(0..2_000).map(|at| format!("k{at}: 1\n")).collect::<String>(), "TOO_LARGE"),
    ] {
        let flaws = read(text).expect_err(rule);
        let short: String = text.chars().take(40).collect();
        assert!(flaws.kept.iter().any(|flaw| flaw.rule == rule), "{short}: {flaws}");
    }
}

#[test]
fn definitions_that_multiply_are_bounded() {
    let mut defs =
        String::from("        l0: {type: object, additionalProperties: false, properties: {a: {type: boolean}}}\n");
    for level in 1..7 {
        let before = level - 1;
        let fields: String = (0..20).map(|at| format!("f{at}: {{$ref: '#/$defs/l{before}'}}, ")).collect();
        defs.push_str(&format!(
            "        l{level}: {{type: object, additionalProperties: false, properties: {{{fields}}}}}\n"
        ));
    }
    let text = EDUCATION.replacen("      type: object\n", &format!("      $defs:\n{defs}      type: object\n"), 1);
    let text = text.replacen("          $ref: urn:lienthong:holder", "          $ref: '#/$defs/l6'", 1);
    let flaws = read(&text).expect_err("too large");
    assert!(flaws.kept.iter().any(|flaw| flaw.rule == "TOO_LARGE"), "{flaws}");
}

#[test]
fn a_chain_of_definitions_is_bounded() {
    let chain: String = (0..2_000).map(|at| format!("        d{at}: {{$ref: '#/$defs/d{}'}}\n", at + 1)).collect();
    let text = EDUCATION.replacen("      type: object\n", &format!("      $defs:\n{chain}      type: object\n"), 1);
    // More keys than a mapping has; and a chain that fits one.
    assert!(read(&text).expect_err("too many").kept.iter().any(|flaw| flaw.rule == "TOO_LARGE"));
    let chain: String = (0..40).map(|at| format!("        d{at}: {{$ref: '#/$defs/d{}'}}\n", at + 1)).collect();
    let text = EDUCATION.replacen("      type: object\n", &format!("      $defs:\n{chain}      type: object\n"), 1);
    let text = text.replacen("          $ref: urn:lienthong:holder", "          $ref: '#/$defs/d0'", 1);
    assert!(read(&text).expect_err("too deep").kept.iter().any(|flaw| flaw.rule == "TOO_DEEP"));
}

/// A value that is specially protected is so wherever its definition is used; a list is protected whole, or the file is refused.
#[test]
fn protection_is_never_dropped() {
    let with = |defs: &str, field: &str| {
        let text =
            EDUCATION.replacen("      type: object\n", &format!("      $defs: {{{defs}}}\n      type: object\n"), 1);
        text.replacen("      properties:\n", &format!("      properties:\n        ill: {field}\n"), 1)
    };
    let labels = "title: Illness, x-title-vi: Bệnh";
    let text = |more: &str| format!("{{type: string, maxLength: 20, {labels}{more}}}");
    let sensitive = |text: &str| {
        let sector = read(text).unwrap_or_else(|flaws| panic!("{flaws}"));
        let fields = &sector.record_types[0].fields;
        fields.iter().find(|field| field.name == "ill").expect("the field").sensitive
    };
    let of_definition = format!("{{$ref: '#/$defs/ill', {labels}}}");
    assert!(!sensitive(&with(&format!("ill: {}", text("")), &of_definition)));
    assert!(sensitive(&with(&format!("ill: {}", text(", x-sensitive: true")), &of_definition)));
    let list =
        format!("{{type: array, minItems: 1, maxItems: 3, {labels}, items: {{type: string, x-sensitive: true}}}}");
    let flaws = read(&with("", &list)).expect_err("refused");
    assert!(flaws.kept.iter().any(|flaw| flaw.message.contains("protected as a whole")), "{flaws}");
}

#[test]
fn the_canonical_form_is_the_same_file() {
    let sector = education();
    let definition = sector.definition.expect("a definition");
    let again = read(&definition.json).unwrap_or_else(|flaws| panic!("{flaws}")).definition.expect("a definition");
    assert_eq!(again, definition);
    let spaced = EDUCATION.replace("\n      - id:", "\n\n      # a comment\n      - id:");
    assert_eq!(read(&spaced).expect("reads").definition.expect("a definition").fingerprint(), definition.fingerprint());
}

mod exporting;
mod planning;
mod strict;
mod time;
