//! The world in which a client's calls are made: a session of the server, where nothing goes wrong but what a case says.
//!
//! A session ends by itself. Each is asked to live for two cases at least, however long a silent client may take for them; where the one that is
//! there might end within the next case, the check goes on in another.

#![allow(clippy::disallowed_methods, reason = "a session lives by the machine's time")]

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tonic::transport::Channel;

use super::case::{Call, SeenLog};
use crate::api::admission::SESSION;
use crate::cli::output::Failure;
use crate::cli::server::ServerArgs;
use crate::cli::{language, logging, message};
use crate::wire::proto::exchange::v1::FetchRecordsRequest;
use crate::wire::proto::exchange::v1::exchange_service_client::ExchangeServiceClient;
use crate::wire::proto::simulation::v1 as proto;
use crate::wire::proto::simulation::v1::fault_service_client::FaultServiceClient;
use crate::wire::proto::simulation::v1::journal_service_client::JournalServiceClient;
use crate::wire::proto::simulation::v1::session_service_client::SessionServiceClient;
use crate::wire::proto::simulation::v1::simulation_service_client::SimulationServiceClient;
use crate::wire::proto::trust::v1::ledger_service_client::LedgerServiceClient;
use crate::wire::proto::trust::v1::status_service_client::StatusServiceClient;
use crate::wire::proto::trust::v1::trust_service_client::TrustServiceClient;
use crate::wire::proto::trust::v1::{GetCheckpointRequest, GetStatusListRequest, GetTrustAnchorRequest};
use crate::wire::record::instant;

/// How long one of our own calls may take.
const WITHIN: Duration = Duration::from_secs(30);
/// How long a session lives unless cases may take longer, and how long it may at most: docs/limits.md.
const LIVES: Duration = Duration::from_secs(3_600);
const LIVES_MAX: Duration = Duration::from_secs(24 * 3_600);
/// How long our own calls for a case may take together.
const OWN_CALLS: Duration = Duration::from_secs(8 * 30);
/// The rule that counts a case's calls: it delays them by nothing that anybody notices.
const COUNTER: &str = "calls-of-the-case";

/// A session, and what a client needs to know of it.
pub(super) struct World {
    channel: Channel,
    outside: ServerArgs,
    inside: ServerArgs,
    session: String,
    anchor: Value,
    /// How long a case may take.
    case_takes: Duration,
    /// When the session ends by itself.
    ends: Instant,
}

/// Observations of the calls of a case.
pub(super) struct Met {
    /// How many there were.
    pub(super) calls: u64,
    /// The shortest time between the end of one and the beginning of the next, in milliseconds; where a case asks for it.
    pub(super) paused_ms: Option<u64>,
}

/// How long a session has to live for cases of which one may take so long. Fails where none lives long enough for one.
fn lives(case_takes: Duration) -> Result<Duration, Failure> {
    if case_takes > LIVES_MAX / 2 {
        let hours = LIVES_MAX.as_secs() / 3_600;
        let says = format!(
            "--limit is too long: the session of a check lives for {hours} hours at most, and a case gets half of that"
        );
        return Err(Failure::with_code(says, 2));
    }
    Ok((case_takes * 2).max(LIVES))
}

impl World {
    /// Begins a session, for cases of which one may take so long.
    pub(super) async fn begin(server: ServerArgs, case_takes: Duration) -> Result<Self, Failure> {
        let case_takes = case_takes + OWN_CALLS;
        lives(case_takes)?; // said before anything is begun
        let channel = server.connect().await?;
        let outside = server.outside();
        let inside = outside.clone();
        let (session, anchor, ends) = (String::new(), Value::Null, Instant::now());
        let mut world = Self { channel, outside, inside, session, anchor, case_takes, ends };
        world.enter().await?;
        Ok(world)
    }

    /// Enters a session that begins now.
    async fn enter(&mut self) -> Result<(), Failure> {
        let lives = lives(self.case_takes)?;
        let message = proto::CreateSessionRequest {
            label: "check-client".into(),
            ttl: Some(prost_types::Duration { seconds: lives.as_secs().cast_signed(), nanos: 0 }),
            persona_faults: Some(proto::PersonaFaults::default()),
            ..Default::default()
        };
        let mut sessions = SessionServiceClient::new(self.channel.clone());
        self.ends = Instant::now() + lives;
        let created = self.outside.ask(message, WITHIN, async |request| sessions.create_session(request).await).await?;
        self.session = created.session.unwrap_or_default().session_id;
        self.inside = self.outside.within(&self.session);
        match self.fetch_anchor().await {
            Ok(anchor) => self.anchor = anchor,
            Err(failure) => {
                self.leave().await?;
                return Err(failure);
            }
        }
        Ok(())
    }

    /// Goes on in another session if this one might end within the next case.
    pub(super) async fn stay(&mut self) -> Result<(), Failure> {
        if Instant::now() + self.case_takes < self.ends {
            return Ok(());
        }
        logging::say(&language::say("the session of the check ends soon: the check goes on in another"));
        self.leave().await?;
        self.enter().await
    }

    /// Ends the session; one that has ended by itself is gone all the same.
    async fn leave(&self) -> Result<(), Failure> {
        let mut sessions = SessionServiceClient::new(self.channel.clone());
        let message = proto::DeleteSessionRequest { session_id: self.session.clone() };
        self.outside.ask(message, WITHIN, async |request| sessions.delete_session(request).await).await.map(drop)
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
        // What the client saw before anything goes wrong.
        let before = match &call.log {
            Some(log) => Some(self.head(log).await?),
            None => None,
        };
        let lists = if call.has_lists { Some(self.lists(call).await?) } else { None };
        let agency = if call.caller.starts_with("citizen-") { "citizen" } else { &call.caller };
        let about = json!({ "methods": [call.method], "agency": agency });
        let mut counter = json!({ "fault_id": COUNTER, "match": about, "delay": { "fixed": "0.001s" } });
        // A caller who is nobody is not an agency that a rule could name.
        if call.faults.is_empty() || call.caller.is_empty() {
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
        let mut journal = JournalServiceClient::new(self.channel.clone());
        let message = proto::ResetJournalRequest {};
        self.inside.ask(message, WITHIN, async |request| journal.reset_journal(request).await).await?;
        let mut clock = SimulationServiceClient::new(self.channel.clone());
        let ask = async |request| clock.get_clock(request).await;
        let now = self.inside.ask(proto::GetClockRequest {}, WITHIN, ask).await?.clock.and_then(|clock| clock.now);
        let now = instant("now", &now.unwrap_or_default())?;
        let mut metadata = HashMap::from([(SESSION, self.session.clone())]);
        if !call.caller.is_empty() {
            metadata.insert("authorization", format!("Bearer demo-{}", call.caller));
        }
        let mut question = json!({
            "address": self.outside.address,
            "method": call.method,
            "metadata": metadata,
            "request": call.request,
            "deadline_ms": call.deadline_ms,
            "may_repeat": call.may_repeat,
            "trust_anchor": self.anchor,
            "at": now.to_string(),
        });
        if let Some(lists) = lists {
            question["status_lists"] = json!(lists);
        }
        if let Some((log, before)) = call.log.as_ref().zip(before) {
            question["log"] = json!(log.name);
            question["before"] = json!({ "checkpoint": before });
        }
        Ok(question)
    }

    /// The head of a log that grew in the session: what it had before, the anchor itself states, so that no head can contradict it unseen. Each
    /// disclosure leaves an entry in the evidence ledger.
    async fn head(&self, SeenLog { name: log, grows_by }: &SeenLog) -> Result<String, Failure> {
        let mut exchange = ExchangeServiceClient::new(self.channel.clone());
        let request: FetchRecordsRequest =
            message::read("lienthong.exchange.v1.FetchRecordsRequest", &grows_by.to_string())?;
        let one_stop = self.inside.with_credential("demo-one-stop");
        one_stop.ask(request, WITHIN, async |request| exchange.fetch_records(request).await).await?;
        let mut ledger = LedgerServiceClient::new(self.channel.clone());
        let message = GetCheckpointRequest { log: log.to_owned() };
        let answer = self.inside.ask(message, WITHIN, async |request| ledger.get_checkpoint(request).await).await?;
        Ok(answer.checkpoint)
    }

    /// The status lists of the record types that a call asks for.
    async fn lists(&self, call: &Call) -> Result<Vec<String>, Failure> {
        let mut status = StatusServiceClient::new(self.channel.clone());
        let mut lists = Vec::new();
        for record_type in call.request["record_types"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let message = GetStatusListRequest { record_type: record_type.to_owned() };
            let answer =
                self.inside.ask(message, WITHIN, async |request| status.get_status_list(request).await).await?;
            lists.push(answer.token);
        }
        Ok(lists)
    }

    /// The calls of a case that reached the server; ends the case's faults.
    pub(super) async fn settle(&self, call: &Call) -> Result<Met, Failure> {
        let mut service = FaultServiceClient::new(self.channel.clone());
        let request = proto::ListFaultsRequest { page_size: 500, page_token: String::new() };
        let listed = self.inside.ask(request, WITHIN, async |request| service.list_faults(request).await).await?;
        let counter = listed.faults.into_iter().find(|fault| fault.fault_id == COUNTER);
        let calls = counter.and_then(|fault| fault.counts).unwrap_or_default().matched;
        self.inside.ask(proto::HealRequest::default(), WITHIN, async |request| service.heal(request).await).await?;
        let paused_ms = if call.waits_ms > 0 && calls > 1 { self.paused_ms(&call.method).await? } else { None };
        Ok(Met { calls, paused_ms })
    }

    /// The shortest time between two calls of a method since the journal was reset.
    async fn paused_ms(&self, method: &str) -> Result<Option<u64>, Failure> {
        let mut journal = JournalServiceClient::new(self.channel.clone());
        let filter = Some(proto::CallFilter { method: method.to_owned(), ..Default::default() });
        let message = proto::ListCallsRequest { filter, page_size: 500, page_token: String::new() };
        let listed = self.inside.ask(message, WITHIN, async |request| journal.list_calls(request).await).await?;
        let mut calls: Vec<(i64, i64)> = listed.calls.iter().map(begin_and_end_ms).collect();
        calls.sort_unstable();
        let paused = calls.windows(2).map(|pair| pair[1].0.saturating_sub(pair[0].1).max(0).unsigned_abs());
        Ok(paused.min())
    }

    /// Ends the session.
    pub(super) async fn end(self) -> Result<(), Failure> {
        self.leave().await
    }
}

/// When a call came and when it ended, by the machine's clock.
fn begin_and_end_ms(call: &proto::JournalCall) -> (i64, i64) {
    let (at, took) = (call.machine_time.unwrap_or_default(), call.took.unwrap_or_default());
    let begin = at.seconds * 1_000 + i64::from(at.nanos) / 1_000_000;
    (begin, begin + took.seconds * 1_000 + i64::from(took.nanos) / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_outlives_two_of_the_longest_cases_or_the_check_is_refused() {
        let hours = |hours: u64| Duration::from_secs(hours * 3_600);
        assert_eq!(lives(Duration::from_secs(15)).expect("the default"), LIVES);
        assert_eq!(lives(hours(3)).expect("a patient check"), hours(6));
        assert_eq!(lives(hours(12)).expect("the longest"), LIVES_MAX);
        let refused = lives(hours(12) + Duration::from_secs(1)).expect_err("longer than any session");
        assert!(refused.message().contains("--limit is too long"), "{}", refused.message());
    }

    #[test]
    fn a_call_ends_so_long_after_it_came() {
        let call = proto::JournalCall {
            machine_time: Some(prost_types::Timestamp { seconds: 7, nanos: 250_000_000 }),
            took: Some(prost_types::Duration { seconds: 1, nanos: 1_900_000 }),
            ..Default::default()
        };
        assert_eq!(begin_and_end_ms(&call), (7_250, 8_251));
    }
}
