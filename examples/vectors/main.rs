//! Writes the published test vectors and the worked examples: `cargo run --example vectors`, in the repository's root, fills
//! `tests/vectors` and the examples of `docs/format.md`. Given a folder, it writes the vectors there, and no page.
//!
//! The same bytes come out on each run; `tests/vectors.rs` checks the repository against it.

mod make;

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let named = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = named.clone().unwrap_or_else(|| PathBuf::from("tests/vectors"));
    let files = make::files();
    let written = std::fs::create_dir_all(&folder)
        .and_then(|()| files.iter().try_for_each(|(name, text)| std::fs::write(folder.join(name), text)))
        .and_then(|()| if named.is_some() { Ok(()) } else { fill_page() });
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

fn fill_page() -> std::io::Result<()> {
    const PAGE: &str = "docs/format.md";
    let page = std::fs::read_to_string(PAGE)?;
    std::fs::write(PAGE, make::fill(&page))
}
