//! `CreatePerson` and `OpenAccount`: messages of requests and answers.

use crate::base::{Error, OrganisationCode, Party, PersonalId, Result, Violations};
use crate::identity::Level;
use crate::simulation::creation::asked::{Asked, AskedAccount, AskedLicence, AskedVehicle};
use crate::simulation::creation::made::{Made, MadeCitizen};
use crate::simulation::creation::{AccountAsked, Opened};
use crate::wire::proto::identity::v1::AccountLevel;
use crate::wire::proto::simulation::v1 as proto;
use crate::wire::proto::simulation::v1::open_account_request::Party as GivenParty;
use crate::wire::proto::r#type::v1::Sex;
use crate::wire::record;

use super::reach::Reach;

const NO_VALUE: &str = "is not a value of its enumeration";

/// A request's id, and its content.
pub fn asked(request: proto::CreatePersonRequest) -> Result<(String, Asked)> {
    let mut bad = Violations::default();
    let sex = match Sex::try_from(request.sex) {
        Ok(Sex::Unspecified) => "",
        Ok(Sex::Male) => "male",
        Ok(Sex::Female) => "female",
        Err(_) => {
            bad.add("sex", "UNKNOWN_VALUE", NO_VALUE);
            ""
        }
    };
    let account = match proto::AccountChoice::try_from(request.account) {
        Ok(proto::AccountChoice::Unspecified) => AskedAccount::Usual,
        Ok(proto::AccountChoice::None) => AskedAccount::None,
        Ok(proto::AccountChoice::LevelOne) => AskedAccount::LevelOne,
        Ok(proto::AccountChoice::LevelTwo) => AskedAccount::LevelTwo,
        Err(_) => {
            bad.add("account", "UNKNOWN_VALUE", NO_VALUE);
            AskedAccount::Usual
        }
    };
    if !bad.is_empty() {
        return Err(Error::invalid(bad));
    }
    let vehicle = |proto::VehicleChoice { kind, plate }| AskedVehicle { kind, plate };
    let licence = |proto::LicenceChoice { classes, points }| AskedLicence { classes, points };
    let asked = Asked {
        full_name: request.full_name,
        birth_date: request.birth_date,
        sex: sex.to_owned(),
        unit_code: request.unit_code,
        household_of: request.household_of,
        mother_id: request.mother_id,
        father_id: request.father_id,
        spouse_id: request.spouse_id,
        situation: request.situation,
        papers: request.papers,
        licence: request.licence.map(licence),
        vehicles: request.vehicles.into_iter().map(vehicle).collect(),
        account,
    };
    Ok((request.request_id, asked))
}

/// The citizens who were made, for callers who reach the gateway in this way.
pub fn made(made: Made, reach: &Reach) -> proto::CreatePersonResponse {
    let Made { citizens, lagging } = made;
    let mut people = citizens.into_iter().map(|citizen| person(citizen, reach));
    proto::CreatePersonResponse { person: people.next(), others: people.collect(), lagging }
}

fn person(citizen: MadeCitizen, reach: &Reach) -> proto::CreatedPerson {
    let level = match citizen.account_level {
        0 => None,
        1 => Some(AccountLevel::One),
        _ => Some(AccountLevel::Two),
    };
    let account = level.map(|level| proto::CreatedAccount {
        level: level.into(),
        guardian_personal_id: citizen.guardian.clone().unwrap_or_default(),
        credential: reach.credential(&citizen.personal_id),
    });
    let records = citizen.records.into_iter().map(|made| proto::CreatedRecord {
        registry: made.registry,
        record_type: made.record_type,
        natural_key: made.key,
        version: made.version,
    });
    let links = citizen.links.into_iter().map(|made| proto::CreatedLink {
        link_id: made.id,
        record_type: made.record_type,
        document_number: made.number,
    });
    let sex = if citizen.sex == "female" { Sex::Female } else { Sex::Male };
    let (fault, fault_every) =
        citizen.fault.map(|(action, every)| (action.as_str().to_owned(), every)).unwrap_or_default();
    proto::CreatedPerson {
        personal_id: citizen.personal_id,
        full_name: citizen.full_name,
        birth_date: citizen.birth_date,
        sex: sex.into(),
        situation: citizen.situation,
        expectation: citizen.expectation,
        command: reach.command(&citizen.command),
        account,
        records: records.collect(),
        links: links.collect(),
        refuses_consents: citizen.refuses_consents,
        fault,
        fault_every,
    }
}

/// The person whose account a request wants.
pub fn account(request: proto::OpenAccountRequest) -> Result<AccountAsked> {
    let invalid = |bad| Error::invalid(vec![bad]);
    let party = match &request.party {
        Some(GivenParty::PersonalId(text)) => PersonalId::from_field("personal_id", text).map(Party::Person),
        Some(GivenParty::OrganisationCode(text)) => {
            OrganisationCode::from_field("organisation_code", text).map(Party::Organisation)
        }
        None => return Err(Error::invalid_field("party", "REQUIRED", "a person or an organisation is required")),
    };
    let party = party.map_err(invalid)?;
    let level = match AccountLevel::try_from(request.level) {
        Ok(AccountLevel::Unspecified) => None,
        Ok(AccountLevel::One) => Some(Level::One),
        Ok(AccountLevel::Two) => Some(Level::Two),
        Err(_) => return Err(Error::invalid_field("level", "UNKNOWN_VALUE", NO_VALUE)),
    };
    let guardian = match request.guardian_id.as_str() {
        "" => None,
        text => Some(PersonalId::from_field("guardian_id", text).map_err(invalid)?),
    };
    Ok(AccountAsked { party, level, guardian })
}

/// An account that is open.
pub fn opened(opened: Opened, reach: &Reach) -> proto::OpenAccountResponse {
    let level = match opened.level {
        None => AccountLevel::Unspecified,
        Some(Level::One) => AccountLevel::One,
        Some(Level::Two) => AccountLevel::Two,
    };
    let (personal_id, organisation_code) = match opened.party {
        Party::Person(person) => (person.as_str().to_owned(), String::new()),
        Party::Organisation(code) => (String::new(), code.to_string()),
    };
    let credential = if personal_id.is_empty() { String::new() } else { reach.credential(&personal_id) };
    let guardian = opened.guardian.map(|guardian| guardian.as_str().to_owned()).unwrap_or_default();
    let account = proto::CreatedAccount { level: level.into(), guardian_personal_id: guardian, credential };
    let opened_at = record::timestamp(opened.opened_at);
    proto::OpenAccountResponse { personal_id, organisation_code, account: Some(account), opened_at }
}
