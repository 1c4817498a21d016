//! Conflicts of logs as files, kept whatever comes after.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::store::file::{Readers, replace};

/// Conflicts that are kept of one kind: nobody shall fill the disk. When there are more, the newest replaces the last.
const CONFLICTS_MAX: usize = 16;

/// Keeps two heads that cannot both be true, as JSON, under the first of the names by number that is free; the same two once. None that
/// was kept before is written over while there is room. Gives the file.
pub fn keep_conflict(name: impl Fn(usize) -> PathBuf, json: &serde_json::Value) -> io::Result<PathBuf> {
    let json = serde_json::to_vec_pretty(json)?;
    let mut path = name(0);
    for number in 0..CONFLICTS_MAX {
        path = name(number);
        match fs::read(&path) {
            Ok(old) if old == json => return Ok(path),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(error),
        }
    }
    replace(&path, &json, Readers::All)?;
    Ok(path)
}

/// The name of the conflict of this number beside a file: `FILE.conflict.json`, `FILE.conflict.2.json`, ….
pub fn conflict_beside(file: &Path, number: usize) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    match number {
        0 => name.push(".conflict.json"),
        _ => name.push(format!(".conflict.{}.json", number + 1)),
    }
    name.into()
}
