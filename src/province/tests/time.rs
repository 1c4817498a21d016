//! The two times: what was true on a day, of what was known at a point of the ledger. Held against a model that replays the ledger.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::views::{owned_by, vehicle};
use super::*;
use crate::base::RecordId;
use crate::registry::basis::CORRECTION;
use crate::registry::common::testing::basis;
use crate::trust::Statement;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// Since when the vehicles of these tests are registered.
const FIRST: &str = "2019-03-05";

/// A version as the model keeps it.
struct Replayed {
    ledger_index: u64,
    statement: Statement,
    /// From when it takes effect.
    from: Timestamp,
}

/// The ledger, replayed: the versions of each record, in their order.
async fn replayed(province: &Province, corrections: &BTreeSet<(RecordId, u64)>) -> BTreeMap<RecordId, Vec<Replayed>> {
    let mut all: BTreeMap<RecordId, Vec<Replayed>> = BTreeMap::new();
    let (mut next, size) = (0, province.ledger_size());
    while next < size {
        let (accepted, onwards) = province.accepted(next, 64).await.expect("reads");
        next = onwards;
        for (ledger_index, statement) in accepted {
            let id = statement.record_id;
            let since = Timestamp::start_of(FIRST.parse().expect("a day"));
            let is_as_before = statement.valid_from == since && !corrections.contains(&(id, statement.version));
            let from = match statement.version {
                1 => statement.valid_from,
                _ if is_as_before => statement.issued_at.max(since).min(statement.valid_until),
                _ => statement.valid_from,
            };
            all.entry(id).or_default().push(Replayed { ledger_index, statement, from });
        }
    }
    all
}

/// What the model sees: versions are laid over each other on the line of valid time, each cutting off what was said from its beginning on.
fn seen(all: &BTreeMap<RecordId, Vec<Replayed>>, known: u64, valid: Option<Timestamp>) -> BTreeMap<RecordId, u64> {
    let mut found = BTreeMap::new();
    for (id, versions) in all {
        let mut line: Vec<(Timestamp, Timestamp, u64)> = Vec::new();
        let mut newest = None;
        for version in versions.iter().filter(|version| version.ledger_index < known) {
            line.retain(|(from, ..)| *from < version.from);
            if let Some(last) = line.last_mut() {
                last.1 = last.1.min(version.from);
            }
            line.push((version.from, version.statement.valid_until, version.statement.version));
            newest = Some(version.statement.version);
        }
        let holds = |at: Timestamp| {
            line.iter().find(|(from, until, _)| *from <= at && at < *until).map(|(.., version)| *version)
        };
        if let Some(version) = valid.map_or(newest, holds) {
            found.insert(*id, version);
        }
    }
    found
}

/// One change: which vehicle, from and until when in days from now, whether it is a correction.
type Step = (u8, Option<i64>, Option<i64>, bool);

fn step() -> impl Strategy<Value = Step> {
    let from = prop::option::of(-2_000i64..20);
    (0u8..3, from, prop::option::weighted(0.3, -1_000i64..40), any::<bool>())
}

async fn check(steps: Vec<Step>, asked: Vec<(u64, Option<i64>)>) {
    let world = World::new();
    let province = world.province().await;
    let vehicles = world.host("vehicle").await;
    province.follow(vehicles.clone()).expect("follows");
    let (mut versions, mut corrections) = (BTreeMap::<u8, u64>::new(), BTreeSet::new());
    for (at, (which, from, until, is_correction)) in (0i64..).zip(steps) {
        world.clock.set(NOW.plus_ms(at * HOUR));
        let version = versions.get(&which).copied().unwrap_or_default();
        let (record_type, payload) = vehicle(&format!("38-B1 123.1{which}"), owned_by(AN, "Nguyễn Văn An"));
        let mut payload = payload.with("colour", format!("Màu {at}"));
        if is_correction && version > 0 {
            payload = payload.with("basis", basis(CORRECTION).with("document_number", format!("{at}/QĐ")));
        }
        let day = |days: i64| NOW.plus_ms(days * DAY);
        let change = Change {
            record_type: record_type.into(),
            operation: if version == 0 { Operation::Create } else { Operation::Update },
            expected_version: version,
            payload,
            valid_from: from.map(day),
            valid_until: until.map(day).filter(|until| from.is_none_or(|from| day(from) < *until)),
        };
        let submission = Submission { request_id: format!("request-{at}"), changes: vec![change] };
        let receipts = vehicles.submit(submission).await.expect("submitted");
        versions.insert(which, version + 1);
        if is_correction && version > 0 {
            corrections.insert((receipts[0].record_id, version + 1));
        }
        province.wait_for("vehicle", vehicles.log_size().await.expect("size")).await.expect("accepted");
    }
    let all = replayed(&province, &corrections).await;
    let size = province.ledger_size();
    for (known, days) in asked.into_iter().chain([(size, None), (size, Some(0)), (0, None)]) {
        let as_of = AsOf { known: known % (size + 1), valid: days.map(|days| NOW.plus_ms(days * DAY)) };
        let asked = Asked { as_of, day: TODAY, page: Page::default() };
        let found = match province.person(id(AN), Audience::Citizen, &asked).await {
            Ok(found) => found.view.sources.iter().map(|source| (source.record_id, source.version)).collect(),
            Err(error) if error.reason == Reason::RecordNotFound => BTreeMap::new(),
            Err(error) => panic!("{error:?}"),
        };
        assert_eq!(found, seen(&all, as_of.known, as_of.valid), "{as_of:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_view_is_what_a_replay_of_the_ledger_says(
        steps in prop::collection::vec(step(), 1..14),
        asked in prop::collection::vec((any::<u64>(), prop::option::of(-2_100i64..60)), 8),
    ) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(check(steps, asked));
    }
}

/// Who owned a vehicle on a day, before and after its sale was known.
async fn owner(province: &Province, as_of: AsOf) -> Option<String> {
    let asked = Asked { as_of, day: TODAY, page: Page::default() };
    let found = province.thing(crate::registry::SubjectKind::Vehicle, "38-B1 123.45", &asked).await.ok()?;
    let items = found.view.sections.iter().flat_map(|section| &section.items);
    items.filter_map(|item| item.fields.text_at("owner.full_name")).next().map(str::to_owned)
}

#[tokio::test]
async fn what_was_true_and_what_was_known_are_two_things() {
    let mut world = World::new();
    let province = world.province().await;
    let vehicles = world.host("vehicle").await;
    province.follow(vehicles.clone()).expect("follows");
    let (record_type, payload) = vehicle("38-B1 123.45", owned_by(AN, "Nguyễn Văn An"));
    world.say(&vehicles, &province, vec![(record_type, payload.clone())]).await;
    let before = province.ledger_size();
    world.clock.set(NOW.plus_ms(10 * DAY));
    let red = payload.with("colour", "Vàng");
    world.change(&vehicles, &province, record_type, Operation::Update, 1, red.clone()).await;
    let (known, painted) = (province.ledger_size(), NOW.plus_ms(10 * DAY));
    let colour = async |known: u64, valid: Option<Timestamp>| {
        let asked = Asked { as_of: AsOf { known, valid }, day: TODAY, page: Page::default() };
        let kind = crate::registry::SubjectKind::Vehicle;
        let found = province.thing(kind, "38-B1 123.45", &asked).await.ok()?;
        let mut items = found.view.sections.into_iter().flat_map(|section| section.items);
        items.find_map(|item| item.fields.text("colour").map(str::to_owned))
    };
    for (known, valid, expected) in [
        (known, None, Some("Vàng")),
        (known, Some(painted), Some("Vàng")),
        (known, Some(painted.plus_ms(-1)), Some("Đỏ")),
        (known, Some(Timestamp::start_of("2019-03-05".parse().expect("a day"))), Some("Đỏ")),
        (known, Some(Timestamp::start_of("2019-03-04".parse().expect("a day"))), None),
        (before, None, Some("Đỏ")),
        (before, Some(painted), Some("Đỏ")),
        (0, None, None),
    ] {
        assert_eq!(colour(known, valid).await.as_deref(), expected, "{known} {valid:?}");
    }
    assert_eq!(owner(&province, province.as_of_now()).await.as_deref(), Some("Nguyễn Văn An"));
    // An instant means the newest head before it.
    assert_eq!(province.known_at(NOW.plus_ms(-1)).await.expect("reads"), 0);
    assert_eq!(province.known_at(NOW).await.expect("reads"), before);
    assert_eq!(province.known_at(painted.plus_ms(-1)).await.expect("reads"), before);
    assert_eq!(province.known_at(painted).await.expect("reads"), known);
}

#[tokio::test]
async fn a_history_says_what_changed_when_and_by_whom_and_loses_nothing() {
    let mut world = World::new();
    let province = world.province().await;
    let (residents, vehicles) = (world.host("resident").await, world.host("vehicle").await);
    province.follow(residents.clone()).expect("follows");
    province.follow(vehicles.clone()).expect("follows");
    let (record_type, an) = person(AN, "Nguyễn Văn An", "1990-03-14");
    world.say(&residents, &province, vec![(record_type, an.clone())]).await;
    world.clock.set(NOW.plus_ms(DAY));
    let (of_vehicle, motorcycle) = vehicle("38-B1 123.45", owned_by(AN, "Nguyễn Văn An"));
    world.say(&vehicles, &province, vec![(of_vehicle, motorcycle)]).await;
    world.clock.set(NOW.plus_ms(2 * DAY));
    let corrected = an.with("full_name", "Nguyễn Văn Ân").with("basis", basis(CORRECTION));
    world.change(&residents, &province, record_type, Operation::Update, 1, corrected).await;

    let now = province.as_of_now();
    let (changes, next) = province.history(id(AN), Audience::Operator, now, 50, 0).await.expect("a history");
    assert!(next.is_none());
    let told: Vec<_> =
        changes.iter().map(|it| (&*it.source.record_type, it.source.version, it.source.ledger_index)).collect();
    assert_eq!(told, [(record_type, 1, 0), (of_vehicle, 1, 2), (record_type, 2, 4)]);
    let correction = &changes[2];
    let fields: Vec<_> = correction.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(fields, ["basis", "full_name"]);
    let name = &correction.fields[1];
    let text = |value: &Option<crate::trust::Value>| value.as_ref().and_then(|it| it.as_text().map(str::to_owned));
    assert_eq!(
        (text(&name.before).as_deref(), text(&name.after).as_deref()),
        (Some("Nguyễn Văn An"), Some("Nguyễn Văn Ân"))
    );
    assert_eq!(correction.basis.as_ref().and_then(|basis| basis.text("reason_code")), Some(CORRECTION));
    assert_eq!((correction.known_from, correction.known_until), (NOW.plus_ms(2 * DAY), None));
    assert_eq!((changes[0].known_from, changes[0].known_until), (NOW, Some(4)));
    assert_eq!((changes[0].fields.len(), changes[0].operation), (8, Operation::Create));

    // The same in pages; and what was known before the correction.
    for limit in [1, 2] {
        let (mut all, mut from) = (Vec::new(), 0);
        loop {
            let (page, next) = province.history(id(AN), Audience::Operator, now, limit, from).await.expect("a page");
            assert!(page.len() <= limit);
            all.extend(page);
            let Some(next) = next else { break };
            from = next;
        }
        assert_eq!(all, changes, "by {limit}");
    }
    let before = AsOf { known: 4, valid: None };
    let (earlier, _) = province.history(id(AN), Audience::Operator, before, 50, 0).await.expect("a history");
    assert_eq!((earlier.len(), earlier[0].known_until), (2, None), "what was not known had replaced nothing");
    let missing = province.history(id("042090990008"), Audience::Operator, now, 50, 0).await.expect_err("nobody");
    assert_eq!(missing.reason, Reason::RecordNotFound);
}
