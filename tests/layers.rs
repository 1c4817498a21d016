//! The house rules that no compiler checks, so that nobody has to remember them: which module may import which, what opens a file,
//! how long files and functions get, and contents that must not be in the repository. Pure text tests over the sources.
//!
//! A rule that gets in the way of a good change is changed here, in that change, with its reason in ARCHITECTURE.md.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

#[path = "layers/circles.rs"]
mod circles;

/// The layers from the inside out. A module imports from earlier lines and from itself, never from its own line's neighbours.
const LAYERS: &[&[&str]] = &[
    &["base"],
    &["trust"],
    &["store"],
    &["ledger"],
    &["registry"],
    &["access"],
    &["identity", "exchange", "province"],
    &["transparency", "webhook"],
    &["simulation"],
    &["keys"],
    &["wire"],
    &["api"],
    &["server"],
    &["cli"],
    &["main"],
];

/// Crates that a use case must not name: those by which its calls come in, and those by which others are called.
const TRANSPORT: &[&str] = &[
    "tonic",
    "tonic_health",
    "tonic_reflection",
    "tonic_types",
    "tonic_web",
    "prost",
    "prost_reflect",
    "axum",
    "h2",
    "http",
    "http_body",
    "http_body_util",
    "hyper",
    "hyper_util",
    "tower",
    "tower_http",
    "ureq",
    "fjall",
];

/// Files that name a crate which their layer must not name, and why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("src/base/time.rs", "tokio", "the clock waits, and wakes the tasks that wait on it"),
    ("src/base/watch.rs", "tokio", "a value that changes wakes the tasks that wait for it"),
    ("src/base/offload.rs", "tokio", "offloaded work runs in parallel to the task that waits for it"),
    (
        "src/transparency/client.rs",
        "ureq",
        "whoever watches logs from outside reads them over HTTP: the audit and the collection of cosignatures are clients, whose transport is this file",
    ),
];

/// Crates that a layer must not name at all: inner layers stay free of transport, encoding and runtime.
const FOREIGN: &[(&str, &[&str])] = &[
    ("base", &["tokio", "tonic", "prost", "prost_reflect", "fjall", "axum", "serde"]),
    ("trust", &["tokio", "tonic", "prost", "prost_reflect", "fjall", "axum"]),
    ("store", &["tonic", "prost", "prost_reflect", "axum", "serde"]),
    ("ledger", &["tonic", "prost", "prost_reflect", "axum", "fjall", "serde"]),
    ("registry", TRANSPORT),
    ("access", TRANSPORT),
    ("identity", TRANSPORT),
    ("exchange", TRANSPORT),
    ("province", TRANSPORT),
    ("transparency", TRANSPORT),
    ("webhook", TRANSPORT),
    ("simulation", TRANSPORT),
    ("keys", TRANSPORT),
];

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

/// A source file: its path from the repository's root, with `/`, and its text.
struct Source {
    path: String,
    text: String,
}

fn sources(folders: &[&str], extensions: &[&str]) -> Vec<Source> {
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
fn module_of(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("src/")?;
    let module = inside.split('/').next()?.trim_end_matches(".rs");
    (module != "lib").then_some(module)
}

/// The code of a line without its comment. A `//` inside a string (an address) cuts the line short, which hides no import.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    &text[..end]
}

/// The parts between commas, except those inside braces.
fn groups(text: &str) -> Vec<&str> {
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
fn named_after<'a>(text: &'a str, prefix: &str) -> Vec<&'a str> {
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

fn line_of_layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|line| line.contains(&module))
}

/// Fails with all findings at once.
fn none(findings: Vec<String>, rule: &str) {
    let mut report = String::new();
    for finding in &findings {
        let _ = writeln!(report, "  {finding}");
    }
    assert!(findings.is_empty(), "{rule}:\n{report}");
}

#[test]
fn modules_import_only_from_layers_below() {
    let mut findings = Vec::new();
    for source in sources(&["src"], &["rs"]) {
        let Some(module) = module_of(&source.path) else { continue };
        let Some(own) = line_of_layer(module) else {
            findings.push(format!("{}: module {module} has no place in LAYERS", source.path));
            continue;
        };
        let text: String = source.text.lines().flat_map(|line| [code(line), "\n"]).collect();
        for named in named_after(&text, "crate::").into_iter().chain(named_after(&text, "lienthong::")) {
            // Names that are no module are items of the crate's root, which has none.
            let Some(line) = line_of_layer(named) else { continue };
            if named != module && line >= own {
                findings.push(format!("{}: {module} imports {named}", source.path));
            }
        }
    }
    findings.dedup();
    none(findings, "a module imports only from lines above its own (tests/layers.rs, LAYERS)");
}

/// Modules that may name a built-in record type by the constant of its sector's file. The others read the catalogue.
const NAMING_SECTORS: &[(&str, &str)] = &[
    ("src/registry/catalogue.rs", "lists the built-in sectors"),
    ("src/api/grpc/registry/", "the sectors' own typed services"),
    ("src/server/services.rs", "serves those"),
    ("src/simulation/", "writes what the built-in sectors hold"),
    ("src/cli/load/scenario.rs", "an example of a call"),
    ("src/cli/serve/banner.rs", "an example of a call"),
];

/// The code of a file before its tests, without comments.
fn code_of(source: &Source) -> String {
    let is_tests = source.path.ends_with("tests.rs") || source.path.contains("/tests/");
    let text = source.text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
    if is_tests { String::new() } else { text.lines().flat_map(|line| [code(line), "\n"]).collect() }
}

#[test]
fn a_record_type_is_named_in_its_sectors_file_alone() {
    let catalogue = lienthong::registry::Catalogue::built_in();
    let mut findings = Vec::new();
    for source in sources(&["src"], &["rs"]) {
        let text = code_of(&source);
        for sector in catalogue.sectors() {
            if source.path == format!("src/registry/{}.rs", sector.name) {
                continue;
            }
            for record_type in &sector.record_types {
                let quoted = [format!("\"{}\"", record_type.name), format!("\"{}\\", record_type.name)];
                if quoted.iter().any(|name| text.contains(name.as_str())) {
                    findings.push(format!("{}: {}", source.path, record_type.name));
                }
            }
            let may_name = NAMING_SECTORS.iter().any(|(place, _)| source.path.starts_with(place));
            if !may_name && named_after(&text, "crate::registry::").contains(&&*sector.name) {
                findings.push(format!("{}: uses the sector {}", source.path, sector.name));
            }
        }
    }
    none(findings, "what code knows of a record type is a property of it (src/registry/schema.rs, RecordType)");
}

/// Modules that may read from a registry's port; the others ask `registry::reader`, which verifies.
const READING_PORTS: &[(&str, &str)] = &[
    ("src/registry/", "the port, who keeps it, and the reader"),
    ("src/simulation/faults", "stands in front of a port"),
    ("src/api/remote/", "is a port, over the network"),
    ("src/api/grpc/registry/", "a registry's own services, whose callers verify"),
];

#[test]
fn answers_of_registries_are_verified_in_one_place() {
    let mut findings = Vec::new();
    for source in sources(&["src"], &["rs"]) {
        if READING_PORTS.iter().any(|(place, _)| source.path.starts_with(place)) {
            continue;
        }
        let text = code_of(&source);
        let imports = text.match_indices("registry::port::").map(|(at, _)| text[at..].split(';').next());
        if imports.flatten().any(|import| import.split(|c: char| !c.is_alphanumeric()).any(|name| name == "Query")) {
            findings.push(format!("{}: asks a registry by itself", source.path));
        }
    }
    none(findings, "what a registry answers is used when `registry::reader` has verified it");
}

/// Where an embedded registry, and with it a registry's keys, may be held: its role, and the registry itself.
#[test]
fn an_embedded_registry_is_held_by_its_role_alone() {
    let mut findings = Vec::new();
    for source in sources(&["src"], &["rs"]) {
        let may_hold = source.path.starts_with("src/registry/") || source.path == "src/server/roles/registry.rs";
        if !may_hold && code_of(&source).contains("EmbeddedRegistry") {
            findings.push(source.path);
        }
    }
    none(findings, "others ask a registry through its port (src/registry/port.rs)");
}

/// Where the keys of registries are opened: their role, and the module that makes them.
#[test]
fn a_registrys_keys_are_opened_by_its_role_alone() {
    let role = "src/server/roles/registry.rs";
    let mut findings = Vec::new();
    for source in sources(&["src"], &["rs"]) {
        let may_open = source.path.starts_with("src/keys/") || source.path == role;
        let text = code_of(&source);
        if !may_open && [".of_registry(", "IssuerKeys"].iter().any(|opens| text.contains(opens)) {
            findings.push(format!("{}: opens a registry's keys", source.path));
        }
        if source.path == role {
            // What only tests are given stands behind an attribute on the line above.
            let lines: Vec<&str> = text.lines().map(str::trim).collect();
            let given = lines.windows(2).filter(|pair| pair[1].starts_with("pub") && pair[0] != "#[cfg(test)]");
            let is_inside =
                |line: &str| ["EmbeddedRegistry", "Sequencer", "IssuerKeys"].iter().any(|of| line.contains(of));
            let inside = given.map(|pair| pair[1]).filter(|line| line.contains("fn ") && is_inside(line));
            findings.extend(inside.map(|line| format!("{role}: hands out what is inside: {line}")));
        }
    }
    none(findings, "a registry's keys and what signs with them stay with its role (src/server/roles/registry.rs)");
}

#[test]
fn no_two_files_need_each_other() {
    let sources: Vec<Source> =
        sources(&["src"], &["rs"]).into_iter().filter(|file| file.path != "src/main.rs").collect();
    none(
        circles::circles(&sources),
        "no file names an item of one that, directly or through others, names an item of it",
    );
}

#[test]
fn inner_layers_name_no_transport() {
    let mut findings = Vec::new();
    for source in sources(&["src"], &["rs"]) {
        let Some((_, banned)) = FOREIGN.iter().find(|(module, _)| module_of(&source.path) == Some(module)) else {
            continue;
        };
        for (number, line) in source.text.lines().enumerate() {
            for name in *banned {
                let is_excepted = EXCEPTIONS.iter().any(|(file, of, _)| source.path == *file && of == name);
                if is_excepted || !named_path(code(line), name) {
                    continue;
                }
                findings.push(format!("{}:{}: names {name}", source.path, number + 1));
            }
        }
    }
    for (file, name, _) in EXCEPTIONS {
        let source = sources(&[file], &["rs"]).pop().expect("an exception's file is there");
        if !source.text.lines().any(|line| named_path(code(line), name)) {
            findings.push(format!("{file}: needs no exception for {name}"));
        }
    }
    none(findings, "what is inside stays free of transport, encoding and runtime (tests/layers.rs, FOREIGN)");
}

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

/// Another provider, or an HSM, must be able to replace `ring`: besides trust's signers, only the operating system's
/// randomness comes from it.
#[test]
fn the_crypto_provider_stays_behind_trust() {
    let mut findings = Vec::new();
    for source in sources(&["src"], &["rs"]) {
        if module_of(&source.path) == Some("trust") || source.path == "src/base/entropy.rs" {
            continue;
        }
        for (number, line) in source.text.lines().enumerate() {
            if named_path(code(line), "ring") {
                findings.push(format!("{}:{}: {}", source.path, number + 1, line.trim()));
            }
        }
    }
    none(findings, "ring is named in src/trust and src/base/entropy.rs only");
}

/// Whether a line uses a crate: `name::…`, not as the tail of a longer path or word.
fn named_path(line: &str, name: &str) -> bool {
    let path = format!("{name}::");
    line.match_indices(&path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
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
fn is_modifiers(text: &str) -> bool {
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
    let manifest = include_str!("../Cargo.toml");
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

#[test]
fn the_checks_see_what_they_should() {
    let text = "use crate::{base::{Error, Kind}, trust};\nuse crate::wire::typed;\nlet x = mycrate::store::Y;";
    assert_eq!(named_after(text, "crate::"), ["base", "trust", "wire"]);
    let file = |path: &str, text: &str| Source { path: path.into(), text: text.into() };
    let parent = "mod b;\nmod c;\npub use b::{B, Hidden as H};\n";
    let beside = ["use super::H;\nfn f() -> H {}\n", "pub struct B;\nstruct Hidden;\n"];
    let tree = |parent: &str, b: &str| {
        let files = [
            file("src/lib.rs", "mod a;\n"),
            file("src/a.rs", parent),
            file("src/a/b.rs", b),
            file("src/a/c.rs", beside[0]),
        ];
        circles::circles(&files)
    };
    assert!(tree(parent, beside[1]).is_empty(), "to pass names on is not to need them");
    let own = format!("{parent}pub struct A(B);\n");
    assert!(tree(&own, beside[1]).is_empty(), "one way");
    let back = format!("{}use crate::a::A;\n", beside[1]);
    assert_eq!(tree(&own, &back), ["src/a.rs -(b::B)-> src/a/b.rs -(crate::a::A)-> src/a.rs"]);
    assert!(tree(&own, &format!("{}#[cfg(test)]\nmod tests {{\n    use super::super::A;\n}}\n", beside[1])).is_empty());
    let around = format!("{}fn g() {{\n    super::c::f(\"super::A\")\n}}\n", beside[1]);
    assert_eq!(tree(parent, &around), ["src/a/b.rs -(super::c::f)-> src/a/c.rs -(super::H)-> src/a/b.rs"]);
    assert!(named_path("use tonic::Status;", "tonic") && !named_path("use x::tonic::Status;", "tonic"));
    assert!(is_modifiers("pub(crate) async ") && !is_modifiers("let f: "));
    assert_eq!(module_of("src/trust/canonical/scanner.rs"), Some("trust"));
    assert_eq!(module_of("src/lib.rs"), None);
}
