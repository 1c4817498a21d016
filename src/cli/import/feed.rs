//! Rows on their way to the server: read, decoded and built on a thread of their own, in batches of the size of a call.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::BuildHasher as _;
use std::ops::ControlFlow;
use std::sync::Arc;

use prost::Message as _;
use prost_types::Struct;
use tokio::sync::mpsc;

use super::cell::{Flaw, Row};
use super::limits::{BATCH_BYTES, BATCH_ROWS};
use super::record::Builder;
use super::source::Source;
use crate::base::text::exact_key;
use crate::base::{Path, Violations};
use crate::cli::output::Failure;
use crate::registry::normal::stored_form;
use crate::registry::schema::KeyForm;
use crate::registry::{Catalogue, RecordType};
use crate::trust::{Object, Value, canonical};
use crate::wire::payload::object;

/// Rows that go in one call.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) rows: Vec<(Row, Struct)>,
    /// Rows that are not records.
    pub(super) refused: Vec<(Row, Vec<Flaw>)>,
    pub(super) repeated: u64,
    /// The last row, and how far in the file it ends.
    pub(super) last_row: u64,
    pub(super) position: u64,
    bytes: usize,
}

/// Reads the rows after the header; those up to `done` are only remembered. Ends when nobody takes batches any more.
pub(super) fn feed(
    source: &Source,
    builder: &Builder,
    header: u64,
    done: u64,
    record_type: &str,
    batches: &mpsc::Sender<Batch>,
) -> Result<(), Failure> {
    let mut known = Known::of(record_type);
    let mut batch = Batch::default();
    source.rows(&mut |mut row| {
        if row.number <= header {
            return Ok(ControlFlow::Continue(()));
        }
        builder.decode(&mut row);
        let built = builder.payload(&row).and_then(|payload| known.check(builder, &row, payload));
        if row.number <= done {
            return Ok(ControlFlow::Continue(()));
        }
        (batch.last_row, batch.position) = (row.number, row.position);
        match built {
            Ok(Some(payload)) => {
                batch.bytes += payload.encoded_len();
                batch.rows.push((row, payload));
            }
            Ok(None) => batch.repeated += 1,
            Err(flaws) => {
                batch.bytes += row.cells.iter().map(|cell| cell.text().len()).sum::<usize>();
                batch.refused.push((row, flaws));
            }
        }
        if batch.rows.len() < BATCH_ROWS && batch.refused.len() < BATCH_ROWS && batch.bytes < BATCH_BYTES {
            return Ok(ControlFlow::Continue(()));
        }
        let sent = batches.blocking_send(std::mem::take(&mut batch));
        Ok(if sent.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    if batch.last_row > 0 {
        // Nobody takes it when the import has failed, and that failure is the one to report.
        let _ = batches.blocking_send(batch);
    }
    Ok(())
}

/// The keys of the rows so far, with their contents, by hashes.
struct Known {
    /// For a built-in type, which converts several spellings to one.
    record_type: Option<Arc<RecordType>>,
    rows: HashMap<u64, (u64, u64)>,
    /// With a key of this process: nobody can write two rows that it takes for one.
    hasher: RandomState,
}

/// The texts of a value by the keys under which two spellings are equal.
fn spelt_once(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(exact_key(&text)),
        Value::Array(items) => Value::Array(items.into_iter().map(spelt_once).collect()),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (name, spelt_once(value))).collect())
        }
        other => other,
    }
}

impl Known {
    fn of(record_type: &str) -> Self {
        let record_type = Catalogue::built_in().record_type(record_type).cloned();
        Self { record_type, rows: HashMap::new(), hasher: RandomState::new() }
    }

    /// The content of a payload, in whichever way its numbers and names are written.
    fn content(&self, payload: &Struct) -> u64 {
        // The server refuses values that cannot be read.
        let payload = object(&Path::Root, payload.clone(), 1, &mut Violations::default());
        let payload = match &self.record_type {
            Some(record_type) => stored_form(record_type, &payload),
            None => payload,
        };
        let payload: Object = payload.into_iter().map(|(name, value)| (name, spelt_once(value))).collect();
        self.hasher.hash_one(canonical::write(&payload))
    }

    /// A second row of one record: left out when it says the same, and refused otherwise, because a file that contradicts itself is not
    /// decided by the order of its rows.
    fn check(&mut self, builder: &Builder, row: &Row, payload: Struct) -> Result<Option<Struct>, Vec<Flaw>> {
        let Some(key) = builder.key(&payload) else { return Ok(Some(payload)) };
        let content = self.content(&payload);
        match self.rows.entry(self.hasher.hash_one(KeyForm::Compact.of(&key))) {
            Entry::Vacant(entry) => {
                entry.insert((row.number, content));
                Ok(Some(payload))
            }
            Entry::Occupied(entry) if entry.get().1 == content => Ok(None),
            Entry::Occupied(entry) => {
                let message = format!("row {} states other values for the same record", entry.get().0);
                Err(vec![Flaw::new(builder.key_column(), "DUPLICATE", message)])
            }
        }
    }
}
