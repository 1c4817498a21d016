//! The personas, one row each: who it is, what is special, what a caller meets, and a command to try.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::LazyLock;

use crate::base::Reason::{
    AccountLevelTooLow, ConsentMissing, DocumentExpired, HolderMismatch, Internal, MultipleMatches, RateLimited,
    RegistryUnavailable,
};
use crate::base::{Date, PersonalId};
use crate::simulation::faults::{ReadAction, Rule};
use crate::simulation::geography::Geography;

use super::identity::{Cast, Identity, Scene};
use super::life::licence_number;
use super::meets::Meets::{
    self, BothForms, Discrepancy, EverySecond, Late, Linked, People, Person, Refused, Says, Unverified, Valid,
};
use super::situations::{self as situation, Situation};
use crate::trust::{Code, Verdict};

/// A command to try against a gateway on this machine.
#[derive(Debug, Clone, Copy)]
pub enum Try {
    /// The citizen links a document, found by personal ID.
    Link(&'static str),
    /// The citizen links the licence by its number.
    LinkLicence,
    /// The citizen lists their links.
    ListLinks,
    /// An agency fetches records: agency, purpose, record types.
    Fetch(&'static str, &'static str, &'static [&'static str]),
    /// The same, and takes records that fail their checks.
    FetchUnverified(&'static [&'static str]),
    /// The operator looks at the whole person, under this ID or the persona's.
    View(Option<&'static str>),
    /// The operator searches: a query as JSON.
    Search(&'static str),
}

/// A row.
#[derive(Debug)]
pub struct PersonaRow {
    /// Personal ID.
    pub id: &'static str,
    /// What the situation is called where a new citizen is put into it.
    pub key: &'static str,
    /// The other personas that the situation needs, and further numbers of its own.
    pub with: &'static [&'static str],
    /// Full name as registered.
    pub name: &'static str,
    /// Birth date: year, month, day.
    pub born: (i16, i8, i8),
    /// Present commune.
    pub commune: &'static str,
    /// The situation.
    pub situation: &'static str,
    /// The result that a caller meets, in words.
    pub expectation: &'static str,
    /// The same as values, all of which hold of the command's answer.
    pub meets: &'static [Meets],
    /// The command to try.
    pub command: Try,
    /// The differences from a full life.
    pub life: Situation,
    /// The fault of reads of their records, and its period in reads of a registry.
    pub fault: Option<(ReadAction, NonZeroU64)>,
}

impl PersonaRow {
    /// The persona's identity; `None` only for a row with a mistake in it, which a test excludes.
    pub fn identity(&self) -> Option<Identity> {
        let (year, month, day) = self.born;
        Some(Identity {
            personal_id: PersonalId::parse(self.id)?,
            full_name: self.name.to_owned(),
            birth: Date::new(year, month, day).ok()?,
            commune: Geography::ha_tinh().commune(self.commune)?,
            parcel: 0,
        })
    }

    /// The fault of whoever has this number, as a rule of a world.
    pub fn rule(&self, person: PersonalId) -> Option<Rule> {
        let (action, every) = self.fault?;
        Some(Rule::about(person, every, action))
    }

    /// The command for whoever plays this persona in a cast, ready to be copied into a shell.
    pub fn command(&self, scene: &Scene<'_>) -> String {
        let id = scene.own.personal_id.as_str();
        let (who, body, method) = match self.command {
            Try::Link(kind) => (
                format!("citizen-{id}"),
                format!(r#"{{"personal_id":"{id}","document_type":"DOCUMENT_TYPE_{kind}"}}"#),
                "identity.v1.LinkService/LinkDocument",
            ),
            Try::LinkLicence => {
                let number = licence_number(scene);
                let kind = "DOCUMENT_TYPE_DRIVER_LICENCE";
                (
                    format!("citizen-{id}"),
                    format!(r#"{{"personal_id":"{id}","document_type":"{kind}","document_number":"{number}"}}"#),
                    "identity.v1.LinkService/LinkDocument",
                )
            }
            Try::ListLinks => {
                (format!("citizen-{id}"), format!(r#"{{"personal_id":"{id}"}}"#), "identity.v1.LinkService/ListLinks")
            }
            Try::Fetch(agency, purpose, types) => {
                (agency.to_owned(), fetch(id, purpose, types), "exchange.v1.ExchangeService/FetchRecords")
            }
            Try::FetchUnverified(types) => (
                "one-stop' -H 'x-lienthong-unverified: allow".to_owned(),
                fetch(id, VERIFY_DOCUMENTS, types),
                "exchange.v1.ExchangeService/FetchRecords",
            ),
            Try::View(other) => (
                "operator".to_owned(),
                format!(r#"{{"personal_id":"{}"}}"#, scene.cast.put_into(other.unwrap_or(id))),
                "province.v1.ProvinceService/GetPerson",
            ),
            Try::Search(query) => {
                ("operator".to_owned(), scene.cast.put_into(query), "province.v1.ProvinceService/SearchPeople")
            }
        };
        format!(
            "grpcurl -plaintext -H 'authorization: Bearer demo-{who}' -d '{body}' 127.0.0.1:50051 lienthong.{method}"
        )
    }
}

fn fetch(id: &str, purpose: &str, types: &[&str]) -> String {
    let types = types.join(r#"",""#);
    format!(r#"{{"personal_id":"{id}","record_types":["{types}"],"purpose":"{purpose}"}}"#)
}

const VERIFY_DOCUMENTS: &str = "one_stop.verify_documents";
const PERSON: &str = crate::registry::resident::PERSON;
const HEALTH: &str = crate::registry::health_insurance::CARD;
const LICENCE: &str = crate::registry::driver_licence::LICENCE;
const VEHICLE: &str = crate::registry::vehicle::REGISTRATION;
const JUDICIAL: &str = crate::registry::judicial::CERTIFICATE;
const LAND: &str = crate::registry::land::CERTIFICATE;

const fn one_stop(types: &'static [&'static str]) -> Try {
    Try::Fetch("one-stop", VERIFY_DOCUMENTS, types)
}

macro_rules! rows {
    (@fault) => { None };
    (@fault $action:ident $every:literal) => { Some((ReadAction::$action, const { NonZeroU64::new($every).unwrap() })) };
    ($($id:literal $key:ident $name:literal $born:tt in $commune:literal: $situation:literal => $expectation:literal [$($meets:expr),*], $command:expr, $life:path
        $(, with [$($with:literal),*])? $(, fails $action:ident every $every:literal)?;)*) => {
        &[$(PersonaRow {
            id: $id,
            key: stringify!($key),
            with: &[$($($with),*)?],
            name: $name,
            born: $born,
            commune: $commune,
            situation: $situation,
            expectation: $expectation,
            meets: &[$($meets),*],
            command: $command,
            life: $life,
            fault: rows!(@fault $($action $every)?),
        },)*]
    };
}

/// The personas as they are in every world.
pub static PERSONAS: LazyLock<Cast> = LazyLock::new(|| {
    let identity = |row: &PersonaRow| Some((row.id, row.identity()?));
    Cast { people: ROWS.iter().filter_map(identity).collect(), numbers: BTreeMap::new() }
});

/// All personas in order of their number.
#[rustfmt::skip]
pub const ROWS: &[PersonaRow] = rows! {
    "042090990001" happy "Nguyễn Văn Thành" (1990, 3, 14) in "18073": "everything linked, all well"
        => "the happy path" [Valid(3)], one_stop(&[PERSON, LAND, VEHICLE]), situation::happy;
    "042185990002" unlinked "Trần Thị Thanh Huyền" (1985, 7, 9) in "18100": "nothing linked yet; has card, licence, motorcycle and car"
        => "link them" [Linked], Try::Link("HEALTH_INSURANCE_CARD"), situation::with_car;
    "042075990003" two_spellings "Nguyễn Văn Hoà" (1975, 4, 30) in "18682": "name written Hoà here, Hòa there, in capitals elsewhere; the licence has no personal ID"
        => "matches all the same, by name, birth date and sex" [Linked], Try::LinkLicence, situation::two_spellings;
    "042188990004" anothers_licence "Lê Thị Hồng Nhung" (1988, 10, 2) in "18133": "the licence under her number holds another person's name and birth date"
        => "HOLDER_MISMATCH" [Refused(HolderMismatch)], Try::Link("DRIVER_LICENCE"), situation::anothers_licence;
    "042092990005" lapsed_card "Phan Đình Quân" (1992, 1, 25) in "18229": "health insurance lapsed last month"
        => "DOCUMENT_EXPIRED; shown as lapsed where linked" [Refused(DocumentExpired)], Try::Link("HEALTH_INSURANCE_CARD"), situation::lapsed_card;
    "042095990006" no_points "Hoàng Minh Tuấn" (1995, 12, 8) in "18352": "licence at 0 points, then suspended"
        => "status and reason; the link made before shows SUSPENDED" [Says("LINK_STATE_SUSPENDED")], Try::ListLinks, situation::no_points;
    "042080990007" stolen_car "Võ Văn Dũng" (1980, 6, 17) in "18406": "car reported stolen"
        => "status stolen" [Says("_STOLEN")], one_stop(&[VEHICLE]), situation::stolen_car;
    "042182990008" frozen_land "Phạm Thị Lan Anh" (1982, 9, 21) in "18073": "land co-owned with her husband, frozen by a court"
        => "restriction court_freeze" [Says("COURT_FREEZE")], one_stop(&[LAND]), situation::frozen_land, with ["042080990022"];
    "042078990009" expunged "Đặng Quốc Cường" (1978, 2, 3) in "18496": "convicted, later expunged"
        => "form 1 says none, form 2 all; agencies without right learn nothing, not even that there is something" [BothForms], Try::Fetch("justice", "justice.record_certificate", &[JUDICIAL]), situation::expunged;
    "042065990010" deceased "Bùi Văn Lợi" (1965, 11, 11) in "18562": "died last year, still owner of land and a car"
        => "life_status deceased, and discrepancies with land and vehicles" [Says("deceased"), Discrepancy], Try::View(None), situation::deceased;
    "042324990011" small_child "Nguyễn Ngọc Bảo An" (2024, 5, 10) in "18673": "girl born 2024, no card, level 1 through her mother"
        => "linking refused: ACCOUNT_LEVEL_TOO_LOW" [Refused(AccountLevelTooLow)], Try::Link("HEALTH_INSURANCE_CARD"), situation::small_girl, with ["042196990023"];
    "042091990012" shared_old_number "Hồ Sỹ Nam" (1991, 8, 27) in "18754": "the old 9-digit number leads to two people; the licence has no personal ID"
        => "MULTIPLE_MATCHES; a search by 189900012 shows both" [Refused(MultipleMatches)], Try::LinkLicence, situation::shared_old_number, with ["042089990021"];
    "042193990013" refuses_consents "Trương Thị Mỹ Duyên" (1993, 5, 5) in "18775": "refuses every consent"
        => "PERMISSION_DENIED, reason CONSENT_MISSING" [Refused(ConsentMissing)], Try::Fetch("bank", "bank.know_your_customer", &[PERSON]), situation::refuses;
    "042087990014" moved_out "Ngô Đức Hải" (1987, 3, 19) in "18118": "moved to another province last month"
        => "status moved_out, and a discrepancy with land" [Says("moved_out"), Discrepancy], Try::View(None), situation::moved_out;
    "042089990015" level_one "Cao Xuân Trung" (1989, 7, 1) in "18313": "level 1 account only"
        => "ACCOUNT_LEVEL_TOO_LOW" [Refused(AccountLevelTooLow)], Try::Link("HEALTH_INSURANCE_CARD"), situation::level_one;
    "042083990016" re_established "Thái Văn Bình" (1983, 9, 2) in "18568": "personal ID re-established: it supersedes 042083990017"
        => "both lead to one person" [Person("042083990016", "042083990017")], Try::View(Some("042083990017")), situation::re_established, with ["042083990017"];
    "042070990018" year_only "Đinh Văn Sơn" (1970, 8, 20) in "18739": "birth date known to the population register by year only"
        => "coarse comparison: documents link all the same" [Linked], Try::Link("DRIVER_LICENCE"), situation::year_only;
    "042190990019" split_commune "Đậu Thị Hoài Thương" (1990, 4, 12) in "18073": "address in a ward that was split in 2025"
        => "two candidates, and a discrepancy" [Discrepancy], Try::View(None), situation::split_commune;
    "042086990020" in_business "Dương Công Minh" (1986, 12, 30) in "18823": "owns an enterprise and a household business"
        => "business records" [Says("SECTION_KIND_BUSINESS")], Try::View(None), situation::in_business;
    "042089990021" shares_old_number "Lương Hữu Phước" (1989, 2, 16) in "18754": "the other person with the old number of 042091990012"
        => "found by that number" [People(2)], Try::Search(r#"{"old_id_number":"189900012"}"#), situation::shares_old_number, with ["042091990012"];
    "042080990022" frozen_land_husband "Lê Anh Đức" (1980, 1, 8) in "18073": "husband of 042182990008"
        => "the same certificate, frozen" [Says("court_freeze")], Try::View(None), situation::husband, with ["042182990008"];
    "042196990023" mother "Mai Thị Khánh Ly" (1996, 10, 15) in "18673": "mother and guardian of 042324990011"
        => "an ordinary level 2 account" [Linked], Try::Link("HEALTH_INSURANCE_CARD"), situation::mother, with ["042324990011"];
    "042090990101" payload_changed "Trần Văn Kiên" (1990, 1, 1) in "18073": "a payload changed after signing"
        => "refused with DATA_LOSS; on demand delivered as INVALID PAYLOAD_MISMATCH" [Unverified(Verdict::Invalid(Code::PayloadMismatch))], Try::FetchUnverified(&[PERSON, HEALTH, LICENCE]), situation::with_car, fails PayloadChanged every 1;
    "042090990102" other_issuer "Trần Văn Long" (1990, 1, 2) in "18073": "signed by another registry's key"
        => "refused with DATA_LOSS; on demand delivered as INVALID ISSUER_MISMATCH" [Unverified(Verdict::Invalid(Code::IssuerMismatch))], Try::FetchUnverified(&[PERSON, HEALTH, LICENCE]), situation::with_car, fails OtherIssuer every 1;
    "042090990103" compromised_key "Trần Văn Mạnh" (1990, 1, 3) in "18073": "signed by a key later declared compromised"
        => "refused with DATA_LOSS; on demand delivered as INDETERMINATE REVOKED_NO_POE" [Unverified(Verdict::Indeterminate(Code::RevokedNoPoe))], Try::FetchUnverified(&[PERSON, HEALTH, LICENCE]), situation::with_car, fails CompromisedKey every 1;
    "042090990104" other_proof "Trần Văn Nghĩa" (1990, 1, 4) in "18073": "proof path of another record"
        => "refused with DATA_LOSS; on demand delivered as INVALID INCLUSION" [Unverified(Verdict::Invalid(Code::Inclusion))], Try::FetchUnverified(&[PERSON, HEALTH, LICENCE]), situation::with_car, fails OtherProof every 1;
    "042090990105" issued_in_future "Trần Văn Phong" (1990, 1, 5) in "18073": "issued in the future"
        => "refused with DATA_LOSS; on demand delivered as INVALID ISSUED_IN_FUTURE" [Unverified(Verdict::Invalid(Code::IssuedInFuture))], Try::FetchUnverified(&[PERSON]), situation::with_car, fails IssuedInFuture every 1;
    "042090990106" not_canonical "Trần Văn Quang" (1990, 1, 6) in "18073": "payload not canonical: a field occurs twice"
        => "refused with DATA_LOSS; on demand delivered as INVALID NON_CANONICAL" [Unverified(Verdict::Invalid(Code::NonCanonical))], Try::FetchUnverified(&[HEALTH, LICENCE]), situation::with_car, fails NotCanonical every 1;
    "042090990201" unavailable "Lê Văn Tài" (1990, 2, 1) in "18073": "the registries are unavailable for him"
        => "UNAVAILABLE, or listed as missing next to the records that were reached" [Refused(RegistryUnavailable)], one_stop(&[PERSON, LICENCE]), situation::with_car, fails Unavailable every 1;
    "042090990202" at_its_limit "Lê Văn Thắng" (1990, 2, 2) in "18073": "the registries are at their limit for him"
        => "RESOURCE_EXHAUSTED with RetryInfo" [Refused(RateLimited)], one_stop(&[PERSON, LICENCE]), situation::with_car, fails Exhausted every 1;
    "042090990203" slow "Lê Văn Tiến" (1990, 2, 3) in "18073": "the registries are slower than any deadline for him"
        => "DEADLINE_EXCEEDED at the caller's deadline" [Late], one_stop(&[PERSON, LICENCE]), situation::with_car, fails Slow every 1;
    "042090990204" internal_error "Lê Văn Toàn" (1990, 2, 4) in "18073": "the registries have an internal error for him"
        => "INTERNAL" [Refused(Internal)], one_stop(&[PERSON, LICENCE]), situation::with_car, fails Internal every 1;
    "042090990205" broken_off "Lê Văn Trí" (1990, 2, 5) in "18073": "the registries break off in the middle of an answer"
        => "UNAVAILABLE after a part of the answer; never half an answer as if it were whole" [Refused(RegistryUnavailable)], one_stop(&[PERSON, LICENCE]), situation::with_car, fails Reset every 1;
    "042090990206" flapping "Lê Văn Vinh" (1990, 2, 6) in "18073": "the registries are flapping: every second call fails"
        => "UNAVAILABLE and an answer in turn" [EverySecond(RegistryUnavailable)], one_stop(&[PERSON]), situation::with_car, fails Unavailable every 2;
};
