//! The server that a command calls: its address, the credential, and the message when it does not answer.

use std::time::Duration;

use clap::Args;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use super::ca::CaArgs;
use super::language;
use super::output::Failure;
use crate::api::admission::SESSION;
use crate::base::Language;

/// How long a connection may take.
const CONNECTS_WITHIN: Duration = Duration::from_secs(5);

/// Said of what cannot be a session's id.
pub(super) const NO_SESSION_ID: &str = "a session's id is 32 hexadecimal digits";

/// Which server, and who asks.
#[derive(Debug, Clone, Args)]
pub struct ServerArgs {
    /// The address of the server, without TLS unless `--ca` is given.
    #[arg(long, default_value = "127.0.0.1:50051", env = "LIENTHONG_ADDRESS", value_name = "HOST:PORT")]
    pub(super) address: String,
    /// The bearer credential of the calls: an operator's.
    #[arg(
        long,
        default_value = "demo-operator",
        env = "LIENTHONG_CREDENTIAL",
        value_name = "CREDENTIAL",
        hide_env_values = true
    )]
    credential: String,
    /// The session to call in: a world of its own, which `lienthong session create` begins. The province itself unless it is given.
    #[arg(long, env = "LIENTHONG_SESSION", value_name = "ID", hide_env_values = true)]
    pub(super) session: Option<String>,
    #[command(flatten)]
    ca: CaArgs,
}

impl ServerArgs {
    /// The server of a command that has its own way of naming it.
    pub(super) fn of(address: String, credential: String, session: Option<String>, ca: CaArgs) -> Self {
        Self { address, credential, session, ca }
    }

    /// The same server, called in no session.
    pub(super) fn outside(self) -> Self {
        Self { session: None, ..self }
    }

    /// The same server, called in this session.
    pub(super) fn within(&self, session: &str) -> Self {
        Self { session: Some(session.to_owned()), ..self.clone() }
    }

    /// The same server, called with this credential.
    pub(super) fn with_credential(&self, credential: &str) -> Self {
        Self { credential: credential.to_owned(), ..self.clone() }
    }

    /// The credential of the calls.
    pub(super) fn credential(&self) -> &str {
        &self.credential
    }

    /// A connection to the server.
    pub(super) async fn connect(&self) -> Result<Channel, Failure> {
        let endpoint = self.ca.endpoint(&self.address)?.connect_timeout(CONNECTS_WITHIN);
        self.ca.connect(&endpoint, &self.address).await
    }

    /// A request with the credential, in the chosen language.
    pub(super) fn request<Q>(&self, message: Q, within: Duration) -> Result<Request<Q>, Failure> {
        let authorization: Result<MetadataValue<Ascii>, _> = format!("Bearer {}", self.credential).parse();
        let authorization = authorization.map_err(|_| Failure::with_code("the credential is not ASCII", 2))?;
        let mut request = Request::new(message);
        request.set_timeout(within);
        let metadata = request.metadata_mut();
        metadata.insert("authorization", authorization);
        if let Some(session) = &self.session {
            metadata.insert(SESSION, session.parse().map_err(|_| Failure::with_code(NO_SESSION_ID, 2))?);
        }
        if language::chosen() == Language::Vietnamese {
            metadata.insert("accept-language", MetadataValue::from_static("vi"));
        }
        Ok(request)
    }

    /// Makes one call.
    pub(super) async fn ask<Q, A>(
        &self,
        message: Q,
        within: Duration,
        call: impl AsyncFnOnce(Request<Q>) -> Result<tonic::Response<A>, Status>,
    ) -> Result<A, Failure> {
        let late = |_| Failure::new(format!("{} did not answer within {} s", self.address, within.as_secs()));
        let answer = tokio::time::timeout(within, call(self.request(message, within)?)).await.map_err(late)?;
        match answer {
            Ok(answer) => Ok(answer.into_inner()),
            Err(status) => Err(self.refusal(&status).await),
        }
    }

    /// The meaning of a refused call.
    pub(super) async fn refusal(&self, status: &Status) -> Failure {
        let address = &self.address;
        if status.code() == Code::Unimplemented {
            return Failure::new(format!(
                "{address} does not serve this method: a server with TLS serves SimulationService with --enable-simulation"
            ));
        }
        match self.ca.expect_plaintext(address).await {
            Err(failure) => failure,
            Ok(()) => {
                Failure::new(format!("{address} refused the call with {:?}: {}", status.code(), status.message()))
            }
        }
    }
}
