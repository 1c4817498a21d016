//! `lienthong witness`: cosigns heads of the logs that a trust anchor names, while they only grow.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::ledger::read_anchor;
use super::output::{Failure, OutputFormat, print, print_json};
use crate::base::entropy::SystemEntropy;
use crate::base::time::SystemClock;
use crate::server::listen;
use crate::server::shutdown::Signals;
use crate::transparency::witness::memory::Memory;
use crate::transparency::witness::{Witness as Cosigner, http, key};
use crate::trust::{KeyUse, NoteKey};

const AFTER: &str = "\
Examples:
  lienthong witness --key w1.key --name witness.example/w1 --trust anchor.json --state w1
                                     makes the key w1.key the first time, and prints its verifier key
  lienthong witness --listen 127.0.0.1:50061 --key w1.key --trust anchor.json --state w1

It speaks C2SP tlog-witness: POST /add-checkpoint. Requests need no credential: a head must be signed by its log. A gateway asks
the witnesses of its policy (`serve --witness-policy`), where this one is a line `witness w1 <verifier key> http://127.0.0.1:50061`.
Two heads that cannot both be true are kept in the state's folder.";

/// Cosign heads of logs that only grow, as an independent witness.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct Witness {
    /// Where to listen; port 0 picks a free one. Plain HTTP: what it says is signed.
    #[arg(long, default_value = "127.0.0.1:50061", env = "LIENTHONG_WITNESS_LISTEN", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// The private key, which others must not be able to read.
    #[arg(long, env = "LIENTHONG_WITNESS_KEY", value_name = "FILE")]
    key: PathBuf,
    /// If the key is not there yet: make it, under this name.
    #[arg(long, env = "LIENTHONG_WITNESS_NAME", value_name = "NAME")]
    name: Option<String>,
    /// The trust anchor: the logs, and the keys that sign their heads.
    #[arg(long, default_value = "anchor.json", env = "LIENTHONG_TRUST", value_name = "FILE")]
    trust: PathBuf,
    /// The folder of what it remembers. It must not be lost or copied: a witness that forgets can be lied to.
    #[arg(long, env = "LIENTHONG_WITNESS_STATE", value_name = "DIR")]
    state: PathBuf,
}

impl Witness {
    /// Serves until a signal ends it.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        let runtime = super::output::runtime()?;
        runtime.block_on(self.serve(output)).map(|()| ExitCode::SUCCESS)
    }

    async fn serve(self, output: OutputFormat) -> Result<(), Failure> {
        let anchor = read_anchor(&self.trust)?;
        let signer = match &self.name {
            Some(name) if !self.key.exists() => key::create(&self.key, name, &SystemEntropy::default())?,
            _ => key::read(&self.key)?,
        };
        let vkey = NoteKey::of(&signer, KeyUse::Cosignature)?.to_string();
        let memory = Memory::open(&self.state)?;
        let listener = listen::bind(self.listen).await?;
        let signals = Signals::install()?;
        let address = listener.local_addr().map_err(|error| Failure::new(error.to_string()))?;
        let witness = Arc::new(Cosigner::new(anchor, Arc::new(signer), Arc::new(SystemClock), memory));
        match output {
            OutputFormat::Text => print(&format!("witness {vkey}\nlistens on http://{address}; Ctrl-C ends it"))?,
            OutputFormat::Json => {
                print_json(&serde_json::json!({ "verifier_key": vkey, "url": format!("http://{address}") }))?
            }
        }
        let serving = axum::serve(listener, http::router(witness, vkey)).with_graceful_shutdown(async move {
            signals.wait().await;
        });
        serving.await.map_err(|error| Failure::new(format!("the witness ended: {error}")))
    }
}
