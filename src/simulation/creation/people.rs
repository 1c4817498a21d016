//! `CreatePerson`: plans a citizen, keeps the plan, and carries it out.

use crate::base::id::request_id_violation;
use crate::base::text::folded_key;
use crate::base::time::Instant;
use crate::base::{Error, Kind, PartialDate, PersonalId, Reason, Result, Timestamp, Violations};
use crate::registry::numbers::Numbers;
use crate::registry::port::{Content, PutOutcome};
use crate::registry::vehicle::REGISTRATION;
use crate::simulation::names;
use crate::simulation::personas::identity::{Cast, Identity};
use crate::simulation::personas::reserved;

use super::asked::Asked;
use super::book::{Book, locked};
use super::draft::{Draft, Drafting, Drawn, draw_person, members};
use super::kin::relatives;
use super::lawful;
use super::made::{Creation, Made};
use super::parts::Parts;
use super::relatives::Relatives;
use super::steps;
use super::wanted::Wanted;

/// How many names are drawn until one is nobody else's of that year.
const NAMES_MAX: u64 = 64;
/// How many numbers are tried until one is nobody's: somebody may have entered such a record without asking the simulation.
const NUMBERS_MAX: usize = 64;

/// Creates citizens.
pub struct Creating {
    parts: Parts,
    book: Book,
    /// Citizens are created one after another: two at once could want one plate, one spouse or the last place of a household.
    turn: tokio::sync::Mutex<()>,
}

/// Numbers that a draft took, and gives back unless it is kept.
#[derive(Default)]
struct TakenNumbers {
    ordinals: Vec<(u64, Option<(&'static str, u64)>)>,
}

impl Creating {
    /// Creates citizens of `parts`.
    pub fn new(parts: Parts) -> Self {
        let book = Book::new(parts.store.clone());
        Self { parts, book, turn: tokio::sync::Mutex::default() }
    }

    /// Makes a citizen, whole or not at all. A repetition is answered as the first call was; one that was cut off is completed.
    /// `until` is how long the call waits until everything shows what was written; the answer names what does not yet.
    pub async fn create(&self, request_id: &str, asked: &Asked, now: Timestamp, until: Instant) -> Result<Made> {
        if let Some(violation) = request_id_violation(request_id) {
            return Err(Error::invalid(violation));
        }
        let content = asked.content()?;
        let _turn = self.turn.lock().await;
        let creation = match self.book.find(request_id).await? {
            Some(begun) => begun,
            None => self.begin(request_id, asked, &content, now).await?,
        };
        if creation.content != content {
            return Err(Error::new(Reason::RequestIdReused, "this request id was used for another citizen"));
        }
        let done = if creation.steps.is_empty() {
            creation
        } else {
            let done = steps::run(&self.parts, request_id, creation.clone(), now, until).await?;
            let rules = steps::rules(&done)?;
            let done = self.book.end(request_id, &creation, done, &rules).await?;
            rules.into_iter().for_each(|rule| self.parts.faults.add_of_citizen(rule));
            done
        };
        let lagging = self.parts.shown.shown(until).await;
        Ok(Made { lagging, ..done.made })
    }

    /// Plans a creation, and keeps the plan; gives the one that another call kept first.
    async fn begin(&self, request_id: &str, asked: &Asked, content: &str, now: Timestamp) -> Result<Creation> {
        let today = now.date();
        let wanted = Wanted::read(asked, &self.parts.catalogue, today).map_err(Error::invalid)?;
        self.check_signatures(&wanted)?;
        let kin = relatives(&self.parts, &wanted, now).await?;
        self.check_plates(&wanted, now).await?;
        for _ in 0..NUMBERS_MAX {
            let mut taken = TakenNumbers::default();
            let planned = self.plan(&wanted, &kin, content, now, &mut taken).await;
            let kept = match planned {
                Ok(Some(creation)) => match self.book.begin(request_id, &creation).await {
                    Ok(true) => return Ok(creation),
                    Ok(false) => self.book.find(request_id).await,
                    Err(error) => Err(error),
                },
                // Somebody has one of the numbers: they stay taken.
                Ok(None) => continue,
                Err(error) => Err(error),
            };
            self.give_back(taken).await?;
            return kept?.ok_or_else(|| Error::bug("a creation that was begun is gone"));
        }
        Err(used_up("the numbers for created citizens are taken by others"))
    }

    /// The plan, if the rules and the registries would take it; `None` when its numbers are somebody's.
    async fn plan(
        &self,
        wanted: &Wanted,
        kin: &Relatives,
        content: &str,
        now: Timestamp,
        taken: &mut TakenNumbers,
    ) -> Result<Option<Creation>> {
        let today = now.date();
        let cast = self.cast(wanted, kin, now, taken).await?;
        let draft =
            Drafting { catalogue: &self.parts.catalogue, seed: self.parts.seed, wanted, kin, cast: &cast, today };
        let draft = draft.draft()?;
        if !self.would_be_taken(&draft, wanted.chosen()).await? {
            return Ok(None);
        }
        draft.creation(&self.parts.catalogue, content).map(Some)
    }

    /// Whether the registries would take the first versions: refuses the request where a rule speaks against it, and is `false` where a number is
    /// somebody's.
    async fn would_be_taken(&self, draft: &Draft, chosen: &str) -> Result<bool> {
        let mut bad = Violations::default();
        for (registry, records) in draft.by_registry(&self.parts.catalogue)? {
            let contents = records
                .iter()
                .map(|record| Content { record_type: (&record.record_type).into(), payload: record.payload.clone() });
            let outcomes = self.parts.port(&registry)?.put(contents.collect(), true).await?;
            for (record, outcome) in records.iter().zip(outcomes) {
                match outcome {
                    PutOutcome::Created(_) => {}
                    PutOutcome::Updated(_) | PutOutcome::Unchanged(_) => return Ok(false),
                    PutOutcome::Refused(violations) => {
                        for violation in violations.kept() {
                            let field = format!("{}.{}", &*record.record_type, violation.field);
                            bad.push(violation.clone().at(&field));
                        }
                    }
                }
            }
        }
        if bad.is_empty() { Ok(true) } else { Err(Error::invalid(lawful::of_request(&bad, chosen))) }
    }

    /// Everybody of the situation with numbers, names and days of birth.
    async fn cast(&self, wanted: &Wanted, kin: &Relatives, now: Timestamp, taken: &mut TakenNumbers) -> Result<Cast> {
        let mut cast = Cast::default();
        let (members, numbers) = members(wanted.situation);
        for (key, row) in members {
            let is_main = cast.people.is_empty();
            let ordinal = self.take_ordinal(taken).await?;
            let mut draws = self.parts.seed.child("created-citizen", ordinal).draws();
            let mut drawn = draw_person(wanted, row, is_main, kin, now.date(), &mut draws)?;
            let parcel = self.take_parcel(ordinal, &mut drawn, taken).await?;
            let personal_id = reserved::personal_id(drawn.sex, drawn.birth, ordinal);
            let personal_id = personal_id.ok_or_else(|| Error::bug("a birth date without a personal ID"))?;
            let full_name = match &drawn.full_name {
                Some(name) => name.clone(),
                None => self.unused_name(&drawn, personal_id, ordinal, now).await?,
            };
            let identity = Identity { personal_id, full_name, birth: drawn.birth, commune: drawn.commune, parcel };
            cast.people.insert(key, identity);
        }
        for known in numbers {
            let ordinal = self.take_ordinal(taken).await?;
            let own = cast.people.values().next().ok_or_else(|| Error::bug("a cast of nobody"))?;
            if let Some(number) = reserved::personal_id(own.sex(), own.birth, ordinal) {
                cast.numbers.insert(known, number);
            }
        }
        Ok(cast)
    }

    /// A name that nobody else has who was born in that year, so that documents without a number lead to one person.
    async fn unused_name(
        &self,
        drawn: &Drawn,
        personal_id: PersonalId,
        ordinal: u64,
        now: Timestamp,
    ) -> Result<String> {
        let own = Numbers::only(personal_id);
        let year = PartialDate { month: None, day: None, ..PartialDate::from(drawn.birth) };
        let mut last = String::new();
        for nth in 0..NAMES_MAX {
            let mut draws = self.parts.seed.child("created-name", ordinal * NAMES_MAX + nth).draws();
            let surname = match drawn.surname.as_str() {
                "" => names::surname(&mut draws),
                known => known,
            };
            last = names::full_name(surname, drawn.sex, drawn.birth.year(), &mut draws);
            if let Some(given) = drawn.given {
                last = last.rsplit_once(' ').map_or(given.to_owned(), |(before, _)| [before, " ", given].concat());
            }
            // Somebody of that name whose record cannot be read has it too.
            match self.parts.registries.namesakes(&folded_key(&last), year, &own, now).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == Kind::Corrupt => {}
                Err(error) => return Err(error),
            }
        }
        Ok(last)
    }

    async fn take_ordinal(&self, taken: &mut TakenNumbers) -> Result<u64> {
        let ordinal = locked(self.book.taken().await?).ordinal();
        let ordinal =
            ordinal.ok_or_else(|| used_up("a world has at most 9,000 created citizens: begin another world"))?;
        taken.ordinals.push((ordinal, None));
        Ok(ordinal)
    }

    /// A piece of land in the commune that was drawn, or where that is full and any other does, in another.
    async fn take_parcel(&self, ordinal: u64, drawn: &mut Drawn, taken: &mut TakenNumbers) -> Result<u64> {
        let found = locked(self.book.taken().await?).parcel_from(drawn.commune, drawn.is_any_commune);
        let says = "a commune has at most 768 created citizens: choose another unit_code";
        let (commune, parcel) = found.ok_or_else(|| used_up(says))?;
        drawn.commune = commune;
        if let Some(own) = taken.ordinals.iter_mut().find(|(known, _)| *known == ordinal) {
            own.1 = Some((commune.code, parcel));
        }
        Ok(parcel)
    }

    async fn give_back(&self, numbers: TakenNumbers) -> Result<()> {
        let mut taken = locked(self.book.taken().await?);
        numbers.ordinals.into_iter().for_each(|(ordinal, land)| taken.give_back(ordinal, land));
        Ok(())
    }

    /// Plates that were asked for are nobody's.
    async fn check_plates(&self, wanted: &Wanted, now: Timestamp) -> Result<()> {
        let of = self.parts.catalogue.defined(REGISTRATION)?;
        let mut bad = Violations::default();
        for (at, vehicle) in wanted.vehicles.iter().enumerate() {
            let Some(plate) = &vehicle.plate else { continue };
            if self.parts.registries.read_one(of, of.key_form.of(plate), now, |_| true).await?.is_some() {
                bad.add(format_args!("vehicles[{at}].plate"), "TAKEN", "the plate is on a vehicle already");
            }
        }
        if bad.is_empty() { Ok(()) } else { Err(Error::invalid(bad)) }
    }

    /// Refuses a situation in which a registry signs falsely about the citizen, outside a session.
    fn check_signatures(&self, wanted: &Wanted) -> Result<()> {
        let situation = wanted.situation.filter(|_| !self.parts.may_sign_falsely);
        let false_one = situation.filter(|row| row.fault.is_some_and(|(action, _)| action.signs_falsely()));
        let Some(row) = false_one else { return Ok(()) };
        let situation = row.key;
        let message = format!(
            "in the situation {situation} a registry signs falsely, which only a session may do: create one, and the citizen there"
        );
        Err(Error::new(Reason::FaultNeedsSession, message).with_subject("situation", situation))
    }
}

fn used_up(says: &str) -> Error {
    Error::new(Reason::NumbersUsedUp, says).with_subject("world", "created_citizens")
}
