//! The view of an address: its residents, and the parcels and businesses at it.
//!
//! A unit is its code and its first day. Records of before a merger have the unit of their day, so the predecessors of the asked unit
//! are walked too, one after another. The work of one call is bounded: a page may be short, or empty, and still say where the next one goes on.

use std::collections::BTreeSet;

use crate::base::{Date, Error, Result};
use crate::registry::Heading;
use crate::registry::codes;
use crate::registry::viewed::Address;
use crate::store::{Scan, Space};

use super::follow::Province;
use super::found::FoundRecord;
use super::index;
use super::row::{corrupt, record_key};
use super::snapshot::AsOf;
use super::view::{Section, Source, item_of};

/// Index rows that one call looks at, at the most.
const WORK_MAX: usize = 4_000;
/// Rows that are read at once.
const ROWS_READ: usize = 250;
/// Most bytes of the payloads on a page.
const PAGE_BYTES_MAX: usize = crate::base::limits::ANSWER_BYTES_MAX / 2;

/// An address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Code of its unit.
    pub unit_code: String,
    /// The unit's first day.
    pub unit_valid_from: Date,
    /// House, street, hamlet; `None`: the whole unit.
    pub text: Option<String>,
}

impl Place {
    /// The unit that has this code now, or since this day. Fails with `UNKNOWN_VALUE` where the list of units has none: of the day if the code is that
    /// of units which began on others.
    pub fn of(unit_code: &str, unit_valid_from: Option<Date>, text: &str, today: Date) -> Result<Self> {
        let units = codes::list("units").ok_or_else(|| Error::bug("there is no list of units"))?;
        let since = match unit_valid_from {
            Some(day) => codes::unit(&units, unit_code, day).map(|_| day),
            None => units.on(unit_code, today).and_then(|unit| unit.valid_from),
        };
        let unknown = || {
            let days = units.meanings(unit_code).iter().filter_map(|unit| unit.valid_from);
            let days: Vec<String> = days.map(|day| day.to_string()).collect();
            match (unit_valid_from, days.is_empty()) {
                (Some(_), false) => {
                    let says = format!("the units with this code began on {}", days.join(", "));
                    Error::invalid_field("unit_valid_from", "UNKNOWN_VALUE", says)
                }
                _ => Error::invalid_field("unit_code", "UNKNOWN_VALUE", "no unit has this code at that time"),
            }
        };
        let text = Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned);
        Ok(Self { unit_code: unit_code.to_owned(), unit_valid_from: since.ok_or_else(unknown)?, text })
    }

    /// The keys of the unit and of those whose place it took, in a stable order.
    pub(super) fn units(&self) -> Vec<(String, String)> {
        let own = (self.unit_code.clone(), self.unit_valid_from.to_string());
        let Some(units) = codes::list("units") else { return vec![own] };
        let before = units.codes().iter().filter_map(|unit| {
            let from = unit.valid_from?;
            let now = codes::present(&units, &unit.code, from);
            let key = (unit.code.clone(), from.to_string());
            (now == (&self.unit_code, self.unit_valid_from) && key != own).then_some(key)
        });
        let before: BTreeSet<_> = before.collect();
        std::iter::once(own.clone()).chain(before).collect()
    }
}

/// A page of what is at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceView {
    /// The unit's Vietnamese name; empty if the list of units lacks it.
    pub unit_name: String,
    /// The records on this page; source number n has the index n − 1.
    pub sources: Vec<Source>,
    /// The sections that have items, in the order of [`Heading`].
    pub sections: Vec<Section>,
    /// Size of the record ledger that the view reflects.
    pub ledger_size: u64,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Vec<u8>>,
}

impl Province {
    /// At most `limit` records of who lives and what stands there, after a position. `day` is for the names of codes.
    pub async fn place(
        &self,
        place: &Place,
        as_of: AsOf,
        day: Date,
        limit: usize,
        after: Option<Vec<u8>>,
    ) -> Result<PlaceView> {
        let (mut found, mut bytes, mut work, mut next) = (Vec::new(), 0, 0, None);
        let (first, mut from) = match after.as_deref().and_then(<[u8]>::split_first) {
            Some((unit, row)) => (usize::from(*unit), Some(row.to_vec()).filter(|row| !row.is_empty())),
            None => (0, None),
        };
        'units: for (at, unit) in place.units().iter().enumerate().skip(first) {
            let prefix = match &place.text {
                Some(text) => index::address_prefix(&Address { unit_code: &unit.0, unit_valid_from: &unit.1, text }),
                None => index::unit_prefix(&unit.0, &unit.1),
            };
            let position = |row: &[u8]| [&[at as u8], row].concat();
            loop {
                let mut scan = Scan::prefix(Space::ProvinceIndex, &prefix).limit(ROWS_READ);
                if let Some(from) = &from {
                    scan = scan.after(from.clone());
                }
                let rows = self.store.scan(scan).await?;
                for here in self.at(&rows, as_of).await?.into_iter().zip(&rows) {
                    let (record, (row, _)) = here;
                    work += 1;
                    if let Some(record) = record {
                        bytes += record.0.bytes;
                        let is_full = found.len() == limit || (bytes > PAGE_BYTES_MAX && !found.is_empty());
                        if is_full {
                            next = Some(position(from.as_deref().unwrap_or_default()));
                            break 'units;
                        }
                        found.push(record);
                    }
                    from = Some(row.to_vec());
                }
                if rows.len() < ROWS_READ {
                    break;
                }
                if work >= WORK_MAX {
                    next = Some(position(from.as_deref().unwrap_or_default()));
                    break 'units;
                }
            }
            from = None;
        }
        Ok(self.shown(place, found, as_of, day, next))
    }

    /// The records to which rows lead, with where they have the address; none that was not known, does not hold, or is somewhere else by now.
    async fn at(
        &self,
        rows: &[(bytes::Bytes, bytes::Bytes)],
        as_of: AsOf,
    ) -> Result<Vec<Option<(FoundRecord, Vec<String>)>>> {
        let key = |row: &[u8]| index::record_of(row).ok_or_else(|| corrupt("an index row cannot be read"));
        let keys: Vec<_> = rows.iter().map(|(row, _)| key(row)).collect::<Result<_>>()?;
        let found = self.snapshot(as_of).records(keys.iter().copied().collect()).await?;
        Ok(rows
            .iter()
            .zip(&keys)
            .map(|((row, _), key)| {
                let record = found.iter().find(|it| record_key(&it.record_type, it.record_id) == *key)?;
                let addresses = record.record_type.viewed.addresses_of(&record.payload);
                let here = addresses.filter(|(_, address)| row.starts_with(&index::address_prefix(address)));
                let here: Vec<String> = here.map(|(path, _)| path.to_owned()).collect();
                let is_seen = !here.is_empty() && record.record_type.heading != Heading::Judicial;
                is_seen.then(|| (record.clone(), here))
            })
            .collect())
    }

    fn shown(
        &self,
        place: &Place,
        mut found: Vec<(FoundRecord, Vec<String>)>,
        as_of: AsOf,
        day: Date,
        next: Option<Vec<u8>>,
    ) -> PlaceView {
        found.sort_by_key(|(record, _)| (record.record_type.heading, record.record_type.ordinal, record.ledger_index));
        let (mut sources, mut sections): (Vec<Source>, Vec<Section>) = (Vec::new(), Vec::new());
        for (number, (record, addresses)) in (1..).zip(found) {
            sources.push(Source::of(&record, number));
            let heading = record.record_type.heading;
            let mut item = item_of(record, number, day);
            item.addresses = addresses;
            match sections.last_mut().filter(|section| section.heading == heading) {
                Some(section) => section.items.push(item),
                None => sections.push(Section { heading, items: vec![item] }),
            }
        }
        let unit = codes::list("units").and_then(|units| {
            codes::unit(&units, &place.unit_code, place.unit_valid_from).map(|unit| unit.name.vi.clone())
        });
        PlaceView { unit_name: unit.unwrap_or_default(), sources, sections, ledger_size: as_of.known, next }
    }
}
