//! The embedded file, files with every kind of flaw, and books that are exchanged.

use std::fmt::Write as _;

use super::*;
use crate::base::call::Permit;
use crate::base::limits::RIGHTS_BYTES_MAX;
use crate::base::{AgencyId, Caller, PersonalId, Reason};
use crate::registry::Catalogue;

fn agency(key: &str) -> Caller {
    Caller::Agency(AgencyId::parse(key).expect("a key"))
}

fn citizen() -> Caller {
    Caller::Citizen(PersonalId::parse("042185990002").expect("12 digits"))
}

/// The embedded file with each text replaced, which must be there.
fn changed(pairs: &[(&str, &str)]) -> String {
    pairs.iter().fold(EMBEDDED.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "the embedded file does not hold {from}");
        text.replacen(from, to, 1)
    })
}

/// Line, rule and message of every error.
fn errors(text: &str) -> Vec<(usize, &'static str, String)> {
    let flaws = read(text.as_bytes(), &Catalogue::built_in())
        .map(|(rights, _)| rights.version().to_string())
        .expect_err("flaws");
    flaws.errors.into_iter().map(|flaw| (flaw.line, flaw.rule, flaw.message)).collect()
}

/// The line of a text in a file.
fn line_of(text: &str, part: &str) -> usize {
    text[..text.find(part).expect("is there")].lines().count()
        + usize::from(text[..text.find(part).expect("is there")].ends_with('\n'))
}

#[test]
fn the_embedded_rights_are_good_and_nothing_in_them_is_of_no_use() {
    let (rights, warnings) = read(EMBEDDED.as_bytes(), &Catalogue::built_in()).expect("good");
    assert_eq!(warnings, []);
    let private: Vec<_> = rights.agencies().filter(|agency| agency.private_party).map(|a| a.key.as_str()).collect();
    assert_eq!(private, ["bank"]);
    for sector in Catalogue::built_in().sectors() {
        let owner = rights.agency(&sector.agency).expect("an owner");
        assert!(owner.registries.iter().any(|name| *name == sector.name));
    }
    assert_eq!(rights.version().len(), 64);
    assert!(rights.agency("nobody").is_none() && rights.purpose("curiosity").is_none());
}

#[test]
fn nobody_reads_ethnicity_or_religion_and_two_read_judicial_records() {
    let rights = embedded();
    for right in rights.all() {
        if let Fields::Only(fields) = right.fields
            && right.record_type == "resident.person.v1"
        {
            let protected = |name: &String| name == "ethnicity" || name == "religion";
            assert!(!fields.names().iter().any(protected), "{}", right.agency.key);
        }
        if right.record_type.starts_with("judicial.") {
            assert!(["justice", "police"].contains(&right.agency.key.as_str()));
            assert_eq!(&*right.set.purpose, "justice.record_certificate");
        }
        assert!(!["auditor", "operator"].contains(&right.agency.key.as_str()));
    }
    assert_eq!(rights.all().count(), 78);
}

#[test]
fn equal_lists_of_fields_are_one() {
    let rights = embedded();
    let fields =
        |agency, purpose| rights.set(agency, purpose).and_then(|set| set.fields("resident.person.v1")).cloned();
    let (bank, hospital) = (fields("bank", "bank.know_your_customer"), fields("hospital", "health.admission"));
    assert!(bank.is_some() && bank == hospital);
    assert_ne!(bank, fields("one-stop", "one_stop.verify_documents"));
    let names = |names: &[&str]| FieldNames::new(names.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(names(&["b", "a"]), names(&["a", "b"]));
}

#[test]
fn a_permit_says_who_may_make_a_call_before_it_is_read() {
    let rights = embedded();
    let ask = |method: &str, caller: &Caller| {
        let found = rights.permit(rights.method(method).expect(method), caller);
        found.map(|permit| permit.is_named).map_err(|error| {
            assert_eq!(error.reason, Reason::RoleNotAllowed);
            let facts: Vec<_> = error.metadata.iter().map(|(name, value)| format!("{name}={value}")).collect();
            facts.join(" ")
        })
    };
    let refused = |facts: &str| Err(facts.to_owned());
    let account = "lienthong.identity.v1.AccountService/GetAccount";
    assert_eq!(ask(account, &agency("police")), Ok(true));
    assert_eq!(ask(account, &citizen()), Ok(false));
    assert_eq!(ask(account, &agency("bank")), refused("caller=bank allowed=police,operator,subject"));
    let parcel = "lienthong.registry.land.v1.LandService/GetParcel";
    assert_eq!(ask(parcel, &agency("land-office")), Ok(false));
    assert_eq!(ask(parcel, &agency("operator")), Ok(true));
    assert_eq!(ask(parcel, &agency("police")), refused("caller=police allowed=land-office,operator"));
    let submit = "lienthong.registry.v1.RegistryService/SubmitChanges";
    assert_eq!(ask(submit, &agency("police")), Ok(false));
    assert_eq!(ask(submit, &agency("bank")), refused("caller=bank allowed=owner,operator,gateway"));
    assert_eq!(ask(submit, &citizen()), refused("caller=citizen allowed=owner,operator,gateway"));
    let fetch = "lienthong.exchange.v1.ExchangeService/FetchRecords";
    assert_eq!(ask(fetch, &agency("auditor")), Ok(true));
    assert_eq!(ask(fetch, &citizen()), refused("caller=citizen allowed=agencies"));
    let explain = "lienthong.exchange.v1.ExchangeService/Explain";
    assert_eq!([ask(explain, &citizen()), ask(explain, &agency("auditor"))], [Ok(false), Ok(true)]);
    assert_eq!(ask(fetch, &agency("nobody")), refused("caller=nobody allowed=agencies"));
}

/// What is changed, to what, the line's text, rule, a part of the message
const FLAWS: &[(&str, &str, &str, &str, &str)] = &[
    (
        "\"health_insurance.card.v1\" = \"all\"",
        "\"health_insurance.cards.v1\" = \"all\"",
        "cards.v1",
        "UNKNOWN_VALUE",
        "nearest: health_insurance.card.v1",
    ),
    (
        "purpose = \"health.admission\"",
        "purpose = \"health.admision\"",
        "health.admision\"",
        "UNKNOWN_VALUE",
        "nearest: health.admission",
    ),
    ("agency = \"hospital\"", "agency = \"hospitl\"", "hospitl", "UNKNOWN_VALUE", "nearest: hospital"),
    (
        "\"resident.person.v1\" = \"identity\"",
        "\"resident.person.v1\" = \"identiti\"",
        "identiti",
        "UNKNOWN_VALUE",
        "nearest: identity",
    ),
    (
        "\"capital\"",
        "\"capitol\"",
        "capitol",
        "UNKNOWN_VALUE",
        "field of business.enterprise.v1: \"capitol\"; nearest: capital",
    ),
    ("basis = \"duty\"", "basis = \"dutty\"", "dutty", "UNKNOWN_VALUE", "nearest: duty"),
    (
        "callers = [\"police\", \"operators\", \"subject\"]",
        "callers = [\"police\", \"operaters\", \"subject\"]",
        "operaters",
        "UNKNOWN_VALUE",
        "nearest: operators",
    ),
    ("operators = [\"operator\"]", "operators = [\"operatr\"]", "operatr", "UNKNOWN_VALUE", "nearest: operator"),
    (
        "LinkService/GetLink\"",
        "LinkService/GetLinks\"",
        "GetLinks",
        "UNKNOWN_VALUE",
        "nearest: lienthong.identity.v1.LinkService/GetLink",
    ),
    (
        "basis = \"consent\"",
        "basis = \"service\"",
        "basis = \"service\"",
        "CONSENT_REQUIRED",
        "bank is a private party",
    ),
    (
        "\"resident.person.v1\" = \"identity\"",
        "\"resident.person.v1\" = \"all\"",
        "\"resident.person.v1\" = \"all\"",
        "PROTECTED_FIELDS",
        "ethnicity",
    ),
    (
        "\"land.parcel.v1\" = \"all\"",
        "\"land.parcel.v1\" = \"civil\"",
        "\"land.parcel.v1\" = \"civil\"",
        "WRONG_LIST",
        "for resident.person.v1",
    ),
    (
        "callers = [\"agencies\"]",
        "callers = [\"police\"]",
        "agency = \"bank\"\npurpose",
        "UNREACHABLE",
        "bank may call neither",
    ),
    (
        "callers = [\"agencies\"]",
        "callers = [\"agencies\", \"subject\"]",
        "callers = [\"agencies\", \"subject\"]",
        "NOT_APPLICABLE",
        "FetchRecords cannot have the caller \"subject\"",
    ),
    (
        "callers = [\"addressee\"]",
        "callers = [\"addressee\", \"police\"]",
        "callers = [\"addressee\"",
        "NOT_APPLICABLE",
        "cannot have agencies as callers",
    ),
    (
        "callers = [\"anyone\"]",
        "callers = [\"agencies\"]",
        "callers = [\"agencies\"]",
        "NOT_APPLICABLE",
        "it can have anyone",
    ),
    ("key = \"hospital\"", "key = \"Hospital\"", "Hospital", "FORMAT", "1 to 40 characters"),
    ("key = \"hospital\"", "key = \"citizen\"", "key = \"citizen\"", "RESERVED", "reserved word"),
    (
        "key = \"hospital\"",
        "key = \"bank\"",
        "key = \"bank\"\nname = \"Provincial",
        "DUPLICATE",
        "the agency bank is on line",
    ),
    ("key = \"health.admission\"", "key = \"admission\"", "key = \"admission\"", "FORMAT", "joined by dots"),
    ("private_party = true", "private_party = \"yes\"", "private_party = \"yes\"", "TYPE", "true or false"),
    ("private_party = true", "private_part = true", "private_part = ", "UNKNOWN_VALUE", "nearest: private_party"),
    ("basis = \"consent\"\n", "", "[[right]]", "REQUIRED", "[[right]] needs basis"),
    (
        "format = \"lienthong/rights/v1\"",
        "format = \"lienthong/rights/v9\"",
        "v9",
        "UNKNOWN_VALUE",
        "lienthong/rights/v1",
    ),
    ("[roles]", "[roles", "[roles", "SYNTAX", ""),
    (
        "key = \"land-office\"",
        "key = \"land-registry\"",
        "key = \"auditor\"",
        "REQUIRED",
        "the registry land belongs to land-office",
    ),
];

#[test]
fn a_flaw_is_named_with_its_line_its_rule_and_the_nearest_name() {
    for (from, to, at, rule, says) in FLAWS {
        let text = changed(&[(from, to)]);
        let found = errors(&text);
        let wanted = |(line, of, message): &(usize, &str, String)| {
            of == rule && message.contains(says) && line.abs_diff(line_of(&text, at)) <= 1
        };
        assert!(found.iter().any(wanted), "{from} → {to}: wanted {rule} near line {}: {found:?}", line_of(&text, at));
    }
}

#[test]
fn a_row_stands_once_and_none_is_left_out() {
    let text = changed(&[("  \"lienthong.access.v1.AccessLogService/ListAccesses\",\n", "")]);
    let found = errors(&text);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].1, "MISSING_ROW");
    assert!(found[0].2.contains("lienthong.access.v1.AccessLogService/ListAccesses"));

    let row = "\n[[right]]\nagency = \"bank\"\npurpose = \"bank.know_your_customer\"\nbasis = \"consent\"\nlegal_basis = \"x\"\n[right.read]\n\"business.household.v1\" = \"all\"\n";
    let found = errors(&format!("{EMBEDDED}{row}"));
    assert_eq!((found.len(), found[0].1), (1, "DUPLICATE"), "{found:?}");
    let first = line_of(EMBEDDED, "[[right]]");
    assert!(found[0].2.ends_with(&format!("on line {first} already")), "{found:?} {first}");

    let row = "\n[[method]]\ncallers = []\nnames = [\"LinkService/GetLink\"]\n";
    let found = errors(&format!("{EMBEDDED}{row}"));
    assert_eq!((found.len(), found[0].1), (1, "DUPLICATE"), "{found:?}");
}

#[test]
fn a_short_name_of_a_method_is_taken_if_it_is_of_one_only() {
    let full = "\"lienthong.identity.v1.LinkService/GetLink\"";
    for short in ["\"GetLink\"", "\"LinkService/GetLink\"", "\"v1.LinkService/GetLink\""] {
        let (rights, _) = read(changed(&[(full, short)]).as_bytes(), &Catalogue::built_in()).expect(short);
        assert!(rights.method("lienthong.identity.v1.LinkService/GetLink").is_some());
    }
    let found = errors(&changed(&[("\"lienthong.province.v1.ProvinceService/GetPerson\"", "\"GetPerson\"")]));
    let ambiguous = found.iter().find(|(_, rule, _)| *rule == "AMBIGUOUS").expect("ambiguous");
    let both =
        "lienthong.province.v1.ProvinceService/GetPerson or lienthong.registry.resident.v1.ResidentService/GetPerson";
    assert!(ambiguous.2.ends_with(both), "{ambiguous:?}");
    let found = errors(&changed(&[(full, "\"GetLnik\"")]));
    assert!(found.iter().any(|(_, _, message)| message.contains("\"GetLnik\"; nearest: GetLink")), "{found:?}");
    let found = errors(&changed(&[(full, "\"k\"")]));
    assert!(found.iter().any(|(_, _, message)| message.contains("no method \"k\"")), "half a word is none: {found:?}");
}

#[test]
fn whatever_the_bytes_are_they_are_refused_or_read() {
    let deep = format!("format = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    let tables = format!("[{}a]", "a.".repeat(100_000));
    let (mut many, mut agencies) = (String::new(), String::new());
    for at in 0..20_000 {
        writeln!(many, "x{at} = 1").expect("a text");
        writeln!(agencies, "[[agency]]\nkey = \"a{at}\"\nname = \"x\"\nname_vi = \"x\"").expect("a text");
    }
    let bomb = format!("{EMBEDDED}\n# {}", "x".repeat(RIGHTS_BYTES_MAX));
    for (what, text) in [
        ("nothing", ""),
        ("spaces", "  \n\t\n"),
        ("a mark", "\u{feff}"),
        ("a zero", "format = \"\0\""),
        ("bidi", "format = \"\u{202e}1v\""),
        ("not TOML", "{\"format\": 1}"),
        ("depth", deep.as_str()),
        ("depth of tables", tables.as_str()),
        ("unknown keys", many.as_str()),
        ("agencies alone", agencies.as_str()),
        ("too long", bomb.as_str()),
        ("a table for a list", "agency = {}\npurpose = 1\nfields = [1]\nright = [[]]\nmethod = \"x\"\nformat = 1"),
    ] {
        let flaws = read(text.as_bytes(), &Catalogue::built_in())
            .map(|(rights, _)| rights.version().to_string())
            .expect_err(what);
        assert!(
            !flaws.errors.is_empty() && flaws.errors.len() <= FLAWS_MAX && flaws.total >= flaws.errors.len(),
            "{what}"
        );
        let said: usize = flaws.errors.iter().map(|flaw| flaw.message.len()).sum();
        assert!(said < 64 * 1024 && flaws.to_string().len() < 64 * 1024, "{what}: {said} bytes");
        assert!(!flaws.to_string().contains(['\0', '\u{202e}']), "{what}");
    }
    let flaws = read(b"format = \"\xff\"", &Catalogue::built_in())
        .map(|(rights, _)| rights.version().to_string())
        .expect_err("not UTF-8");
    assert_eq!((flaws.errors[0].line, flaws.errors[0].rule), (1, "SYNTAX"));
    for end in (0..EMBEDDED.trim_end().len()).step_by(97) {
        let Some(part) = EMBEDDED.get(..end) else { continue };
        read(part.as_bytes(), &Catalogue::built_in())
            .map(|(rights, _)| rights.version().to_string())
            .expect_err("a part is not the whole");
    }
}

#[test]
fn a_thousand_agencies_are_looked_up_like_ten() {
    let mut text = EMBEDDED.to_owned();
    for at in 0..1_000 {
        let row = format!(
            "\n[[agency]]\nkey = \"hospital-{at:04}\"\nname = \"H\"\nname_vi = \"Bệnh viện\"\n[[right]]\nagency = \"hospital-{at:04}\"\npurpose = \"health.admission\"\nbasis = \"service\"\nlegal_basis = \"x\"\n[right.read]\n\"health_insurance.card.v1\" = \"all\"\n"
        );
        text.push_str(&row);
    }
    let (rights, warnings) = read(text.as_bytes(), &Catalogue::built_in()).expect("good");
    assert_eq!((rights.agencies().count(), warnings.len()), (1_011, 0));
    let found = rights.find("hospital-0999", "health.admission", "health_insurance.card.v1").expect("a right");
    assert_eq!(found, Readable { fields: Fields::All, basis: Basis::Service });
    let fetch = rights.method("lienthong.exchange.v1.ExchangeService/FetchRecords").expect("a row");
    let permit = rights.permit(fetch, &agency("hospital-0999")).expect("an agency");
    assert_eq!(permit, Permit { is_named: true, allowed: "agencies".into() });
}

#[test]
fn what_is_of_no_use_is_a_warning() {
    let text =
        changed(&[("[[purpose]]", "[[purpose]]\nkey = \"health.research\"\ndescription = \"x\"\n\n[[purpose]]")]);
    let text = text.replacen("[roles]", "[roles]\nspare = []", 1);
    let (_, warnings) = read(text.as_bytes(), &Catalogue::built_in()).expect("good");
    let said: Vec<_> = warnings.iter().map(|flaw| (flaw.rule, flaw.message.as_str())).collect();
    assert_eq!(
        said,
        [("UNUSED", "no method names the role spare"), ("UNUSED", "nobody has a right for health.research")]
    );
}

#[test]
fn a_closed_method_is_nobodys() {
    let (rights, _) =
        read(changed(&[("callers = [\"addressee\"]", "callers = []")]).as_bytes(), &Catalogue::built_in())
            .expect("good");
    let redeem = rights.method("lienthong.identity.v1.PresentationService/RedeemPresentation").expect("a row");
    for caller in [agency("one-stop"), citizen()] {
        let refused = rights.permit(redeem, &caller).expect_err("nobody's");
        assert!(refused.metadata.iter().any(|(name, value)| *name == "allowed" && value == "nobody"));
    }
}

#[test]
fn a_bad_file_leaves_the_book_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rights.toml");
    std::fs::write(&path, EMBEDDED).expect("written");
    let book = RightsBook::open(Some(&path), &Catalogue::built_in()).expect("good");
    let (before, version) = (book.current(), embedded().version().clone());
    assert_eq!(*before.version(), version);
    for bad in [&b""[..], b"\xff", b"format = 1"] {
        std::fs::write(&path, bad).expect("written");
        let refused = book.reload().expect_err("bad");
        assert_eq!(refused.reason, Reason::ConfigurationInvalid);
        assert!(refused.message.contains("line 1"), "{}", refused.message);
        assert_eq!(*book.current().version(), version);
    }
    std::fs::remove_file(&path).expect("removed");
    book.reload().expect_err("gone");
    std::fs::write(
        &path,
        changed(&[("[[right]]\nagency = \"hospital\"", "[[right]]\nagency = \"hospital\" # as before")]),
    )
    .expect("written");
    let after = book.reload().expect("good");
    assert_ne!(after.version(), before.version());
    assert_eq!(book.current().version(), after.version());
    assert!(
        before.find("hospital", "health.admission", "health_insurance.card.v1").is_some(),
        "a snapshot stays as it is"
    );
}

#[test]
fn only_regular_files_are_read() {
    for other in [std::env::temp_dir(), "/dev/zero".into()] {
        let error = bytes(&other).expect_err("no regular file");
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{}", other.display());
    }
}
