//! Files that must be there after a crash: written beside, synced, and moved into place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Replaces a file whole; when it returns, the new contents are durable.
pub fn write_durable(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let beside = folder.join(name);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&beside)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&beside, path));
    if let Err(error) = written {
        // The half-written file is of no use; the first error is the one to tell.
        let _ = fs::remove_file(&beside);
        return Err(error);
    }
    File::open(folder)?.sync_all()
}

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
    write_durable(&path, &json)?;
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
