//! Events as CloudEvents 1.0 in JSON, structured mode (cloudevents.io, JSON event format, section 3).
//!
//! The data of a change is the message that a watch would send, in the JSON form of protobuf, without its token: that belongs to a caller.

use bytes::Bytes;
use prost::Message as _;
use prost_reflect::DynamicMessage;
use serde_json::{Value, json};

use crate::api::grpc::province::message::change_message;
use crate::base::{Error, Result};
use crate::webhook::{Content, Event};
use crate::wire::typed::pool;

/// The media type of such an event.
pub(super) const MEDIA_TYPE: &str = "application/cloudevents+json";

const CHANGE: &str = "lienthong.province.change.v1";
const TEST: &str = "lienthong.province.test.v1";
const MESSAGE: &str = "lienthong.province.v1.WatchChangesResponse";

/// The body of an event.
pub(super) fn body(event: &Event) -> Result<Bytes> {
    let Event { id, source, content } = event;
    let mut body = json!({
        "specversion": "1.0",
        "id": id,
        "source": source,
        "datacontenttype": "application/json",
    });
    match content {
        Content::Test(at) => {
            body["type"] = TEST.into();
            body["time"] = at.to_string().into();
            body["data"] = json!({});
        }
        Content::Change(change) => {
            body["type"] = CHANGE.into();
            body["time"] = change.statement.issued_at.to_string().into();
            body["subject"] = change.statement.record_id.to_hex().into();
            let message = change_message((**change).clone(), String::new())?;
            body["data"] = json_of(&message.encode_to_vec())?;
        }
    }
    serde_json::to_vec(&body).map(Bytes::from).map_err(Error::bug)
}

fn json_of(message: &[u8]) -> Result<Value> {
    let described = pool().get_message_by_name(MESSAGE).ok_or_else(|| Error::bug("no descriptor of a change"))?;
    let message = DynamicMessage::decode(described, message).map_err(Error::bug)?;
    serde_json::to_value(&message).map_err(Error::bug)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;

    #[test]
    fn a_test_is_a_cloud_event_too() {
        let event = Event {
            id: "a_test_b".into(),
            source: "lienthong/H27/records".into(),
            content: Content::Test(Timestamp(0)),
        };
        let read: Value = serde_json::from_slice(&body(&event).expect("a body")).expect("JSON");
        let expected = json!({
            "specversion": "1.0",
            "id": "a_test_b",
            "source": "lienthong/H27/records",
            "type": "lienthong.province.test.v1",
            "time": "1970-01-01T00:00:00Z",
            "datacontenttype": "application/json",
            "data": {},
        });
        assert_eq!(read, expected);
    }
}
