//! Writes the published test vectors: `cargo run --example vectors` fills `tests/vectors`, or the folder that is named.
//!
//! The same bytes come out on each run; `tests/vectors.rs` holds the files in the repository to that.

mod make;

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let folder = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("tests/vectors"), PathBuf::from);
    let files = make::files();
    let written = std::fs::create_dir_all(&folder)
        .and_then(|()| files.iter().try_for_each(|(name, text)| std::fs::write(folder.join(name), text)));
    match written {
        Ok(()) => {
            println!("{} files in {}", files.len(), folder.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}
