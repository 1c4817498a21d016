//! Who acts for whom: a citizen for themselves, or for a child the guardian whom its account names (Decree 69/2024).
//!
//! Every call that a citizen may make about themselves goes through [`own`], which finds the person by all of their
//! [`Numbers`]: records under an earlier number are theirs too. The results name the guardian who acted.
//!
//! A credential is of one number and ends with it. A number that was replaced is refused with
//! [`PersonIdSuperseded`](Reason::PersonIdSuperseded): the account under it is locked, and its holder signs in with the number that
//! replaced it (Decision 34/2021, article 10, for accounts whose number is cancelled or established anew). So the wrongful holder of a
//! number cannot act for its rightful one. The account of somebody who has died is locked as well (Decree 59/2022,
//! article 19), and a guardianship ends with either's death (Civil Code, article 62) and with the ward's majority.
//!
//! A stranger gets the same refusal whether or not the citizen exists, and learns nothing about the state of anybody else's number.

use async_trait::async_trait;

use crate::base::{
    AgencyId, Call, Caller, Date, Error, OrganisationCode, PartialDate, PersonalId, Reason, Result, Timestamp,
};
use crate::registry::numbers::{Numbers, Standing};

/// From this age on nobody acts for a person (Civil Code, article 20).
pub const MAJORITY: i16 = 18;
/// Under this age a person is a child (Law on Children 102/2016, article 1), whose representative consents for it (Law
/// 91/2025, article 24).
const CHILDHOOD: i16 = 16;

/// The actor that caused a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// The citizen whom the change is about.
    Citizen,
    /// The citizen's guardian, by personal ID.
    Guardian(PersonalId),
    /// The issuing registry.
    Registry,
    /// An agency.
    Agency(AgencyId),
}

impl Actor {
    /// `citizen`, `guardian`, `registry`, or the agency's key.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Citizen => "citizen",
            Self::Guardian(_) => "guardian",
            Self::Registry => "registry",
            Self::Agency(key) => key.as_str(),
        }
    }

    /// The guardian who acted.
    pub fn guardian(&self) -> Option<PersonalId> {
        if let Self::Guardian(guardian) = self { Some(*guardian) } else { None }
    }

    /// Parses [`Self::as_str`] and [`Self::guardian`].
    pub fn read(text: &str, guardian: Option<&str>) -> Option<Self> {
        match (text, guardian) {
            ("guardian", Some(guardian)) => PersonalId::parse(guardian).map(Self::Guardian),
            ("guardian", None) | (_, Some(_)) => None,
            ("citizen", None) => Some(Self::Citizen),
            ("registry", None) => Some(Self::Registry),
            (key, None) => AgencyId::parse(key).map(Self::Agency),
        }
    }
}

/// Resolves a number to its person, and a person to their wards; identity implements it.
#[async_trait]
pub trait People: Send + Sync + 'static {
    /// The numbers of the person whom a number leads to.
    async fn numbers(&self, number: PersonalId) -> Result<Numbers>;

    /// Whether the province knows the person: by a resident record under one of the numbers, or by an account.
    async fn knows(&self, person: &Numbers) -> Result<bool>;

    /// The guardian whom a person's account names; `None` without one, or without an account.
    async fn guardian_of(&self, person: &Numbers) -> Result<Option<PersonalId>>;

    /// How a person acts for an organisation; `None` where they do not.
    async fn represents(
        &self,
        person: &Numbers,
        organisation: OrganisationCode,
        now: Timestamp,
    ) -> Result<Option<Representation>>;
}

/// How somebody acts for an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Representation {
    /// As its legal representative, by the register of organisations.
    Legal,
    /// By a mandate that the legal representative gave them.
    Mandate,
}

/// The field of a request that names the person whom it is about: refusals name a person by it, never by the number.
const NAMED: &str = "personal_id";
/// The subject of refusals that are about the caller's own credential, by the metadata that it came in.
const CREDENTIAL: (&str, &str) = ("credential", "authorization");

/// The person whom a call is about, and the actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acting {
    /// The person, by all numbers.
    pub person: Numbers,
    /// The citizen, or their guardian.
    pub actor: Actor,
}

impl Acting {
    /// The same, for calls that create something: under a number that was given up and leads to nobody, existing data can be listed
    /// and ended, and nothing else.
    pub fn anew(self) -> Result<Self> {
        if self.person.standing == Standing::GivenUp {
            let message = "the personal ID was cancelled and belongs to nobody: nothing new can be done under it";
            return Err(Error::new(Reason::PersonIdCancelled, message).with_subject("person", NAMED));
        }
        Ok(self)
    }

    /// The same, for calls in which the actor consents for the person: a child's representative does that, and the child may
    /// withdraw it.
    pub fn consenting(self, today: Date) -> Result<Self> {
        let is_child = self.person.born.is_some_and(|born| !has_age(born, CHILDHOOD, today));
        if is_child && self.actor == Actor::Citizen {
            let message = "consent for a child is given by its guardian; the child may only withdraw one";
            return Err(Error::new(Reason::GuardianNeeded, message).with_subject("person", NAMED));
        }
        self.anew()
    }
}

/// The citizen in a request's field `personal_id` and the actor, if the caller may act for the citizen. Agencies are refused before
/// the request is read.
pub async fn own(call: &Call, personal_id: &str, people: &dyn People) -> Result<Acting> {
    if let Caller::Agency(_) = call.caller {
        return Err(call.refuse());
    }
    let number = PersonalId::from_field("personal_id", personal_id).map_err(|bad| Error::invalid(vec![bad]))?;
    acting(call, number, people).await
}

/// The number in a request's field `personal_id`, and the person behind it, for methods that citizens call for those whom they act
/// for, and that agencies in its row call for anybody. The caller's right is checked before the request.
pub async fn own_or_named(call: &Call, personal_id: &str, people: &dyn People) -> Result<(PersonalId, Numbers)> {
    if let Caller::Agency(_) = call.caller {
        call.named_or(false)?;
    }
    let number = PersonalId::from_field("personal_id", personal_id).map_err(|bad| Error::invalid(vec![bad]))?;
    let person = match call.caller {
        Caller::Agency(_) => people.numbers(number).await?,
        Caller::Citizen(_) => acting(call, number, people).await?.person,
    };
    Ok((number, person))
}

/// The organisation in a request's field `organisation_code`, and how the caller acts for it, for methods that agencies in their row call for
/// any organisation: `None` for those. The caller's right is checked before the request.
pub async fn represented(
    call: &Call,
    organisation_code: &str,
    people: &dyn People,
) -> Result<(OrganisationCode, Option<Representation>)> {
    if let Caller::Agency(_) = call.caller {
        call.named_or(false)?;
    }
    let code = OrganisationCode::from_field("organisation_code", organisation_code);
    let code = code.map_err(|bad| Error::invalid(vec![bad]))?;
    let Caller::Citizen(caller) = call.caller else { return Ok((code, None)) };
    let own = signed_in(caller, people).await?;
    match people.represents(&own, code, call.now).await? {
        Some(representation) => Ok((code, Some(representation))),
        None => Err(call.refuse()),
    }
}

/// The person to whom `number` leads, if the caller may act for them.
pub async fn acting(call: &Call, number: PersonalId, people: &dyn People) -> Result<Acting> {
    let Caller::Citizen(caller) = call.caller else { return Err(call.refuse()) };
    let own = signed_in(caller, people).await?;
    if own.contains(number) {
        return Ok(Acting { person: own, actor: Actor::Citizen });
    }
    let person = people.numbers(number).await?;
    let guardian = people.guardian_of(&person).await?;
    let is_of_age = person.born.is_some_and(|born| has_age(born, MAJORITY, call.now.date()));
    match guardian {
        Some(guardian) if own.contains(guardian) && !is_of_age => match person.standing {
            Standing::Deceased => Err(deceased(("person", NAMED))),
            _ => Ok(Acting { person, actor: Actor::Guardian(caller) }),
        },
        _ => Err(call.refuse()),
    }
}

/// The caller, by a credential that still holds.
async fn signed_in(caller: PersonalId, people: &dyn People) -> Result<Numbers> {
    let own = people.numbers(caller).await?;
    if own.current != caller {
        let message = "the credential's personal ID was superseded: sign in with the present one";
        return Err(Error::new(Reason::PersonIdSuperseded, message).with_subject(CREDENTIAL.0, CREDENTIAL.1));
    }
    if own.standing == Standing::Deceased {
        return Err(deceased(CREDENTIAL));
    }
    Ok(own)
}

fn deceased((kind, name): (&'static str, &str)) -> Error {
    let message = "the person has died: nobody can act as them or for them any more";
    Error::new(Reason::PersonDeceased, message).with_subject(kind, name)
}

/// Whether a person has certainly reached an age. A birth date known only to the month or year counts as its last day.
pub fn has_age(born: PartialDate, age: i16, today: Date) -> bool {
    let birthday = (born.year + age, born.month.unwrap_or(12), born.day.unwrap_or(31));
    birthday <= (today.year(), today.month(), today.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHILD: &str = "042324990011";
    const MOTHER: &str = "042196990023";
    const DEAD: &str = "042065990010";
    const HOLDER: &str = "042083990016";
    const FORMER: &str = "042083990017";
    const GIVEN_UP: &str = "042083990018";
    const GROWN: &str = "042100990019";
    const WARD_OF_THE_DEAD: &str = "042312990020";
    const DEAD_CHILD: &str = "042318990021";
    const FIFTEEN: &str = "042211990022";

    fn pid(text: &str) -> PersonalId {
        PersonalId::parse(text).expect("12 digits")
    }

    struct Register;

    #[async_trait]
    impl People for Register {
        async fn numbers(&self, number: PersonalId) -> Result<Numbers> {
            let living = |born: &str| Numbers {
                standing: Standing::Living,
                born: PartialDate::parse(born),
                ..Numbers::only(number)
            };
            Ok(match number.as_str() {
                CHILD => living("2024-05-10"),
                GROWN => living("2008-11-29"),
                FIFTEEN => living("2011"),
                WARD_OF_THE_DEAD => living("2020-01-01"),
                DEAD => Numbers { standing: Standing::Deceased, ..living("1965-11-11") },
                DEAD_CHILD => Numbers { standing: Standing::Deceased, ..living("2018-01-01") },
                HOLDER | FORMER => {
                    Numbers { current: pid(HOLDER), superseded: vec![pid(FORMER)], ..living("1983-09-02") }
                }
                GIVEN_UP => Numbers { standing: Standing::GivenUp, ..Numbers::only(number) },
                MOTHER => living("1996-10-15"),
                _ => Numbers::only(number),
            })
        }

        async fn knows(&self, person: &Numbers) -> Result<bool> {
            Ok(person.standing != Standing::Unknown)
        }

        async fn guardian_of(&self, person: &Numbers) -> Result<Option<PersonalId>> {
            Ok(match person.current.as_str() {
                // named by the number that she had then
                CHILD => Some(pid(FORMER)),
                GROWN | DEAD_CHILD => Some(pid(MOTHER)),
                WARD_OF_THE_DEAD => Some(pid(DEAD)),
                _ => None,
            })
        }

        async fn represents(
            &self,
            person: &Numbers,
            _: OrganisationCode,
            _: Timestamp,
        ) -> Result<Option<Representation>> {
            // named by the number that the representative had then
            Ok(person.contains(pid(FORMER)).then_some(Representation::Legal))
        }
    }

    /// 2026-11-28, a day before GROWN is 18.
    const NOW: Timestamp = Timestamp(1_795_824_000_000);

    #[tokio::test]
    async fn a_citizen_acts_for_themselves_and_a_guardian_for_the_child() {
        const STRANGER: &str = "042185990002";
        let stranger = Err(Reason::RoleNotAllowed);
        // who calls, about whom → the person's present number and who acts
        let cases = [
            (STRANGER, STRANGER, Ok((STRANGER, Actor::Citizen))),
            (CHILD, CHILD, Ok((CHILD, Actor::Citizen))),
            (HOLDER, CHILD, Ok((CHILD, Actor::Guardian(pid(HOLDER))))),
            (CHILD, HOLDER, stranger.clone()),
            (STRANGER, CHILD, stranger.clone()),
            (STRANGER, "042000000000", stranger.clone()),
            (STRANGER, "42", Err(Reason::InvalidRequest)),
            // a former number is its holder's, and ends its own credentials
            (HOLDER, FORMER, Ok((HOLDER, Actor::Citizen))),
            (STRANGER, FORMER, stranger.clone()),
            (FORMER, FORMER, Err(Reason::PersonIdSuperseded)),
            (FORMER, HOLDER, Err(Reason::PersonIdSuperseded)),
            (FORMER, CHILD, Err(Reason::PersonIdSuperseded)),
            (GIVEN_UP, GIVEN_UP, Ok((GIVEN_UP, Actor::Citizen))),
            // nobody acts as the dead, or for them; a stranger does not learn that they died
            (DEAD, DEAD, Err(Reason::PersonDeceased)),
            (DEAD, WARD_OF_THE_DEAD, Err(Reason::PersonDeceased)),
            (MOTHER, DEAD_CHILD, Err(Reason::PersonDeceased)),
            (STRANGER, DEAD, stranger.clone()),
            (STRANGER, DEAD_CHILD, stranger.clone()),
            // until the ward is of age
            (MOTHER, GROWN, Ok((GROWN, Actor::Guardian(pid(MOTHER))))),
        ];
        let asked = async |caller: Caller, number: &str, now| {
            let got = own(&crate::world::call_by(caller, now), number, &Register).await;
            got.map(|acting| (acting.person.current, acting.actor)).map_err(|error| error.reason)
        };
        for (caller, number, expected) in cases {
            let expected = expected.map(|(number, actor)| (pid(number), actor));
            assert_eq!(asked(Caller::Citizen(pid(caller)), number, NOW).await, expected, "{caller} for {number}");
        }
        let tomorrow = NOW.plus_ms(86_400_000);
        assert_eq!(asked(Caller::Citizen(pid(MOTHER)), GROWN, tomorrow).await, Err(Reason::RoleNotAllowed));
        let agency = Caller::Agency(AgencyId::parse("police").expect("a key"));
        assert_eq!(asked(agency, "42", NOW).await, Err(Reason::RoleNotAllowed));
    }

    #[tokio::test]
    async fn an_organisation_is_represented_by_whom_the_register_names() {
        let asked = async |caller: &str, code: &str| {
            let call = crate::world::call_by(Caller::Citizen(pid(caller)), NOW);
            represented(&call, code, &Register).await.map(|(_, how)| how).map_err(|error| error.reason)
        };
        const CODE: &str = "0100233488";
        assert_eq!(asked(HOLDER, CODE).await, Ok(Some(Representation::Legal)));
        assert_eq!(asked(FORMER, CODE).await, Err(Reason::PersonIdSuperseded));
        assert_eq!(asked(MOTHER, CODE).await, Err(Reason::RoleNotAllowed));
        assert_eq!(asked(DEAD, CODE).await, Err(Reason::PersonDeceased));
        assert_eq!(asked(HOLDER, "0100233489").await, Err(Reason::InvalidRequest));
    }

    #[tokio::test]
    async fn what_may_be_done_anew_depends_on_the_number_and_the_age() {
        // who calls, about whom → something new, and a consent
        let cases = [
            (HOLDER, HOLDER, Ok(()), Ok(())),
            (HOLDER, CHILD, Ok(()), Ok(())),
            (CHILD, CHILD, Ok(()), Err(Reason::GuardianNeeded)),
            (FIFTEEN, FIFTEEN, Ok(()), Err(Reason::GuardianNeeded)),
            (GROWN, GROWN, Ok(()), Ok(())),
            (GIVEN_UP, GIVEN_UP, Err(Reason::PersonIdCancelled), Err(Reason::PersonIdCancelled)),
        ];
        for (caller, number, anew, consent) in cases {
            let acting = own(&crate::world::call_by(Caller::Citizen(pid(caller)), NOW), number, &Register)
                .await
                .expect("may look");
            let reason = |result: Result<Acting>| result.map(drop).map_err(|error| error.reason);
            assert_eq!(reason(acting.clone().anew()), anew, "{caller} for {number}");
            assert_eq!(reason(acting.consenting(NOW.date())), consent, "{caller} for {number}");
        }
    }

    #[test]
    fn actors_read_back() {
        let guardian = PersonalId::parse("042196990023").expect("12 digits");
        let police = AgencyId::parse("police").expect("a key");
        for actor in [Actor::Citizen, Actor::Guardian(guardian), Actor::Registry, Actor::Agency(police)] {
            let number = actor.guardian();
            assert_eq!(Actor::read(actor.as_str(), number.as_ref().map(PersonalId::as_str)), Some(actor));
        }
        assert_eq!(Actor::read("guardian", None), None);
    }
}
