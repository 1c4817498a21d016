//! The decision: may this agency read these record types of this citizen for this purpose, and which fields of them?
//!
//! Pure: rights, consents and the time in, a grant for each type or a denial out. Grants are made here and nowhere else. A denial says
//! the same whether or not the citizen or a record exists, because nothing of that was asked.

use crate::base::{Error, Reason, Timestamp};

use crate::registry::Name;

use super::consent::Consent;
use super::rights::{Basis, Fields, Rights};

/// A grant to read one record type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The record type.
    pub record_type: Name,
    /// The readable fields.
    pub fields: Fields,
    /// The basis of the right.
    pub basis: Basis,
}

/// A denial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The missing requirement.
    pub missing: Leave,
    /// The agency.
    pub agency: String,
    /// The purpose.
    pub purpose: String,
    /// The record types for which it is missing, in the order requested.
    pub record_types: Vec<Name>,
}

/// A requirement for reading a record type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// A right of the agency that covers the record type for the purpose.
    Right,
    /// The citizen's consent, or that they have not refused.
    Consent,
}

impl Denial {
    /// The reason's code.
    pub fn reason(&self) -> Reason {
        match self.missing {
            Leave::Right => Reason::RightMissing,
            Leave::Consent => Reason::ConsentMissing,
        }
    }

    fn unless_none(missing: Leave, agency: &str, purpose: &str, record_types: Vec<Name>) -> Result<(), Self> {
        if record_types.is_empty() {
            return Ok(());
        }
        Err(Self { missing, agency: agency.to_owned(), purpose: purpose.to_owned(), record_types })
    }
}

impl Denial {
    /// The refusal where records of an organisation are asked for, whose consent nobody gives.
    pub fn of_organisation(self) -> Error {
        let types = listed(&self.record_types, ", ");
        match self.missing {
            Leave::Right => self.into(),
            Leave::Consent => {
                let message = format!(
                    "reading {types} for the purpose {} needs a consent, which only people can give: for an organisation, use a purpose that needs none",
                    self.purpose
                );
                self.error("consent", message)
            }
        }
    }

    fn error(self, kind: &'static str, message: String) -> Error {
        Error::new(self.reason(), message)
            .with_subject(kind, listed(&self.record_types, ","))
            .with_metadata("caller", &self.agency)
            .with_metadata("purpose", &self.purpose)
            .with_metadata("record_type", listed(&self.record_types, ","))
    }
}

impl From<Denial> for Error {
    fn from(denial: Denial) -> Self {
        let types = listed(&denial.record_types, ", ");
        let (kind, message) = match denial.missing {
            Leave::Right => (
                "right",
                format!(
                    "{} has no right to read {types} for the purpose {}; AgencyService/ListRights lists what it may read and for which purposes",
                    denial.agency, denial.purpose
                ),
            ),
            Leave::Consent => (
                "consent",
                format!(
                    "reading {types} for the purpose {} needs the citizen's consent to {}, given with ConsentService/GrantConsent",
                    denial.purpose, denial.agency
                ),
            ),
        };
        denial.error(kind, message)
    }
}

fn listed(names: &[Name], between: &str) -> String {
    names.iter().map(|name| &**name).collect::<Vec<_>>().join(between)
}

/// The rights to every record type requested, before the citizen's consents are known. Rights are in memory, consents are read from
/// the store: so a decision has two steps, and only the second returns grants.
#[derive(Debug)]
pub struct Entitled<'a> {
    agency: &'a str,
    purpose: &'a str,
    grants: Vec<Grant>,
}

/// The first step: the agency's rights to every record type, in the order requested. A denial names every type without a right.
pub fn entitled<'a>(
    rights: &Rights,
    agency: &'a str,
    purpose: &'a str,
    record_types: &[Name],
) -> Result<Entitled<'a>, Denial> {
    let (mut grants, mut without) = (Vec::with_capacity(record_types.len()), Vec::new());
    let set = rights.set(agency, purpose);
    for record_type in record_types.iter().cloned() {
        match set.and_then(|set| Some((set.fields(&record_type)?, set.basis))) {
            Some((fields, basis)) => grants.push(Grant { record_type, fields: fields.clone(), basis }),
            None => without.push(record_type),
        }
    }
    Denial::unless_none(Leave::Right, agency, purpose, without)?;
    Ok(Entitled { agency, purpose, grants })
}

impl Entitled<'_> {
    /// The second step. `consents` are the citizen's for the agency and purpose; others do no harm. A denial names every type
    /// without the required consent.
    pub fn settle(self, consents: &[Consent], now: Timestamp) -> Result<Vec<Grant>, Denial> {
        let Self { agency, purpose, grants } = self;
        let permitted = |record_type: &str| consents.iter().any(|c| c.permits(agency, purpose, record_type, now));
        let refused = consents.iter().any(|consent| consent.refuses(agency, purpose, now));
        let has_leave = |grant: &&Grant| match grant.basis {
            Basis::Duty => true,
            // A consent to this very purpose is more specific than a general refusal.
            Basis::Service => !refused || permitted(&grant.record_type),
            Basis::Consent => permitted(&grant.record_type),
        };
        let without = grants.iter().filter(|grant| !has_leave(grant)).map(|grant| grant.record_type.clone());
        Denial::unless_none(Leave::Consent, agency, purpose, without.collect())?;
        Ok(grants)
    }
}

/// Decides at once, where rights and consents are at hand.
///
/// One type without leave denies the whole call: an answer with gaps would tell which type it was that the citizen
/// refused, and callers would learn to ask for everything.
///
/// ```
/// use lienthong::access::{Consent, decide, rights};
/// use lienthong::base::{Reason, Timestamp};
/// let (now, rights) = (Timestamp(0), rights::embedded());
/// let ask = |agency, purpose, consents: &[Consent]| {
///     decide(&rights, agency, purpose, &["resident.person.v1".into()], consents, now).map(|_| ()).map_err(|denial| denial.reason())
/// };
/// assert_eq!(ask("one-stop", "one_stop.verify_documents", &[]), Ok(()));
/// assert_eq!(ask("hospital", "land.transfer", &[]), Err(Reason::RightMissing));
/// assert_eq!(ask("bank", "bank.know_your_customer", &[]), Err(Reason::ConsentMissing));
/// let refusal = [Consent::refusal_of_all(now)];
/// assert_eq!(ask("hospital", "health.admission", &refusal), Err(Reason::ConsentMissing));
/// assert_eq!(ask("police", "traffic.roadside_check", &refusal), Ok(()));
/// ```
pub fn decide(
    rights: &Rights,
    agency: &str,
    purpose: &str,
    record_types: &[Name],
    consents: &[Consent],
    now: Timestamp,
) -> Result<Vec<Grant>, Denial> {
    entitled(rights, agency, purpose, record_types)?.settle(consents, now)
}

/// The grants of a citizen who presents documents: presenting is the consent, to whole records.
pub fn presented(record_types: impl IntoIterator<Item = Name>) -> Vec<Grant> {
    let whole = |record_type| Grant { record_type, fields: Fields::All, basis: Basis::Consent };
    record_types.into_iter().map(whole).collect()
}

#[cfg(test)]
mod tests {
    use super::super::consent::ConsentState;
    use super::super::rights::embedded;
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn named(types: &[&str]) -> Vec<Name> {
        types.iter().map(|name| Name::from(*name)).collect()
    }

    fn check(agency: &str, purpose: &str, types: &[&'static str], consents: &[Consent], expect: Result<usize, Reason>) {
        let decided = decide(&embedded(), agency, purpose, &named(types), consents, NOW);
        let got = decided.map(|grants| grants.len()).map_err(|denial| denial.reason());
        assert_eq!(got, expect, "{agency} {purpose} {types:?}");
    }

    fn consent(types: &[&str], said: ConsentState, expires_at: Timestamp) -> Consent {
        Consent {
            agency: "bank".into(),
            purpose: "bank.know_your_customer".into(),
            record_types: types.iter().map(|name| (*name).to_owned()).collect(),
            said,
            granted_at: NOW.plus_ms(-10),
            expires_at,
            ..Consent::refusal_of_all(NOW)
        }
    }

    #[test]
    fn the_one_stop_centre_reads_documents_but_no_judicial_records() {
        let ask = |types: &[&'static str], expect| check("one-stop", "one_stop.verify_documents", types, &[], expect);
        ask(&["resident.person.v1", "land.certificate.v1", "vehicle.registration.v1"], Ok(3));
        ask(&["health_insurance.card.v1", "driver_licence.licence.v1"], Ok(2));
        ask(&["judicial.record.v1"], Err(Reason::RightMissing));
        ask(&["resident.person.v1", "judicial.record.v1"], Err(Reason::RightMissing));
        check("one-stop", "health.admission", &["health_insurance.card.v1"], &[], Err(Reason::RightMissing));
        let rights = embedded();
        let asked = named(&["resident.person.v1"]);
        let grants = decide(&rights, "one-stop", "one_stop.verify_documents", &asked, &[], NOW);
        let Fields::Only(fields) = &grants.expect("right")[0].fields else { unreachable!("some fields") };
        let has = |name: &str| fields.names().iter().any(|field| field == name);
        assert!(has("full_name") && !has("religion") && !has("ethnicity"));
    }

    #[test]
    fn a_denial_names_every_type_that_lacks_leave() {
        let asked = &["judicial.record.v1", "resident.person.v1", "judicial.certificate.v1"];
        let error: Error = decide(&embedded(), "one-stop", "one_stop.verify_documents", &named(asked), &[], NOW)
            .expect_err("denied")
            .into();
        let facts = [
            ("caller", "one-stop"),
            ("purpose", "one_stop.verify_documents"),
            ("record_type", "judicial.record.v1,judicial.certificate.v1"),
        ];
        assert_eq!(error.metadata, facts.map(|(name, value)| (name, value.to_owned())));
        let asked = &["resident.person.v1", "business.enterprise.v1"];
        let denial =
            decide(&embedded(), "bank", "bank.know_your_customer", &named(asked), &[], NOW).expect_err("denied");
        assert_eq!((denial.missing, &denial.record_types[..]), (Leave::Consent, &named(asked)[..]));
    }

    #[test]
    fn agencies_read_for_their_own_work_alone() {
        check("police", "traffic.roadside_check", &["driver_licence.licence.v1"], &[], Ok(1));
        check("police", "justice.record_certificate", &["judicial.record.v1"], &[], Ok(1));
        check("justice", "justice.record_certificate", &["judicial.record.v1"], &[], Ok(1));
        check("hospital", "health.admission", &["health_insurance.card.v1"], &[], Ok(1));
        check("hospital", "health.admission", &["judicial.record.v1"], &[], Err(Reason::RightMissing));
        check("land-office", "land.transfer", &["land.parcel.v1", "land.certificate.v1"], &[], Ok(2));
        check("social-insurance", "social_insurance.benefit", &["social_insurance.membership.v1"], &[], Ok(1));
        check("auditor", "one_stop.verify_documents", &["resident.person.v1"], &[], Err(Reason::RightMissing));
        check("operator", "one_stop.verify_documents", &["resident.person.v1"], &[], Err(Reason::RightMissing));
    }

    #[test]
    fn a_private_party_needs_a_consent_that_covers_the_type_and_still_holds() {
        let person = &["resident.person.v1"][..];
        let ask = |types: &[&'static str], consents: &[Consent], expect| {
            check("bank", "bank.know_your_customer", types, consents, expect);
        };
        let later = NOW.plus_ms(1);
        ask(person, &[], Err(Reason::ConsentMissing));
        ask(person, &[consent(person, ConsentState::Granted, later)], Ok(1));
        ask(person, &[consent(person, ConsentState::Granted, NOW)], Err(Reason::ConsentMissing));
        ask(person, &[consent(person, ConsentState::Withdrawn, later)], Err(Reason::ConsentMissing));
        ask(
            &["resident.person.v1", "business.enterprise.v1"],
            &[consent(person, ConsentState::Granted, later)],
            Err(Reason::ConsentMissing),
        );
        // no consent makes up for a right
        let all = consent(&["judicial.record.v1"], ConsentState::Granted, later);
        ask(&["judicial.record.v1"], &[all], Err(Reason::RightMissing));
    }

    #[test]
    fn a_standing_refusal_blocks_whatever_is_no_duty() {
        let refusal = [Consent::refusal_of_all(NOW)];
        let refused = Err(Reason::ConsentMissing);
        check("hospital", "health.admission", &["health_insurance.card.v1"], &refusal, refused);
        check("one-stop", "one_stop.verify_documents", &["resident.person.v1"], &refusal, refused);
        check("bank", "bank.know_your_customer", &["resident.person.v1"], &refusal, refused);
        check("police", "traffic.roadside_check", &["driver_licence.licence.v1"], &refusal, Ok(1));
        // the missing parts before the refusal stay the same
        check("hospital", "health.admission", &["judicial.record.v1"], &refusal, Err(Reason::RightMissing));
    }
}
