//! The answers that hold records: of a fetch, of a bulk fetch, of a redeemed presentation, of a registry and its typed service; or a
//! record alone. A file holds any number of them in a row.

use std::collections::BTreeMap;
use std::io::Read;

use super::json::{Cursor, Flaw, JsonStream};
use super::parse::{begins_record, of_a_oneof};
use super::versions::{begins_answer, holds_versions};
use crate::trust::json as strict;

/// How deep answers nest: the answer of a bulk fetch contains another.
const DEPTH_MAX: usize = 2;

/// An item of a file that can be verified.
pub enum AnswerItem<'c, 't> {
    /// A record begins here; whoever takes it reads it to its end. Where the text ends first, it is offered again.
    Record(&'c mut Cursor<'t>),
    /// The JSON of an answer's evidence: the index of its entry, and the evidence ledger's checkpoint.
    Evidence(&'t str),
    /// A citizen of a bulk fetch whose records were refused.
    Refused,
    /// An answer of `IssueCredential`.
    Credential(&'c CredentialFields),
}

/// The fields of an answer of `IssueCredential`: the credential, and the fields that repeat its content.
const CREDENTIAL_FIELDS: [&str; 8] =
    ["credential", "vct", "recordType", "recordId", "version", "statusIndex", "statusUri", "expiresAt"];

/// The fields of an answer of `IssueCredential`, by name, each as JSON.
pub type CredentialFields = BTreeMap<String, String>;

/// Takes each item.
pub type Sink<'s> = &'s mut dyn FnMut(AnswerItem<'_, '_>) -> Result<(), Flaw>;

/// Reads a file to its end and hands over what it finds, in order.
pub fn read<R: Read>(reader: R, sink: Sink<'_>) -> Result<(), Flaw> {
    let mut stream = JsonStream::new(reader);
    while let Some(byte) = stream.peek()? {
        match byte {
            b'{' => object(&mut stream, sink, DEPTH_MAX)?,
            b'[' => list(&mut stream, |stream| object(stream, sink, DEPTH_MAX))?,
            _ => return Err(stream.flaw("neither an answer nor a record,")),
        }
    }
    Ok(())
}

/// An answer or a record, by its first field.
fn object<R: Read>(stream: &mut JsonStream<R>, sink: Sink<'_>, depth: usize) -> Result<(), Flaw> {
    let Some(depth) = depth.checked_sub(1) else { return Err(stream.flaw("answers nest too deeply")) };
    let is_record = stream.look(|cursor| {
        cursor.expect(b'{')?;
        if cursor.peek()? == b'}' {
            return Ok(false);
        }
        let first = cursor.text()?;
        if !begins_record(&first) || !holds_versions(&first) {
            return Ok(begins_record(&first));
        }
        cursor.expect(b':')?;
        let holds_one = cursor.step_over(b'{')? && cursor.peek()? == b'"' && begins_answer(&first, &cursor.text()?);
        Ok(!holds_one)
    })?;
    if is_record {
        return record(stream, sink);
    }
    stream.expect(b'{')?;
    if stream.step_over(b'}')? {
        return Ok(());
    }
    answer(stream, sink, depth)
}

fn record<R: Read>(stream: &mut JsonStream<R>, sink: Sink<'_>) -> Result<(), Flaw> {
    stream.read(|cursor| sink(AnswerItem::Record(cursor)))
}

/// The rest of an answer, from its first name.
fn answer<R: Read>(stream: &mut JsonStream<R>, sink: Sink<'_>, depth: usize) -> Result<(), Flaw> {
    let mut names: Vec<String> = Vec::new();
    let mut credential = CredentialFields::new();
    loop {
        let field = camel_case(&name(stream)?);
        stream.expect(b':')?;
        if names.contains(&field) {
            return Err(stream.flaw(&format!("`{field}` occurs twice,")));
        }
        let is_theirs = CREDENTIAL_FIELDS.contains(&field.as_str());
        if !names.is_empty() && is_theirs == credential.is_empty() {
            return Err(stream.flaw(&format!("`{field}` belongs to another kind of answer than the fields before it,")));
        }
        match field.as_str() {
            "records" => list(stream, |stream| record(stream, sink))?,
            "found" => object(stream, sink, depth)?,
            "evidence" => {
                sink(AnswerItem::Evidence(stream.value()?))?;
            }
            _ if is_theirs => {
                credential.insert(field.clone(), whole(stream)?);
            }
            "requestId" | "index" | "missing" | "presentation" | "nextPageToken" | "view" => {
                whole(stream)?;
            }
            "refused" => {
                whole(stream)?;
                sink(AnswerItem::Refused)?;
            }
            "outcome" => return Err(stream.flaw(&of_a_oneof("outcome"))),
            versions if holds_versions(versions) => match stream.peek()? {
                Some(b'[') => list(stream, |stream| record(stream, sink))?,
                _ => record(stream, sink)?,
            },
            _ => return Err(stream.flaw(&format!("`{field}` is not a field of any answer that `verify` reads,"))),
        }
        names.push(field);
        if !stream.step_over(b',')? {
            stream.expect(b'}')?;
            return if credential.is_empty() { Ok(()) } else { sink(AnswerItem::Credential(&credential)) };
        }
    }
}

/// A field's name as protobuf JSON spells it first: `request_id` is `requestId`.
fn camel_case(name: &str) -> String {
    let mut parts = name.split('_');
    let mut spelled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut letters = part.chars();
        spelled.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        spelled.push_str(letters.as_str());
    }
    spelled
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
    stream.read(|cursor| Ok(cursor.text()?.into_owned()))
}

/// A part that is not a record: it must be JSON in which each name occurs once, and is not examined further.
fn whole<R: Read>(stream: &mut JsonStream<R>) -> Result<String, Flaw> {
    let text = stream.value()?.to_owned();
    strict::parse(text.as_bytes()).map_err(|why| stream.flaw(&format!("a part of the answer: {why},")))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Result<Vec<String>, String> {
        let mut found = Vec::new();
        let read = read(text.as_bytes(), &mut |item| {
            found.push(match item {
                AnswerItem::Record(cursor) => {
                    let mut fields = Vec::new();
                    cursor.object(|cursor, name| {
                        fields.push(format!("\"{name}\":\"{}\"", cursor.text()?));
                        Ok(())
                    })?;
                    format!("R{{{}}}", fields.join(","))
                }
                AnswerItem::Evidence(text) => format!("E{text}"),
                AnswerItem::Refused => "refused".to_owned(),
                AnswerItem::Credential(fields) => format!("C{}", fields["credential"]),
            });
            Ok(())
        });
        read.map(|()| found).map_err(|flaw| flaw.to_string())
    }

    #[test]
    fn records_are_found_in_every_kind_of_answer() {
        let view = r#"{"requestId":"x","records":[{"recordType":"a"}],"view":{"kind":"person","sections":[]}}"#;
        assert_eq!(found(view).map(|found| found.len()), Ok(1));
        let fetch = r#"{"requestId":"x","records":[{"recordType":"a"},{"recordType":"b"}],"evidence":{"index":"1"}}"#;
        let three =
            vec![r#"R{"recordType":"a"}"#.to_owned(), r#"R{"recordType":"b"}"#.into(), r#"E{"index":"1"}"#.into()];
        assert_eq!(found(fetch), Ok(three.clone()));
        let bulk =
            format!(r#"{{"found":{fetch}}} {{"index":1,"found":{fetch}}} {{"index":2,"refused":{{"code":"X"}}}}"#);
        assert_eq!(found(&bulk).map(|all| all.len()), Ok(7));
        assert_eq!(found(r#"{"statement":"AQ=="}"#), Ok(vec![r#"R{"statement":"AQ=="}"#.to_owned()]));
        let credential = r#"{"credential":"e~","vct":"x","recordType":"y"}"#;
        assert_eq!(found(credential), Ok(vec![r#"C"e~""#.to_owned()]));
        assert_eq!(found(&format!("[{fetch}]")), Ok(three));
        let version = r#"{"recordId":"a"}"#;
        let one = format!(r#"{{"parcel":{version}}} {{"versions":[{version}],"nextPageToken":"x"}} {{"parcels":[]}}"#);
        assert_eq!(found(&one), Ok(vec![r#"R{"recordId":"a"}"#.to_owned(); 2]));
        // a record whose typed form comes first
        assert_eq!(found(r#"{"recordId":"x","parcel":"y"}"#).map(|all| all.len()), Ok(1));
        assert_eq!(found(r#"{"records":[]} {}"#), Ok(vec![]));
    }

    #[test]
    fn what_is_no_answer_is_refused_with_its_place() {
        for (text, what) in [
            (r#"{"recordz":[]}"#, "`recordz`"),
            (r#"{"found":{},"outcome":"found"}"#, "`oneofs: true`"),
            (r#"{"records":[],"recordType":"a"}"#, "another kind of answer"),
            (r#"{"records":[],"records":[]}"#, "occurs twice"),
            (r#"{"requestId":"x","request_id":"y"}"#, "occurs twice"),
            (r#"{"missing":[{"a":1,"a":2}]}"#, "occurs twice"),
            (r#"{"found":{"found":{"found":{}}}}"#, "nest too deeply"),
            (r#"{"credential":"e~","records":[]}"#, "another kind of answer"),
            (r#"{"records":[]"#, "`}` is missing"),
            ("12", "neither an answer nor a record"),
            (r#"{"records":[{"a":1]}"#, "is missing"),
            (r#"{"missing":[1,,2]}"#, "not JSON"),
            ("ERROR:\n  Code: Unavailable", "neither an answer nor a record"),
        ] {
            let refused = found(text).expect_err(text);
            assert!(refused.contains(what), "{text}: {refused}");
        }
    }
}
