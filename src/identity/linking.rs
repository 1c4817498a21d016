//! Linking documents to accounts: read from the issuing registry, verify, match the holder, record the link.
//!
//! One active link for each account and record: the index row is written only where it is absent, so two calls at once make
//! one link. A document that is not the citizen's is answered like one that does not exist, in the same words and after the same time: one
//! that carries another person's personal ID, and one that carries none and does not match by name, birth date and sex. Only of one that
//! carries the citizen's own number it is said that it does not match otherwise, so that they can have it corrected.

use std::sync::Arc;
use std::time::Duration;

use crate::access::Actor;
use crate::base::call::Call;
use crate::base::time::Instant;
use crate::base::{AgencyId, Entropy, Error, PersonalId, Reason, RecordId, Result, Timestamp};
use crate::registry::answer::VerifiedRecord;
use crate::registry::numbers::Numbers;
use crate::registry::{Catalogue, RecordType};
use crate::store::{Batch, Scan, Space, Store, settled};
use crate::trust::{Object, canonical};

use super::account::{Accounts, Level};
use super::document::{DocumentType, Standing, mismatch, no_document, require_in_force, standing_of};
use super::holder::{has_another_holder, is_unique, must_be_one_person};
use super::link::{Link, LinkEvent, LinkState};
use super::link_row::{corrupt, id_key, key_of, link_key, linked, pending_key, read_link, record_key, write};
use super::matching::{Comparison, Doubt, Match, MatchedBy, note_comparison, number_of};
use super::people::{Person, Registries};

/// A document that is not the citizen's is refused no sooner than this: how long the answer takes does not say whether it exists.
const REFUSED_AFTER: Duration = Duration::from_millis(25);
/// Index rows read at once.
const ROWS_READ: usize = 256;

/// The party that confirms or refuses links for the issuer.
#[derive(Debug, Clone, Copy)]
pub struct Issuer<'a> {
    /// The agency.
    pub agency: &'a AgencyId,
    /// Whether it may decide on documents of every registry, not only of its own.
    pub of_all: bool,
}

/// The use cases of links.
#[derive(Clone)]
pub struct Linking {
    pub(super) store: Arc<dyn Store>,
    pub(super) registries: Registries,
    accounts: Accounts,
    entropy: Arc<dyn Entropy>,
}

/// A page of rows: the rows found, and the key after which to continue.
pub type RowPage<T> = (Vec<T>, Option<Vec<u8>>);

impl Linking {
    /// Links in `store`, of documents in `registries`.
    pub fn new(store: Arc<dyn Store>, registries: Registries, accounts: Accounts, entropy: Arc<dyn Entropy>) -> Self {
        Self { store, registries, accounts, entropy }
    }

    /// The registries and record types of the world.
    pub fn catalogue(&self) -> &Catalogue {
        self.registries.catalogue()
    }

    /// The person behind a number, if they may have documents linked.
    pub async fn holder_of_account(&self, number: PersonalId, now: Timestamp) -> Result<Person> {
        let missing = || {
            Error::new(Reason::AccountMissing, "there is no account that documents can be linked to")
                .with_subject("account", "missing")
        };
        let person = self.registries.person(number, now).await?.ok_or_else(missing)?;
        if person.payload.text("life_status") == Some("deceased") {
            return Err(
                Error::new(Reason::PersonDeceased, "the account's holder has died").with_subject("account", "holder")
            );
        }
        let account = self.accounts.of(&person.numbers).await?.ok_or_else(missing)?;
        if account.level != Level::Two {
            return Err(Error::new(Reason::AccountLevelTooLow, "documents are linked to level 2 accounts only")
                .with_subject("account", "level"));
        }
        Ok(person)
    }

    /// Links a document on behalf of `call`, which keeps what was checked, as `actor` asks for the account.
    #[allow(clippy::disallowed_methods, reason = "a refusal takes as long on the machine's time whatever its cause")]
    pub async fn link(
        &self,
        call: &Call,
        number: PersonalId,
        kind: DocumentType,
        document: &str,
        actor: &Actor,
    ) -> Result<Link> {
        let now = call.now;
        let record_type = self.registries.document(kind)?;
        let person = call.checked("account", self.holder_of_account(number, now).await)?;
        let begun = Instant::now();
        let found = self.find_document(&person, record_type, document, now).await;
        // Refused before any check is recorded: a call about another person's document leaves no more records than one about none.
        let found = match found {
            Ok(record) if has_another_holder(&self.registries, &person, record_type, &record.payload, now).await? => {
                Err(no_document(record_type, document))
            }
            found => found,
        };
        if !document.is_empty() && found.as_ref().is_err_and(|error| error.reason == Reason::RecordNotFound) {
            tokio::time::sleep_until(begun + REFUSED_AFTER).await;
        }
        let record = call.checked(format!("verify.{}", record_type.name), found)?;
        // The holder is checked first: not even the status of another person's document is revealed.
        let holder = record_type.holder(&record.payload).ok_or_else(|| mismatch(record_type))?;
        let comparison = Comparison::of(&person, holder);
        note_comparison(call, comparison);
        let matched = comparison.outcome();
        must_be_one_person(&self.registries, &person, matched, now).await?;
        let (state, reason, matched_by) = match matched {
            Match::Sure(by) => (LinkState::Linked, "", by),
            Match::Doubtful(by, doubt) => (LinkState::Pending, doubt.as_str(), by),
            Match::IfUnique(by) if is_unique(&self.registries, &person, now).await? => (LinkState::Linked, "", by),
            Match::IfUnique(by) => (LinkState::Pending, Doubt::BirthYear.as_str(), by),
            Match::No => return Err(mismatch(record_type)),
        };
        call.checked("standing", require_in_force(record_type, standing_of(record_type, &record, now)))?;
        self.create(&person, kind, &record, (state, reason, matched_by), actor, now).await
    }

    /// Links a document without asking whether it is in force; for the simulation, whose personas have a past.
    pub async fn seed(&self, number: PersonalId, kind: DocumentType, document: &str, now: Timestamp) -> Result<Link> {
        let record_type = self.registries.document(kind)?;
        let person = self.holder_of_account(number, now).await?;
        let record = self.find_document(&person, record_type, document, now).await?;
        let (state, reason) = match standing_of(record_type, &record, now) {
            Standing::Suspended(status) => (LinkState::Suspended, status),
            Standing::Revoked(status) => (LinkState::Revoked, status),
            Standing::Valid | Standing::Expired => (LinkState::Linked, String::new()),
        };
        self.create(&person, kind, &record, (state, &reason, MatchedBy::PersonalId), &Actor::Citizen, now).await
    }

    async fn find_document(
        &self,
        person: &Person,
        record_type: &Arc<RecordType>,
        document: &str,
        now: Timestamp,
    ) -> Result<VerifiedRecord> {
        let found = if document.is_empty() {
            let numbers: Vec<PersonalId> = person.numbers.all().collect();
            self.registries.reader.of_person(record_type, &numbers, now).await?
        } else {
            let is_own = |payload: &Object| {
                number_of(record_type, payload).is_some_and(|number| person.numbers.contains(number))
            };
            let key = record_type.key_form.of(document);
            self.registries.read_one(record_type, key, now, is_own).await?.into_iter().collect()
        };
        let usable = |record: &&VerifiedRecord| !matches!(standing_of(record_type, record, now), Standing::Revoked(_));
        // A revoked document is set aside if another one could be meant.
        let mut candidates = found.iter().filter(usable);
        let chosen = match (candidates.next(), candidates.next()) {
            (Some(only), None) => Some(only),
            (Some(_), Some(_)) => {
                return Err(Error::new(
                    Reason::MultipleMatches,
                    "the registry has several such documents for this person; name one by document_number",
                )
                .with_subject("document", &*record_type.name));
            }
            (None, _) => found.first(),
        };
        chosen.cloned().ok_or_else(|| no_document(record_type, document))
    }

    /// The document's number as its registry writes it.
    fn number(&self, kind: DocumentType, payload: &Object) -> Result<String> {
        let record_type = self.registries.document(kind)?;
        Ok(payload.text(&record_type.natural_key).unwrap_or_default().to_owned())
    }

    /// The agency that owns the registry of this kind of document, and so decides on its links.
    pub fn issuing_agency(&self, kind: DocumentType) -> Result<&str> {
        let record_type = self.registries.document(kind)?;
        Ok(&self.registries.catalogue().registry_of(record_type)?.agency)
    }

    async fn create(
        &self,
        person: &Person,
        document_type: DocumentType,
        record: &VerifiedRecord,
        (state, reason, matched_by): (LinkState, &str, MatchedBy),
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Link> {
        let link = Link {
            id: self.new_id(now)?,
            person: person.numbers.current,
            document_type,
            document_number: self.number(document_type, &record.payload)?,
            state,
            reason: reason.to_owned(),
            record_id: record.record_id,
            record_version: record.statement.version,
            matched_by,
            linked_at: now,
            updated_at: now,
            valid_until: record.statement.valid_until,
            events: 1,
        };
        // A link made under an earlier number is the person's, too.
        let mut batch = person.numbers.all().fold(Batch::new(), |batch, number| {
            batch.require_absent(Space::LinkIndex, record_key(link.record_id, number))
        });
        batch = batch.put(Space::LinkIndex, record_key(link.record_id, link.person), link.id.as_bytes().to_vec()).put(
            Space::LinkIndex,
            id_key(link.id),
            link.person.as_str().as_bytes().to_vec(),
        );
        if state == LinkState::Pending {
            batch = batch.put(Space::LinkIndex, pending_key(&link), link.person.as_str().as_bytes().to_vec());
        }
        match self.store.commit(write(batch, &link, actor)).await {
            Err(error) if error.reason == Reason::StorageConflict => {
                settled(&*self.store).await?;
                // Another number's link ended meanwhile: the caller decides again.
                let id = linked(&*self.store, link.record_id, &person.numbers).await?.ok_or(error)?;
                Err(Error::new(Reason::AlreadyLinked, "this document is linked to the account already")
                    .with_subject("link", id))
            }
            result => result.map(|()| link),
        }
    }

    /// Ends a link, as `actor` asks for the account.
    pub async fn unlink(&self, person: &Numbers, id: uuid::Uuid, actor: &Actor, now: Timestamp) -> Result<Link> {
        let before = self.get(person, id).await?;
        if before.state.is_ended() {
            return Err(
                Error::new(Reason::LinkNotActive, "the link has ended already").with_subject("link", id.to_string())
            );
        }
        let after = Link { state: LinkState::Unlinked, reason: String::new(), ..before.clone() };
        self.replace(&before, after, actor, now).await
    }

    /// The issuer's decision on a pending link. About another issuer's link an agency learns as much as about one that does not exist.
    pub async fn resolve(&self, id: uuid::Uuid, confirm: bool, issuer: Issuer<'_>, now: Timestamp) -> Result<Link> {
        let before = self.find(id).await?;
        if !issuer.of_all && self.issuing_agency(before.document_type)? != issuer.agency.as_str() {
            return Err(missing(id));
        }
        if before.state != LinkState::Pending {
            return Err(Error::new(Reason::LinkNotPending, "the link does not await confirmation")
                .with_subject("link", before.id.to_string()));
        }
        let (state, reason) = match confirm {
            true => (LinkState::Linked, ""),
            false => (LinkState::Refused, "HOLDER_MISMATCH"),
        };
        let after = Link { state, reason: reason.to_owned(), ..before.clone() };
        self.replace(&before, after, &Actor::Agency(issuer.agency.clone()), now).await
    }

    /// Writes `after` if `before` is still stored.
    async fn replace(&self, before: &Link, after: Link, actor: &Actor, now: Timestamp) -> Result<Link> {
        let after = Link { updated_at: now, events: before.events + 1, ..after };
        self.store.commit(Self::replacement(before, &after, actor)).await?;
        Ok(after)
    }

    pub(super) fn replacement(before: &Link, after: &Link, actor: &Actor) -> Batch {
        let mut batch = Batch::new().require_value(Space::Link, link_key(before), canonical::write(&before.to_row()));
        if after.state.is_ended() {
            batch = batch.delete(Space::LinkIndex, record_key(before.record_id, before.person));
        }
        if before.state == LinkState::Pending && after.state != LinkState::Pending {
            batch = batch.delete(Space::LinkIndex, pending_key(before));
        }
        write(batch, after, actor)
    }

    /// A link of a person, under whichever number it was made.
    pub async fn get(&self, person: &Numbers, id: uuid::Uuid) -> Result<Link> {
        let found = self.find(id).await?;
        if person.contains(found.person) { Ok(found) } else { Err(missing(id)) }
    }

    /// A link by its id alone.
    pub(super) async fn find(&self, id: uuid::Uuid) -> Result<Link> {
        let owner = self.store.get(Space::LinkIndex, &id_key(id)).await?.ok_or_else(|| missing(id))?;
        let person = std::str::from_utf8(&owner).ok().and_then(PersonalId::parse).ok_or_else(corrupt)?;
        self.named(person, id).await
    }

    /// A link that an index row names: without a row of its own, stored data is damaged.
    async fn named(&self, person: PersonalId, id: uuid::Uuid) -> Result<Link> {
        let lost = || self.store.damaged(Space::Link, "a link that an index names has no row");
        let row = self.store.get(Space::Link, &key_of(person, id)).await?.ok_or_else(lost)?;
        read_link(person, id, &row)
    }

    /// A page of a person's links after the one with the id `after`, in the order they were made, and whether more follow.
    pub async fn list(
        &self,
        person: &Numbers,
        include_ended: bool,
        limit: usize,
        after: Option<uuid::Uuid>,
    ) -> Result<(Vec<Link>, bool)> {
        let mut found = Vec::new();
        for number in person.all() {
            found.extend(self.under(number, include_ended, limit + 1, after).await?);
        }
        // Ids begin with the time.
        found.sort_by_key(|link| link.id);
        let more = found.len() > limit;
        found.truncate(limit);
        Ok((found, more))
    }

    /// The first links under one number after `after`.
    async fn under(
        &self,
        number: PersonalId,
        include_ended: bool,
        limit: usize,
        after: Option<uuid::Uuid>,
    ) -> Result<Vec<Link>> {
        let mut found = Vec::new();
        let mut scan = Scan::prefix(Space::Link, number.as_str().as_bytes()).limit(limit);
        if let Some(after) = after {
            scan = scan.after(key_of(number, after));
        }
        loop {
            let rows = self.store.scan(scan.clone()).await?;
            for (key, row) in &rows {
                let id = key.get(12..).and_then(|id| uuid::Uuid::from_slice(id).ok()).ok_or_else(corrupt)?;
                let link = read_link(number, id, row)?;
                if include_ended || !link.state.is_ended() {
                    found.push(link);
                }
                if found.len() == limit {
                    return Ok(found);
                }
            }
            match rows.last() {
                Some((last, _)) if rows.len() == limit => scan = scan.after(last.to_vec()),
                _ => return Ok(found),
            }
        }
    }

    /// A link's events, the oldest first.
    pub async fn events(&self, link: &Link, limit: usize, after: Option<Vec<u8>>) -> Result<RowPage<LinkEvent>> {
        let mut scan = Scan::prefix(Space::LinkEvent, link.id.as_bytes()).limit(limit + 1);
        if let Some(after) = after {
            scan = scan.after(after);
        }
        let mut rows = self.store.scan(scan).await?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|(key, _)| key.to_vec());
        let events = rows.iter().map(|(key, row)| {
            let sequence = key.get(16..).and_then(|number| number.try_into().ok()).map(u64::from_be_bytes);
            let row = canonical::parse(row).map_err(|_| corrupt())?;
            sequence.and_then(|sequence| LinkEvent::from_row(sequence, &row)).ok_or_else(corrupt)
        });
        Ok((events.collect::<Result<_>>()?, next))
    }

    /// Links of one kind that wait for the issuer's confirmation.
    pub async fn pending(&self, kind: DocumentType, limit: usize, after: Option<Vec<u8>>) -> Result<RowPage<Link>> {
        let mut scan = Scan::prefix(Space::LinkIndex, &[b'p', kind.0]).limit(limit + 1);
        if let Some(after) = after {
            scan = scan.after(after);
        }
        let mut rows = self.store.scan(scan).await?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|(key, _)| key.to_vec());
        let mut links = Vec::with_capacity(rows.len());
        for (key, _) in rows {
            let id = key.get(2..).and_then(|id| uuid::Uuid::from_slice(id).ok()).ok_or_else(corrupt)?;
            let found = self.find(id).await;
            links.push(found.map_err(|error| match error.reason {
                Reason::NotFound => self.store.damaged(Space::LinkIndex, "a pending link has no owner"),
                _ => error,
            })?);
        }
        Ok((links, next))
    }

    /// All links of an account that have not ended.
    pub(super) async fn all(&self, person: &Numbers) -> Result<Vec<Link>> {
        let (mut links, mut more) = self.list(person, false, ROWS_READ, None).await?;
        while more {
            let after = links.last().map(|link| link.id);
            let (page, further) = self.list(person, false, ROWS_READ, after).await?;
            links.extend(page);
            more = further;
        }
        Ok(links)
    }

    /// The active links of a record, over all accounts.
    pub(super) async fn of_record(&self, record_id: RecordId) -> Result<Vec<Link>> {
        let mut prefix = vec![b'r'];
        prefix.extend_from_slice(&record_id.0);
        let mut scan = Scan::prefix(Space::LinkIndex, &prefix).limit(ROWS_READ);
        let mut links = Vec::new();
        loop {
            let rows = self.store.scan(scan.clone()).await?;
            let last = rows.last().map(|(key, _)| key.to_vec()).filter(|_| rows.len() == ROWS_READ);
            for (key, id) in rows {
                let person = key.get(17..).and_then(|id| std::str::from_utf8(id).ok()).and_then(PersonalId::parse);
                let id = uuid::Uuid::from_slice(&id).map_err(|_| corrupt())?;
                links.push(self.named(person.ok_or_else(corrupt)?, id).await?);
            }
            match last {
                Some(last) => scan = scan.after(last),
                None => return Ok(links),
            }
        }
    }

    fn new_id(&self, now: Timestamp) -> Result<uuid::Uuid> {
        let mut random = [0; 10];
        self.entropy.fill(&mut random)?;
        Ok(uuid::Builder::from_unix_timestamp_millis(now.0.max(0) as u64, &random).into_uuid())
    }
}

fn missing(id: uuid::Uuid) -> Error {
    Error::new(Reason::NotFound, "no such link").with_subject("link", id.to_string())
}
