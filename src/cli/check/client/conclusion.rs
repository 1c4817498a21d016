//! A client's conclusion about a case: one line of JSON, bounded and read strictly, because the checked program may write anything.

use serde::Deserialize;

/// Longest line, in bytes with its end.
pub(super) const LINE_BYTES_MAX: usize = 16 * 1024;
/// Longest code, status or reason, in characters.
const WORD_CHARS_MAX: usize = 64;

/// A client's conclusion about a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Conclusion {
    /// All of it is good, and was used.
    Accepted,
    /// It came whole and was not used; with the code of docs/verifying.md, or that of what is missing, where the client names one.
    Refused(Option<String>),
    /// The call failed: the gRPC status, and the reason in `ErrorInfo` where there was one.
    Failed { status: String, reason: Option<String> },
}

/// A client's answer to one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) conclusion: Conclusion,
    /// Whether the client says that it made the call more than once.
    pub(super) retried: Option<bool>,
    /// What the client took from a stream, in its order.
    pub(super) received: Option<Vec<u64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: String,
    conclusion: String,
    code: Option<String>,
    status: Option<String>,
    reason: Option<String>,
    retried: Option<bool>,
    received: Option<Vec<u64>>,
}

/// Reads the answer to the case of this id. The error says what is wrong with the line, and never repeats more of it than a word.
pub(super) fn read(line: &[u8], id: &str) -> Result<Answer, String> {
    if line.len() > LINE_BYTES_MAX {
        return Err(format!("its line is longer than {LINE_BYTES_MAX} bytes"));
    }
    let Line { id: of, conclusion, code, status, reason, retried, received } =
        serde_json::from_slice(line).map_err(|error| format!("its line is no answer: {error}"))?;
    if of != id {
        return Err(format!("it answers the case {}", shortened(&of)));
    }
    let words = [("code", &code), ("status", &status), ("reason", &reason)];
    for (name, word) in words {
        let is_word = |word: &str| {
            (1..=WORD_CHARS_MAX).contains(&word.len())
                && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        };
        if word.as_deref().is_some_and(|word| !is_word(word)) {
            return Err(format!("its {name} is not written like NOT_FOUND"));
        }
    }
    let conclusion = match (conclusion.as_str(), code, status, reason) {
        ("accepted", None, None, None) => Conclusion::Accepted,
        ("refused", code, None, None) => Conclusion::Refused(code),
        ("failed", None, Some(status), reason) => Conclusion::Failed { status, reason },
        ("accepted" | "refused" | "failed", ..) => {
            return Err("refused takes a code, failed a status and perhaps a reason, accepted none of them".into());
        }
        (other, ..) => {
            return Err(format!("a conclusion is accepted, refused or failed, and not {}", shortened(other)));
        }
    };
    Ok(Answer { conclusion, retried, received })
}

/// The beginning of a text from outside, without what a terminal would act on.
fn shortened(text: &str) -> String {
    text.chars().take(WORD_CHARS_MAX).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

impl std::fmt::Display for Conclusion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Accepted => f.write_str("accepted"),
            Self::Refused(None) => f.write_str("refused"),
            Self::Refused(Some(code)) => write!(f, "refused {code}"),
            Self::Failed { status, reason: None } => write!(f, "failed {status}"),
            Self::Failed { status, reason: Some(reason) } => write!(f, "failed {status} {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let conclusion = |line: &str| read(line.as_bytes(), "a").map(|answer| answer.conclusion);
        assert_eq!(conclusion(r#"{"id":"a","conclusion":"accepted"}"#), Ok(Conclusion::Accepted));
        assert_eq!(
            conclusion(r#"{"id":"a","conclusion":"refused","code":"INCLUSION"}"#),
            Ok(Conclusion::Refused(Some("INCLUSION".into())))
        );
        let failed = read(br#"{"id":"a","conclusion":"failed","status":"UNAVAILABLE","retried":true}"#, "a");
        let status = Conclusion::Failed { status: "UNAVAILABLE".into(), reason: None };
        assert_eq!(failed, Ok(Answer { conclusion: status, retried: Some(true), received: None }));
        let stream = read(br#"{"id":"a","conclusion":"accepted","received":[3,7]}"#, "a").map(|answer| answer.received);
        assert_eq!(stream, Ok(Some(vec![3, 7])));
    }

    #[test]
    fn hostile_lines_are_refused_in_words() {
        let deep = "[".repeat(10_000);
        let long = format!(r#"{{"id":"a","conclusion":"accepted","code":"{}"}}"#, "A".repeat(LINE_BYTES_MAX));
        for (line, says) in [
            ("", "no answer"),
            ("accepted", "no answer"),
            ("null", "no answer"),
            ("[]", "no answer"),
            (deep.as_str(), "no answer"),
            (long.as_str(), "longer than"),
            (r#"{"id":"a"}"#, "conclusion"),
            (r#"{"id":"b","conclusion":"accepted"}"#, "answers the case b"),
            (r#"{"id":"a","id":"a","conclusion":"accepted"}"#, "duplicate"),
            (r#"{"id":"a","conclusion":"accepted"} {}"#, "trailing"),
            (r#"{"id":"a","conclusion":"accepted","verdict":"VALID"}"#, "verdict"),
            (r#"{"id":"a","conclusion":"ACCEPTED"}"#, "accepted, refused or failed"),
            (r#"{"id":"a","conclusion":"accepted","code":"INCLUSION"}"#, "accepted none"),
            (r#"{"id":"a","conclusion":"failed"}"#, "failed a status"),
            (r#"{"id":"a","conclusion":"refused","code":"inclusion"}"#, "NOT_FOUND"),
            (r#"{"id":"a","conclusion":"refused","code":""}"#, "NOT_FOUND"),
            (r#"{"id":"a","conclusion":"accepted","received":["7"]}"#, "no answer"),
            (r#"{"id":"\u001b[2J","conclusion":"accepted"}"#, "\u{fffd}[2J"),
        ] {
            let error = read(line.as_bytes(), "a").expect_err(line);
            assert!(error.contains(says) && !error.contains('\u{1b}'), "{line}: {error}");
        }
        assert!(read(b"\xff\xfe", "a").is_err());
    }
}
