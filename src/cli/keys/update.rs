//! `keys update`: a trust anchor file follows to the newest version.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::base::Clock as _;
use crate::base::id::to_hex;
use crate::base::time::SystemClock;
use crate::cli::anchor;
use crate::cli::ca::CaArgs;
use crate::cli::output::{Failure, OutputFormat, print_json, print_text, runtime};
use crate::server::listen;
use crate::store::file::{Readers, write_whole};
use crate::trust::{TrustAnchor, accept_chain};
use crate::wire::proto::trust::v1::ListTrustAnchorsRequest;
use crate::wire::proto::trust::v1::trust_service_client::TrustServiceClient;

const EXAMPLES: &str = "\
Examples:
  lienthong keys update --anchor anchor.json --from 127.0.0.1:50051
  lienthong keys update --anchor anchor.json --from gateway.example.vn:50051 --ca ca.pem
  lienthong keys update --anchor anchor.json --from 2.json --from 3.json

Each version has to be signed by the root keys of the one before. Whoever answers needs no trust: it can withhold a
version, but not make one up. The file's expiry bounds how long a version can be withheld.";

/// Update a trust anchor file by verifying its successors.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Update {
    /// The file; replaced if there is a newer version.
    #[arg(long, env = "LIENTHONG_ANCHOR", value_name = "FILE")]
    anchor: PathBuf,
    /// The source of newer versions: the address of a server, without TLS unless `--ca` is given, or files in order.
    #[arg(long, required = true, env = "LIENTHONG_ANCHOR_FROM", value_name = "HOST:PORT|FILE")]
    from: Vec<String>,
    #[command(flatten)]
    ca: CaArgs,
}

impl Update {
    pub(super) fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let current = read(&self.anchor)?;
        let mut chain = Vec::new();
        for from in &self.from {
            if Path::new(from).exists() {
                chain.push(read(Path::new(from))?);
            } else {
                chain.extend(runtime()?.block_on(fetch(from, &self.ca, current.version + 1))?);
            }
        }
        let newest = succeed(&self.anchor, &current, chain)?;
        let fingerprint = to_hex(&newest.fingerprint()?);
        match output {
            OutputFormat::Text => print_text(&format!(
                "version {} (was {}), until {}\nfingerprint {fingerprint}",
                newest.version, current.version, newest.expires_at
            )),
            OutputFormat::Json => print_json(&serde_json::json!({
                "version": newest.version, "before": current.version,
                "expires_at": newest.expires_at.to_string(), "fingerprint": fingerprint,
            })),
        }
    }
}

fn read(path: &Path) -> Result<TrustAnchor, Failure> {
    anchor::read(path).map_err(|failure| Failure::new(failure.message()))
}

/// The newest version of a chain that begins after `current`; it replaces the file.
fn succeed(path: &Path, current: &TrustAnchor, chain: Vec<TrustAnchor>) -> Result<TrustAnchor, Failure> {
    let newest = accept_chain(current, chain, SystemClock.now())
        .map_err(|error| Failure::new(format!("no newer version is acceptable: {error}")))?;
    if newest.version > current.version {
        write_whole(path, &newest.to_json()?, Readers::All)?;
    }
    Ok(newest)
}

/// Asks a server for the versions after `current`, and brings the file up to date.
pub(in crate::cli) async fn follow(
    path: &Path,
    current: &TrustAnchor,
    address: &str,
    ca: &CaArgs,
) -> Result<TrustAnchor, Failure> {
    succeed(path, current, fetch(address, ca, current.version + 1).await?)
}

async fn fetch(address: &str, ca: &CaArgs, mut from_version: u64) -> Result<Vec<TrustAnchor>, Failure> {
    let endpoint = ca.endpoint(address)?;
    let unreachable = |error| Failure::new(format!("{address} cannot be reached: {}", listen::innermost(&error)));
    let mut client = TrustServiceClient::new(endpoint.connect().await.map_err(unreachable)?);
    let mut found = Vec::new();
    loop {
        let answer = client.list_trust_anchors(ListTrustAnchorsRequest { from_version }).await;
        let answer =
            answer.map_err(|status| Failure::new(format!("{address} refused the call: {}", status.message())))?;
        let answer = answer.into_inner();
        let had = found.len();
        for anchor in answer.anchors {
            found.push(TrustAnchor::from_json(anchor.anchor_json.as_bytes())?);
        }
        match found.last() {
            Some(last) if answer.has_more && found.len() > had => from_version = last.version + 1,
            _ => return Ok(found),
        }
    }
}
