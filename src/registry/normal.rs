//! Payloads as people write them, converted to the one form that is stored, signed and looked up.
//!
//! Corrections never change the meaning: composed letters for decomposed ones (NFC), so that rules and code lists see one spelling,
//! `Ð` (U+00D0) for `Đ`, and numbers with other separators or in small letters (`38a 12345` for `38A-123.45`). Everything else is kept as it was
//! sent, or refused.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

use crate::base::{Path, Violations};
use crate::trust::{Object, Value};

use super::RecordType;
use super::rule::{Field, Findings, Rule};
use super::spelling;

/// The payload as it is stored. Values that were written in another form are flagged.
pub(super) fn normal<'a>(
    record_type: &RecordType,
    payload: &'a Object,
    findings: &mut Findings<'_>,
) -> Cow<'a, Object> {
    let payload = with_vietnamese_letters(payload);
    let payload = with_fitting_key(record_type, payload, findings);
    match object(&payload, &record_type.fields, &Path::Root, findings) {
        Some(corrected) => Cow::Owned(corrected),
        None => payload,
    }
}

/// The payload with its natural key in the spelling that its pattern wants. Rules of built-in types have forms of their own.
fn with_fitting_key<'a>(
    record_type: &RecordType,
    payload: Cow<'a, Object>,
    findings: &mut Findings<'_>,
) -> Cow<'a, Object> {
    let key = &record_type.natural_key;
    let field = record_type.fields.iter().find(|field| field.name == *key);
    let Some((Rule::Form(form), written)) = field.map(|field| &field.rule).zip(payload.text(key)) else {
        return payload;
    };
    let Some(fitting) = spelling::fitting(written, record_type.key_form, |text| (form.fits)(text)) else {
        return payload;
    };
    if field.is_some_and(|field| field.rule.normal(written).is_some()) {
        return payload;
    }
    findings.warn(Path::Field(&Path::Root, key), "NORMALISED", "is stored in the usual form of such numbers");
    let mut payload = payload.into_owned();
    payload.insert(key, fitting);
    Cow::Owned(payload)
}

/// The payload as a registry stores it.
pub fn stored_form(record_type: &RecordType, payload: &Object) -> Object {
    normal(record_type, payload, &mut Findings::new(&"", &mut Violations::default())).into_owned()
}

fn object(of: &Object, fields: &[Field], path: &Path<'_>, findings: &mut Findings<'_>) -> Option<Object> {
    let mut corrected = None;
    for field in fields.iter().filter(|field| is_written(&field.rule)) {
        let Some(value) = of.get(&field.name) else { continue };
        if let Some(normal) = self::value(value, &field.rule, &Path::Field(path, &field.name), findings) {
            corrected.get_or_insert_with(|| of.clone()).insert(&field.name, normal);
        }
    }
    corrected
}

fn value(of: &Value, rule: &Rule, path: &Path<'_>, findings: &mut Findings<'_>) -> Option<Value> {
    match (of, rule) {
        (Value::String(text), Rule::Form(_)) => {
            let normal = rule.normal(text)?;
            findings.warn(path, "NORMALISED", "is stored in the usual form of such numbers");
            Some(Value::String(normal))
        }
        (Value::Object(of), Rule::Object(fields)) => object(of, fields, path, findings).map(Value::Object),
        (Value::Array(items), Rule::List(rule, max) | Rule::Set(rule, max)) if is_written(rule) => {
            let mut corrected = None;
            for (at, item) in items.iter().enumerate().take(*max) {
                if let Some(normal) = value(item, rule, &Path::Item(path, at), findings) {
                    corrected.get_or_insert_with(|| items.clone())[at] = normal;
                }
            }
            corrected.map(Value::Array)
        }
        _ => None,
    }
}

/// Whether a rule can have another form to write.
fn is_written(rule: &Rule) -> bool {
    matches!(rule, Rule::Form(_) | Rule::Object(_) | Rule::List(..) | Rule::Set(..))
}

/// Whether a text may have another form: the Icelandic letter, or letters in parts. The letters of Latin blocks, which nearly every text consists of,
/// are recognised at once.
fn is_other_form(text: &str) -> bool {
    let is_settled = |c: char| matches!(c, '\0'..='\u{cf}' | '\u{d1}'..='\u{2ff}' | '\u{1e00}'..='\u{1eff}');
    !text.is_ascii()
        && !text.chars().all(is_settled)
        && (text.contains('\u{d0}') || is_nfc_quick(text.chars()) != IsNormalized::Yes)
}

/// The payload in NFC, and with `Đ` (U+0110) for the Icelandic letter that looks like it (U+00D0).
fn with_vietnamese_letters(payload: &Object) -> Cow<'_, Object> {
    fn has(value: &Value) -> bool {
        match value {
            Value::String(text) => is_other_form(text),
            Value::Array(items) => items.iter().any(has),
            Value::Object(object) => object.iter().any(|(_, value)| has(value)),
            Value::Integer(_) | Value::Bool(_) => false,
        }
    }
    fn corrected(value: Value) -> Value {
        match value {
            Value::String(text) if is_other_form(&text) => Value::String(text.nfc().map(vietnamese).collect()),
            Value::Array(items) => Value::Array(items.into_iter().map(corrected).collect()),
            Value::Object(object) => Value::Object(object.into_iter().map(|(k, v)| (k, corrected(v))).collect()),
            other => other,
        }
    }
    fn vietnamese(c: char) -> char {
        if c == '\u{d0}' { '\u{110}' } else { c }
    }
    if !payload.iter().any(|(_, value)| has(value)) {
        return Cow::Borrowed(payload);
    }
    Cow::Owned(payload.clone().into_iter().map(|(name, value)| (name, corrected(value))).collect())
}
