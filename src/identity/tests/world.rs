//! The world of identity's tests: four registries, and stand-ins for the delivery of records and the notification of changes.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;

use crate::base::entropy::SeededEntropy;
use crate::base::{AgencyId, Call, Error, PersonalId, Reason, RecordId, Result};
use crate::identity::account::Level;
use crate::identity::ports::{
    AcceptedChange, AcceptedRecord, ChangeFeed, Delivered, DeliveredRecord, Delivery, RecordDelivery,
};
use crate::identity::presenting::Presenting;
use crate::registry::embedded::EmbeddedRegistry;
use crate::registry::numbers::Numbers;
use crate::registry::port::{Query, Registry as _, Selector};
use crate::registry::{self, Name};
use crate::trust::{Disclosure, Object, Operation, SignedRecord, Verdict};
use crate::world::world;

pub(super) use crate::world::payloads::{card, holder, licence, motorcycle, person};
pub(super) use crate::world::pid as id;

pub(super) fn only(text: &str) -> Numbers {
    Numbers::only(id(text))
}

pub(super) fn agency(key: &str) -> AgencyId {
    AgencyId::parse(key).expect("a key")
}

pub(super) struct World {
    province: crate::world::World,
    pub presenting: Presenting,
    pub delivery: Arc<FakeDelivery>,
    pub feed: Arc<FakeFeed>,
}

impl Deref for World {
    type Target = crate::world::World;

    fn deref(&self) -> &Self::Target {
        &self.province
    }
}

impl World {
    pub(super) async fn new() -> Self {
        let province = world().registries(&["resident", "health_insurance", "driver_licence", "vehicle"]).start().await;
        let (delivery, entropy) =
            (Arc::new(FakeDelivery::default()), Arc::new(SeededEntropy::new(province.seed.child("codes", 0))));
        let (linking, people) = (province.linking.clone(), province.people.clone());
        let presenting = Presenting::new(province.store.clone(), linking, people, delivery.clone(), entropy);
        let feed = Arc::new(FakeFeed { hosts: province.hosts.clone(), changes: Mutex::default() });
        Self { province, presenting, delivery, feed }
    }

    /// Says something new at the registry of `record_type`.
    pub(super) async fn say(&self, record_type: &str, payload: Object) -> RecordId {
        self.change(record_type, Operation::Create, 0, payload).await
    }

    pub(super) async fn change(
        &self,
        record_type: &str,
        operation: Operation,
        expected_version: u64,
        payload: Object,
    ) -> RecordId {
        let receipt = self.province.change(record_type, operation, expected_version, payload).await;
        let mut changes = self.feed.changes.lock().expect("whole");
        let ledger_index = changes.len() as u64;
        let (record_id, version) = (receipt.record_id, receipt.version);
        changes.push(AcceptedChange { ledger_index, record_type: record_type.into(), record_id, version });
        record_id
    }

    /// A person with a level 2 account.
    pub(super) async fn person(&self, payload: Object) {
        let number = payload.text("personal_id").expect("a number").to_owned();
        self.say(registry::resident::PERSON, payload).await;
        self.account(&number, Level::Two).await;
    }

    pub(super) fn call_of(&self, citizen: &str) -> Call {
        self.by_citizen(citizen)
    }

    pub(super) fn call(&self, key: &str) -> Arc<Call> {
        Arc::new(self.by_agency(key))
    }
}

/// The version that is the latest.
pub(super) const VERSION: u64 = 3;

/// Delivers only the requested records, and counts.
#[derive(Default)]
pub(super) struct FakeDelivery {
    pub is_down: AtomicBool,
    pub delivered: Mutex<Vec<Delivery>>,
    pub refusals: Mutex<Vec<(Option<PersonalId>, Reason)>>,
}

#[async_trait]
impl RecordDelivery for FakeDelivery {
    async fn deliver(&self, _: &Call, delivery: Delivery) -> Result<Delivered> {
        tokio::task::yield_now().await;
        if self.is_down.load(Ordering::SeqCst) {
            return Err(Error::new(Reason::RegistryUnavailable, "down"));
        }
        let mut delivered = self.delivered.lock().expect("whole");
        let records = delivery.wanted.iter().map(|wanted| DeliveredRecord {
            record_type: wanted.record_type.clone(),
            record_id: wanted.record_id,
            version: wanted.version.unwrap_or(VERSION),
            record: SignedRecord {
                statement: Bytes::new(),
                disclosure: Disclosure::Partial { shown: vec![], hidden: vec![] },
                issuer_proof: None,
                ledger_proof: None,
            },
            verdict: Verdict::Valid,
        });
        let evidence_index = delivery.repeats.unwrap_or(delivered.len() as u64);
        let records = records.collect();
        delivered.push(delivery);
        Ok(Delivered { records, evidence_index, evidence_checkpoint: Bytes::new() })
    }

    async fn log_refusal(&self, _: &Call, subject: Option<PersonalId>, _: &str, why: &Error) -> Result<()> {
        self.refusals.lock().expect("whole").push((subject, why.reason));
        Ok(())
    }
}

/// Changes that the registries accepted, as if the province had accepted them.
pub(super) struct FakeFeed {
    hosts: BTreeMap<Name, Arc<EmbeddedRegistry>>,
    changes: Mutex<Vec<AcceptedChange>>,
}

#[async_trait]
impl ChangeFeed for FakeFeed {
    async fn accepted(&self, from: u64, limit: usize) -> Result<(Vec<AcceptedChange>, u64)> {
        let changes = self.changes.lock().expect("whole");
        let page: Vec<_> = changes.iter().skip(from as usize).take(limit).cloned().collect();
        let next = from + page.len() as u64;
        Ok((page, next))
    }

    async fn latest(&self, record_type: &str, record_id: RecordId) -> Result<Option<AcceptedRecord>> {
        let host = self.hosts.values().find(|host| record_type.starts_with(host.name())).expect("a host");
        let page = host.read(Query::latest([record_type], Selector::Ids(vec![record_id]), 1)).await?;
        Ok(page.records.first().map(|found| {
            let statement = crate::trust::Statement::decode(&found.record.statement).expect("a statement");
            AcceptedRecord {
                version: statement.version,
                operation: statement.operation,
                valid_until: statement.valid_until,
                payload: found.record.disclosure.fields().expect("canonical"),
            }
        }))
    }

    async fn wait_beyond(&self, _: u64) -> Result<()> {
        std::future::pending().await
    }

    fn size(&self) -> u64 {
        self.changes.lock().expect("whole").len() as u64
    }
}
