//! Rules about the text of single files: what opens them, how long they and their functions get, and what must not be in them.

use std::path::Path;

use super::source::{code, code_of, identifier, module_of, none, sources};

const FILE_LINES_MAX: usize = 450;
/// For a `tests.rs`: tables of cases are read from the top, not understood as a whole.
const TEST_FILE_LINES_MAX: usize = 650;
const FUNCTION_LINES_MAX: usize = 100;

/// Marks of unfinished or switched-off work, and paths of somebody's machine; split so that this list doesn't find itself.
const FORBIDDEN: &[(&str, &str)] = &[
    (concat!("to", "do!("), "unfinished"),
    (concat!("unimple", "mented!("), "unfinished"),
    (concat!("db", "g!("), "left over from debugging"),
    (concat!("FIX", "ME"), "unfinished: mend it, or say in words what the limit is"),
    (concat!("XX", "X:"), "unfinished: mend it, or say in words what the limit is"),
    (concat!("HA", "CK"), "say in words why it is so"),
    (concat!("#[ig", "nore"), "a test that does not run proves nothing"),
    (concat!("/ro", "ot/"), "a path of one machine"),
    (concat!("/ho", "me/"), "a path of one machine"),
    (concat!("/wo", "rk/"), "a path of one machine"),
    (concat!("../sha", "red"), "not in a clone"),
];

/// Equal seeds run equally only if nothing in a gateway is left to chance: a `select!` that is not biased draws which branch it looks at first, and a
/// thread of its own ends when it likes. (The command line's loops are no part of a gateway.)
#[test]
fn nothing_in_a_gateway_runs_in_an_order_of_its_own() {
    // Loops of the machine's threads, and of code that uses the network outside.
    let own_threads =
        ["src/base/offload.rs", "src/server/recheck.rs", "src/store/committer.rs", "src/transparency/collect.rs"];
    let mut findings = Vec::new();
    for source in sources(&["src"], &["rs"]) {
        if source.path.starts_with("src/cli/") || source.path.contains("/tests") {
            continue;
        }
        let text = code_of(&source);
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let next = lines.get(number + 1).map_or("", |next| next.trim());
            if line.contains("select! {") && next != "biased;" {
                findings.push(format!("{}:{}: a select! that is not biased", source.path, number + 1));
            }
            let has_thread = line.contains("spawn_blocking(") || line.contains("thread::Builder::new()");
            if has_thread && !own_threads.contains(&&*source.path) {
                findings.push(format!("{}:{}: a thread of its own: see base::offload", source.path, number + 1));
            }
        }
    }
    none(findings, "the simulation repeats what a seed did (tests/simulation)");
}

/// What calls and followers of a world wait for wakes them in the order in which they began to wait: tokio's watch channel does not.
#[test]
fn a_world_waits_for_values_in_order() {
    // The port of the store tells its health, as every store does.
    let exceptions = ["src/simulation/faults/store.rs"];
    let worlds = ["registry", "access", "identity", "exchange", "province", "transparency", "simulation", "keys"];
    let mut findings = Vec::new();
    for source in sources(&["src"], &["rs"]) {
        let is_of_a_world = module_of(&source.path).is_some_and(|module| worlds.contains(&module));
        if !is_of_a_world || source.path.contains("/tests") || exceptions.contains(&&*source.path) {
            continue;
        }
        let text = code_of(&source);
        let imports = text.split("tokio::sync::").skip(1).map(|rest| rest.split(';').next().unwrap_or_default());
        let names_watch = |import: &str| import.split(|c: char| !c.is_alphanumeric()).any(|word| word == "watch");
        if imports.into_iter().any(names_watch) {
            findings.push(format!("{}: tokio's watch channel", source.path));
        }
    }
    none(findings, "waiters are woken in the order of waiting (src/base/watch.rs)");
}

/// A file that may use the machine's timers says so once, for all of it; that permits nothing else that clippy.toml bans.
#[test]
fn files_that_use_the_machines_timers_use_nothing_else_that_is_banned() {
    let banned = ["Status::new(", "Status::internal(", "Timestamp::now(", "Zoned::now(", "SystemTime::now("];
    let mut findings = Vec::new();
    for source in sources(&["src"], &["rs"]) {
        let text = code_of(&source);
        if text.contains("#![allow(clippy::disallowed_methods") {
            findings
                .extend(banned.iter().filter(|ban| text.contains(**ban)).map(|ban| format!("{}: {ban}", source.path)));
        }
    }
    none(findings, "time comes through base::Clock, and statuses from the one table");
}

#[test]
fn files_open_with_what_they_are_for() {
    let mut findings = Vec::new();
    for source in sources(&["src", "tests", "benches", "build.rs"], &["rs"]) {
        if !source.text.starts_with("//! ") {
            findings.push(source.path);
        }
    }
    for source in sources(&["proto"], &["proto"]) {
        if !source.text.starts_with("// ") {
            findings.push(source.path);
        }
    }
    none(findings, "a file opens with what it is for and why");
}

#[test]
fn files_and_functions_stay_short() {
    let mut findings = Vec::new();
    for source in sources(&["src"], &["rs"]) {
        let lines: Vec<&str> = source.text.lines().collect();
        let is_tests = source.path.ends_with("/tests.rs");
        let lines_max = if is_tests { TEST_FILE_LINES_MAX } else { FILE_LINES_MAX };
        if lines.len() > lines_max {
            findings.push(format!("{}: {} lines, at most {lines_max}", source.path, lines.len()));
        }
        for (start, line) in lines.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let is_function =
                line.contains("fn ") && code(line).trim_start().split("fn ").next().is_some_and(is_modifiers);
            if !is_function || code(line).trim_end().ends_with(';') {
                continue;
            }
            // rustfmt closes a function with a brace in the column where it began.
            let closing = format!("{:indent$}}}", "");
            let length = lines[start..].iter().position(|line| *line == closing).map_or(1, |end| end + 1);
            if length > FUNCTION_LINES_MAX && !line.trim_end().ends_with('}') {
                let at = format!("{}:{}", source.path, start + 1);
                findings.push(format!("{at}: a function of {length} lines, at most {FUNCTION_LINES_MAX}"));
            }
        }
    }
    none(findings, "a long file or function asks for a second noun");
}

/// Whether the text before `fn` on a line is modifiers only: `pub(crate) async `.
pub fn is_modifiers(text: &str) -> bool {
    let is_one = |word: &str| word.starts_with("pub") || ["async", "const", "unsafe", "extern"].contains(&word);
    text.split_whitespace().all(|word| is_one(word) || word.ends_with(')'))
}

#[test]
fn statuses_come_from_the_one_table() {
    let mut findings = Vec::new();
    for source in sources(&["src"], &["rs"]) {
        if source.path == "src/api/status.rs" {
            continue;
        }
        for (number, line) in source.text.lines().enumerate() {
            let line = code(line);
            let made = line.match_indices("Status::").any(|(at, found)| {
                let before = line[..at].chars().next_back();
                let after = identifier(&line[at + found.len()..]);
                let is_constructor = after.starts_with(|c: char| c.is_ascii_lowercase()) && !after.starts_with("from");
                is_constructor && !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
            });
            if made {
                findings.push(format!("{}:{}: {}", source.path, number + 1, line.trim()));
            }
        }
    }
    none(findings, "gRPC statuses are made in src/api/status.rs only, from base::Error by the one table");
}

#[test]
fn nothing_unfinished_and_no_machine_paths() {
    let mut findings = Vec::new();
    let folders = ["src", "tests", "benches", "proto", "docs", ".ci", "build.rs", "Dockerfile", "docker-compose.yml"];
    let pages = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];
    let present = |name: &&str| Path::new(env!("CARGO_MANIFEST_DIR")).join(name).exists();
    let places: Vec<&str> = folders.into_iter().chain(pages).filter(present).collect();
    for source in sources(&places, &["rs", "proto", "md", "sh", "py", "yml", "yaml", "toml"]) {
        for (number, line) in source.text.lines().enumerate() {
            for (word, why) in FORBIDDEN {
                if line.contains(word) {
                    findings.push(format!("{}:{}: {word} ({why})", source.path, number + 1));
                }
            }
        }
    }
    none(findings, "words that stay out of the repository");
}

#[test]
fn dependencies_say_what_they_are_for() {
    let manifest = include_str!("../../Cargo.toml");
    let mut findings = Vec::new();
    let mut is_dependencies = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_dependencies = line.ends_with("dependencies]");
        } else if is_dependencies && line.contains('=') && !line.contains('#') {
            findings.push(line.to_owned());
        }
    }
    none(findings, "a dependency's line in Cargo.toml says what it is for");
}
