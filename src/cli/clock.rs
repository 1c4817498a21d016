//! `lienthong clock`: what the clock of a running server's world shows, and moving it.

#![allow(clippy::disallowed_methods, reason = "a person who waits is told how far a jump is, by the machine's time")]

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

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
  lienthong clock next                             to the next work that is due, and run it
  lienthong clock next driver_licence.points_restored
  lienthong clock freeze                           so that answers do not change between two calls
  lienthong clock resume
  lienthong clock advance 180d --session $SESSION  in a session alone
  lienthong clock show --output json | jq -r .now";

/// How long a call may take: the longest deadline that a server honours.
const DEADLINE: Duration = Duration::from_secs(60);
/// How often a jump that takes longer is asked for again: a million pieces of work take a minute or two.
const REPETITIONS_MAX: u32 = 30;
/// How many pieces of work are printed for people; all of an answer are in the JSON.
const PIECES_PRINTED: usize = 20;
/// The interval of progress messages during a jump, and the time before the first.
const TELLS_EVERY: Duration = Duration::from_secs(1);

/// The clock of a server's world: show it, move it forward, stop it.
#[derive(Debug, Subcommand)]
pub enum Clock {
    /// Show the world's time and the machine's, and the scheduled work.
    #[command(after_help = EXAMPLES)]
    Show(ServerArgs),
    /// Move the clock forward by a duration, and run all work that falls due on the way.
    #[command(after_help = EXAMPLES)]
    Advance(Advance),
    /// Move the clock forward to a time.
    #[command(after_help = EXAMPLES)]
    To(To),
    /// Move the clock forward to the next work that is due, and run it.
    #[command(after_help = EXAMPLES)]
    Next(Next),
    /// Stop the clock.
    #[command(after_help = EXAMPLES)]
    Freeze(ServerArgs),
    /// Start a stopped clock again.
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

/// Move it to the next work.
#[derive(Debug, Args)]
pub struct Next {
    /// The kind of work: `driver_licence.points_restored`; `lienthong clock show` lists them. Any kind unless it is given.
    #[arg(value_name = "KIND")]
    kind: Option<String>,
    #[command(flatten)]
    request: RequestArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// The name of a jump.
#[derive(Debug, Args)]
pub struct RequestArgs {
    /// Names the jump, so that a repeated command moves the clock only once: 8 to 64 characters of A-Z a-z 0-9 . _ -; a new name unless it is given.
    #[arg(long, env = "LIENTHONG_CLOCK_REQUEST_ID", value_name = "ID")]
    request_id: Option<String>,
}

impl Clock {
    /// Runs the subcommand.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        runtime()?.block_on(async {
            match self {
                Self::Show(server) => {
                    let proto::GetClockResponse { clock, scheduled } = clock(&server).await?;
                    show(clock, Some(scheduled), output)
                }
                Self::Freeze(server) => {
                    let call = async |client: &mut Client, request| client.freeze_clock(request).await;
                    show(ask(&server, proto::FreezeClockRequest {}, call).await?.clock, None, output)
                }
                Self::Resume(server) => {
                    let call = async |client: &mut Client, request| client.resume_clock(request).await;
                    show(ask(&server, proto::ResumeClockRequest {}, call).await?.clock, None, output)
                }
                Self::Advance(Advance { by, request, server }) => {
                    let by = prost_types::Duration::try_from(by);
                    let by = by.map_err(|_| Failure::with_code("that is longer than any clock can be moved", 2))?;
                    advance(server, request, Target::By(by), output).await
                }
                Self::To(To { at, request, server }) => {
                    let at = crate::wire::record::timestamp(at).unwrap_or_default();
                    advance(server, request, Target::To(at), output).await
                }
                Self::Next(Next { kind, request, server }) => {
                    let (request_id, kind) = (request.id(), kind.unwrap_or_default());
                    let message = proto::AdvanceToNextRequest { request_id: request_id.clone(), kind };
                    let call = async |client: &mut Client, request| client.advance_to_next(request).await;
                    let answer = jump(&server, &request_id, message, call).await?;
                    print_jump(&request_id, answer.jump.unwrap_or_default(), output)
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

impl RequestArgs {
    fn id(self) -> String {
        self.request_id.unwrap_or_else(|| uuid::Uuid::now_v7().to_string())
    }
}

/// Why a call brought no answer.
enum NoAnswer {
    /// It may go on in the server.
    Late,
    /// The server may have begun it.
    Failed(Failure),
    /// Nothing was begun.
    Refused(Failure),
}

impl From<NoAnswer> for Failure {
    fn from(no_answer: NoAnswer) -> Self {
        match no_answer {
            NoAnswer::Late => Failure::new(format!("the server did not answer within {} s", DEADLINE.as_secs())),
            NoAnswer::Failed(failure) | NoAnswer::Refused(failure) => failure,
        }
    }
}

async fn clock(server: &ServerArgs) -> Result<proto::GetClockResponse, NoAnswer> {
    ask(server, proto::GetClockRequest {}, async |client: &mut Client, request| client.get_clock(request).await).await
}

/// Makes one call of the service; one that is late may go on in the server.
async fn ask<Q, A>(
    server: &ServerArgs,
    message: Q,
    call: impl AsyncFnOnce(&mut Client, Request<Q>) -> Result<tonic::Response<A>, Status>,
) -> Result<A, NoAnswer> {
    let mut client = Client::new(server.connect().await.map_err(NoAnswer::Refused)?);
    let request = server.request(message, DEADLINE).map_err(NoAnswer::Refused)?;
    match tokio::time::timeout(DEADLINE, call(&mut client, request)).await.map_err(|_| NoAnswer::Late)? {
        Ok(answer) => Ok(answer.into_inner()),
        Err(status) if status.code() == Code::DeadlineExceeded => Err(NoAnswer::Late),
        Err(status) if is_before_any_work(status.code()) => Err(NoAnswer::Refused(server.refusal(&status).await)),
        Err(status) => Err(NoAnswer::Failed(server.refusal(&status).await)),
    }
}

/// Whether a refusal by this code says that nothing was begun.
fn is_before_any_work(code: Code) -> bool {
    use Code::{AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, OutOfRange};
    use Code::{PermissionDenied, ResourceExhausted, Unauthenticated, Unimplemented};
    matches!(
        code,
        InvalidArgument
            | OutOfRange
            | NotFound
            | AlreadyExists
            | FailedPrecondition
            | PermissionDenied
            | Unauthenticated
            | Unimplemented
            | ResourceExhausted
    )
}

async fn advance(
    server: ServerArgs,
    request: RequestArgs,
    target: Target,
    output: OutputFormat,
) -> Result<(), Failure> {
    let request_id = request.id();
    let message = proto::AdvanceClockRequest { request_id: request_id.clone(), target: Some(target) };
    let call = async |client: &mut Client, request| client.advance_clock(request).await;
    print_jump(&request_id, jump(&server, &request_id, message, call).await?, output)
}

/// Asks for a jump, again under the same name while it takes longer than a call may, and tells a person who waits how far it is.
async fn jump<Q: Clone, A>(
    server: &ServerArgs,
    request_id: &str,
    message: Q,
    call: impl AsyncFn(&mut Client, Request<Q>) -> Result<tonic::Response<A>, Status>,
) -> Result<A, Failure> {
    let asked = async {
        for repetition in 0..REPETITIONS_MAX {
            match ask(server, message.clone(), &call).await {
                Err(NoAnswer::Late) => {}
                // Only the repetition is refused: the first, late request may still be running.
                Err(NoAnswer::Refused(failure)) if repetition > 0 => return Err(NoAnswer::Failed(failure)),
                answer => return answer,
            }
        }
        Err(NoAnswer::Late)
    };
    let bar = ProgressBar::new_spinner();
    let told = async {
        loop {
            tokio::time::sleep(TELLS_EVERY).await;
            if let Ok(proto::GetClockResponse { clock, scheduled }) = clock(server).await {
                let count: u64 = scheduled.iter().map(|work| work.count).sum();
                let now = text(clock.unwrap_or_default().now);
                bar.set_message(format!("the clock is at {now}; {count} pieces of work are scheduled"));
                bar.tick();
            }
        }
    };
    let answer = tokio::select! {
        answer = asked => answer,
        () = told => Err(NoAnswer::Late),
    };
    bar.finish_and_clear();
    // A jump that was begun goes on in the server: only its name tells a repetition from another jump.
    let again = |no_answer: NoAnswer| match no_answer {
        NoAnswer::Refused(failure) => failure,
        NoAnswer::Late | NoAnswer::Failed(_) => {
            let why = Failure::from(no_answer);
            Failure::new(format!("{}; to repeat exactly this jump: --request-id {request_id}", why.message()))
        }
    };
    answer.map_err(again)
}

fn print_jump(request_id: &str, jump: proto::AdvanceClockResponse, output: OutputFormat) -> Result<(), Failure> {
    let proto::AdvanceClockResponse { before, after, ran, ran_count, repetition, counts, lagging } = jump;
    let (before, after) = (text(before), text(after));
    match output {
        OutputFormat::Text => {
            let mut lines = format!("clock      {after}\nbefore     {before}\nrequest    {request_id}");
            if repetition {
                lines.push_str("\nrepeated   the same request moved it before");
            }
            for piece in ran.iter().take(PIECES_PRINTED) {
                let (at, record) = (text(piece.due_at), &piece.record_id);
                lines.push_str(&format!("\nran        {at} {} {record} {}", piece.kind, piece.effect));
            }
            for proto::DueWorkCount { kind, count } in &counts {
                lines.push_str(&format!("\nin all     {count} {kind}"));
            }
            for part in &lagging {
                lines.push_str(&format!("\nlagging    {part} does not show the changes yet"));
            }
            print_text(&lines)
        }
        OutputFormat::Json => {
            let piece = |piece: proto::DueWork| {
                serde_json::json!({
                    "kind": piece.kind, "due_at": text(piece.due_at), "record_type": piece.record_type,
                    "record_id": piece.record_id, "effect": piece.effect,
                })
            };
            let ran: Vec<_> = ran.into_iter().map(piece).collect();
            let counts: serde_json::Map<_, _> =
                counts.into_iter().map(|of| (of.kind, serde_json::Value::from(of.count))).collect();
            print_json(&serde_json::json!({
                "request_id": request_id, "before": before, "after": after, "ran": ran, "ran_count": ran_count,
                "counts": counts, "repetition": repetition, "lagging": lagging,
            }))
        }
    }
}

fn show(
    clock: Option<proto::WorldClock>,
    scheduled: Option<Vec<proto::ScheduledWork>>,
    output: OutputFormat,
) -> Result<(), Failure> {
    let proto::WorldClock { now, machine_time, frozen } = clock.unwrap_or_default();
    let (now, machine) = (text(now), text(machine_time));
    match output {
        OutputFormat::Text => {
            let pace = if frozen { "stopped" } else { "runs with the machine's" };
            let mut lines = format!("clock      {now}\nmachine    {machine}\npace       {pace}");
            for proto::ScheduledWork { kind, next_due_at, count } in scheduled.unwrap_or_default() {
                let next =
                    next_due_at.map_or_else(|| "none".to_owned(), |at| format!("{count}, next {}", text(Some(at))));
                lines.push_str(&format!("\nscheduled  {kind}: {next}"));
            }
            print_text(&lines)
        }
        OutputFormat::Json => {
            let mut shown = serde_json::json!({ "now": now, "machine_time": machine, "frozen": frozen });
            if let Some(scheduled) = scheduled {
                let one = |work: proto::ScheduledWork| {
                    let next = work.next_due_at.map(|at| text(Some(at)));
                    serde_json::json!({ "kind": work.kind, "next_due_at": next, "count": work.count })
                };
                shown["scheduled"] = scheduled.into_iter().map(one).collect();
            }
            print_json(&shown)
        }
    }
}

fn text(at: Option<prost_types::Timestamp>) -> String {
    let at = at.unwrap_or_default();
    Timestamp(at.seconds.saturating_mul(1_000).saturating_add(i64::from(at.nanos / 1_000_000))).to_string()
}
