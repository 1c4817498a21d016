//! The house rules that no compiler checks, so that nobody has to remember them: which module may import which, what opens a file,
//! how long files and functions get, and contents that must not be in the repository. Pure text tests over the sources.
//!
//! A rule that gets in the way of a good change is changed here, in that change, with its reason in ARCHITECTURE.md.

#[path = "layers/circles.rs"]
mod circles;
#[path = "layers/house.rs"]
mod house;
#[path = "layers/source.rs"]
mod source;

use house::is_modifiers;
use source::{Source, code, code_of, module_of, named_after, named_path, none, sources};

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

fn line_of_layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|line| line.contains(&module))
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
