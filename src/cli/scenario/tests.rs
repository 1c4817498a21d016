//! A file of a scenario is read whole, and each flaw has its line.

use super::file::{Flaws, parse};

const HEAD: &str = "scenario: s\nabout: a\n";

fn flaws(text: &str) -> Flaws {
    parse(text).expect_err(text)
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
        (format!("{HEAD}{call}    expect: {{ code: FINE }}\n"), 7, "no code of gRPC"),
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
    let read = parse(&format!("{HEAD}vars:\n  a: \"x${{b}}\"\n  b: 7\n{steps}")).expect("no circle");
    assert_eq!((&read.vars["a"], &read.vars["b"]), (&"x7".into(), &7.into()));
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
