//! Which calls come to a session, and which are refused before one is opened.

use std::time::Duration;

use async_trait::async_trait;

use super::*;

const ID: &str = "00112233445566778899aabbccddeeff";
const OF_BYTES: &str = "x-lienthong-session-bin";

/// Counts its calls. It has no session, or takes for ever to open one.
#[derive(Default)]
struct Counted {
    asked: AtomicUsize,
    opens_for_ever: bool,
}

#[async_trait]
impl Sessions for Counted {
    async fn served(&self, id: &str) -> Result<Arc<ServedWorld>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.opens_for_ever {
            return std::future::pending().await;
        }
        NoSessions.served(id).await
    }
}

fn front_beside(sessions: &Arc<Counted>, strangers: u32) -> Front {
    let ending = tokio::sync::watch::channel(false).1;
    front_of(Does::Answer, strangers, ending, sessions.clone())
}

fn within(mut request: Request<Body>, header: &'static str) -> Request<Body> {
    request.headers_mut().append(header, HeaderValue::from_static(ID));
    request
}

#[tokio::test]
async fn no_session_is_opened_for_what_no_world_lets_in() {
    let sessions = Arc::<Counted>::default();
    let front = front_beside(&sessions, 0);
    for (path, credential, expected) in [
        (EXPLAIN, None, (Code::Unauthenticated, "CREDENTIAL_MISSING")),
        (EXPLAIN, Some("demo-nobody"), (Code::Unauthenticated, "CREDENTIAL_INVALID")),
        (EXPLAIN, Some("a.b"), (Code::Unauthenticated, "CREDENTIAL_MALFORMED")),
        ("/nothing.v1.Nothing/Nothing", Some("demo-bank"), (Code::Unimplemented, "METHOD_UNKNOWN")),
        ("/x", None, (Code::Unimplemented, "METHOD_UNKNOWN")),
    ] {
        let (code, reason) = front.refused(within(request(path, credential, unread()), SESSION)).await;
        assert_eq!((code, reason.as_str()), expected, "{path} {credential:?}");
    }
    let mut plain = within(request(EXPLAIN, Some("demo-bank"), unread()), SESSION);
    plain.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    assert_eq!(front.send(plain).await.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(sessions.asked.load(Ordering::Relaxed), 0);
    let unknown = (Code::NotFound, "SESSION_UNKNOWN".to_owned());
    for (path, credential) in [(EXPLAIN, Some("demo-bank")), (ANCHOR, None)] {
        assert_eq!(front.refused(within(request(path, credential, unread()), SESSION)).await, unknown, "{path}");
    }
    assert_eq!((sessions.asked.load(Ordering::Relaxed), front.admitted()), (2, 0));
}

#[tokio::test]
async fn a_session_named_in_a_way_that_is_not_read_is_refused_and_never_the_province() {
    let sessions = Arc::<Counted>::default();
    let front = front_beside(&sessions, 0);
    let call = || request(EXPLAIN, Some("demo-bank"), framed(&explain()));
    for wrong in
        [within(call(), OF_BYTES), within(within(call(), SESSION), OF_BYTES), within(within(call(), SESSION), SESSION)]
    {
        let answer = front.send(wrong).await;
        let status = Status::from_header_map(answer.headers()).expect("a status");
        assert_eq!(status.code(), Code::InvalidArgument);
        let bad = status.get_details_bad_request().expect("details").field_violations;
        assert!(bad[0].field.starts_with(SESSION) && bad[0].description.contains("session"), "{bad:?}");
    }
    assert_eq!((sessions.asked.load(Ordering::Relaxed), front.admitted()), (0, 0));
}

#[tokio::test]
async fn who_names_sessions_at_random_has_a_strangers_rate() {
    for headers in [&[SESSION][..], &[SESSION, SESSION], &[OF_BYTES]] {
        let front = front_beside(&Arc::default(), 1);
        let mut reasons = Vec::new();
        for _ in 0..40 {
            let call = request(EXPLAIN, Some("demo-bank"), unread());
            reasons.push(front.refused(headers.iter().fold(call, |call, header| within(call, header))).await.1);
        }
        assert!(reasons[0] != "RATE_LIMITED" && reasons[39] == "RATE_LIMITED", "{headers:?}: {reasons:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_not_open_in_time_is_not_waited_for() {
    let sessions = Arc::new(Counted { opens_for_ever: true, ..Counted::default() });
    let front = front_beside(&sessions, 0);
    let mut call = within(request(EXPLAIN, Some("demo-bank"), unread()), SESSION);
    call.headers_mut().insert("grpc-timeout", HeaderValue::from_static("50m"));
    let begun = tokio::time::Instant::now();
    assert_eq!(front.refused(call).await, (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".to_owned()));
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(sessions.asked.load(Ordering::Relaxed), 1);
}
