//! SIGHUP: a process that was given a file of rights reads it again, a gateway and a registry's host alike.
#![cfg(unix)]

mod common;

use std::io::{BufRead as _, BufReader, Lines};
use std::path::Path;
use std::process::{ChildStderr, Stdio};

use common::dynamic::Call;
use common::process::{Serving, program};
use common::reason;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};

const RIGHTS: &str = include_str!("../src/access/rights/default.toml");

/// The agency that calls.
const AGENCY: &str = "bank";
const ALL: &str = "callers = [\"agencies\"]";

/// A method, who may call it by the embedded rights, and callers without the bank.
struct Case {
    is_host: bool,
    method: &'static str,
    body: &'static str,
    embedded: &'static str,
    few: &'static str,
}

const CASES: [Case; 2] = [
    Case {
        is_host: false,
        method: "lienthong.province.v1.ProvinceService/ListFeeds",
        body: "{}",
        embedded: ALL,
        few: "callers = [\"operators\"]",
    },
    Case {
        is_host: true,
        method: "lienthong.registry.v1.IssuingService/GetIssuingKey",
        body: "{\"registry\":\"vehicle\"}",
        embedded: "callers = [\"gateways\"]",
        few: "callers = [\"gateways\"]",
    },
];

/// Writes the embedded rights, with the method for every agency or for few.
fn write(file: &Path, case: &Case, is_open: bool) {
    let row = format!("{}\nnames = [\n  \"{}\",\n", case.embedded, case.method);
    assert!(RIGHTS.contains(&row), "the embedded rights have this row: {row}");
    let changed = row.replace(case.embedded, if is_open { ALL } else { case.few });
    std::fs::write(file, RIGHTS.replace(&row, &changed)).expect("written");
}

fn start(folder: &Path, case: &Case) -> Serving {
    let mut logging = program();
    logging.stderr(Stdio::piped()).env("LIENTHONG_LOG", "info");
    let arguments = ["--population", "0", "--rights", "rights.toml"];
    match case.is_host {
        true => Serving::start_host(logging, folder, &["vehicle"], &arguments),
        false => Serving::start_logging(folder, &arguments, "info"),
    }
}

/// Whether the agency may call the method.
async fn may(channel: &Channel, case: &Case) -> bool {
    let call = Call { headers: vec![], body: case.body.into(), method: case.method.into() };
    match call.with("authorization", &format!("Bearer demo-{AGENCY}")).make(channel).await {
        Err(status) if reason(&status) == (Code::PermissionDenied, "ROLE_NOT_ALLOWED".into()) => false,
        Err(status) => panic!("{status:?}"),
        Ok(_) => true,
    }
}

fn wait_for(lines: &mut Lines<BufReader<ChildStderr>>, text: &str) {
    let line = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains(text)));
    line.expect("the log goes on").expect("UTF-8");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hang_up_brings_the_file_of_rights_into_force_and_an_invalid_one_changes_nothing() {
    for case in &CASES {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("rights.toml");
        write(&file, case, false);
        let mut serving = start(folder.path(), case);
        let mut lines = BufReader::new(serving.child.stderr.take().expect("piped")).lines();
        let endpoint = Endpoint::from_shared(format!("http://{}", serving.grpc)).expect("an address");
        let channel = endpoint.connect().await.expect("it accepts");
        assert!(!may(&channel, case).await, "{}", case.method);
        write(&file, case, true);
        assert!(!may(&channel, case).await, "{}: the file is not read before the signal", case.method);
        serving.signal("HUP");
        wait_for(&mut lines, "the rights were reloaded and are in force");
        assert!(may(&channel, case).await, "{}", case.method);
        std::fs::write(&file, "nonsense").expect("written");
        serving.signal("HUP");
        wait_for(&mut lines, "the rights were not reloaded");
        assert!(may(&channel, case).await, "{}: the previous ones stay in force", case.method);
        write(&file, case, false);
        serving.signal("HUP");
        wait_for(&mut lines, "the rights were reloaded and are in force");
        assert!(!may(&channel, case).await, "{}", case.method);
        drop(channel);
        let rest = std::thread::spawn(move || lines.map_while(Result::ok).count());
        serving.signal("TERM");
        assert_eq!(serving.wait().0, Some(0), "{}: other signals end it", case.method);
        rest.join().expect("the log ends with the process");
    }
}
