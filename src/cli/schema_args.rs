//! Schema files from the disk, and the flag that names them, the same wherever a command takes it.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::base::ProvinceCode;
use crate::cli::output::Failure;
use crate::registry::schema_file::{FILE_BYTES_MAX, Flaws, load};
use crate::registry::{Catalogue, Sector, allocation};

/// The text of a file, of which no more is read than a schema file may have.
pub(super) fn text(path: &Path) -> Result<String, Failure> {
    let unreadable = |why: String| Failure::new(format!("{} cannot be read: {why}", path.display()));
    let read = || -> io::Result<Vec<u8>> {
        // A pipe would be waited for, for as long as nobody writes to it.
        if !path.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        let mut bytes = Vec::new();
        File::open(path)?.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error| unreadable(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| {
        let line = memchr::memchr_iter(b'\n', &error.as_bytes()[..error.utf8_error().valid_up_to()]).count() + 1;
        unreadable(format!("line {line} is not UTF-8"))
    })
}

/// The registry of a file, or its flaws.
pub(super) fn read(path: &Path, built_in: &Catalogue) -> Result<Result<Sector, Flaws>, Failure> {
    Ok(load(&text(path)?, built_in))
}

/// The registries in addition to the built-in ones.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// The schema file of a registry in addition to the built-in ones; may be repeated.
    #[arg(long, env = "LIENTHONG_REGISTRY_SCHEMA", value_delimiter = ',', value_name = "FILE")]
    registry_schema: Vec<PathBuf>,
}

impl SchemaArgs {
    /// The registries of the files.
    pub fn sectors(&self) -> Result<Vec<Sector>, Failure> {
        read_all(&self.registry_schema)
    }

    /// The built-in registries and those of the files, of the default province.
    pub fn catalogue(&self) -> Result<Catalogue, Failure> {
        Ok(allocation::unkept(&ProvinceCode::default(), self.sectors()?)?)
    }
}

/// The registries of files that a command is given. The first file with a flaw ends it.
pub(super) fn read_all(paths: &[PathBuf]) -> Result<Vec<Sector>, Failure> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let built_in = Catalogue::built_in();
    let one = |path: &PathBuf| {
        read(path, &built_in)?.map_err(|flaws| Failure::new(format!("the schema file {}: {flaws}", path.display())))
    };
    paths.iter().map(one).collect()
}
