//! The text that `serve` prints once it is ready: its addresses, its world, and calls to try.

use std::fmt::Write as _;
use std::time::Duration;

use super::super::language::say;
use super::super::output::Failure;
use crate::registry::{land, resident, vehicle};
use crate::server::listen::reachable;
use crate::server::{Gateway, Running};

/// How many personas are shown; `lienthong persona list` shows all.
const PERSONAS_SHOWN: usize = 5;

/// The facts to print.
pub(super) struct Banner {
    grpc: String,
    console: Option<String>,
    has_tls: bool,
    /// Unless it is a secret.
    seed: Option<u64>,
    accepts_demo: bool,
    /// It listens on all addresses, as in a container.
    is_everywhere: bool,
    home: Option<String>,
    population: u64,
    personas: Vec<(String, String, String)>,
    persona_count: usize,
    clock: String,
    is_frozen: bool,
    anchor: Option<String>,
    fingerprint: String,
    data: Option<String>,
    ready_ms: u128,
}

impl Banner {
    /// Gathers the facts.
    pub(super) fn new(gateway: &Gateway, running: &Running, took: Duration) -> Self {
        let facts = gateway.facts(running.grpc, running.has_tls);
        let shown = facts.personas.iter().take(PERSONAS_SHOWN);
        Self {
            grpc: facts.grpc,
            console: running.console.map(|address| format!("http://{}", reachable(address))),
            has_tls: running.has_tls,
            seed: gateway.seed(),
            accepts_demo: gateway.accepts_demo(),
            is_everywhere: running.grpc.ip().is_unspecified(),
            home: gateway.home().map(|path| path.display().to_string()),
            population: facts.population,
            personas: shown.map(|p| (p.personal_id.clone(), p.full_name.clone(), p.situation.clone())).collect(),
            persona_count: facts.personas.len(),
            clock: facts.now.to_string(),
            is_frozen: facts.is_frozen,
            anchor: running.anchor.as_ref().map(|path| path.display().to_string()),
            fingerprint: facts.fingerprint,
            data: gateway.data_dir().map(|path| path.display().to_string()),
            ready_ms: took.as_millis(),
        }
    }

    /// For people.
    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {:<10} {}", say(name), say(value));
        };
        line("gRPC", &format!("{}{}", self.grpc, if self.has_tls { " (TLS)" } else { "" }));
        line("console", self.console.as_deref().unwrap_or("off"));
        line("data", self.data.as_deref().unwrap_or("in a temporary folder; --data-dir keeps it"));
        line(
            "seed",
            &self.seed.map_or(
                "not shown, since the registries' keys derive from it: to serve others, choose one that nobody can guess"
                    .to_owned(),
                |seed| seed.to_string(),
            ),
        );
        if !self.accepts_demo {
            line("callers", "by token only; `lienthong token issue` issues one");
        }
        let stopped = || format!("{}, stopped", self.clock);
        line("clock", &if self.is_frozen { stopped() } else { self.clock.clone() });
        line("anchor", self.anchor.as_deref().unwrap_or("not written"));
        line("", &format!("fingerprint {}", self.fingerprint));
        line("citizens", &format!("{} and {} personas, such as", self.population, self.persona_count));
        for (id, name, situation) in &self.personas {
            line("", &format!("{id}  {name}: {situation}"));
        }
        format!("Liên thông is ready after {} ms.\n\n{text}\nTry:\n{}\nCtrl-C ends it.", self.ready_ms, self.commands())
    }

    fn commands(&self) -> String {
        let address = &self.grpc;
        let plaintext = if self.has_tls { "-cacert CA.pem" } else { "-plaintext" };
        if !self.accepts_demo {
            let token = match &self.home {
                Some(home) => format!("lienthong token issue --data-dir {home} --agency one-stop"),
                None => "lienthong token issue --data-dir DIR --agency one-stop".to_owned(),
            };
            return format!(
                "  grpcurl {plaintext} {address} list\n  {token}\n  \
                 grpcurl {plaintext} -H \"authorization: Bearer $({token})\" {address} \
                 lienthong.access.v1.AgencyService/ListAgencies\n"
            );
        }
        // In a container the anchor's path is not one of the host's.
        let (fetch, anchor) = match &self.anchor {
            Some(anchor) if !self.is_everywhere => (String::new(), anchor.as_str()),
            _ => {
                let method = "lienthong.trust.v1.TrustService/GetTrustAnchor";
                (format!("  grpcurl {plaintext} {address} {method} > anchor.json\n"), "anchor.json")
            }
        };
        format!(
            "  grpcurl {plaintext} {address} list\n  \
             grpcurl {plaintext} -H 'authorization: Bearer demo-citizen-042185990002' -d '{{\"personal_id\":\"042185990002\",\
             \"document_type\":\"DOCUMENT_TYPE_HEALTH_INSURANCE_CARD\"}}' {address} \
             lienthong.identity.v1.LinkService/LinkDocument\n  \
             grpcurl {plaintext} -H 'authorization: Bearer demo-one-stop' -d '{{\"personal_id\":\"042090990001\",\
             \"record_types\":[\"{}\",\"{}\",\"{}\"],\
             \"purpose\":\"one_stop.verify_documents\"}}' {address} \
             lienthong.exchange.v1.ExchangeService/FetchRecords > answer.json\n\
             {fetch}  lienthong verify answer.json --trust {anchor}\n  lienthong persona list --address {address}\n",
            resident::PERSON,
            land::CERTIFICATE,
            vehicle::REGISTRATION,
        )
    }

    /// For machines: one line.
    pub(super) fn to_json(&self) -> Result<String, Failure> {
        let personas: Vec<_> = self.personas.iter().map(|(id, ..)| id.as_str()).collect();
        let json = serde_json::json!({
            "grpc": self.grpc,
            "console": self.console,
            "tls": self.has_tls,
            "data_dir": self.data,
            "seed": self.seed,
            "demo_credentials": self.accepts_demo,
            "clock": self.clock,
            "anchor": self.anchor,
            "fingerprint": self.fingerprint,
            "population": self.population,
            "personas": personas,
            "ready_ms": self.ready_ms as u64,
        });
        serde_json::to_string(&json).map_err(|error| Failure::new(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn banner() -> Banner {
        Banner {
            grpc: "127.0.0.1:50051".into(),
            console: None,
            has_tls: false,
            seed: Some(42),
            accepts_demo: true,
            is_everywhere: false,
            home: Some("province".into()),
            population: 0,
            personas: vec![],
            persona_count: 0,
            clock: String::new(),
            is_frozen: false,
            anchor: Some("province/anchor.json".into()),
            fingerprint: String::new(),
            data: None,
            ready_ms: 0,
        }
    }

    #[test]
    fn commands_work_where_they_are_read() {
        let here = banner().to_text();
        assert!(here.contains("--trust province/anchor.json") && here.contains("seed       42"), "{here}");
        let container = Banner { is_everywhere: true, ..banner() }.to_text();
        assert!(
            container.contains("GetTrustAnchor > anchor.json") && container.contains("--trust anchor.json"),
            "{container}"
        );
        for banner in [
            Banner { accepts_demo: false, seed: None, ..banner() },
            Banner { accepts_demo: false, has_tls: true, seed: None, ..banner() },
        ] {
            let text = banner.to_text();
            assert!(text.contains("token issue --data-dir province") && !text.contains("demo-"), "{text}");
            assert!(text.contains("seed       not shown") && !text.contains("42\n"), "{text}");
            assert_eq!(text.contains("-plaintext"), !banner.has_tls, "{text}");
        }
    }
}
