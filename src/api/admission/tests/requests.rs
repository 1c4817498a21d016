//! Streams of request messages: the time of each piece, the size of all of them, and the memory that they hold.

use std::time::Duration;

use futures::stream;
use http_body_util::BodyExt as _;

use super::super::message::{Encoding, Take};
use super::super::requests::{Cut, Requests};
use super::*;

const IDLE: Duration = Duration::from_millis(limits::REQUEST_STREAM_IDLE_MS_MAX);
/// An empty message with its prefix.
const EMPTY: &[u8] = &[0; 5];

/// A memory limit in bytes that keeps count of what is reserved.
struct Room(Arc<AtomicUsize>, usize, usize);

impl Room {
    fn of(bytes: usize) -> Self {
        Self(Arc::default(), bytes, 0)
    }
}

impl Take for Room {
    fn take(&mut self, bytes: usize) -> bool {
        if self.2 + bytes > self.1 {
            return false;
        }
        self.2 += bytes;
        self.0.fetch_add(bytes, Ordering::Relaxed);
        true
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.0.fetch_sub(self.2, Ordering::Relaxed);
    }
}

/// A request of these pieces, each after a pause; then it stays open.
fn pieces(sent: Vec<Vec<u8>>, pause: Duration) -> Body {
    let sent = stream::iter(sent).then(move |piece| async move {
        #[allow(clippy::disallowed_methods, reason = "time is paused")]
        tokio::time::sleep(pause).await;
        Ok::<_, std::io::Error>(Frame::data(Bytes::from(piece)))
    });
    Body::new(StreamBody::new(sent.chain(stream::pending()).boxed()))
}

/// The stream as the service reads it, and where its error is noted.
fn reading(body: Body, memory: Room) -> (Body, Cut) {
    let rights = RightsBook::of(crate::access::rights::embedded());
    let names = ["lienthong.exchange.v1.ExchangeService"];
    let methods = Arc::new(Methods::new(&[DESCRIPTORS], &names, &rights.current()).expect("described"));
    let method = methods.find(EXPLAIN).expect("a method");
    let cut = Cut::default();
    (Requests { body, method, methods, encoding: Encoding::Identity, memory }.into_body(cut.clone()), cut)
}

/// Reads to the end: how many messages came, and the reason that is noted.
async fn read((mut body, cut): (Body, Cut)) -> (usize, Option<Reason>) {
    let mut count = 0;
    while let Some(Ok(_)) = body.frame().await {
        count += 1;
    }
    (count, cut.get().map(|error| error.reason))
}

#[tokio::test(start_paused = true)]
async fn each_piece_has_its_time_and_all_of_them_may_take_longer() {
    let pause = IDLE - Duration::from_millis(1);
    let begun = tokio::time::Instant::now();
    let halves = EMPTY.chunks(3).map(<[u8]>::to_vec).cycle().take(10).collect();
    assert_eq!(read(reading(pieces(halves, pause), Room::of(1_000))).await, (5, None), "an end between messages");
    assert_eq!(begun.elapsed(), 10 * pause + IDLE);
    let begun_only = pieces(vec![EMPTY.to_vec(), EMPTY[..2].to_vec()], Duration::ZERO);
    assert_eq!(read(reading(begun_only, Room::of(1_000))).await, (1, Some(Reason::DeadlineExceeded)));
}

#[tokio::test(start_paused = true)]
async fn the_pieces_together_have_their_size() {
    const MAX: usize = limits::REQUEST_STREAM_BYTES_MAX;
    let whole = |messages: usize| pieces(vec![EMPTY.repeat(messages)], Duration::ZERO);
    let room = || Room::of(2 * MAX);
    assert_eq!(read(reading(whole(MAX / 5), room())).await, (MAX / 5, None));
    assert_eq!(read(reading(whole(MAX / 5 + 1), room())).await, (0, Some(Reason::MessageTooLarge)));
    let many = pieces(vec![EMPTY.to_vec(); MAX / 5 + 1], Duration::ZERO);
    assert_eq!(read(reading(many, room())).await, (MAX / 5, Some(Reason::MessageTooLarge)));
}

#[tokio::test(start_paused = true)]
async fn what_came_is_held_until_the_stream_ends() {
    let room = Room::of(10);
    let held = room.0.clone();
    let (mut body, cut) = reading(pieces(vec![EMPTY.to_vec(); 3], Duration::from_secs(1)), room);
    for expected in [5, 10] {
        body.frame().await.expect("a message").expect("within the limits");
        assert_eq!(held.load(Ordering::Relaxed), expected);
    }
    assert_eq!(read((body, cut)).await, (0, Some(Reason::Overloaded)));
    assert_eq!(held.load(Ordering::Relaxed), 0);
}
