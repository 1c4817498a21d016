//! `registry check`: schema files, alone and together, as `serve` would take them.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::access::rights;
use crate::base::ProvinceCode;
use crate::base::time::{Clock as _, SystemClock};
use crate::cli::language::say;
use crate::cli::output::{Failure, OutputFormat, print_json, print_text};
use crate::cli::schema_args::text;
use crate::registry::catalogue::CatalogueError;
use crate::registry::schema_file::{Flaw, Flaws, line_of, load, path_of};
use crate::registry::{Catalogue, RecordType, Sector, allocation};
use crate::simulation::samples;

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
        let mut files = Vec::with_capacity(self.files.len());
        for path in &self.files {
            let text = text(path)?;
            let (sector, flaws) = match load(&text, &built_in) {
                Ok(sector) => (Some(sector), Flaws::default()),
                Err(flaws) => (None, flaws),
            };
            let is_built_in = sector.as_ref().is_some_and(|sector| describes_built_in(sector, &built_in));
            files.push(Checked { name: path.display().to_string(), text, sector, is_built_in, flaws });
        }
        if files.iter().all(|file| file.flaws.is_empty()) {
            for flaw in together(&files)? {
                let is_of = |file: &&mut Checked| file.sector.as_ref().is_some_and(|of| *of.name == flaw.registry);
                let file = files.iter_mut().rev().find(is_of);
                let Some(file) = file else { return Err(Failure::new(flaw.message)) };
                file.flaws.add(line_of(&file.text, &flaw.path), flaw.path, flaw.rule, flaw.message);
            }
        }
        match output {
            OutputFormat::Json => {
                print_json(&json!({"files": files.iter().map(Checked::json).collect::<Vec<_>>()}))?;
            }
            OutputFormat::Text => print_text(&files.iter().flat_map(Checked::lines).collect::<Vec<_>>().join("\n"))?,
        }
        match files.iter().filter(|file| !file.flaws.is_empty()).count() {
            0 => Ok(ExitCode::SUCCESS),
            1 => Err(Failure::new("a schema file has flaws")),
            bad => Err(Failure::new(format!("{bad} schema files have flaws"))),
        }
    }
}

/// A file and its properties.
struct Checked {
    name: String,
    text: String,
    sector: Option<Sector>,
    /// Whether it is the form of a registry that the program has: nothing of it is served from a file.
    is_built_in: bool,
    flaws: Flaws,
}

/// Whether every type of a file is that of a built-in registry of its name, with its fields and compiled rules: what `registry export` writes.
fn describes_built_in(sector: &Sector, built_in: &Catalogue) -> bool {
    let Some(own) = built_in.sector(&sector.name) else { return false };
    let is_own = |of: &RecordType| own.record_type(&of.name).is_some_and(|own| own.message == of.message);
    sector.record_types.iter().all(|of| is_own(of)) && own.record_types.len() == sector.record_types.len()
}

impl Checked {
    fn json(&self) -> Value {
        let flaw = |flaw: &Flaw| json!({"line": flaw.line, "path": flaw.path, "rule": flaw.rule, "message": say(&flaw.message)});
        let definition = self.sector.as_ref().and_then(|sector| sector.definition.as_ref());
        json!({
            "file": self.name,
            "built_in": self.is_built_in,
            "registry": self.sector.as_ref().map(|sector| sector.name.to_string()),
            "version": definition.map(|definition| definition.version),
            "fingerprint": definition.map(|definition| definition.fingerprint()),
            "flaws": self.flaws.kept.iter().map(flaw).collect::<Vec<_>>(),
            "flaws_total": self.flaws.total,
        })
    }

    fn lines(&self) -> Vec<String> {
        let Self { name, sector, flaws, .. } = self;
        let mut lines: Vec<String> = flaws.kept.iter().map(|flaw| format!("{name}: {flaw}")).collect();
        if flaws.total > flaws.kept.len() {
            lines.push(format!("{name}: {} more flaws", flaws.total - flaws.kept.len()));
        }
        let definition = sector.as_ref().and_then(|sector| sector.definition.as_ref());
        if let (Some(sector), Some(definition), true) = (sector, definition, flaws.is_empty()) {
            let types: Vec<&str> = sector.record_types.iter().map(|of| &*of.name).collect();
            let (types, version) = (types.join(", "), definition.version);
            lines.push(match self.is_built_in {
                true => format!(
                    "{name}: valid: the form of the built-in registry {}, which is served without a file: {types}",
                    sector.name
                ),
                false => format!("{name}: valid: the registry {}, version {version}: {types}", sector.name),
            });
        }
        lines
    }
}

/// Flaws that show only when files are served together.
struct Found {
    registry: String,
    path: String,
    rule: &'static str,
    message: String,
}

/// Whether the registries can be served together with the built-in ones, under the embedded rights and with their sample data.
fn together(files: &[Checked]) -> Result<Vec<Found>, Failure> {
    let served: Vec<&Checked> = files.iter().filter(|file| !file.is_built_in).collect();
    let sectors: Vec<Sector> = served.iter().filter_map(|file| file.sector.clone()).collect();
    let place = |name: &str| {
        let mut found =
            served.iter().rev().filter_map(|file| Some((file.sector.as_ref()?, path_of(&file.text, name)?)));
        found.next().map(|(sector, path)| (sector.name.to_string(), path)).unwrap_or_default()
    };
    let catalogue = match allocation::unkept(&ProvinceCode::default(), sectors) {
        Ok(catalogue) => catalogue,
        Err(error) => {
            let cause = error.source.as_ref().and_then(|source| source.downcast_ref::<CatalogueError>());
            let Some(CatalogueError { about, problem }) = cause else { return Err(error.into()) };
            let (registry, path) = place(about);
            return Ok(vec![Found { registry, path, rule: "CATALOGUE", message: problem.clone() }]);
        }
    };
    let mut found = Vec::new();
    if let Err(flaws) = rights::embedded_for(&catalogue) {
        let flaw = |flaw: rights::SchemaFlaw| {
            let rights::SchemaFlaw { registry, path, rule, message } = flaw;
            Found { registry, path, rule, message }
        };
        found.extend(flaws.into_iter().map(flaw));
    }
    for (of, message) in samples::flaws(&catalogue, SystemClock.now().date()) {
        let (registry, path) = place(&of.name);
        found.push(Found { registry, path: path.replace(".name", ".samples"), rule: "SAMPLES", message });
    }
    Ok(found)
}
