//! `lienthong wallet`: what a citizen's wallet does, by hand: a key, the proof of having it, and presentations of credentials.
//!
//! For trying `CredentialService` and verifiers without a phone. A real wallet keeps its key in hardware; here it lies in a file that
//! only its owner may read.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

use super::output::{Failure, OutputFormat, print};
use crate::base::time::SystemClock;
use crate::base::{Clock as _, Timestamp};
use crate::store::file::{Readers, write_whole};
use crate::trust::credential::possession;
use crate::trust::jose::{Token, to_jwk};
use crate::trust::sd_jwt::{Presented, sign_binding};
use crate::trust::{P256Signer, PublicKey, Signer as _};

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

const EXAMPLES: &str = "\
Examples:
  lienthong wallet key wallet.pem
  lienthong wallet prove --key wallet.pem --nonce NONCE --audience AUDIENCE      from CredentialService/CreateNonce
  lienthong wallet present credential.json --key wallet.pem --show plate_number,status --nonce 4f1c --audience https://bank.example.vn
  lienthong wallet present … | lienthong verify - --nonce 4f1c --audience https://bank.example.vn";

/// The steps of a citizen's wallet: a key, its proof, presentations.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Wallet {
    /// Create a P-256 key in a new file, and print its public half as a JWK.
    Key(Key),
    /// Print a proof of possession of the key, for IssueCredential.
    Prove(Prove),
    /// Print a presentation of a credential: the chosen fields, bound to one request by one verifier.
    Present(Present),
}

/// Make a key.
#[derive(Debug, Args)]
pub struct Key {
    /// The file to create; an existing one is not overwritten.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Prove possession of a key.
#[derive(Debug, Args)]
pub struct Prove {
    /// The key's file.
    #[arg(long, env = "LIENTHONG_WALLET_KEY", value_name = "FILE")]
    key: PathBuf,
    /// The issuer's nonce.
    #[arg(long, env = "LIENTHONG_NONCE", value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    nonce: String,
    /// The issuer.
    #[arg(long, env = "LIENTHONG_AUDIENCE", value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    audience: String,
    /// Sign as of this time (RFC 3339) instead of now, for a world whose clock was moved.
    #[arg(long, env = "LIENTHONG_AT", value_name = "TIME", value_parser = super::verify::instant)]
    at: Option<Timestamp>,
}

/// Present a credential.
#[derive(Debug, Args)]
pub struct Present {
    /// The credential as text, or the answer of IssueCredential.
    #[arg(value_name = "FILE")]
    credential: PathBuf,
    /// The key's file.
    #[arg(long, env = "LIENTHONG_WALLET_KEY", value_name = "FILE")]
    key: PathBuf,
    /// The fields to disclose; none by default.
    #[arg(long, env = "LIENTHONG_SHOW", value_delimiter = ',', value_name = "NAME,…")]
    show: Vec<String>,
    /// The verifier's nonce.
    #[arg(long, env = "LIENTHONG_NONCE", value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    nonce: String,
    /// The verifier's name.
    #[arg(long, env = "LIENTHONG_AUDIENCE", value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    audience: String,
    /// Sign as of this time (RFC 3339) instead of now, for a world whose clock was moved.
    #[arg(long, env = "LIENTHONG_AT", value_name = "TIME", value_parser = super::verify::instant)]
    at: Option<Timestamp>,
}

impl Wallet {
    /// Runs the subcommand.
    pub fn run(self, _: OutputFormat) -> Result<ExitCode, Failure> {
        let text = match self {
            Self::Key(key) => make(&key.file)?,
            Self::Prove(prove) => {
                possession::sign(&prove.nonce, &prove.audience, present(prove.at), &load(&prove.key)?)?
            }
            Self::Present(present) => present.text()?,
        };
        print(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Present {
    fn text(&self) -> Result<String, Failure> {
        let text = fs::read_to_string(&self.credential).map_err(|error| failed(&self.credential, &error))?;
        let text = text.trim();
        let answer: Option<serde_json::Value> = serde_json::from_str(text).ok();
        let in_answer = answer.as_ref().and_then(|answer| answer.get("credential")).and_then(|text| text.as_str());
        let presented =
            Presented::parse(in_answer.unwrap_or(text)).map_err(|error| failed(&self.credential, &error))?;
        let names = presented.names().map_err(|error| failed(&self.credential, &error))?;
        if let Some(unknown) = self.show.iter().find(|name| !name.is_empty() && !names.contains(name)) {
            let known = names.join(", ");
            return Err(failed(
                &self.credential,
                &format!("there is no field `{unknown}` to show; there are: {known}"),
            ));
        }
        let chosen = |name: Option<&str>, _: &serde_json::Value| {
            name.is_some_and(|name| self.show.iter().any(|one| one == name))
        };
        let holder = load(&self.key)?;
        let own = PublicKey::new(holder.algorithm(), holder.public_key()).map_err(|error| failed(&self.key, &error))?;
        let claims = Token::parse(presented.token()).and_then(|token| token.claims_unverified());
        let claims = claims.map_err(|error| failed(&self.credential, &error))?;
        if claims.get("cnf").and_then(|cnf| cnf.get("jwk")) != Some(&to_jwk(&own)) {
            return Err(failed(&self.key, &"the credential is bound to another key"));
        }
        let part = presented.select(chosen).map_err(|error| failed(&self.credential, &error))?;
        Ok(sign_binding(&part, &self.nonce, &self.audience, present(self.at), &holder)?)
    }
}

/// The time that a signature states.
fn present(at: Option<Timestamp>) -> Timestamp {
    at.unwrap_or_else(|| SystemClock.now())
}

fn make(path: &Path) -> Result<String, Failure> {
    let pkcs8 = P256Signer::generate_pkcs8()?;
    let signer = P256Signer::from_pkcs8("wallet", &pkcs8)?;
    let body = STANDARD.encode(&pkcs8);
    let lines: Vec<&str> = (0..body.len()).step_by(64).map(|at| &body[at..(at + 64).min(body.len())]).collect();
    if path.exists() {
        return Err(failed(path, &"exists already"));
    }
    write_whole(path, format!("{BEGIN}\n{}\n{END}\n", lines.join("\n")).as_bytes(), Readers::Owner)?;
    let key = PublicKey::new(signer.algorithm(), signer.public_key()).map_err(|error| failed(path, &error))?;
    Ok(to_jwk(&key).to_string())
}

fn load(path: &Path) -> Result<P256Signer, Failure> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(path).map_err(|error| failed(path, &error))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(failed(path, &"others can read this key: chmod 600"));
        }
    }
    let text = fs::read_to_string(path).map_err(|error| failed(path, &error))?;
    let body = text.trim().strip_prefix(BEGIN).and_then(|text| text.strip_suffix(END));
    let body: String = body.unwrap_or_default().split_whitespace().collect();
    let pkcs8 = STANDARD.decode(body).map_err(|_| failed(path, &"not a private key in PEM"))?;
    Ok(P256Signer::from_pkcs8("wallet", &pkcs8)?)
}

fn failed(path: &Path, why: &dyn std::fmt::Display) -> Failure {
    Failure::new(format!("{}: {why}", path.display()))
}
