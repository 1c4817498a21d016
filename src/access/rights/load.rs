//! Loads a file of rights: checks its bounds, reads its rows, then resolves them.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};

use super::check;
use super::flaw::{Findings, Flaw, Flaws};
use super::read::rows;
use super::table::Rights;
use super::vocabulary::Vocabulary;
use super::who::Template;
use crate::base::id::to_hex;
use crate::base::limits::RIGHTS_BYTES_MAX;
use crate::registry::Catalogue;

/// The rights of the seeded province, as a file with comments.
pub const EMBEDDED: &str = include_str!("default.toml");

/// The existing methods, in the embedded file.
static TEMPLATE: LazyLock<Template> = LazyLock::new(|| {
    let mut found = Findings::of(EMBEDDED);
    let template = Template::of(&rows(EMBEDDED, &mut found).methods);
    assert!(!found.has_errors(), "the embedded rights: {}", found.finish());
    template
});

/// The rights of the seeded province, which are about the built-in registries.
pub fn embedded() -> Rights {
    let read = read(EMBEDDED.as_bytes(), &Catalogue::built_in());
    // A test reads it too: an embedded file with a flaw is not built.
    let (rights, _) = read.unwrap_or_else(|flaws| panic!("the embedded rights: {flaws}"));
    rights
}

/// Reads the bytes of a file, within the limit.
pub fn bytes(file: &Path) -> io::Result<Vec<u8>> {
    // Reading a pipe would block until somebody writes to it.
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut bytes = Vec::new();
    // One byte beyond the limit shows a file that is too long.
    File::open(file)?.take(RIGHTS_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads rights to the record types of a catalogue, with warnings about useless rows; or returns all errors.
pub fn read(bytes: &[u8], catalogue: &Catalogue) -> Result<(Rights, Vec<Flaw>), Flaws> {
    rights(bytes, &Vocabulary::of(catalogue))
}

pub(super) fn rights(bytes: &[u8], known: &Vocabulary) -> Result<(Rights, Vec<Flaw>), Flaws> {
    if bytes.len() > RIGHTS_BYTES_MAX {
        return Err(Flaws::one(1, "TOO_LARGE", format!("a file of rights has at most {RIGHTS_BYTES_MAX} bytes")));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = memchr::memchr_iter(b'\n', &bytes[..error.valid_up_to()]).count() + 1;
        Flaws::one(line, "SYNTAX", "is not UTF-8")
    })?;
    let mut found = Findings::of(text);
    let rows = rows(text, &mut found);
    if found.has_errors() {
        return Err(found.finish());
    }
    let version = to_hex(&Sha256::digest(bytes)).into();
    let rights = check::rights(rows, known, &TEMPLATE, version, &mut found);
    match rights {
        Some(rights) if !found.has_errors() => Ok((rights, found.finish().warnings)),
        _ => Err(found.finish()),
    }
}
