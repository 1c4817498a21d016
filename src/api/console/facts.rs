//! The facts that the console shows.

use crate::base::Timestamp;

/// The source of the console's facts; read anew for every page.
pub trait View: Send + Sync + 'static {
    /// The present facts.
    fn facts(&self) -> Facts;
}

/// The facts that the console shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Where gRPC listens.
    pub grpc: String,
    /// Citizens generated, without the personas.
    pub population: u64,
    /// The clock.
    pub now: Timestamp,
    /// Whether the clock is stopped.
    pub is_frozen: bool,
    /// Whether TLS is on.
    pub has_tls: bool,
    /// Whether demo credentials are accepted.
    pub accepts_demo: bool,
    /// SHA-256 of the anchor, lower-case hexadecimal.
    pub fingerprint: String,
    /// The anchor file's text.
    pub anchor_json: String,
    /// The province's logs.
    pub logs: Vec<LogHead>,
    /// Names of the gRPC services.
    pub services: Vec<String>,
    /// The registries.
    pub registries: Vec<RegistryFacts>,
    /// The personas.
    pub personas: Vec<PersonaFacts>,
}

/// The head of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogHead {
    /// First line of its checkpoints.
    pub origin: String,
    /// Entries.
    pub size: u64,
    /// The root, lower-case hexadecimal.
    pub root: String,
}

/// A registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryFacts {
    /// `land`.
    pub name: String,
    /// The agency that runs it.
    pub agency: String,
    /// Its record types.
    pub record_types: Vec<String>,
}

/// A persona.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonaFacts {
    /// 12 digits; personas are documented, nobody's data.
    pub personal_id: String,
    /// The full name.
    pub full_name: String,
    /// The situation.
    pub situation: String,
    /// The expected result.
    pub expectation: String,
    /// A command to try.
    pub command: String,
}
