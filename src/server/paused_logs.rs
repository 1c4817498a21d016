//! The logs that a fault rule pauses: they are held like a log whose key changes, for as long as the rule exists.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use super::task::AbortOnDrop;
use crate::ledger::{Pause, Sequencer};
use crate::simulation::faults::{Rules, StateAction};

/// Pauses one log; `None` once it is closed.
pub(super) type Pausing = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Option<Pause>> + Send>> + Send + Sync>;

/// Pauses the log of a sequencer, which this does not keep open.
pub(super) fn pausing(sequencer: &Arc<Sequencer>) -> Pausing {
    let sequencer = Arc::downgrade(sequencer);
    Arc::new(move || {
        let sequencer = sequencer.upgrade();
        Box::pin(async move { sequencer?.pause().await.ok() })
    })
}

/// Pauses the logs of a world, until dropped.
pub(super) struct PausedLogs {
    _task: AbortOnDrop,
}

impl PausedLogs {
    /// Begins on the present runtime; `logs` by their names.
    pub(super) fn start(rules: &Arc<Rules>, logs: BTreeMap<String, Pausing>) -> Self {
        let (rules, mut changed) = (Arc::downgrade(rules), rules.watch());
        let task = tokio::spawn(async move {
            let mut paused: BTreeMap<String, AbortOnDrop> = BTreeMap::new();
            loop {
                changed.mark_unchanged();
                let Some(rules) = rules.upgrade() else { return };
                for (name, pausing) in &logs {
                    let is_wanted = rules.state(name, |action| action == StateAction::PausedSequencer).is_some();
                    // One that could not be paused is tried again.
                    let is_held = paused.get(name).is_some_and(|hold| !hold.0.is_finished());
                    match (is_wanted, is_held) {
                        (true, false) => {
                            drop(paused.insert(name.clone(), AbortOnDrop(tokio::spawn(hold(pausing.clone())))))
                        }
                        (false, _) => drop(paused.remove(name)),
                        _ => {}
                    }
                }
                let has_states = rules.current().has_states();
                drop(rules);
                if !Rules::moved(&mut changed, has_states).await {
                    return;
                }
            }
        });
        Self { _task: AbortOnDrop(task) }
    }
}

/// Holds a log until the task is aborted.
async fn hold(pausing: Pausing) {
    if let Some(_paused) = pausing().await {
        std::future::pending::<()>().await;
    }
}
