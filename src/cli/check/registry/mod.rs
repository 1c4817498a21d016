//! `lienthong check registry`: a registry that somebody else wrote, put through the contract of `RegistryService`. It learns from `Describe` what the
//! registry holds, makes records of one type, reads them in every way, follows the log whole, and holds every proof to the registry's key.

mod cases;
mod pattern;
mod sample;
mod subject;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tonic::transport::Channel;

use super::args::ReportArgs;
use super::known::Known;
use super::outcome::Outcome;
use super::report::Report;
use crate::base::Clock as _;
use crate::base::id::to_hex;
use crate::base::name::no_such;
use crate::base::time::SystemClock;
use crate::cli::anchor;
use crate::cli::ca::CaArgs;
use crate::cli::output::{Failure, OutputFormat, print_json, print_text, runtime};
use crate::cli::server::ServerArgs;
use crate::trust::{TrustAnchor, Verifier};
use crate::wire::proto::registry::v1::registry_service_client::RegistryServiceClient;
use crate::wire::proto::registry::v1::{DescribeRequest, ListCodesRequest};
use crate::wire::proto::trust::v1::GetTrustAnchorRequest;
use crate::wire::proto::trust::v1::trust_service_client::TrustServiceClient;
use cases::ALL;
use sample::{Given, Sampler};
use subject::{Parts, Subject};

/// How long a call before the cases may take.
const WITHIN: Duration = Duration::from_secs(20);

const EXAMPLES: &str = "\
Examples:
  lienthong check registry 127.0.0.1:50061 --credential demo-library --trust library-anchor.json
  lienthong check registry 127.0.0.1:50051 --registry education --record-type education.diploma.v1 --session $SESSION
  lienthong check registry 127.0.0.1:50051 --registry land --samples parcels.json
  lienthong check registry --list 127.0.0.1:50061       every case: id, kind, what it holds the registry to

It writes records: point it at a registry for tests, or at a session. Exit code 1 if a case is not as it should be, or passes although --known
lists it.";

/// Put a registry through its contract: reads, changes, proofs, refusals.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Registry {
    /// The address of the registry, without TLS unless `--ca` is given.
    #[arg(value_name = "HOST:PORT")]
    address: String,
    /// The registry, if several are served; the only one unless it is given.
    #[arg(long, env = "LIENTHONG_CHECK_REGISTRY", value_name = "NAME")]
    registry: Option<String>,
    /// The record type to write; the registry's first one unless it is given.
    #[arg(long, env = "LIENTHONG_CHECK_RECORD_TYPE", value_name = "TYPE")]
    record_type: Option<String>,
    /// Payloads, if the schema says too little: `{"TYPE": {"create": [at least seven payloads], "update": payload}}`.
    #[arg(long, env = "LIENTHONG_CHECK_SAMPLES", value_name = "FILE")]
    samples: Option<PathBuf>,
    /// The trust anchor with the registry's key. Unless it is given, the server is asked for it.
    #[arg(long, env = "LIENTHONG_TRUST", value_name = "FILE")]
    trust: Option<PathBuf>,
    /// The bearer credential of the calls: of the agency that owns the registry, or an operator's.
    #[arg(
        long,
        default_value = "demo-operator",
        env = "LIENTHONG_CREDENTIAL",
        value_name = "CREDENTIAL",
        hide_env_values = true
    )]
    credential: String,
    /// The session to call in, if the server has sessions.
    #[arg(long, env = "LIENTHONG_SESSION", value_name = "ID", hide_env_values = true)]
    session: Option<String>,
    /// List the cases and run none.
    #[arg(long, env = "LIENTHONG_CHECK_LIST")]
    list: bool,
    #[command(flatten)]
    report: ReportArgs,
    #[command(flatten)]
    ca: CaArgs,
}

impl Registry {
    /// Runs the cases.
    pub(super) fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        if self.list {
            return list(output);
        }
        let ids: Vec<&str> = ALL.iter().map(|case| case.id).collect();
        let known = self.report.known(&ids)?;
        let signing = self.report.signing()?;
        let given = self.given()?;
        let anchor = self.trust.as_deref().map(anchor::read).transpose()?;
        let server =
            ServerArgs::of(self.address.clone(), self.credential.clone(), self.session.clone(), self.ca.clone());
        let (subject, outcomes) = runtime()?.block_on(async {
            let mut subject = self.subject(server, anchor, given).await?;
            let outcomes = run(&mut subject, &known).await;
            Ok::<_, Failure>((subject, outcomes))
        })?;
        let report = Report {
            about: "registry",
            subject: format!("{} at {}: {}", subject.registry, self.address, subject.record_type),
            cases_digest: to_hex(&Sha256::digest(format!(
                "{}\n{}\n{:?}",
                ids.join("\n"),
                subject.record_type,
                subject.given
            ))),
            left_out: Vec::new(),
            at: SystemClock.now(),
            outcomes,
        };
        self.report.finish(&report, signing, output)
    }

    fn given(&self) -> Result<Given, Failure> {
        let Some(path) = &self.samples else { return Ok(Given::new()) };
        let flaw = |why: String| Failure::with_code(format!("{}: {why}", path.display()), 2);
        let text = std::fs::read(path).map_err(|error| flaw(format!("cannot be read: {error}")))?;
        if text.len() > sample::BYTES_MAX {
            return Err(flaw(format!("longer than {} bytes", sample::BYTES_MAX)));
        }
        let given: Given = serde_json::from_slice(&text).map_err(|error| flaw(format!("not samples: {error}")))?;
        match given.iter().find(|(_, of)| of.create.len() < sample::CREATE_MIN) {
            Some((name, _)) => Err(flaw(format!("{name}.create has fewer than {} payloads", sample::CREATE_MIN))),
            None => Ok(given),
        }
    }

    /// The registry and the record type that are meant, with what verifies them.
    async fn subject(
        &self,
        server: ServerArgs,
        anchor: Option<TrustAnchor>,
        mut given: Given,
    ) -> Result<Subject, Failure> {
        let channel = server.connect().await?;
        let mut client = RegistryServiceClient::new(channel.clone());
        let ask = DescribeRequest { registry: self.registry.clone().unwrap_or_default() };
        let described = server.ask(ask, WITHIN, async |request| client.describe(request).await).await?;
        let registry = the_one("registry", described.registries, |one| &one.registry, self.registry.as_deref(), true)?;
        let types = registry.record_types.clone();
        let record_type = the_one("record type", types, |one| &one.record_type, self.record_type.as_deref(), false)?;
        let verifier = Verifier::new(match anchor {
            Some(anchor) => anchor,
            None => fetched(&server, channel.clone()).await?,
        });
        let schema: Value = serde_json::from_str(&record_type.json_schema).map_err(|error| {
            Failure::new(format!("the schema of {} cannot be read: {error}", record_type.record_type))
        })?;
        let today = SystemClock.now().date();
        let mut codes = BTreeMap::new();
        for list in lists_in(&schema) {
            let ask =
                ListCodesRequest { list: list.clone(), on: today.to_string(), page_size: 1, ..Default::default() };
            // A list that is not served leaves its fields to --samples.
            if let Ok(answer) = server.ask(ask, WITHIN, async |request| client.list_codes(request).await).await
                && let Some(code) = answer.codes.into_iter().next()
            {
                codes.insert(list, code.code);
            }
        }
        let given = given.remove(&record_type.record_type);
        let sampler = Sampler { schema, codes, today };
        Ok(Subject::new(channel, Parts { server, registry, record_type, verifier, sampler, given }))
    }
}

/// The one of several that is meant: the one that is named, or else the only one, or the first.
fn the_one<T>(
    kind: &str,
    all: Vec<T>,
    name: fn(&T) -> &String,
    wanted: Option<&str>,
    is_only: bool,
) -> Result<T, Failure> {
    let names: Vec<String> = all.iter().map(|one| name(one).clone()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let found = match wanted {
        Some(wanted) => names.iter().position(|name| *name == wanted),
        None if is_only && names.len() > 1 => {
            return Err(Failure::with_code(
                format!("several registries are served: --registry {}", names.join(" or ")),
                2,
            ));
        }
        None => (!names.is_empty()).then_some(0),
    };
    let missing = || Failure::with_code(no_such(kind, wanted.unwrap_or("at all"), &names), 2);
    all.into_iter().nth(found.ok_or_else(missing)?).ok_or_else(missing)
}

async fn fetched(server: &ServerArgs, channel: Channel) -> Result<TrustAnchor, Failure> {
    let mut trust = TrustServiceClient::new(channel);
    let asked = server
        .ask(GetTrustAnchorRequest::default(), WITHIN, async |request| trust.get_trust_anchor(request).await)
        .await;
    let answer =
        asked.map_err(|failure| Failure::new(format!("no trust anchor: give --trust ({})", failure.message())))?;
    Ok(TrustAnchor::from_json(answer.anchor_json.as_bytes())?)
}

/// The code lists that a schema names.
fn lists_in(schema: &Value) -> Vec<String> {
    match schema {
        Value::Object(members) => {
            let own = members.get("x-code-list").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(members.values().flat_map(lists_in)).collect()
        }
        Value::Array(items) => items.iter().flat_map(lists_in).collect(),
        _ => Vec::new(),
    }
}

#[allow(clippy::disallowed_methods, reason = "a registry is measured by the machine's time")]
async fn run(subject: &mut Subject, known: &Known) -> Vec<Outcome> {
    let mut outcomes = Vec::with_capacity(ALL.len());
    for case in ALL {
        let begun = Instant::now();
        let judged = (case.run)(subject).await;
        outcomes.push(Outcome::of(case.about(), begun.elapsed(), judged, known));
    }
    outcomes
}

fn list(output: OutputFormat) -> Result<ExitCode, Failure> {
    let all: Vec<_> = ALL.iter().map(cases::Case::about).collect();
    match output {
        OutputFormat::Json => {
            let of = |about: &super::outcome::About| serde_json::json!({ "id": about.id, "kind": about.kind, "title": about.title, "effect": about.effect, "see": about.see });
            print_json(&all.iter().map(of).collect::<Vec<_>>())?;
        }
        OutputFormat::Text => {
            let lines: Vec<String> =
                all.iter().map(|about| format!("{:<28} {:<10} {}", about.id, about.kind, about.title)).collect();
            print_text(&lines.join("\n"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::proto::registry::v1::{RecordTypeDescription, RegistryDescription};

    fn described(names: &[&str]) -> Vec<RegistryDescription> {
        names.iter().map(|name| RegistryDescription { registry: (*name).into(), ..Default::default() }).collect()
    }

    #[test]
    fn what_is_meant_is_named_where_there_are_several() {
        let one = |names: &[&str], wanted: Option<&str>| {
            the_one("registry", described(names), |one: &RegistryDescription| &one.registry, wanted, true)
                .map(|found| found.registry)
        };
        assert_eq!(one(&["library"], None).expect("the only one"), "library");
        assert_eq!(one(&["land", "library"], Some("library")).expect("named"), "library");
        assert!(one(&["land", "library"], None).expect_err("which?").message().contains("--registry land or library"));
        assert!(one(&["library"], Some("librari")).expect_err("a typo").message().contains("library"));
        assert!(one(&[], None).is_err());
        let types = vec![RecordTypeDescription { record_type: "a.b.v1".into(), ..Default::default() }; 2];
        assert!(the_one("record type", types, |one: &RecordTypeDescription| &one.record_type, None, false).is_ok());
    }
}
