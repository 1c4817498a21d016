//! The common part of the nine typed services: one way to get, list and walk the versions of records of any type.

use std::sync::Arc;

use prost::Message;

use crate::api::{Edge, PageTokens, page};
use crate::base::Call;
use crate::base::limits::{self, PAGE_PAYLOAD_BYTES_MAX};
use crate::base::text::folded_key;
use crate::base::{Error, PartialDate, PersonalId, Reason, RecordId, Result, Violation};
use crate::registry::port::{Inclusion, Query, Registry, RegistryRecord, Selector, Submission};
use crate::registry::{RecordType, Sector};
use crate::trust::Statement;
use crate::wire::proto::trust::v1::SignedRecord;
use crate::wire::record;
use crate::wire::typed::typed;

/// The typed service of one registry.
#[derive(Clone)]
pub struct TypedRegistry {
    pub(super) edge: Edge,
    registry: Arc<dyn Registry>,
    inclusion: Arc<dyn Inclusion>,
    sector: Arc<Sector>,
    pages: PageTokens,
}

/// One version of a record, typed and as it was signed.
pub(super) struct Version<M> {
    /// `None` if the payload does not parse, which the verifier reports too: only the registry can repair it, so it must see it.
    pub(super) typed: Option<M>,
    pub(super) record: SignedRecord,
    pub(super) record_id: String,
    pub(super) version: u64,
    pub(super) issued_at: Option<prost_types::Timestamp>,
    pub(super) log_index: u64,
}

/// How a caller names one entry.
pub(super) enum Key {
    Natural(String),
    RecordId(String),
}

/// The parameters of a page.
pub(super) struct PageQuery {
    pub(super) size: u32,
    pub(super) token: String,
}

impl TypedRegistry {
    /// Serves `registry`, the port of this sector.
    pub fn new(
        edge: Edge,
        registry: Arc<dyn Registry>,
        inclusion: Arc<dyn Inclusion>,
        sector: Arc<Sector>,
        pages: PageTokens,
    ) -> Self {
        Self { edge, registry, inclusion, sector, pages }
    }

    /// One version of the entry that `key` names.
    pub(super) async fn get<M: Message + Default>(
        &self,
        call: &Call,
        record_type: &str,
        key: Option<Key>,
        version: u64,
    ) -> Result<Version<M>> {
        self.authorise(call)?;
        let record_type = self.record_type(record_type)?;
        let selector = selector(record_type, key)?;
        let record = self.read_one(record_type, selector, version).await?;
        self.version(record_type, record).await
    }

    /// A page of the latest versions that `selector` chooses; `query` are the request's filters, which bind the token.
    pub(super) async fn list<M: Message + Default>(
        &self,
        call: &Call,
        record_type: &str,
        selector: Result<Selector>,
        page: PageQuery,
        filters: &[&str],
    ) -> Result<(Vec<Version<M>>, String)> {
        self.authorise(call)?;
        let record_type = self.record_type(record_type)?;
        let limit = page::size(page.size)?;
        let binding = binding(record_type, filters);
        let after = self.pages.read(call, &binding, &page.token)?;
        let query =
            Query { record_types: vec![(&record_type.name).into()], selector: selector?, version: 0, limit, after };
        let found = self.registry.read(query).await?;
        let mut versions = Vec::with_capacity(found.records.len());
        for record in found.records {
            versions.push(self.version(record_type, Arc::unwrap_or_clone(record)).await?);
        }
        let next = found.next.map(|position| self.pages.issue(call, &binding, &position)).unwrap_or_default();
        Ok((versions, next))
    }

    /// A page of an entry's versions, the newest first.
    pub(super) async fn versions<M: Message + Default>(
        &self,
        call: &Call,
        record_type: &str,
        key: Option<Key>,
        page: PageQuery,
    ) -> Result<(Vec<Version<M>>, String)> {
        self.authorise(call)?;
        let record_type = self.record_type(record_type)?;
        let limit = page::size(page.size)? as u64;
        let selector = selector(record_type, key)?;
        let latest = self.read_one(record_type, selector, 0).await?;
        let id = latest.record_id.to_hex();
        let binding = binding(record_type, &[id.as_str()]);
        let first = match self.pages.read(call, &binding, &page.token)? {
            Some(position) => u64::from_be_bytes(position.try_into().unwrap_or_default()).min(latest.version),
            None => latest.version,
        };
        let last = first.saturating_sub(limit) + 1;
        let (mut versions, mut bytes, mut left) = (Vec::new(), 0, first);
        while left >= last && bytes <= PAGE_PAYLOAD_BYTES_MAX {
            let record = match left == latest.version {
                true => latest.clone(),
                false => self.read_one(record_type, Selector::Ids(vec![latest.record_id]), left).await?,
            };
            bytes += record.record.disclosure.payload_bytes();
            versions.push(self.version(record_type, record).await?);
            left -= 1;
        }
        let next = if left > 0 { self.pages.issue(call, &binding, &left.to_be_bytes()) } else { String::new() };
        Ok((versions, next))
    }

    /// Submits one change, and answers with the version that it became.
    pub(super) async fn submit_one<M: Message + Default>(
        &self,
        record_type: &str,
        submission: Submission,
    ) -> Result<Version<M>> {
        let record_type = self.record_type(record_type)?;
        let receipts = self.registry.submit(submission).await?;
        let receipt = receipts.first().ok_or_else(|| Error::bug("an accepted change has no receipt"))?;
        self.inclusion.wait_for(&self.sector.name, receipt.log_index + 1).await?;
        let record = self.read_one(record_type, Selector::Ids(vec![receipt.record_id]), receipt.version).await?;
        self.version(record_type, record).await
    }

    /// A record type of the registry.
    pub(super) fn record_type(&self, name: &str) -> Result<&RecordType> {
        self.sector.defined(name).map(|of| &**of)
    }

    pub(super) fn authorise(&self, call: &Call) -> Result<()> {
        call.owner(&self.sector.agency).map(|_| ())
    }

    pub(super) async fn read_one(
        &self,
        record_type: &RecordType,
        selector: Selector,
        version: u64,
    ) -> Result<RegistryRecord> {
        let query = Query { version, ..Query::latest([&*record_type.name], selector, 1) };
        let found = self.registry.read(query).await?.records.into_iter().next();
        found.map(Arc::unwrap_or_clone).ok_or_else(|| {
            Error::new(Reason::RecordNotFound, "no such record, or no such version of it")
                .with_subject("record", &*record_type.name)
        })
    }

    /// A record as the caller gets it: with the ledger's proof, and typed.
    async fn version<M: Message + Default>(
        &self,
        record_type: &RecordType,
        mut found: RegistryRecord,
    ) -> Result<Version<M>> {
        let log_index = found.record.issuer_proof.as_ref().map_or(0, |proof| proof.index);
        let proof = self.inclusion.prove(&self.sector.name, log_index).await?;
        found.record.ledger_proof = proof.map(Arc::unwrap_or_clone);
        let statement = Statement::decode(&found.record.statement).map_err(Error::bug)?;
        Ok(Version {
            typed: record_type.message.as_ref().and_then(|message| typed(message, &found.record.disclosure).ok()),
            record: record::to_message(&found.record)?,
            record_id: found.record_id.to_hex(),
            version: found.version,
            issued_at: record::timestamp(statement.issued_at),
            log_index,
        })
    }
}

fn selector(record_type: &RecordType, key: Option<Key>) -> Result<Selector> {
    match key {
        Some(Key::Natural(key)) if !key.is_empty() => Ok(Selector::Key(record_type.key_form.of(&key))),
        Some(Key::RecordId(id)) => RecordId::from_hex(&id)
            .map(|id| Selector::Ids(vec![id]))
            .ok_or_else(|| Error::invalid_field("record_id", "FORMAT", "a record id is 32 hexadecimal characters")),
        _ => Err(Error::invalid_field(
            &record_type.natural_key,
            "REQUIRED",
            "name the record by its natural key or by record_id",
        )),
    }
}

/// The selector of a list: one person's records, or all.
pub(super) fn of_person(personal_id: &str) -> Result<Selector> {
    if personal_id.is_empty() {
        return Ok(Selector::All);
    }
    PersonalId::from_field("personal_id", personal_id).map(Selector::Person).map_err(|v| Error::invalid(vec![v]))
}

/// The selector of a search for people: one filter, or none.
pub(super) fn of_people(personal_id: &str, old_number: &str, name: &str, birth_date: &str) -> Result<Selector> {
    let by_name = if name.is_empty() { ("birth_date", birth_date) } else { ("full_name", name) };
    let filters = [("personal_id", personal_id), ("old_id_number", old_number), by_name];
    let given = filters.iter().filter(|(_, value)| !value.is_empty()).map(|(field, _)| *field);
    let conflict =
        |field| Violation::new(field, "CONFLICT", "only one filter at a time: a number, or a name with a birth date");
    let conflicts: Vec<Violation> = given.skip(1).map(conflict).collect();
    if !conflicts.is_empty() {
        return Err(Error::invalid(conflicts));
    }
    if !old_number.is_empty() {
        if old_number.len() != 9 || !old_number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Error::invalid_field("old_id_number", "FORMAT", "an old identity card's number has 9 digits"));
        }
        return Ok(Selector::OldNumber(old_number.to_owned()));
    }
    if name.is_empty() && birth_date.is_empty() {
        return of_person(personal_id);
    }
    let mut violations = Vec::new();
    let date = PartialDate::parse(birth_date);
    if name.is_empty() {
        violations.push(Violation::new(
            "full_name",
            "REQUIRED",
            "a search by name needs the birth date too, and the reverse",
        ));
    } else if name.len() > limits::TEXT_BYTES_MAX {
        violations.push(Violation::new(
            "full_name",
            "TOO_LONG",
            format_args!("at most {} bytes", limits::TEXT_BYTES_MAX),
        ));
    }
    if birth_date.is_empty() {
        violations.push(Violation::new(
            "birth_date",
            "REQUIRED",
            "a search by name needs the birth date too, and the reverse",
        ));
    } else if date.is_none() {
        violations.push(Violation::new(
            "birth_date",
            "FORMAT",
            "must be an existing day, month or year: YYYY, YYYY-MM or YYYY-MM-DD",
        ));
    }
    if !violations.is_empty() {
        return Err(Error::invalid(violations));
    }
    Ok(Selector::Name { folded: folded_key(name), birth_date: date })
}

fn binding<'a>(record_type: &'a RecordType, filters: &[&'a str]) -> Vec<&'a [u8]> {
    let mut parts: Vec<&[u8]> = vec![record_type.name.as_bytes()];
    parts.extend(filters.iter().map(|filter| filter.as_bytes()));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_names_each_field_and_the_rule_that_it_breaks() {
        let long = "x".repeat(limits::TEXT_BYTES_MAX + 1);
        for (filters, expected) in [
            (["", "", "Nguyễn Văn Thành", ""], "birth_date REQUIRED"),
            (["", "", "", "1990"], "full_name REQUIRED"),
            (["", "", &long, "1990"], "full_name TOO_LONG"),
            (["", "", &long, ""], "full_name TOO_LONG, birth_date REQUIRED"),
            (["", "", "Nguyễn Văn Thành", "1990-13"], "birth_date FORMAT"),
            (["", "12345678", "", ""], "old_id_number FORMAT"),
            (["0421", "", "", ""], "personal_id FORMAT"),
            (["042185990002", "123456789", "", ""], "old_id_number CONFLICT"),
            (["", "123456789", "", "1990"], "birth_date CONFLICT"),
            (["042185990002", "123456789", "Nguyễn Văn Thành", ""], "old_id_number CONFLICT, full_name CONFLICT"),
        ] {
            let [personal_id, old_number, name, birth_date] = filters;
            let refused = of_people(personal_id, old_number, name, birth_date).expect_err(expected);
            let bad: Vec<_> =
                refused.violations.kept().iter().map(|bad| format!("{} {}", bad.field, bad.rule)).collect();
            assert_eq!(bad.join(", "), expected);
        }
        assert!(matches!(of_people("", "", "Hoà", "1990-05"), Ok(Selector::Name { .. })));
        assert!(matches!(of_people("", "", "", ""), Ok(Selector::All)));
    }
}
