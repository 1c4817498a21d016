//! The outcomes of a check's cases. Pure: a program's answers are judged elsewhere, and the judgements are added up here.

use std::time::Duration;

use super::known::Known;

/// A case, as reports name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct About {
    /// Unique in its check, and never given to another case.
    pub(super) id: String,
    /// The case in a sentence.
    pub(super) title: String,
    /// The consequence for a program that gets it wrong.
    pub(super) effect: &'static str,
    /// Where it is defined: a section of docs/.
    pub(super) see: &'static str,
    /// `record`, `call`, …: what a case is about, by which cases are left out.
    pub(super) kind: &'static str,
}

/// The expected behaviour of a program, and the observed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) expected: String,
    pub(super) found: String,
}

/// The standing of a case after its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// As it should be.
    Passed,
    /// Not as it should be.
    Failed,
    /// Not as it should be, and listed as such.
    KnownFailure,
    /// As it should be, although listed as a known failure: the list is behind.
    UnexpectedPass,
}

impl Standing {
    /// All of them.
    pub(super) const ALL: [Self; 4] = [Self::Passed, Self::Failed, Self::KnownFailure, Self::UnexpectedPass];

    /// The word in reports.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::KnownFailure => "known_failure",
            Self::UnexpectedPass => "unexpected_pass",
        }
    }

    /// Whether the check as a whole may pass with it.
    pub(super) fn is_good(self) -> bool {
        matches!(self, Self::Passed | Self::KnownFailure)
    }
}

/// A case that was run.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) about: About,
    pub(super) took: Duration,
    pub(super) wrong: Option<Wrong>,
    /// A remark about a case that passed.
    pub(super) note: String,
    pub(super) standing: Standing,
}

impl Outcome {
    /// The outcome of a case, in the light of the known failures.
    pub(super) fn of(about: About, took: Duration, judged: Result<String, Wrong>, known: &Known) -> Self {
        let is_known = known.why(&about.id).is_some();
        let (wrong, note) = match judged {
            Ok(note) => (None, note),
            Err(wrong) => (Some(wrong), String::new()),
        };
        let standing = match (&wrong, is_known) {
            (None, false) => Standing::Passed,
            (None, true) => Standing::UnexpectedPass,
            (Some(_), false) => Standing::Failed,
            (Some(_), true) => Standing::KnownFailure,
        };
        Self { about, took, wrong, note, standing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(is_right: bool, known: &str) -> Outcome {
        let about = About { id: "a".into(), title: "t".into(), effect: "e", see: "s", kind: "record" };
        let judged = if is_right { Ok(String::new()) } else { Err(Wrong { expected: "x".into(), found: "y".into() }) };
        Outcome::of(about, Duration::ZERO, judged, &Known::parse(known, &["a", "b"]).expect("a list"))
    }

    #[test]
    fn an_unexpected_pass_is_an_error_and_a_known_failure_is_none() {
        for (is_right, known, standing, is_good) in [
            (true, "", Standing::Passed, true),
            (false, "", Standing::Failed, false),
            (false, "a  # not yet\n", Standing::KnownFailure, true),
            (true, "a\n", Standing::UnexpectedPass, false),
            (false, "b\n", Standing::Failed, false),
        ] {
            let found = outcome(is_right, known).standing;
            assert_eq!((found, found.is_good()), (standing, is_good), "{is_right} {known:?}");
        }
    }
}
