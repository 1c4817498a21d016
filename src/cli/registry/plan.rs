//! `registry plan`: what a new version of a schema file changes.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::cli::language::say;
use crate::cli::output::{Failure, OutputFormat, print_json, print_text};
use crate::cli::schema_args::read_all;
use crate::registry::schema_file::plan::{Change, plan};

/// Compare two versions of a schema file.
#[derive(Debug, Args)]
pub struct Plan {
    /// The served version.
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The version that is to follow.
    #[arg(value_name = "NEW")]
    new: PathBuf,
}

impl Plan {
    pub(super) fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        let files = read_all(&[self.old, self.new])?;
        let [old, new] = files.as_slice() else { return Err(Failure::new("two files are compared")) };
        let plan = plan(old, new);
        let refused = plan.refused().count();
        match output {
            OutputFormat::Json => {
                let change = |it: &Change| json!({"what": it.what, "how": say(&it.how), "refused": it.is_refused});
                let changes: Vec<Value> = plan.changes.iter().map(change).collect();
                print_json(&json!({"registry": &*new.name, "changes": changes}))?;
            }
            OutputFormat::Text if plan.is_empty() => print_text("no difference")?,
            OutputFormat::Text => {
                let lines: Vec<String> = plan.changes.iter().map(ToString::to_string).collect();
                print_text(&lines.join("\n"))?;
            }
        }
        match refused {
            0 => Ok(ExitCode::SUCCESS),
            1 => Err(Failure::new(
                "a change is refused: if stored records are incompatible with it, give the record type a new version",
            )),
            many => Err(Failure::new(format!(
                "{many} changes are refused: if stored records are incompatible with them, give the record type a new version"
            ))),
        }
    }
}
