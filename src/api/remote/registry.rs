//! A registry on another host, as the port.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::connection::Connection;
use super::feed::{ANSWER_BYTES_MAX, Feed};
use super::message;
use crate::base::{Error, Reason, Result, Timestamp};
use crate::registry::Sector;
use crate::registry::port::{ChangeBatch, Content, Page, PutOutcome, Query, Receipt, Registry, Submission};
use crate::registry::signing::{CredentialDraft, SignedStatusList, StatusListDraft, not_offered};
use crate::trust::PublicKey;
use crate::wire::proto::registry::v1;
use crate::wire::proto::registry::v1::issuing_service_client::IssuingServiceClient;
use crate::wire::proto::registry::v1::registry_service_client::RegistryServiceClient;
use crate::wire::proto::trust::v1::GetCheckpointRequest;
use crate::wire::proto::trust::v1::ledger_service_client::LedgerServiceClient;
use crate::wire::record;
use tonic::transport::Channel;

/// Longest page token that is kept for a host, in bytes.
const PAGE_TOKEN_BYTES_MAX: usize = 4 * 1024;

/// What a host says of its registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// The origin of its log.
    pub log_origin: String,
    /// How many statements its log holds.
    pub log_size: u64,
    /// The fingerprint of its schema file; empty for a built-in one.
    pub schema_fingerprint: String,
    /// The time before which it issued nothing, if it tells.
    pub began_at: Option<Timestamp>,
    /// Which world it was seeded for; empty for records of its own.
    pub seeding: String,
}

/// A registry on another host.
pub struct RemoteRegistry {
    sector: Arc<Sector>,
    host: Arc<Connection>,
    feed: Feed,
}

impl RemoteRegistry {
    /// The registry of `sector` on `host`. Nothing is asked before it is used.
    pub fn new(sector: Arc<Sector>, host: Arc<Connection>) -> Arc<Self> {
        Arc::new(Self { sector, host, feed: Feed::default() })
    }

    /// The connection to its host.
    pub fn host(&self) -> &Arc<Connection> {
        &self.host
    }

    /// Asks the host what it serves. Fails with [`ConfigurationInvalid`](Reason::ConfigurationInvalid) where it is another registry than the
    /// catalogue's of this name. A registry that somebody else wrote may know no schema file.
    pub async fn describe(&self) -> Result<Described> {
        let name = self.name();
        let request = v1::DescribeRequest { registry: name.to_owned() };
        let answer = self
            .host
            .call(request, |request| {
                let mut client = self.client();
                async move { client.describe(request).await }
            })
            .await;
        let answer = answer.map_err(|error| match error.reason {
            Reason::InvalidRequest => {
                let message = format!("the host that was given for the {name} registry does not serve it");
                Error::new(Reason::ConfigurationInvalid, message)
            }
            _ => error,
        })?;
        let found = answer.registries.into_iter().find(|found| found.registry == name);
        let found = found.ok_or_else(|| message::malformed(name, "it describes other registries"))?;
        let began_at = found.began_at.as_ref().map(|at| record::instant("began_at", at)).transpose();
        let described = Described {
            log_origin: found.log_origin,
            log_size: found.log_size,
            schema_fingerprint: found.schema_fingerprint,
            began_at: began_at.map_err(|_| message::malformed(name, "its beginning is no time"))?,
            seeding: found.seeding,
        };
        let own = self.sector.definition.as_ref().map(|definition| definition.fingerprint()).unwrap_or_default();
        let differs = |what: &str| {
            let message =
                format!("the host of the {name} registry serves it with another {what} than this gateway has");
            Error::new(Reason::ConfigurationInvalid, message)
        };
        match &described {
            other if other.log_origin != self.sector.log_origin() => Err(differs("log")),
            other if !other.schema_fingerprint.is_empty() && other.schema_fingerprint != own => {
                Err(differs("schema file (--registry-schema)"))
            }
            _ => Ok(described),
        }
    }

    fn client(&self) -> RegistryServiceClient<Channel> {
        RegistryServiceClient::new(self.host.channel()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    fn issuing(&self) -> IssuingServiceClient<Channel> {
        IssuingServiceClient::new(self.host.channel()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    /// A host without IssuingService offers nothing of it.
    fn offered<T>(&self, answer: Result<T>, what: &str) -> Result<T> {
        answer.map_err(|error| match error.reason {
            Reason::MethodUnknown => not_offered(self.name(), what),
            _ => error,
        })
    }
}

#[async_trait]
impl Registry for RemoteRegistry {
    fn name(&self) -> &str {
        &self.sector.name
    }

    async fn log_size(&self) -> Result<u64> {
        // The province follows the registry, so that its stream knows. Describe would bring all schemas along.
        match self.feed.known() {
            0 => Ok(self.describe().await?.log_size),
            known => Ok(known),
        }
    }

    async fn log_size_now(&self) -> Result<u64> {
        Ok(self.describe().await?.log_size)
    }

    async fn read(&self, query: Query) -> Result<Page> {
        let request = message::query(&self.sector, &query)?;
        let answer = self
            .host
            .call(request, |request| {
                let mut client = self.client();
                async move { client.get_records(request).await }
            })
            .await?;
        if answer.records.len() > query.limit {
            return Err(message::malformed(self.name(), "more records than were asked for"));
        }
        if answer.next_page_token.len() > PAGE_TOKEN_BYTES_MAX {
            return Err(message::malformed(self.name(), "its page token is too long"));
        }
        let records = answer.records.into_iter().map(|one| message::registry_record(self.name(), one));
        let next = Some(answer.next_page_token).filter(|token| !token.is_empty()).map(String::into_bytes);
        Ok(Page { records: records.collect::<Result<_>>()?, next })
    }

    async fn submit(&self, submission: Submission) -> Result<Vec<Receipt>> {
        let changes = submission.changes.len();
        let request = message::submission(self.name(), submission);
        // May be repeated: the registry knows the request by its id.
        let answer = self
            .host
            .call(request, |request| {
                let mut client = self.client();
                async move { client.submit_changes(request).await }
            })
            .await?;
        message::receipts(self.name(), answer, changes)
    }

    async fn put(&self, contents: Vec<Content>, is_trial: bool) -> Result<Vec<PutOutcome>> {
        let count = contents.len();
        let request = message::contents(self.name(), contents, is_trial);
        let answer = self
            .host
            .call(request, |request| {
                let mut client = self.client();
                async move { client.put_records(request).await }
            })
            .await;
        message::outcomes(self.name(), self.offered(answer, "imports")?, count)
    }

    async fn changes(&self, cursor: u64, limit: usize) -> Result<Option<ChangeBatch>> {
        self.feed.changes(&self.host, self.name(), cursor, limit).await
    }

    async fn head(&self) -> Result<Option<Bytes>> {
        let request = GetCheckpointRequest { log: self.name().to_owned() };
        let answer = self
            .host
            .call(request, |request| {
                let mut client = LedgerServiceClient::new(self.host.channel());
                async move { client.get_checkpoint(request).await }
            })
            .await;
        match answer {
            Ok(answer) => Ok(Some(Bytes::from(answer.checkpoint))),
            // A registry that somebody else wrote need not serve its log.
            Err(error) if error.reason == Reason::MethodUnknown => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn wait_beyond(&self, cursor: u64) -> Result<()> {
        self.feed.wait_beyond(&self.host, self.name(), cursor).await
    }

    async fn key_in_use(&self) -> Result<PublicKey> {
        let request = v1::GetIssuingKeyRequest { registry: self.name().to_owned() };
        let answer = self
            .host
            .call(request, |request| {
                let mut client = self.issuing();
                async move { client.get_issuing_key(request).await }
            })
            .await;
        message::key(self.name(), self.offered(answer, "status lists and credentials")?.key)
    }

    async fn sign_status_list(&self, draft: StatusListDraft) -> Result<SignedStatusList> {
        let request = message::status_list(self.name(), &draft)?;
        let answer = self
            .host
            .call(request, |request| {
                let mut client = self.issuing();
                async move { client.sign_status_list(request).await }
            })
            .await;
        message::signed_list(&self.sector, draft, self.offered(answer, "status lists")?)
    }

    async fn sign_credential(&self, draft: CredentialDraft) -> Result<String> {
        let request = message::credential(self.name(), &draft)?;
        let answer = self
            .host
            .call(request, |request| {
                let mut client = self.issuing();
                async move { client.sign_credential(request).await }
            })
            .await;
        Ok(self.offered(answer, "credentials")?.credential)
    }
}
