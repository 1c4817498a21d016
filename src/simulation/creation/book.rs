//! The creations of a world, by the ids of their requests, in its store; and the numbers that they leave free.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

use crate::base::{Error, PersonalId, Reason, Result};
use crate::simulation::faults::{Rule, kept};
use crate::simulation::personas::identity::ordinal_of;
use crate::store::{Batch, Scan, Space, Store, settled};

use super::made::Creation;
use super::numbers::Taken;

const PREFIX: &[u8] = b"person/";
/// Rows in one read.
const ROWS_READ: usize = 256;

/// The creations.
pub struct Book {
    store: Arc<dyn Store>,
    taken: OnceCell<Mutex<Taken>>,
}

impl Book {
    /// The book in `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, taken: OnceCell::new() }
    }

    /// The numbers that are taken, read from the store once.
    pub async fn taken(&self) -> Result<&Mutex<Taken>> {
        self.taken.get_or_try_init(|| self.read_taken()).await
    }

    async fn read_taken(&self) -> Result<Mutex<Taken>> {
        let mut taken = Taken::default();
        let mut scan = Scan::prefix(Space::Simulation, PREFIX).limit(ROWS_READ);
        loop {
            let rows = self.store.scan(scan.clone()).await?;
            for (_, row) in &rows {
                let creation = read(row)?;
                for citizen in &creation.made.citizens {
                    let land = Some((citizen.unit_code.as_str(), citizen.parcel));
                    if let Some(id) = PersonalId::parse(&citizen.personal_id) {
                        taken.note(ordinal_of(id), land);
                    }
                }
                let further = creation.numbers.iter().filter_map(|number| PersonalId::parse(number));
                further.for_each(|number| taken.note(ordinal_of(number), None));
            }
            match rows.last() {
                Some((last, _)) if rows.len() == ROWS_READ => scan = scan.after(last.to_vec()),
                _ => return Ok(Mutex::new(taken)),
            }
        }
    }

    /// The creation that was begun under a request id.
    pub async fn find(&self, request_id: &str) -> Result<Option<Creation>> {
        let row = self.store.get(Space::Simulation, &key(request_id)).await?;
        row.as_deref().map(read).transpose()
    }

    /// Begins a creation; `false` when another one was begun under this id.
    pub async fn begin(&self, request_id: &str, creation: &Creation) -> Result<bool> {
        let batch = Batch::new().require_absent(Space::Simulation, key(request_id));
        match self.store.commit(batch.put(Space::Simulation, key(request_id), write(creation)?)).await {
            Ok(()) => Ok(true),
            Err(error) if error.reason == Reason::StorageConflict => settled(&*self.store).await.map(|()| false),
            Err(error) => Err(error),
        }
    }

    /// Ends a creation that was begun so, with the rules of faults that belong to it; gives the one that another call ended first.
    pub async fn end(&self, request_id: &str, begun: &Creation, done: Creation, rules: &[Rule]) -> Result<Creation> {
        let batch = Batch::new().require_value(Space::Simulation, key(request_id), write(begun)?);
        let batch = batch.put(Space::Simulation, key(request_id), write(&done)?);
        match self.store.commit(rules.iter().try_fold(batch, kept::keep)?).await {
            Ok(()) => Ok(done),
            Err(error) if error.reason == Reason::StorageConflict => {
                settled(&*self.store).await?;
                self.find(request_id).await?.ok_or(error)
            }
            Err(error) => Err(error),
        }
    }
}

/// The lock of the numbers, which no panic leaves half changed.
pub fn locked(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key(request_id: &str) -> Vec<u8> {
    [PREFIX, request_id.as_bytes()].concat()
}

fn write(creation: &Creation) -> Result<Vec<u8>> {
    serde_json::to_vec(creation).map_err(Error::bug)
}

fn read(row: &[u8]) -> Result<Creation> {
    let corrupt =
        |error| Error::new(Reason::StorageCorrupt, "a created citizen cannot be read back").with_source(error);
    serde_json::from_slice(row).map_err(corrupt)
}
