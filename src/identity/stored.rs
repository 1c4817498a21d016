//! The index rows of links and presentations, derived from the rows that they index.

use crate::base::{PersonalId, Result};
use crate::store::{Derived, Findings, Pace, Scan, Space, Store};

use super::link::{Link, LinkState};
use super::link_row::{id_key, pending_key, read_link, record_key};

/// Rows in one read.
const ROWS_READ: usize = 512;

/// Derives the index rows of every link: by id, by record while it lasts, by kind while it awaits its issuer.
pub async fn derive(derived: &mut Derived<'_>, pace: Pace, mut progress: impl FnMut(u64)) -> Result<()> {
    derived.begin(Space::LinkIndex);
    let mut scan = Scan::prefix(Space::Link, b"").limit(ROWS_READ);
    loop {
        let rows = derived.store().scan(scan.clone()).await?;
        for (key, row) in &rows {
            let Some(link) = link_of(key, row) else {
                derived.fault(Space::Link, "a link cannot be read back");
                continue;
            };
            let source = || Some((Space::Link, key.clone(), row.clone()));
            let owner = link.person.as_str().as_bytes().to_vec();
            derived.row(Space::LinkIndex, id_key(link.id), owner.clone(), source()).await?;
            if !link.state.is_ended() {
                let id = link.id.as_bytes().to_vec();
                derived.row(Space::LinkIndex, record_key(link.record_id, link.person), id, source()).await?;
            }
            if link.state == LinkState::Pending {
                derived.row(Space::LinkIndex, pending_key(&link), owner, source()).await?;
            }
        }
        progress(rows.len() as u64);
        match rows.last() {
            Some((last, _)) if rows.len() == ROWS_READ => scan = scan.after(last.to_vec()),
            _ => return Ok(()),
        }
        pace.rest().await;
    }
}

/// Checks that every code leads to a presentation. Codes are random and cannot be derived: a lost one stays lost, and its presentation expires.
pub async fn check_codes(store: &dyn Store, pace: Pace, findings: &mut Findings) -> Result<()> {
    let mut scan = Scan::prefix(Space::PresentationCode, b"").limit(ROWS_READ);
    loop {
        let rows = store.scan(scan.clone()).await?;
        let keys: Vec<Vec<u8>> = rows.iter().map(|(_, presentation)| presentation.to_vec()).collect();
        for (key, found) in keys.iter().zip(store.get_many(Space::Presentation, &keys).await?) {
            if found.is_none() {
                findings.add_at(Space::Presentation, "a presentation that a code names has no row", key);
            }
        }
        match rows.last() {
            Some((last, _)) if rows.len() == ROWS_READ => scan = scan.after(last.to_vec()),
            _ => return Ok(()),
        }
        pace.rest().await;
    }
}

fn link_of(key: &[u8], row: &[u8]) -> Option<Link> {
    let (person, id) = key.split_at_checked(12)?;
    let person = PersonalId::parse(std::str::from_utf8(person).ok()?)?;
    read_link(person, uuid::Uuid::from_slice(id).ok()?, row).ok()
}
