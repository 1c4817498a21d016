//! `lienthong rights`: the embedded file of rights, to begin from, and a check of one's own before it is served.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::output::{Failure, OutputFormat, print, print_json, print_text};
use super::schema_args::SchemaArgs;
use crate::access::rights::{self, Fields, Flaw, Flaws, SchemaFlaw};

const EXAMPLES: &str = "\
Examples:
  lienthong rights show > rights.toml
  lienthong rights check rights.toml
  lienthong serve --rights rights.toml";

/// Agencies, rights, and who may call what.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Rights {
    /// Print the embedded file with its comments, or its content as JSON.
    Show(Show),
    /// Check a file, and report every flaw with its line and rule; exit code 1 if there is an error.
    Check(Check),
}

/// Check a file.
#[derive(Debug, Args)]
pub struct Check {
    /// The file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    schemas: SchemaArgs,
}

/// Print the embedded file, with the rows that schema files bring.
#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    schemas: SchemaArgs,
}

impl Rights {
    /// Runs the subcommand.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        match (self, output) {
            (Self::Show(show), output) => show.run(output)?,
            (Self::Check(check), output) => return check.run(output),
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Show {
    fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let catalogue = self.schemas.catalogue()?;
        let refused =
            |flaws: Vec<SchemaFlaw>| Failure::new(flaws.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
        let (text, rights) = rights::embedded_for(&catalogue).map_err(refused)?;
        match output {
            OutputFormat::Text => print(text.trim_end()),
            OutputFormat::Json => print_json(&values(&rights)),
        }
    }
}

impl Check {
    fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        let name = self.file.display().to_string();
        let bytes = rights::bytes(&self.file).map_err(|why| Failure::new(format!("{name} cannot be read: {why}")))?;
        let (read, flaws) = match rights::read(&bytes, &self.schemas.catalogue()?) {
            Ok((rights, warnings)) => (Some(rights), Flaws { warnings, ..Flaws::default() }),
            Err(flaws) => (None, flaws),
        };
        let version = read.as_ref().map(|rights| rights.version().to_string());
        if output == OutputFormat::Json {
            let flaw = |flaw: &Flaw| json!({"line": flaw.line, "rule": flaw.rule, "message": flaw.message});
            print_json(&json!({
                "file": name,
                "version": version,
                "errors": flaws.errors.iter().map(flaw).collect::<Vec<_>>(),
                "errors_total": flaws.total,
                "warnings": flaws.warnings.iter().map(flaw).collect::<Vec<_>>(),
            }))?;
        } else {
            let mut lines: Vec<String> = flaws.errors.iter().map(|flaw| format!("{name}: {flaw}")).collect();
            lines.extend(flaws.warnings.iter().map(|flaw| format!("{name}: warning: {flaw}")));
            if let Some(rights) = &read {
                let (agencies, rows) = (rights.agencies().count(), rights.all().count());
                let version = rights.version();
                lines.push(format!("{name}: valid: {agencies} agencies, {rows} rights; version {version}"));
            }
            print_text(&lines.join("\n"))?;
        }
        match flaws.total {
            0 => Ok(ExitCode::SUCCESS),
            1 => Err(Failure::new(format!("{name} has an error"))),
            total => Err(Failure::new(format!("{name} has {total} errors"))),
        }
    }
}

/// The rights, for programs.
fn values(rights: &rights::Rights) -> Value {
    let agencies = rights.agencies().map(|agency| {
        json!({
            "key": agency.key.as_str(),
            "name": agency.name,
            "name_vi": agency.name_vi,
            "private_party": agency.private_party,
            "registries": agency.registries,
        })
    });
    let purposes = rights.purposes().iter().map(|of| json!({"key": &*of.key, "description": of.description}));
    let rows = rights.all().map(|right| {
        let fields = match right.fields {
            Fields::All => json!("all"),
            Fields::Only(fields) => json!(fields.names()),
        };
        json!({
            "agency": right.agency.key.as_str(),
            "purpose": &*right.set.purpose,
            "record_type": right.record_type,
            "fields": fields,
            "basis": right.set.basis.as_str(),
            "legal_basis": right.set.legal_basis,
        })
    });
    let methods = rights.methods().map(|(name, callers)| json!({"name": name, "callers": callers}));
    let roles: serde_json::Map<String, Value> =
        rights.roles().iter().map(|(role, agencies)| (role.clone(), json!(agencies))).collect();
    json!({
        "version": &**rights.version(),
        "roles": roles,
        "agencies": agencies.collect::<Vec<_>>(),
        "purposes": purposes.collect::<Vec<_>>(),
        "rights": rows.collect::<Vec<_>>(),
        "methods": methods.collect::<Vec<_>>(),
    })
}
