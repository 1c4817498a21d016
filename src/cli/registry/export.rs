//! `registry export`: a built-in registry as a schema file.

use std::process::ExitCode;

use clap::Args;

use crate::access::rights;
use crate::base::name::no_such;
use crate::cli::output::{Failure, OutputFormat, print, print_json};
use crate::registry::Catalogue;
use crate::registry::definition::Owner;
use crate::registry::schema::Label;
use crate::registry::schema_file::export::{file, schema};

/// Print a built-in registry as a schema file.
#[derive(Debug, Args)]
pub struct Export {
    /// The registry: `vehicle`.
    #[arg(value_name = "NAME")]
    name: String,
}

impl Export {
    /// YAML for people; with `--output json` the JSON Schema of every record type.
    pub(super) fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        let catalogue = Catalogue::built_in();
        let Some(sector) = catalogue.sector(&self.name) else {
            let known: Vec<&str> = catalogue.sectors().iter().map(|sector| &*sector.name).collect();
            return Err(Failure::new(no_such("registry", &self.name, &known)));
        };
        if output == OutputFormat::Json {
            let schemas = sector.record_types.iter().map(|of| (of.name.to_string(), schema(of)));
            print_json(&schemas.collect::<serde_json::Map<_, _>>())?;
            return Ok(ExitCode::SUCCESS);
        }
        let rights = rights::embedded();
        let agency = rights.agencies().find(|agency| agency.key.as_str() == sector.agency);
        let name = agency
            .map_or(Label::new(&sector.agency, &sector.agency), |agency| Label::new(&agency.name_vi, &agency.name));
        print(file(sector, &Owner { key: sector.agency.clone(), name }).trim_end())?;
        Ok(ExitCode::SUCCESS)
    }
}
