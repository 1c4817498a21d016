//! The life of a province's keys, through the program: every command of `lienthong keys`, under a gateway that serves over TLS.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]

mod common;

use std::path::Path;

use common::process::{Serving, run};
use common::until::until_blocking;

struct Keys<'a>(&'a Path);

impl Keys<'_> {
    /// Runs a command that has to work; gives its JSON.
    fn ok(&self, arguments: &str) -> serde_json::Value {
        let output = self.run(arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "keys {arguments}: {text}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// Runs a command that has to fail; returns its message.
    fn refused(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "keys {arguments}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    fn run(&self, arguments: &str) -> std::process::Output {
        let mut all = vec!["keys"];
        all.extend(arguments.split(' '));
        all.extend(["--output", "json"]);
        run(self.0, &all)
    }

    /// The newest version of the key registry, as its file says.
    fn anchor(&self) -> serde_json::Value {
        self.ok("export-anchor --keys keys")
    }

    /// The key in use of a log.
    fn active(&self, log: &str) -> String {
        let listed = self.ok("list --keys keys");
        let keys = listed["keys"].as_array().expect("keys").clone();
        let mut found = keys.iter().filter(|key| {
            key["origin"].as_str().is_some_and(|origin| origin.ends_with(&format!("/{log}")))
                && key["state"] == "active"
        });
        found.next().expect("one in use")["id"].as_str().expect("an id").to_owned()
    }

    fn state(&self, id: &str) -> String {
        let listed = self.ok("list --keys keys");
        let keys = listed["keys"].as_array().expect("keys").clone();
        let key = keys.iter().find(|key| key["id"] == id).expect("stays in the list").clone();
        key["state"].as_str().expect("a state").to_owned()
    }
}

fn certificate(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).expect("written");
    write_private(&folder.join("key.pem"), &made.signing_key.serialize_pem());
}

fn write_private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).expect("written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("set");
}

#[test]
fn keys_live_from_init_to_other_root_keys() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let keys = Keys(folder);
    certificate(folder);
    write_private(&folder.join("pass"), "correct horse battery\n");
    write_private(&folder.join("wrong"), "another horse\n");
    keys.ok("init --keys keys --passphrase-file pass --root-keys 2 --threshold 2");
    assert!(keys.refused("init --keys keys --passphrase-file pass").contains("holds keys already"));
    let first = run(folder, &["keys", "export-anchor", "--keys", "keys"]).stdout;
    std::fs::write(folder.join("anchor.json"), first).expect("written");
    let land = keys.active("land");
    let private = || std::fs::read_dir(folder.join("keys/private")).expect("reads").count();
    let made = private();
    let alone = keys.refused("rotate --keys keys --passphrase-file pass --log land");
    assert!(alone.contains("no gateway answers"), "{alone}");
    assert_eq!(private(), made, "the key that was made for nothing is gone");

    let arguments = "--population 0 --data-dir data --keys keys --passphrase-file pass --anchor served.json --tls-cert cert.pem --tls-key key.pem";
    let serving = Serving::start(folder, &arguments.split(' ').collect::<Vec<_>>());
    let port = serving.grpc.rsplit(':').next().expect("a port").to_owned();

    assert!(keys.refused("rotate --keys keys --passphrase-file wrong --log land").contains("does not open"));
    assert!(keys.refused("rotate --keys keys --passphrase-file pass --log sea").contains("no log sea"));
    keys.ok("rotate --keys keys --passphrase-file pass --log land --algorithm p256");
    assert_eq!(keys.state(&land), "rotated");
    // Nothing was issued since, and yet a party that trusts only the new key can audit the log.
    let newest = run(folder, &["keys", "export-anchor", "--keys", "keys"]).stdout;
    std::fs::write(folder.join("newest.json"), newest).expect("written");
    let console = serving.console.as_deref().expect("a console");
    let audit = || run(folder, &["ledger", "audit", console, "--log", "land", "--trust", "newest.json"]);
    // The province cosigns a moment later.
    until_blocking("the log is audited", || audit().status.success().then_some(()));
    let vehicle = keys.active("vehicle");
    keys.ok(&format!("compromise --keys keys --passphrase-file pass --key {} --suspect-from 1", &vehicle[..12]));
    assert_eq!(keys.state(&vehicle), "compromised");
    keys.ok(&format!("reattest --keys keys --passphrase-file pass --key {vehicle} --from 1 --to 3"));
    keys.refused(&format!("reattest --keys keys --passphrase-file pass --key {land} --from 1 --to 3"));
    let other = keys.active("land");
    keys.ok("withdraw --keys keys --passphrase-file pass --issuer land");
    assert!(keys.refused("withdraw --keys keys --passphrase-file pass --issuer records").contains("keys rotate"));
    keys.refused("withdraw --keys keys --passphrase-file pass --issuer sea");
    assert!(keys.refused("withdraw --keys keys --passphrase-file pass --issuer land").contains("withdrawn already"));
    assert_eq!(keys.state(&other), "withdrawn");
    for log in ["records", "evidence"] {
        let before = keys.active(log);
        keys.ok(&format!("rotate --keys keys --passphrase-file pass --log {log}"));
        assert_eq!(keys.state(&before), "rotated");
        let stolen = keys.active(log);
        keys.ok(&format!("compromise --keys keys --passphrase-file pass --key {stolen} --suspect-from 1"));
        assert_eq!(keys.state(&stolen), "compromised");
    }
    let before = keys.anchor();
    keys.ok("renew --keys keys --passphrase-file pass --expires-in-days 1000");
    let renewed = keys.anchor();
    assert!(renewed["expires_at"].as_str() > before["expires_at"].as_str());
    assert_eq!(renewed["version"].as_u64(), before["version"].as_u64().map(|version| version + 1));

    // one root key is kept elsewhere
    let root = keys.ok("list --keys keys")["root"][0]["id"].as_str().expect("an id").to_owned();
    let away = format!("{root}.json");
    std::fs::rename(folder.join("keys/private").join(&away), folder.join(&away)).expect("moved");
    let few = keys.refused("renew --keys keys --passphrase-file pass");
    assert!(few.contains("1 root keys") && few.contains("2 are required"), "{few}");
    keys.ok(&format!("renew --keys keys --passphrase-file pass --root-key {away}"));

    // and gives way to a new one: its holder signs a draft for the last time
    keys.ok(&format!("replace-root --keys keys --passphrase-file pass --new 1 --remove {root} --draft next.json"));
    assert!(keys.refused("publish next.json --keys keys").contains("2 are required"));
    std::fs::copy(folder.join("next.json"), folder.join("theirs.json")).expect("sent");
    keys.ok(&format!("sign theirs.json --root-key {away} --passphrase-file pass"));
    let published = keys.ok("publish next.json theirs.json --keys keys");
    let listed = keys.ok("list --keys keys");
    assert!(
        listed["root"].as_array().expect("keys").iter().all(|key| key["id"] != root && key["private_key"] == "here")
    );
    keys.ok("renew --keys keys --passphrase-file pass");

    // the holder of the first version follows to the newest, over TLS
    let plain = format!("update --anchor anchor.json --from localhost:{port}");
    keys.refused(&plain);
    let updated = keys.ok(&format!("{plain} --ca cert.pem"));
    assert_eq!(updated["before"], 1);
    assert_eq!(updated["version"].as_u64(), published["version"].as_u64().map(|version| version + 1));
    assert_eq!(std::fs::read(folder.join("anchor.json")).expect("reads"), {
        run(folder, &["keys", "export-anchor", "--keys", "keys"]).stdout
    });

    // a second start accepts all of it
    drop(serving);
    let again = Serving::start(folder, &arguments.split(' ').collect::<Vec<_>>());
    drop(again);
    assert_eq!(keys.anchor()["version"], updated["version"]);
}
