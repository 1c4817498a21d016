//! Results of expressions, refused expressions, and that none ever panics.

use super::eval::Variable;
use super::*;
use crate::registry::rule::{Field, Rule};
use crate::trust::Object;
use proptest::prelude::*;

fn fields() -> Vec<Field> {
    let grade = Rule::object([Field::required("mark", Rule::Integer(0, 10)), Field::optional("note", Rule::Text(20))]);
    vec![
        Field::required("kind", Rule::one_of(&["car", "motorcycle"])),
        Field::optional("seats", Rule::Integer(1, 100)),
        Field::optional("package", Rule::Text(10)),
        Field::optional("from", Rule::Date),
        Field::optional("until", Rule::Date),
        Field::optional("is_new", Rule::Boolean),
        Field::optional("holder", Rule::object([Field::optional("birth_date", Rule::PartialDate)])),
        Field::optional("grades", Rule::list(grade, 40)),
        Field::optional("tags", Rule::set(Rule::Text(10), 20)),
    ]
}

fn compile(source: &str) -> Result<Program, CelError> {
    Program::compile(source, &[("self", Kind::of(&fields())), ("today", Kind::Text)])
}

fn record() -> Object {
    let grade = |mark: i64| Object::new().with("mark", mark);
    Object::new()
        .with("kind", "car")
        .with("seats", 5)
        .with("from", "2020-02-29")
        .with("is_new", crate::trust::Value::Bool(true))
        .with("holder", Object::new().with("birth_date", "1999-03"))
        .with("grades", vec![grade(7), grade(9).with("note", "giỏi"), grade(4)])
        .with("tags", vec!["a", "b"])
}

fn run(source: &str) -> Outcome {
    let program = compile(source).unwrap_or_else(|error| panic!("{source}: {error}"));
    program.run(&[Variable::Object(&record()), Variable::Text("2026-11-22")])
}

#[test]
fn expressions_mean_what_cel_says() {
    use Outcome::{Absent, Failed, Is};
    for (source, expected) in [
        ("self.kind == 'car'", Is(true)),
        ("self.kind != \"car\"", Is(false)),
        ("self.kind in ['bus', 'car']", Is(true)),
        ("'a' in self.tags && !('z' in self.tags)", Is(true)),
        ("self.seats * 2 - 3 >= 7 % 10", Is(true)),
        ("1 + 2 * 3 == 7 && (1 + 2) * 3 == 9", Is(true)),
        ("-self.seats < 0 && - -1 == 1", Is(true)),
        ("7 / 2 == 3 && -7 / 2 == -3 && -7 % 2 == -1", Is(true)),
        ("self.from <= today", Is(true)),
        ("self.is_new ? self.seats == 5 : self.seats == 6", Is(true)),
        ("self.until >= self.from", Absent),
        ("has(self.until) && self.until >= self.from", Is(false)),
        ("!has(self.until) || self.until >= self.from", Is(true)),
        ("self.until >= self.from || self.kind == 'car'", Is(true)),
        ("self.kind == 'bus' && self.until >= self.from", Is(false)),
        ("self.until >= self.from && self.kind == 'bus'", Is(false)),
        ("self.until >= self.from && self.kind == 'car'", Absent),
        ("size(self.grades) == 3 && self.tags.size() == 2 && size('đường') == 5", Is(true)),
        ("self.grades[1].mark == 9", Is(true)),
        ("self.grades[3].mark == 9", Absent),
        ("self.grades.all(g, g.mark >= 4)", Is(true)),
        ("self.grades.all(g, g.note == 'giỏi')", Absent),
        ("self.grades.all(g, g.mark > 4 && g.note == 'giỏi')", Is(false)),
        ("self.grades.exists(g, g.note == 'giỏi')", Is(true)),
        ("self.grades.exists_one(g, g.mark > 8)", Is(true)),
        ("self.grades.filter(g, g.mark > 5).size() == 2", Is(true)),
        ("self.grades.map(g, g.mark) == [7, 9, 4]", Is(true)),
        ("self.kind.startsWith('c') && self.kind.endsWith('r') && self.kind.contains('a')", Is(true)),
        ("self.from.matches('^20[0-9]{2}-')", Is(true)),
        ("yearsBetween(self.from, '2021-02-28') == 0", Is(true)),
        ("yearsBetween(self.holder.birth_date, today) == 27", Is(true)),
        ("daysBetween('2024-02-28', '2024-03-01') == 2", Is(true)),
        ("int('42') == 42", Is(true)),
        ("int(self.kind) == 42", Failed),
        ("self.seats / 0 == 1", Failed),
        ("9223372036854775807 + self.seats > 0", Failed),
        ("[] == self.tags", Is(false)),
        ("[1, 2,] == [1, 2]", Is(true)),
        ("-9223372036854775808 < 0 && -9223372036854775807 - 1 == -9223372036854775808", Is(true)),
        ("- -9223372036854775808 > 0", Failed),
        ("self.package == 'a' || self.kind == 'car'", Is(true)),
    ] {
        assert_eq!(run(source), expected, "{source}");
    }
}

#[test]
fn what_no_record_could_satisfy_or_nothing_bounds_is_refused_with_its_place() {
    let nested = format!("{}true{}", "(".repeat(40), ")".repeat(40));
    let signs = format!("{}true", "!".repeat(100));
    let long = ["true"; 200].join(" && ");
    let costly = ["self.grades.exists(g, g.note.matches('a'))"; 5].join(" || ");
    for (source, expected) in [
        ("self.colour == 'red'", "at character 5: the schema has no field colour here"),
        ("self.seat == 1", "nearest: seats"),
        ("slef.kind == 'car'", "there is no variable slef"),
        ("self.seats == '5'", "this operator is not for a whole number and a text"),
        ("self.seats", "a rule is true or false"),
        ("self.seats > 1.5", "payloads have no fractions"),
        ("self.seats >", "an operand is missing"),
        ("self.seats 5", "an operator is missing"),
        ("self.kind == 'car", "no closing quote"),
        ("null == self.kind", "payloads contain no null"),
        ("package == self.kind", "reserved word"),
        ("self.null == self.kind", "payloads contain no null"),
        ("self.true == self.kind", "a field's name is missing"),
        ("9223372036854775808 > 1", "beyond 64 bits"),
        ("-9223372036854775809 < 1", "beyond 64 bits"),
        ("size([1, 2],) == 2", "an operand is missing"),
        ("[,] == [1]", "an operand is missing"),
        ("{} == {}", "maps are not supported"),
        ("self.grades.all(g, self.grades.all(h, h.mark > g.mark))", "a comprehension inside another"),
        ("self.grades.all(self, true)", "self is a variable already"),
        ("self.kind.all(g, true)", "all is of a list"),
        ("self.kind.matches(self.kind)", "a literal text"),
        ("self.kind.matches('(a{99}){99}')", "too large"),
        ("duration('1s') == today", "there is no function duration"),
        ("has(self)", "has takes one field"),
        ("self.kind[0] == 'c'", "only a list has an index"),
        ("[1, 'a'] == []", "of one kind"),
        (&nested, "at most 16 deep"),
        (&signs, "three signs in a row"),
        (&long, "at most 250 operators"),
        (&costly, "steps over the longest lists"),
        (&" ".repeat(3_000), "at most 2000 bytes"),
        ("", "an operand is missing"),
    ] {
        let error = compile(source).expect_err(source).to_string();
        assert!(error.contains(expected), "{source}: {error}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_compiler_panic(source in ".{0,80}") {
        let _ = compile(&source);
    }

    #[test]
    fn no_expression_makes_the_evaluator_panic(words in proptest::collection::vec(word(), 1..24)) {
        if let Ok(program) = compile(&words.join(" ")) {
            prop_assert!(program.steps() <= STEPS_MAX);
            program.run(&[Variable::Object(&record()), Variable::Text("2026-11-22")]);
            program.run(&[Variable::Object(&Object::new()), Variable::Absent]);
        }
    }
}

#[test]
fn steps_are_counted_over_the_longest_lists_and_never_overflow() {
    let refused = |found: Result<Program, CelError>| {
        let error = found.expect_err("too costly").to_string();
        assert!(error.contains("steps over the longest lists"), "{error}");
    };
    // Whichever branch is taken; an index copies its list.
    let branch = "(self.is_new ? ['a'] : self.tags).all(x, x.matches('a'))";
    assert!(compile(branch).is_ok());
    refused(compile(&[branch; 3].join(" || ")));
    refused(compile(&["self.grades.all(g, self.grades[0] == g)"; 3].join(" || ")));
    let deep = (0..9).fold(Kind::Text, |kind, _| Kind::List(Box::new(kind), 1_000));
    refused(Program::compile("self == self", &[("self", deep)]));
}

fn word() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "self",
        ".",
        "kind",
        "seats",
        "grades",
        "tags",
        "from",
        "holder",
        "birth_date",
        "today",
        "==",
        "!=",
        "<",
        ">=",
        "&&",
        "||",
        "!",
        "-",
        "+",
        "*",
        "/",
        "%",
        "?",
        ":",
        "(",
        ")",
        "[",
        "]",
        ",",
        "in",
        "'car'",
        "0",
        "7",
        "9223372036854775807",
        "true",
        "has(",
        "size(",
        "int(",
        "yearsBetween(",
        ".all(",
        ".exists(",
        ".map(",
        ".filter(",
        "g",
        ".mark",
        ".matches('a')",
    ])
}
