//! The cases of a client: what it is asked, which endings are right, and whether what it said is one of them. Pure.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::outcome::{About, Wrong};
use super::conclusion::{Answer, Conclusion};

/// The kinds of cases, by which they are left out.
pub(super) const KINDS: [&str; 6] = ["record", "status", "witness", "presentation", "log", "call"];

/// A case.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) about: About,
    /// The endings that are right; the first is the one that reports name.
    pub(super) endings: Vec<Ending>,
    pub(super) ask: Ask,
}

/// The question to a client.
#[derive(Debug, Clone)]
pub(super) enum Ask {
    /// To judge something: the members of the question.
    Artefact(Map<String, Value>),
    /// To make a call.
    Call(Box<Call>),
}

/// A call to be made, and what is to go wrong with it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Call {
    /// `lienthong.exchange.v1.ExchangeService/FetchRecords`.
    pub(super) method: String,
    /// Whose credential the call has: `one-stop`; none where the method is public.
    #[serde(default)]
    pub(super) caller: String,
    /// In protobuf JSON.
    pub(super) request: Value,
    /// How long the client may wait for it, all attempts together.
    #[serde(default = "deadline")]
    pub(super) deadline_ms: u64,
    /// Whether the method's manual says that it may be repeated.
    #[serde(default)]
    pub(super) may_repeat: bool,
    /// The fault rules, as FaultService takes them.
    #[serde(default)]
    pub(super) faults: Vec<Value>,
    /// How long a client that repeats the call must wait at least before it does.
    #[serde(default)]
    pub(super) waits_ms: u64,
    /// Whether the question has the status lists of the record types: then the records must be in force, too.
    #[serde(default)]
    pub(super) has_lists: bool,
    /// The log whose head the client saw before, and now asks for again.
    #[serde(default)]
    pub(super) log: Option<SeenLog>,
    /// Whether libraries repeat the call by themselves, so that a client does not know.
    #[serde(default)]
    pub(super) is_transparent: bool,
}

/// A log of which a client saw a head.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeenLog {
    /// `evidence`.
    pub(super) name: String,
    /// The FetchRecords call that makes it grow, in protobuf JSON: a head is one of the session's own only beyond what the anchor says that it continues.
    pub(super) grows_by: Value,
}

fn deadline() -> u64 {
    5_000
}

/// One right ending of a case.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ending {
    /// `accepted`, `refused` or `failed`.
    pub(super) conclusion: String,
    /// Codes that fit a refusal, all where there is none. A refusal without a code fits.
    #[serde(default)]
    pub(super) codes: Vec<String>,
    /// Statuses that fit a failure, all but OK where there is none.
    #[serde(default)]
    pub(super) statuses: Vec<String>,
    /// The reason that a failure must have, if it must have one.
    #[serde(default)]
    pub(super) reason: Option<String>,
    /// The fewest and the most calls that the server may have seen; absent, any number.
    #[serde(default)]
    pub(super) calls: Option<(u64, u64)>,
}

impl Ending {
    /// The ending of what is right.
    pub(super) fn accepted() -> Self {
        Self { conclusion: "accepted".into(), codes: Vec::new(), statuses: Vec::new(), reason: None, calls: None }
    }

    /// The ending of what is wrong, by this code; by any, where there is none.
    pub(super) fn refused(code: Option<&str>) -> Self {
        Self { conclusion: "refused".into(), codes: code.into_iter().map(str::to_owned).collect(), ..Self::accepted() }
    }

    fn fits(&self, said: &Conclusion, calls: Option<u64>) -> bool {
        let is_among = |list: &[String], word: &str| list.is_empty() || list.iter().any(|one| one == word);
        let fits = match said {
            Conclusion::Accepted => self.conclusion == "accepted",
            Conclusion::Refused(code) => {
                self.conclusion == "refused" && code.as_ref().is_none_or(|code| is_among(&self.codes, code))
            }
            Conclusion::Failed { status, reason } => {
                self.conclusion == "failed"
                    && status != "OK"
                    && is_among(&self.statuses, status)
                    && (self.reason.is_none() || self.reason == *reason)
            }
        };
        let count_fits = match (self.calls, calls) {
            (Some((least, most)), Some(calls)) => (least..=most).contains(&calls),
            _ => true,
        };
        fits && count_fits
    }

    fn words(&self) -> String {
        let mut words = vec![self.conclusion.clone()];
        words.extend([self.codes.join("|"), self.statuses.join("|")].into_iter().filter(|list| !list.is_empty()));
        words.extend(self.reason.clone());
        match self.calls {
            Some((least, most)) if least == most => words.push(format!("after {}", counted(least))),
            Some((least, most)) => words.push(format!("after {least} to {most} calls")),
            None => {}
        }
        words.join(" ")
    }
}

fn counted(calls: u64) -> String {
    if calls == 1 { "1 call".into() } else { format!("{calls} calls") }
}

/// By how much a client's timer may be early: many count whole milliseconds.
const TIMER_MS: u64 = 2;

/// Observations of a client beside its conclusion.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    /// How many calls the server met.
    pub(super) calls: Option<u64>,
    /// The shortest time between the end of one and the beginning of the next, by the server's journal; where it had to wait.
    pub(super) paused_ms: Option<u64>,
}

impl Case {
    /// The right endings, in words.
    pub(super) fn expected(&self) -> String {
        self.endings.iter().map(Ending::words).collect::<Vec<_>>().join(", or ")
    }

    /// Whether an answer is a right one; a note of what it lacks.
    pub(super) fn judge(&self, said: &Answer, seen: Seen) -> Result<String, Wrong> {
        let told = match seen.calls {
            Some(calls) => format!("{} after {}", said.conclusion, counted(calls)),
            None => said.conclusion.to_string(),
        };
        let wrong = |found: String| Wrong { expected: self.expected(), found };
        if !self.endings.iter().any(|ending| ending.fits(&said.conclusion, seen.calls)) {
            return Err(wrong(told));
        }
        if let (Ask::Call(call), Some(calls)) = (&self.ask, seen.calls) {
            if said.retried.is_some_and(|retried| retried != (calls > 1)) && !call.is_transparent {
                return Err(wrong(format!("{told}, and it says the contrary")));
            }
            if let Some(paused) = seen.paused_ms
                && paused + TIMER_MS < call.waits_ms
            {
                let waits = call.waits_ms;
                return Err(wrong(format!("{told}, {paused} ms behind each other: it had to wait {waits} ms")));
            }
        }
        match &said.conclusion {
            Conclusion::Refused(None) if self.endings.iter().any(|ending| !ending.codes.is_empty()) => {
                Ok("refused without a code".into())
            }
            _ => Ok(String::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(endings: Vec<Ending>, call: Option<Value>) -> Case {
        let about = About { id: "a".into(), title: "t".into(), effect: "e", see: "s", kind: "record" };
        let ask = match call {
            None => Ask::Artefact(Map::new()),
            Some(call) => Ask::Call(serde_json::from_value(call).expect("a call")),
        };
        Case { about, endings, ask }
    }

    fn said(conclusion: Conclusion, retried: Option<bool>) -> Answer {
        Answer { conclusion, retried }
    }

    #[test]
    fn a_lenient_client_is_wrong_and_a_silent_one_is_noted() {
        let bad = case(vec![Ending::refused(Some("INCLUSION"))], None);
        let judge = |conclusion| bad.judge(&said(conclusion, None), Seen::default());
        let wrong = judge(Conclusion::Accepted).expect_err("lenient");
        assert_eq!((wrong.expected.as_str(), wrong.found.as_str()), ("refused INCLUSION", "accepted"));
        assert_eq!(judge(Conclusion::Refused(Some("INCLUSION".into()))), Ok(String::new()));
        assert!(judge(Conclusion::Refused(Some("MALFORMED".into()))).is_err(), "for another reason");
        assert_eq!(judge(Conclusion::Refused(None)), Ok("refused without a code".into()));
        let good = case(vec![Ending::accepted()], None);
        assert!(good.judge(&said(Conclusion::Refused(None), None), Seen::default()).is_err(), "refuses everything");
    }

    #[test]
    fn what_the_server_saw_counts_and_not_what_the_client_says() {
        let call = serde_json::json!({ "method": "s/M", "caller": "bank", "request": {}, "may_repeat": true, "waits_ms": 200 });
        let ending = |conclusion: &str, calls| Ending {
            calls: Some(calls),
            ..Ending { conclusion: conclusion.into(), ..Ending::accepted() }
        };
        let case = case(vec![ending("accepted", (2, 4)), ending("failed", (1, 1))], Some(call));
        let failed = || Conclusion::Failed { status: "UNAVAILABLE".into(), reason: None };
        for (conclusion, retried, calls, paused_ms, is_right) in [
            (Conclusion::Accepted, Some(true), 2, Some(300), true),
            (Conclusion::Accepted, None, 2, Some(199), true),
            (Conclusion::Accepted, Some(true), 2, Some(100), false),
            (Conclusion::Accepted, Some(false), 2, Some(300), false),
            (Conclusion::Accepted, Some(true), 5, Some(300), false),
            (Conclusion::Accepted, Some(false), 1, None, false),
            (failed(), Some(false), 1, None, true),
            (failed(), Some(true), 1, None, false),
            (failed(), Some(true), 2, Some(300), false),
        ] {
            let seen = Seen { calls: Some(calls), paused_ms };
            let judged = case.judge(&said(conclusion.clone(), retried), seen);
            assert_eq!(judged.is_ok(), is_right, "{conclusion} {retried:?} {calls} {paused_ms:?}: {judged:?}");
        }
    }
}
