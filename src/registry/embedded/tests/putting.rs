//! Records put whole: each on its own, compared with the stored one, under the rules of a submission.

use super::*;
use crate::registry::port::{Content, PutOutcome};
use crate::registry::vehicle;

fn of(payload: Object) -> Content {
    Content { record_type: resident::PERSON.into(), payload }
}

async fn put(host: &EmbeddedRegistry, payloads: &[Object], is_trial: bool) -> Vec<String> {
    let contents = payloads.iter().cloned().map(of).collect();
    let outcomes = host.put(contents, is_trial).await.expect("answered");
    outcomes.iter().map(said).collect()
}

fn said(outcome: &PutOutcome) -> String {
    match outcome {
        PutOutcome::Created(receipt) => format!("created {}", receipt.version),
        PutOutcome::Updated(receipt) => format!("updated {}", receipt.version),
        PutOutcome::Unchanged(receipt) => format!("unchanged {}", receipt.version),
        PutOutcome::Refused(violations) => {
            let all: Vec<String> = violations.kept().iter().map(|one| format!("{} {}", one.field, one.rule)).collect();
            all.join(", ")
        }
    }
}

#[tokio::test]
async fn each_record_is_created_changed_or_left_alone() {
    let host = residents().await;
    let an = person("042185990002", "Nguyễn Thị Hoà", "1985");
    let binh = person("042185990003", "Lê Na", "1990");
    let bad = person("042185990004", "Lê  Na", "1990-13");
    let first = [an.clone(), bad.clone(), binh.clone(), an.clone().with("nationality", "LA")];
    let expected = ["created 1", "birth_date FORMAT, full_name FORMAT", "created 1", "personal_id DUPLICATE"];
    let sorted = |mut found: Vec<String>| {
        let mut fields: Vec<&str> = found[1].split(", ").collect();
        fields.sort_unstable();
        found[1] = fields.join(", ");
        found
    };
    assert_eq!(sorted(put(&host, &first, true).await), expected);
    assert_eq!(host.log_size().await.expect("a size"), 0, "a trial writes nothing");
    assert_eq!(sorted(put(&host, &first, false).await), expected);
    assert_eq!(host.log_size().await.expect("a size"), 2);

    // Names are changed with a basis only; an illegal change does not stop the other one.
    let renamed = an.clone().with("full_name", "Nguyễn Thị Hoà Bình");
    let moved = binh.clone().with("religion", "Công giáo");
    let second = [renamed.clone(), moved.clone()];
    for is_trial in [true, false] {
        assert_eq!(put(&host, &second, is_trial).await, ["full_name BASIS_REQUIRED", "updated 2"]);
    }
    assert_eq!(put(&host, &[an, moved], false).await, ["unchanged 1", "unchanged 2"]);
    let lawful = renamed.with("basis", basis("correction"));
    assert_eq!(put(&host, &[lawful], false).await, ["updated 2"]);
    assert_eq!(host.log_size().await.expect("a size"), 4);
}

#[tokio::test]
async fn what_has_ended_takes_no_more_content() {
    let host = open(Arc::new(MemoryStore::new()), "vehicle").await;
    let owner = Object::new().with("personal_id", "042185990002").with("full_name", "Nguyễn Thị Hoà");
    let car = Object::new()
        .with("plate", "38A-12345")
        .with("kind", "car")
        .with("plate_colour", "white")
        .with("owner", owner)
        .with("brand", "Toyota")
        .with("model", "Vios")
        .with("chassis_number", "RLHKC1234NY012345")
        .with("colour", "Trắng")
        .with("seats", 5)
        .with("first_registered", "2019-03-05")
        .with("status", "active");
    let content = |payload: &Object| Content { record_type: vehicle::REGISTRATION.into(), payload: payload.clone() };
    let put = async |payload: &Object| said(&host.put(vec![content(payload)], false).await.expect("answered")[0]);
    assert_eq!(put(&car).await, "created 1");
    // Another way to write the plate is the same content.
    assert_eq!(put(&car.clone().with("plate", "38a 123.45")).await, "unchanged 1");
    let scrapped = car
        .clone()
        .with("plate", "38A-123.45")
        .with("status", "revoked")
        .with("status_reason", "xe hỏng, không còn sử dụng");
    let end = Change {
        record_type: vehicle::REGISTRATION.into(),
        ..change(Operation::Revoke, 1, scrapped.clone().with("basis", basis("scrapping")))
    };
    submit(&host, "request-1", vec![end]).await.expect("ended");
    assert_eq!(put(&car).await, " RECORD_REVOKED");
    let none = host.put(Vec::new(), false).await.expect_err("nothing to put");
    assert_eq!(none.reason, Reason::InvalidRequest);
}
