//! What `serve` prints once it is ready: where it is, what world it holds, and what to try.

use std::fmt::Write as _;
use std::time::Duration;

use super::super::output::Failure;
use crate::server::{Gateway, Running};

/// How many personas are shown; `lienthong persona list` shows all.
const PERSONAS_SHOWN: usize = 5;

/// The facts to print.
pub(super) struct Banner {
    grpc: String,
    console: Option<String>,
    has_tls: bool,
    seed: u64,
    population: u64,
    personas: Vec<(String, String, String)>,
    persona_count: usize,
    clock: String,
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
            grpc: running.grpc.to_string(),
            console: running.console.map(|address| format!("http://{address}")),
            has_tls: running.has_tls,
            seed: facts.seed,
            population: facts.population,
            personas: shown.map(|p| (p.personal_id.clone(), p.full_name.clone(), p.situation.clone())).collect(),
            persona_count: facts.personas.len(),
            clock: facts.now.to_string(),
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
            let _ = writeln!(text, "  {name:<10} {value}");
        };
        line("gRPC", &format!("{}{}", self.grpc, if self.has_tls { " (TLS)" } else { "" }));
        line("console", self.console.as_deref().unwrap_or("off"));
        line("data", self.data.as_deref().unwrap_or("in a temporary folder; --data-dir keeps it"));
        line("seed", &self.seed.to_string());
        line("clock", &self.clock);
        line("anchor", self.anchor.as_deref().unwrap_or("not written"));
        line("", &format!("fingerprint {}", self.fingerprint));
        line("citizens", &format!("{} and {} personas, among them", self.population, self.persona_count));
        for (id, name, situation) in &self.personas {
            line("", &format!("{id}  {name}: {situation}"));
        }
        format!("Liên thông is ready after {} ms.\n\n{text}\nTry:\n{}\nCtrl-C ends it.", self.ready_ms, self.commands())
    }

    fn commands(&self) -> String {
        let address = &self.grpc;
        if self.has_tls {
            return format!(
                "  grpcurl -cacert CA.pem {address} list\n  lienthong token issue --agency one-stop{}\n",
                self.data.as_ref().map_or(format!(" --seed {}", self.seed), |data| format!(" --data-dir {data}"))
            );
        }
        let anchor = self.anchor.as_deref().unwrap_or("anchor.json");
        format!(
            "  grpcurl -plaintext {address} list\n  \
             grpcurl -plaintext -H 'authorization: Bearer demo-citizen-042185990002' -d '{{\"personal_id\":\"042185990002\",\
             \"document_type\":\"DOCUMENT_TYPE_HEALTH_INSURANCE_CARD\"}}' {address} \
             lienthong.identity.v1.LinkService/LinkDocument\n  \
             grpcurl -plaintext -H 'authorization: Bearer demo-one-stop' -d '{{\"personal_id\":\"042090990001\",\
             \"record_types\":[\"resident.person.v1\",\"land.certificate.v1\",\"vehicle.registration.v1\"],\
             \"purpose\":\"one_stop.verify_documents\"}}' {address} \
             lienthong.exchange.v1.ExchangeService/FetchRecords > answer.json\n  \
             lienthong verify answer.json --trust {anchor}\n  lienthong persona list\n"
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
