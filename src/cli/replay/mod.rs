//! `lienthong replay`: a recorded session again. As a client it makes the calls of the recording and reports what differs; as a server it answers
//! them without a world.

mod client;
mod drift;
pub(super) mod file;
mod serve;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::output::{Failure, OutputFormat, runtime};
use super::server::ServerArgs;
use drift::Noise;

const EXAMPLES: &str = "\
Examples:
  lienthong replay suite.jsonl                                  the same calls against a running server
  lienthong replay suite.jsonl --exact                          every byte of every answer must be the same
  lienthong replay suite.jsonl --noise requestId --noise 'records[].signed' --noise evidence
  lienthong replay suite.jsonl --serve 127.0.0.1:50061          answers the recorded calls, without a world

A replay begins a session with the id, the seed and the personas' faults of the recording. Its answers are the same byte for byte where the province
is the same (data folder, or seed, citizens and time of creation), and its clock shows the same time.";

/// Make the calls of a recording again, or answer them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Replay {
    /// The recording: `lienthong journal export` writes it.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Answer calls at this loopback address with the recorded answers, instead of making them.
    #[arg(long, env = "LIENTHONG_REPLAY_SERVE", value_name = "ADDRESS", conflicts_with_all = ["noise", "exact"])]
    serve: Option<SocketAddr>,
    /// A field that may differ, with everything below it: `requestId`, `records[].signed`, or for one method only `ExchangeService/FetchRecords:evidence`. May be given more than once.
    #[arg(long, env = "LIENTHONG_REPLAY_NOISE", value_delimiter = ',', value_name = "PATH")]
    noise: Vec<String>,
    /// Also report answers whose bytes differ although their fields do not.
    #[arg(long, env = "LIENTHONG_REPLAY_EXACT")]
    exact: bool,
    #[command(flatten)]
    server: ServerArgs,
}

impl Replay {
    /// Whether it answers calls instead of making them.
    pub fn is_server(&self) -> bool {
        self.serve.is_some()
    }

    /// Replays; 1 if an answer differs.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        let recorded = file::read(&self.file)?;
        let noise = self.noise.iter().map(|text| Noise::parse(text)).collect::<Result<Vec<_>, _>>()?;
        runtime()?.block_on(async {
            match self.serve {
                Some(address) => serve::serve(recorded, address, output).await.map(|()| ExitCode::SUCCESS),
                None => {
                    let server = self.server.outside();
                    client::Replaying { server, noise, is_exact: self.exact }.run(recorded, output).await
                }
            }
        })
    }
}
