//! Payloads at the edge of the canonical form, and just beyond it.

use lienthong::trust::commitment::{Salter, field_leaf};
use lienthong::trust::merkle::root_in_place;
use lienthong::trust::*;

use super::vector::Vector;
use super::world::*;

pub fn all() -> Vec<Vector> {
    accepted().into_iter().chain(refused()).collect()
}

fn accepted() -> Vec<Vector> {
    let sixty_four = object((0..64).map(|number| format!("\"f{number:02}\":{number}")));
    let longest = format!("{{\"text\":\"{}\"}}", "a".repeat(48 * 1024 - 11));
    assert_eq!(longest.len(), 48 * 1024);
    let cases: [(&str, &'static str, String); 8] = [
        (
            "canonical-numbers",
            "The largest and smallest numbers, and zero.",
            r#"{"largest":9007199254740991,"smallest":-9007199254740991,"zero":0}"#.into(),
        ),
        (
            "canonical-escapes",
            "The escapes of RFC 8785, each in its shortest form; solidus and DEL are not escaped.",
            r#"{"text":"\"\\\b\f\n\r\t\u0001\u001f/"#.to_owned() + "\u{7f}\"}",
        ),
        (
            "canonical-letters",
            "Letters outside ASCII are not escaped, in NFC: Vietnamese, a letter beyond U+FFFF, a private one, a late Latin one.",
            "{\"text\":\"Đặng Thị Hường 𠀀 \u{e000} \u{1e9e}\"}".into(),
        ),
        ("canonical-nesting", "Eight levels.", r#"{"a":[[[[[[[]]]]]]]}"#.into()),
        (
            "canonical-empty-values",
            "Empty string, list and object, false.",
            r#"{"a":"","b":[],"c":{},"d":false}"#.into(),
        ),
        (
            "canonical-names",
            "Names of one letter, with digits and underscores; _ sorts after digits and before letters.",
            r#"{"a":1,"a0":2,"a_":3,"aa":4}"#.into(),
        ),
        ("canonical-64-fields", "As many top-level fields as are allowed.", sixty_four),
        ("canonical-48-kib", "The longest payload allowed.", longest),
    ];
    let vector = |(name, text, payload): (&str, &'static str, String)| {
        let mut world = World::new();
        let (_, statement) = build_record(draft(), payload.as_bytes(), &SALT).expect("canonical");
        let record = world.stand(statement, whole(payload));
        Vector::good(name, text, &world, &record)
    };
    cases.into_iter().map(vector).collect()
}

fn object(fields: impl Iterator<Item = String>) -> String {
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

/// A payload, and the fields (name, value) that a careless issuer would have committed to.
struct Case {
    name: &'static str,
    shows: &'static str,
    payload: Vec<u8>,
    fields: Vec<(&'static str, Vec<u8>)>,
}

/// A payload of one field `a` with this value.
fn value(name: &'static str, shows: &'static str, value: impl AsRef<[u8]>) -> Case {
    let value = value.as_ref();
    let payload = [b"{\"a\":", value, b"}"].concat();
    Case { name, shows, payload, fields: vec![("a", value.to_vec())] }
}

/// A payload that means {"a":1}, or {"a":1,"b":2}.
fn means(name: &'static str, shows: &'static str, payload: &str) -> Case {
    let mut fields = vec![("a", b"1".to_vec())];
    if payload.contains('b') {
        fields.push(("b", b"2".to_vec()));
    }
    Case { name, shows, payload: payload.into(), fields }
}

fn refused() -> Vec<Vector> {
    let cases = [spellings(), values(), sizes()];
    let vector = |case: Case| {
        let salter = Salter::new(&SALT);
        let leaf = |(name, value): &(&str, Vec<u8>)| field_leaf(&salter.field_salt(name), name, value);
        let mut leaves: Vec<Hash> = case.fields.iter().map(leaf).collect();
        let (statement, _) = build_record(draft(), b"{}", &SALT).expect("canonical");
        let statement = Statement {
            field_count: leaves.len().min(64) as u16,
            fields_root: root_in_place(&mut leaves),
            ..statement
        };
        let mut world = World::new();
        let record = world.stand(statement.encode(), whole(case.payload));
        Vector::bad(case.name, case.shows, &world, &record, Code::NonCanonical, &["canonical"])
    };
    cases.into_iter().flatten().map(vector).collect()
}

fn spellings() -> Vec<Case> {
    vec![
        means("noncanonical-space", "White space.", "{\"a\": 1}"),
        means("noncanonical-newline", "A newline at the end.", "{\"a\":1}\n"),
        means("noncanonical-trailing", "A second object after the first.", "{\"a\":1}{}"),
        means("noncanonical-bom", "A byte order mark in front.", "\u{feff}{\"a\":1}"),
        means("noncanonical-order", "Names that are not sorted.", "{\"b\":2,\"a\":1}"),
        means("noncanonical-duplicate", "A name twice.", "{\"a\":1,\"a\":1}"),
        means("noncanonical-comma", "A comma behind the last field.", "{\"a\":1,}"),
        means("noncanonical-name-escape", "An escape in a name.", "{\"\\u0061\":1}"),
        means("noncanonical-name-capital", "A name that is not snake_case.", "{\"A\":1}"),
        means("noncanonical-name-digit", "A name that begins with a digit.", "{\"1a\":1}"),
        means("noncanonical-name-empty", "An empty name.", "{\"\":1}"),
        means("noncanonical-array", "A list is not a payload.", "[1]"),
        means("noncanonical-nothing", "An empty byte string is not a payload.", ""),
    ]
}

fn values() -> Vec<Case> {
    vec![
        value("noncanonical-null", "There is no null: an absent field is unknown.", "null"),
        value("noncanonical-capital-true", "True is written true.", "True"),
        value("noncanonical-fraction", "A fraction, though it means a whole number.", "1.0"),
        value("noncanonical-exponent", "An exponent.", "1e2"),
        value("noncanonical-minus-zero", "Minus zero.", "-0"),
        value("noncanonical-leading-zero", "A leading zero.", "01"),
        value("noncanonical-plus", "A plus sign.", "+1"),
        value("noncanonical-too-large", "2^53: the first number that readers disagree about.", "9007199254740992"),
        value("noncanonical-too-small", "-2^53.", "-9007199254740992"),
        value("noncanonical-twenty-digits", "A number beyond 64 bits.", "99999999999999999999"),
        value("noncanonical-not-nfc", "The letter é as e and a combining accent.", "\"e\u{301}\""),
        value("noncanonical-not-nfc-hangul", "A Hangul syllable as its parts.", "\"\u{1112}\u{1161}\""),
        value(
            "noncanonical-unassigned",
            "A character that no Unicode has yet: nobody knows how it normalises.",
            "\"\u{378}\"",
        ),
        value(
            "noncanonical-newer",
            "A character of Unicode 6.0: not all programs know how it normalises.",
            "\"\u{1f600}\"",
        ),
        value(
            "noncanonical-newest",
            "A mark of Unicode 16, in an order that is normal by older tables.",
            "\"a\u{10d69}\u{323}\"",
        ),
        value("noncanonical-escaped-letter", "A letter that needs no escape.", "\"\\u00e9\""),
        value("noncanonical-escaped-solidus", "A solidus needs no escape.", "\"\\/\""),
        value("noncanonical-long-escape", "A newline has a shorter escape.", "\"\\u000a\""),
        value("noncanonical-capital-escape", "Escapes are written in small letters.", "\"\\u001F\""),
        value("noncanonical-control", "A control character that is not escaped.", "\"\u{1}\""),
        value("noncanonical-nul", "U+0000, though escaped.", "\"\\u0000\""),
        value("noncanonical-bom-inside", "U+FEFF inside a string.", "\"a\u{feff}\""),
        value("noncanonical-surrogate", "Half a letter, escaped.", "\"\\ud800\""),
        value("noncanonical-surrogate-bytes", "Half a letter, as bytes.", b"\"\xed\xa0\x80\""),
        value("noncanonical-overlong", "A letter in more bytes than it needs.", b"\"\xc1\xa1\""),
        value("noncanonical-latin-1", "Not UTF-8.", b"\"\xe9\""),
        value("noncanonical-string-open", "A string that does not end.", "\"a"),
        value("noncanonical-inner-order", "Names that are not sorted, inside.", "{\"c\":1,\"b\":2}"),
        value("noncanonical-inner-duplicate", "A name twice, inside.", "{\"b\":1,\"b\":2}"),
        value("noncanonical-inner-space", "White space, inside.", "[1, 2]"),
    ]
}

fn sizes() -> Vec<Case> {
    const NAMES: [&str; 65] = {
        // sixty-five names in order, without making text at compile time
        let letters = "aaabacadaeafagahaiajakalamanaoapaqarasatauavawaxayazbabbbcbdbebfbgbhbibjbkblbmbnbobpbqbrbsbtbubvbwbxbybzcacbcccdcecfcgchcicjckclcm";
        let mut names = [""; 65];
        let mut at = 0;
        while at < 65 {
            names[at] = letters.split_at(2 * at).1.split_at(2).0;
            at += 1;
        }
        names
    };
    let many = object(NAMES.iter().map(|name| format!("\"{name}\":1")));
    let fields = NAMES.iter().map(|name| (*name, b"1".to_vec())).collect();
    let long = format!("\"{}\"", "a".repeat(48 * 1024 - 7));
    vec![
        value("noncanonical-nesting", "Nine levels.", "[[[[[[[[]]]]]]]]"),
        value(
            "noncanonical-nesting-deep",
            "Twenty thousand levels: refused without following them.",
            "[".repeat(20_000),
        ),
        Case { name: "noncanonical-65-fields", shows: "65 top-level fields.", payload: many.into(), fields },
        value("noncanonical-49153-bytes", "One byte more than 48 KiB.", long),
    ]
}
