//! `lienthong import`: an agency's own data, from CSV and XLSX files into its registry.
//!
//! ```text
//! file ─▶ rows ─▶ Unicode ─▶ fields by the mapping ─▶ PutRecords, a thousand at a time ─▶ report, quarantine, checkpoint
//! ```
//!
//! The command is a client like any other: the registry's rules are the server's, and a dry run asks the server too. The server compares each
//! record with what it has, so repeating an import changes nothing.

mod bytes;
mod cell;
mod checkpoint;
mod csv;
mod encoding;
mod feed;
mod limits;
mod mapping;
mod plan;
mod record;
mod refused;
mod send;
mod source;
mod target;
mod value;
mod xlsx;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::output::{Failure, OutputFormat, print_text, runtime};
use super::server::ServerArgs;
use crate::wire::proto::registry::v1::DescribeRequest;
use crate::wire::proto::registry::v1::registry_service_client::RegistryServiceClient;
use crate::wire::proto::trust::v1::GetTrustAnchorRequest;
use crate::wire::proto::trust::v1::trust_service_client::TrustServiceClient;
use checkpoint::{Checkpoint, Kept};
use mapping::Mapping;
use plan::{Planned, Sample, missing_fields, names, readings, say};
use record::Builder;
use refused::{Quarantine, Report};
use source::Source;
use target::Target;

const EXAMPLES: &str = "\
Examples:
  lienthong import land parcels.xlsx --record-type parcel --dry-run      check every row, write nothing
  lienthong import land parcels.xlsx --record-type parcel --write-mapping parcels.yaml
                                                                         which column becomes which field, as a file to complete
  lienthong import land parcels.xlsx --mapping parcels.yaml              import; refused rows go to parcels.refused.csv
  lienthong import land parcels.refused.csv --mapping parcels.yaml       the same rows again, mended
  lienthong import vehicle old.csv --mapping m.yaml --encoding tcvn3     a file from before Unicode
  lienthong import vehicle old.csv --mapping m.yaml --output json        a line of JSON for each refused field

Repeating an import changes nothing: unchanged rows are left alone, changed ones become the next version of their record.
docs/guides/importing.md goes through it.";

/// How long a call may take that does not write.
const ASKS_WITHIN: Duration = Duration::from_secs(10);
/// Rows were refused; the others are imported.
const EXIT_REFUSED: u8 = 40;

/// Import a CSV or XLSX file into a registry.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Import {
    /// The registry: `land`, `vehicle`, …
    #[arg(value_name = "REGISTRY")]
    registry: String,
    /// The file: CSV with any separator, in UTF-8, UTF-16, TCVN3, VNI or windows-1258; or XLSX.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The record type, `land.parcel.v1` or `parcel`, for a registry that has several; a mapping names its own.
    #[arg(long, env = "LIENTHONG_IMPORT_RECORD_TYPE", value_name = "NAME")]
    record_type: Option<String>,
    /// Which column maps to which field, YAML. Without it, columns are matched by their names, and the mapping is printed.
    #[arg(long, env = "LIENTHONG_IMPORT_MAPPING", value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Write the mapping that follows from the columns' names into a file, and end.
    #[arg(long, env = "LIENTHONG_IMPORT_WRITE_MAPPING", value_name = "FILE", conflicts_with = "mapping")]
    write_mapping: Option<PathBuf>,
    /// Check every row with the server, and write nothing.
    #[arg(long, env = "LIENTHONG_IMPORT_DRY_RUN")]
    dry_run: bool,
    /// The encoding of the texts: `tcvn3`, `vni` or `unicode`. Without it, each column's is detected and printed.
    #[arg(long, env = "LIENTHONG_IMPORT_ENCODING", value_name = "NAME")]
    encoding: Option<String>,
    /// The separator of the cells of a CSV file: one character, or `tab`; detected unless it is given.
    #[arg(long, env = "LIENTHONG_IMPORT_SEPARATOR", value_parser = separator, value_name = "CHARACTER")]
    separator: Option<u8>,
    /// The sheet of an XLSX file; the first one that is not hidden unless it is given.
    #[arg(long, env = "LIENTHONG_IMPORT_SHEET", value_name = "NAME")]
    sheet: Option<String>,
    /// The row that has the columns' names, from 1; the first one that is not blank unless it is given.
    #[arg(long, env = "LIENTHONG_IMPORT_HEADER_ROW", value_name = "ROW")]
    header_row: Option<u64>,
    /// The file for refused rows and the reasons: `FILE.refused.csv`, next to the imported file, unless it is given.
    #[arg(long, env = "LIENTHONG_IMPORT_QUARANTINE", value_name = "FILE")]
    quarantine: Option<PathBuf>,
    /// Replace the quarantine file of an earlier import.
    #[arg(long, env = "LIENTHONG_IMPORT_OVERWRITE")]
    overwrite: bool,
    #[command(flatten)]
    server: ServerArgs,
}

impl Import {
    /// Runs the subcommand.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        runtime()?.block_on(async {
            let Some(planned) = self.plan(output).await? else { return Ok(ExitCode::SUCCESS) };
            let report = self.import(planned, output).await?;
            report.end(self.dry_run)?;
            Ok(if report.counts.refused == 0 { ExitCode::SUCCESS } else { ExitCode::from(EXIT_REFUSED) })
        })
    }

    /// Finds out what is imported as what, and says so; `None` when only the mapping was wanted.
    async fn plan(&self, output: OutputFormat) -> Result<Option<Planned>, Failure> {
        let declared = mapping::encoding(self.encoding.as_deref()).map_err(|why| Failure::with_code(why, 2))?;
        let given = self.mapping.as_deref().map(Mapping::read).transpose()?;
        let source = Source::open(&self.file, self.separator, self.sheet.as_deref())?;
        let mut client = RegistryServiceClient::new(self.server.connect().await?);
        let request = DescribeRequest { registry: self.registry.clone() };
        let described = self.server.ask(request, ASKS_WITHIN, async |request| client.describe(request).await).await?;
        let missing = || Failure::new(format!("the server has no registry {}", self.registry));
        let registry = described.registries.first().ok_or_else(missing)?;
        let wanted = self.record_type.as_deref().or(given.as_ref().map(|mapping| mapping.record_type.as_str()));
        let target = Target::choose(registry, wanted)?;
        let header = source.header(self.header_row)?;
        let sample = Sample::of(&source, &header)?;
        let names = names(&header, &sample, declared)?;
        let mapping = given.unwrap_or_else(|| Mapping::by_names(&target, &names));
        if let Some(path) = &self.write_mapping {
            write_mapping(path, &mapping.write(&names))?;
            return Ok(None);
        }
        let readings = readings(&sample, &names, &mapping, declared)?;
        if output == OutputFormat::Text {
            say(&source, &target, &mapping, &names, &readings, self.mapping.is_none())?;
        }
        mapping.check(&target, &names, header.number)?;
        missing_fields(&target, &mapping)?;
        let made = mapping.fingerprint(&source.seen);
        let fingerprint =
            format!("{made} {:?} {} {} {:?}", self.encoding, source.says(), header.number, self.quarantine);
        let log_size = registry.log_size;
        let builder = Builder::new(&mapping, &target, names, &readings, &source);
        Ok(Some(Planned { source, header, builder, fingerprint, log_size, target }))
    }

    async fn import(&self, planned: Planned, output: OutputFormat) -> Result<Report, Failure> {
        let kept = Kept::beside(&self.file);
        let fingerprint = format!("{} {}", planned.fingerprint, self.world(&planned.target).await?);
        let begun =
            Checkpoint { fingerprint: fingerprint.clone(), log_size: planned.log_size, ..Checkpoint::default() };
        if self.dry_run {
            let report = Report::new(output, begun.counts.clone(), None);
            return send::run(&self.server, planned, begun, None, report, true).await;
        }
        let resumed = kept.read(&fingerprint, planned.log_size);
        if let Some(Checkpoint { row, .. }) = &resumed
            && output == OutputFormat::Text
        {
            print_text(&format!("resumed    after row {row}"))?;
        }
        let is_resumed = resumed.is_some();
        let checkpoint = resumed.unwrap_or(begun);
        let path = self.quarantine.clone().unwrap_or_else(|| self.file.with_extension("refused.csv"));
        let is_input = |path: &Path| path.canonicalize().ok() == self.file.canonicalize().ok();
        if path.exists() && is_input(&path) {
            return Err(Failure::with_code("the quarantine file would overwrite the imported one", 2));
        }
        let may_overwrite = self.overwrite || is_resumed;
        let quarantine = Quarantine::new(path, checkpoint.quarantine_bytes, may_overwrite)?;
        let report = Report::new(output, checkpoint.counts.clone(), Some(quarantine));
        send::run(&self.server, planned, checkpoint, Some(kept), report, false).await
    }

    /// Which world a checkpoint belongs to.
    async fn world(&self, target: &Target) -> Result<String, Failure> {
        let mut client = TrustServiceClient::new(self.server.connect().await?);
        let request = GetTrustAnchorRequest::default();
        let anchor =
            self.server.ask(request, ASKS_WITHIN, async |request| client.get_trust_anchor(request).await).await?;
        Ok(format!("{} {}", target.log_origin, anchor.fingerprint))
    }
}

fn separator(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [one] if one.is_ascii() && *one != b'"' => Ok(*one),
        b"tab" | b"\\t" => Ok(b'\t'),
        _ => Err("one character, or `tab`".into()),
    }
}

fn write_mapping(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("{} cannot be written: {error}", path.display()));
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).map_err(failed)?;
    print_text(&format!("written    {}", path.display()))
}
