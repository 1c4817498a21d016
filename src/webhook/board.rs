//! How far each webhook of a world is, in memory, for lag and metrics.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::webhook::{Webhook, WebhookState};
use crate::base::AgencyId;

/// The webhooks of a world as they were last seen.
#[derive(Debug, Default)]
pub(super) struct Board(Mutex<BTreeMap<Uuid, Seen>>);

#[derive(Debug)]
struct Seen {
    agency: AgencyId,
    state: WebhookState,
    /// The ledger was read up to here for it; `None`: not yet.
    read_to: Option<u64>,
}

/// The webhooks of one agency, as metrics show them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgencyWebhooks {
    /// How many are active, paused and disabled.
    pub states: [(&'static str, u64); 3],
    /// Ledger entries that wait to be read for the active one that is farthest behind.
    pub lag_entries: u64,
}

impl Board {
    fn seen(&self) -> MutexGuard<'_, BTreeMap<Uuid, Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These are all webhooks there are.
    pub(super) fn set(&self, all: &[(AgencyId, Webhook)]) {
        let mut seen = self.seen();
        let now = all.iter().map(|(agency, webhook)| {
            let read_to = seen.get(&webhook.id).and_then(|seen| seen.read_to);
            (webhook.id, Seen { agency: agency.clone(), state: webhook.state, read_to })
        });
        *seen = now.collect();
    }

    /// The ledger was read up to this index for a webhook.
    pub(super) fn note(&self, webhook: Uuid, ledger_index: u64) {
        if let Some(seen) = self.seen().get_mut(&webhook) {
            seen.read_to = Some(ledger_index);
        }
    }

    /// Up to where the ledger was read for a webhook.
    pub(super) fn read_to(&self, webhook: Uuid) -> Option<u64> {
        self.seen().get(&webhook).and_then(|seen| seen.read_to)
    }

    /// All agencies with webhooks, while the ledger has this size.
    pub(super) fn by_agency(&self, ledger_size: u64) -> BTreeMap<AgencyId, AgencyWebhooks> {
        let mut all: BTreeMap<AgencyId, AgencyWebhooks> = BTreeMap::new();
        for seen in self.seen().values() {
            let none =
                || AgencyWebhooks { states: ["active", "paused", "disabled"].map(|state| (state, 0)), lag_entries: 0 };
            let agency = all.entry(seen.agency.clone()).or_insert_with(none);
            let at = match seen.state {
                WebhookState::Active => 0,
                WebhookState::Paused => 1,
                WebhookState::Disabled(_) => 2,
            };
            agency.states[at].1 += 1;
            if let (WebhookState::Active, Some(read_to)) = (seen.state, seen.read_to) {
                agency.lag_entries = agency.lag_entries.max(ledger_size.saturating_sub(read_to));
            }
        }
        all
    }
}
