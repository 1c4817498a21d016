//! Gathering: ask the registries at the same time, until the deadline, and say which did not answer.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use futures::future::{FutureExt as _, join_all};
use tokio::time::timeout_at;

use crate::base::{Error, Reason, Result, limits};
use crate::registry::numbers::Numbers;
use crate::registry::port::{PERSON_PAGE_RECORDS, Query, Registry, RegistryRecord, Selector};
use crate::registry::{Catalogue, Name, RecordType, Sector};
use crate::trust::Value;

use super::Exchange;
use super::trail::{Detail, Step, Trail};

/// Stands for the latest version in a query.
pub(super) const LATEST: u64 = 0;

/// What the registries answered, by name.
pub(super) type Answers = BTreeMap<Name, Result<Vec<Arc<RegistryRecord>>>>;

/// What to ask one registry.
pub(super) struct Question {
    pub(super) registry: Arc<Sector>,
    pub(super) record_types: Vec<Arc<RecordType>>,
    /// Each with the version to read, or [`LATEST`].
    pub(super) selectors: Vec<(Selector, u64)>,
}

/// The questions for record types of one person.
pub(super) fn questions(
    catalogue: &Catalogue,
    record_types: &[Arc<RecordType>],
    numbers: &Numbers,
) -> Result<Vec<Question>> {
    let mut questions: Vec<Question> = Vec::new();
    for record_type in record_types {
        match questions.iter_mut().find(|question| question.registry.name == *record_type.registry) {
            Some(question) => question.record_types.push(record_type.clone()),
            None => questions.push(Question {
                registry: registry_of(catalogue, record_type)?,
                record_types: vec![record_type.clone()],
                selectors: numbers.all().map(|number| (Selector::Person(number), LATEST)).collect(),
            }),
        }
    }
    Ok(questions)
}

/// The registry that issues a record type.
pub(super) fn registry_of(catalogue: &Catalogue, record_type: &RecordType) -> Result<Arc<Sector>> {
    let found = catalogue.sector(&record_type.registry).cloned();
    found.ok_or_else(|| Error::bug(format!("{} is of no registry", record_type.name)))
}

impl Exchange {
    /// Asks all at once; what has no answer at `until` counts as unreachable.
    pub(super) async fn gather(&self, questions: Vec<Question>, until: Instant, trail: &mut Trail) -> Answers {
        let asked: Vec<Arc<Sector>> = questions.iter().map(|question| question.registry.clone()).collect();
        let asking = questions.into_iter().map(|question| {
            let registry = self.registries.get(&*question.registry.name).cloned();
            async move {
                let late = |_| Err(Error::new(Reason::DeadlineExceeded, "the registry did not answer in time"));
                let name = question.registry.name.clone();
                let mut asking = pin!(ask(registry, question));
                // A registry in this process has its answer at once more often than not: no timer for it.
                let answer = match asking.as_mut().now_or_never() {
                    Some(answer) => answer,
                    None => timeout_at(until.into(), asking).await.unwrap_or_else(late),
                };
                (name, answer)
            }
        });
        let answers: Answers = join_all(asking).await.into_iter().collect();
        for registry in asked {
            let step = Step::Registry(registry.ordinal);
            match &answers[&registry.name] {
                Ok(records) => trail.pass(step, Detail::Records(records.len())),
                Err(error) => trail.fail(step, error.reason.as_str()),
            }
        }
        answers
    }
}

/// Asks one registry with every selector; a record that two of them find counts once.
async fn ask(registry: Option<Arc<dyn Registry>>, question: Question) -> Result<Vec<Arc<RegistryRecord>>> {
    let registry = registry.ok_or_else(|| Error::new(Reason::RegistryUnavailable, "the registry is not connected"))?;
    let mut types: Vec<&str> = Vec::with_capacity(question.record_types.len());
    for record_type in &question.record_types {
        let found_by_person =
            record_type.found_through.as_ref().map_or(&record_type.name, |through| &through.record_type);
        if !types.contains(&&**found_by_person) {
            types.push(found_by_person);
        }
    }
    let mut found: Vec<Arc<RegistryRecord>> = Vec::new();
    for (selector, version) in &question.selectors {
        let mut known = Vec::new();
        read_all(&*registry, &types, selector.clone(), *version, &mut known).await?;
        for record_type in &question.record_types {
            let Some(through) = &record_type.found_through else { continue };
            for key in keys(&known, &through.record_type, &through.field) {
                read_all(&*registry, &[&record_type.name], Selector::Key(key), LATEST, &mut known).await?;
            }
        }
        known.retain(|record| question.record_types.iter().any(|asked| asked.name == record.record_type));
        for record in known {
            let same = |other: &Arc<RegistryRecord>| {
                (&other.record_type, other.record_id) == (&record.record_type, record.record_id)
            };
            if !found.iter().any(same) {
                found.push(record);
            }
        }
    }
    Ok(found)
}

/// The natural keys that records of `via` name in their field `path`.
fn keys(records: &[Arc<RegistryRecord>], via: &str, path: &str) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for record in records.iter().filter(|record| record.record_type == via) {
        let Ok(fields) = record.record.disclosure.fields() else { continue };
        for key in fields.array(path).unwrap_or_default().iter().filter_map(Value::as_text) {
            if !keys.iter().any(|known| known == key) {
                keys.push(key.to_owned());
            }
        }
    }
    keys
}

async fn read_all(
    registry: &dyn Registry,
    record_types: &[&str],
    selector: Selector,
    version: u64,
    found: &mut Vec<Arc<RegistryRecord>>,
) -> Result<()> {
    let mut after = None;
    loop {
        let query = Query::latest(record_types.iter().copied(), selector.clone(), PERSON_PAGE_RECORDS);
        let page = registry.read(Query { after, version, ..query }).await?;
        found.extend(page.records);
        if found.len() > limits::ANSWER_RECORDS_MAX {
            let message = format!(
                "{} holds more than {} records of this citizen: ask for fewer record types, or page through the registry's own service",
                registry.name(),
                limits::ANSWER_RECORDS_MAX
            );
            return Err(Error::new(Reason::AnswerTooLarge, message).with_subject("registry", registry.name()));
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}
