//! Walks of the index of names: rows are compared in their order, and the records behind those that fit are read many at once. The work of one
//! call is bounded: a page may be short, or empty, and still say where the next one goes on.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{PartialDate, Result};
use crate::store::{Scan, Space};
use crate::trust::Object;

use super::follow::Province;
use super::index;
use super::row::{corrupt, record_key};

/// Work of one call at the most, in index rows.
const WORK_MAX: usize = 20_000;
/// What a record that is read costs, in index rows.
const RECORD_WORK: usize = 20;
/// Rows that are read at once.
const ROWS_READ: usize = 1_000;
/// Records that are read at once.
const RECORDS_READ: usize = 64;

/// The difference between a person and the query, by its code; `None`: nothing.
pub(super) type Differs = Option<&'static str>;

/// A folded name and a birth date, as a row of the index has them.
pub(super) struct NameRow<'a> {
    pub(super) name: &'a str,
    pub(super) birth: Option<PartialDate>,
}

impl<'a> NameRow<'a> {
    /// Reads a row of the index; none of another kind.
    pub(super) fn of(row: &'a [u8]) -> Option<Self> {
        let mut parts = row.strip_prefix(b"n")?.splitn(3, |byte| *byte == 0);
        let (name, birth) = (std::str::from_utf8(parts.next()?).ok()?, std::str::from_utf8(parts.next()?).ok()?);
        Some(Self { name, birth: PartialDate::parse(birth) })
    }
}

/// One call's people so far, and the work that is left to it.
pub(super) struct Page {
    pub(super) people: Vec<(Object, Differs)>,
    limit: usize,
    work: usize,
}

impl Page {
    /// Of at most `limit` people.
    pub(super) fn of(limit: usize) -> Self {
        Self { people: Vec::new(), limit, work: 0 }
    }
}

/// The row after which a scan resumes, if there is one.
pub(super) type Onwards = Option<Vec<u8>>;

impl Province {
    /// Adds to the page the people behind the rows with `prefix` after `from` that `fits`, which says what differs, and whom `meant` takes. `None` at
    /// the end of the rows.
    pub(super) async fn walk(
        &self,
        page: &mut Page,
        prefix: &[u8],
        mut from: Onwards,
        fits: impl Fn(&NameRow<'_>) -> Option<Differs>,
        meant: impl Fn(&Object) -> bool,
    ) -> Result<Option<Vec<u8>>> {
        loop {
            let mut scan = Scan::prefix(Space::ProvinceIndex, prefix).limit(ROWS_READ);
            if let Some(from) = &from {
                scan = scan.after(from.clone());
            }
            let rows = self.store.scan(scan).await?;
            let mut rest = rows.iter();
            while rest.len() > 0 {
                // The next rows that fit, as many as are read at once, and how far that is.
                let wanted = RECORDS_READ.min(page.limit.saturating_sub(page.people.len()) + 1);
                let mut fitting = Vec::new();
                while fitting.len() < wanted && page.work < WORK_MAX {
                    let Some((row, _)) = rest.next() else { break };
                    page.work += 1;
                    if let Some(differs) = NameRow::of(row).as_ref().and_then(&fits) {
                        page.work += RECORD_WORK;
                        fitting.push((row, differs));
                    }
                }
                let walked = rows.len() - rest.len();
                let people = self.people_of(fitting.iter().map(|(row, _)| &row[..])).await?;
                for ((row, differs), person) in fitting.into_iter().zip(people) {
                    let Some(person) = person.filter(&meant) else { continue };
                    if page.people.len() == page.limit {
                        return Ok(Some(from.unwrap_or_default()));
                    }
                    page.people.push((person, differs));
                    from = Some(row.to_vec());
                }
                from = walked.checked_sub(1).map(|last| rows[last].0.to_vec()).or(from);
                if page.work >= WORK_MAX {
                    return Ok(Some(from.unwrap_or_default()));
                }
            }
            if rows.len() < ROWS_READ {
                return Ok(None);
            }
        }
    }

    /// The people to whom name rows lead. A row stays when its record changes: only that of the present name and birth date counts.
    async fn people_of<'a>(&self, rows: impl Iterator<Item = &'a [u8]>) -> Result<Vec<Option<Object>>> {
        let rows: Vec<&[u8]> = rows.collect();
        let key = |row: &[u8]| index::record_of(row).ok_or_else(|| corrupt("an index row cannot be read"));
        let keys: Vec<_> = rows.iter().map(|row| key(row)).collect::<Result<_>>()?;
        let wanted: BTreeSet<_> = keys.iter().copied().collect();
        let found = self.snapshot(self.as_of_now()).records(wanted).await?.into_iter();
        let found: BTreeMap<_, _> = found.map(|it| (record_key(&it.record_type, it.record_id), it.payload)).collect();
        let register = self.catalogue.people().people.as_ref();
        let person = |(row, key): (&&[u8], &_)| {
            let named = NameRow::of(row).and_then(|row| Some((row.name.to_owned(), row.birth?)));
            let is_current = |payload: &&Object| register.and_then(|of| of.name_key(payload)) == named;
            found.get(key).filter(is_current).cloned()
        };
        Ok(rows.iter().zip(&keys).map(person).collect())
    }
}
