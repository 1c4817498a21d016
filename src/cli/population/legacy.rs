//! `lienthong population legacy`: a file from before Unicode to try an import on, and the ground truth of its errors.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::base::Seed;
use crate::base::time::{Clock as _, SystemClock};
use crate::cli::output::{Failure, OutputFormat, print_json, print_text};
use crate::simulation::legacy_file::{Kind, rows};

const EXAMPLES: &str = "\
Examples:
  lienthong population legacy vehicle --rows 1000 --out vehicles.csv --mapping vehicles.yaml --ground-truth vehicles.jsonl
  lienthong population legacy health_insurance --encoding vni --out cards.csv";

/// Rows about people whom a province of the default seed has already would be other versions of their records.
const SEED: u64 = 1994;

/// Write a file from before Unicode, with the errors of such files: a CSV with headings, to try an import on.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Legacy {
    /// The registry whose records it holds: `health_insurance`, `vehicle`, `resident`, `driver_licence` or `land`.
    #[arg(value_parser = kind, value_name = "REGISTRY")]
    registry: Kind,
    /// How many rows.
    #[arg(long, default_value_t = 1_000, env = "LIENTHONG_ROWS", value_parser = clap::value_parser!(u64).range(1..=1_000_000), value_name = "NUMBER")]
    rows: u64,
    /// The seed from which they are generated; the default has other people than the province of the default seed.
    #[arg(long, default_value_t = SEED, env = "LIENTHONG_SEED", value_name = "NUMBER")]
    seed: u64,
    /// The encoding of the texts, one byte per character.
    #[arg(long, value_enum, default_value_t = Encoding::Tcvn3, env = "LIENTHONG_ENCODING")]
    encoding: Encoding,
    /// The file to write.
    #[arg(long, env = "LIENTHONG_OUT", value_name = "FILE")]
    out: PathBuf,
    /// A file for the ground truth of each error, one line of JSON each.
    #[arg(long, env = "LIENTHONG_GROUND_TRUTH", value_name = "FILE")]
    ground_truth: Option<PathBuf>,
    /// A file for the mapping with which `import` reads it.
    #[arg(long, env = "LIENTHONG_LEGACY_MAPPING", value_name = "FILE")]
    mapping: Option<PathBuf>,
}

/// An encoding before Unicode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Encoding {
    /// TCVN 5712:1993.
    Tcvn3,
    /// The VNI code page for Windows.
    Vni,
}

fn kind(registry: &str) -> Result<Kind, String> {
    let known = || Kind::registries().collect::<Vec<_>>().join(", ");
    Kind::of(registry).ok_or_else(|| format!("files can be made for {}", known()))
}

impl Legacy {
    /// Runs the subcommand.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        let encoding = match self.encoding {
            Encoding::Tcvn3 => "TCVN3",
            Encoding::Vni => "VNI",
        };
        let mut file = create(&self.out)?;
        let mut truths = self.ground_truth.as_deref().map(create).transpose()?;
        if let Some(mapping) = &self.mapping {
            std::fs::write(mapping, self.registry.mapping())
                .map_err(|error| Failure::new(format!("cannot write {}: {error}", mapping.display())))?;
        }
        let failed = |error: std::io::Error| Failure::new(format!("cannot write {}: {error}", self.out.display()));
        line(&mut file, self.registry.headings().iter().copied()).map_err(failed)?;
        let mut slips = 0;
        for row in
            rows(self.registry, encoding, Seed::root(self.seed), SystemClock.now().date()).take(self.rows as usize)
        {
            line(&mut file, row.cells.iter().map(String::as_str)).map_err(failed)?;
            for truth in &row.truths {
                slips += 1;
                if let Some(truths) = &mut truths {
                    truths.write_all(truth).map_err(failed)?;
                }
            }
        }
        file.flush().map_err(failed)?;
        if let Some(mut truths) = truths {
            truths.flush().map_err(failed)?;
        }
        match output {
            OutputFormat::Text => {
                print_text(&format!("{} rows in {encoding}, {slips} slips, in {}", self.rows, self.out.display()))?;
            }
            OutputFormat::Json => print_json(&serde_json::json!({
                "file": self.out, "rows": self.rows, "encoding": encoding, "slips": slips,
            }))?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn create(path: &Path) -> Result<BufWriter<File>, Failure> {
    let file = File::create(path).map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))?;
    Ok(BufWriter::new(file))
}

/// One line: a byte a character, as before Unicode.
fn line<'a>(file: &mut impl Write, cells: impl Iterator<Item = &'a str>) -> std::io::Result<()> {
    let quoted = |cell: &str| if cell.contains(',') { format!("\"{cell}\"") } else { cell.to_owned() };
    let text = cells.map(quoted).collect::<Vec<_>>().join(",");
    let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
    file.write_all(&bytes)?;
    file.write_all(b"\r\n")
}
