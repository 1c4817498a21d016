//! Files that keep conflicts of logs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::store::file::{Readers, replace};

/// Most conflicts kept of one kind, so that nobody can fill the disk. Beyond them, the newest replaces the last.
const CONFLICTS_MAX: usize = 16;

/// Keeps two contradicting heads as JSON, under the first of the numbered names that is free; the same two heads once. While there
/// is room, no earlier file is overwritten. Returns the file's path.
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

/// The path of a numbered conflict next to a file: `FILE.conflict.json`, `FILE.conflict.2.json`, ….
pub fn conflict_beside(file: &Path, number: usize) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    match number {
        0 => name.push(".conflict.json"),
        _ => name.push(format!(".conflict.{}.json", number + 1)),
    }
    name.into()
}
