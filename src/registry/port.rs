//! The port of a registry: the operations that the gateway needs of one, wherever it runs.
//!
//! The embedded registry implements it; so can a client of `registry.v1.RegistryService` on another machine. Contract:
//!
//! - **Trust.** Answers are not trusted: every caller verifies the signed bytes. An implementation may fail, lie or be slow.
//! - **Atomicity.** [`Registry::submit`] is all or nothing and durable when `Ok`; a repetition with the same request id
//!   and content answers with the same receipts.
//! - **Ordering.** The issuer's log is the order of changes: a cursor is a log size, batches end at signed checkpoints, and
//!   reading twice from one cursor gives the same leaves.
//! - **Freshness.** A read that begins after `submit` answered sees its changes.
//! - **Signing.** A registry makes everything that it signs outside its log itself, from values that it checks (`signing`); callers see
//!   signatures and public keys, never a private key. A registry that does not sign such things answers with an error, the default.
//! - **Failure.** A registry that cannot be reached answers with [`Reason::RegistryUnavailable`](crate::base::Reason); no
//!   record is an empty answer, not an error.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::base::id::request_id_violation;
use crate::base::limits::BATCH_RECORDS_MAX;
use crate::base::{
    Error, OrganisationCode, PartialDate, Party, PersonalId, Reason, RecordId, Result, Timestamp, Violation,
    Violations, Warnings,
};
use crate::trust::{LogProof, Object, Operation, PublicKey, SignedRecord};

use super::signing::{CredentialDraft, SignedStatusList, StatusListDraft, not_offered};

/// Which records to read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Selector {
    /// Every record that names this person. The resident registry follows superseded numbers; other registries match exactly this number.
    Person(PersonalId),
    /// Every record that names this organisation.
    Organisation(OrganisationCode),
    /// The record of one natural key.
    Key(String),
    /// Records by id.
    Ids(Vec<RecordId>),
    /// People by an earlier number: superseded personal ID, or 9-digit number. Resident registry alone.
    OldNumber(String),
    /// People by folded name and birth date, compared at the coarser precision. Resident registry alone.
    Name {
        /// The folded key of the full name (`base::text::folded_key`).
        folded: String,
        /// The birth date; `None`: any.
        birth_date: Option<PartialDate>,
    },
    /// Every record of the types.
    All,
}

impl From<Party> for Selector {
    fn from(party: Party) -> Self {
        match party {
            Party::Person(person) => Self::Person(person),
            Party::Organisation(code) => Self::Organisation(code),
        }
    }
}

/// Records in one page of a registry's records of a person. Every reader of a person's records asks for this many, so that a second reader
/// finds the first one's page in the cache.
pub const PERSON_PAGE_RECORDS: usize = 100;

/// A read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Query {
    /// Record types, all of this registry; empty for all of its types.
    pub record_types: Vec<String>,
    /// Which of their records.
    pub selector: Selector,
    /// A version from 1; 0 for the latest.
    pub version: u64,
    /// Most records to answer. A page of long records ends before, after
    /// [`PAGE_PAYLOAD_BYTES_MAX`](crate::base::limits::PAGE_PAYLOAD_BYTES_MAX).
    pub limit: usize,
    /// The end of the previous answer ([`Page::next`]); `None` begins.
    pub after: Option<Vec<u8>>,
}

impl Query {
    /// The latest records of `record_types` that `selector` chooses, up to `limit`.
    pub fn latest(record_types: impl IntoIterator<Item = impl Into<String>>, selector: Selector, limit: usize) -> Self {
        let record_types = record_types.into_iter().map(Into::into).collect();
        Self { record_types, selector, version: 0, limit, after: None }
    }
}

/// A record as its registry answers: whole, with its issuer's proof, without a ledger proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryRecord {
    /// The record type; the statement must name the same.
    pub record_type: String,
    /// The record's id.
    pub record_id: RecordId,
    /// The version.
    pub version: u64,
    /// The signed bytes.
    pub record: SignedRecord,
}

/// Records, and the cursor of the next page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The records.
    pub records: Vec<Arc<RegistryRecord>>,
    /// For the next query's `after`; `None` at the end.
    pub next: Option<Vec<u8>>,
}

/// One change to submit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The record type.
    pub record_type: String,
    /// Its operation.
    pub operation: Operation,
    /// The version that the caller has seen; 0 for a new record.
    pub expected_version: u64,
    /// The whole new content.
    pub payload: Object,
    /// The start of its validity; `None`: by the rule of the record type.
    pub valid_from: Option<Timestamp>,
    /// The end of its validity, excluded; `None`: by the rule of the record type.
    pub valid_until: Option<Timestamp>,
}

/// A batch of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The caller's id for the batch.
    pub request_id: String,
    /// 1 to [`BATCH_RECORDS_MAX`] changes.
    pub changes: Vec<Change>,
}

impl Submission {
    /// The violations of a submission itself, before its changes are checked: of its id, or of the number of changes.
    pub fn violations(request_id: &str, changes: usize) -> Violations {
        request_id_violation(request_id).into_iter().chain(batch_violation("changes", changes)).collect()
    }
}

/// The violation of a `field` (`changes`, `records`) by a batch that is empty, or larger than a registry takes at once.
pub fn batch_violation(field: &'static str, items: usize) -> Option<Violation> {
    let is_batch = (1..=BATCH_RECORDS_MAX).contains(&items);
    (!is_batch).then(|| Violation::new(field, "COUNT", format!("a batch has 1 to {BATCH_RECORDS_MAX} of them")))
}

/// The result of one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The record.
    pub record_id: RecordId,
    /// Its new version.
    pub version: u64,
    /// Index of the statement in the registry's log.
    pub log_index: u64,
    /// The warnings about the accepted change; fields are named under `changes[N].payload`.
    pub warnings: Warnings,
}

/// A record's whole content, to be written where it differs from the stored one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The record type.
    pub record_type: String,
    /// The whole content.
    pub payload: Object,
}

/// The result of putting one content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutOutcome {
    /// The record is new.
    Created(Receipt),
    /// It is the record's next version.
    Updated(Receipt),
    /// The record has this content already; the receipt names its latest version.
    Unchanged(Receipt),
    /// It breaks rules; fields are named by their paths in the payload.
    Refused(Violations),
}

/// Changes that end at a signed checkpoint of the issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeBatch {
    /// Log index of the first change; the cursor asked for.
    pub first_index: u64,
    /// The changes in log order: statements and whole disclosures, without proofs.
    pub records: Vec<SignedRecord>,
    /// The issuer's signed checkpoint of size `first_index + records.len()`.
    pub checkpoint: Bytes,
}

/// A registry.
#[async_trait]
pub trait Registry: Send + Sync + 'static {
    /// Its name: `land`.
    fn name(&self) -> &str;

    /// How many statements its log holds.
    async fn log_size(&self) -> Result<u64>;

    /// The same, asked of the registry itself where the other is what was heard of it last.
    async fn log_size_now(&self) -> Result<u64> {
        self.log_size().await
    }

    /// Reads records.
    async fn read(&self, query: Query) -> Result<Page>;

    /// Submits changes.
    async fn submit(&self, submission: Submission) -> Result<Vec<Receipt>>;

    /// Brings records to the contents, each on its own: those that break a rule are refused and the others written, durable when `Ok`. One
    /// outcome for each, in their order. A trial checks the same, and writes nothing; its receipts have no log index.
    async fn put(&self, _contents: Vec<Content>, _is_trial: bool) -> Result<Vec<PutOutcome>> {
        let message = format!("the {} registry takes changes by SubmitChanges only", self.name());
        Err(Error::new(Reason::MethodUnknown, message).with_subject("registry", self.name()))
    }

    /// The changes from `cursor` on, about `limit` of them (more only when one signed batch is larger); `None` when the
    /// log ends at `cursor`. Fails with [`Reason::CursorGone`](crate::base::Reason) when it is past the end or ends no batch.
    async fn changes(&self, cursor: u64, limit: usize) -> Result<Option<ChangeBatch>>;

    /// The signed head of its log, if it shows it apart from changes: a follower who has all changes compares it with what was accepted.
    async fn head(&self) -> Result<Option<Bytes>> {
        Ok(None)
    }

    /// Waits until the log is longer than `cursor`.
    async fn wait_beyond(&self, cursor: u64) -> Result<()>;

    /// The public key that it signs with now.
    async fn key_in_use(&self) -> Result<PublicKey> {
        Err(not_offered(self.name(), "status lists and credentials"))
    }

    /// Signs the status list of one of its record types. Fails as an invalid request where the draft is not one of its own.
    async fn sign_status_list(&self, _draft: StatusListDraft) -> Result<SignedStatusList> {
        Err(not_offered(self.name(), "status lists"))
    }

    /// Signs a credential of one of its records. Fails with [`Reason::VersionConflict`](crate::base::Reason) unless the record is the
    /// latest version that it issued, and as an invalid request where the draft asks for more than the record is good for.
    async fn sign_credential(&self, _draft: CredentialDraft) -> Result<String> {
        Err(not_offered(self.name(), "credentials"))
    }
}

/// The province's proof of acceptance; the province layer implements it, so that a registry's services and the exchange can
/// use ledger indices without depending on the province.
#[async_trait]
pub trait Inclusion: Send + Sync + 'static {
    /// How many statements of `registry`'s log the province has accepted.
    async fn accepted_size(&self, registry: &str) -> Result<u64>;

    /// Waits until the province has accepted `registry`'s log up to `log_size`; returns at once when it has.
    async fn wait_for(&self, registry: &str, log_size: u64) -> Result<()>;

    /// The index in the record ledger of the statement with this index in `registry`'s log, once accepted.
    async fn ledger_index(&self, registry: &str, log_index: u64) -> Result<Option<u64>>;

    /// The proof that this statement is in the record ledger, under the ledger's present checkpoint; `None` until it is accepted.
    async fn prove(&self, registry: &str, log_index: u64) -> Result<Option<Arc<LogProof>>>;
}
