//! `lienthong keys tls-ca` and `tls-cert`: a private certificate authority for the hosts of a province, and its certificates.
//!
//! These are keys of transport. They sign no record and stand in no trust anchor: whoever has one can listen or call, and nothing more.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType,
};

use crate::access::rights::embedded;
use crate::api::certificate::AGENCY_URI;
use crate::base::time::SystemClock;
use crate::base::{AgencyId, Clock as _, Timestamp};
use crate::cli::output::{Failure, OutputFormat, print_json, print_text};
use crate::store::file::{Readers, write_whole};

const EXAMPLES: &str = "\
Examples:
  lienthong keys tls-ca --dir tls                            tls/ca.pem and tls/ca.key
  lienthong keys tls-cert land --dir tls --host land.example.vn
                                                             a host's certificate: tls/land.pem and tls/land.key
  lienthong keys tls-cert gateway --dir tls --host localhost --host 127.0.0.1 --agency gateway
                                                             a gateway's, by which registries' hosts know it

The same command again replaces a certificate and its key; servers and gateways that run use the new ones from their next connection on.";

/// The authority's name. Every certificate names its issuer, so it is the same in each.
const AUTHORITY: &str = "Lienthong private TLS authority";
const AUTHORITY_CERTIFICATE: &str = "ca.pem";
const AUTHORITY_KEY: &str = "ca.key";
/// How long before now a certificate holds: clocks differ.
const EARLIER_MS: i64 = 86_400_000;
/// How long the authority holds.
const AUTHORITY_DAYS: u32 = 3_650;
const DAY_MS: i64 = 86_400_000;

/// Create a private certificate authority for TLS between hosts.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct TlsCa {
    /// The folder for its certificate (`ca.pem`) and its key (`ca.key`).
    #[arg(long, env = "LIENTHONG_TLS_DIR", value_name = "DIR")]
    dir: PathBuf,
}

/// Create or replace a certificate of the private authority, for a host, a gateway or an agency's system.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct TlsCert {
    /// The name of the files: NAME.pem and NAME.key.
    #[arg(value_parser = file_name, value_name = "NAME")]
    name: String,
    /// The folder of the authority.
    #[arg(long, env = "LIENTHONG_TLS_DIR", value_name = "DIR")]
    dir: PathBuf,
    /// A name or an IP address under which it is called; may be repeated. Without one it serves nobody.
    #[arg(long = "host", env = "LIENTHONG_TLS_HOST", value_delimiter = ',', value_name = "HOST")]
    hosts: Vec<String>,
    /// The agency whose system shows it to servers: its key in the rights, `gateway` for a gateway.
    #[arg(long, env = "LIENTHONG_TLS_AGENCY", value_parser = agency, value_name = "AGENCY")]
    agency: Option<AgencyId>,
    /// For how many days it holds.
    #[arg(long, default_value_t = 90, env = "LIENTHONG_TLS_DAYS", value_parser = clap::value_parser!(u32).range(1..=825), value_name = "DAYS")]
    days: u32,
}

impl TlsCa {
    pub(super) fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let (certificate, key) = (self.dir.join(AUTHORITY_CERTIFICATE), self.dir.join(AUTHORITY_KEY));
        if key.exists() || certificate.exists() {
            let message = "there is an authority already: its certificates would be trusted no more";
            return Err(Failure::new(format!("{}: {message}", self.dir.display())));
        }
        std::fs::create_dir_all(&self.dir)
            .map_err(|error| Failure::new(format!("{} cannot be made: {error}", self.dir.display())))?;
        let keys = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let made = authority(AUTHORITY_DAYS).self_signed(&keys).map_err(failed)?;
        write_whole(&key, keys.serialize_pem().as_bytes(), Readers::Owner)?;
        write_whole(&certificate, made.pem().as_bytes(), Readers::All)?;
        report(output, &certificate, &key)
    }
}

impl TlsCert {
    pub(super) fn run(self, output: OutputFormat) -> Result<(), Failure> {
        if self.hosts.is_empty() && self.agency.is_none() {
            return Err(Failure::with_code("give --host, --agency, or both: a certificate is of somebody", 2));
        }
        let read = |name: &str| {
            let path = self.dir.join(name);
            std::fs::read_to_string(&path).map_err(|error| {
                Failure::new(format!("{} cannot be read: {error}; `lienthong keys tls-ca` makes it", path.display()))
            })
        };
        let issuer = KeyPair::from_pem(&read(AUTHORITY_KEY)?).map_err(failed)?;
        let issuer = Issuer::new(authority(AUTHORITY_DAYS), issuer);
        let mut params = CertificateParams::default();
        params.distinguished_name = named(&self.name);
        params.subject_alt_names = self.hosts.iter().map(|host| alternative(host)).collect::<Result<_, _>>()?;
        if let Some(agency) = &self.agency {
            let uri = format!("{AGENCY_URI}{agency}").try_into().map_err(failed)?;
            params.subject_alt_names.push(SanType::URI(uri));
            params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
        }
        if !self.hosts.is_empty() {
            params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        hold(&mut params, self.days);
        let keys = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let made = params.signed_by(&keys, &issuer).map_err(failed)?;
        let (certificate, key) =
            (self.dir.join(format!("{}.pem", self.name)), self.dir.join(format!("{}.key", self.name)));
        // Whoever reads between the two finds a key that is of no certificate, and goes on with what it had.
        write_whole(&key, keys.serialize_pem().as_bytes(), Readers::Owner)?;
        write_whole(&certificate, made.pem().as_bytes(), Readers::All)?;
        report(output, &certificate, &key)
    }
}

/// The parameters of the authority's own certificate.
fn authority(days: u32) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(AUTHORITY);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    hold(&mut params, days);
    params
}

fn named(name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::CommonName, name);
    named
}

/// Holds from yesterday for so many days, by the machine's time.
fn hold(params: &mut CertificateParams, days: u32) {
    let now = SystemClock.now();
    let on = |at: Timestamp| {
        let date = at.date();
        rcgen::date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    params.not_before = on(now.plus_ms(-EARLIER_MS));
    params.not_after = on(now.plus_ms(i64::from(days) * DAY_MS));
}

fn alternative(host: &str) -> Result<SanType, Failure> {
    match host.parse::<IpAddr>() {
        Ok(address) => Ok(SanType::IpAddress(address)),
        Err(_) => {
            let label = |label: &str| {
                !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            };
            let refused = || {
                let message =
                    format!("--host {host} is neither the name of a host nor an IP address, without scheme and port");
                Failure::with_code(message, 2)
            };
            if !host.strip_prefix("*.").unwrap_or(host).split('.').all(label) {
                return Err(refused());
            }
            Ok(SanType::DnsName(host.to_owned().try_into().map_err(|_| refused())?))
        }
    }
}

fn file_name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    match text {
        "ca" => Err("`ca` is the authority itself".into()),
        text if !text.is_empty() && text.chars().all(fits) => Ok(text.to_owned()),
        _ => Err("a name has letters, digits, - and _".into()),
    }
}

fn agency(text: &str) -> Result<AgencyId, String> {
    let known = || embedded().agencies().map(|agency| agency.key.as_str().to_owned()).collect::<Vec<_>>().join(", ");
    AgencyId::parse(text).ok_or_else(|| format!("is no agency's key; the embedded rights have {}", known()))
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(format!("the certificate cannot be made: {error}"))
}

fn report(output: OutputFormat, certificate: &Path, key: &Path) -> Result<(), Failure> {
    match output {
        OutputFormat::Text => print_text(&format!("{}\n{}", certificate.display(), key.display())),
        OutputFormat::Json => print_json(&serde_json::json!({ "certificate": certificate, "key": key })),
    }
}
