//! The list of known failures: cases that still run and may fail. One that passes is an error, so that the list never falls behind the program.

use std::collections::BTreeMap;

use crate::base::name::no_such;

/// Longest list, in bytes.
pub(super) const BYTES_MAX: usize = 256 * 1024;

/// Known failures by case, each with why.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Known(BTreeMap<String, String>);

impl Known {
    /// Reads a list: a case's id in each line, with the reason after `#`. The error names the line.
    pub(super) fn parse(text: &str, ids: &[&str]) -> Result<Self, String> {
        let mut known = BTreeMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let (id, why) = line.split_once('#').unwrap_or((line, ""));
            let id = id.trim();
            if id.is_empty() {
                continue;
            }
            if !ids.contains(&id) {
                return Err(format!("line {number}: {}", no_such("case", id, ids)));
            }
            if known.insert(id.to_owned(), why.trim().to_owned()).is_some() {
                return Err(format!("line {number}: the case {id} is listed twice"));
            }
        }
        Ok(Self(known))
    }

    /// Why a case may fail, if it may; the reason can be empty.
    pub(super) fn why(&self, id: &str) -> Option<&str> {
        self.0.get(id).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_cases_that_there_are_and_each_once() {
        let ids = ["record-whole", "status-invalid"];
        let known = Known::parse("# of our client\n\nstatus-invalid  # reads no lists yet\r\n", &ids).expect("a list");
        assert_eq!((known.why("status-invalid"), known.why("record-whole")), (Some("reads no lists yet"), None));
        let unknown = Known::parse("\nstatus-invalit\n", &ids).expect_err("a typo");
        assert!(unknown.contains("line 2") && unknown.contains("status-invalid"), "{unknown}");
        let twice = Known::parse("record-whole\nrecord-whole\n", &ids).expect_err("twice");
        assert!(twice.contains("line 2"), "{twice}");
    }
}
