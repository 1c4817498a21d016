//! The cases of artefacts: of the published test vectors those that show a client's judgement, at least one for each verdict code, with
//! good ones between. A vector has all that a verifier needs, so that these cases need no server and are the same everywhere.

use serde_json::{Map, Value};

use super::super::outcome::About;
use super::case::{Ask, Case, Ending};
use super::meaning;
use crate::trust::Code;

macro_rules! vectors {
    ($($name:literal)*) => { &[$(($name, include_str!(concat!("../../../../tests/vectors/", $name, ".json"))),)*] };
}

/// The vectors, by name, in the order in which they are asked.
const VECTORS: &[(&str, &str)] = vectors! {
    "record-whole" "payload-changed" "payload-field-added" "payload-salt-changed"
    "partial-two-fields" "partial-value-changed" "partial-leaf-changed" "partial-field-missing" "partial-order"
    "record-versions" "noncanonical-space" "noncanonical-duplicate" "noncanonical-null" "noncanonical-not-nfc"
    "statement-longest-names" "statement-changed" "statement-trailing" "statement-version-zero" "statement-label"
    "proof-tree-of-005" "proof-path-changed" "proof-path-of-neighbour" "proof-node-as-leaf" "proof-ledger-path-changed"
    "signature-among-others" "signature-changed" "signature-of-stranger" "signature-bad-beside-good" "signature-of-other-text"
    "p256-signature" "p256-upper-s" "p256-ed25519-signature" "ed25519-malleable" "ed25519-small-order-r" "ed25519-small-order-key"
    "checkpoint-extension" "checkpoint-size-zeros" "checkpoint-trailing-text" "ledger-is-evidence" "ledger-entry-of-other-type"
    "key-active" "issuer-named-other" "issuer-key-of-other" "issuer-unknown" "issuer-outside-schemas" "issuer-proof-missing"
    "key-rotated-before" "key-rotated-after" "key-before-from-index" "key-withdrawn-after" "key-rotated-no-ledger"
    "key-compromised-before" "key-compromised-suspect-first" "key-compromised-after" "ledger-key-compromised"
    "key-reattested" "key-reattested-beside" "ledger-proof-missing" "continued-from-its-head" "continued-from-another-root"
    "time-five-minutes-ahead" "time-more-than-five-minutes-ahead" "anchor-last-millisecond" "anchor-expired" "anchor-root-signed"
    "anchor-root-too-few" "anchor-root-changed" "anchor-unknown-field"
    "frame-agrees" "frame-id-differs" "frame-type-differs" "frame-version-differs" "frame-verdict-differs"
    "evidence-agrees" "evidence-behind-checkpoint" "evidence-other-log"
    "file-unknown-field" "file-field-twice" "file-base64-stray-bits" "file-no-records" "exit-code-first"
    "status-valid" "status-invalid" "status-suspended" "status-superseded" "status-newest-list" "status-stored-block"
    "status-expired" "status-short-list" "status-changed" "status-of-stranger" "status-of-other-issuer" "status-huge-count"
    "witness-two-of-three" "witness-none" "witness-one-twice" "witness-bad-cosignature" "witness-nested-groups"
    "witness-stranger" "witness-future" "witness-stale" "witness-log-other-key" "witness-newest-counts"
    "presentation-part" "presentation-value-other" "presentation-binding-nonce" "presentation-binding-audience"
    "presentation-binding-missing" "presentation-binding-key" "presentation-binding-old" "presentation-binding-of-more"
    "presentation-nothing" "presentation-expired" "presentation-not-yet" "presentation-without-exp" "presentation-alg-none"
    "presentation-signature-changed" "presentation-key-rotated" "presentation-issuer-url" "presentation-issuer-url-other"
    "presentation-no-tilde" "presentation-place-other" "presentation-unreferenced" "presentation-whole"
    "log-whole" "log-entry-changed" "log-tile-changed" "log-root-of-others" "log-tile-missing" "log-signed-by-stranger"
    "log-grown" "log-smaller" "log-other-beginning" "log-two-of-one-size" "log-version-left-out" "log-of-other-issuer" "log-unchanged"
};

/// The fields of a vector that belong to the question, by its format, with the kind of its case.
const FORMATS: [(&str, &str, &[&str]); 4] = [
    ("lienthong/vector/v1", "record", &["at", "trust_anchor", "records", "file", "status_lists"]),
    ("lienthong/policy-vector/v1", "witness", &["at", "age_max_ms", "policy", "checkpoint"]),
    ("lienthong/presentation-vector/v1", "presentation", &["at", "trust_anchor", "nonce", "audience", "presentation"]),
    ("lienthong/log-vector/v1", "log", &["at", "trust_anchor", "log", "before", "served"]),
];

/// All cases. The error names a vector that cannot be read, which no build has.
pub(super) fn cases() -> Result<Vec<Case>, String> {
    VECTORS.iter().map(|(name, text)| case(name, text).ok_or_else(|| format!("{name}: no vector"))).collect()
}

fn case(name: &str, text: &str) -> Option<Case> {
    let vector: Map<String, Value> = serde_json::from_str(text).ok()?;
    let (_, kind, members) = FORMATS.into_iter().find(|(format, ..)| vector["format"] == *format)?;
    let kind = if vector.contains_key("status_lists") { "status" } else { kind };
    let (ending, (effect, see)) = ending(&vector["expected"])?;
    let mut question: Map<_, _> =
        members.iter().filter_map(|name| Some(((*name).to_owned(), vector.get(*name)?.clone()))).collect();
    // Records come as the text of a file, as every answer does that is judged.
    if let Some(records) = question.remove("records") {
        question.insert("file".into(), records.to_string().into());
    }
    let about = About { id: name.to_owned(), title: vector["shows"].as_str()?.to_owned(), effect, see, kind };
    Some(Case { about, endings: vec![ending], ask: Ask::Artefact(question) })
}

/// The right ending, by what a vector expects: a file's exit code, or the code of one thing.
fn ending(expected: &Value) -> Option<(Ending, (&'static str, &'static str))> {
    let by_code = |code: &str| Code::ALL.iter().find(|known| known.as_str() == code).copied();
    let by_exit = |exit: u64| Code::ALL.iter().find(|known| u64::from(known.exit_code()) == exit).copied();
    let code = expected["code"].as_str().map_or_else(|| by_exit(expected["exit_code"].as_u64()?), by_code);
    let is_right = expected["verdict"] == "VALID" || expected["exit_code"] == 0;
    Some(match code {
        Some(code) => (Ending::refused(Some(code.as_str())), meaning::of(code)),
        None if is_right => (Ending::accepted(), meaning::RIGHT),
        None => (Ending::refused(None), meaning::UNREADABLE),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_verdict_code_has_a_case_and_every_case_is_unique() {
        let cases = cases().expect("vectors");
        let ids: BTreeSet<&str> = cases.iter().map(|case| case.about.id.as_str()).collect();
        assert_eq!(ids.len(), cases.len(), "an id twice");
        for code in Code::ALL {
            let has = |case: &Case| case.endings.iter().any(|ending| ending.codes == [code.as_str()]);
            assert!(cases.iter().any(has), "{code:?} has no case");
        }
    }

    #[test]
    fn good_ones_stand_between_the_bad_ones() {
        let cases = cases().expect("vectors");
        let mut bad = 0;
        for case in &cases {
            bad = if case.endings[0] == Ending::accepted() { 0 } else { bad + 1 };
            assert!(bad <= 8, "{}: the eighth bad one in a row", case.about.id);
        }
        for kind in ["record", "status", "witness", "presentation", "log"] {
            let first = cases.iter().find(|case| case.about.kind == kind).expect(kind);
            assert_eq!(first.endings, [Ending::accepted()], "{kind} begins with a bad one");
        }
    }

    #[test]
    fn a_question_has_what_a_verifier_needs_and_not_the_solution() {
        for case in cases().expect("vectors") {
            let Ask::Artefact(question) = &case.ask else { panic!("{}", case.about.id) };
            assert!(!question.contains_key("expected") && !question.contains_key("shows"), "{}", case.about.id);
            assert!(!question.contains_key("in_words"), "{}", case.about.id);
            assert!(question.len() >= 3, "{}: {:?}", case.about.id, question.keys());
            let place = case.about.see.split('#').next().expect("a page");
            assert!(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(place).exists(), "{place}");
        }
    }
}
