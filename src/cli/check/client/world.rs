//! The world in which a client's calls are made: a session of the server, where nothing goes wrong but what a case says.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};
use tonic::transport::Channel;

use super::case::Call;
use crate::api::admission::SESSION;
use crate::cli::message;
use crate::cli::output::Failure;
use crate::cli::server::ServerArgs;
use crate::wire::proto::simulation::v1 as proto;
use crate::wire::proto::simulation::v1::fault_service_client::FaultServiceClient;
use crate::wire::proto::simulation::v1::session_service_client::SessionServiceClient;
use crate::wire::proto::simulation::v1::simulation_service_client::SimulationServiceClient;
use crate::wire::proto::trust::v1::GetTrustAnchorRequest;
use crate::wire::proto::trust::v1::trust_service_client::TrustServiceClient;
use crate::wire::record::instant;

/// How long one of our own calls may take.
const WITHIN: Duration = Duration::from_secs(30);
/// How long the session lives at most.
const LIVES_S: i64 = 3_600;
/// The rule that counts a case's calls: it delays them by nothing that anybody notices.
const COUNTER: &str = "calls-of-the-case";

/// A session, and what a client needs to know of it.
pub(super) struct World {
    channel: Channel,
    outside: ServerArgs,
    inside: ServerArgs,
    session: String,
    anchor: Value,
}

impl World {
    /// Begins a session.
    pub(super) async fn begin(server: ServerArgs) -> Result<Self, Failure> {
        let channel = server.connect().await?;
        let outside = server.outside();
        let message = proto::CreateSessionRequest {
            label: "check-client".into(),
            ttl: Some(prost_types::Duration { seconds: LIVES_S, nanos: 0 }),
            persona_faults: Some(proto::PersonaFaults::default()),
            ..Default::default()
        };
        let mut sessions = SessionServiceClient::new(channel.clone());
        let created = outside.ask(message, WITHIN, async |request| sessions.create_session(request).await).await?;
        let session = created.session.unwrap_or_default().session_id;
        let inside = outside.within(&session);
        let mut world = Self { channel, outside, inside, session, anchor: Value::Null };
        let anchor = world.fetch_anchor().await;
        match anchor {
            Ok(anchor) => world.anchor = anchor,
            Err(failure) => {
                world.end().await?;
                return Err(failure);
            }
        }
        Ok(world)
    }

    async fn fetch_anchor(&self) -> Result<Value, Failure> {
        let mut trust = TrustServiceClient::new(self.channel.clone());
        let ask = async |request| trust.get_trust_anchor(request).await;
        let answer = self.inside.ask(GetTrustAnchorRequest::default(), WITHIN, ask).await?;
        serde_json::from_str(&answer.anchor_json)
            .map_err(|error| Failure::new(format!("the trust anchor is not JSON: {error}")))
    }

    /// Adds a case's faults, and gives the members of its question.
    pub(super) async fn prepare(&self, call: &Call) -> Result<Value, Failure> {
        let agency = if call.caller.starts_with("citizen-") { "citizen" } else { &call.caller };
        let about = json!({ "methods": [call.method], "agency": agency });
        let mut counter = json!({ "fault_id": COUNTER, "match": about, "delay": { "fixed": "0.001s" } });
        // A caller who is nobody is not an agency that a rule could name.
        if call.faults.is_empty() {
            counter["match"] = json!({ "methods": [call.method] });
        }
        let mut faults = vec![counter];
        for fault in &call.faults {
            let mut fault = fault.clone();
            if fault.get("match").is_none() {
                fault["match"] = about.clone();
            }
            faults.push(fault);
        }
        let request = json!({ "faults": faults }).to_string();
        let request: proto::AddFaultsRequest = message::read("lienthong.simulation.v1.AddFaultsRequest", &request)?;
        let mut service = FaultServiceClient::new(self.channel.clone());
        self.inside.ask(request, WITHIN, async |request| service.add_faults(request).await).await?;
        let mut clock = SimulationServiceClient::new(self.channel.clone());
        let ask = async |request| clock.get_clock(request).await;
        let now = self.inside.ask(proto::GetClockRequest {}, WITHIN, ask).await?.clock.and_then(|clock| clock.now);
        let now = instant("now", &now.unwrap_or_default())?;
        let metadata =
            HashMap::from([("authorization", format!("Bearer demo-{}", call.caller)), (SESSION, self.session.clone())]);
        Ok(json!({
            "address": self.outside.address,
            "method": call.method,
            "metadata": metadata,
            "request": call.request,
            "deadline_ms": call.deadline_ms,
            "may_repeat": call.may_repeat,
            "trust_anchor": self.anchor,
            "at": now.to_string(),
        }))
    }

    /// How many calls of the case the server met; ends the case's faults.
    pub(super) async fn settle(&self) -> Result<u64, Failure> {
        let mut service = FaultServiceClient::new(self.channel.clone());
        let request = proto::ListFaultsRequest { page_size: 500, page_token: String::new() };
        let listed = self.inside.ask(request, WITHIN, async |request| service.list_faults(request).await).await?;
        let counter = listed.faults.into_iter().find(|fault| fault.fault_id == COUNTER);
        let matched = counter.and_then(|fault| fault.counts).unwrap_or_default().matched;
        self.inside.ask(proto::HealRequest::default(), WITHIN, async |request| service.heal(request).await).await?;
        Ok(matched)
    }

    /// Ends the session.
    pub(super) async fn end(self) -> Result<(), Failure> {
        let mut sessions = SessionServiceClient::new(self.channel);
        let message = proto::DeleteSessionRequest { session_id: self.session };
        self.outside.ask(message, WITHIN, async |request| sessions.delete_session(request).await).await.map(drop)
    }
}
