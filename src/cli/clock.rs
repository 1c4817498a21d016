//! `lienthong clock`: what the clock of a running server's world shows, and moving it.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use tonic::transport::Channel;
use tonic::{Request, Status};

use super::output::{Failure, OutputFormat, print_json, print_text, runtime};
use super::server::ServerArgs;
use crate::base::Timestamp;
use crate::wire::proto::simulation::v1 as proto;
use crate::wire::proto::simulation::v1::advance_clock_request::Target;
use crate::wire::proto::simulation::v1::simulation_service_client::SimulationServiceClient;

const EXAMPLES: &str = "\
Examples:
  lienthong clock show
  lienthong clock advance 180d                     half a year on: cards lapse, licences expire, consents end
  lienthong clock to 2027-01-01T00:00:00+07:00     the turn of the year
  lienthong clock freeze                           so that answers do not change between two calls
  lienthong clock resume
  lienthong clock show --output json | jq -r .now";

/// How long a server may take: a jump runs all work that falls due on its way.
const DEADLINE: Duration = Duration::from_secs(60);

/// The clock of a server's world: show it, move it forward, stop it.
#[derive(Debug, Subcommand)]
pub enum Clock {
    /// Show the world's time, with the machine's beside it.
    #[command(after_help = EXAMPLES)]
    Show(ServerArgs),
    /// Move the clock forward by a duration, and run all work that falls due on the way.
    #[command(after_help = EXAMPLES)]
    Advance(Advance),
    /// Move the clock forward to a time.
    #[command(after_help = EXAMPLES)]
    To(To),
    /// Stop the clock.
    #[command(after_help = EXAMPLES)]
    Freeze(ServerArgs),
    /// Let a stopped clock go on.
    #[command(after_help = EXAMPLES)]
    Resume(ServerArgs),
}

/// Move it by a duration.
#[derive(Debug, Args)]
pub struct Advance {
    /// How far: `180d`, `36h`, `5m`; at most ten years.
    #[arg(value_parser = span, value_name = "TIME")]
    by: Duration,
    #[command(flatten)]
    request: RequestArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Move it to a time.
#[derive(Debug, Args)]
pub struct To {
    /// The time, RFC 3339: `2027-01-01T00:00:00+07:00`.
    #[arg(value_parser = super::verify::instant, value_name = "TIME")]
    at: Timestamp,
    #[command(flatten)]
    request: RequestArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// The name of a jump.
#[derive(Debug, Args)]
pub struct RequestArgs {
    /// Names the jump, so that a script that repeats the command moves the clock once: 8 to 64 characters of A-Z a-z 0-9 . _ -; a new name unless it is given.
    #[arg(long, env = "LIENTHONG_CLOCK_REQUEST_ID", value_name = "ID")]
    request_id: Option<String>,
}

impl Clock {
    /// Runs the subcommand.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        runtime()?.block_on(async {
            match self {
                Self::Show(server) => {
                    let call = async |client: &mut Client, request| client.get_clock(request).await;
                    show(ask(&server, proto::GetClockRequest {}, call).await?.clock, output)
                }
                Self::Freeze(server) => {
                    let call = async |client: &mut Client, request| client.freeze_clock(request).await;
                    show(ask(&server, proto::FreezeClockRequest {}, call).await?.clock, output)
                }
                Self::Resume(server) => {
                    let call = async |client: &mut Client, request| client.resume_clock(request).await;
                    show(ask(&server, proto::ResumeClockRequest {}, call).await?.clock, output)
                }
                Self::Advance(Advance { by, request, server }) => {
                    let by = prost_types::Duration::try_from(by);
                    let by = by.map_err(|_| Failure::with_code("that is longer than any clock goes", 2))?;
                    jump(server, request, Target::By(by), output).await
                }
                Self::To(To { at, request, server }) => {
                    let at = crate::wire::record::timestamp(at).unwrap_or_default();
                    jump(server, request, Target::To(at), output).await
                }
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Reads a duration. One without a unit is refused: a clock that was moved by 180 seconds instead of days is not moved back.
fn span(text: &str) -> Result<Duration, String> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("{text} of what? Add a unit: ms, s, m, h or d"));
    }
    super::load::duration(text)
}

type Client = SimulationServiceClient<Channel>;

/// Makes one call of the service.
async fn ask<Q, A>(
    server: &ServerArgs,
    message: Q,
    call: impl AsyncFnOnce(&mut Client, Request<Q>) -> Result<tonic::Response<A>, Status>,
) -> Result<A, Failure> {
    let mut client = Client::new(server.connect().await?);
    server.ask(message, DEADLINE, async |request| call(&mut client, request).await).await
}

async fn jump(server: ServerArgs, request: RequestArgs, target: Target, output: OutputFormat) -> Result<(), Failure> {
    let request_id = request.request_id.unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    let message = proto::AdvanceClockRequest { request_id: request_id.clone(), target: Some(target) };
    let call = async |client: &mut Client, request| client.advance_clock(request).await;
    // A jump that was begun goes on in the server: only its name tells a repetition from another jump.
    let again = |failure: Failure| {
        Failure::new(format!("{}; to repeat this very jump: --request-id {request_id}", failure.message()))
    };
    let answer = ask(&server, message, call).await.map_err(again)?;
    let proto::AdvanceClockResponse { before, after, ran, ran_count, repetition } = answer;
    let (before, after) = (text(before), text(after));
    match output {
        OutputFormat::Text => {
            let mut lines = format!("clock      {after}\nbefore     {before}\nrequest    {request_id}");
            if repetition {
                lines.push_str("\nrepeated   it was moved before, by the same request");
            }
            for piece in &ran {
                lines.push_str(&format!("\nran        {} {}", text(piece.due_at), piece.kind));
            }
            print_text(&lines)
        }
        OutputFormat::Json => {
            let ran: Vec<_> = ran
                .into_iter()
                .map(|piece| serde_json::json!({ "kind": piece.kind, "due_at": text(piece.due_at) }))
                .collect();
            print_json(&serde_json::json!({
                "request_id": request_id, "before": before, "after": after, "ran": ran, "ran_count": ran_count, "repetition": repetition,
            }))
        }
    }
}

fn show(clock: Option<proto::WorldClock>, output: OutputFormat) -> Result<(), Failure> {
    let proto::WorldClock { now, machine_time, frozen } = clock.unwrap_or_default();
    let (now, machine) = (text(now), text(machine_time));
    match output {
        OutputFormat::Text => {
            let pace = if frozen { "stands still" } else { "goes on with the machine's" };
            print_text(&format!("clock      {now}\nmachine    {machine}\npace       {pace}"))
        }
        OutputFormat::Json => print_json(&serde_json::json!({ "now": now, "machine_time": machine, "frozen": frozen })),
    }
}

fn text(at: Option<prost_types::Timestamp>) -> String {
    let at = at.unwrap_or_default();
    Timestamp(at.seconds.saturating_mul(1_000).saturating_add(i64::from(at.nanos / 1_000_000))).to_string()
}
