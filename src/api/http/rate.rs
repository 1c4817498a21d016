//! The rate limit of the console's port for one address: the bucket of gRPC's public methods.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use super::answer::refusal;
use crate::api::rate::StrangerRate;
use crate::base::Peer;

/// Lets a request through, or answers 429 with the seconds to wait (RFC 6585, section 4).
pub async fn limit(State(rate): State<Arc<StrangerRate>>, request: Request, next: Next) -> Response {
    match rate.take(request.extensions().get::<Peer>().and_then(Peer::network)) {
        Ok(()) => next.run(request).await,
        Err(error) => refusal(error),
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::http::{StatusCode, header};
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn an_address_has_a_second_s_worth_and_others_have_theirs() {
        let rate = Arc::new(StrangerRate::new(2));
        let routes =
            Router::new().route("/", get(|| async { "here" })).layer(axum::middleware::from_fn_with_state(rate, limit));
        let ask = async |address: &str| {
            let mut request = Request::get("/").body(Body::empty()).expect("a request");
            request.extensions_mut().insert(Peer::direct(address.parse().expect("an address")));
            routes.clone().oneshot(request).await.expect("infallible")
        };
        for _ in 0..2 {
            assert_eq!(ask("203.0.113.7:1").await.status(), StatusCode::OK);
        }
        let refused = ask("203.0.113.7:2").await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(refused.headers()[header::RETRY_AFTER], "1");
        assert_eq!(ask("203.0.113.8:1").await.status(), StatusCode::OK);
        assert_eq!(ask("127.0.0.1:1").await.status(), StatusCode::OK, "this machine");
    }
}
