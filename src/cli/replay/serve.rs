//! Answers the calls of a recording as they were answered, without a world: for the tests of a client whose server is not at hand.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt as _, Limited, StreamBody};
use serde_json::json;
use tonic::body::Body;
use tonic::codegen::BoxFuture;
use tonic::codegen::http::{HeaderMap, HeaderValue, Request, Response, header};
use tower::Service;

use super::super::output::{Failure, OutputFormat, print_json, print_text};
use super::file::Recorded;
use crate::api::frame::{PREFIX_BYTES, frame};
use crate::api::{language::language_of, status};
use crate::base::peer::is_loopback;
use crate::base::{Error, Reason, RequestId, limits};
use crate::server::listen::bind;
use crate::server::net::serve_grpc;
use crate::wire::proto::simulation::v1::RecordedCall;

/// The key of a recorded call: method, caller and request.
type Key = (String, String, Bytes);

/// The calls of a recording, by request.
#[derive(Clone)]
struct Replayed {
    calls: Arc<HashMap<Key, Vec<RecordedCall>>>,
    /// How many of each were answered.
    answered: Arc<Mutex<HashMap<Key, usize>>>,
}

/// Serves until interrupted.
pub(super) async fn serve(recorded: Recorded, address: SocketAddr, output: OutputFormat) -> Result<(), Failure> {
    if !is_loopback(address) {
        let message = format!(
            "--serve {address} is not loopback: a recording contains personal data, and would be served to everybody who asks"
        );
        return Err(Failure::with_code(message, 2));
    }
    let count = recorded.calls.len();
    let mut calls: HashMap<Key, Vec<RecordedCall>> = HashMap::new();
    for call in recorded.calls {
        let key = (call.method.clone(), call.caller.clone(), call.request.clone().unwrap_or_default());
        calls.entry(key).or_default().push(call);
    }
    let listener = bind(address).await?;
    let at = listener.local_addr().map_err(|error| Failure::new(error.to_string()))?;
    match output {
        OutputFormat::Json => print_json(&json!({ "grpc": at.to_string(), "calls": count }))?,
        OutputFormat::Text => print_text(&format!("{count} recorded calls are answered at {at}; Ctrl-C ends it"))?,
    }
    let (end, ending) = tokio::sync::watch::channel(false);
    let service = Replayed { calls: Arc::new(calls), answered: Arc::default() };
    let serving = serve_grpc(listener, service, ending);
    tokio::pin!(serving);
    tokio::select! {
        () = &mut serving => return Ok(()),
        _ = tokio::signal::ctrl_c() => {}
    }
    end.send_replace(true);
    serving.await;
    Ok(())
}

/// The caller by its demo credential; empty for all others.
fn caller(headers: &HeaderMap) -> String {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let name =
        value.and_then(|value| value.split_once(' ')).and_then(|(_, credential)| credential.strip_prefix("demo-"));
    match name.map(|name| (name, name.strip_prefix("citizen-"))) {
        None => String::new(),
        Some((_, Some(person))) => format!("citizen:{person}"),
        Some((agency, None)) => format!("agency:{agency}"),
    }
}

impl Replayed {
    async fn answer(self, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let refuse =
            |error: Error| status::answer(&error, RequestId(uuid::Uuid::now_v7()), language_of(&parts.headers));
        let method = parts.uri.path().trim_start_matches('/').to_owned();
        // Before the body: reflection keeps its own open.
        if !self.calls.keys().any(|(of, ..)| *of == method) {
            let message =
                format!("no call of {method} was recorded, and there is no reflection: give the client the protos");
            return refuse(Error::new(Reason::NotFound, message).with_subject("call", method));
        }
        let Ok(body) = Limited::new(body, PREFIX_BYTES + limits::MESSAGE_BYTES_MAX).collect().await else {
            return refuse(Error::new(Reason::MessageMalformed, "the request did not arrive whole"));
        };
        let body = body.to_bytes();
        let request = match body.split_first() {
            Some((0, _)) if body.len() >= PREFIX_BYTES => body.slice(PREFIX_BYTES..),
            _ => {
                return refuse(Error::new(
                    Reason::CompressionUnsupported,
                    "a replay reads requests that are not compressed",
                ));
            }
        };
        // Calls that need no credential were recorded without a caller.
        let keys = [caller(&parts.headers), String::new()].map(|caller| (method.clone(), caller, request.clone()));
        let Some((key, calls)) = keys.into_iter().find_map(|key| self.calls.get(&key).map(|calls| (key, calls))) else {
            let count =
                self.calls.iter().filter(|((of, ..), _)| *of == method).map(|(_, calls)| calls.len()).sum::<usize>();
            let message = format!(
                "no recorded call of {method} has this caller and this request; recorded are {count} calls of it"
            );
            return refuse(Error::new(Reason::NotFound, message).with_subject("call", method.clone()));
        };
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = answered.entry(key).or_default();
        // The last one also answers all further requests.
        let call = calls[(*turn).min(calls.len() - 1)].clone();
        *turn += 1;
        drop(answered);
        replayed(call)
    }
}

/// The recorded answer.
fn replayed(call: RecordedCall) -> Response<Body> {
    let mut trailers = HeaderMap::new();
    if status::recorded(call.code, &call.message, &call.details).add_header(&mut trailers).is_err() {
        trailers.insert("grpc-status", HeaderValue::from(call.code));
    }
    let framed = call.answers.iter().map(|message| Frame::data(frame(message)));
    let frames: Vec<_> = framed.chain([Frame::trailers(trailers)]).map(Ok::<_, Infallible>).collect();
    let mut answer = Response::new(Body::new(StreamBody::new(futures::stream::iter(frames))));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    if let Ok(id) = HeaderValue::try_from(call.request_id) {
        answer.headers_mut().insert("x-request-id", id);
    }
    answer
}

impl Service<Request<Body>> for Replayed {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Response<Body>, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let replayed = self.clone();
        Box::pin(async move { Ok(replayed.answer(request).await) })
    }
}
