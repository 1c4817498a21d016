//! One accepted change by its place in the record ledger, for those who keep the place alone.

use crate::base::Result;

use super::follow::Province;
use super::watch::ProvedStatement;

impl Province {
    /// The change at a ledger index, with the proof of its inclusion; `None` if there is none.
    pub async fn change_at(&self, ledger_index: u64) -> Result<Option<ProvedStatement>> {
        let (accepted, _) = self.accepted(ledger_index, 1).await?;
        let Some((_, statement)) = accepted.into_iter().find(|(index, _)| *index == ledger_index) else {
            return Ok(None);
        };
        let proof = self.ledger.prove_stored(ledger_index).await?;
        Ok(Some(ProvedStatement { ledger_index, statement, proof }))
    }
}
