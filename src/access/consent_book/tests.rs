//! What is given, replaced and withdrawn, by which id, and the contents of the store afterwards.

use super::*;
use crate::access::acting::Actor;
use crate::base::entropy::SeededEntropy;
use crate::base::{RequestId, Seed};
use crate::store::memory::MemoryStore;

const KYC: &str = "bank.know_your_customer";

fn pid(text: &str) -> PersonalId {
    PersonalId::parse(text).expect("12 digits")
}

fn person(text: &str) -> Numbers {
    Numbers::only(pid(text))
}

fn book(store: &Arc<MemoryStore>) -> ConsentBook {
    ConsentBook::new(store.clone(), Arc::new(SeededEntropy::new(Seed::root(1))))
}

fn terms(purpose: &str) -> Terms {
    let types = vec!["resident.person.v1".to_owned()];
    Terms { agency: "bank".into(), purpose: purpose.into(), record_types: types, ttl_ms: 1_000 }
}

fn act(call: u128) -> Act {
    Act { actor: Actor::Citizen, request_id: Some(RequestId(Uuid::from_u128(call))) }
}

async fn grant(book: &ConsentBook, person: &Numbers, purpose: &str, at: i64) -> Consent {
    book.grant(person, terms(purpose), act(at as u128), Timestamp(at)).await.expect("granted")
}

/// All that were ever given, newest first, in pages of one.
async fn all(book: &ConsentBook, person: &Numbers) -> Vec<Consent> {
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let (page, more) = book.list(person, true, before, 1).await.expect("lists");
        before = page.last().map(|consent| consent.id);
        found.extend(page);
        if !more {
            return found;
        }
    }
}

#[tokio::test]
async fn withdrawing_an_old_consent_again_leaves_the_newer_one_alone() {
    let store = Arc::new(MemoryStore::new());
    let book = book(&store);
    let (anna, other) = (person("042185990002"), person("042090990001"));
    let first = grant(&book, &anna, KYC, 5).await;
    let withdrawn = book.withdraw(&anna, first.id, act(6), Timestamp(6)).await.expect("withdrawn");
    assert_eq!((withdrawn.said, withdrawn.ended.clone()), (ConsentState::Withdrawn, Some((Timestamp(6), act(6)))));
    let second = grant(&book, &anna, KYC, 7).await;
    let third = grant(&book, &anna, KYC, 8).await;
    assert!(first.id < second.id && second.id < third.id);
    for consent in [&withdrawn, &second] {
        let repeated = book.withdraw(&anna, consent.id, act(9), Timestamp(9)).await.expect("harmless");
        let expected = if consent.id == second.id { ConsentState::Replaced } else { ConsentState::Withdrawn };
        assert_eq!(repeated.said, expected);
    }
    assert!(book.of(anna.current).await.expect("reads")[0].permits("bank", KYC, "resident.person.v1", Timestamp(9)));
    for id in [Uuid::nil(), third.id] {
        assert_eq!(
            book.withdraw(&other, id, act(9), Timestamp(9)).await.expect_err("not theirs").reason,
            Reason::NotFound
        );
    }
    // everything is stored, also after a restart
    let replaced = second.ended(ConsentState::Replaced, act(8), Timestamp(8));
    let expected = [third.clone(), replaced, withdrawn];
    assert_eq!(all(&book, &anna).await, expected);
    let reopened = super::tests::book(&store);
    assert_eq!(all(&reopened, &anna).await, expected);
    assert_eq!(reopened.list(&anna, false, None, 10).await.expect("lists"), (vec![third], false));
    assert!(all(&reopened, &other).await.is_empty());
}

#[tokio::test]
async fn pages_of_newest_consents_go_on_where_they_ended() {
    let store = Arc::new(MemoryStore::new());
    let book = book(&store);
    let anna = person("042185990002");
    let mut given = Vec::new();
    for (at, purpose) in (1..).zip([KYC, "land.transfer", "health.admission"]) {
        given.insert(0, grant(&book, &anna, purpose, at).await);
    }
    let (first, more) = book.list(&anna, false, None, 2).await.expect("lists");
    assert_eq!((first.as_slice(), more), (&given[..2], true));
    let rest = book.list(&anna, false, Some(first[1].id), 2).await.expect("lists");
    assert_eq!(rest, (given[2..].to_vec(), false));
}

#[tokio::test]
async fn consents_given_at_once_are_all_kept() {
    let store = Arc::new(MemoryStore::new());
    let book = Arc::new(book(&store));
    let anna = person("042185990002");
    let calls = (0..6).map(|at| {
        let (book, anna) = (book.clone(), anna.clone());
        tokio::spawn(async move { grant(&book, &anna, KYC, at).await })
    });
    for call in futures::future::join_all(calls).await {
        call.expect("ran");
    }
    let all = all(&book, &anna).await;
    let standing = all.iter().filter(|consent| consent.said == ConsentState::Granted).count();
    assert_eq!((all.len(), standing), (6, 1));
}

#[tokio::test]
async fn what_was_said_under_a_former_number_is_listed_replaced_and_ended_under_the_present_one() {
    let store = Arc::new(MemoryStore::new());
    let book = book(&store);
    let before = person("042083990017");
    let first = grant(&book, &before, KYC, 1).await;
    let second = grant(&book, &before, KYC, 2).await;
    let kept = grant(&book, &before, "land.transfer", 3).await;
    book.refuse_all(before.current, Timestamp(4)).await.expect("refused");
    // the number is established anew
    let holder = Numbers { superseded: vec![before.current], ..person("042083990016") };
    let newest = book.list(&holder, false, None, 10).await.expect("lists").0;
    assert_eq!(newest.iter().map(|consent| consent.id).collect::<Vec<_>>()[1..], [kept.id, second.id]);
    let third = grant(&book, &holder, KYC, 5).await;
    let refusal = newest[0].id;
    let ids: Vec<_> = all(&book, &holder).await.iter().map(|consent| consent.id).collect();
    assert_eq!(ids, [third.id, refusal, kept.id, second.id, first.id], "in pages of one");
    let ended = book.withdraw(&holder, second.id, act(6), Timestamp(6)).await.expect("over");
    assert_eq!((ended.said, ended.ended), (ConsentState::Replaced, Some((Timestamp(5), act(5)))));
    let allows = async |book: &ConsentBook| {
        let said = book.said_by(&holder).await.expect("reads");
        said.iter().filter(|consent| consent.permits("bank", KYC, "resident.person.v1", Timestamp(9))).count()
    };
    assert_eq!(allows(&book).await, 1, "one stands, and not one for each number");
    for id in [third.id, kept.id, refusal] {
        book.withdraw(&holder, id, act(7), Timestamp(7)).await.expect("withdrawn");
    }
    assert_eq!(allows(&book).await, 0);
    assert!(book.said_by(&holder).await.expect("reads").iter().all(|one| one.said == ConsentState::Withdrawn));
    // nobody else's: neither by the number before, alone, nor by another
    let other = person("042090990001");
    assert_eq!(
        book.withdraw(&other, third.id, act(8), Timestamp(8)).await.expect_err("not theirs").reason,
        Reason::NotFound
    );
}

#[tokio::test]
async fn of_what_the_dead_said_refusals_alone_hold_on() {
    let store = Arc::new(MemoryStore::new());
    let book = book(&store);
    let living = person("042065990010");
    grant(&book, &living, KYC, 1).await;
    book.refuse_all(living.current, Timestamp(2)).await.expect("refused");
    for (standing, expected) in [
        (Standing::Living, &[ConsentState::Refused, ConsentState::Granted][..]),
        (Standing::Unknown, &[ConsentState::Refused, ConsentState::Granted]),
        (Standing::Deceased, &[ConsentState::Refused]),
        (Standing::GivenUp, &[ConsentState::Refused]),
    ] {
        let said = book.said_by(&Numbers { standing, ..living.clone() }).await.expect("reads");
        assert_eq!(said.iter().map(|consent| consent.said).collect::<Vec<_>>(), expected, "{standing:?}");
    }
}

#[tokio::test]
async fn a_refusal_of_all_is_one_row() {
    let store = Arc::new(MemoryStore::new());
    let book = book(&store);
    let refuser = person("042193990013");
    for at in [3, 4] {
        book.refuse_all(refuser.current, Timestamp(at)).await.expect("refused");
    }
    let refusals = all(&book, &refuser).await;
    let [refusal] = refusals.as_slice() else { unreachable!("one, and not {}", refusals.len()) };
    assert_eq!((refusal.said, refusal.granted_at), (ConsentState::Refused, Timestamp(3)));
    book.withdraw(&refuser, refusal.id, act(5), Timestamp(5)).await.expect("ended");
    book.refuse_all(refuser.current, Timestamp(6)).await.expect("refused again");
    let said: Vec<_> = all(&book, &refuser).await.iter().map(|consent| consent.said).collect();
    assert_eq!(said, [ConsentState::Refused, ConsentState::Withdrawn]);
}

/// As the version before this one wrote them.
#[tokio::test]
async fn rows_of_the_version_before_are_read_and_keep_one_id() {
    let store = Arc::new(MemoryStore::new());
    let anna = person("042185990002");
    let row = |said: &str| {
        format!(
            r#"{{"agency":"bank","purpose":"{KYC}","record_types":["resident.person.v1"],"said":"{said}","granted_at":5,"expires_at":1005}}"#
        )
    };
    let put = async |said: &str| {
        let key = row_key(anna.current, "bank", KYC);
        store.commit(Batch::new().put(Space::Consent, key, row(said).into_bytes())).await.expect("written");
    };
    put("granted").await;
    let before = all(&book(&store), &anna).await;
    assert_eq!((before.len(), before[0].said, before[0].ended.clone()), (1, ConsentState::Granted, None));
    assert_eq!(all(&book(&store), &anna).await, before, "the same id again");
    let withdrawn = book(&store).withdraw(&anna, before[0].id, act(6), Timestamp(6)).await.expect("withdrawn");
    assert_eq!((withdrawn.id, withdrawn.said), (before[0].id, ConsentState::Withdrawn));
    put("withdrawn").await;
    let events = all(&book(&store), &anna).await[0].events(Timestamp(9));
    assert_eq!((events[1].state, events[1].at, events[1].act.clone()), (ConsentState::Withdrawn, None, None));
}

#[tokio::test]
async fn whoever_speaks_is_heard_at_once_and_by_a_book_that_is_opened_later() {
    let store = Arc::new(MemoryStore::new());
    let first = book(&store);
    let (anna, binh) = (person("042185990002"), person("042090990001"));
    assert!(first.of(anna.current).await.expect("reads").is_empty());
    let consent = grant(&first, &anna, KYC, 5).await;
    first.refuse_all(binh.current, Timestamp(6)).await.expect("refused");
    for book in [&first, &book(&store)] {
        assert_eq!(&*book.of(anna.current).await.expect("reads"), std::slice::from_ref(&consent));
        assert_eq!(book.of(binh.current).await.expect("reads").len(), 1);
        assert!(book.of(pid("042090990009")).await.expect("reads").is_empty());
    }
}

#[tokio::test]
async fn numbers_in_memory_are_bounded_and_nobody_goes_unheard() {
    let store = Arc::new(MemoryStore::new());
    let small = |store: &Arc<MemoryStore>| ConsentBook { heard_max: 2, ..book(store) };
    let first = small(&store);
    let known =
        |book: &ConsentBook| book.heard.get().and_then(|heard| heard.read().expect("whole").as_ref().map(HashSet::len));
    let mut granted = Vec::new();
    for (at, expected) in [(1, Some(1)), (2, Some(2)), (3, None), (4, None)] {
        let speaker = person(&format!("0421859900{at:02}"));
        grant(&first, &speaker, KYC, at).await;
        assert_eq!(known(&first), expected, "after {at}");
        granted.push(speaker.current);
    }
    for book in [&first, &small(&store)] {
        for number in &granted {
            assert_eq!(book.of(*number).await.expect("reads").len(), 1);
        }
        assert!(book.of(pid("042090990009")).await.expect("reads").is_empty());
        assert_eq!(known(book), None);
    }
}
