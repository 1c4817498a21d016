//! Strangers: what their calls take, and who is one.

use async_trait::async_trait;

use super::*;
use crate::access::{People, Representation};
use crate::api::connection::CallConnection;
use crate::base::{OrganisationCode, PersonalId};
use crate::registry::numbers::Numbers;

const KNOWN: &str = "demo-citizen-042185990002";

/// Knows one citizen, and counts how often somebody was looked up.
#[derive(Default)]
struct One(Arc<AtomicUsize>);

#[async_trait]
impl People for One {
    async fn numbers(&self, number: PersonalId) -> Result<Numbers> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(Numbers::only(number))
    }

    async fn knows(&self, person: &Numbers) -> Result<bool> {
        Ok(KNOWN.ends_with(person.current.as_str()))
    }

    async fn guardian_of(&self, _: &Numbers) -> Result<Option<PersonalId>> {
        Ok(None)
    }

    async fn represents(&self, _: &Numbers, _: OrganisationCode, _: Timestamp) -> Result<Option<Representation>> {
        Ok(None)
    }
}

/// A front of a world that knows one citizen, with a rate of strangers; and the number of look-ups.
fn front_of_one(strangers: u32) -> (Front, Arc<AtomicUsize>) {
    let people = One::default();
    let asked = people.0.clone();
    let citizens = Some(KnownCitizens::new(Arc::new(people)));
    (front_knowing(citizens, false, strangers, tokio::sync::watch::channel(false).1, Arc::new(NoSessions)), asked)
}

/// As a call of a client at this address.
fn from(mut request: Request<Body>, address: &str) -> Request<Body> {
    request.extensions_mut().insert(Peer::direct(address.parse().expect("an address")));
    request
}

#[tokio::test]
async fn made_up_citizens_have_a_strangers_rate_and_known_ones_do_not() {
    let (front, asked) = front_of_one(1);
    let answered = async |credential: &str| {
        let answer = front.send(request(EXPLAIN, Some(credential), framed(&explain()))).await;
        let status = Status::from_header_map(answer.headers()).filter(|status| status.code() != Code::Ok);
        status.is_none_or(|status| status.get_details_error_info().expect("details").reason != "RATE_LIMITED")
    };
    for _ in 0..100 {
        assert!(answered(KNOWN).await, "somebody");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1, "somebody is looked up once");
    let mut made_up = Vec::new();
    for number in 0..100 {
        made_up.push(answered(&format!("demo-citizen-042185{number:06}")).await);
    }
    assert!(made_up[0] && !made_up[99], "all made-up numbers share one rate");
    assert_eq!(front.refused(request(EXPLAIN, None, unread())).await.1, "RATE_LIMITED", "it is that of strangers");
    assert!(answered(KNOWN).await);
}

#[tokio::test]
async fn a_connection_is_known_by_an_accepted_credential_alone() {
    let (front, _) = front_of_one(0);
    for (path, credential, expected) in [
        (EXPLAIN, None, false),
        (ANCHOR, None, false),
        (ANCHOR, Some("demo-bank"), false),
        ("/x", Some("demo-bank"), false),
        (EXPLAIN, Some("demo-nobody"), false),
        (EXPLAIN, Some("demo-citizen-042185000000"), false),
        (EXPLAIN, Some(KNOWN), true),
        (EXPLAIN, Some("demo-bank"), true),
        // It is known who calls, whatever they may.
        (SUBMIT, Some("demo-bank"), true),
    ] {
        let connection = CallConnection::default();
        let mut request = request(path, credential, framed(&[]));
        request.extensions_mut().insert(connection.clone());
        front.send(request).await;
        assert_eq!(connection.is_known(), expected, "{path} {credential:?}");
    }
}

#[tokio::test]
async fn a_connection_is_known_before_its_message_has_come() {
    let (front, _) = front_of_one(0);
    let connection = CallConnection::default();
    let mut request = request(EXPLAIN, Some("demo-bank"), unread());
    request.extensions_mut().insert(connection.clone());
    let mut call = Box::pin(front.send(request));
    assert!(futures::poll!(&mut call).is_pending());
    assert!(connection.is_known());
}

#[tokio::test]
async fn a_network_of_strangers_takes_its_share_of_the_memory_in_however_small_pieces() {
    let (front, _) = front_of_one(0);
    // A public call whose message is never whole, in pieces of 1,000 bytes.
    let call = |address: &str| {
        let head = [&[0][..], &(limits::REQUEST_BYTES_MAX as u32).to_be_bytes()].concat();
        let pieces = std::iter::once(head).chain(std::iter::repeat_n(vec![0; 1_000], 64));
        let frames = futures::stream::iter(pieces.map(|piece| Ok::<_, std::io::Error>(Frame::data(piece.into()))));
        let body = Body::new(StreamBody::new(frames.chain(futures::stream::pending()).boxed()));
        Box::pin(front.send(from(request(ANCHOR, None, body), address)))
    };
    let mut waiting = Vec::new();
    let one = "203.0.113.7:1";
    let refused = loop {
        let mut sent = call(one);
        match futures::poll!(&mut sent) {
            Poll::Pending => waiting.push(sent),
            Poll::Ready(answer) => break answer,
        }
        assert!(waiting.len() * 64_000 <= limits::STRANGERS_OF_NETWORK_BYTES_MAX, "the share is never exhausted");
    };
    assert_eq!(Status::from_header_map(refused.headers()).expect("a status").code(), Code::Unavailable);
    assert!(futures::poll!(call("198.51.100.7:1")).is_pending(), "another network has its own share");
    drop(waiting);
    assert!(futures::poll!(call(one)).is_pending(), "there is room again");
}
