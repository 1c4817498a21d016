//! Reading records of registries and verifying them: the only way from a registry's port to a record that other code uses.
//!
//! A registry may fail, lie or be slow ([`port`](super::port)). A caller states its query and gets an [`Answer`], of which
//! nothing is known but that it claims to match. [`Reader::as_issued`] verifies it where the issuer's proof is enough,
//! [`Reader::as_accepted`] where its statement must be in the record ledger, too. A record that does not pass is a
//! [`Refusal`](super::answer::Refusal), the same wherever it is read.

#![allow(clippy::disallowed_methods, reason = "the deadline of a call is transport")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::base::time::Instant;
use crate::base::{Error, PersonalId, Reason, Result, Timestamp, limits};
use crate::trust::{LogProof, SignedRecord, Verifier};

use super::answer::{Answer, Examined, VerifiedRecord};
use super::port::{Inclusion, PERSON_PAGE_RECORDS, Query, Registry, Selector};
use super::{Catalogue, Name, RecordType};

/// How long a record that was issued just now may take to reach the record ledger.
const ACCEPTANCE_MAX: Duration = Duration::from_millis(1_000);
/// Stands for the latest version.
pub const LATEST: u64 = 0;

/// The registries of a world, with everything that the checks of their answers need.
#[derive(Clone)]
pub struct Reader {
    catalogue: Arc<Catalogue>,
    registries: Arc<BTreeMap<Name, Arc<dyn Registry>>>,
    inclusion: Arc<dyn Inclusion>,
    verifier: Arc<Verifier>,
}

impl Reader {
    /// Reads `registries`; `inclusion` proves which of their statements are in the record ledger.
    pub fn new(
        catalogue: Arc<Catalogue>,
        registries: impl IntoIterator<Item = Arc<dyn Registry>>,
        inclusion: Arc<dyn Inclusion>,
        verifier: Arc<Verifier>,
    ) -> Self {
        let registries = registries.into_iter().map(|registry| (registry.name().into(), registry)).collect();
        Self { catalogue, registries: Arc::new(registries), inclusion, verifier }
    }

    /// The registries and record types of the world.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The verifier of the answers.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The registry of a record type; [`Reason::RegistryUnavailable`] when it is not connected.
    pub fn registry_of(&self, record_type: &RecordType) -> Result<&dyn Registry> {
        let found = self.registries.get(&*record_type.registry).map(|registry| &**registry);
        found.ok_or_else(|| {
            Error::new(Reason::RegistryUnavailable, "the registry is not connected")
                .with_subject("registry", &*record_type.registry)
        })
    }

    /// The latest records of a type that `selector` chooses, at most `most`, which fit into one page.
    pub async fn first(&self, record_type: &Arc<RecordType>, selector: Selector, most: usize) -> Result<Vec<Answer>> {
        let query = Query::latest([&record_type.name], selector, most);
        let page = self.registry_of(record_type)?.read(query.clone()).await?;
        let types = std::slice::from_ref(record_type);
        page.records.into_iter().take(most).map(|record| Ok(Answer::to(&query, types, record)?)).collect()
    }

    /// Adds to `found` every record of `record_types`, which are of one registry, that `selector` chooses in this version, however
    /// many pages they take. Fails with [`Reason::AnswerTooLarge`] when `found` would hold more than one answer may.
    pub async fn all(
        &self,
        record_types: &[Arc<RecordType>],
        selector: Selector,
        version: u64,
        found: &mut Vec<Answer>,
    ) -> Result<()> {
        let Some(first) = record_types.first() else { return Ok(()) };
        let registry = self.registry_of(first)?;
        let names = record_types.iter().map(|record_type| &record_type.name);
        let mut query = Query { version, ..Query::latest(names, selector, PERSON_PAGE_RECORDS) };
        loop {
            let page = registry.read(query.clone()).await?;
            for record in page.records {
                found.push(Answer::to(&query, record_types, record)?);
            }
            if found.len() > limits::ANSWER_RECORDS_MAX {
                let (name, most) = (registry.name(), limits::ANSWER_RECORDS_MAX);
                let message = format!(
                    "{name} holds more than {most} records of this citizen: ask for fewer record types, or page through the registry's own service"
                );
                return Err(Error::new(Reason::AnswerTooLarge, message).with_subject("registry", name));
            }
            query.after = page.next;
            if query.after.is_none() {
                return Ok(());
            }
        }
    }

    /// Every record of a type that names one of `numbers`, which are one person's: each once, issued and about them.
    pub async fn of_person(
        &self,
        record_type: &Arc<RecordType>,
        numbers: &[PersonalId],
        now: Timestamp,
    ) -> Result<Vec<VerifiedRecord>> {
        let (types, mut answers) = (std::slice::from_ref(record_type), Vec::new());
        for number in numbers {
            self.all(types, Selector::Person(*number), LATEST, &mut answers).await?;
        }
        let mut found: Vec<VerifiedRecord> = Vec::with_capacity(answers.len());
        for answer in answers {
            if found.iter().all(|known| known.record_id != answer.record.record_id) {
                answer.must_be_about(numbers)?;
                found.push(self.as_issued(&answer, now).verified()?);
            }
        }
        Ok(found)
    }

    /// Verifies an answer with its issuer's proof, whether or not it is in the record ledger.
    pub fn as_issued<'a>(&self, answer: &'a Answer, now: Timestamp) -> Examined<'a> {
        let record = answer.record.record.clone();
        let report = self.verifier.verify_issued(&record, now);
        Examined::new(answer, record, report)
    }

    /// Verifies an answer with its `proof` from the record ledger.
    pub fn as_accepted<'a>(&self, answer: &'a Answer, proof: Option<&LogProof>, now: Timestamp) -> Examined<'a> {
        let record = SignedRecord { ledger_proof: proof.cloned(), ..answer.record.record.clone() };
        let report = self.verifier.verify(&record, now);
        Examined::new(answer, record, report)
    }

    /// The proof that an answer's statement is in the record ledger. Waits a moment, and not past `until`, for one that was issued just
    /// now; `None` when the ledger still lacks it.
    pub async fn ledger_proof(&self, answer: &Answer, until: Instant) -> Result<Option<Arc<LogProof>>> {
        let Some(proof) = &answer.record.record.issuer_proof else { return Ok(None) };
        let registry = &answer.record_type.registry;
        if let Some(proved) = self.inclusion.prove(registry, proof.index).await? {
            return Ok(Some(proved));
        }
        let left = until.saturating_duration_since(Instant::now()).min(ACCEPTANCE_MAX);
        let accepted = self.inclusion.wait_for(registry, proof.index.saturating_add(1));
        match tokio::time::timeout(left, accepted).await {
            Ok(Ok(())) => self.inclusion.prove(registry, proof.index).await,
            _ => Ok(None),
        }
    }
}
