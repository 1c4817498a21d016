//! JUnit's XML, which continuous integration reads: of scenarios and of checks.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use super::output::Failure;

/// One test case.
pub(super) struct Case {
    pub(super) name: String,
    /// Its group: a file, a kind of case.
    pub(super) class: String,
    pub(super) took: Duration,
    pub(super) ending: Ending,
}

/// How a test case ended.
pub(super) enum Ending {
    /// As it should.
    Passed,
    /// Otherwise: in a line, and in full.
    Failed { message: String, text: String },
    /// It does not count, for this reason.
    Skipped(String),
}

/// The XML of one suite.
pub(super) fn suite(name: &str, cases: &[Case]) -> String {
    let count = |counts: fn(&Ending) -> bool| cases.iter().filter(|case| counts(&case.ending)).count();
    let failures = count(|ending| matches!(ending, Ending::Failed { .. }));
    let skipped = count(|ending| matches!(ending, Ending::Skipped(_)));
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let (name, tests) = (escaped(name), cases.len());
    let _ =
        writeln!(xml, "<testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" skipped=\"{skipped}\">");
    for Case { name, class, took, ending } in cases {
        let (name, class, seconds) = (escaped(name), escaped(class), took.as_secs_f64());
        let _ = write!(xml, "  <testcase name=\"{name}\" classname=\"{class}\" time=\"{seconds:.3}\"");
        match ending {
            Ending::Passed => xml.push_str("/>\n"),
            Ending::Failed { message, text } => {
                let (message, text) = (escaped(message), escaped(text));
                let _ = writeln!(xml, ">\n    <failure message=\"{message}\">{text}</failure>\n  </testcase>");
            }
            Ending::Skipped(why) => {
                let _ = writeln!(xml, ">\n    <skipped message=\"{}\"/>\n  </testcase>", escaped(why));
            }
        }
    }
    xml.push_str("</testsuite>\n");
    xml
}

/// Writes the XML of a suite into a file.
pub(super) fn write(path: &Path, name: &str, cases: &[Case]) -> Result<(), Failure> {
    let written = std::fs::write(path, suite(name, cases));
    written.map_err(|error| Failure::new(format!("{}: {error}", path.display())))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_hold_is_escaped() {
        let failed = Ending::Failed { message: "a < b & \"c\"".into(), text: "\u{1b}[31m\nred".into() };
        let case = |name: &str, ending| Case { name: name.into(), class: "c".into(), took: Duration::ZERO, ending };
        let xml =
            suite("s", &[case("x", failed), case("y", Ending::Passed), case("z", Ending::Skipped("later".into()))]);
        assert!(xml.contains("tests=\"3\" failures=\"1\" skipped=\"1\""), "{xml}");
        assert!(xml.contains("message=\"a &lt; b &amp; &quot;c&quot;\">\u{fffd}[31m\nred</failure>"), "{xml}");
    }
}
