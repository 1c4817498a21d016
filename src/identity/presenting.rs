//! Presenting: issue a code, redeem it once, deliver the documents.
//!
//! Redeeming claims the presentation first, by a conditional write, and redemptions of one code run one after another. A delivery that fails releases
//! the claim, so that a registry's outage does not cost the citizen the code. The versions delivered are stored with the use, so that the same agency
//! may repeat a redemption whose answer was lost; each repetition leaves an evidence entry of its own, since nobody knows whether the first answer
//! arrived. Only the code's hash is stored.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use crate::access::{Actor, People};
use crate::base::Call;
use crate::base::{AgencyId, Entropy, Error, PersonalId, Reason, Result, Timestamp};
use crate::registry::Catalogue;
use crate::registry::numbers::{Numbers, Standing};
use crate::store::{Batch, Scan, Space, Store};
use crate::trust::canonical;

use super::document::DocumentType;
use super::link::{Link, LinkState};
use super::linking::Linking;
use super::ports::{Delivered, Delivery, RecordDelivery, Wanted};
use super::presentation::{
    CODE_BYTES, Presentation, PresentationState, RedemptionAnswer, Stored, Turn, read_code, write_code,
};

/// Issues, redeems, lists and cancels presentations.
#[derive(Clone)]
pub struct Presenting {
    store: Arc<dyn Store>,
    linking: Linking,
    people: Arc<dyn People>,
    delivery: Arc<dyn RecordDelivery>,
    entropy: Arc<dyn Entropy>,
    turns: Turns,
}

/// Serializes redemptions of one presentation: a repetition waits for the redemption that is in progress.
#[derive(Clone, Default)]
struct Turns(Arc<Mutex<BTreeMap<uuid::Uuid, Arc<tokio::sync::Mutex<()>>>>>);

impl Turns {
    /// Runs `work` after the work queued earlier for `id`.
    async fn take<T>(&self, id: uuid::Uuid, work: impl Future<Output = T>) -> T {
        let turn = self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default().clone();
        let done = {
            let _taken = turn.lock().await;
            work.await
        };
        drop(turn);
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.get(&id).is_some_and(|turn| Arc::strong_count(turn) == 1) {
            waiting.remove(&id);
        }
        done
    }
}

impl Presenting {
    /// Presentations in `store` of the links of `linking`, of the citizens `people`, delivered by `delivery`.
    pub fn new(
        store: Arc<dyn Store>,
        linking: Linking,
        people: Arc<dyn People>,
        delivery: Arc<dyn RecordDelivery>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { store, linking, people, delivery, entropy, turns: Turns::default() }
    }

    /// The catalogue of registries and record types.
    pub fn catalogue(&self) -> &Catalogue {
        self.linking.catalogue()
    }

    /// Makes a presentation and its code. The code is not stored, and cannot be shown again.
    pub async fn create(
        &self,
        number: PersonalId,
        agency: AgencyId,
        document_types: Vec<DocumentType>,
        seconds: u32,
        created_by: Actor,
        now: Timestamp,
    ) -> Result<(Presentation, String)> {
        let person = self.linking.holder_of_account(number, now).await?.numbers;
        let links = self.linking.all(&person).await?;
        let mut chosen = Vec::new();
        for kind in &document_types {
            let before = chosen.len();
            let active = |link: &&Link| link.document_type == *kind && link.state_at(now).0 == LinkState::Linked;
            chosen.extend(links.iter().filter(active).map(|link| link.id));
            if chosen.len() == before {
                return Err(not_active(&self.linking.registries.document(*kind)?.name));
            }
        }
        let mut random = [0; 16];
        self.entropy.fill(&mut random)?;
        let mut secret = [0; CODE_BYTES];
        self.entropy.fill(&mut secret)?;
        let code = write_code(&secret);
        let id_random: [u8; 10] = random[..10].try_into().map_err(Error::bug)?;
        let presentation = Presentation {
            id: uuid::Builder::from_unix_timestamp_millis(now.0.max(0) as u64, &id_random).into_uuid(),
            person: person.current,
            agency,
            document_types,
            links: chosen,
            stored: Stored::Open,
            created_at: now,
            expires_at: now.plus_ms(i64::from(seconds) * 1_000),
            used_at: None,
            created_by,
            unverified: false,
            answer: None,
        };
        let bare = read_code(&code).ok_or_else(|| Error::bug("a new code does not parse"))?;
        let batch = Batch::new()
            .require_absent(Space::PresentationCode, code_key(&bare))
            .put(Space::PresentationCode, code_key(&bare), key(&presentation))
            .put(Space::Presentation, key(&presentation), row(&presentation));
        self.store.commit(batch).await?;
        Ok((presentation, code))
    }

    /// Redeems a code. Every refusal leaves evidence. A redemption that has begun runs to its end even when the caller goes away, so that a claim is
    /// always followed by a use or a release.
    pub async fn redeem(&self, call: Arc<Call>, text: String) -> Result<(Presentation, Delivered)> {
        let presenting = self.clone();
        let task = tokio::spawn(async move { presenting.redeem_to_end(&call, &text).await });
        task.await.map_err(Error::bug)?
    }

    async fn redeem_to_end(&self, call: &Call, text: &str) -> Result<(Presentation, Delivered)> {
        let found = match read_code(text) {
            Some(bare) => self.by_code(&bare).await?.ok_or_else(|| unknown(call)),
            None => Err(Error::invalid_field(
                "code",
                "FORMAT",
                "a code is eight groups of four capital letters and digits, exactly as issued",
            )),
        };
        let found = found.and_then(|presentation| match call.agency()? {
            agency if *agency == presentation.agency => Ok(presentation),
            _ => Err(unknown(call)),
        });
        match found {
            Ok(presentation) => self.turns.take(presentation.id, self.redeem_in_turn(call, &presentation)).await,
            Err(error) => {
                // The owner of the code is logged only if the caller is the agency that the code names.
                self.delivery.log_refusal(call, None, "", &error).await?;
                Err(error)
            }
        }
    }

    /// Redeems for the agency that the code names; `presentation` is as the previous redemption left it.
    async fn redeem_in_turn(&self, call: &Call, presentation: &Presentation) -> Result<(Presentation, Delivered)> {
        let id = key(presentation);
        let presentation = read(&id, &self.store.get(Space::Presentation, &id).await?.ok_or_else(corrupt)?)?;
        let begun = match self.begin(call, &presentation).await {
            Ok(begun) => begun,
            Err(error) => {
                let reference = presentation.id.to_string();
                self.delivery.log_refusal(call, Some(presentation.person), &reference, &error).await?;
                return Err(error);
            }
        };
        // From here on the delivery logs the outcome.
        let (claimed, delivery) = begun;
        let is_repeated = delivery.repeats.is_some();
        match self.delivery.deliver(call, delivery).await {
            Ok(delivered) if is_repeated => Ok((claimed, delivered)),
            Ok(delivered) => {
                let versions = delivered.records.iter().map(|record| record.version).collect();
                let answer = Some(RedemptionAnswer { evidence_index: delivered.evidence_index, versions });
                let used = Presentation { stored: Stored::Used, answer, ..claimed.clone() };
                self.replace(&claimed, &used).await?;
                Ok((used, delivered))
            }
            Err(error) => {
                if !is_repeated {
                    self.replace(&claimed, &presentation).await?;
                }
                Err(error)
            }
        }
    }

    /// Claims the presentation, or finds the answer to repeat; returns it with the delivery to make.
    async fn begin(&self, call: &Call, presentation: &Presentation) -> Result<(Presentation, Delivery)> {
        let subject = presentation.id.to_string();
        let refused =
            |reason, message: &str| Err(Error::new(reason, message).with_subject("presentation", subject.clone()));
        let used = || refused(Reason::PresentationUsed, "the code was used already");
        let delivery = |wanted, repeats| Delivery {
            subject: presentation.person,
            wanted,
            reference: subject.clone(),
            guardian: presentation.created_by.guardian(),
            repeats,
        };
        match presentation.turn(call.accepts_unverified, call.now) {
            Turn::First => {}
            Turn::Again(answer) => {
                let wanted = self.delivered(presentation, &answer).await?;
                return Ok((presentation.clone(), delivery(wanted, Some(answer.evidence_index))));
            }
            Turn::Used => return used(),
            Turn::Expired => return refused(Reason::PresentationExpired, "the code has expired"),
            Turn::Cancelled => return refused(Reason::PresentationCancelled, "the citizen cancelled the code"),
        }
        let wanted = self.wanted(presentation, call.now).await?;
        let claimed = Presentation {
            stored: Stored::Claimed,
            used_at: presentation.used_at.or(Some(call.now)),
            unverified: call.accepts_unverified,
            ..presentation.clone()
        };
        match self.replace(presentation, &claimed).await {
            Err(error) if error.reason == Reason::StorageConflict => used(),
            result => result.map(|()| (claimed, delivery(wanted, None))),
        }
    }

    /// The records of an earlier answer, in the versions delivered then: later changes of the links do not matter.
    async fn delivered(&self, presentation: &Presentation, answer: &RedemptionAnswer) -> Result<Vec<Wanted>> {
        let mut wanted = Vec::with_capacity(presentation.links.len());
        for (id, version) in presentation.links.iter().zip(&answer.versions) {
            let link = self.linking.find(*id).await?;
            let record_type = self.linking.registries.document(link.document_type)?.clone();
            wanted.push(Wanted { record_type, record_id: link.record_id, version: Some(*version) });
        }
        Ok(wanted)
    }

    /// The records of the presentation's links, if each link is in force and still the presenter's, and the presenter is alive.
    async fn wanted(&self, presentation: &Presentation, now: Timestamp) -> Result<Vec<Wanted>> {
        let person = self.people.numbers(presentation.person).await?;
        let refused = |reason, message: &str| Err(Error::new(reason, message).with_subject("person", "holder"));
        match person.standing {
            Standing::Living | Standing::Unknown => {}
            Standing::Deceased => {
                return refused(Reason::PersonDeceased, "the person who presents the documents has died");
            }
            Standing::GivenUp => {
                return refused(
                    Reason::PersonIdCancelled,
                    "the personal ID of the person who presents the documents was given up",
                );
            }
        }
        let mut wanted = Vec::with_capacity(presentation.links.len());
        for id in &presentation.links {
            let link = self.linking.find(*id).await?;
            let record_type = self.linking.registries.document(link.document_type)?.clone();
            if link.state_at(now).0 != LinkState::Linked || !person.contains(link.person) {
                return Err(not_active(&record_type.name));
            }
            wanted.push(Wanted { record_type, record_id: link.record_id, version: None });
        }
        Ok(wanted)
    }

    /// Cancels an unused presentation.
    pub async fn cancel(&self, person: &Numbers, id: uuid::Uuid, now: Timestamp) -> Result<Presentation> {
        let before = self.get(person, id).await?;
        let refused =
            |reason, message: &str| Err(Error::new(reason, message).with_subject("presentation", id.to_string()));
        match before.state_at(now) {
            PresentationState::Open => {}
            PresentationState::Cancelled => return Ok(before),
            PresentationState::Used => return refused(Reason::PresentationUsed, "the code was used already"),
            PresentationState::Expired => return refused(Reason::PresentationExpired, "the code has expired"),
        }
        let after = Presentation { stored: Stored::Cancelled, ..before.clone() };
        match self.replace(&before, &after).await {
            Err(error) if error.reason == Reason::StorageConflict => {
                refused(Reason::PresentationUsed, "the code was used already")
            }
            result => result.map(|()| after),
        }
    }

    /// A presentation of a person, under any of their numbers.
    async fn get(&self, person: &Numbers, id: uuid::Uuid) -> Result<Presentation> {
        for number in person.all() {
            let key = key_of(number, id);
            if let Some(row) = self.store.get(Space::Presentation, &key).await? {
                return read(&key, &row);
            }
        }
        Err(Error::new(Reason::NotFound, "no such presentation").with_subject("presentation", id.to_string()))
    }

    /// A page of a person's presentations, the newest first, older than the one with the id `before` (`None`: from the newest), and whether more
    /// follow.
    pub async fn list(
        &self,
        person: &Numbers,
        limit: usize,
        before: Option<uuid::Uuid>,
    ) -> Result<(Vec<Presentation>, bool)> {
        let mut found: Vec<Presentation> = Vec::new();
        for number in person.all() {
            let prefix = number.as_str().as_bytes();
            let mut scan = Scan::prefix(Space::Presentation, prefix).reverse().limit(limit + 1);
            if let Some(before) = before {
                scan = scan.after(key_of(number, before));
            }
            for (key, row) in self.store.scan(scan).await? {
                found.push(read(&key, &row)?);
            }
        }
        // Ids sort by time.
        found.sort_by_key(|presentation| std::cmp::Reverse(presentation.id));
        let more = found.len() > limit;
        found.truncate(limit);
        Ok((found, more))
    }

    async fn by_code(&self, bare: &str) -> Result<Option<Presentation>> {
        let Some(key) = self.store.get(Space::PresentationCode, &code_key(bare)).await? else { return Ok(None) };
        let lost = || self.store.damaged(Space::Presentation, "a presentation that a code names has no row");
        let row = self.store.get(Space::Presentation, &key).await?.ok_or_else(lost)?;
        read(&key, &row).map(Some)
    }

    async fn replace(&self, before: &Presentation, after: &Presentation) -> Result<()> {
        let batch = Batch::new().require_value(Space::Presentation, key(before), row(before)).put(
            Space::Presentation,
            key(after),
            row(after),
        );
        self.store.commit(batch).await
    }
}

/// The same error for a code that never existed and for another agency's.
fn unknown(call: &Call) -> Error {
    Error::new(Reason::RoleNotAllowed, "this credential may not redeem this code")
        .with_metadata("caller", call.caller.label())
        .with_metadata("allowed", "addressee")
}

fn not_active(record_type: &str) -> Error {
    Error::new(Reason::LinkNotActive, "no document of this kind is linked and in force")
        .with_subject("link", record_type)
}

fn corrupt() -> Error {
    Error::new(Reason::StorageCorrupt, "a presentation cannot be read back")
}

fn code_key(bare: &str) -> Vec<u8> {
    Sha256::digest(bare.as_bytes()).to_vec()
}

fn key(presentation: &Presentation) -> Vec<u8> {
    key_of(presentation.person, presentation.id)
}

fn key_of(person: PersonalId, id: uuid::Uuid) -> Vec<u8> {
    [person.as_str().as_bytes(), id.as_bytes()].concat()
}

fn row(presentation: &Presentation) -> Vec<u8> {
    canonical::write(&presentation.to_row())
}

fn read(key: &[u8], row: &[u8]) -> Result<Presentation> {
    let (person, id) = key.split_at_checked(12).ok_or_else(corrupt)?;
    let person = std::str::from_utf8(person).ok().and_then(PersonalId::parse).ok_or_else(corrupt)?;
    let id = uuid::Uuid::from_slice(id).map_err(|_| corrupt())?;
    let row = canonical::parse(row).map_err(|_| corrupt())?;
    Presentation::from_row(person, id, &row).ok_or_else(corrupt)
}
