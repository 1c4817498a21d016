//! The province as a witness of the registries' logs: it follows every statement, so it cosigns the heads that it has ingested and
//! no others.

#![allow(clippy::disallowed_methods, reason = "a pause between cosignatures")]

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::logs::{Logs, PublicLog};
use crate::base::{Clock, Error, OnPanic, Reason, Result};
use crate::ledger::Head;
use crate::province::Province;
use crate::trust::Signer;
use crate::trust::cosignature::{cosign, with_lines};
use crate::trust::note::{Checkpoint, Note};

/// Pause between two cosignatures of one log.
const PAUSE: Duration = Duration::from_millis(250);
/// The newest head is cosigned again after this long, in milliseconds of the world's clock, so that its cosignature does not grow
/// stale.
const REFRESH_MS: i64 = 600_000;

/// Cosigns the heads of registries' logs until dropped.
pub struct ProvinceWitness(#[allow(dead_code)] JoinSet<()>); // held for its drop

impl ProvinceWitness {
    /// Cosigns for every registry whose log is served. `defect` is called for each task that a panic ends.
    pub fn start(
        province: &Arc<Province>,
        logs: &Logs,
        signer: Arc<dyn Signer>,
        clock: Arc<dyn Clock>,
        defect: &Arc<dyn Fn() + Send + Sync>,
    ) -> Self {
        let mut tasks = JoinSet::new();
        for log in logs.iter() {
            let Ok(mut progress) = province.watch_progress(&log.name) else { continue };
            let (province, log) = (Arc::downgrade(province), log.clone());
            let (signer, clock) = (signer.clone(), clock.clone());
            let mut heads = log.ledger.watch();
            let defect = defect.clone();
            tasks.spawn(async move {
                let _tells = OnPanic::new(|| defect());
                loop {
                    progress.mark_unchanged();
                    heads.mark_unchanged();
                    let Some(province) = province.upgrade() else { return };
                    if let Err(error) = cosign_accepted(&province, &log, &*signer, &*clock).await {
                        tracing::error!(log = log.name, %error, "the registry's head is not cosigned");
                    }
                    drop(province);
                    tokio::time::sleep(PAUSE).await;
                    // A head can change without progress: a new key signs the old tree.
                    let change = async {
                        tokio::select! {
                            biased;
                            moved = progress.changed() => moved,
                            moved = heads.changed() => moved,
                        }
                    };
                    tokio::select! {
                        biased;
                        changed = change => if changed.is_err() {
                            return; // the province layer, or the log, is gone
                        },
                        () = clock.sleep_until(clock.now().plus_ms(REFRESH_MS)) => {}
                    }
                }
            });
        }
        Self(tasks)
    }
}

/// Cosigns the head up to which the province has ingested the log, if its tree equals that of the accepted statements.
async fn cosign_accepted(province: &Province, log: &PublicLog, signer: &dyn Signer, clock: &dyn Clock) -> Result<()> {
    let accepted = province.accepted_tree(&log.name).await?;
    let Some((size, note)) = log.ledger.checkpoint_at_or_after(accepted.size()).await? else { return Ok(()) };
    if size != accepted.size() || size == 0 {
        return Ok(()); // its newest batch is incomplete
    }
    let parsed = Note::parse(&note).map_err(Error::bug)?;
    let checkpoint = Checkpoint::parse(parsed.text).map_err(Error::bug)?;
    if checkpoint.root != accepted.root() {
        let message = format!("its head of {size} entries is not the root of its statements");
        return Err(Error::new(Reason::SplitView, message).with_subject("log", log.name.clone()));
    }
    let at = clock.now();
    let line = cosign(parsed.text, signer, at)?;
    let head = Head { size, root: checkpoint.root, note: with_lines(&note, [line]), at };
    log.publish(Arc::new(head));
    Ok(())
}
