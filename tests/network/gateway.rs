//! The gateway that the suite calls: the one named by `LIENTHONG_TEST_ENDPOINT`, or one started for it.

use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, Weak};

use tonic::transport::{Channel, Endpoint};

use crate::until::until_blocking;

/// A gateway of our own, shared by the tests that run at the same time and ended with the last of them.
struct Started {
    process: Child,
    address: String,
    folder: tempfile::TempDir,
}

impl Started {
    /// Starts the built binary on a free port and waits for its ready-file.
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let ready = folder.path().join("ready.json");
        let mut process = Command::new(env!("CARGO_BIN_EXE_lienthong"))
            .args(["serve", "--listen", "127.0.0.1:0", "--console", "127.0.0.1:0", "--population", "50"])
            .arg("--ready-file")
            .arg(&ready)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the built binary starts");
        let address = until_blocking("serve is ready", || {
            let ended = process.try_wait().expect("the child can be asked");
            assert!(ended.is_none(), "serve ended before it was ready: {ended:?}");
            address_in(&ready)
        });
        Self { process, address, folder }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // The world is deleted with its folder; no clean end is needed.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = self.folder.path();
    }
}

fn address_in(ready: &std::path::Path) -> Option<String> {
    let text = std::fs::read_to_string(ready).ok()?;
    let json: serde_json::Value = serde_json::from_str(&text).ok()?;
    json["grpc"].as_str().map(|address| format!("http://{address}"))
}

static STARTED: Mutex<Weak<Started>> = Mutex::new(Weak::new());

/// A connection to the gateway under test; keeps a started one alive.
pub struct Gateway {
    /// The connection.
    pub channel: Channel,
    _started: Option<Arc<Started>>,
}

impl Gateway {
    /// Connects, starting a gateway if the environment names none.
    pub async fn connect() -> Self {
        let named = std::env::var("LIENTHONG_TEST_ENDPOINT").ok().filter(|endpoint| !endpoint.is_empty());
        let (address, started) = match named {
            Some(address) => (address, None),
            None => {
                let mut shared = STARTED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                let started = shared.upgrade().unwrap_or_else(|| Arc::new(Started::start()));
                *shared = Arc::downgrade(&started);
                (started.address.clone(), Some(started))
            }
        };
        let endpoint = Endpoint::from_shared(address.clone()).expect("the endpoint is a URI");
        let channel = endpoint.connect().await.unwrap_or_else(|error| panic!("{address}: {error}"));
        Self { channel, _started: started }
    }
}
