//! `lienthong verify`: checks records offline, each check by name, against a trust anchor that was got by another way.
//!
//! The verdict is that of `trust`, on the signed bytes alone. The accompanying displayed form, the typed form and the
//! record's type, id, version and verdict, must say the same, or the record fails too.

mod answer;
mod displayed;
mod evidence;
mod exit;
mod export;
pub mod json;
mod parse;
mod presentation;
mod report;
mod status;
mod typed;
mod versions;
mod witnessed;

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::ca::CaArgs;

use super::output::{Failure, OutputFormat};
use super::{anchor, text};
use crate::base::time::SystemClock;
use crate::base::{Clock as _, Timestamp};
use crate::trust::sd_jwt::Binding;
use crate::trust::verdict::Code;
use crate::trust::{Report, SignedRecord, Verifier, credential};
use answer::AnswerItem;
use exit::{EXIT_FILE, EXIT_NO_RECORDS};
use export::Exports;
use json::{Broken, Flaw};
use report::{Name, Reporter};
use status::Lists;

const AFTER: &str = "\
Examples:
  lienthong verify answer.json --trust anchor.json
  grpcurl … lienthong.exchange.v1.ExchangeService/FetchRecords | lienthong verify - --trust anchor.json
  lienthong verify one.json two.json --trust anchor.json --output json
  lienthong verify answer.json --status http://127.0.0.1:50052/status/vehicle/vehicle.registration.v1
                                                       also whether each record is the latest and valid
  lienthong verify presentation.txt --nonce 4f1c --audience https://bank.example.vn
                                                       what a wallet presents, bound to this request

Reads what grpcurl prints (protobuf JSON): answers of FetchRecords, BulkFetchRecords, RedeemPresentation and GetRecords, a
single record, or any number of those in a row. Reads wallets' credentials and presentations too (SD-JWT, one a line), and answers of
IssueCredential.

Exit codes: 0 if every record is VALID; 3 a file cannot be read; 4 a file without records; 5 a bad anchor; else that of the first
record that is not VALID: 10 PAYLOAD_MISMATCH, 11 INCLUSION, 12 ISSUER_MISMATCH, 13 NOT_AUTHORISED, 14 NO_TRUSTED_SIGNATURE,
15 NON_CANONICAL, 16 MALFORMED, 17 KEY_NOT_VALID, 18 ISSUED_IN_FUTURE, 19 TYPED_FORM_MISMATCH, 30 REVOKED_NO_POE, 31 NO_POE,
32 TRY_LATER. With --policy: 33 QUORUM, 34 STALE. With --seen: 20 LOG_ROLLBACK, 21 SPLIT_VIEW, 22 TILE, 35 UNAVAILABLE. With
--status: 24 STATUS_INVALID, 25 STATUS_SUSPENDED, 26 SUPERSEDED, 34, 35. Of presentations: 27 KEY_BINDING, 28 EXPIRED.";

/// Check records offline against a trust anchor.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct Verify {
    /// Files with records; `-` is stdin.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The trust anchor, as written by `serve` or as the answer of GetTrustAnchor. Compare its fingerprint over another channel.
    #[arg(long, default_value = "anchor.json", env = "LIENTHONG_TRUST", value_name = "FILE")]
    trust: PathBuf,
    /// A status list to check records against, a file or a URL; repeat the flag for each record type.
    #[arg(long, env = "LIENTHONG_STATUS", value_delimiter = ',', value_name = "FILE|URL")]
    status: Vec<String>,
    /// The nonce to which a wallet's presentation must be bound.
    #[arg(long, env = "LIENTHONG_NONCE", requires = "audience", value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    nonce: Option<String>,
    /// The audience of the presentation: the name that the verifier gave to the wallet.
    #[arg(long, env = "LIENTHONG_AUDIENCE", requires = "nonce", value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    audience: Option<String>,
    /// The maximum age of the presentation's key binding, in seconds.
    #[arg(long, default_value_t = 600, env = "LIENTHONG_BINDING_AGE", value_name = "SECONDS")]
    binding_age: u32,
    /// Verify as of this time (RFC 3339) instead of now, for old records, worlds whose clock was moved, and the published test vectors.
    #[arg(long, env = "LIENTHONG_AT", value_name = "TIME", value_parser = instant)]
    at: Option<Timestamp>,
    /// Write the ledger proof of each VALID record into this folder, as c2sp.org/tlog-proof@v1, for other transparency-log programs.
    #[arg(long, env = "LIENTHONG_TLOG_PROOFS", value_name = "DIR")]
    tlog_proofs: Option<PathBuf>,
    /// Print only records that are not VALID, and the summary.
    #[arg(long, short, env = "LIENTHONG_QUIET")]
    quiet: bool,
    #[command(flatten)]
    heads: witnessed::Flags,
    #[command(flatten)]
    ca: CaArgs,
}

/// For records of a world whose clock is ahead of the machine's.
const AHEAD: &str = "if the world's clock is ahead of this machine's, verify as of its time: --at TIME, as `lienthong clock show` has it";

impl Verify {
    /// Verifies every record of every file.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        let verifier = Verifier::new(anchor::read(&self.trust)?);
        let now = self.at.unwrap_or_else(|| SystemClock.now());
        let stdout = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
        let mut reporter = Reporter::new(stdout, output, self.quiet);
        let lists = match self.status.as_slice() {
            [] => None,
            sources => Some(Lists::load(sources, &self.ca, &verifier.anchor())?),
        };
        let asked = self.nonce.as_ref().zip(self.audience.as_ref()).map(|(nonce, audience)| Binding {
            nonce: nonce.clone(),
            audience: audience.clone(),
            age_s_max: self.binding_age,
        });
        let heads = witnessed::Heads::open(&self.heads, &self.ca, &verifier.anchor())?;
        let exports = self.tlog_proofs.clone().map(Exports::into).transpose()?;
        let mut judge =
            Judge { verifier: &verifier, forms: displayed::Forms::load()?, lists, asked, heads, exports, now };
        // One file's flaw keeps no other from being verified, and what verifies in one makes up for nothing in another.
        let (mut unread, mut empty) = (Vec::new(), Vec::new());
        for path in &self.files {
            let name = path.display().to_string();
            let (before, refused_before) = (reporter.records(), reporter.citizens_refused());
            match judge.file(path, &name, &mut reporter) {
                Err(flaw) => unread.push(format!("{name}: {flaw}")),
                Ok(()) if reporter.records() == before => {
                    let refused = match reporter.citizens_refused() - refused_before {
                        0 => String::new(),
                        count => format!(", {}", report::refusals(count)),
                    };
                    empty.push(format!("{name}: contains no record{refused}"));
                }
                Ok(()) => {}
            }
        }
        let sum = reporter.finish()?;
        judge.heads.finish()?;
        if sum.exit_code == Code::IssuedInFuture.exit_code() && self.at.is_none() {
            super::logging::say(&super::language::say(AHEAD));
        }
        let code = match (unread.is_empty(), sum.exit_code, empty.is_empty()) {
            (false, ..) => EXIT_FILE,
            (true, 0, false) => EXIT_NO_RECORDS,
            (true, code, _) => code,
        };
        match [unread, empty].concat().as_slice() {
            [] => Ok(ExitCode::from(code)),
            flaws => Err(Failure::with_code(flaws.join("; "), code)),
        }
    }
}

/// Reads the value of a flag that is a time.
pub(super) fn instant(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "not an RFC 3339 time, such as 2026-11-18T10:13:20Z".to_owned())
}

/// Verifies what files hold.
struct Judge<'a> {
    verifier: &'a Verifier,
    forms: displayed::Forms,
    lists: Option<Lists>,
    asked: Option<Binding>,
    heads: witnessed::Heads,
    exports: Option<Exports>,
    now: Timestamp,
}

impl Judge<'_> {
    fn file<W: io::Write>(&mut self, path: &Path, name: &str, reporter: &mut Reporter<W>) -> Result<(), Flaw> {
        if path == Path::new("-") {
            return self.read(io::stdin().lock(), name, reporter);
        }
        self.read(File::open(path).map_err(Flaw::Unreadable)?, name, reporter)
    }

    /// Adds the checks for which something was given beside the anchor: `status` where there is a statement to look up, and those of
    /// the ledger's head. Then the proof of what is VALID can be written.
    fn further_checks(&mut self, record: &SignedRecord, report: &mut Report) -> Result<(), Flaw> {
        if let (Some(lists), Some(statement)) = (&self.lists, &report.statement) {
            let index = record.ledger_proof.as_ref().map(|proof| proof.index);
            let (check, verdict) = lists.judge(statement, index, self.now);
            report.add_finding(check, verdict);
        }
        let judged = self.heads.judge(record, report, &self.verifier.anchor(), self.now);
        judged.map_err(|failure| Flaw::Malformed(failure.message().to_owned()))?;
        let exported = self.exports.as_ref().map_or(Ok(()), |exports| exports.write(record, report));
        exported.map_err(|error| Flaw::Malformed(error.message.clone()))
    }

    /// The verdict about a credential, or about a presentation of one.
    fn credential(&mut self, text: &str) -> Result<Report, Flaw> {
        let found = credential::verify(self.verifier, text, self.asked.as_ref(), self.now);
        let mut report = found.report;
        if let Some(record) = &found.record {
            self.further_checks(record, &mut report)?;
        }
        Ok(report)
    }

    fn read<W: io::Write>(&mut self, reader: impl Read, file: &str, reporter: &mut Reporter<W>) -> Result<(), Flaw> {
        let mut reader = BufReader::new(begun(reader)?);
        if presentation::begins(&mut reader).map_err(Flaw::Unreadable)? {
            return presentation::each(reader, |number, text| {
                reporter.record(&Name { file, number }, &self.credential(text)?).map_err(Flaw::Unreadable)
            });
        }
        let mut number = 0_u64;
        answer::read(reader, &mut |found| {
            match found {
                AnswerItem::Record(cursor) => {
                    let parsed = parse::record(cursor).map_err(|broken| match broken {
                        Broken::End => Flaw::Unfinished,
                        Broken::Wrong(why) => Flaw::Malformed(format!("record {} cannot be read: {why}", number + 1)),
                    })?;
                    number += 1;
                    let mut report = self.verifier.verify(&parsed.record, self.now);
                    if let Some(displayed) = &parsed.displayed {
                        self.forms.compare(displayed, &parsed.record, &mut report);
                    }
                    self.further_checks(&parsed.record, &mut report)?;
                    reporter.record(&Name { file, number }, &report)
                }
                AnswerItem::Credential(fields) => {
                    number += 1;
                    let text = presentation::of_answer(fields)?;
                    let mut report = self.credential(&text)?;
                    presentation::compare(fields, &text, &mut report);
                    reporter.record(&Name { file, number }, &report)
                }
                AnswerItem::Refused => {
                    reporter.refused();
                    Ok(())
                }
                AnswerItem::Evidence(json) => {
                    let check = evidence::check(json, self.verifier)?;
                    reporter.evidence(file, &check)
                }
            }
            .map_err(Flaw::Unreadable)
        })
    }
}

/// The text of a file, from its first character.
fn begun<R: Read>(mut reader: R) -> Result<impl Read, Flaw> {
    let mut head = Vec::with_capacity(text::HEAD_BYTES);
    (&mut reader).take(text::HEAD_BYTES as u64).read_to_end(&mut head).map_err(Flaw::Unreadable)?;
    let skip = match text::begin(&head) {
        Ok(skip) => skip,
        // A line's flaw is found in its line.
        Err(_) if presentation::begins(&mut head.as_slice()).map_err(Flaw::Unreadable)? => 0,
        Err(what) => return Err(Flaw::Malformed(what.to_owned())),
    };
    let mut head = io::Cursor::new(head);
    head.set_position(skip as u64);
    Ok(head.chain(reader))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGS_ONLY: &[Code] = &[Code::LogRule];

    #[test]
    fn the_help_names_every_exit_code_that_a_record_can_have() {
        // The other belongs to a log that is audited whole, not to records in a file.
        for code in Code::ALL.iter().filter(|code| !LOGS_ONLY.contains(code)) {
            assert!(AFTER.replace('\n', " ").contains(&format!("{} {}", code.exit_code(), code.as_str())), "{code:?}");
        }
        assert!(Code::ALL.iter().all(|code| code.exit_code() > anchor::EXIT_ANCHOR));
    }
}
