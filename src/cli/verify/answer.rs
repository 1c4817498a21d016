//! The answers that hold records: of a fetch, of a bulk fetch, of a redeemed presentation, of a registry; or a record alone. A file
//! holds any number of them in a row.

use std::io::Read;

use serde::Deserialize as _;
use serde::de::IgnoredAny;

use super::json::{Flaw, JsonStream};
use super::parse::begins_record;

/// What a file holds that can be verified.
pub enum Found<'a> {
    /// A record's JSON.
    Record(&'a [u8]),
    /// The JSON of an answer's evidence: the index of its entry, and the evidence ledger's checkpoint.
    Evidence(&'a [u8]),
    /// The JSON string of a credential, in an answer of `IssueCredential`.
    Credential(&'a [u8]),
}

/// Reads a file to its end and hands over what it finds, in order.
pub fn read<R: Read>(reader: R, sink: &mut dyn FnMut(Found<'_>) -> Result<(), Flaw>) -> Result<(), Flaw> {
    let mut stream = JsonStream::new(reader);
    while let Some(byte) = stream.peek()? {
        match byte {
            b'{' => object(&mut stream, sink)?,
            b'[' => list(&mut stream, |stream| object(stream, sink))?,
            _ => return Err(stream.flaw("neither an answer nor a record, but something else,")),
        }
    }
    Ok(())
}

/// An answer or a record, by its first field.
fn object<R: Read>(
    stream: &mut JsonStream<R>,
    sink: &mut dyn FnMut(Found<'_>) -> Result<(), Flaw>,
) -> Result<(), Flaw> {
    stream.peek()?;
    let mark = stream.mark();
    stream.expect(b'{')?;
    if stream.step_over(b'}')? {
        stream.let_go();
        return Ok(());
    }
    let first = name(stream)?;
    if begins_record(&first) {
        stream.back_to(mark);
        stream.let_go();
        return record(stream, sink);
    }
    stream.let_go();
    answer(stream, first, sink)
}

fn record<R: Read>(
    stream: &mut JsonStream<R>,
    sink: &mut dyn FnMut(Found<'_>) -> Result<(), Flaw>,
) -> Result<(), Flaw> {
    let range = stream.value()?;
    sink(Found::Record(stream.bytes(range)))
}

/// The rest of an answer whose first name has been read.
fn answer<R: Read>(
    stream: &mut JsonStream<R>,
    first: String,
    sink: &mut dyn FnMut(Found<'_>) -> Result<(), Flaw>,
) -> Result<(), Flaw> {
    let mut field = first;
    loop {
        stream.expect(b':')?;
        match field.as_str() {
            "records" => list(stream, |stream| record(stream, sink))?,
            "found" => object(stream, sink)?,
            "evidence" => {
                let range = stream.value()?;
                sink(Found::Evidence(stream.bytes(range)))?;
            }
            "credential" => {
                let range = stream.value()?;
                sink(Found::Credential(stream.bytes(range)))?;
            }
            // what stands beside a credential, and is in it too
            "vct" | "recordType" | "recordId" | "version" | "statusIndex" | "statusUri" | "expiresAt" => whole(stream)?,
            "requestId" | "request_id" | "index" | "missing" | "presentation" | "refused" | "nextPageToken"
            | "next_page_token" => whole(stream)?,
            _ => return Err(stream.flaw(&format!("`{field}` is no field of an answer that `verify` knows,"))),
        }
        if !stream.step_over(b',')? {
            return stream.expect(b'}');
        }
        field = name(stream)?;
    }
}

fn list<R: Read>(
    stream: &mut JsonStream<R>,
    mut item: impl FnMut(&mut JsonStream<R>) -> Result<(), Flaw>,
) -> Result<(), Flaw> {
    stream.expect(b'[')?;
    if stream.step_over(b']')? {
        return Ok(());
    }
    loop {
        item(stream)?;
        if !stream.step_over(b',')? {
            return stream.expect(b']');
        }
    }
}

fn name<R: Read>(stream: &mut JsonStream<R>) -> Result<String, Flaw> {
    if stream.peek()? != Some(b'"') {
        return Err(stream.flaw("a field's name is missing"));
    }
    let range = stream.value()?;
    serde_json::from_slice(stream.bytes(range))
        .map_err(|error| stream.flaw(&format!("a field's name is broken ({error})")))
}

/// A part that is no record: it must be JSON, and is not looked at further.
fn whole<R: Read>(stream: &mut JsonStream<R>) -> Result<(), Flaw> {
    let range = stream.value()?;
    let mut reader = serde_json::Deserializer::from_slice(stream.bytes(range));
    let read = IgnoredAny::deserialize(&mut reader).and_then(|_| reader.end());
    read.map_err(|error| stream.flaw(&format!("broken JSON ({error})")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Result<Vec<String>, String> {
        let mut found = Vec::new();
        let read = read(text.as_bytes(), &mut |item| {
            let (kind, bytes) = match item {
                Found::Record(bytes) => ("R", bytes),
                Found::Evidence(bytes) => ("E", bytes),
                Found::Credential(bytes) => ("C", bytes),
            };
            found.push(format!("{kind}{}", String::from_utf8_lossy(bytes)));
            Ok(())
        });
        read.map(|()| found).map_err(|flaw| flaw.to_string())
    }

    #[test]
    fn records_are_found_in_every_kind_of_answer() {
        let fetch = r#"{"requestId":"x","records":[{"recordType":"a"},{"recordType":"b"}],"evidence":{"index":"1"}}"#;
        let three =
            vec![r#"R{"recordType":"a"}"#.to_owned(), r#"R{"recordType":"b"}"#.into(), r#"E{"index":"1"}"#.into()];
        assert_eq!(found(fetch), Ok(three.clone()));
        let bulk =
            format!(r#"{{"found":{fetch}}} {{"index":1,"found":{fetch}}} {{"index":2,"refused":{{"code":"X"}}}}"#);
        assert_eq!(found(&bulk).map(|all| all.len()), Ok(6));
        assert_eq!(found(r#"{"statement":"AQ=="}"#), Ok(vec![r#"R{"statement":"AQ=="}"#.to_owned()]));
        let credential = r#"{"credential":"e~","vct":"x","recordType":"y"}"#;
        assert_eq!(found(credential), Ok(vec![r#"C"e~""#.to_owned()]));
        assert_eq!(found(&format!("[{fetch}]")), Ok(three));
        assert_eq!(found(r#"{"records":[]} {}"#), Ok(vec![]));
    }

    #[test]
    fn what_is_no_answer_is_refused_with_its_place() {
        for (text, what) in [
            (r#"{"recordz":[]}"#, "`recordz`"),
            (r#"{"records":[]"#, "`}` is missing"),
            ("12", "something else"),
            (r#"{"records":[{"a":1]}"#, "is missing"),
            (r#"{"missing":[1,,2]}"#, "broken JSON"),
            ("ERROR:\n  Code: Unavailable", "something else"),
        ] {
            let refused = found(text).expect_err(text);
            assert!(refused.contains(what), "{text}: {refused}");
        }
    }
}
