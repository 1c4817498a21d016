//! `OpenAccount`: an account for a person or an organisation who is there already, as an office would open it.

use crate::base::{Error, OrganisationCode, PartialDate, Party, PersonalId, Reason, Result, Timestamp, Violations};
use crate::identity::organisation::Organisations;
use crate::identity::people::{Person, Registries};
use crate::identity::{Account, Accounts, Level};
use crate::trust::Object;

/// Below this age somebody has an account only through a guardian; at the other one nobody is a guardian any more (Decree 69/2024, Civil Code).
const THROUGH_GUARDIAN_UNTIL: i16 = 14;
const FULL_AGE: i16 = 18;
/// From this age children have an account of level 2.
const LEVEL_TWO_FROM: i16 = 6;

/// Whose account is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountAsked {
    /// A person or an organisation.
    pub party: Party,
    /// The level; `None`: what is usual at that age, or what the account has. A person's alone.
    pub level: Option<Level>,
    /// Who acts for a child; `None`: a parent. A child's alone.
    pub guardian: Option<PersonalId>,
}

/// An account that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Whose: a person by the present number.
    pub party: Party,
    /// The level; organisations have none.
    pub level: Option<Level>,
    /// Who acts for a child.
    pub guardian: Option<PersonalId>,
    /// Since when.
    pub opened_at: Timestamp,
}

/// Opens accounts.
pub struct Opening {
    /// The registries, read with all checks.
    pub registries: Registries,
    /// Citizens' accounts.
    pub accounts: Accounts,
    /// Organisations' accounts.
    pub organisations: Organisations,
}

impl Opening {
    /// Opens an account; one that is open already is answered as it is, unless another was asked for.
    pub async fn open(&self, asked: &AccountAsked, now: Timestamp) -> Result<Opened> {
        match asked.party {
            Party::Person(number) => self.of_person(number, asked, now).await,
            Party::Organisation(code) => self.of_organisation(code, asked, now).await,
        }
    }

    async fn of_person(&self, number: PersonalId, asked: &AccountAsked, now: Timestamp) -> Result<Opened> {
        let missing = || {
            let message = "the register of people has nobody with this personal ID";
            Error::new(Reason::NotFound, message).with_subject("person", "personal_id")
        };
        let person = self.registries.person(number, now).await?.ok_or_else(missing)?;
        if person.payload.text("life_status") == Some("deceased") {
            let message = "the person has died: nobody opens an account any more";
            return Err(Error::new(Reason::PersonDeceased, message).with_subject("person", "personal_id"));
        }
        if let Some(account) = self.accounts.of(&person.numbers).await? {
            return same(account, asked);
        }
        let age = age(&person.payload, now);
        let guardian = self.guardian(&person, age, asked.guardian, now).await?;
        let level = match asked.level {
            Some(Level::Two) if age < LEVEL_TWO_FROM => {
                let says = "children have an account of level 2 from 6 years of age";
                return Err(Error::invalid_field("level", "CONFLICT", says));
            }
            Some(level) => level,
            None if age < THROUGH_GUARDIAN_UNTIL => Level::One,
            None => Level::Two,
        };
        let account = Account { person: person.numbers.current, level, guardian, opened_at: now };
        // Of two calls at once the second one is answered what the first one opened.
        same(self.accounts.open(account).await?, asked)
    }

    /// Who acts for the person: the one who was named, or else a living parent.
    async fn guardian(
        &self,
        person: &Person,
        age: i16,
        named: Option<PersonalId>,
        now: Timestamp,
    ) -> Result<Option<PersonalId>> {
        let refused = |rule: &'static str, says: &'static str| Err(Error::invalid_field("guardian_id", rule, says));
        if let Some(named) = named {
            if age >= FULL_AGE {
                return refused("NOT_ALLOWED", "nobody acts for a person of full age");
            }
            let Some(guardian) = self.registries.person(named, now).await? else {
                return refused("NOT_FOUND", "the register of people has nobody with this personal ID");
            };
            let is_same = guardian.numbers.current == person.numbers.current;
            if is_same || !is_grown_and_living(&guardian, now) {
                return refused("CONFLICT", "a guardian is a living person of full age");
            }
            return Ok(Some(guardian.numbers.current));
        }
        if age < FULL_AGE {
            for field in ["mother_id", "father_id"] {
                let Some(parent) = person.payload.text(field).and_then(PersonalId::parse) else { continue };
                let parent = self.registries.person(parent, now).await?;
                if let Some(parent) = parent.filter(|parent| is_grown_and_living(parent, now)) {
                    return Ok(Some(parent.numbers.current));
                }
            }
        }
        if age < THROUGH_GUARDIAN_UNTIL {
            return refused(
                "REQUIRED",
                "a child under 14 has an account through a guardian, and the register knows no living parent",
            );
        }
        Ok(None)
    }

    async fn of_organisation(&self, code: OrganisationCode, asked: &AccountAsked, now: Timestamp) -> Result<Opened> {
        let mut bad = Violations::default();
        if asked.level.is_some() {
            bad.add("level", "NOT_ALLOWED", "accounts of organisations have no level");
        }
        if asked.guardian.is_some() {
            bad.add("guardian_id", "NOT_ALLOWED", "organisations have no guardian");
        }
        if !bad.is_empty() {
            return Err(Error::invalid(bad));
        }
        let unknown = || {
            let message = "the register of organisations has none with this code";
            Error::new(Reason::NotFound, message).with_subject("organisation", "organisation_code")
        };
        let register = self.registries.catalogue().organisations().cloned().ok_or_else(unknown)?;
        let key = register.key_form.of(&code.to_string());
        self.registries.read_one(&register, key, now, |_| true).await?.ok_or_else(unknown)?;
        let account = match self.organisations.open(code, now).await {
            // Another call opened it at once.
            Err(error) if error.reason == Reason::StorageConflict => {
                self.organisations.settled().await?;
                self.organisations.account(code, now).await?.ok_or(error)?
            }
            opened => opened?,
        };
        let party = Party::Organisation(account.code);
        Ok(Opened { party, level: None, guardian: None, opened_at: account.opened_at })
    }
}

/// The account that is there, if it is the one that was asked for.
fn same(account: Account, asked: &AccountAsked) -> Result<Opened> {
    let other_level = asked.level.is_some_and(|level| level != account.level);
    let other_guardian = asked.guardian.is_some_and(|guardian| Some(guardian) != account.guardian);
    if other_level || other_guardian {
        let message = "the person has an account already, of another level or with another guardian";
        return Err(Error::new(Reason::AlreadyExists, message).with_subject("account", "personal_id"));
    }
    let Account { person, level, guardian, opened_at } = account;
    Ok(Opened { party: Party::Person(person), level: Some(level), guardian, opened_at })
}

fn is_grown_and_living(person: &Person, now: Timestamp) -> bool {
    person.payload.text("life_status") == Some("alive") && age(&person.payload, now) >= FULL_AGE
}

/// The age that somebody has completed for certain.
fn age(person: &Object, now: Timestamp) -> i16 {
    let today = now.date();
    let Some(born) = person.text("birth_date").and_then(PartialDate::parse) else { return 0 };
    let birthday = (born.month.unwrap_or(12), born.day.unwrap_or(31));
    today.year() - born.year - i16::from((today.month(), today.day()) < birthday)
}
