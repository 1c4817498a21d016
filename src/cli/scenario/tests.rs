//! A file of a scenario is read whole, and each flaw has its line.

use std::path::Path;

use super::SCHEMA;
use super::file::{Flaws, Names, parse};
use super::story::Step;
use super::vars::Vars;
use super::verdicts::Verdicts;
use crate::base::time::Date;
use crate::registry::schema_file::{self, FLAWS_MAX};
use crate::trust::Code;

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
    let names = Names {
        agencies: vec!["bank".to_owned(), "one-stop".to_owned()],
        record_types: vec!["resident.person.v1".to_owned()],
    };
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
        (
            format!("{step}    expect:\n      violations:\n        - {{ field: 5, rule: RANGE }}\n"),
            9,
            "a text is required",
        ),
        (format!("{step}    expect: {{ verdicts: VALIT }}\n"), 7, "nearest: VALID"),
        (
            format!("{step}    expect:\n      verdicts:\n        resident.person.v1: [VALID, SUPERSEDED]\n"),
            9,
            "status_lists",
        ),
        (
            format!("{step}    expect:\n      verdicts:\n        resident.persom.v1: VALID\n"),
            9,
            "nearest: resident.person.v1",
        ),
        (format!("{step}    expect: {{ status_lists: true }}\n"), 7, "beside verdicts"),
        (format!("{step}    expect: {{ verifies: true }}\n"), 7, "there is no field verifies"),
        (step.replace("FetchRecords", "ListLinks") + "    expect: { verdicts: VALID }\n", 7, "has no records"),
        (format!("{step}    body: [1]\n"), 7, "a mapping with fields of"),
        (
            format!("{step}    body:\n      personal_id: \"${{today}}\"\n      record_types: bank\n"),
            9,
            "not a value of this field",
        ),
        (
            step.replace("FetchRecords", "LinkDocument") + "    body: { document_type: DOCUMENT_TYPE_HEALTH_CARD }\n",
            7,
            "nearest: DOCUMENT_TYPE_HEALTH_INSURANCE_CARD",
        ),
        ("steps:\n  - step: one\n    heal: false\n".to_owned(), 5, "takes true"),
        ("steps:\n  - step: one\n    journal: { exactly: some }\n".to_owned(), 5, "not a value of this field"),
        ("steps:\n  - step: one\n    journal: { with_faults: perhaps }\n".to_owned(), 5, "not a value of this field"),
        ("steps:\n  - step: one\n    fault: none\n".to_owned(), 5, "a mapping with fields of"),
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
        let found = parse(&text, Some(&names)).expect_err(&text);
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

const TWO: &str = "sessions:\n  left: {}\n  right: { from_session: left }\n";

fn step_in(name: &str, session: &str) -> String {
    format!("  - step: {name}\n    in: {session}\n    heal: true\n")
}

#[test]
fn each_step_runs_in_a_session_that_there_is() {
    let (left, right) = (step_in("one", "left"), step_in("two", "right"));
    let read = parse(&format!("{HEAD}{TWO}steps:\n{left}{right}"), None).expect("two sessions");
    let names: Vec<&str> = read.sessions.iter().map(|session| session.name.as_str()).collect();
    assert_eq!((names, read.sessions[1].from, read.sessions[1].line), (vec!["left", "right"], Some(0), 5));
    assert!(read.sessions[1].request.get("from_session").is_none(), "it is set when the session begins");
    assert_eq!(read.steps.iter().flat_map(Step::sessions).collect::<Vec<_>>(), [0, 1]);
    let alone = "  - step: one\n    heal: true\n";
    for (sessions, steps, line, says) in [
        (TWO, format!("{left}{}", step_in("two", "rigth")), 11, "nearest: right"),
        (
            TWO,
            format!("{left}{right}{}", alone.replace("one", "three")),
            13,
            "`in` says in which a step runs, left or right",
        ),
        (TWO, left.clone(), 5, "no step runs in this session"),
        ("", left.clone(), 5, "the scenario has one session"),
        ("session: {}\nsessions:\n  left: {}\n", left.clone(), 3, "and not both"),
        ("sessions: {}\n", alone.to_owned(), 3, "1 to 8 sessions"),
        ("sessions: []\n", alone.to_owned(), 3, "a mapping is wanted"),
        ("sessions:\n  left: { from_session: lft }\n", left.clone(), 4, "nearest: left"),
        ("sessions:\n  left: { from_session: 7 }\n", left.clone(), 4, "there is no session"),
        ("sessions:\n  left: { sed: 7 }\n", left.clone(), 4, "nearest: seed"),
        ("sessions:\n  left: { seed: x }\n", left.clone(), 4, "not a value of this field"),
        ("sessions:\n  \"\": {}\n", alone.to_owned(), 3, "a session has a name"),
    ] {
        let text = format!("{HEAD}{sessions}steps:\n{steps}");
        let found = flaws(&text);
        assert!(found.iter().any(|(at, problem)| *at == line && problem.contains(says)), "{text}\n{found:?}");
    }
    let parallel = "steps:\n  - step: both\n    in: left\n    parallel:\n      - step: one\n        in: left\n        heal: true\n";
    let found = flaws(&format!("{HEAD}sessions:\n  left: {{}}\n{parallel}"));
    assert!(found.iter().any(|(at, problem)| *at == 7 && problem.contains("no field in")), "{found:?}");
}

#[test]
fn sessions_that_begin_from_one_another_in_a_circle_are_refused() {
    for (sessions, wanted) in [
        ("  a: { from_session: a }\n", vec![(4, "in a circle (a from a)")]),
        (
            "  a: { from_session: b }\n  b: { from_session: c }\n  c: { from_session: b }\n  d: {}\n",
            vec![
                (4, "in a circle (a from b from c from b)"),
                (5, "in a circle (b from c from b)"),
                (6, "in a circle (c from b from c)"),
            ],
        ),
    ] {
        let steps = if sessions.contains("d:") { step_in("one", "d") } else { step_in("one", "a") };
        let found = flaws(&format!("{HEAD}sessions:\n{sessions}steps:\n{steps}"));
        assert_eq!(found.len(), wanted.len(), "the steps are in sessions that there are: {found:?}");
        let circles: Vec<_> = found.iter().filter(|(_, problem)| problem.contains("circle")).collect();
        assert_eq!(circles.len(), wanted.len(), "{found:?}");
        for (line, says) in wanted {
            assert!(circles.iter().any(|(at, problem)| *at == line && problem.contains(says)), "{found:?}");
        }
    }
}

#[test]
fn a_large_file_full_of_flaws_is_answered_at_once_and_briefly() {
    let step = |at: usize| {
        format!("  - {{ step: s{at}, call: FetchRecords, as: bank, bodi: {{ personal_id: x, many: [1, 2, 3, 4] }} }}\n")
    };
    let steps: String = (0..3_000).map(step).collect();
    let found = flaws(&format!("{HEAD}steps:\n{steps}"));
    assert_eq!(found.len(), FLAWS_MAX + 1);
    assert!(found[FLAWS_MAX].1.contains("more flaws are left out"), "{:?}", found[FLAWS_MAX]);
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
    assert_eq!(stories.len(), 11);
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
        format!("{call}    expect: {{ verdicts: [VALID, NO_POE] }}\n"),
        format!("{call}    expect: {{ verdicts: {{ land.certificate.v1: SUPERSEDED }}, status_lists: true }}\n"),
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
        format!("{call}    expect: {{ verdicts: VALIT }}\n"),
        format!("{call}    expect: {{ verdicts: [] }}\n"),
        format!("{call}    expect: {{ status_lists: true }}\n"),
        format!("{call}    expect: {{ verifies: true }}\n"),
        "  - step: one\n".to_owned(),
        "  - call: FetchRecords\n    as: bank\n".to_owned(),
    ] {
        let text = format!("{HEAD}steps:\n{steps}");
        assert!(!by_schema(&text).is_empty(), "{text}");
        parse(&text, None).expect_err("the program refuses it too");
    }
}

#[test]
fn the_editors_schema_knows_every_verdict_and_both_ways_to_have_sessions() {
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).expect("JSON");
    let listed = schema["$defs"]["verdict"]["enum"].as_array().expect("verdicts");
    for word in listed.iter().map(|word| word.as_str().expect("a text")) {
        Verdicts::read(&word.into(), true).expect(word);
    }
    let all = Code::ALL.iter().filter(|code| Verdicts::read(&code.as_str().into(), true).is_ok());
    assert_eq!(listed.len(), all.count() + 1, "and VALID");
    let steps = step_in("one", "left") + &step_in("two", "right");
    assert_eq!(by_schema(&format!("{HEAD}{TWO}steps:\n{steps}")), Vec::<String>::new());
    assert!(!by_schema(&format!("{HEAD}session: {{}}\n{TWO}steps:\n{steps}")).is_empty());
}
