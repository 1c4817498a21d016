//! The outcome of an import: counts, the lines of a report, and the refused rows as a file that can be mended and imported again.
//!
//! Only the quarantine file holds values, and only its owner reads it. Reports show the shape of a value.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::cell::{Cell, Flaw, Row, masked};
use super::mapping::QUARANTINE_PREFIX;
use super::record::Builder;
use crate::cli::language::say;
use crate::cli::output::{Failure, OutputFormat, print_json, print_text};

/// Lines about refused rows that text output has.
const LINES_MAX: usize = 100;

/// How many rows became what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    pub(super) created: u64,
    pub(super) updated: u64,
    pub(super) unchanged: u64,
    /// Rows that say what an earlier row of the file said.
    pub(super) repeated: u64,
    pub(super) refused: u64,
}

/// The report of one import.
pub(super) struct Report {
    output: OutputFormat,
    pub(super) counts: Counts,
    lines: usize,
    /// How often each rule flagged each column.
    warnings: BTreeMap<(String, String), u64>,
    /// Warnings that the server only counted.
    pub(super) warnings_untold: u64,
    quarantine: Option<Quarantine>,
}

impl Report {
    pub(super) fn new(output: OutputFormat, counts: Counts, quarantine: Option<Quarantine>) -> Self {
        Self { output, counts, lines: 0, warnings: BTreeMap::new(), warnings_untold: 0, quarantine }
    }

    /// Notes a refused row.
    pub(super) fn refuse(&mut self, row: &Row, flaws: &[Flaw], builder: &Builder) -> Result<(), Failure> {
        self.counts.refused += 1;
        for flaw in flaws {
            self.lines += 1;
            let column = flaw.column.map(|at| builder.name(at)).unwrap_or_default();
            let field = match (flaw.field.as_str(), flaw.column) {
                ("", Some(at)) => builder.field(at),
                (field, _) => field,
            };
            let value =
                flaw.column.and_then(|at| row.cells.get(at)).map(|cell| masked(&cell.text())).unwrap_or_default();
            // Its message has the name that was probably meant, and no report has a name.
            let message = match flaw.rule.as_str() {
                "ENCODING" => say(flaw.message.split(": ").next().unwrap_or_default()),
                _ => say(&flaw.message),
            };
            match self.output {
                OutputFormat::Json => print_json(&json!({
                    "row": row.number, "column": column, "field": field, "rule": flaw.rule, "message": message, "value": value,
                }))?,
                OutputFormat::Text if self.lines <= LINES_MAX => {
                    let place = match (column, field) {
                        (column, "") => column.to_owned(),
                        ("", field) => field.to_owned(),
                        (column, field) => format!("{column} ({field})"),
                    };
                    let place = if value.is_empty() { place } else { format!("{place} [{value}]") };
                    let (number, rule) = (row.number, &flaw.rule);
                    match place.is_empty() {
                        true => print_text(&format!("row {number}: {rule}: {message}"))?,
                        false => print_text(&format!("row {number}, {place}: {rule}: {message}"))?,
                    }
                }
                OutputFormat::Text => {}
            }
        }
        match &mut self.quarantine {
            Some(quarantine) => quarantine.add(row, flaws, builder),
            None => Ok(()),
        }
    }

    /// Counts a warning about an accepted row.
    pub(super) fn warn(&mut self, rule: &str, field: &str, builder: &Builder) {
        let column = builder.column_of(field).map_or(field, |at| builder.name(at));
        *self.warnings.entry((rule.to_owned(), column.to_owned())).or_default() += 1;
    }

    /// Makes the refused rows durable; gives where they end.
    pub(super) fn flush(&mut self) -> Result<u64, Failure> {
        self.quarantine.as_mut().map_or(Ok(0), Quarantine::flush)
    }

    /// Says how it ended.
    pub(super) fn end(&self, is_trial: bool) -> Result<(), Failure> {
        let Counts { created, updated, unchanged, repeated, refused } = &self.counts;
        let file = self.quarantine.as_ref().filter(|_| *refused > 0).map(|it| it.path.display().to_string());
        if self.output == OutputFormat::Json {
            let warning = |((rule, column), count): (&(String, String), &u64)| json!({"rule": rule, "column": column, "rows": count});
            return print_json(&json!({
                "dry_run": is_trial, "counts": self.counts, "quarantine": file,
                "warnings": self.warnings.iter().map(warning).collect::<Vec<_>>(), "warnings_untold": self.warnings_untold,
            }));
        }
        if self.lines > LINES_MAX {
            print_text(&format!("and {} more: --output json lists them all", self.lines - LINES_MAX))?;
        }
        for ((rule, column), count) in &self.warnings {
            print_text(&format!("warning    {rule} in {column}: {count} rows"))?;
        }
        if self.warnings_untold > 0 {
            print_text(&format!("warning    {} more that the server did not list", self.warnings_untold))?;
        }
        if is_trial {
            print_text("dry run    nothing was written")?;
        }
        print_text(&format!(
            "created    {created}\nupdated    {updated}\nunchanged  {unchanged}\nrepeated   {repeated}\nrefused    {refused}"
        ))?;
        match file {
            Some(file) => print_text(&format!("quarantine {file}: correct the rows and import it")),
            None => Ok(()),
        }
    }
}

/// The file of refused rows.
pub(super) struct Quarantine {
    path: PathBuf,
    writer: Option<csv::Writer<File>>,
}

impl Quarantine {
    /// A file that is begun with the first row; `resumed` are the bytes of it that count.
    pub(super) fn new(path: PathBuf, resumed: u64, may_overwrite: bool) -> Result<Self, Failure> {
        if resumed > 0 {
            let reopened = OpenOptions::new().write(true).open(&path).and_then(|mut file| {
                file.set_len(resumed)?;
                file.seek(SeekFrom::End(0)).map(|_| file)
            });
            let file = reopened.map_err(|error| unwritable(&path, &error))?;
            return Ok(Self { path, writer: Some(csv::Writer::from_writer(file)) });
        }
        if path.exists() && !may_overwrite {
            return Err(Failure::new(format!(
                "{} remains from an earlier import: import it, move it away, or give --overwrite",
                path.display()
            )));
        }
        Ok(Self { path, writer: None })
    }

    fn add(&mut self, row: &Row, flaws: &[Flaw], builder: &Builder) -> Result<(), Failure> {
        let path = self.path.clone();
        let failed = |error: csv::Error| unwritable(&path, &io::Error::other(error));
        let own = |names: &mut dyn Iterator<Item = (usize, &String)>| -> Vec<usize> {
            names.filter(|(_, name)| !name.starts_with(QUARANTINE_PREFIX)).map(|(at, _)| at).collect()
        };
        let columns = own(&mut builder.names().iter().enumerate());
        if self.writer.is_none() {
            let mut file = create(&self.path).map_err(|error| unwritable(&self.path, &error))?;
            // Spreadsheets take a file for UTF-8 by its mark.
            file.write_all("\u{feff}".as_bytes()).map_err(|error| unwritable(&self.path, &error))?;
            let mut writer = csv::Writer::from_writer(file);
            let names = columns.iter().map(|at| builder.name(*at).to_owned());
            let reasons = ["row", "reason"].map(|name| format!("{QUARANTINE_PREFIX}{name}"));
            writer.write_record(names.chain(reasons)).map_err(failed)?;
            self.writer = Some(writer);
        }
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let reason = |flaw: &Flaw| {
            let at = flaw.column.map_or(flaw.field.as_str(), |at| builder.name(at));
            format!("{at}: {}: {}", flaw.rule, say(&flaw.message))
        };
        let reasons: Vec<String> = flaws.iter().map(reason).collect();
        let cells = columns.iter().map(|at| row.cells.get(*at).map(Cell::text).unwrap_or_default());
        writer.write_record(cells.chain([row.number.to_string(), reasons.join("; ")])).map_err(failed)
    }

    fn flush(&mut self) -> Result<u64, Failure> {
        let Some(writer) = &mut self.writer else { return Ok(0) };
        let flushed = writer.flush().and_then(|()| writer.get_ref().sync_data());
        flushed
            .and_then(|()| writer.get_ref().metadata())
            .map(|it| it.len())
            .map_err(|error| unwritable(&self.path, &error))
    }
}

/// A file of personal data: its owner's alone.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("{} cannot be written: {error}", path.display()))
}
