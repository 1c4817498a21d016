//! What the canonical form accepts and refuses, by rule; samples of RFC 8785; round trips of arbitrary values.

use proptest::prelude::*;
use unicode_normalization::{IsNormalized, UnicodeNormalization, char::canonical_combining_class, is_nfc_quick};

use super::*;
use crate::base::text::is_settled;

fn rule(payload: impl AsRef<[u8]>) -> Option<Rule> {
    scan(payload.as_ref()).err().map(|error| error.rule)
}

fn check(payload: &str, expect: Rule) {
    assert_eq!(rule(payload), Some(expect), "{payload:?}");
    assert!(parse(payload.as_bytes()).is_err());
}

#[test]
fn canonical_objects_are_accepted_and_round_trip() {
    let accepted = [
        "{}",
        r#"{"a":"x"}"#,
        r#"{"a":[],"b":{},"c":[{"d":[1,"2",true]}]}"#,
        r#"{"a":-1,"b":0,"c":9007199254740991,"d":-9007199254740991}"#,
        r#"{"a":"\b\t\n\f\r\"\\/\u000b\u001f","b":"€ 𠀀 Nguyễn Thị Ánh"}"#,
        r#"{"a":"ướm","a_1":false,"a_b":true,"ab":"\u007e"}"#,
    ];
    for payload in &accepted[..5] {
        let object = parse(payload.as_bytes()).expect(payload);
        assert_eq!(write(&object), payload.as_bytes());
    }
    check(accepted[5], Rule::Escape);
}

#[test]
fn every_departure_from_the_form_is_refused_by_its_rule() {
    let cases = [
        // white space, order, duplicates, what follows
        (r#" {"a":1}"#, Rule::Syntax),
        (r#"{"a": 1}"#, Rule::Syntax),
        (r#"{"a":1,"b":2 }"#, Rule::Syntax),
        (r#"{"b":1,"a":2}"#, Rule::NameOrder),
        (r#"{"a":1,"a":1}"#, Rule::NameOrder),
        (r#"{"x":{"b":1,"a":2}}"#, Rule::NameOrder),
        ("{\"a\":1}\n", Rule::TrailingBytes),
        (r#"{"a":1}{"#, Rule::TrailingBytes),
        (r#"{"a":1}}"#, Rule::TrailingBytes),
        // names
        (r#"{"A":1}"#, Rule::Name),
        (r#"{"":1}"#, Rule::Name),
        (r#"{"1a":1}"#, Rule::Name),
        (r#"{"a-b":1}"#, Rule::Name),
        (r#"{"\u0061":1}"#, Rule::Name),
        (r#"{"ă":1}"#, Rule::Name),
        (r#"{"a":{"B":1}}"#, Rule::Name),
        // numbers
        (r#"{"a":1.0}"#, Rule::Number),
        (r#"{"a":1e2}"#, Rule::Number),
        (r#"{"a":-0}"#, Rule::Number),
        (r#"{"a":01}"#, Rule::Number),
        (r#"{"a":-}"#, Rule::Number),
        (r#"{"a":9007199254740992}"#, Rule::Number),
        (r#"{"a":-9007199254740992}"#, Rule::Number),
        (r#"{"a":99999999999999999999999999}"#, Rule::Number),
        (r#"{"a":+1}"#, Rule::Syntax),
        (r#"{"a":.5}"#, Rule::Syntax),
        (r#"{"a":NaN}"#, Rule::Syntax),
        // words
        (r#"{"a":null}"#, Rule::Syntax),
        (r#"{"a":True}"#, Rule::Syntax),
        (r#"{"a":tru}"#, Rule::Syntax),
        // strings
        (r#"{"a":"\/"}"#, Rule::Escape),
        (r#"{"a":"\u0041"}"#, Rule::Escape),
        (r#"{"a":"\u000a"}"#, Rule::Escape),
        (r#"{"a":"\u000B"}"#, Rule::Escape),
        (r#"{"a":"\u00e1"}"#, Rule::Escape),
        (r#"{"a":"\ud800"}"#, Rule::Escape),
        (r#"{"a":"\ud83d\ude02"}"#, Rule::Escape),
        (r#"{"a":"\u0000"}"#, Rule::ForbiddenCharacter),
        ("{\"a\":\"\0\"}", Rule::ForbiddenCharacter),
        ("{\"a\":\"\n\"}", Rule::ForbiddenCharacter),
        ("{\"a\":\"x\u{feff}\"}", Rule::ForbiddenCharacter),
        ("\u{feff}{}", Rule::Syntax),
        ("{\"a\":\"e\u{301}\"}", Rule::NotNfc),
        ("{\"a\":\"Nguye\u{302}\u{303}n\"}", Rule::NotNfc),
        ("{\"a\":\"\u{212b}\"}", Rule::NotNfc),
        ("{\"a\":\"\u{1f600}\"}", Rule::Unsettled),
        ("{\"a\":\"\u{378}\"}", Rule::Unsettled),
        ("{\"a\":\"\u{1100}\u{1161}\"}", Rule::NotNfc),
        (r#"{"a":"x"#, Rule::Syntax),
        (r#"{"a":"x\"#, Rule::Escape),
        (r#"{"a":"\u00"#, Rule::Escape),
        // structure
        ("", Rule::Syntax),
        ("[]", Rule::Syntax),
        ("1", Rule::Syntax),
        ("{", Rule::Syntax),
        (r#"{"a"}"#, Rule::Syntax),
        (r#"{"a":}"#, Rule::Syntax),
        (r#"{"a":1,}"#, Rule::Syntax),
        (r#"{,"a":1}"#, Rule::Syntax),
        (r#"{"a":[1,]}"#, Rule::Syntax),
        (r#"{"a":[1 ,2]}"#, Rule::Syntax),
        (r#"{"a":[1"#, Rule::Syntax),
    ];
    for (payload, expect) in cases {
        check(payload, expect);
    }
    assert_eq!(rule(b"{\"a\":\"\xed\xa0\x80\"}"), Some(Rule::NotUtf8), "a lone surrogate");
    assert_eq!(rule(b"{\"a\":\"\xc0\xaf\"}"), Some(Rule::NotUtf8), "an overlong form");
    assert_eq!(rule(b"{\"a\":\"\xff\"}"), Some(Rule::NotUtf8));
}

#[test]
fn a_combining_mark_after_an_escape_composes_with_nothing() {
    assert_eq!(rule("{\"a\":\"\\n\u{303}\"}"), None);
    assert_eq!(rule("{\"a\":\"n\u{303}\"}"), Some(Rule::NotNfc));
    assert_eq!(rule("{\"a\":\"\u{303}\"}"), None);
}

#[test]
fn limits_hold_at_their_edges() {
    let deep = |depth: usize| format!("{}{{}}{}", r#"{"a":"#.repeat(depth - 1), "}".repeat(depth - 1));
    assert_eq!(rule(deep(8)), None);
    check(&deep(9), Rule::TooDeep);
    check(&format!("{{\"a\":{}{}}}", "[".repeat(8), "]".repeat(8)), Rule::TooDeep);
    let wide = |count: usize| {
        let fields: Vec<_> = (0..count).map(|i| format!("\"f{i:02}\":{i}")).collect();
        format!("{{{}}}", fields.join(","))
    };
    assert_eq!(rule(wide(64)), None);
    assert_eq!(scan(wide(64).as_bytes()).expect("64 fields").len(), 64);
    check(&wide(65), Rule::TooManyFields);
    let nested = format!("{{\"a\":{}}}", wide(65));
    assert_eq!(rule(nested), None, "only top-level fields are counted");
    let long = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8));
    assert_eq!(rule(long(PAYLOAD_BYTES_MAX)), None);
    check(&long(PAYLOAD_BYTES_MAX + 1), Rule::TooLong);
}

#[test]
fn fields_come_with_the_bytes_of_their_values() {
    let payload = r#"{"a":{"x":[1,2]},"full_name":"Trần Văn Bình","n":-5}"#;
    let scanned = scan(payload.as_bytes()).expect("canonical");
    let fields: Vec<_> = scanned.fields().map(|field| (field.name, field.value)).collect();
    let expect: [(&str, &[u8]); 3] =
        [("a", br#"{"x":[1,2]}"#), ("full_name", "\"Trần Văn Bình\"".as_bytes()), ("n", b"-5")];
    assert_eq!(fields, expect);
}

#[test]
fn samples_of_rfc_8785_within_the_profile() {
    // section 3.2.2: the string of the sample object, and its literals without null
    let escapes = "\u{20ac}$\u{f}\nA'B\"\\\\\"/";
    let written = write(&Object::new().with("string", escapes).with("literals", vec![true, false]));
    assert_eq!(written, "{\"literals\":[true,false],\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}".as_bytes());
    // appendix B: integers, with the edges of what is safe
    for (number, expect) in [(0, "0"), (INTEGER_MAX, "9007199254740991"), (-INTEGER_MAX, "-9007199254740991")] {
        assert_eq!(write_value(&Value::Integer(number)), expect.as_bytes());
    }
}

#[test]
fn the_latin_ranges_are_normal_in_any_order() {
    for c in ('\u{80}'..='\u{2ff}').chain('\u{1e00}'..='\u{1eff}') {
        assert_eq!(is_nfc_quick(std::iter::once(c)), IsNormalized::Yes, "{c:?}");
        assert_eq!(canonical_combining_class(c), 0, "{c:?}");
        assert!(scanner::is_nfc_latin(c.encode_utf8(&mut [0; 4]).as_bytes()));
    }
    for c in ['\u{300}', '\u{340}', '\u{1dff}', '\u{1f00}', '\u{212b}', '\u{feff}'] {
        assert!(!scanner::is_nfc_latin(c.encode_utf8(&mut [0; 4]).as_bytes()), "{c:?}");
    }
}

#[test]
fn what_has_no_canonical_form_is_refused_when_written() {
    for bad in [
        Object::new().with("Bad", 1),
        Object::new().with("a", INTEGER_MAX + 1),
        Object::new().with("a", "\0"),
        Object::new().with("a", "\u{feff}"),
    ] {
        assert!(write_checked(&bad).is_err());
    }
    let decomposed = Object::new().with("a", "Nguye\u{302}\u{303}n");
    assert_eq!(write_checked(&decomposed).expect("brought to NFC"), "{\"a\":\"Nguyễn\"}".as_bytes());
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        "[\\PC\n\t\"\\\\]{0,12}".prop_map(|text| {
            Value::String(text.chars().filter(|c| *c != '\u{feff}' && is_settled(*c)).nfc().collect())
        }),
        (-INTEGER_MAX..=INTEGER_MAX).prop_map(Value::Integer),
        any::<bool>().prop_map(Value::Bool),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec(("[a-z][a-z0-9_]{0,8}", inner), 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn any_object() -> impl Strategy<Value = Object> {
    prop::collection::vec(("[a-z][a-z0-9_]{0,8}", any_value()), 0..8).prop_map(|fields| fields.into_iter().collect())
}

proptest! {
    #[test]
    fn what_is_written_is_accepted_and_read_back(object in any_object()) {
        let payload = write(&object);
        prop_assert_eq!(scan(&payload).expect("canonical").len(), object.len());
        prop_assert!(parse(&payload).expect("canonical") == object);
        for (field, (name, value)) in scan(&payload).expect("canonical").fields().zip(object.iter()) {
            prop_assert_eq!(field.name, name);
            prop_assert_eq!(field.value, write_value(value));
            prop_assert!(parse_value(field.value).expect("canonical") == *value);
        }
    }

    #[test]
    fn only_one_byte_form_is_accepted(object in any_object(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut payload = write(&object);
        let at = at.index(payload.len());
        payload[at] = byte;
        // whatever is accepted writes back to the very same bytes
        if let Ok(read) = parse(&payload) {
            prop_assert_eq!(write(&read), payload);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(read) = parse(&bytes) {
            prop_assert_eq!(write(&read), bytes.as_slice());
        }
        let _ = parse_value(&bytes);
    }
}
