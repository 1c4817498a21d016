//! A recording as a file: one line of JSON for the heading, and one for each call. Messages are in it as the bytes that they were.

use std::path::Path;

use super::super::message;
use super::super::output::Failure;
use crate::store::file::{Readers, write_new_locked};
use crate::wire::proto::simulation::v1 as proto;
use crate::wire::proto::simulation::v1::export_recording_response::Part;

const PART: &str = "lienthong.simulation.v1.ExportRecordingResponse";
/// The version of the form that is read.
const VERSION: u32 = 1;

/// A recording.
#[derive(Debug, Clone, Default)]
pub(in crate::cli) struct Recorded {
    pub(super) heading: proto::RecordingHeading,
    pub(super) calls: Vec<proto::RecordedCall>,
}

/// Writes a new file, which its owner alone may read: a recording is not masked.
pub(in crate::cli) fn write(path: &Path, parts: &[proto::ExportRecordingResponse]) -> Result<(), Failure> {
    let mut lines = String::new();
    for part in parts {
        lines.push_str(&message::json(PART, part)?.to_string());
        lines.push('\n');
    }
    let written = write_new_locked(path, lines.as_bytes(), Readers::Owner);
    written.map(drop).map_err(|error| Failure::new(format!("{} cannot be written: {error}", path.display())))
}

/// Reads a file.
pub(super) fn read(path: &Path) -> Result<Recorded, Failure> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| Failure::new(format!("{} cannot be read: {error}", path.display())))?;
    parse(&text).map_err(|failure| Failure::new(format!("{}: {}", path.display(), failure.message())))
}

fn parse(text: &str) -> Result<Recorded, Failure> {
    let (mut heading, mut calls) = (None, Vec::new());
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let part: Result<proto::ExportRecordingResponse, Failure> = message::read(PART, line);
        let part = part.map_err(|failure| Failure::new(format!("line {}: {}", at + 1, failure.message())))?;
        match part.part {
            Some(Part::Heading(found)) if heading.is_none() && calls.is_empty() => heading = Some(found),
            Some(Part::Call(call)) if heading.is_some() => calls.push(call),
            _ => return Err(Failure::new(format!("line {}: a recording is one heading, and then its calls", at + 1))),
        }
    }
    let heading =
        heading.ok_or_else(|| Failure::new("there is no heading: `lienthong journal export` writes recordings"))?;
    if heading.version != VERSION {
        let message = format!("the recording has the form {}, and this program reads {VERSION}", heading.version);
        return Err(Failure::new(message));
    }
    Ok(Recorded { heading, calls })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(part: Part) -> proto::ExportRecordingResponse {
        proto::ExportRecordingResponse { part: Some(part) }
    }

    #[test]
    fn a_recording_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("suite.jsonl");
        let heading = proto::RecordingHeading { version: 1, seed: Some(7), ..Default::default() };
        let call = proto::RecordedCall {
            method: "a.v1.B/C".into(),
            request: Some(vec![0, 255].into()),
            answers: vec![vec![1].into(), Vec::new().into()],
            ..Default::default()
        };
        write(&path, &[part(Part::Heading(heading.clone())), part(Part::Call(call.clone()))]).expect("written");
        let found = read(&path).expect("read");
        assert_eq!((found.heading, found.calls), (heading.clone(), vec![call]));
        write(&path, &[]).expect_err("no file is replaced");
        for (text, expected) in [
            ("", "no heading"),
            ("{}", "line 1: a recording is one heading"),
            ("{\"call\":{}}", "line 1: a recording is one heading"),
            ("{\"heading\":{\"version\":1}}\n\n{\"heading\":{\"version\":1}}", "line 3: a recording"),
            ("{\"heading\":{\"version\":2}}", "the form 2"),
            ("{\"heading\":{\"version\":1}}\nnonsense", "line 2: this is no"),
        ] {
            let refused = parse(text).expect_err(text);
            assert!(refused.message().contains(expected), "{text}: {}", refused.message());
        }
    }
}
