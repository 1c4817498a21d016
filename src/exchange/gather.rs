//! Asks the registries concurrently, until the deadline, and records which did not answer.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;

use futures::future::{FutureExt as _, join_all};
use tokio::time::timeout_at;

use crate::base::time::Instant;
use crate::base::{Error, Party, Reason, Result};
use crate::registry::answer::Answer;
use crate::registry::port::Selector;
use crate::registry::reader::{LATEST, Reader};
use crate::registry::{Catalogue, Name, RecordType, Sector};
use crate::trust::Value;

use super::Exchange;
use super::decision_log::{DecisionLog, Detail, Step};

/// Each registry's answers, by its name.
pub(super) type RegistryAnswers = BTreeMap<Name, Result<Vec<Answer>>>;

/// The query for one registry.
pub(super) struct Question {
    pub(super) registry: Arc<Sector>,
    pub(super) record_types: Vec<Arc<RecordType>>,
    /// The selectors, each with the version to read or [`LATEST`].
    pub(super) selectors: Vec<(Selector, u64)>,
}

/// One query for each registry that has record types of the order.
pub(super) fn questions(
    catalogue: &Catalogue,
    record_types: &[Arc<RecordType>],
    parties: &[Party],
) -> Result<Vec<Question>> {
    let mut questions: Vec<Question> = Vec::new();
    for record_type in record_types {
        match questions.iter_mut().find(|question| question.registry.name == *record_type.registry) {
            Some(question) => question.record_types.push(record_type.clone()),
            None => questions.push(Question {
                registry: catalogue.registry_of(record_type)?.clone(),
                record_types: vec![record_type.clone()],
                selectors: parties.iter().rev().map(|party| (Selector::from(*party), LATEST)).collect(),
            }),
        }
    }
    Ok(questions)
}

impl Exchange {
    /// Asks all registries concurrently; one that has not answered at `until` counts as unreachable.
    pub(super) async fn gather(
        &self,
        questions: Vec<Question>,
        until: Instant,
        log: &mut DecisionLog,
    ) -> RegistryAnswers {
        let asked: Vec<Arc<Sector>> = questions.iter().map(|question| question.registry.clone()).collect();
        let asking = questions.into_iter().map(|question| {
            async move {
                let late = |_| Err(Error::new(Reason::DeadlineExceeded, "the registry did not answer in time"));
                let name = question.registry.name.clone();
                let mut asking = pin!(ask(&self.reader, question));
                // An embedded registry usually answers at once, without a timer.
                let answer = match asking.as_mut().now_or_never() {
                    Some(answer) => answer,
                    None => timeout_at(until, asking).await.unwrap_or_else(late),
                };
                (name, answer)
            }
        });
        let answers: RegistryAnswers = join_all(asking).await.into_iter().collect();
        for registry in asked {
            let step = Step::Registry(registry.ordinal);
            match &answers[&registry.name] {
                Ok(records) => log.pass(step, Detail::Records(records.len())),
                Err(error) => log.fail(step, error.reason.as_str()),
            }
        }
        answers
    }
}

/// Asks one registry with every selector; a record that two selectors find is returned once.
async fn ask(reader: &Reader, question: Question) -> Result<Vec<Answer>> {
    let Question { registry, record_types, selectors } = question;
    let mut found_by_person: Vec<Arc<RecordType>> = Vec::with_capacity(record_types.len());
    for record_type in &record_types {
        let by = match &record_type.found_through {
            Some(through) => registry.record_type(&through.record_type),
            None => Some(record_type),
        };
        let by = by.ok_or_else(|| Error::bug(format!("{} is found through no type", record_type.name)))?;
        if found_by_person.iter().all(|known| known.name != by.name) {
            found_by_person.push(by.clone());
        }
    }
    let mut found: Vec<Answer> = Vec::new();
    for (selector, version) in selectors {
        let mut answers = Vec::new();
        reader.all(&found_by_person, selector, version, &mut answers).await?;
        for record_type in &record_types {
            let Some(through) = &record_type.found_through else { continue };
            for key in keys(&answers, &through.record_type, &through.field) {
                let key = Selector::Key(record_type.key_form.of(&key));
                reader.all(std::slice::from_ref(record_type), key, LATEST, &mut answers).await?;
            }
        }
        answers.retain(|answer| record_types.iter().any(|asked| asked.name == answer.record_type.name));
        for answer in answers {
            let same = |other: &Answer| {
                (&other.record_type.name, other.record.record_id) == (&answer.record_type.name, answer.record.record_id)
            };
            if !found.iter().any(same) {
                found.push(answer);
            }
        }
    }
    Ok(found)
}

/// The natural keys in the field `path` of the answers of type `via`.
fn keys(answers: &[Answer], via: &str, path: &str) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for answer in answers.iter().filter(|answer| answer.record_type.name == *via) {
        let Ok(fields) = answer.record.record.disclosure.fields() else { continue };
        for key in fields.array(path).unwrap_or_default().iter().filter_map(Value::as_text) {
            if !keys.iter().any(|known| known == key) {
                keys.push(key.to_owned());
            }
        }
    }
    keys
}
