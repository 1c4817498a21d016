//! Connects identity and the exchange: the exchange delivers and logs the records of a presentation.

use std::sync::Arc;

use async_trait::async_trait;

use crate::base::Call;
use crate::base::{Error, PersonalId, Result};
use crate::exchange::{self, CheckedRecord, Context, DocumentRef, Exchange};
use crate::identity::ports::{Delivered, DeliveredRecord, Delivery, RecordDelivery};

/// The exchange, as identity's port.
pub(super) struct ExchangeDelivery(pub(super) Arc<Exchange>);

#[async_trait]
impl RecordDelivery for ExchangeDelivery {
    async fn deliver(&self, call: &Call, delivery: Delivery) -> Result<Delivered> {
        let mut documents = Vec::with_capacity(delivery.wanted.len());
        for wanted in &delivery.wanted {
            let record_type = wanted.record_type.clone();
            documents.push(DocumentRef { record_type, record_id: wanted.record_id, version: wanted.version });
        }
        let Delivery { subject: person, reference, guardian, repeats, .. } = delivery;
        let delivery = exchange::DocumentDelivery { person, documents, reference, guardian, repeats };
        let exchanged = self.0.deliver(Context::of(call)?, delivery).await?;
        Ok(Delivered {
            records: exchanged.records.iter().map(|checked| delivered(checked)).collect(),
            evidence_index: exchanged.evidence.index,
            evidence_checkpoint: exchanged.evidence.checkpoint,
        })
    }

    async fn log_refusal(&self, call: &Call, subject: Option<PersonalId>, reference: &str, why: &Error) -> Result<()> {
        self.0.log_refusal(Context::of(call)?, subject, reference, why.reason).await.map(|_| ())
    }
}

fn delivered(checked: &CheckedRecord) -> DeliveredRecord {
    DeliveredRecord {
        record_type: checked.record_type.clone(),
        record_id: checked.record_id,
        version: checked.version,
        record: checked.record.clone(),
        verdict: checked.verdict,
    }
}
