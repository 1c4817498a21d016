//! `lienthong journal`: the calls in a running server's world, and the recording of a session.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::Value;
use tonic::transport::Channel;
use tonic::{Request, Status};

use super::message;
use super::output::{Failure, OutputFormat, print, print_json, print_text, runtime};
use super::replay::file;
use super::server::ServerArgs;
use crate::base::Timestamp;
use crate::wire::proto::simulation::v1 as proto;
use crate::wire::proto::simulation::v1::journal_service_client::JournalServiceClient;
use crate::wire::record;

const EXAMPLES: &str = "\
Examples:
  lienthong journal follow                                 calls as they end
  lienthong journal list --outcome REFUSED
  lienthong journal list --method 'ExchangeService/*' --caller one-stop --output json
  lienthong journal reset --session $SESSION
  lienthong journal verify --method FetchRecords --exactly 3 --session $SESSION
  lienthong journal record --session $SESSION              before its first call; not masked
  lienthong journal export suite.jsonl --session $SESSION  what was recorded, for `lienthong replay`";

/// How long a call may take.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long calls are followed: the longest that a deadline can say.
const FOLLOWS: Duration = Duration::from_secs(99_999_999);
/// Calls in one page.
const PAGE: u32 = 100;

/// The calls of a server's world: list, follow and count them; record a session.
#[derive(Debug, Subcommand)]
pub enum Journal {
    /// List calls, the oldest first.
    #[command(after_help = EXAMPLES)]
    List(List),
    /// Print calls as they end, until interrupted.
    #[command(after_help = EXAMPLES)]
    Follow(Follow),
    /// Count calls, and fail unless there are as many as expected.
    #[command(after_help = EXAMPLES)]
    Verify(Verify),
    /// Forget all calls so far.
    #[command(after_help = EXAMPLES)]
    Reset(ServerArgs),
    /// Begin to record a session, before its first call. A recording is not masked: it contains the data of the calls.
    #[command(after_help = EXAMPLES)]
    Record(ServerArgs),
    /// End the recording of a session, and keep it in a file.
    #[command(after_help = EXAMPLES)]
    Export(Export),
}

/// Which calls.
#[derive(Debug, Args)]
pub struct FilterArgs {
    /// Only calls of this method, named by any unique suffix, or of a service: `ExchangeService/*`.
    #[arg(long, env = "LIENTHONG_JOURNAL_METHOD", value_name = "METHOD")]
    method: Option<String>,
    /// Only calls of this agency, or of `citizen`.
    #[arg(long, env = "LIENTHONG_JOURNAL_CALLER", value_name = "KEY")]
    caller: Option<String>,
    /// Only calls with this outcome: `OK`, `REFUSED`, a reason like CONSENT_MISSING, or a code like PERMISSION_DENIED.
    #[arg(long, env = "LIENTHONG_JOURNAL_OUTCOME", value_name = "OUTCOME")]
    outcome: Option<String>,
    /// Only the call with this id, or with this x-request-id.
    #[arg(long, env = "LIENTHONG_JOURNAL_REQUEST_ID", value_name = "ID")]
    request_id: Option<String>,
    /// Only calls that a fault changed.
    #[arg(long, env = "LIENTHONG_JOURNAL_WITH_FAULTS")]
    with_faults: bool,
    /// Only calls since this time of the world, RFC 3339.
    #[arg(long, env = "LIENTHONG_JOURNAL_SINCE", value_parser = super::verify::instant, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Only calls before this time of the world.
    #[arg(long, env = "LIENTHONG_JOURNAL_UNTIL", value_parser = super::verify::instant, value_name = "TIME")]
    until: Option<Timestamp>,
}

/// Which calls to list.
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Which calls to follow.
#[derive(Debug, Args)]
pub struct Follow {
    /// Begin with the calls that are kept, instead of with the next one.
    #[arg(long, env = "LIENTHONG_JOURNAL_FROM_BEGINNING")]
    from_beginning: bool,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// The expectation.
#[derive(Debug, Args)]
pub struct Verify {
    /// Expect exactly this many.
    #[arg(long, env = "LIENTHONG_JOURNAL_EXACTLY", value_name = "NUMBER", conflicts_with_all = ["at_least", "at_most"])]
    exactly: Option<u64>,
    /// Expect at least this many.
    #[arg(long, env = "LIENTHONG_JOURNAL_AT_LEAST", value_name = "NUMBER")]
    at_least: Option<u64>,
    /// Expect at most this many.
    #[arg(long, env = "LIENTHONG_JOURNAL_AT_MOST", value_name = "NUMBER")]
    at_most: Option<u64>,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Where to keep a recording.
#[derive(Debug, Args)]
pub struct Export {
    /// The file, which must not exist yet; only its owner may read it.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    server: ServerArgs,
}

type Client = JournalServiceClient<Channel>;

impl FilterArgs {
    fn message(self) -> proto::CallFilter {
        proto::CallFilter {
            method: self.method.unwrap_or_default(),
            caller: self.caller.unwrap_or_default(),
            outcome: self.outcome.unwrap_or_default(),
            request_id: self.request_id.unwrap_or_default(),
            with_faults: self.with_faults,
            since: self.since.and_then(record::timestamp),
            until: self.until.and_then(record::timestamp),
        }
    }
}

impl Journal {
    /// Runs the subcommand; 1 if an expectation does not hold.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        runtime()?.block_on(async {
            match self {
                Self::List(list) => list.run(output).await?,
                Self::Follow(follow) => follow.run(output).await?,
                Self::Verify(verify) => return verify.run(output).await,
                Self::Reset(server) => {
                    let call = async |client: &mut Client, request| client.reset_journal(request).await;
                    let gone = ask(&server, proto::ResetJournalRequest {}, call).await?.forgotten;
                    match output {
                        OutputFormat::Json => print_json(&serde_json::json!({ "forgotten": gone }))?,
                        OutputFormat::Text => print_text(&format!("{gone} calls are forgotten"))?,
                    }
                }
                Self::Record(server) => {
                    let call = async |client: &mut Client, request| client.start_recording(request).await;
                    let most = ask(&server, proto::StartRecordingRequest {}, call).await?.bytes_max;
                    match output {
                        OutputFormat::Json => print_json(&serde_json::json!({ "bytes_max": most }))?,
                        OutputFormat::Text => print_text(&format!("recording, at most {most} bytes"))?,
                    }
                }
                Self::Export(export) => export.run(output).await?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

async fn ask<Q, A>(
    server: &ServerArgs,
    message: Q,
    call: impl AsyncFnOnce(&mut Client, Request<Q>) -> Result<tonic::Response<A>, Status>,
) -> Result<A, Failure> {
    let mut client = Client::new(server.connect().await?);
    server.ask(message, DEADLINE, async |request| call(&mut client, request).await).await
}

impl List {
    async fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let Self { filter, server } = self;
        let (filter, mut calls, mut page_token) = (filter.message(), Vec::new(), String::new());
        let forgotten = loop {
            let message = proto::ListCallsRequest { filter: Some(filter.clone()), page_size: PAGE, page_token };
            let call = async |client: &mut Client, request| client.list_calls(request).await;
            let page = ask(&server, message, call).await?;
            calls.extend(page.calls);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break page.forgotten;
            }
        };
        match output {
            OutputFormat::Json => {
                let calls = calls.iter().map(json_of).collect::<Result<Vec<_>, _>>()?;
                print_json(&serde_json::json!({ "calls": calls, "forgotten": forgotten }))
            }
            OutputFormat::Text => {
                if forgotten > 0 {
                    print_text(&format!("{forgotten} older calls are forgotten"))?;
                }
                calls.iter().try_for_each(|call| print(&line(call)))
            }
        }
    }
}

impl Follow {
    async fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let Self { from_beginning, filter, server } = self;
        let mut client = Client::new(server.connect().await?);
        let message = proto::FollowCallsRequest { filter: Some(filter.message()), from_beginning };
        let mut stream = match client.follow_calls(server.request(message, FOLLOWS)?).await {
            Ok(stream) => stream.into_inner(),
            Err(status) => return Err(server.refusal(&status).await),
        };
        loop {
            let next = tokio::select! {
                next = stream.message() => next,
                _ = tokio::signal::ctrl_c() => return Ok(()),
            };
            match next {
                Ok(None) => return Ok(()),
                Ok(Some(proto::FollowCallsResponse { call, missed })) => {
                    let call = call.unwrap_or_default();
                    if missed > 0 {
                        tracing::warn!(missed, "calls were forgotten before they could be read");
                    }
                    match output {
                        OutputFormat::Json => print_json(&json_of(&call)?)?,
                        OutputFormat::Text => print(&line(&call))?,
                    }
                }
                Err(status) => return Err(server.refusal(&status).await),
            }
        }
    }
}

impl Verify {
    async fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        let Self { exactly, at_least, at_most, filter, server } = self;
        let message = proto::VerifyCallsRequest { filter: Some(filter.message()), exactly, at_least, at_most };
        let call = async |client: &mut Client, request| client.verify_calls(request).await;
        let found = ask(&server, message, call).await?;
        match output {
            OutputFormat::Json => print_json(&message::json("lienthong.simulation.v1.VerifyCallsResponse", &found)?)?,
            OutputFormat::Text => print_text(&found.message)?,
        }
        Ok(if found.holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl Export {
    async fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let Self { file, server } = self;
        let call = async |client: &mut Client, request| client.stop_recording(request).await;
        let stopped = ask(&server, proto::StopRecordingRequest {}, call).await?;
        let mut client = Client::new(server.connect().await?);
        let request = server.request(proto::ExportRecordingRequest {}, DEADLINE)?;
        let mut stream = match client.export_recording(request).await {
            Ok(stream) => stream.into_inner(),
            Err(status) => return Err(server.refusal(&status).await),
        };
        let mut parts = Vec::new();
        loop {
            match stream.message().await {
                Ok(None) => break,
                Ok(Some(part)) => parts.push(part),
                Err(status) => return Err(server.refusal(&status).await),
            }
        }
        file::write(&file, &parts)?;
        let (calls, is_full) = (stopped.calls, stopped.is_full);
        match output {
            OutputFormat::Json => print_json(&serde_json::json!({ "calls": calls, "full": is_full })),
            OutputFormat::Text => {
                if is_full {
                    print_text("the recording was full: later calls are not in it")?;
                }
                print_text(&format!("{calls} calls are in {}, not masked", file.display()))
            }
        }
    }
}

fn json_of(call: &proto::JournalCall) -> Result<Value, Failure> {
    message::json("lienthong.simulation.v1.JournalCall", call)
}

fn line(call: &proto::JournalCall) -> String {
    let at = call.called_at.as_ref().and_then(|at| record::instant("called_at", at).ok());
    let took = call.took.as_ref().map_or(0.0, |took| took.seconds as f64 * 1e3 + f64::from(took.nanos) / 1e6);
    let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    let faults = if call.faults.is_empty() { String::new() } else { format!("  faults {}", call.faults.join(",")) };
    format!(
        "#{}  {}  {}  {}  {}  {took:.1} ms  {}{faults}",
        call.position,
        at.map(|at| at.to_string()).unwrap_or_default(),
        or_dash(call.method.strip_prefix("lienthong.").unwrap_or(&call.method)),
        or_dash(&call.caller),
        call.outcome,
        call.request_id
    )
}
