//! Vietnamese for people: every sentence of the sources has one, and the command line speaks it with `--lang vi`.
//!
//! The walk reads string literals as `tests/layers.rs` reads imports: as text. A sentence is a literal with a blank in it that is neither a
//! log line, nor a panic, nor a test. It has an entry in `src/base/translation/vi.po`, or its file is on the list of those whose texts no
//! caller and no terminal shows.

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use common::dynamic::Call;
use common::gateway;
use common::process::run;
use lienthong::base::translation::entries;
use lienthong::server::Config;

/// Files and folders of `src` whose sentences stay English, and why.
const ENGLISH: [(&str, &str); 50] = [
    ("api/grpc/simulation", "commands to copy"),
    ("api/http/issuers.rs", "JSON for programs"),
    ("api/http/witness.rs", "C2SP tlog-witness, for programs"),
    ("api/metrics.rs", "names of metrics"),
    ("api/status.rs", "the frame of the Vietnamese message"),
    ("base/legacy.rs", "tables of letters"),
    ("base/reason.rs", "the table of reasons, which is Vietnamese already"),
    ("base/violation.rs", "the rules, which are Vietnamese already"),
    ("cli/logging.rs", "the log"),
    ("cli/check/client/artefacts.rs", "cases, which reports name in one language"),
    ("cli/check/client/case.rs", "findings, which reports name in one language"),
    ("cli/check/client/conclusion.rs", "findings, which reports name in one language"),
    ("cli/check/client/meaning.rs", "cases, which reports name in one language"),
    ("cli/check/client/pipe.rs", "findings, which reports name in one language"),
    ("cli/check/registry/cases", "cases, which reports name in one language"),
    ("cli/check/registry/pattern.rs", "findings, which reports name in one language"),
    ("cli/check/registry/sample.rs", "findings, which reports name in one language"),
    ("cli/check/registry/subject.rs", "findings, which reports name in one language"),
    ("cli/junit.rs", "XML for programs"),
    ("registry/definition.rs", "rows of a file of rights"),
    ("registry/schema_file/export.rs", "the form of a file"),
    ("registry/codes", "labels in both languages, and defects of a table"),
    ("registry/lifecycle/needs.rs", "Vietnamese already, and sentences that others complete"),
    ("registry/lifecycle/page.rs", "docs/lifecycles.md"),
    ("province/survivorship.rs", "defects of a table, which a test reads"),
    ("server/net/opening.rs", "an answer of HTTP/1.x, before any header is read"),
    ("server/net/proxy.rs", "the log"),
    ("server/readings.rs", "metrics"),
    ("server/recheck.rs", "metrics"),
    ("cli/population/pyramid.rs", "a picture"),
    ("keys/keyring/token.rs", "texts of PKCS#11 modules"),
    ("simulation/census", "figures of the population"),
    ("simulation/creation/compose.rs", "texts of records"),
    ("simulation/creation/steps.rs", "an id"),
    ("simulation/discrepancy", "texts of records"),
    ("simulation/document", "texts of records"),
    ("simulation/examples.rs", "the form of a file"),
    ("simulation/geography.rs", "places of the population"),
    ("simulation/history.rs", "texts of records"),
    ("simulation/legacy_file.rs", "texts of records"),
    ("simulation/names", "names of the population"),
    ("simulation/personas", "situations of the population"),
    ("simulation/population", "texts of records"),
    ("simulation/samples.rs", "texts of records"),
    ("store/fjall", "what the storage engine says"),
    ("store/seal.rs", "a file's format"),
    ("transparency/witness/request.rs", "C2SP tlog-witness, for programs"),
    ("trust/cosignature.rs", "a signed text"),
    ("trust/tlog_proof.rs", "a file's format"),
    ("wire/typed", "defects of a typed form, which no caller sees"),
];

/// Beginnings of literals that are not sentences: commands, progress bars, test data, `Debug` texts.
const NOT_SENTENCES: [&str; 28] = [
    "#{}",
    "request: {id}",
    "faults {}",
    "default-src",
    "Tiếng Việt",
    "text/",
    "width=",
    "public, max-age",
    "attachment;",
    "tile/<L>",
    "· Lienthong",
    "Bearer ",
    "lienthong",
    "{fetch}",
    "grpcurl",
    "-cacert",
    "auditing {bar",
    "{bar",
    "{msg}",
    "peer certificate",
    "[possible",
    "Toà án",
    "12 Phan",
    "Whole(",
    "Partial(",
    "ShownField(",
    "LogProof(",
    "Verifier(",
];

/// Expressions before a literal that show that it is not a sentence for people.
const NOT_SHOWN: [&str; 14] = [
    "debug!(",
    "info!(",
    "warn!(",
    "error!(",
    "trace!(",
    "panic!(",
    "unreachable!(",
    "assert!(",
    "assert_eq!(",
    "debug_assert!(",
    "Error::bug(",
    "Label::new(",
    "#[arg(",
    "#[command(",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The string literals of a Rust source, each with its statement before it.
fn literals(source: &str) -> Vec<(&str, String)> {
    let (mut found, mut at, bytes) = (Vec::new(), 0, source.as_bytes());
    while at < bytes.len() {
        let rest = &source[at..];
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if rest.starts_with("r\"") || rest.starts_with("r#\"") {
            let end = if rest.starts_with("r#") { "\"#" } else { "\"" };
            let begin = rest.find('"').expect("a quote") + 1;
            at += begin + rest[begin..].find(end).expect("an end") + end.len();
        } else if rest.starts_with('"') {
            let mut end = 1;
            while rest.as_bytes()[end] != b'"' {
                end += if rest.as_bytes()[end] == b'\\' { 2 } else { 1 };
            }
            let before = &source[..at];
            let begin = before.rfind([';', '{', '}']).map_or(0, |begin| begin + 1);
            found.push((&before[begin..], unescaped(&rest[1..end])));
            at += end + 1;
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\") {
            at += 1 + rest[2..].find('\'').map_or(1, |end| end + 2);
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    found
}

fn unescaped(literal: &str) -> String {
    let (mut out, mut chars) = (String::new(), literal.chars().peekable());
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('\n')) => while chars.next_if(|c| c.is_whitespace()).is_some() {},
            ('\\', Some('n')) => {
                chars.next();
                out.push('\n');
            }
            ('\\', _) => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
    out
}

/// A sentence with its values unnamed: `{why}`, `{:?}` and `{0}` are all `{}`.
fn unnamed(sentence: &str) -> String {
    let (mut out, mut rest) = (String::new(), sentence);
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        rest = match after.split_once('}') {
            Some((_, rest)) => {
                out.push_str("{}");
                rest
            }
            None => after,
        };
    }
    out + rest
}

/// Whether a line reads as words: a blank between, and a word of two small letters outside of the values.
fn is_sentence(line: &str) -> bool {
    let text = unnamed(line);
    let word = |word: &str| word.bytes().filter(u8::is_ascii_lowercase).count() >= 2;
    text.trim().contains(' ')
        && text.split_whitespace().any(word)
        && !NOT_SENTENCES.iter().any(|no| line.trim_start().starts_with(no))
}

#[test]
fn every_sentence_of_the_sources_has_its_vietnamese() {
    let known: BTreeSet<String> = entries().map(|(english, _)| unnamed(english)).collect();
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let (mut missing, mut seen) = (BTreeSet::new(), 0);
    for file in files {
        let name = file.strip_prefix(&src).expect("under src").to_str().expect("UTF-8").to_owned();
        if name.contains("tests")
            || name.ends_with("conformance.rs")
            || ENGLISH.iter().any(|(path, _)| name.starts_with(path))
        {
            continue;
        }
        let text = std::fs::read_to_string(&file).expect("a source");
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for (before, literal) in literals(text) {
            // Why a lint is off: `#![allow(…, reason = "…")]`.
            let is_reason = before.trim_end().ends_with("reason =");
            let is_expect = before.trim_end().ends_with(".expect(") && !before.contains("findings");
            let is_constant =
                before.trim_start().starts_with("const ") || before.contains("EXAMPLES") || before.contains("AFTER");
            if is_reason || is_expect || is_constant || NOT_SHOWN.iter().any(|no| before.contains(no)) {
                continue;
            }
            for line in literal.split('\n').filter(|line| is_sentence(line)) {
                seen += 1;
                let (line, whole) = (line.trim(), line);
                if !known.contains(&unnamed(line)) && !known.contains(&unnamed(whole)) {
                    missing.insert(format!("{name}: {line}"));
                }
            }
        }
    }
    assert!(seen > 700, "the walk sees the sentences: {seen}");
    let list = missing.iter().cloned().collect::<Vec<_>>().join("\n");
    assert!(missing.is_empty(), "{} without an entry in src/base/translation/vi.po:\n{list}", missing.len());
}

#[test]
fn the_walk_reads_literals_and_not_comments() {
    let source =
        "// \"a comment\"\nlet x = format!(\"it has {count} \\\"of\\\" \\\n    them\"); let c = '\"'; f(\"b c\");";
    let found: Vec<String> = literals(source).into_iter().map(|(_, literal)| literal).collect();
    assert_eq!(found, ["it has {count} \"of\" them", "b c"]);
    assert_eq!(unnamed("{a} of {:?} {0}"), "{} of {} {}");
    assert!(is_sentence("no such link") && !is_sentence("{}: {}") && !is_sentence("ABC DEF") && !is_sentence("word"));
}

#[test]
fn a_refused_command_line_is_refused_in_vietnamese() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = run(folder.path(), &["--lang", "vi", "verify", "missing.json"]);
    let text = String::from_utf8(refused.stderr).expect("UTF-8");
    assert_eq!(refused.status.code(), Some(5), "{text}");
    assert!(text.contains("anchor.json: không đọc được: không có tệp hoặc thư mục này"), "{text}");
    let refused = run(folder.path(), &["serve", "--sed", "1", "--lang=vi"]);
    let text = String::from_utf8(refused.stderr).expect("UTF-8");
    assert_eq!(refused.status.code(), Some(2), "{text}");
    assert!(text.starts_with("lỗi: không có tham số '--sed'") && text.contains("Cách dùng:"), "{text}");
}

#[tokio::test]
async fn a_verdict_is_told_in_vietnamese() {
    let folder = tempfile::tempdir().expect("a folder");
    let anchor = Some(folder.path().join("anchor.json"));
    let started = gateway().with(|config| Config { anchor, ..config }).start().await;
    let call = Call {
        headers: vec![("authorization".into(), "Bearer demo-one-stop".into())],
        body: r#"{"personal_id":"042090990001","record_types":["resident.person.v1"],"purpose":"one_stop.verify_documents"}"#
            .into(),
        method: "lienthong.exchange.v1.ExchangeService/FetchRecords".into(),
    };
    let answer = call.make(&started.channel).await.expect("records").to_string();
    started.end().await;
    let verify = |text: &str, flags: &[&str]| {
        std::fs::write(folder.path().join("answer.json"), text).expect("written");
        let done = run(folder.path(), &[&["verify", "answer.json", "--lang", "vi"], flags].concat());
        (done.status.code(), String::from_utf8(done.stdout).expect("UTF-8"))
    };
    let (code, text) = verify(&answer, &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(" phiên bản 1: VALID") && text.contains("1 bản ghi: 1 hợp lệ (VALID)"), "{text}");
    // One digit of the personal ID in the signed bytes, as in the README.
    let tampered = answer.replace("IjA0MjA5MDk5MDAwMSI=", "IjA0MjA5MDk5MDAwMiI=");
    let (code, text) = verify(&tampered, &[]);
    assert_eq!(code, Some(10), "{text}");
    assert!(text.contains("INVALID PAYLOAD_MISMATCH (Nội dung bản ghi không khớp với cam kết đã ký)"), "{text}");
    assert!(text.contains("các cam kết dẫn đến gốc khác với gốc trong tuyên bố"), "{text}");
    let (_, json) = verify(&tampered, &["--output", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let is_told = |record: &serde_json::Value| record["verdict"] == "INVALID" && record["code"] == "PAYLOAD_MISMATCH";
    assert!(json["records"].as_array().expect("records").iter().any(is_told), "{json}");
}
