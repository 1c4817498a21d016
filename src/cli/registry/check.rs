//! `registry check`: schema files, alone and together.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::file::read;
use crate::access::rights;
use crate::base::ProvinceCode;
use crate::cli::output::{Failure, OutputFormat, print_json, print_text};
use crate::registry::schema_file::{Flaw, Flaws};
use crate::registry::{Catalogue, Sector, allocation};

/// Check schema files, alone and together, and report every flaw.
#[derive(Debug, Args)]
pub struct Check {
    /// The files, as they would be served together.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

impl Check {
    pub(super) fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        let built_in = Catalogue::built_in();
        let (mut sectors, mut lines, mut values, mut bad) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for path in &self.files {
            let name = path.display().to_string();
            let (sector, flaws) = match read(path, &built_in)? {
                Ok(sector) => (Some(sector), Flaws::default()),
                Err(flaws) => (None, flaws),
            };
            bad += usize::from(sector.is_none());
            lines.extend(flaws.kept.iter().map(|flaw| format!("{name}: {flaw}")));
            if flaws.total > flaws.kept.len() {
                lines.push(format!("{name}: {} more flaws", flaws.total - flaws.kept.len()));
            }
            let flaw =
                |flaw: &Flaw| json!({"line": flaw.line, "path": flaw.path, "rule": flaw.rule, "message": flaw.message});
            let definition = sector.as_ref().and_then(|sector| sector.definition.clone());
            values.push(json!({
                "file": name,
                "registry": sector.as_ref().map(|sector| sector.name.to_string()),
                "version": definition.as_ref().map(|definition| definition.version),
                "fingerprint": definition.as_ref().map(|definition| definition.fingerprint()),
                "flaws": flaws.kept.iter().map(flaw).collect::<Vec<_>>(),
                "flaws_total": flaws.total,
            }));
            if let (Some(sector), Some(definition)) = (&sector, &definition) {
                let types: Vec<&str> = sector.record_types.iter().map(|of| &*of.name).collect();
                let (types, version) = (types.join(", "), definition.version);
                lines.push(format!("{name}: valid: the registry {}, version {version}: {types}", sector.name));
            }
            sectors.extend(sector);
        }
        let together = if bad == 0 { together(sectors).err() } else { None };
        match output {
            OutputFormat::Json => print_json(&json!({"files": values, "together": together}))?,
            OutputFormat::Text => print_text(&lines.join("\n"))?,
        }
        match (bad, together) {
            (0, None) => Ok(ExitCode::SUCCESS),
            (0, Some(problem)) => Err(Failure::new(problem)),
            (1, _) => Err(Failure::new("a schema file has flaws")),
            (bad, _) => Err(Failure::new(format!("{bad} schema files have flaws"))),
        }
    }
}

/// Whether the registries can be served beside the built-in ones, under the embedded rights.
fn together(sectors: Vec<Sector>) -> Result<(), String> {
    let catalogue = allocation::unkept(&ProvinceCode::default(), sectors).map_err(|error| error.message.clone())?;
    let text = rights::embedded_for(&catalogue);
    let read = rights::read(text.as_bytes(), &catalogue);
    read.map(|_| ()).map_err(|flaws| {
        let said: Vec<&str> = flaws.errors.iter().map(|flaw| flaw.message.as_str()).collect();
        format!("the rights of the schema files: {}", said.join("; "))
    })
}
