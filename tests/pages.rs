//! Checks the pages against the code: paths and links that they name exist, and tables that repeat the code agree with it.

use std::fs;
use std::path::Path;

use lienthong::trust::verdict::Code;

/// Codes that `ledger audit` has and `verify` has not.
const LOGS_ONLY: &[Code] = &[Code::LogRule];

const PAGES: &[&str] = &["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(page: &str) -> String {
    fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"))
}

/// All pages: those in the root, and docs/.
fn pages() -> Vec<String> {
    let mut found: Vec<String> = PAGES.iter().map(|page| (*page).to_owned()).collect();
    for folder in ["docs", "docs/guides"] {
        for entry in fs::read_dir(root().join(folder)).into_iter().flatten() {
            let name = entry.expect("a folder's entry is readable").file_name().to_string_lossy().into_owned();
            if name.ends_with(".md") {
                found.push(format!("{folder}/{name}"));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn links_lead_somewhere() {
    let mut dead = Vec::new();
    for page in pages() {
        let folder = root().join(&page);
        let folder = folder.parent().expect("a page stands in a folder");
        for link in read(&page).split("](").skip(1).filter_map(|rest| rest.split(')').next().map(str::to_owned)) {
            let path = link.split('#').next().unwrap_or_default();
            if !link.contains("://") && !path.is_empty() && !folder.join(path).exists() {
                dead.push(format!("{page}: {link}"));
            }
        }
    }
    assert!(dead.is_empty(), "links to nothing: {dead:#?}");
}

/// Paths in backquotes that begin with a folder of the repository. Guides are left out: they name files that a reader will make.
#[test]
fn named_files_exist() {
    let mut missing = Vec::new();
    for page in pages().into_iter().filter(|page| !page.starts_with("docs/guides/")) {
        for word in read(&page).split('`').skip(1).step_by(2) {
            let is_path =
                ["src/", "tests/", "proto/", "docs/", "benches/", ".ci/"].iter().any(|top| word.starts_with(top));
            // `education` is the ninth registry of the guide, which nobody has added.
            let is_plain = !word.contains([' ', '<', '*', '…', '{']) && !word.contains("education");
            if is_path && is_plain && !root().join(word).exists() {
                missing.push(format!("{page}: {word}"));
            }
        }
    }
    assert!(missing.is_empty(), "paths to nothing: {missing:#?}");
}

#[test]
fn the_page_on_verifying_lists_every_exit_code() {
    let page = read("docs/verifying.md");
    // The other one is a code of a log that is audited whole, not of records in a file.
    for code in Code::ALL.iter().filter(|code| !LOGS_ONLY.contains(code)) {
        let row = format!("| {} | `{}` |", code.exit_code(), code.as_str());
        assert!(page.contains(&row), "docs/verifying.md lacks the row {row}");
    }
}

/// A product of numbers and of other constants: `4 * 1024 * 1024`.
fn value_of(known: &std::collections::BTreeMap<String, String>, product: &str) -> u64 {
    let factor = |text: &str| match known.get(text) {
        Some(other) => value_of(known, other),
        None => text.replace('_', "").parse().expect("a plain number or a constant"),
    };
    product.split('*').map(|text| factor(text.trim())).product()
}

#[test]
fn the_page_of_limits_says_what_the_code_says() {
    let page = read("docs/limits.md");
    let rows: Vec<Vec<&str>> =
        page.lines().filter(|line| line.starts_with("| ")).map(|line| line.split('|').collect()).collect();
    let (mut wrong, mut known) = (Vec::new(), std::collections::BTreeMap::new());
    for line in read("src/base/limits.rs").lines().filter_map(|line| line.strip_prefix("pub const ")) {
        let (name, value) = line.split_once(" = ").expect("a constant");
        let name = name.split(':').next().unwrap_or_default();
        known.insert(name.to_owned(), value.trim_end_matches(';').to_owned());
    }
    for name in known.keys() {
        let value = value_of(&known, &known[name]);
        let row = rows.iter().find(|row| row.get(3).is_some_and(|constant| constant.trim() == format!("`{name}`")));
        let said = row.and_then(|row| row[2].trim().split(' ').next()).map(|number| number.replace(',', ""));
        if said.as_deref() != Some(value.to_string().as_str()) {
            wrong.push(format!("{name} is {value}, docs/limits.md says {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_code_map_names_every_module() {
    let map = read("ARCHITECTURE.md");
    for entry in fs::read_dir(root().join("src")).expect("src is readable") {
        let entry = entry.expect("a folder's entry is readable");
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            assert!(map.contains(&format!("`src/{name}`")), "ARCHITECTURE.md does not name src/{name}");
        }
    }
}

/// The last column of the threat model's tables: functions of tests, scripts of the gate, and vectors, where `*` stands for any ending.
#[test]
fn what_the_threat_model_names_as_proof_exists() {
    let mut code = String::new();
    let mut folders = vec![root().join("src"), root().join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder is readable") {
            let path = entry.expect("a folder's entry is readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                code.push_str(&fs::read_to_string(&path).expect("source is text"));
            }
        }
    }
    let vectors = fs::read_dir(root().join("tests/vectors")).expect("the vectors are readable");
    let vectors: Vec<String> =
        vectors.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    let page = read("docs/threat-model.md");
    let tables = page.split("## Attacks").skip(1).collect::<Vec<_>>().join("");
    let tables = tables.split("## What remains possible").next().unwrap_or_default();
    let mut missing = Vec::new();
    for row in tables.lines().filter(|line| line.starts_with("| ") && !line.ends_with("shown by |")) {
        let proofs: Vec<&str> = row.rsplit('|').nth(1).unwrap_or_default().split('`').skip(1).step_by(2).collect();
        if proofs.is_empty() {
            missing.push(format!("no proof: {row}"));
        }
        for proof in proofs {
            let exists = match proof.strip_suffix('*') {
                Some(beginning) => vectors.iter().any(|name| name.starts_with(beginning)),
                None if proof.starts_with(".ci/") => root().join(proof).exists(),
                None => vectors.contains(&format!("{proof}.json")) || code.contains(&format!("fn {proof}(")),
            };
            if !exists {
                missing.push(format!("{proof} of: {row}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
