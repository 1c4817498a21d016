//! `lienthong health`: one `grpc.health.v1.Health/Check`, for containers and scripts. Needs no folder and no configuration.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tonic::Request;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::ca::CaArgs;
use super::output::{Failure, OutputFormat, print, print_json, runtime};
use super::server::NO_SESSION_ID;
use crate::api::admission::SESSION;

const DEADLINE: Duration = Duration::from_secs(2);

const EXAMPLES: &str = "\
Examples:
  lienthong health
  lienthong health --address 127.0.0.1:50061 --service lienthong.exchange.v1.ExchangeService
  lienthong health --service feed/land    whether the land registry's changes are taken
  lienthong health --session $SESSION     whether this session is there and serves";

/// Ask a server whether it is serving: exit 0 if it is.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Health {
    /// The address of the server, without TLS unless `--ca` is given.
    #[arg(long, default_value = "127.0.0.1:50051", env = "LIENTHONG_ADDRESS", value_name = "HOST:PORT")]
    address: String,
    /// The service to check; the empty name is the server as a whole.
    #[arg(long, default_value = "", env = "LIENTHONG_HEALTH_SERVICE", value_name = "NAME")]
    service: String,
    /// The session to ask about. The province itself unless it is given.
    #[arg(long, env = "LIENTHONG_SESSION", value_name = "ID", hide_env_values = true)]
    session: Option<String>,
    #[command(flatten)]
    ca: CaArgs,
}

impl Health {
    /// Asks once, for at most two seconds.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        let address = self.address.clone();
        let answer = runtime()?.block_on(async { tokio::time::timeout(DEADLINE, self.ask()).await });
        let status = answer.map_err(|_| Failure::new(format!("{address} did not answer within 2 seconds")))??;
        match output {
            OutputFormat::Text => print(status.as_str_name())?,
            OutputFormat::Json => print_json(&serde_json::json!({ "status": status.as_str_name() }))?,
        }
        match status {
            ServingStatus::Serving => Ok(ExitCode::SUCCESS),
            other => Err(Failure::new(format!("the server at {address} is {}", other.as_str_name()))),
        }
    }

    async fn ask(self) -> Result<ServingStatus, Failure> {
        let (address, ca) = (self.address, self.ca);
        let channel = ca.connect(&ca.endpoint(&address)?, &address).await?;
        let mut request = Request::new(HealthCheckRequest { service: self.service });
        if let Some(session) = &self.session {
            let metadata = request.metadata_mut();
            metadata.insert(SESSION, session.parse().map_err(|_| Failure::with_code(NO_SESSION_ID, 2))?);
        }
        match HealthClient::new(channel).check(request).await {
            Ok(answer) => Ok(answer.into_inner().status()),
            Err(status) => {
                ca.expect_plaintext(&address).await?;
                let (code, why) = (status.code(), status.message());
                Err(Failure::new(format!("{address} refused the call with {code:?}: {why}")))
            }
        }
    }
}
