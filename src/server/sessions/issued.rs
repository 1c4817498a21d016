//! The records issued in a session: the entries of the registries' logs after those that it began with.

#![allow(clippy::disallowed_methods, reason = "an export waits by the machine's time")]

use std::sync::Arc;
use std::time::Duration;

use super::slot::Opened;
use crate::base::{Error, Reason, Result};
use crate::registry::port::{Inclusion as _, RegistryRecord};
use crate::server::roles::RegistryRole;
use crate::simulation::session::{ChangePosition, SessionChange, SessionDiff};
use crate::store::{Layout, Space};
use crate::trust::{SignedRecord, Statement};

/// How long the province may take to accept the issued records.
const ACCEPTED_WITHIN: Duration = Duration::from_secs(10);
/// Records read at once.
const RECORDS: usize = 64;

/// The registries from a position on: each with its number in the order of the catalogue, and the index at which to go on in its log.
fn registries(opened: &Opened, from: ChangePosition) -> Result<Vec<(u16, Arc<RegistryRole>, u64)>> {
    let anchor = opened.assembly.province.verifier.anchor();
    let sectors = opened.assembly.world.catalogue.sectors().iter();
    let mut found = Vec::new();
    for (at, sector) in (0_u16..).zip(sectors).skip(usize::from(from.0)) {
        let role = opened.assembly.registries.get(&sector.name);
        let role = role.ok_or_else(|| Error::bug("a registry without its role"))?.clone();
        let of = anchor.issuer(&sector.name).and_then(|issuer| issuer.continues.last());
        let begins = of.map_or(0, |from| from.size);
        found.push((at, role, if at == from.0 { from.1.max(begins) } else { begins }));
    }
    Ok(found)
}

/// At most `limit` changes from a position on.
pub(super) async fn diff(opened: &Opened, from: ChangePosition, limit: usize) -> Result<SessionDiff> {
    // The records that its logs begin with are not changes of its own.
    let rows = opened.store.rows_written().into_iter().filter(|(space, _)| space.layout() != Layout::Log);
    let rows = rows.filter(|(space, _)| !matches!(space, Space::Meta | Space::LogHead));
    let rows = rows.map(|(space, count)| (space.name(), count));
    let mut diff = SessionDiff { rows: rows.collect(), ..SessionDiff::default() };
    for (at, role, mut index) in registries(opened, from)? {
        while index < role.log().head().size {
            let wanted = limit - diff.changes.len();
            if wanted == 0 {
                diff.next = Some((at, index));
                return Ok(diff);
            }
            let entries = role.log().entries(index, wanted).await?;
            if entries.is_empty() {
                return Err(Error::bug("a log without the entries that its head covers"));
            }
            for statement in entries {
                let statement = Statement::decode(&statement).map_err(Error::bug)?;
                diff.changes.push(SessionChange {
                    registry: role.name().to_string(),
                    record_type: statement.schema,
                    record_id: statement.record_id,
                    version: statement.version,
                    operation: statement.operation,
                    log_index: index,
                });
                index += 1;
            }
        }
    }
    Ok(diff)
}

/// Some records from a position on, with both proofs, and the position to continue from.
pub(super) async fn records(
    opened: &Opened,
    from: ChangePosition,
) -> Result<(Vec<RegistryRecord>, Option<ChangePosition>)> {
    for (at, role, index) in registries(opened, from)? {
        let Some(batch) = role.issued(index, RECORDS).await? else { continue };
        let accepted = opened.assembly.province.layer.wait_for(role.name(), index + batch.len() as u64);
        let late = |_| Error::new(Reason::Overloaded, "the province has not accepted all records yet: try again");
        tokio::time::timeout(ACCEPTED_WITHIN, accepted).await.map_err(late)??;
        let mut found = Vec::with_capacity(batch.len());
        for (index, record) in (index..).zip(batch) {
            let statement = Statement::decode(&record.statement).map_err(Error::bug)?;
            let ledger_proof =
                opened.assembly.province.layer.prove(role.name(), index).await?.map(Arc::unwrap_or_clone);
            let record = SignedRecord { issuer_proof: Some(role.log().prove(index).await?), ledger_proof, ..record };
            found.push(RegistryRecord {
                record_type: statement.schema,
                record_id: statement.record_id,
                version: statement.version,
                record,
            });
        }
        let next = (at, index + found.len() as u64);
        return Ok((found, Some(next)));
    }
    Ok((Vec::new(), None))
}
