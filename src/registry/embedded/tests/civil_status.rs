//! Entries of civil status beside each other: the dead neither marry nor have children.

use super::lifecycles::{broken, married};
use super::*;
use crate::registry::civil_status;

const HUSBAND: &str = "042090990001";
const WIFE: &str = "042190990002";

fn of(record_type: &str, change: Change) -> Change {
    Change { record_type: record_type.into(), ..change }
}

fn entered(record_type: &str, payload: Object) -> Change {
    of(record_type, create(payload))
}

fn party(id: &str, name: &str) -> Object {
    Object::new().with("personal_id", id).with("full_name", name)
}

fn entry(book: &str, number: u32, on: &str) -> Object {
    let authority = Object::new().with("unit_code", "18073").with("unit_valid_from", "2025-07-01").with("name", "UBND");
    Object::new()
        .with("entry_number", format!("18073-{book}-2026-{number}"))
        .with("registered_on", on)
        .with("authority", authority)
        .with("status", "active")
}

fn death(id: &str, died_on: &str) -> Change {
    let entry = entry("KT", 1, "2026-06-01").with("registration", "late").with("died_on", died_on);
    entered(civil_status::DEATH, entry.with("deceased", party(id, "Lê Văn An")))
}

fn birth(mother: &str, father: &str, born: &str) -> Change {
    let child = Object::new().with("full_name", "Lê Văn Bình").with("birth_date", born).with("sex", "male");
    let place = Object::new().with("unit_code", "18073").with("unit_valid_from", "2025-07-01");
    let entry =
        entry("KS", 1, "2026-11-20").with("registration", "again").with("child", child).with("birth_place", place);
    entered(
        civil_status::BIRTH,
        entry.with("mother", party(mother, "Nguyễn Thị Hoà")).with("father", party(father, "Lê Văn An")),
    )
}

async fn open_book() -> Arc<EmbeddedRegistry> {
    open(Arc::new(MemoryStore::new()), "civil_status").await
}

/// A marriage of 2 March 2026 beside a death, whichever is entered first.
#[tokio::test]
async fn the_dead_do_not_marry() {
    let marriage = || entered(civil_status::MARRIAGE, married(1, HUSBAND, WIFE));
    // the death, and whether the two can both be
    for (died_on, fits) in [("2026-03-01", false), ("2026-03-02", true), ("2025", false), ("2026", true)] {
        for dead in [HUSBAND, WIFE] {
            let host = open_book().await;
            submit(&host, "request-1", vec![death(dead, died_on)]).await.expect("dead");
            let found = submit(&host, "request-2", vec![marriage()]).await.map_err(|error| broken(&error));
            let refused = Err(vec!["changes[0].payload.registered_on SPOUSE_DEAD".to_owned()]);
            assert_eq!(found.map(drop), if fits { Ok(()) } else { refused }, "{died_on} {dead}");

            let host = open_book().await;
            submit(&host, "request-1", vec![marriage()]).await.expect("married");
            let found = submit(&host, "request-2", vec![death(dead, died_on)]).await.map_err(|error| broken(&error));
            let refused = Err(vec!["changes[0].payload.died_on MARRIED_SINCE".to_owned()]);
            assert_eq!(found.map(drop), if fits { Ok(()) } else { refused }, "{died_on} {dead}, entered later");
        }
    }
    // An entry that was wrong is annulled in the same submission.
    let host = open_book().await;
    let wrong = death(HUSBAND, "2026-03-01");
    submit(&host, "request-1", vec![wrong.clone()]).await.expect("dead");
    let annulled = wrong.payload.with("status", "annulled").with("basis", basis("entry_annulled"));
    let annulled = of(civil_status::DEATH, change(Operation::Update, 1, annulled));
    submit(&host, "request-2", vec![marriage(), annulled]).await.expect("alive after all");
}

/// A birth beside the death of a parent, whichever is entered first.
#[tokio::test]
async fn the_dead_have_no_children() {
    let (mother, father) = ([WIFE, "042090990009"], ["042190990009", HUSBAND]);
    // who has died, the parents, the birth, and whether it can be
    let cases = [
        (WIFE, mother, "2026-03-01", true),
        (WIFE, mother, "2026-03-02", false),
        (HUSBAND, father, "2026-10-30", true),
        (HUSBAND, father, "2026-12-27", false),
    ];
    for (dead, [of_mother, of_father], born, fits) in cases {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let host = open_on(Date::constant(2027, 1, 2), store, "civil_status").await;
        let mut birth = birth(of_mother, of_father, born);
        birth.payload.insert("registered_on", "2026-12-30");
        submit(&host, "request-1", vec![death(dead, "2026-03-01")]).await.expect("dead");
        let found = submit(&host, "request-2", vec![birth.clone()]).await.map_err(|error| broken(&error));
        let refused = Err(vec!["changes[0].payload.child PARENT_DEAD".to_owned()]);
        assert_eq!(found.map(drop), if fits { Ok(()) } else { refused }, "{dead} {born}");

        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let host = open_on(Date::constant(2027, 1, 2), store, "civil_status").await;
        submit(&host, "request-1", vec![birth]).await.expect("born");
        let found = submit(&host, "request-2", vec![death(dead, "2026-03-01")]).await.map_err(|error| broken(&error));
        let refused = Err(vec!["changes[0].payload.died_on CHILD_SINCE".to_owned()]);
        assert_eq!(found.map(drop), if fits { Ok(()) } else { refused }, "{dead} {born}, entered later");
    }
}
