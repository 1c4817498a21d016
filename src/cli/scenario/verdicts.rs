//! The verdicts that a step expects on the records of its answer, as `lienthong verify` gives them offline. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::unmet::Unmet;
use crate::base::name::with_nearest;
use crate::trust::{Code, Verdict};

/// The expected verdicts.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdicts {
    /// On all records.
    Of(Expected),
    /// On those of each of these record types; other records may have any.
    ByType(BTreeMap<String, Expected>),
}

/// The expected verdicts on some records, of which there has to be one at least.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expected {
    /// The same on each.
    Each(String),
    /// One on each, in the order of the answer.
    InOrder(Vec<String>),
}

/// A record of an answer: its type, and the verdict on it.
pub(super) type Judged = (String, Verdict);

/// A verdict in a scenario: `VALID`, or the code, which says whether it is INVALID or INDETERMINATE.
fn word(verdict: Verdict) -> &'static str {
    verdict.code().map_or(verdict.as_str(), Code::as_str)
}

/// Whether a record can get such a code. The others are of logs, of witnesses and of a presentation's binding, which no step asks for.
fn is_of_records(code: Code, has_lists: bool) -> bool {
    match code {
        Code::LogRollback | Code::SplitView | Code::Tile | Code::LogRule | Code::KeyBinding | Code::Quorum => false,
        Code::StatusInvalid | Code::StatusSuspended | Code::Superseded | Code::Stale | Code::Unavailable => has_lists,
        _ => true,
    }
}

impl Verdicts {
    /// Reads them; `has_lists`: status lists count. The error says which part is wrong, below the whole, and what would be right.
    pub(super) fn read(value: &Value, has_lists: bool) -> Result<Self, (String, String)> {
        let Value::Object(by_type) = value else {
            return Expected::read(value, has_lists).map(Self::Of).map_err(|problem| (String::new(), problem));
        };
        if by_type.is_empty() {
            return Err((String::new(), WANTED.to_owned()));
        }
        let one = |(name, value): (&String, &Value)| match Expected::read(value, has_lists) {
            Ok(expected) => Ok((name.clone(), expected)),
            Err(problem) => Err((name.clone(), problem)),
        };
        by_type.iter().map(one).collect::<Result<_, _>>().map(Self::ByType)
    }

    /// Those that are not as expected.
    pub(super) fn unmet(&self, judged: &[Judged]) -> Vec<Unmet> {
        match self {
            Self::Of(expected) => expected.unmet("verdicts".to_owned(), judged).into_iter().collect(),
            Self::ByType(by_type) => {
                let of = |(name, expected): (&String, &Expected)| {
                    let those: Vec<Judged> = judged.iter().filter(|(of, _)| of == name).cloned().collect();
                    expected.unmet(format!("verdicts.{name}"), &those)
                };
                by_type.iter().filter_map(of).collect()
            }
        }
    }
}

const WANTED: &str = "takes a verdict, a list with one for each record, or a mapping of record types to those";

impl Expected {
    fn read(value: &Value, has_lists: bool) -> Result<Self, String> {
        match value {
            Value::String(text) => read_word(text, has_lists).map(Self::Each),
            Value::Array(items) if !items.is_empty() => {
                let words = items.iter().map(|item| read_word(item.as_str().unwrap_or_default(), has_lists));
                words.collect::<Result<_, _>>().map(Self::InOrder)
            }
            _ => Err(WANTED.to_owned()),
        }
    }

    fn unmet(&self, what: String, judged: &[Judged]) -> Option<Unmet> {
        let found: Vec<&str> = judged.iter().map(|(_, verdict)| word(*verdict)).collect();
        let (holds, expected) = match self {
            Self::Each(wanted) => {
                (!found.is_empty() && found.iter().all(|found| found == wanted), format!("{wanted} for each record"))
            }
            Self::InOrder(wanted) => (found == *wanted, wanted.join(", ")),
        };
        let named = || judged.iter().map(|(of, verdict)| format!("{} ({of})", word(*verdict))).collect::<Vec<_>>();
        let told = || if judged.is_empty() { "no record".to_owned() } else { named().join(", ") };
        (!holds).then(|| Unmet { what, expected, found: told() })
    }
}

fn read_word(text: &str, has_lists: bool) -> Result<String, String> {
    let valid = Verdict::Valid.as_str();
    let codes = Code::ALL.iter().filter(|code| is_of_records(**code, has_lists)).map(|code| code.as_str());
    let known: Vec<&str> = [valid].into_iter().chain(codes).collect();
    if known.contains(&text) {
        return Ok(text.to_owned());
    }
    if !has_lists && Code::ALL.iter().any(|code| code.as_str() == text && is_of_records(*code, true)) {
        return Err(format!("{text} is what status lists say: add status_lists: true"));
    }
    let problem = format!("{text} is not a verdict on a record: VALID, or a code of docs/verifying.md");
    Err(with_nearest(problem, text, known))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged() -> Vec<Judged> {
        let of = |name: &str, verdict| (name.to_owned(), verdict);
        vec![
            of("resident.person.v1", Verdict::Valid),
            of("land.certificate.v1", Verdict::Invalid(Code::Inclusion)),
            of("land.certificate.v1", Verdict::Indeterminate(Code::RevokedNoPoe)),
        ]
    }

    #[test]
    fn verdicts_hold_for_each_record_in_order_or_by_type() {
        for (wanted, unmet) in [
            (json!(["VALID", "INCLUSION", "REVOKED_NO_POE"]), vec![]),
            (json!(["VALID", "REVOKED_NO_POE", "INCLUSION"]), vec!["verdicts"]),
            (json!(["VALID", "INCLUSION"]), vec!["verdicts"]),
            (json!("VALID"), vec!["verdicts"]),
            (json!({ "resident.person.v1": "VALID" }), vec![]),
            (
                json!({ "land.certificate.v1": ["INCLUSION", "REVOKED_NO_POE"], "resident.person.v1": ["VALID"] }),
                vec![],
            ),
            (json!({ "land.certificate.v1": "INCLUSION" }), vec!["verdicts.land.certificate.v1"]),
            (json!({ "vehicle.registration.v1": "VALID" }), vec!["verdicts.vehicle.registration.v1"]),
        ] {
            let found = Verdicts::read(&wanted, false).expect("reads").unmet(&judged());
            assert_eq!(found.iter().map(|one| one.what.as_str()).collect::<Vec<_>>(), unmet, "{wanted}");
        }
        let [unmet] = &Verdicts::read(&json!("VALID"), false).expect("reads").unmet(&judged())[..] else {
            panic!("one")
        };
        assert_eq!(unmet.expected, "VALID for each record");
        let found = "VALID (resident.person.v1), INCLUSION (land.certificate.v1), REVOKED_NO_POE (land.certificate.v1)";
        assert_eq!(unmet.found, found);
        let none = &Verdicts::read(&json!("VALID"), false).expect("reads").unmet(&[])[0];
        assert_eq!(none.found, "no record");
    }

    #[test]
    fn a_verdict_that_no_record_can_have_is_refused() {
        for (value, at, says) in [
            (json!("INCLUSIO"), "", "nearest: INCLUSION"),
            (json!("INVALID"), "", "is not a verdict"),
            (json!(["VALID", "SPLIT_VIEW"]), "", "is not a verdict"),
            (json!({ "land.certificate.v1": "valid" }), "land.certificate.v1", "is not a verdict"),
            (json!("SUPERSEDED"), "", "status_lists: true"),
            (json!([]), "", "takes a verdict"),
            (json!({}), "", "takes a verdict"),
            (json!(true), "", "takes a verdict"),
            (json!([1]), "", "is not a verdict"),
        ] {
            let (place, problem) = Verdicts::read(&value, false).expect_err("refused");
            assert!(place == at && problem.contains(says), "{value}: {place}: {problem}");
        }
        for word in ["SUPERSEDED", "STATUS_INVALID", "UNAVAILABLE", "VALID"] {
            Verdicts::read(&json!(word), true).expect(word);
        }
    }
}
