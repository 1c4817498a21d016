//! Tasks in the background: they end with their owner, and a defect that ends one speaks against the services that depend on it.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::api::health::OVERALL;
use crate::base::OnPanic;

/// A task that is aborted when dropped.
pub(super) struct AbortOnDrop(pub(super) JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What a world has done in the background. Registries' feeds, logs and the store tell of their own defects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Work {
    /// Links follow the province.
    Links,
    /// What falls due by the world's time.
    Due,
    /// Changes of keys are taken from their folder.
    Keys,
    /// Heads are cosigned.
    Cosigning,
    /// Events of webhooks are sent.
    Webhooks,
}

impl Work {
    fn name(self) -> &'static str {
        match self {
            Self::Links => "links",
            Self::Due => "due_work",
            Self::Keys => "key_changes",
            Self::Cosigning => "cosigning",
            Self::Webhooks => "webhooks",
        }
    }

    /// Whether a service shows old facts once nobody does this work.
    pub(super) fn concerns(self, service: &str) -> bool {
        match self {
            Self::Links => service.starts_with("lienthong.identity."),
            Self::Due => service == OVERALL || service.starts_with("lienthong."),
            Self::Keys => service == "lienthong.trust.v1.TrustService",
            Self::Cosigning => service == "lienthong.trust.v1.LedgerService",
            Self::Webhooks => service == "lienthong.province.v1.WebhookService",
        }
    }
}

/// The work that a defect has ended, until a restart.
#[derive(Clone, Default)]
pub(super) struct Defects(watch::Sender<BTreeSet<Work>>);

impl Defects {
    /// Does work in the background.
    pub(super) fn spawn(&self, work: Work, task: impl Future<Output = ()> + Send + 'static) -> AbortOnDrop {
        let told = self.of(work);
        AbortOnDrop(tokio::spawn(async move {
            let _tells = OnPanic::new(|| told());
            task.await;
        }))
    }

    /// Notes that a defect has ended a task of this work.
    pub(super) fn of(&self, work: Work) -> Arc<dyn Fn() + Send + Sync> {
        let defects = self.0.clone();
        Arc::new(move || {
            if defects.send_if_modified(|ended| ended.insert(work)) {
                let task = work.name();
                tracing::error!(
                    task,
                    "a task in the background ended by a defect; its work is not done until a restart"
                );
            }
        })
    }

    pub(super) fn watch(&self) -> watch::Receiver<BTreeSet<Work>> {
        self.0.subscribe()
    }
}
