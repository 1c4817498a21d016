//! `lienthong session`: worlds of their own beside a running server's province, for test suites that run side by side.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use prost::Message as _;
use prost_reflect::DynamicMessage;
use serde_json::{Value, json};
use tonic::transport::Channel;
use tonic::{Request, Status};

use super::output::{Failure, OutputFormat, print, print_json, print_text, runtime};
use super::server::ServerArgs;
use crate::wire::proto::registry::v1::RegistryRecord;
use crate::wire::proto::simulation::v1 as proto;
use crate::wire::proto::simulation::v1::export_session_response::Part;
use crate::wire::proto::simulation::v1::session_service_client::SessionServiceClient;
use crate::wire::{record, typed};

const EXAMPLES: &str = "\
Examples:
  SESSION=$(lienthong session create --output json | jq -r .session_id)
  lienthong session create --label nightly --ttl 2h --seed 7
  grpcurl -plaintext -H 'authorization: Bearer demo-one-stop' -H \"x-lienthong-session: $SESSION\" \\
    127.0.0.1:50051 lienthong.simulation.v1.SimulationService/GetWorld
  lienthong clock advance 180d --session $SESSION
  lienthong session diff $SESSION                       what it changed
  lienthong session reset $SESSION                      back to how it began
  lienthong session export $SESSION --to ./kept         its records and trust anchor, for `lienthong verify`
  lienthong session delete $SESSION";

/// How long a call may take.
const DEADLINE: Duration = Duration::from_secs(30);
/// The files of an export.
const ANCHOR_FILE: &str = "anchor.json";
const RECORDS_FILE: &str = "records.json";
/// Items in one page.
const PAGE: u32 = 100;

/// Sessions of a running server: worlds of their own, beside its province.
#[derive(Debug, Subcommand)]
pub enum Session {
    /// Create a session, and print its id.
    #[command(after_help = EXAMPLES)]
    Create(Create),
    /// List the sessions.
    #[command(after_help = EXAMPLES)]
    List(ServerArgs),
    /// Show one session.
    #[command(after_help = EXAMPLES)]
    Show(One),
    /// Take a session back to its beginning.
    #[command(after_help = EXAMPLES)]
    Reset(One),
    /// End a session.
    #[command(after_help = EXAMPLES)]
    Delete(One),
    /// List the record versions that were issued in a session.
    #[command(after_help = EXAMPLES)]
    Diff(One),
    /// Save the records that were issued in a session, with its trust anchor.
    #[command(after_help = EXAMPLES)]
    Export(Export),
}

/// How a session is to be.
#[derive(Debug, Args)]
pub struct Create {
    /// A label for `session list`.
    #[arg(long, env = "LIENTHONG_SESSION_LABEL", default_value = "", value_name = "TEXT", hide_default_value = true)]
    label: String,
    /// How long it lives: `30m`, `2h`; at most 24h.
    #[arg(long, env = "LIENTHONG_SESSION_TTL", value_parser = super::load::duration, default_value = "1h", value_name = "TIME")]
    ttl: Duration,
    /// The session to begin from, in its present state. The province unless it is given.
    #[arg(long, env = "LIENTHONG_SESSION_FROM", value_name = "ID")]
    from: Option<String>,
    /// The seed of its randomness, so that equal calls get equal codes and ids.
    #[arg(long, env = "LIENTHONG_SESSION_SEED", value_name = "NUMBER")]
    seed: Option<u64>,
    /// The personas whose faults are in force in it, separated by commas, even if they are not where it begins; all that are in force there unless it is given.
    #[arg(
        long,
        env = "LIENTHONG_SESSION_PERSONA_FAULTS",
        value_delimiter = ',',
        value_name = "PERSONAL_IDS",
        conflicts_with = "no_persona_faults"
    )]
    persona_faults: Vec<String>,
    /// No persona's faults are in force in it.
    #[arg(long, env = "LIENTHONG_SESSION_NO_PERSONA_FAULTS")]
    no_persona_faults: bool,
    /// Calls in it may request faults of their own, by the metadata `x-lienthong-fault`.
    #[arg(long, env = "LIENTHONG_SESSION_METADATA_FAULTS")]
    metadata_faults: bool,
    /// Names the request, so that a repeated command gets the same session: 8 to 64 characters of A-Z a-z 0-9 . _ -.
    #[arg(
        long,
        env = "LIENTHONG_SESSION_REQUEST_ID",
        default_value = "",
        value_name = "ID",
        hide_default_value = true
    )]
    request_id: String,
    #[command(flatten)]
    server: ServerArgs,
}

/// Which session.
#[derive(Debug, Args)]
pub struct One {
    /// The session's id.
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    server: ServerArgs,
}

/// The state to keep, and the folder for it.
#[derive(Debug, Args)]
pub struct Export {
    /// The session's id.
    #[arg(value_name = "ID")]
    id: String,
    /// The folder for `anchor.json` and `records.json`; it is created. Existing files are not overwritten.
    #[arg(long, env = "LIENTHONG_SESSION_EXPORT_TO", value_name = "FOLDER")]
    to: PathBuf,
    #[command(flatten)]
    server: ServerArgs,
}

type Client = SessionServiceClient<Channel>;

impl Session {
    /// Runs the subcommand.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        runtime()?.block_on(async {
            match self {
                Self::Create(create) => create.run(output).await,
                Self::List(server) => list(&server.outside(), output).await,
                Self::Show(One { id, server }) => {
                    let (server, message) = (server.outside(), proto::GetSessionRequest { session_id: id });
                    let call = async |client: &mut Client, request| client.get_session(request).await;
                    show(&ask(&server, message, call).await?.session.unwrap_or_default(), output)
                }
                Self::Reset(One { id, server }) => {
                    let (server, message) = (server.outside(), proto::ResetSessionRequest { session_id: id });
                    let call = async |client: &mut Client, request| client.reset_session(request).await;
                    show(&ask(&server, message, call).await?.session.unwrap_or_default(), output)
                }
                Self::Delete(One { id, server }) => {
                    let (server, message) = (server.outside(), proto::DeleteSessionRequest { session_id: id });
                    let call = async |client: &mut Client, request| client.delete_session(request).await;
                    ask(&server, message, call).await?;
                    Ok(())
                }
                Self::Diff(One { id, server }) => diff(&server.outside(), &id, output).await,
                Self::Export(export) => export.run(output).await,
            }
        })?;
        Ok(ExitCode::SUCCESS)
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

impl Create {
    async fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let Self { label, ttl, from, seed, persona_faults, no_persona_faults, metadata_faults, request_id, server } =
            self;
        let ttl = prost_types::Duration::try_from(ttl);
        let faults = (no_persona_faults || !persona_faults.is_empty())
            .then_some(proto::PersonaFaults { personal_ids: persona_faults });
        let message = proto::CreateSessionRequest {
            request_id,
            label,
            ttl: Some(ttl.map_err(|_| Failure::with_code("that is longer than a session lives", 2))?),
            from_session: from.unwrap_or_default(),
            seed,
            persona_faults: faults,
            metadata_faults,
            session_id: String::new(),
        };
        let call = async |client: &mut Client, request| client.create_session(request).await;
        let created = ask(&server.outside(), message, call).await?.session.unwrap_or_default();
        match output {
            OutputFormat::Json => print_json(&json_of(&created)),
            OutputFormat::Text => print_text(&created.session_id),
        }
    }
}

async fn list(server: &ServerArgs, output: OutputFormat) -> Result<(), Failure> {
    let (mut sessions, mut page_token) = (Vec::new(), String::new());
    loop {
        let message = proto::ListSessionsRequest { page_size: PAGE, page_token };
        let call = async |client: &mut Client, request| client.list_sessions(request).await;
        let page = ask(server, message, call).await?;
        sessions.extend(page.sessions);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    match output {
        OutputFormat::Json => print_json(&sessions.iter().map(json_of).collect::<Vec<_>>()),
        OutputFormat::Text if sessions.is_empty() => Ok(()),
        OutputFormat::Text => print_text(&sessions.iter().map(line).collect::<Vec<_>>().join("\n")),
    }
}

async fn diff(server: &ServerArgs, id: &str, output: OutputFormat) -> Result<(), Failure> {
    let (mut changes, mut page_token) = (Vec::new(), String::new());
    let rows = loop {
        let message = proto::GetSessionDiffRequest { session_id: id.to_owned(), page_size: PAGE, page_token };
        let call = async |client: &mut Client, request| client.get_session_diff(request).await;
        let page = ask(server, message, call).await?;
        changes.extend(page.changes);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break page.rows;
        }
    };
    let change = |of: &proto::SessionChange| {
        json!({
            "registry": of.registry, "record_type": of.record_type, "record_id": of.record_id, "version": of.version,
            "operation": of.operation, "log_index": of.log_index,
        })
    };
    let text = |of: &proto::SessionChange| {
        format!("{:<6} {} {} version {}", of.operation, of.record_type, of.record_id, of.version)
    };
    match output {
        OutputFormat::Json => {
            print_json(&json!({ "changes": changes.iter().map(change).collect::<Vec<_>>(), "rows": rows }))
        }
        OutputFormat::Text if changes.is_empty() => Ok(()),
        OutputFormat::Text => print_text(&changes.iter().map(text).collect::<Vec<_>>().join("\n")),
    }
}

impl Export {
    async fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let Self { id, to, server } = self;
        let server = server.outside();
        let files = [to.join(ANCHOR_FILE), to.join(RECORDS_FILE)];
        if let Some(there) = files.iter().find(|path| path.exists()) {
            let says = format!("{} exists already: name another folder, or move it away", there.display());
            return Err(Failure::new(says));
        }
        let mut client = Client::new(server.connect().await?);
        let message = server.request(proto::ExportSessionRequest { session_id: id }, DEADLINE)?;
        let mut stream = match client.export_session(message).await {
            Ok(stream) => stream.into_inner(),
            Err(status) => return Err(server.refusal(&status).await),
        };
        let (mut anchor, mut now, mut records) = (String::new(), String::new(), Vec::new());
        loop {
            match stream.message().await {
                Ok(None) => break,
                Ok(Some(part)) => match part.part {
                    Some(Part::Heading(heading)) => {
                        anchor = heading.anchor_json;
                        now = time(heading.session.and_then(|session| session.clock?.now));
                    }
                    Some(Part::Record(record)) => records.push(json_of_record(&record)?),
                    None => {}
                },
                Err(status) => return Err(server.refusal(&status).await),
            }
        }
        let count = records.len();
        let write = |path: &Path, text: String| {
            // What came there meanwhile is not overwritten either.
            fs::create_dir_all(&to)
                .and_then(|()| fs::File::create_new(path)?.write_all(text.as_bytes()))
                .map_err(|error| Failure::new(format!("{} cannot be written: {error}", path.display())))
        };
        let [anchor_file, records_file] = &files;
        write(anchor_file, anchor)?;
        write(records_file, format!("{:#}\n", json!({ "records": records })))?;
        match output {
            OutputFormat::Json => {
                print_json(&json!({ "records": count, "folder": to.display().to_string(), "now": now }))
            }
            OutputFormat::Text => {
                let to = to.display();
                print_text(&format!("{count} record versions and the trust anchor are in {to}; they verify with"))?;
                print(&format!("  lienthong verify {to}/records.json --trust {to}/anchor.json --at {now}"))
            }
        }
    }
}

/// A record as protobuf JSON, which `lienthong verify` reads.
fn json_of_record(record: &RegistryRecord) -> Result<Value, Failure> {
    let name = "lienthong.registry.v1.RegistryRecord";
    let described =
        typed::pool().get_message_by_name(name).ok_or_else(|| Failure::new(format!("no descriptor of {name}")))?;
    let message = DynamicMessage::decode(described, record.encode_to_vec().as_slice());
    let message = message.map_err(|error| Failure::new(format!("a record cannot be read: {error}")))?;
    serde_json::to_value(&message).map_err(|error| Failure::new(format!("a record cannot be written as JSON: {error}")))
}

fn show(session: &proto::Session, output: OutputFormat) -> Result<(), Failure> {
    match output {
        OutputFormat::Json => print_json(&json_of(session)),
        OutputFormat::Text => print_text(&line(session)),
    }
}

fn time(at: Option<prost_types::Timestamp>) -> String {
    at.and_then(|at| record::instant("time", &at).ok()).map(|at| at.to_string()).unwrap_or_default()
}

fn line(session: &proto::Session) -> String {
    let label = if session.label.is_empty() { "-" } else { &session.label };
    format!(
        "{}  {label}  by {}  ends {}  clock {}  {} calls  {} bytes",
        session.session_id,
        session.created_by,
        time(session.expires_at),
        time(session.clock.and_then(|clock| clock.now)),
        session.calls,
        session.bytes
    )
}

fn json_of(session: &proto::Session) -> Value {
    json!({
        "session_id": session.session_id,
        "label": session.label,
        "created_by": session.created_by,
        "created_at": time(session.created_at),
        "expires_at": time(session.expires_at),
        "from_session": session.from_session,
        "resets": session.resets,
        "bytes": session.bytes,
        "calls": session.calls,
        "now": time(session.clock.and_then(|clock| clock.now)),
        "frozen": session.clock.is_some_and(|clock| clock.frozen),
    })
}
