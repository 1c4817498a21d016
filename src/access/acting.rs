//! Who acts for a citizen: they themselves, or for a child the guardian whom its account names (Decree 69/2024).
//!
//! Every call that a citizen may make for their own account goes through [`own_number`], so a guardian may make it for the child's,
//! and what comes of it names the guardian. A stranger gets the same refusal whether or not there is such a citizen.

use async_trait::async_trait;

use crate::base::call::SUBJECT;
use crate::base::{AgencyId, Call, Caller, Error, PersonalId, Result};

/// Who caused something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// The citizen whom it is about.
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

    /// Reads [`Self::as_str`] and [`Self::guardian`].
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

/// Says whose guardian somebody is; identity's accounts implement it.
#[async_trait]
pub trait Guardians: Send + Sync + 'static {
    /// The guardian whom a citizen's account names; `None` without one, or without an account.
    async fn guardian_of(&self, citizen: PersonalId) -> Result<Option<PersonalId>>;
}

/// The citizen in a request's field `personal_id`, if the caller may act for them, and who acts. Agencies are refused before the
/// request is looked at.
pub async fn own_number(call: &Call, personal_id: &str, guardians: &dyn Guardians) -> Result<(PersonalId, Actor)> {
    if let Caller::Agency(_) = call.caller {
        call.one_of(&[SUBJECT])?;
    }
    let person = PersonalId::from_field("personal_id", personal_id).map_err(|bad| Error::invalid(vec![bad]))?;
    Ok((person, acting(call, person, guardians).await?))
}

/// Who acts, where the caller may act for `person`.
pub async fn acting(call: &Call, person: PersonalId, guardians: &dyn Guardians) -> Result<Actor> {
    if let Caller::Citizen(caller) = call.caller
        && caller != person
        && guardians.guardian_of(person).await? == Some(caller)
    {
        return Ok(Actor::Guardian(caller));
    }
    call.citizen(person).map(|()| Actor::Citizen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Reason, Timestamp};

    struct One;

    #[async_trait]
    impl Guardians for One {
        async fn guardian_of(&self, citizen: PersonalId) -> Result<Option<PersonalId>> {
            Ok((citizen.as_str() == "042324990011").then_some(PersonalId::parse("042196990023")).flatten())
        }
    }

    #[tokio::test]
    async fn a_citizen_acts_for_themselves_and_a_guardian_for_the_child() {
        let pid = |text: &str| PersonalId::parse(text).expect("12 digits");
        let (child, mother) = ("042324990011", "042196990023");
        let agency = Caller::Agency(AgencyId::parse("police").expect("a key"));
        let refused = Err(Reason::RoleNotAllowed);
        let cases = [
            (Caller::Citizen(pid(child)), child, Ok(Actor::Citizen)),
            (Caller::Citizen(pid(mother)), child, Ok(Actor::Guardian(pid(mother)))),
            (Caller::Citizen(pid(mother)), mother, Ok(Actor::Citizen)),
            (Caller::Citizen(pid(child)), mother, refused.clone()),
            (Caller::Citizen(pid("042185990002")), child, refused.clone()),
            (Caller::Citizen(pid(mother)), "042000000000", refused.clone()),
            (Caller::Citizen(pid(mother)), "42", Err(Reason::InvalidRequest)),
            (agency, "42", refused),
        ];
        for (caller, number, expected) in cases {
            let call = Call::by(caller.clone(), Timestamp(0));
            let got = own_number(&call, number, &One).await.map(|(_, actor)| actor).map_err(|error| error.reason);
            assert_eq!(got, expected, "{caller:?}");
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
