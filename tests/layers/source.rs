//! The sources as text: their files, and the names in a line of code.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// A source file: its path from the repository's root, with `/`, and its text.
pub struct Source {
    pub path: String,
    pub text: String,
}

pub fn sources(folders: &[&str], extensions: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut waiting: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    let mut found = Vec::new();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("a folder of the repository is readable");
            waiting.extend(entries.map(|entry| entry.expect("a folder's entry is readable").path()));
        } else if path.extension().is_some_and(|found| extensions.iter().any(|wanted| found == *wanted)) {
            let relative = path.strip_prefix(root).expect("found under the root");
            let name = relative.to_string_lossy().replace('\\', "/");
            found.push(Source { path: name, text: fs::read_to_string(&path).expect("sources are UTF-8") });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The module under `src/` that a file belongs to: `src/trust/canonical/scanner.rs` is `trust`; `lib.rs` is none.
pub fn module_of(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("src/")?;
    let module = inside.split('/').next()?.trim_end_matches(".rs");
    (module != "lib").then_some(module)
}

/// The code of a line without its comment. A `//` inside a string (an address) cuts the line short, which hides no import.
pub fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

pub fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    &text[..end]
}

/// The parts between commas, except those inside braces.
pub fn groups(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    text.split(|c| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
    .collect()
}

/// The top-level modules that a text names after `prefix` (`crate::`), groups included: `crate::{base, trust::Hash}`.
pub fn named_after<'a>(text: &'a str, prefix: &str) -> Vec<&'a str> {
    let mut names = Vec::new();
    for (at, _) in text.match_indices(prefix) {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = &text[at + prefix.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            names.push(identifier(rest));
            continue;
        };
        let (mut depth, mut starts) = (0_usize, true);
        for (offset, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => starts = true,
                c if starts && !c.is_whitespace() => {
                    names.push(identifier(&group[offset..]));
                    starts = false;
                }
                _ => {}
            }
        }
    }
    names
}

/// The code of a file before its tests, without comments.
pub fn code_of(source: &Source) -> String {
    let is_tests = source.path.ends_with("tests.rs") || source.path.contains("/tests/");
    let text = source.text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
    if is_tests { String::new() } else { text.lines().flat_map(|line| [code(line), "\n"]).collect() }
}

/// Whether a line uses a crate: `name::…`, not as the tail of a longer path or word.
pub fn named_path(line: &str, name: &str) -> bool {
    let path = format!("{name}::");
    line.match_indices(&path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

/// Fails with all findings at once.
pub fn none(findings: Vec<String>, rule: &str) {
    let mut report = String::new();
    for finding in &findings {
        let _ = writeln!(report, "  {finding}");
    }
    assert!(findings.is_empty(), "{rule}:\n{report}");
}
