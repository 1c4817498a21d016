//! A file of a scenario is read whole, and each flaw has its line.

use std::path::Path;

use super::SCHEMA;
use super::file::{Flaws, parse};
use super::vars::Vars;
use crate::base::time::Date;
use crate::registry::schema_file;

const HEAD: &str = "scenario: s\nabout: a\n";

fn flaws(text: &str) -> Flaws {
    parse(text, None).expect_err(text)
}

#[test]
fn flaws_have_their_lines_and_say_what_would_be_right() {
    let call = "steps:\n  - step: one\n    call: FetchRecords\n    as: one-stop\n";
    for (text, line, says) in [
        ("scenario: s\nsteps: []\n".to_owned(), 2, "a list of steps"),
        (format!("{HEAD}stepz: []\n{call}"), 3, "steps"),
        (format!("{HEAD}steps:\n  - step: one\n    call: FetchRecord\n    as: bank\n"), 5, "FetchRecords"),
        (format!("{HEAD}steps:\n  - step: one\n    call: ListLink\n    as: bank\n"), 5, "no such method"),
        (format!("{HEAD}{call}    body: {{ personal: 1 }}\n"), 7, "personal_id"),
        (format!("{HEAD}{call}    expect: {{ code: FINE }}\n"), 7, "is not a gRPC code"),
        (format!("{HEAD}{call}    expect:\n      fields:\n        a.b: {{ hasnt: 1 }}\n"), 9, "one of has"),
        (format!("{HEAD}{call}  - step: one\n    heal: true\n"), 7, "another step"),
        (format!("{HEAD}{call}    heal: true\n"), 4, "a step is one of"),
        (format!("{HEAD}steps:\n  - step: one\n    clock: {{ advance: soon }}\n"), 5, "180d"),
        (format!("{HEAD}steps:\n  - step: one\n    clock: {{ advance: 1d, next: x }}\n"), 5, "one way"),
        (
            format!("{HEAD}steps:\n  - step: one\n    eventually:\n      call: FetchRecords\n      as: bank\n"),
            5,
            "5s is required",
        ),
        ("a: [\n".to_owned(), 2, "YAML"),
    ] {
        let found = flaws(&text);
        assert!(found.iter().any(|(at, problem)| *at == line && problem.contains(says)), "{text}\n{found:?}");
    }
}

#[test]
fn a_circle_of_variables_is_refused() {
    let steps = "steps:\n  - step: one\n    heal: true\n";
    let circle = flaws(&format!("{HEAD}vars:\n  a: \"${{b}}\"\n  b: x${{a}}\n{steps}"));
    assert!(circle.iter().any(|(line, problem)| *line == 4 && problem.contains("in turn")), "{circle:?}");
    let read = parse(&format!("{HEAD}vars:\n  a: \"x${{b}}\"\n  b: 7\n{steps}"), None).expect("no circle");
    let mut vars = Vars::beginning(Date::constant(2026, 12, 1));
    vars.define(&read.vars).expect("no circle");
    assert_eq!((vars.get("a"), vars.get("b")), (Some("x7".into()), Some(7.into())));
}

#[test]
fn constants_that_double_each_other_are_bounded() {
    let doubling: String = (1..40).map(|n| format!("  v{n}: \"${{v{}}}${{v{}}}\"\n", n - 1, n - 1)).collect();
    let text = format!("{HEAD}vars:\n  v0: xxxxxxxxxxxxxxxx\n{doubling}steps:\n  - step: one\n    heal: true\n");
    assert!(flaws(&text).iter().any(|(_, problem)| problem.contains("bytes together")));
}

#[test]
fn a_step_stays_in_its_session() {
    let call = "steps:\n  - step: one\n    call: FetchRecords\n    as: one-stop\n";
    for name in ["X-Lienthong-Session", "authorization"] {
        let found = flaws(&format!("{HEAD}{call}    headers: {{ {name}: x }}\n"));
        assert!(found.iter().any(|(line, problem)| *line == 7 && problem.contains("runner's")), "{found:?}");
    }
}

#[test]
fn steps_stand_in_one_another_only_so_deep() {
    let mut text = format!("{HEAD}steps:\n");
    for depth in 0..6 {
        let pad = "  ".repeat(2 * depth + 1);
        text += &format!("{pad}- step: s{depth}\n{pad}  parallel:\n");
    }
    text += &format!("{}- step: last\n{}heal: true\n", "  ".repeat(13), "  ".repeat(14));
    assert!(flaws(&text).iter().any(|(_, problem)| problem.contains("deep")), "{text}");
}

#[test]
fn what_is_misspelt_is_refused_before_anything_is_called() {
    let agencies = ["bank".to_owned(), "one-stop".to_owned()];
    let step = "steps:\n  - step: one\n    call: FetchRecords\n    as: one-stop\n";
    let clock = "steps:\n  - step: one\n    clock: { advance: 1d }\n";
    for (text, line, says) in [
        (step.replace("one-stop", "one-stpo"), 6, "nearest: one-stop"),
        (step.replace("one-stop", "citizen-12"), 6, "twelve digits"),
        (format!("{step}    expect: {{ reason: CONSENT_MISING }}\n"), 7, "nearest: CONSENT_MISSING"),
        (format!("{step}    expect:\n      fields:\n        record.length: 0\n"), 9, "nearest: records"),
        (format!("{step}    expect:\n      fields:\n        records[0].verdct: VALID\n"), 9, "nearest: verdict"),
        (format!("{step}    expect:\n      fields:\n        records.verdict: VALID\n"), 9, "follows a list"),
        (format!("{step}    expect:\n      fields:\n        records[0].verdict.x: VALID\n"), 9, "has no fields"),
        (format!("{step}    expect:\n      fields:\n        records[one].verdict: VALID\n"), 9, "is not an index"),
        (format!("{step}    expect:\n      violations: []\n"), 8, "a list of bad fields"),
        (format!("{step}    expect:\n      violations:\n        - {{ filed: x }}\n"), 9, "field"),
        (format!("{step}    save: {{ link: \"links[0].id\" }}\n"), 7, "there is no field links"),
        (format!("{step}    save: {{ today: \"records[0].verdict\" }}\n"), 7, "set by itself"),
        (format!("{step}    body: {{ personal_id: \"${{citzen}}\" }}\n"), 4, "${citzen} is not set"),
        (
            format!("vars: {{ citizen: x }}\n{step}    body: {{ personal_id: \"${{citzen}}\" }}\n"),
            5,
            "nearest: citizen",
        ),
        (format!("{clock}    expect: {{ fields: {{ \"ran[*].knd\": x }} }}\n"), 6, "nearest: kind"),
        ("steps:\n  - step: one\n    fault: { delai: { fixed: 1s } }\n".to_owned(), 5, "nearest: delay"),
        (
            "steps:\n  - step: one\n    fault: { full_disk: {}, match: { agncy: bank } }\n".to_owned(),
            5,
            "nearest: agency",
        ),
        (
            "steps:\n  - step: one\n    fault: { delay: { fixed: 1s }, match: { agency: bnak } }\n".to_owned(),
            5,
            "nearest: bank",
        ),
        ("steps:\n  - step: one\n    journal: { caller: bnak, exactly: 0 }\n".to_owned(), 5, "nearest: bank"),
        (format!("session: {{ sed: 7 }}\n{step}"), 3, "nearest: seed"),
    ] {
        let text = format!("{HEAD}{text}");
        let found = parse(&text, Some(&agencies)).expect_err(&text);
        assert!(found.iter().any(|(at, problem)| *at == line && problem.contains(says)), "{text}\n{found:?}");
    }
}

#[test]
fn variables_are_set_by_an_earlier_step_and_by_none_at_the_same_time() {
    let links = |name: &str, body: &str, pad: &str| {
        let call =
            format!("{pad}- step: {name}\n{pad}  call: LinkService/ListLinks\n{pad}  as: citizen-${{request_id}}\n");
        format!("{call}{pad}  body: {{ personal_id: \"{body}\" }}\n{pad}  save: {{ {name}: \"links[0].link_id\" }}\n")
    };
    let (first, second) = (links("a", "${today+30d}", "  "), links("b", "${a}", "  "));
    parse(&format!("{HEAD}steps:\n{first}{second}"), None).expect("one after another");
    let backwards = flaws(&format!("{HEAD}steps:\n{second}{first}"));
    assert!(backwards[0].1.starts_with("${a} is not set by then"), "{backwards:?}");
    let (first, second) = (links("a", "${year}", "      "), links("b", "${a}", "      "));
    let both = format!("{HEAD}steps:\n  - step: both\n    parallel:\n{first}{second}");
    assert!(flaws(&both)[0].1.starts_with("${a} is not set by then"));
    let after = links("c", "${a}", "  ");
    parse(&format!("{HEAD}steps:\n  - step: both\n    parallel:\n{first}{after}"), None).expect("set afterwards");
}

/// The flaws that an editor finds in a file by the schema.
fn by_schema(text: &str) -> Vec<String> {
    let schema = serde_json::from_str(SCHEMA).expect("JSON");
    let checks = jsonschema::validator_for(&schema).expect("a schema");
    let file = schema_file::message_json(text).expect("YAML");
    checks.iter_errors(&file).map(|error| error.to_string()).collect()
}

#[test]
fn the_editors_schema_takes_every_story() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/scenarios");
    let files = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let stories: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    assert_eq!(stories.len(), 10);
    for path in stories {
        let text = std::fs::read_to_string(&path).expect("a file");
        assert_eq!(by_schema(&text), Vec::<String>::new(), "{}", path.display());
    }
}

#[test]
fn the_editors_schema_refuses_what_is_misspelt_in_a_step() {
    let call = "  - step: one\n    call: FetchRecords\n    as: bank\n";
    let within = "  - step: one\n    eventually:\n      within: 5s\n      call: FetchRecords\n      as: bank\n";
    for steps in [
        call.to_owned(),
        format!(
            "{call}    body: {{}}\n    headers: {{ a: b }}\n    expect: {{ code: OK }}\n    save: {{ a: request_id }}\n"
        ),
        within.to_owned(),
        format!(
            "  - step: two\n    parallel:\n{}",
            call.replace("  - step", "      - step")
                .replace("    call", "        call")
                .replace("    as", "        as")
        ),
        "  - step: one\n    clock: { advance: 1d }\n    expect: { code: OK }\n".to_owned(),
        "  - step: one\n    journal: { exactly: 1 }\n".to_owned(),
        "  - step: one\n    heal: true\n".to_owned(),
    ] {
        let text = format!("{HEAD}steps:\n{steps}");
        assert_eq!(by_schema(&text), Vec::<String>::new(), "{text}");
        parse(&text, None).expect("the program takes it too");
    }
    for steps in [
        call.replace("call:", "clal:"),
        format!("{call}    exepct: {{ code: OK }}\n"),
        format!("{call}    heal: true\n"),
        within.replace("      as:", "      sa:"),
        format!("{within}      expct: {{ code: OK }}\n"),
        format!("{within}    expect: {{ code: OK }}\n"),
        "  - step: one\n    clock: { advance: 1d, to: x }\n".to_owned(),
        "  - step: one\n    journal: { exactly: 1, calller: bank }\n".to_owned(),
        "  - step: one\n    heal: true\n    expect: { code: OK }\n".to_owned(),
        "  - step: one\n".to_owned(),
        "  - call: FetchRecords\n    as: bank\n".to_owned(),
    ] {
        let text = format!("{HEAD}steps:\n{steps}");
        assert!(!by_schema(&text).is_empty(), "{text}");
        parse(&text, None).expect_err("the program refuses it too");
    }
}
