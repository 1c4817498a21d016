//! Contents that must not pass silently: contradictions, texts that look like others, unused names, and rights.

use super::*;
use crate::base::Language;

const HEALTH: &str = include_str!("../../../../examples/registries/health.yaml");
const HOME_AFFAIRS: &str = include_str!("../../../../examples/registries/home_affairs.yaml");

/// The line and the message of the first flaw of this rule; the first line of the change is found by its text.
fn flaw_of(file: &str, from: &str, to: &str, rule: &str) -> (usize, String) {
    let text = file.replacen(from, to, 1);
    assert_ne!(text, file, "{from}");
    let flaws = read(&text).map(drop).expect_err(to);
    let flaw = flaws.kept.iter().find(|flaw| flaw.rule == rule).unwrap_or_else(|| panic!("{to}: {flaws}"));
    (flaw.line, flaw.message.clone())
}

#[test]
fn what_a_schema_says_in_vain_is_refused_at_its_line() {
    let line_of = |text: &str, part: &str| text.lines().position(|line| line.contains(part)).expect(part) + 1;
    let defs = "      $defs:\n        unused: {type: string}\n      type: object\n";
    let health = "vaccine: {type: string, x-code-list: health.vaccines,";
    for (file, from, to, at, rule) in [
        (
            EDUCATION,
            "enum: [excellent, very_good, good, average]",
            "enum: [excellent]\n          const: good",
            "const: good",
            "KEYWORD",
        ),
        (EDUCATION, "      type: object\n", defs, "unused: {", "UNUSED"),
        (EDUCATION, "draft/2020-12/schema", "draft-07/schema", "draft-07/schema", "VALUE"),
        (EDUCATION, "{vi: Văn bằng, en: Diploma}", "{vi: Va\u{306}n bằng, en: Diploma}", "label: {vi: V", "FORMAT"),
        (EDUCATION, "{vi: Văn bằng, en: Diploma}", "{vi: Văn\u{200b} bằng, en: Diploma}", "label: {vi: V", "FORMAT"),
        (EDUCATION, "{vi: Văn bằng, en: Diploma}", "{vi: ' Văn bằng', en: Diploma}", "label: {vi: ' ", "FORMAT"),
        (EDUCATION, "enum: [excellent, ", "enum: [\"excel\u{ad}lent\", ", "enum: [\"excel", "FORMAT"),
        (EDUCATION, "enum: [excellent, ", "enum: [\"e\u{302}\", ", "enum: [\"e", "FORMAT"),
        (EDUCATION, "{template: \"DHV {n6}\"}", "{template: \"DHV {x6}\"}", "{x6}", "SAMPLES"),
        (EDUCATION, "{template: \"DHV {n6}\"}", "{template: \"DHV {n}\"}", "DHV {n}", "SAMPLES"),
        (EDUCATION, "{template: \"DHV {n6}\"}", "{template: \"DHV {n99}\"}", "DHV {n99}", "SAMPLES"),
        (EDUCATION, "{template: \"DHV {n6}\"}", "{template: \"DHV {n6\"}", "DHV {n6\"", "SAMPLES"),
        (EDUCATION, "{template: \"DHV {n6}\"}", "{template: \"DHV n6}\"}", "DHV n6}", "SAMPLES"),
        (HOME_AFFAIRS, "by: system,", "by: police,", "by: police", "VALUE"),
        (HOME_AFFAIRS, "to: left, needs: basis,", "to: left, by: system, needs: basis,", "", "AUTHOR"),
        (HOME_AFFAIRS, "by: system,", "by: owner,", "", "AUTHOR"),
        (HEALTH, "x-references: health.facility.v1", "x-references: health.clinic.v1", "health.clinic.v1", "REFERENCE"),
        (HEALTH, "x-references: health.facility.v1", "x-references: land.plot.v1", "land.plot.v1", "REFERENCE"),
        (HEALTH, "x-references: health.facility.v1", "x-references: facility", "x-references: facility", "REFERENCE"),
        (HEALTH, "maxLength: 20, x-references", "enum: [a], x-references", "enum: [a], x-ref", "KEYWORD"),
        (HEALTH, health, "vaccine: {type: string, x-code-list: health.drugs,", "health.drugs", "CODE_LIST"),
        (HEALTH, "name: health.vaccines", "name: vaccines", "name: vaccines", "NAME"),
        (HEALTH, "code: opv", "code: bcg", "code: bcg, vi: Vắc xin bại liệt uống", "DUPLICATE"),
        (HEALTH, "from: 2024-08-01", "from: 2024-08-32", "2024-08-32", "FORMAT"),
        (HEALTH, "from: 2024-08-01", "from: 2024-08-01, until: 2024-07-31", "until: 2024-07-31", "ORDER"),
        (HEALTH, "from: 2024-08-01", "successor: rotateq", "successor: rotateq", "REFERENCE"),
        (HEALTH, "    complete: false ", "    whole: false ", "whole: false", "UNKNOWN_KEY"),
        (
            HEALTH,
            "natural_key: licence_number\n",
            "natural_key: licence_number\n    found_through: {record_type: health.nobody.v1, field: parcels}\n",
            "found_through",
            "FIELD",
        ),
        (
            HEALTH,
            "natural_key: licence_number\n",
            "natural_key: licence_number\n    addresses: [name]\n",
            "addresses: [name]",
            "FIELD",
        ),
        (
            HEALTH,
            "natural_key: licence_number\n",
            "natural_key: licence_number\n    subject: organisation\n",
            "subject: organisation",
            "FIELD",
        ),
    ] {
        let (line, says) = flaw_of(file, from, to, rule);
        let text = file.replacen(from, to, 1);
        if !at.is_empty() {
            assert_eq!(line, line_of(&text, at), "{to}: {says}");
        }
        let vietnamese = Language::Vietnamese.say(&says);
        assert_ne!(vietnamese, says, "{to} is told in Vietnamese too");
    }
}

#[test]
fn a_document_has_its_number_alone() {
    let twice = EDUCATION.replacen(
        "    parties: [pupil.personal_id, guardian.personal_id]\n",
        "    parties: [pupil.personal_id, guardian.personal_id]\n    document: {number: 101, holder: pupil}\n",
        1,
    );
    let flaws = read(&twice).map(drop).expect_err("the number of diplomas");
    assert!(flaws.kept.iter().any(|flaw| flaw.rule == "DUPLICATE" && flaw.message.contains("diploma")), "{flaws}");
}

/// A rule that cannot be evaluated does not hold, as in CEL; and a violation of a field is reported once.
#[test]
fn a_rule_that_cannot_be_evaluated_does_not_hold() {
    let text = EDUCATION.replacen("\"!has(self.holder.birth_date) || ", "\"", 1);
    let sector = read(&text).unwrap_or_else(|flaws| panic!("{flaws}"));
    let told = |payload: &Object| {
        let mut violations = Violations::default();
        sector.record_types[0].validate(payload, TODAY, &"payload", &mut violations);
        let warnings = violations.warnings().kept.iter().map(|one| format!("{} {}", one.rule, one.message));
        violations.kept().iter().map(|one| one.rule.to_string()).chain(warnings).collect::<Vec<_>>()
    };
    assert_eq!(told(&diploma()), [""; 0]);
    let holder = Object::new().with("personal_id", "042090990001").with("full_name", "Lê Văn An");
    let absent = told(&diploma().with("holder", holder.clone()));
    assert!(absent.len() == 1 && absent[0].contains("undecided"), "{absent:?}");
    let broken = told(&diploma().with("holder", holder.with("full_name", "")));
    assert_eq!(broken, ["FORMAT"]);
}

#[test]
fn a_state_that_is_known_is_not_taken_out() {
    let text = EDUCATION.replacen(
        "      fields:\n        - {field: holder.personal_id,",
        "        - field: classification\n          source: assumption\n          transitions:\n            - {from: good, to: average, source: assumption}\n      fields:\n        - {field: holder.personal_id,",
        1,
    );
    let text = text.replacen("classification, status]", "status]", 1);
    let sector = read(&text).unwrap_or_else(|flaws| panic!("{flaws}"));
    let found = |before: &Object, after: &Object| {
        let mut violations = Violations::default();
        let step = crate::registry::lifecycle::Step {
            before,
            after,
            operation: crate::trust::Operation::Update,
            today: TODAY,
        };
        let findings = &mut crate::registry::rule::Findings::new(&"payload", &mut violations);
        sector.record_types[0].lifecycle.check(&step, findings);
        violations.kept().iter().map(|one| one.rule.to_string()).collect::<Vec<_>>()
    };
    let mut without = diploma();
    without.remove("classification");
    assert_eq!(found(&diploma(), &diploma().with("classification", "average")), [""; 0]);
    assert_eq!(found(&diploma(), &diploma().with("classification", "excellent")), ["TRANSITION"]);
    assert_eq!(found(&diploma(), &without), ["FIXED"]);
    assert_eq!(found(&without, &diploma()), [""; 0]);
}

#[test]
fn codes_of_a_file_are_held_to_their_days_and_named() {
    let text = HEALTH.replacen("x-as-of: ever", "x-as-of: today", 1);
    let text = text.replacen(
        "code: opv, vi: Vắc xin bại liệt uống, en: Oral polio",
        "code: opv, vi: Vắc xin bại liệt uống, en: Oral polio, until: 2025-12-31, successor: ipv",
        1,
    );
    let sector = read(&text).unwrap_or_else(|flaws| panic!("{flaws}"));
    let complete =
        read(&text.replacen("complete: false ", "complete: true ", 1)).unwrap_or_else(|flaws| panic!("{flaws}"));
    let record = |vaccine: &str| {
        let dose = Object::new()
            .with("vaccine", vaccine)
            .with("dose", 1)
            .with("given_on", "2025-03-01")
            .with("facility", "Trạm Y tế");
        Object::new()
            .with("immunisation_code", "4212345678901")
            .with("person", Object::new().with("full_name", "Lê An"))
            .with("doses", vec![dose])
            .with("status", "open")
    };
    let told = |sector: &Sector, vaccine: &str| {
        let mut found = Violations::default();
        sector.record_types[2].validate(&record(vaccine), TODAY, &"payload", &mut found);
        let rules = |of: &[crate::base::Violation]| of.iter().map(|one| one.rule.to_string()).collect::<Vec<_>>();
        (rules(found.kept()), rules(&found.warnings().kept))
    };
    let unknown = vec!["UNKNOWN_VALUE".to_owned()];
    assert_eq!(told(&sector, "bcg"), (vec![], vec![]));
    assert_eq!(told(&sector, "mrna"), (vec![], unknown.clone()));
    assert_eq!(told(&complete, "mrna"), (unknown, vec![]));
    assert_eq!(told(&sector, "opv"), (vec!["NOT_IN_FORCE".into()], vec![]));
    let names = crate::registry::code_names::code_names(&sector.record_types[2], &record("bcg"), TODAY);
    let name = names.iter().find(|name| name.path == "doses[0].vaccine").expect("a name");
    assert_eq!((name.list.as_str(), name.name.en.as_str()), ("health.vaccines", "BCG"));
}

/// A rule that would run for ever, or fill all memory, is refused when the file is read, with its line.
#[test]
fn what_nothing_would_bound_is_refused_at_load_with_its_line() {
    let line_of = |text: &str, part: &str| text.lines().position(|line| line.contains(part)).expect(part) + 1;
    let pattern = |pattern: &str| format!("pattern: {pattern}");
    let nested = pattern("'^(([A-Z]{99}){99}){99}$'");
    let counted = pattern("'^([A-Z]{1000}){1000}$'");
    let looking = pattern("'^(?=[A-Z]+)+$'");
    let deep = pattern(&format!("'{}a{}'", "(".repeat(40), ")".repeat(40)));
    let costly = ["self.results.exists(r, r.school_year.matches('^20[0-9]{2}-20[0-9]{2}$'))"; 12].join(" || ");
    let twice = "self.results.all(r, self.results.all(s, s.grade >= r.grade))".to_owned();
    let long = ["true"; 300].join(" && ");
    let recursive = "$ref: '#/$defs/a'";
    let many = format!("required: [{}]", (0..60_000).map(|at| format!("f{at}")).collect::<Vec<_>>().join(", "));
    for (from, to, at, rule) in [
        ("pattern: ^[A-ZĐ]{1,4}[- ]?[0-9]{4,12}$", nested.as_str(), "{99}){99}", "PATTERN"),
        ("pattern: ^[A-ZĐ]{1,4}[- ]?[0-9]{4,12}$", &counted, "{1000}", "PATTERN"),
        ("pattern: ^[A-ZĐ]{1,4}[- ]?[0-9]{4,12}$", &looking, "(?=", "PATTERN"),
        ("pattern: ^[A-ZĐ]{1,4}[- ]?[0-9]{4,12}$", &deep, "((((", "PATTERN"),
        ("\"!has(self.results) || self.results.all(result, result.grade <= self.grade)\"", &costly, "exists(r,", "CEL"),
        ("\"!has(self.results) || self.results.all(result, result.grade <= self.grade)\"", &twice, "all(s,", "CEL"),
        ("self.graduated_on <= today", &long, "true && true", "CEL"),
        (
            "$ref: urn:lienthong:holder\n          title: Holder",
            &format!("{recursive}\n          title: Holder"),
            "",
            "RECURSIVE",
        ),
        (
            "required: [diploma_number, holder, degree, major, school, graduated_on, classification, status]",
            &many,
            "required: [f0",
            "REQUIRED",
        ),
    ] {
        let file = EDUCATION.replacen(
            "      type: object\n",
            "      $defs:\n        a: {$ref: '#/$defs/b'}\n        b: {$ref: '#/$defs/a'}\n      type: object\n",
            usize::from(rule == "RECURSIVE"),
        );
        let (line, says) = flaw_of(&file, from, to, rule);
        let text = file.replacen(from, to, 1);
        if !at.is_empty() && rule != "REQUIRED" {
            assert_eq!(line, line_of(&text, at), "{says}");
        }
        assert!(line > 1 && says.len() <= 310, "{says}");
    }
    let padded = format!("{EDUCATION}# {}\n", "x".repeat(FILE_BYTES_MAX));
    let flaws = read(&padded).map(drop).expect_err("too large");
    assert_eq!((flaws.kept[0].line, flaws.kept[0].rule), (1, "TOO_LARGE"));
    let full = format!("{EDUCATION}# {}\n", "x".repeat(FILE_BYTES_MAX - EDUCATION.len() - 3));
    assert!(full.len() == FILE_BYTES_MAX && read(&full).is_ok(), "a file of just 1 MiB is read");
}

/// Plausible files whose text does not have the intended meaning.
#[test]
fn files_that_say_what_they_do_not_mean_are_refused() {
    for (file, from, to, rule) in [
        (HEALTH, "x-as-of: ever", "x-as-of: day doses.*.given_on", "FIELD"),
        (HEALTH, "x-as-of: ever", "x-as-of: since nothing", "FIELD"),
        (
            HEALTH,
            "address: {$ref: \"urn:lienthong:address\",",
            "address: {$ref: \"urn:lienthong:address\", x-as-of: day nothing,",
            "FIELD",
        ),
        (
            HEALTH,
            "practitioner: {$ref: \"urn:lienthong:holder\",",
            "practitioner: {$ref: \"urn:lienthong:holder\", x-as-of: ever,",
            "KEYWORD",
        ),
        (
            EDUCATION,
            "        - {field: degree, needs: never, source: assumption}\n",
            "        - {field: degree, needs: never, source: assumption}\n        - {field: degree, needs: free, source: assumption}\n",
            "DUPLICATE",
        ),
    ] {
        flaw_of(file, from, to, rule);
    }
    let table = "        - source: \"memory: Circular 21/2019/TT-BGDĐT, art. 25\"\n";
    let twice = EDUCATION.replacen(
        table,
        &format!("        - source: assumption\n          transitions:\n            - {{from: valid, to: suspended, source: assumption}}\n            - {{from: suspended, to: revoked, source: assumption}}\n{table}"),
        1,
    );
    let flaws = read(&twice).map(drop).expect_err("two tables of one field");
    assert!(flaws.kept.iter().any(|flaw| flaw.rule == "DUPLICATE" && flaw.message.contains("`status`")), "{flaws}");
    // Characters that editors of other systems write.
    let windows = EDUCATION.replace('\n', "\r\n");
    assert_eq!(read(&windows).expect("reads").definition, education().definition);
    let bad = windows.replacen("version: 1", "version: x", 1);
    assert_eq!(read(&bad).map(drop).expect_err("a text").kept[0].line, 6);
}
