//! Gathering: ask the registries at the same time, until the deadline, and say which did not answer.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use futures::future::{FutureExt as _, join_all};
use tokio::time::timeout_at;

use crate::base::{Error, Reason, Result, limits};
use crate::registry::RecordType;
use crate::registry::numbers::Numbers;
use crate::registry::port::{PERSON_PAGE_RECORDS, Query, Registry, RegistryRecord, Selector};
use crate::trust::Value;

use super::Exchange;
use super::trail::{Detail, Step, Trail};

/// Record types that name no person themselves: they are found through records that do.
const FOUND_THROUGH: &[(&str, &str, &str)] = &[("land.parcel.v1", "land.certificate.v1", "parcels")];

/// Stands for the latest version in a query.
pub(super) const LATEST: u64 = 0;

/// What the registries answered, by name.
pub(super) type Answers = BTreeMap<&'static str, Result<Vec<Arc<RegistryRecord>>>>;

/// What to ask one registry.
pub(super) struct Question {
    pub(super) registry: &'static str,
    pub(super) record_types: Vec<&'static str>,
    /// Each with the version to read, or [`LATEST`].
    pub(super) selectors: Vec<(Selector, u64)>,
}

/// The questions for record types of one person.
pub(super) fn questions(record_types: &[&'static RecordType], numbers: &Numbers) -> Vec<Question> {
    let mut questions: Vec<Question> = Vec::new();
    for record_type in record_types {
        match questions.iter_mut().find(|question| question.registry == record_type.registry) {
            Some(question) => question.record_types.push(record_type.name),
            None => questions.push(Question {
                registry: record_type.registry,
                record_types: vec![record_type.name],
                selectors: numbers.all().map(|number| (Selector::Person(number), LATEST)).collect(),
            }),
        }
    }
    questions
}

impl Exchange {
    /// Asks all at once; what has no answer at `until` counts as unreachable.
    pub(super) async fn gather(&self, questions: Vec<Question>, until: Instant, trail: &mut Trail) -> Answers {
        let names: Vec<&'static str> = questions.iter().map(|question| question.registry).collect();
        let asked = questions.into_iter().map(|question| {
            let registry = self.registries.get(question.registry).cloned();
            async move {
                let late = |_| Err(Error::new(Reason::DeadlineExceeded, "the registry did not answer in time"));
                let name = question.registry;
                let mut asking = pin!(ask(registry, question));
                // A registry in this process has its answer at once more often than not: no timer for it.
                let answer = match asking.as_mut().now_or_never() {
                    Some(answer) => answer,
                    None => timeout_at(until.into(), asking).await.unwrap_or_else(late),
                };
                (name, answer)
            }
        });
        let answers: Answers = join_all(asked).await.into_iter().collect();
        for name in names {
            match &answers[name] {
                Ok(records) => trail.pass(Step::Registry(name), Detail::Records(records.len())),
                Err(error) => trail.fail(Step::Registry(name), error.reason.as_str()),
            }
        }
        answers
    }
}

/// Asks one registry with every selector; a record that two of them find counts once.
async fn ask(registry: Option<Arc<dyn Registry>>, question: Question) -> Result<Vec<Arc<RegistryRecord>>> {
    let registry = registry.ok_or_else(|| Error::new(Reason::RegistryUnavailable, "the registry is not connected"))?;
    let (direct, through) = split(&question.record_types);
    let mut found: Vec<Arc<RegistryRecord>> = Vec::new();
    for (selector, version) in question.selectors {
        let mut known = Vec::new();
        if !direct.is_empty() || !through.is_empty() {
            let vias = through.iter().map(|(_, via, _)| *via).filter(|via| !direct.contains(via));
            let types: Vec<&str> = direct.iter().copied().chain(vias).collect();
            read_all(&*registry, &types, selector, version, &mut known).await?;
        }
        for (record_type, via, path) in &through {
            for key in keys(&known, via, path) {
                read_all(&*registry, &[record_type], Selector::Key(key), LATEST, &mut known).await?;
            }
        }
        known.retain(|record| question.record_types.iter().any(|asked| *asked == record.record_type));
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

type Through = (&'static str, &'static str, &'static str);

/// Record types that a person finds, and those found through others.
fn split(record_types: &[&'static str]) -> (Vec<&'static str>, Vec<Through>) {
    let through = |name: &str| FOUND_THROUGH.iter().find(|(record_type, ..)| *record_type == name).copied();
    let direct = record_types.iter().copied().filter(|name| through(name).is_none()).collect();
    (direct, record_types.iter().filter_map(|name| through(name)).collect())
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
