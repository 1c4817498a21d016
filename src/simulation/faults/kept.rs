//! The rules that a world was given while it ran, as rows of its store, so that they hold after a restart. The personas' need no row: they are in
//! their catalogue.

use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use crate::base::{Error, PersonalId, Reason, Result};
use crate::store::{Batch, Scan, Space, Store};

use super::action::{Action, ReadAction};
use super::rule::Rule;

const PREFIX: &[u8] = b"fault/";
/// Rows in one read.
const ROWS_READ: usize = 512;

#[derive(Serialize, Deserialize)]
struct Row {
    action: ReadAction,
    every: NonZeroU64,
}

/// Adds the row of a citizen's rule to a batch.
pub fn keep(batch: Batch, rule: &Rule) -> Result<Batch> {
    let (Action::Read(action), Some(person)) = (&rule.action, &rule.matching.person) else {
        return Err(Error::bug("the rule of a citizen that is not about their records"));
    };
    let row = Row { action: *action, every: rule.turn.every };
    let key = [PREFIX, person.as_str().as_bytes()].concat();
    Ok(batch.put(Space::Simulation, key, serde_json::to_vec(&row).map_err(Error::bug)?))
}

/// All rules that are kept.
pub async fn all(store: &dyn Store) -> Result<Vec<Rule>> {
    let corrupt = || Error::new(Reason::StorageCorrupt, "a rule of faults cannot be read back");
    let mut rules = Vec::new();
    let mut scan = Scan::prefix(Space::Simulation, PREFIX).limit(ROWS_READ);
    loop {
        let rows = store.scan(scan.clone()).await?;
        for (key, row) in &rows {
            let person = key.get(PREFIX.len()..).and_then(|id| std::str::from_utf8(id).ok());
            let person = person.and_then(PersonalId::parse).ok_or_else(corrupt)?;
            let Row { action, every } = serde_json::from_slice(row).map_err(|error| corrupt().with_source(error))?;
            rules.push(Rule::about(person, every, action));
        }
        match rows.last() {
            Some((last, _)) if rows.len() == ROWS_READ => scan = scan.after(last.to_vec()),
            _ => return Ok(rules),
        }
    }
}
