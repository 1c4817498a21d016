//! What became of scenarios as JUnit's XML, which continuous integration reads.

use std::fmt::Write as _;

use super::report::Outcomes;
use super::run::Failed;

/// The outcomes as JUnit's XML: one suite, one case a scenario.
pub(super) fn junit(all: &Outcomes) -> String {
    let failures = all.iter().filter(|(_, outcome)| outcome.failed.is_some()).count();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(xml, "<testsuite name=\"scenarios\" tests=\"{}\" failures=\"{failures}\">", all.len());
    for (path, outcome) in all {
        let (name, file) = (escaped(&outcome.name), escaped(&path.display().to_string()));
        let _ =
            write!(xml, "  <testcase name=\"{name}\" classname=\"{file}\" time=\"{:.3}\"", outcome.took.as_secs_f64());
        match &outcome.failed {
            None => xml.push_str("/>\n"),
            Some(Failed { step, line, unmet }) => {
                let says: Vec<String> = unmet
                    .iter()
                    .map(|one| format!("{}: expected {}, found {}", one.what, one.expected, one.found))
                    .collect();
                let (step, says) = (escaped(step), escaped(&says.join("\n")));
                let _ =
                    writeln!(xml, ">\n    <failure message=\"line {line}: {step}\">{says}</failure>\n  </testcase>");
            }
        }
    }
    xml.push_str("</testsuite>\n");
    xml
}

/// A text for XML: without characters that it cannot have.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push('\n'),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
