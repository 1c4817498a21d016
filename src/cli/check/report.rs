//! The report of a check: for people, as JSON, and as JUnit's test cases.

use serde_json::{Value, json};

use super::outcome::{Outcome, Standing, Wrong};
use crate::base::Timestamp;
use crate::cli::junit::{Case, Ending};
use crate::cli::output::{Failure, OutputFormat, escaped, print_json, print_text};

/// The format of the JSON.
const FORMAT: &str = "lienthong/check-report/v1";
/// This program, as reports and statements name it.
pub(super) const PROGRAM: &str = concat!("lienthong ", env!("CARGO_PKG_VERSION"));

/// The subject of a check, and its outcomes.
#[derive(Debug)]
pub(super) struct Report {
    /// `client` or `registry`.
    pub(super) about: &'static str,
    /// Which one: the command that started it, or its address.
    pub(super) subject: String,
    /// SHA-256 over the ids of the cases and what they hand to a program, in hexadecimal: equal checks by one version of this program have equal ones.
    pub(super) cases_digest: String,
    /// The parts that were left out on request: kinds of cases, record types.
    pub(super) left_out: Vec<String>,
    /// When it ended.
    pub(super) at: Timestamp,
    /// The cases that ran, in order.
    pub(super) outcomes: Vec<Outcome>,
}

impl Report {
    /// Whether everything is as it should be, or known not to be.
    pub(super) fn is_good(&self) -> bool {
        !self.outcomes.is_empty() && self.outcomes.iter().all(|outcome| outcome.standing.is_good())
    }

    /// How many cases stand so.
    pub(super) fn count(&self, standing: Standing) -> usize {
        self.outcomes.iter().filter(|outcome| outcome.standing == standing).count()
    }

    /// The ids of the cases that stand so.
    pub(super) fn ids(&self, standing: Standing) -> Vec<&str> {
        let of = self.outcomes.iter().filter(|outcome| outcome.standing == standing);
        of.map(|outcome| outcome.about.id.as_str()).collect()
    }

    /// The whole as JSON.
    pub(super) fn json(&self) -> Value {
        let counts: serde_json::Map<_, _> =
            Standing::ALL.iter().map(|of| (of.as_str().to_owned(), self.count(*of).into())).collect();
        json!({
            "format": FORMAT,
            "about": self.about,
            "subject": self.subject,
            "program": PROGRAM,
            "at": self.at.to_string(),
            "cases_digest": self.cases_digest,
            "left_out": self.left_out,
            "counts": counts,
            "cases": self.outcomes.iter().map(of_case).collect::<Vec<_>>(),
        })
    }

    /// Prints it.
    pub(super) fn print(&self, output: OutputFormat) -> Result<(), Failure> {
        if output == OutputFormat::Json {
            return print_json(&self.json());
        }
        for outcome in &self.outcomes {
            print_text(&line(outcome))?;
        }
        let (passed, failed) = (self.count(Standing::Passed), self.count(Standing::Failed));
        let (known, unexpected) = (self.count(Standing::KnownFailure), self.count(Standing::UnexpectedPass));
        let cases = self.outcomes.len();
        let sum = format!(
            "{cases} cases: {passed} passed, {failed} failed, {known} known failures, {unexpected} unexpected passes"
        );
        print_text(&sum)?;
        match self.left_out.as_slice() {
            [] => Ok(()),
            left_out => print_text(&format!("left out: {}", left_out.join(", "))),
        }
    }

    /// As JUnit's test cases.
    pub(super) fn junit(&self) -> Vec<Case> {
        let case = |outcome: &Outcome| {
            let ending = match (outcome.standing, &outcome.wrong) {
                (Standing::Failed, Some(wrong)) => Ending::Failed {
                    message: outcome.about.title.clone(),
                    text: format!("expected {}, found {}", wrong.expected, wrong.found),
                },
                (Standing::UnexpectedPass, _) => Ending::Failed {
                    message: outcome.about.title.clone(),
                    text: "it passes, and is listed as a known failure".into(),
                },
                (Standing::KnownFailure, _) => Ending::Skipped("a known failure".into()),
                _ => Ending::Passed,
            };
            let (name, class) = (outcome.about.id.clone(), format!("{}.{}", self.about, outcome.about.kind));
            Case { name, class, took: outcome.took, ending }
        };
        self.outcomes.iter().map(case).collect()
    }
}

fn of_case(outcome: &Outcome) -> Value {
    let about = &outcome.about;
    let mut case = json!({
        "id": about.id, "kind": about.kind, "title": about.title, "effect": about.effect, "see": about.see,
        "result": outcome.standing.as_str(), "seconds": outcome.took.as_secs_f64(),
    });
    if let Some(wrong) = &outcome.wrong {
        case["expected"] = wrong.expected.as_str().into();
        case["found"] = wrong.found.as_str().into();
    }
    if !outcome.note.is_empty() {
        case["note"] = outcome.note.as_str().into();
    }
    case
}

/// A case for people: what is wrong with it comes with what that would lead to. What others said is escaped.
fn line(outcome: &Outcome) -> String {
    let (about, id) = (&outcome.about, &outcome.about.id);
    let said = |text: fn(&Wrong) -> &str| outcome.wrong.as_ref().map(|wrong| escaped(text(wrong))).unwrap_or_default();
    let (expected, found) = (said(|wrong| &wrong.expected), said(|wrong| &wrong.found));
    match (&outcome.wrong, outcome.standing) {
        (Some(_), Standing::KnownFailure) => format!("KNOWN  {id}: expected {expected}, found {found}"),
        (Some(_), _) => format!(
            "FAIL   {id}: {}\n         expected {expected}, found {found}\n         {} ({})",
            about.title, about.effect, about.see
        ),
        (None, Standing::UnexpectedPass) => format!("FAIL   {id}: it passes, and is listed as a known failure"),
        (None, _) if outcome.note.is_empty() => format!("PASS   {id}"),
        (None, _) => format!("PASS   {id}: {}", escaped(&outcome.note)),
    }
}
