//! `lienthong witness`: cosigns heads of the logs that a trust anchor names, while they only grow.

#![allow(clippy::disallowed_methods, reason = "a pause between rounds")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::anchor;
use super::ca::CaArgs;
use super::keys::{self, SecretArgs};
use super::output::{Failure, OutputFormat, print_json, print_text};
use crate::api::http;
use crate::base::time::SystemClock;
use crate::keys::keyring::PrivateKey;
use crate::server::listen;
use crate::server::net::serve_http;
use crate::server::shutdown::{DRAIN, Signals};
use crate::store::file::{Readers, write_whole};
use crate::transparency::witness::Witness as Cosigner;
use crate::transparency::witness::memory::Memory;
use crate::trust::note::is_key_name;
use crate::trust::{Algorithm, KeyUse, NoteKey, Signer};

/// Between two questions for a newer trust anchor.
const FOLLOW_PAUSE: Duration = Duration::from_secs(5);

const AFTER: &str = "\
Examples:
  lienthong witness --key w1.key --name witness.example/w1 --trust anchor.json --state w1
                                     makes the key w1.key the first time, and prints its verifier key
  lienthong witness --listen 127.0.0.1:50061 --key w1.key --passphrase-file w1.secret --trust anchor.json --state w1
  lienthong witness --key w1.key --trust anchor.json --state w1 --follow gateway.example.vn:50051 --ca ca.pem
                                     goes on when the province changes its keys

It speaks C2SP tlog-witness: POST /add-checkpoint. Requests need no credential: a head must be signed by its log. A gateway asks
the witnesses of its policy (`serve --witness-policy`), where this one is a line `witness w1 <verifier key> http://127.0.0.1:50061`.
Two heads that cannot both be true are kept in the state's folder.";

/// Cosign the heads of append-only logs, as an independent witness.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct Witness {
    /// The address to listen on; port 0 picks a free port. Plain HTTP, because the answers are signed.
    #[arg(long, default_value = "127.0.0.1:50061", env = "LIENTHONG_WITNESS_LISTEN", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// The private key, encrypted like those of `lienthong keys`; others must not be able to read the file.
    #[arg(long, env = "LIENTHONG_WITNESS_KEY", value_name = "FILE")]
    key: PathBuf,
    /// Create the key under this name if it does not exist.
    #[arg(long, env = "LIENTHONG_WITNESS_NAME", value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    secret: SecretArgs,
    /// The trust anchor, with the logs and the keys that sign their heads.
    #[arg(long, default_value = "anchor.json", env = "LIENTHONG_TRUST", value_name = "FILE")]
    trust: PathBuf,
    /// A server to ask for newer versions of the trust anchor, each signed by the root keys of the version before; the file is updated.
    #[arg(long, env = "LIENTHONG_FOLLOW", value_name = "HOST:PORT")]
    follow: Option<String>,
    #[command(flatten)]
    ca: CaArgs,
    /// The folder for the witness's memory. Never lose or copy it: a witness that forgets can be deceived.
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
        let anchor = anchor::read(&self.trust)?;
        let signer = self.signer()?;
        let vkey = NoteKey::of(&*signer, KeyUse::Cosignature)?.to_string();
        let memory = Memory::open(&self.state)?;
        let listener = listen::bind(self.listen).await?;
        let mut signals = Signals::install()?;
        let address = listener.local_addr().map_err(|error| Failure::new(error.to_string()))?;
        let witness = Arc::new(Cosigner::new(anchor, signer, Arc::new(SystemClock), memory));
        match output {
            OutputFormat::Text => print_text(&format!("witness {vkey}\nlistens on http://{address}; Ctrl-C ends it"))?,
            OutputFormat::Json => {
                print_json(&serde_json::json!({ "verifier_key": vkey, "url": format!("http://{address}") }))?
            }
        }
        let (end, ending) = tokio::sync::watch::channel(false);
        let serving = serve_http(listener, http::witness::router(witness.clone(), vkey), ending);
        let mut serving = std::pin::pin!(serving);
        tokio::select! {
            () = &mut serving => return Err(Failure::new("the witness's port is no longer served")),
            never = self.following(&witness) => match never {},
            signal = signals.wait() => tracing::info!(signal, "ending: requests in progress may finish"),
        }
        end.send_replace(true);
        if tokio::time::timeout(DRAIN, serving).await.is_err() {
            tracing::info!("requests still in progress are cut");
        }
        Ok(())
    }

    /// The key; made, if it is not there and has a name.
    fn signer(&self) -> Result<Arc<dyn Signer>, Failure> {
        if self.key.exists() {
            return Ok(PrivateKey::read(&self.key)?.open(&self.secret.unlock()?)?);
        }
        let file = self.key.display();
        let Some(name) = &self.name else {
            return Err(Failure::new(format!("{file} does not exist: --name creates it")));
        };
        if !is_key_name(name) {
            return Err(Failure::new("a key's name must not contain white space or `+`"));
        }
        let (key, signer) = PrivateKey::generate(name, Algorithm::Ed25519, &self.secret.new_unlock()?)?;
        write_whole(&self.key, &key.to_json()?, Readers::Owner)?;
        Ok(signer)
    }

    /// Keeps the trust anchor up to date.
    async fn following(&self, witness: &Cosigner) -> Infallible {
        let Some(address) = &self.follow else { return std::future::pending().await };
        let mut trouble = String::new();
        loop {
            let current = witness.anchor();
            match keys::follow(&self.trust, &current, address, &self.ca).await {
                Ok(newest) => {
                    if newest.version > current.version {
                        tracing::info!(version = newest.version, "the trust anchor has a newer version");
                        witness.trust(newest);
                    }
                    trouble.clear();
                }
                Err(failure) => {
                    let why = failure.message().to_owned();
                    if why != trouble {
                        tracing::warn!(why, "the trust anchor cannot be brought up to date; trying again");
                        trouble = why;
                    }
                }
            }
            tokio::time::sleep(FOLLOW_PAUSE).await;
        }
    }
}
