//! The outcomes of scenarios: for people, as JSON, and as test cases of JUnit.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::super::junit::{Case, Ending};
use super::super::output::{Failure, OutputFormat, escaped, print_json, print_text};
use super::file::Flaws;
use super::run::{Failed, Outcome};

pub(super) type Outcomes = [(PathBuf, Outcome)];

/// Prints the outcomes.
pub(super) fn outcomes(all: &Outcomes, output: OutputFormat) -> Result<(), Failure> {
    if output == OutputFormat::Json {
        let scenarios: Vec<Value> = all.iter().map(|(path, outcome)| as_json(path, outcome)).collect();
        return print_json(&json!({ "scenarios": scenarios }));
    }
    for (path, outcome) in all {
        let (name, steps, seconds) = (&outcome.name, outcome.steps, outcome.took.as_secs_f64());
        match &outcome.failed {
            None => print_text(&format!("PASS {name}: {steps} steps in {seconds:.1} s"))?,
            Some(Failed { step, line, unmet }) => {
                let path = path.display();
                print_text(&format!("FAIL {name}: {path}:{line}: {step}"))?;
                for one in unmet {
                    let (what, expected, found) = (&one.what, escaped(&one.expected), escaped(&one.found));
                    print_text(&format!("  {what}: expected {expected}, found {found}"))?;
                }
            }
        }
    }
    let failed = all.iter().filter(|(_, outcome)| outcome.failed.is_some()).count();
    print_text(&format!("{} scenarios: {} passed, {failed} failed", all.len(), all.len() - failed))
}

/// The outcomes as JUnit's test cases, one a scenario.
pub(super) fn junit(all: &Outcomes) -> Vec<Case> {
    let case = |(path, outcome): &(PathBuf, Outcome)| {
        let ending = match &outcome.failed {
            None => Ending::Passed,
            Some(Failed { step, line, unmet }) => {
                let says =
                    unmet.iter().map(|one| format!("{}: expected {}, found {}", one.what, one.expected, one.found));
                let text = says.collect::<Vec<_>>().join("\n");
                Ending::Failed { message: format!("line {line}: {step}"), text }
            }
        };
        Case { name: outcome.name.clone(), class: path.display().to_string(), took: outcome.took, ending }
    };
    all.iter().map(case).collect()
}

fn as_json(path: &std::path::Path, outcome: &Outcome) -> Value {
    let failed = outcome.failed.as_ref().map(|Failed { step, line, unmet }| {
        let unmet: Vec<Value> =
            unmet.iter().map(|one| json!({ "what": one.what, "expected": one.expected, "found": one.found })).collect();
        json!({ "step": step, "line": line, "unmet": unmet })
    });
    json!({
        "scenario": outcome.name,
        "file": path.display().to_string(),
        "steps": outcome.steps,
        "seconds": outcome.took.as_secs_f64(),
        "failed": failed,
    })
}

/// Prints the flaws of files.
pub(super) fn flaws(flawed: &[(PathBuf, Flaws)], sound: usize, output: OutputFormat) -> Result<(), Failure> {
    if output == OutputFormat::Json {
        let all: Vec<Value> = flawed
            .iter()
            .flat_map(|(path, flaws)| {
                let of = |(line, problem): &(usize, String)| json!({ "file": path.display().to_string(), "line": line, "problem": problem });
                flaws.iter().map(of)
            })
            .collect();
        return print_json(&json!({ "flaws": all }));
    }
    for (path, flaws) in flawed {
        for (line, problem) in flaws {
            print_text(&format!("{}:{line}: {problem}", path.display()))?;
        }
    }
    print_text(&format!("{sound} files are sound, {} are not", flawed.len()))
}
