//! `lienthong registry` and the related flags, through the program: files checked, compared, exported, and a registry admitted under existing keys.

mod common;

use std::path::Path;
use std::process::Output;

use common::process::{Serving, program, run};
use common::reason;
use common::sessions::base;
use common::until::until_answered;
use serde_json::{Value, json};
use tonic::Code;
use tonic::transport::Endpoint;

const FILE: &str = include_str!("../examples/registries/education.yaml");

fn text(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("a code"), text(&output.stdout), text(&output.stderr))
}

fn write(folder: &Path, name: &str, changes: &[(&str, &str)]) {
    let changed = changes.iter().fold(FILE.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    });
    std::fs::write(folder.join(name), changed).expect("written");
}

#[test]
fn files_are_checked_alone_and_together() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    write(folder, "good.yaml", &[]);
    write(
        folder,
        "bad.yaml",
        &[("format: date", "format: day"), ("rule: self.enrolled_on <= today", "rule: self.enrolled_on <= 5")],
    );
    let check = |files: &[&str]| text(&run(folder, &[&["registry", "check"], files].concat()));

    let (code, said, _) = check(&["good.yaml"]);
    assert_eq!(code, 0);
    assert!(said.starts_with("good.yaml: valid: the registry education, version 1: education.diploma.v1"), "{said}");

    let (code, said, why) = check(&["good.yaml", "bad.yaml"]);
    assert_eq!(code, 1);
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("bad.yaml: line ")).collect();
    assert!(lines[0].contains("record_types[0].schema.properties.graduated_on.format: FORMAT"), "{said}");
    assert!(lines[1].contains("record_types[1].rules[0].rule: CEL: at character"), "{said}");
    assert!(why.contains("a schema file has flaws"), "{why}");

    // A built-in registry's form is read as what it is; a registry of its own under that name is another thing.
    let exported = run(folder, &["registry", "export", "land"]);
    std::fs::write(folder.join("land.yaml"), &exported.stdout).expect("written");
    let (code, said, _) = check(&["land.yaml", "good.yaml"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.starts_with("land.yaml: valid: the form of the built-in registry land"), "{said}");
    let land = String::from_utf8(exported.stdout).expect("a text");
    let own = land.replace("compiled: land.certificate.v1", "compiled: land.parcel.v1");
    std::fs::write(folder.join("land.yaml"), own).expect("written");
    let (code, said, _) = check(&["land.yaml"]);
    assert!(code == 1 && said.contains("COMPILED: its fields are not those of land.parcel.v1"), "{said}");

    let (code, said, _) = check(&["good.yaml", "good.yaml"]);
    assert!(code == 1 && said.contains(": registry: CATALOGUE: another registry has this name"), "{said}");
    // Flaws that only rights, agencies and sample data show have their lines too.
    let line = |changes: &[(&str, &str)], part: &str| {
        write(folder, "other.yaml", changes);
        let text = std::fs::read_to_string(folder.join("other.yaml")).expect("a file");
        text.lines().position(|line| line.contains(part)).expect(part) + 1
    };
    for (changes, part, says) in [
        (&[("basis: service", "basis: whim")][..], "  - agency: one-stop", "rights[0]: UNKNOWN_VALUE: "),
        (
            &[("read:\n      education.diploma.v1: [diploma_number", "read:\n      education.diploma.v1: [number")],
            "- agency: one-stop",
            "rights[0]: UNKNOWN_VALUE: ",
        ),
        (
            &[("  key: education", "  key: police"), ("- agency: education", "- agency: police")],
            "agency:",
            "agency: CONFLICT: this key exists already",
        ),
        (
            &[(
                "  education.check_degree: check the",
                "  one_stop.verify_documents: look\n  education.check_degree: check the",
            )],
            "one_stop.verify_documents: look",
            "CONFLICT",
        ),
        (
            &[("graduated_on: {years_after_birth: [21, 27]}", "graduated_on: {days_from_today: [10, 20]}")],
            "    samples:",
            "samples: SAMPLES: graduated_on: GRADUATED_IN_FUTURE",
        ),
        (
            &[("{template: \"DHV {n6}\"}", "{template: \"DHV 123456\"}")],
            "    samples:",
            "diploma_number: DUPLICATE: two of them have one natural key",
        ),
    ] {
        let at = line(changes, part);
        let (code, said, why) = check(&["other.yaml"]);
        let found = said.lines().find(|line| line.contains(says)).unwrap_or_else(|| panic!("{says}: {said}{why}"));
        assert!(code == 1 && found.starts_with(&format!("other.yaml: line {at}: ")), "{at}: {found}");
    }
    let (_, said, why) = text(&run(folder, &["--lang", "vi", "registry", "check", "bad.yaml"]));
    assert!(said.contains("lược đồ") || said.contains("toán tử này không dùng cho"), "{said}");
    assert!(why.contains("tệp lược đồ"), "{why}");
    let (code, _, why) = check(&["none.yaml"]);
    assert!(code == 1 && why.contains("none.yaml cannot be read"), "{why}");
    let (_, said, _) = text(&run(folder, &["registry", "check", "bad.yaml", "--output", "json"]));
    let json: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(
        (&json["files"][0]["flaws_total"], &json["files"][0]["flaws"][0]["rule"]),
        (&2.into(), &"FORMAT".into())
    );
}

#[test]
fn versions_are_compared_and_built_in_registries_exported() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    write(folder, "one.yaml", &[]);
    write(folder, "two.yaml", &[("version: 1\n", "version: 2\n"), ("maximum: 400", "maximum: 500")]);
    let plan = |old: &str, new: &str| text(&run(folder, &["registry", "plan", old, new]));
    assert_eq!(plan("one.yaml", "one.yaml"), (0, "no difference\n".into(), String::new()));
    let (code, said, _) = plan("one.yaml", "two.yaml");
    assert!(code == 0 && said.contains("credits: is wider"), "{said}");
    let (code, said, why) = plan("two.yaml", "one.yaml");
    assert!(
        code == 1
            && said.contains("refused: ")
            && why.contains("2 changes are refused: if stored records are incompatible with them"),
        "{said}{why}"
    );

    let (code, exported, _) = text(&run(folder, &["registry", "export", "vehicle"]));
    assert!(
        code == 0 && exported.contains("PLATE_OWNER") && exported.contains("compiled: vehicle.registration.v1"),
        "{exported}"
    );
    std::fs::write(folder.join("vehicle.yaml"), &exported).expect("written");
    let (code, said, why) = text(&run(folder, &["registry", "check", "vehicle.yaml"]));
    assert!(
        code == 0 && said.contains("vehicle.yaml: valid: the form of the built-in registry vehicle"),
        "{said}{why}"
    );
    let (code, _, why) = text(&run(folder, &["registry", "export", "vehicles"]));
    assert!(code == 1 && why.contains("nearest: vehicle"), "{why}");
    let (_, rights, _) = text(&run(folder, &["rights", "show", "--registry-schema", "one.yaml"]));
    std::fs::write(folder.join("rights.toml"), rights).expect("written");
    let check = ["rights", "check", "rights.toml", "--registry-schema", "one.yaml"];
    assert_eq!(text(&run(folder, &check)).0, 0);
}

#[cfg(unix)]
#[test]
fn kept_keys_let_a_registry_in_under_the_running_gateway() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    write(folder, "education.yaml", &[]);
    std::fs::write(folder.join("pass"), "correct horse battery\n").expect("written");
    std::fs::set_permissions(folder.join("pass"), std::fs::Permissions::from_mode(0o600)).expect("set");
    let keys = |arguments: &str| text(&run(folder, &arguments.split(' ').collect::<Vec<_>>()));
    let (code, _, why) = keys("keys init --keys keys --passphrase-file pass");
    assert_eq!(code, 0, "{why}");
    let plain = "--population 0 --data-dir data --keys keys --passphrase-file pass --anchor anchor.json";
    let with_file = format!("{plain} --registry-schema education.yaml");

    let serving = Serving::start(folder, &plain.split(' ').collect::<Vec<_>>());
    let (code, said, why) = keys("keys admit --keys keys --passphrase-file pass --registry-schema education.yaml");
    assert!(code == 0 && said.contains("trust anchor version 2"), "{said}{why}");
    let (code, _, why) = keys("keys admit --keys keys --passphrase-file pass --registry-schema education.yaml");
    assert!(code == 1 && why.contains("name every record type of these files already"), "{why}");
    drop(serving);

    let serving = Serving::start(folder, &with_file.split(' ').collect::<Vec<_>>());
    drop(serving);
    let (code, listed, _) = keys("keys list --keys keys --output json");
    assert!(code == 0 && listed.contains("/education\""), "{listed}");
    let (code, _, why) = keys("keys init --keys others --passphrase-file pass");
    assert_eq!(code, 0, "{why}");
    let others = with_file
        .replace("--data-dir data --keys keys", "--data-dir data2 --keys others")
        .replace("anchor.json", "anchor2.json");
    let refused = keys(&format!("serve --listen 127.0.0.1:0 --console off {others}"));
    assert!(refused.0 == 1 && refused.2.contains("lienthong keys admit"), "{}", refused.2);
}

#[tokio::test]
async fn a_host_limits_its_callers_and_checks_its_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = ["--rate-limit", "1", "--max-connections", "64", "--max-connections-per-peer", "64"];
    let more = ["--population", "0", "--data-dir", "data", "--check-interval", "1"];
    let serving = Serving::start_host(program(), folder.path(), &["vehicle"], &[&limits[..], &more].concat());
    let endpoint = Endpoint::from_shared(format!("http://{}", serving.grpc)).expect("an address");
    let channel = endpoint.connect().await.expect("it accepts");
    let describe =
        async || base(&channel).call("demo-gateway", "registry.v1.RegistryService/Describe", json!({})).await;
    let refused = until_answered("a caller is over its rate", async || describe().await.err()).await;
    assert_eq!(reason(&refused), (Code::ResourceExhausted, "RATE_LIMITED".into()), "{refused}");
    let page = format!("http://{}/metrics", serving.console.as_deref().expect("a port for HTTP"));
    let checked = until_answered("the store is checked", async || {
        let text = ureq::get(&page).call().expect("answered").body_mut().read_to_string().expect("UTF-8");
        text.lines().any(|line| line.starts_with("lienthong_store_check_rows ")).then_some(text)
    })
    .await;
    for line in ["lienthong_store_check_faults 0.0", "lienthong_store_accepts_changes 1.0"] {
        assert!(checked.lines().any(|found| found == line), "{line}\n{checked}");
    }
}
