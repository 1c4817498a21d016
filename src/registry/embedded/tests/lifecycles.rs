//! Submissions are checked against the lifecycles: as a whole, between the versions of one submission too, and together with other records.

use super::*;
use crate::registry::{civil_status, health_insurance, land, vehicle};

fn an() -> Object {
    person("042185990002", "Nguyễn Thị Hoà", "1985")
}

fn cancelled(payload: Object) -> Object {
    payload.with("status", "cancelled").with("basis", basis("number_cancelled"))
}

/// The violations of a refused submission, as `path RULE`.
pub(super) fn broken(error: &Error) -> Vec<String> {
    assert_eq!(error.reason, Reason::TransitionNotAllowed, "{error:?}");
    error.violations.kept().iter().map(|one| format!("{} {}", one.field, one.rule)).collect()
}

#[tokio::test]
async fn one_illegal_change_refuses_the_submission_and_all_of_them_are_named() {
    let host = residents().await;
    submit(&host, "request-1", vec![create(an())]).await.expect("created");
    let other = person("042185990003", "Lê Na", "1990");
    let illegal = vec![
        create(other.clone()),
        change(Operation::Update, 1, an().with("sex", "male").with("birth_date", "1986")),
        change(Operation::Update, 1, cancelled(other.clone())),
        change(Operation::Update, 2, other.clone()),
    ];
    let error = submit(&host, "request-2", illegal).await.expect_err("refused");
    assert_eq!(
        broken(&error),
        [
            "changes[1].payload.birth_date BASIS_REQUIRED",
            "changes[1].payload.sex BASIS_REQUIRED",
            "changes[3].payload.status TRANSITION"
        ]
    );
    assert!(!format!("{error:?}").contains("1986"), "no value is repeated");
    assert_eq!(host.log_size().await.expect("size"), 1);
    // a version that is not the newest is refused first: the version after it is unknown
    let stale = vec![change(Operation::Update, 2, an().with("sex", "male"))];
    assert_eq!(submit(&host, "request-3", stale).await.expect_err("stale").reason, Reason::VersionConflict);
    let legal = an().with("sex", "male").with("basis", basis("civil_status_change"));
    submit(&host, "request-4", vec![change(Operation::Update, 1, legal.clone())]).await.expect("with a basis");
    // the basis of the version before is not the next change's
    let error = submit(&host, "request-5", vec![change(Operation::Update, 2, legal.with("sex", "female"))]).await;
    assert_eq!(broken(&error.expect_err("refused")), ["changes[0].payload.sex BASIS_REQUIRED"]);
}

#[tokio::test]
async fn a_basis_is_whole_and_was_issued() {
    let host = residents().await;
    let cases = [
        (basis("x"), "basis.reason_code"),
        (basis("correction").with("issued_on", "2026-11-23"), "basis.issued_on"),
        (basis("correction").with("authority", "x".repeat(201)), "basis.authority"),
        (Object::new(), "basis.document_number"),
    ];
    for (wrong, path) in cases {
        let error = submit(&host, "request-1", vec![create(an().with("basis", wrong))]).await.expect_err(path);
        assert_eq!(error.violations.kept()[0].field, format!("changes[0].payload.{path}"));
    }
}

#[tokio::test]
async fn a_number_is_superseded_once_its_record_is_cancelled() {
    let host = residents().await;
    submit(&host, "request-1", vec![create(an())]).await.expect("created");
    let claiming = |of: &str| person("042185990004", "Nguyễn Thị Hoà", "1985").with("superseded_ids", vec![of]);
    let held = submit(&host, "request-2", vec![create(claiming("042185990002"))]).await.expect_err("held");
    assert_eq!(broken(&held), ["changes[0].payload.superseded_ids NUMBER_HELD"]);
    // cancelled in the same submission, after it
    let both = vec![create(claiming("042185990002")), change(Operation::Update, 1, cancelled(an()))];
    submit(&host, "request-3", both).await.expect("superseded");
    let third = |claims: Vec<&str>| claiming("042185990002").with("superseded_ids", claims);
    let more = third(vec!["042185990002", "042185990009"]);
    let error = submit(&host, "request-4", vec![change(Operation::Update, 1, more.clone())]).await.expect_err("silent");
    assert_eq!(broken(&error), ["changes[0].payload.superseded_ids[1] BASIS_REQUIRED"]);
    let with_basis = more.with("basis", basis("id_re_established"));
    submit(&host, "request-5", vec![change(Operation::Update, 1, with_basis)]).await.expect("nobody has it");
}

/// A cancelled number that names its successor cannot be claimed by another, and both records agree.
#[tokio::test]
async fn a_number_and_its_successor_name_each_other() {
    let host = residents().await;
    submit(&host, "request-1", vec![create(an())]).await.expect("created");
    let [successor, other] = ["042185990004", "042185990005"];
    let naming = || cancelled(an()).with("superseded_by", successor);
    let claiming = |id: &str| person(id, "Nguyễn Thị Hoà", "1985").with("superseded_ids", vec!["042185990002"]);
    let elsewhere = vec![create(claiming(other)), change(Operation::Update, 1, naming())];
    let error = submit(&host, "request-2", elsewhere).await.expect_err("it names another");
    assert_eq!(broken(&error), ["changes[0].payload.superseded_ids NUMBER_HELD"]);
    let silent = person(successor, "Nguyễn Thị Hoà", "1985");
    let one_sided = vec![create(silent), change(Operation::Update, 1, naming())];
    let error = submit(&host, "request-3", one_sided).await.expect_err("it claims nothing");
    assert_eq!(broken(&error), ["changes[1].payload.superseded_by SUCCESSOR"]);
    let both = vec![create(claiming(successor)), change(Operation::Update, 1, naming())];
    submit(&host, "request-4", both).await.expect("each names the other");
}

/// Each id has a number of its own on the map.
pub(super) fn parcel(id: &str, area: &str) -> Object {
    let commune = || Object::new().with("unit_code", "18073").with("unit_valid_from", "2025-07-01");
    let land_use = Object::new()
        .with("code", "ONT")
        .with("area_m2", area)
        .with("origin", "recognised_without_fee")
        .with("term", "long_term");
    Object::new()
        .with("parcel_id", id)
        .with("commune", commune())
        .with("map_sheet", "12")
        .with("parcel_number", id.bytes().fold(0, |sum, byte| sum + u32::from(byte)).to_string())
        .with("area_m2", area)
        .with("uses", vec![land_use])
        .with("status", "active")
}

fn ended(parcel: Object, status: &str, successors: &[&str]) -> Object {
    parcel.with("status", status).with("successors", successors.to_vec()).with("basis", basis("division"))
}

#[tokio::test]
async fn areas_of_parcels_add_up() {
    let host = open(Arc::new(MemoryStore::new()), "land").await;
    let of = |change: Change| Change { record_type: land::PARCEL.into(), ..change };
    let entered = |payload| of(create(payload));
    let changed = |payload| of(change(Operation::Update, 1, payload));
    let [a, b, c, d] = ["w7723fdn0zg3", "w7723fdn0zg4", "w7723fdn0zg5", "w7723fdn0zg6"];
    submit(&host, "request-1", vec![entered(parcel(a, "300"))]).await.expect("entered");
    let split = |areas: [&str; 2]| {
        let parts = ended(parcel(a, "300"), "split", &[b, c]);
        vec![changed(parts), entered(parcel(b, areas[0])), entered(parcel(c, areas[1]))]
    };
    let error = submit(&host, "request-2", split(["100", "200.51"])).await.expect_err("more than there was");
    assert_eq!(broken(&error), ["changes[0].payload.area_m2 AREAS"]);
    // what it becomes is entered with it, so that the areas are known
    let alone = vec![entered(parcel(b, "100")), changed(ended(parcel(a, "300"), "split", &[b, c]))];
    let error = submit(&host, "request-3", alone).await.expect_err("the other part is not there");
    assert_eq!(broken(&error), ["changes[1].payload.area_m2 AREAS"]);
    submit(&host, "request-4", split(["100", "200.5"])).await.expect("within the tolerance");

    let merged = |areas: &str| {
        let part = |id: &str, area: &str| changed(ended(parcel(id, area), "merged", &[d]));
        vec![part(b, "100"), part(c, "200.5"), entered(parcel(d, areas))]
    };
    let error = submit(&host, "request-5", merged("301.1")).await.expect_err("more than there was");
    assert_eq!(broken(&error), ["changes[0].payload.area_m2 AREAS", "changes[1].payload.area_m2 AREAS"]);
    let larger = vec![changed(ended(parcel(b, "180"), "merged", &[d])), entered(parcel(d, "180"))];
    let error = submit(&host, "request-6", larger).await.expect_err("it grew as it ended");
    assert_eq!(broken(&error), ["changes[0].payload.area_m2 AREAS"]);
    let error = submit(&host, "request-7", vec![changed(ended(parcel(b, "100"), "merged", &[b]))]).await;
    assert_eq!(broken(&error.expect_err("in itself")), ["changes[0].payload.area_m2 AREAS"]);
    let twice = |version| of(change(Operation::Update, version, ended(parcel(b, "100"), "merged", &[d])));
    let error = submit(&host, "request-8", vec![twice(1), twice(2), entered(parcel(d, "200"))]).await;
    assert_eq!(broken(&error.expect_err("counted once")), ["changes[0].payload.area_m2 AREAS"]);
    let into_nothing = vec![changed(ended(parcel(b, "100"), "merged", &[d]))];
    let error = submit(&host, "request-10", into_nothing).await.expect_err("the whole is not there");
    assert_eq!(broken(&error), ["changes[0].payload.area_m2 AREAS"]);
    submit(&host, "request-9", merged("300.5")).await.expect("merged");
}

fn card(number: &str, status: &str) -> Change {
    let holder = Object::new().with("personal_id", "042185990002").with("full_name", "Nguyễn Thị Hoà");
    let reason = (status != "active").then_some("chuyển nơi làm việc");
    let payload = Object::new()
        .with("card_number", number)
        .with("holder", holder)
        .with("object_code", "GD")
        .with("benefit_level", "4")
        .with("facility", "42001")
        .with("valid_from", "2026-01-01")
        .with("valid_until", "2026-12-31")
        .with("status", status)
        .with_optional("status_reason", reason);
    Change { record_type: health_insurance::CARD.into(), ..create(payload) }
}

fn registration(plate: &str, chassis: &str, status: &str) -> Change {
    let owner = Object::new().with("personal_id", "042185990002").with("full_name", "Nguyễn Thị Hoà");
    let payload = Object::new()
        .with("plate", plate)
        .with("kind", "car")
        .with("plate_colour", "white")
        .with("owner", owner)
        .with("brand", "Toyota")
        .with("model", "Vios")
        .with("chassis_number", chassis)
        .with("colour", "Trắng")
        .with("seats", 5)
        .with("first_registered", "2019-03-05")
        .with("status", status)
        .with_optional("status_reason", (status != "active").then_some("đã bán"));
    Change { record_type: vehicle::REGISTRATION.into(), ..create(payload) }
}

fn followed(change: &Change, version: u64, by: Change) -> Change {
    assert_eq!(change.record_type, by.record_type);
    let payload = by.payload.with("basis", basis("transfer"));
    Change { operation: Operation::Update, expected_version: version, payload, ..by }
}

/// A value of one record goes to a second one only when the first gives it up, at the latest in the same submission.
#[tokio::test]
async fn one_person_has_one_card_in_force_and_one_chassis_one_plate() {
    let cards = ["4212345678", "042185990002", "4212345679"];
    let plates = ["38A-123.45", "38A-123.46", "38A-123.47"];
    let card = |at: usize, is_in_force: bool| card(cards[at], if is_in_force { "active" } else { "suspended" });
    let car = |at: usize, is_in_force: bool| {
        registration(plates[at], "RLHKC1234NY012345", if is_in_force { "active" } else { "plate_kept" })
    };
    type Make<'a> = &'a dyn Fn(usize, bool) -> Change;
    let cases: [(&str, &str, Make<'_>); 2] =
        [("health_insurance", "status CARD_IN_FORCE", &card), ("vehicle", "chassis_number CHASSIS_IN_USE", &car)];
    for (registry, rule, record) in cases {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let host = open(store.clone(), registry).await;
        let both = vec![record(0, true), record(1, true)];
        let error = submit(&host, "request-1", both).await.expect_err("two at once");
        assert_eq!(broken(&error), [format!("changes[1].payload.{rule}")]);
        submit(&host, "request-2", vec![record(0, true), record(1, false)]).await.expect("one in force");
        drop(host);
        let host = open(store, registry).await;
        let error = submit(&host, "request-3", vec![record(2, true)]).await.expect_err("another is in force");
        assert_eq!(broken(&error), [format!("changes[0].payload.{rule}")]);
        // the record that keeps it may come later
        let behind = vec![record(2, true), followed(&record(0, true), 1, record(0, true))];
        let error = submit(&host, "request-7", behind).await.expect_err("another keeps it");
        assert_eq!(broken(&error), [format!("changes[0].payload.{rule}")]);
        // one takes it before the other gives it up
        let exchanged = vec![record(2, true), followed(&record(0, true), 1, record(0, false))];
        submit(&host, "request-4", exchanged).await.expect("given up in the same submission");
        let error = submit(&host, "request-5", vec![record(1, true)]).await.expect_err("the record exists");
        assert_eq!(error.reason, Reason::VersionConflict);
        let kept = vec![followed(&record(2, true), 1, record(2, true))];
        submit(&host, "request-6", kept).await.expect("a record keeps what it has");
    }
}

pub(super) fn married(number: u32, husband: &str, wife: &str) -> Object {
    let spouse = |id: &str, name: &str| {
        Object::new().with("personal_id", id).with("full_name", name).with("birth_date", "1990-01-01")
    };
    let authority = Object::new().with("unit_code", "18073").with("unit_valid_from", "2025-07-01").with("name", "UBND");
    Object::new()
        .with("entry_number", format!("18073-KH-2026-{number}"))
        .with("registered_on", "2026-03-02")
        .with("authority", authority)
        .with("husband", spouse(husband, "Lê Văn An"))
        .with("wife", spouse(wife, "Nguyễn Thị Hoà"))
        .with("status", "active")
}

#[tokio::test]
async fn nobody_is_in_two_marriages_and_a_divorce_is_noted_with_its_end() {
    let host = open(Arc::new(MemoryStore::new()), "civil_status").await;
    let of = |record_type: &str, change: Change| Change { record_type: record_type.into(), ..change };
    let [husband, wife, other] = ["042090990001", "042190990002", "042190990003"];
    let first = married(1, husband, wife);
    submit(&host, "request-1", vec![of(civil_status::MARRIAGE, create(first.clone()))]).await.expect("married");
    let second = of(civil_status::MARRIAGE, create(married(2, husband, other)));
    let error = submit(&host, "request-2", vec![second.clone()]).await.expect_err("bigamy");
    assert_eq!(broken(&error), ["changes[0].payload.status MARRIED_ALREADY"]);
    let mut note = first.clone();
    for (field, value) in [
        ("entry_number", "18073-LH-2026-1"),
        ("marriage_entry", "18073-KH-2026-1"),
        ("registered_on", "2026-06-01"),
        ("court", "Toà án nhân dân khu vực 1"),
        ("judgment_number", "12/2026/QĐST-HNGĐ"),
        ("effective_on", "2026-05-20"),
    ] {
        note.insert(field, value);
    }
    let noted = of(civil_status::DIVORCE, create(note));
    let error = submit(&host, "request-3", vec![noted.clone()]).await.expect_err("the marriage stands");
    assert_eq!(broken(&error), ["changes[0].payload.marriage_entry MARRIAGE_ENDS"]);
    let ended = first.with("status", "divorced").with("ended_on", "2026-05-20").with("basis", basis("court_decision"));
    let ended = of(civil_status::MARRIAGE, change(Operation::Update, 1, ended));
    submit(&host, "request-4", vec![noted, ended, second]).await.expect("divorced, noted and married again");
}

/// A basis belongs to one change, however many versions ago that was, and also after a restart.
#[tokio::test]
async fn a_basis_is_used_once() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let host = open(store.clone(), "resident").await;
    let renamed = |name: &str, document: &str| {
        let basis = basis("civil_status_change").with("document_number", document);
        person("042185990002", name, "1985").with("basis", basis)
    };
    let chain = vec![
        create(an()),
        change(Operation::Update, 1, renamed("Nguyễn Thị Hoa", "1/QĐ")),
        change(Operation::Update, 2, renamed("Nguyễn Thị Huệ", "2/QĐ")),
    ];
    submit(&host, "request-1", chain).await.expect("each with its own");
    let again = || change(Operation::Update, 3, renamed("Nguyễn Thị Lan", "1/QĐ"));
    let error = submit(&host, "request-2", vec![again()]).await.expect_err("used before");
    assert_eq!(broken(&error), ["changes[0].payload.full_name BASIS_REQUIRED"]);
    let within = vec![
        change(Operation::Update, 3, renamed("Nguyễn Thị Mai", "3/QĐ")),
        change(Operation::Update, 4, renamed("Nguyễn Thị Đào", "4/QĐ")),
        change(Operation::Update, 5, renamed("Nguyễn Thị Cúc", "3/QĐ")),
    ];
    let error = submit(&host, "request-3", within).await.expect_err("used by the same submission");
    assert_eq!(broken(&error), ["changes[2].payload.full_name BASIS_REQUIRED"]);
    drop(host);
    let host = open(store, "resident").await;
    let error = submit(&host, "request-4", vec![again()]).await.expect_err("used in an earlier life");
    assert_eq!(broken(&error), ["changes[0].payload.full_name BASIS_REQUIRED"]);
    submit(&host, "request-5", vec![change(Operation::Update, 3, renamed("Nguyễn Thị Lan", "5/QĐ"))])
        .await
        .expect("new");
}

/// Fields that no table names change freely while a record is in force, and only with a basis once it has ended.
#[tokio::test]
async fn a_record_that_has_ended_changes_for_a_reason() {
    let host = open(Arc::new(MemoryStore::new()), "vehicle").await;
    let of = |status: &str, version: u64, colour: &str| {
        let car = registration("38A-123.45", "RLHKC1234NY012345", status);
        let payload = car.payload.with("colour", colour);
        match version {
            0 => Change { payload, ..car },
            version => Change { operation: Operation::Update, expected_version: version, payload, ..car },
        }
    };
    submit(&host, "request-1", vec![of("active", 0, "Trắng"), of("active", 1, "Đen")]).await.expect("in force");
    let resting = |change: Change, document: &str| {
        let payload = change.payload.with("basis", basis("scrapping").with("document_number", document));
        Change { payload, ..change }
    };
    submit(&host, "request-2", vec![resting(of("revoked", 2, "Đen"), "1/QĐ")]).await.expect("scrapped");
    let error = submit(&host, "request-3", vec![resting(of("revoked", 3, "Đỏ"), "1/QĐ")]).await.expect_err("silent");
    assert_eq!(broken(&error), ["changes[0].payload.colour BASIS_REQUIRED"]);
    submit(&host, "request-4", vec![resting(of("revoked", 3, "Đỏ"), "2/QĐ")]).await.expect("corrected");
}

/// Nothing follows OPERATION_REVOKE, so that a record that may come back under its number is ended by its status alone.
#[tokio::test]
async fn a_card_that_may_come_back_is_not_ended_for_good() {
    let host = open(Arc::new(MemoryStore::new()), "health_insurance").await;
    let first = card("042185990002", "active");
    submit(&host, "request-1", vec![first.clone()]).await.expect("insured");
    let revoked = || followed(&first, 1, card("042185990002", "revoked"));
    let for_good = Change { operation: Operation::Revoke, ..revoked() };
    let error = submit(&host, "request-2", vec![for_good]).await.expect_err("it may come back");
    assert_eq!(error.violations.kept()[0].field, "changes[0].payload.status");
    submit(&host, "request-3", vec![revoked()]).await.expect("ended by its status");
    let mut back = followed(&first, 2, card("042185990002", "active"));
    back.payload.insert("basis", basis("insured_again"));
    submit(&host, "request-4", vec![back]).await.expect("insured again under the same number");
}
