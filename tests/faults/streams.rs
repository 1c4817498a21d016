//! Faults of an answer of several messages: cut after some of them, and every one of them twice.

use lienthong::wire::proto::exchange::v1::BulkFetchRecordsRequest;
use lienthong::wire::typed;
use prost::Message as _;
use prost_reflect::DynamicMessage;
use serde_json::{Value, json};

use super::calls::{Seen, Wire, serving};
use super::{add, list};

const BULK: &str = "exchange.v1.ExchangeService/BulkFetchRecords";
const CITIZENS: [&str; 5] = ["042090990001", "042185990002", "042075990003", "042188990004", "042092990005"];

/// The whole messages of an answer.
fn messages(seen: &Seen) -> Vec<Vec<u8>> {
    let (mut rest, mut found) = (&seen.bytes()[..], Vec::new());
    while let Some((prefix, behind)) = rest.split_first_chunk::<5>() {
        let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
        let Some((message, behind)) = behind.split_at_checked(length) else { break };
        found.push(message.to_vec());
        rest = behind;
    }
    found
}

/// Whose outcome each message is.
fn citizens(messages: &[Vec<u8>]) -> Vec<u32> {
    let described = typed::pool().get_message_by_name("lienthong.exchange.v1.BulkFetchRecordsResponse");
    let described = described.expect("described");
    let index = |bytes: &Vec<u8>| {
        let message = DynamicMessage::decode(described.clone(), bytes.as_slice()).expect("decodes");
        message.get_field_by_name("index").and_then(|index| index.as_u32()).expect("an index")
    };
    messages.iter().map(index).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_cut_after_as_many_messages_as_the_rule_says_or_brings_each_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let (serving, outside) = serving(folder.path()).await;
    let wire = Wire::open(&serving.grpc).await;
    let request = BulkFetchRecordsRequest {
        personal_ids: CITIZENS.map(str::to_owned).to_vec(),
        record_types: vec!["resident.person.v1".into()],
        purpose: "one_stop.verify_documents".into(),
        ..BulkFetchRecordsRequest::default()
    }
    .encode_to_vec();
    let cut = |messages: u32| json!({ "cut": { "messages": messages } });
    let cases: [(Value, Vec<u32>, bool); 5] = [
        (cut(0), vec![], true),
        (cut(1), vec![0], true),
        (cut(3), vec![0, 1, 2], true),
        (cut(5), vec![0, 1, 2, 3, 4], true),
        (json!({ "duplicate": {} }), vec![0, 0, 1, 1, 2, 2, 3, 3, 4, 4], false),
    ];
    for (action, expected, is_reset) in cases {
        let session = outside.create(json!({})).await;
        let mut fault =
            json!({ "match": { "methods": ["BulkFetchRecords"], "agency": "one-stop" }, "turn": { "nth": 2 } });
        fault.as_object_mut().expect("a rule").extend(action.as_object().expect("an action").clone());
        add(&session, fault).await;
        for attempt in 1..=3 {
            let seen = wire.send(session.id(), "one-stop", BULK, &request).await.expect("an answer");
            let came = messages(&seen);
            if attempt != 2 {
                assert_eq!((citizens(&came), seen.status()), (vec![0, 1, 2, 3, 4], Some("0")), "{action}: {attempt}");
                continue;
            }
            assert_eq!(citizens(&came), expected, "{action}");
            if is_reset {
                assert_eq!((seen.reset, seen.status()), (Some(h2::Reason::INTERNAL_ERROR), None), "{action}");
            } else {
                assert_eq!((seen.reset, seen.status()), (None, Some("0")), "{action}");
                assert!(came.chunks(2).all(|pair| pair[0] == pair[1]), "{action}: one and the same message");
            }
        }
        let added = list(&session).await.into_iter().find(|fault| fault["faultId"] == "fault-1").expect("it stands");
        assert_eq!(added["counts"], json!({ "matched": "3", "hits": "1" }), "{action}");
    }
}
