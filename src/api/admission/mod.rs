//! Admission: the checks that every request passes before its message is decoded, and the treatment of every answer before it leaves.
//!
//! It is an HTTP layer in front of the decoder, so that a caller without a credential costs no more than a look at some headers, and no
//! message costs more memory than its caller has left:
//!
//! ```text
//! is it gRPC? ─▶ which method? ─▶ which world? who calls? rate; may they? ─▶ read the message, under limits ─▶ scan it ─▶ its turn ─▶ the service
//!    415, 405      UNIMPLEMENTED    session, credential (`entering`)  │        length, time, memory             fields      │   fair queue
//!                                                                     └────── a refusal at any step: status with details ◀──┴──────┘
//! ```
//!
//! A call waits for its turn after its message was read, so that a peer that sends slowly holds no turn, and waiting messages are within the budget
//! of memory.
//!
//! A service gets a [`Call`] (or, if it is public, a [`PublicCall`]) in its request's extensions, and a message that it can decode. What the
//! framework itself still refuses leaves with the same details and the same id as every other error.

#![allow(clippy::disallowed_methods, reason = "deadlines and turns are transport")]

mod asked_faults;
mod budget;
mod capacity;
mod citizens;
mod completing;
mod compress;
mod content;
mod entering;
mod fair;
mod faults;
mod files;
mod held;
mod holder;
mod journalling;
mod lanes;
mod load;
mod message;
mod method;
mod opening;
mod part;
mod refusing;
mod requests;
mod sending;
mod shape;
mod turns;
mod under_way;
mod world;

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tonic::body::Body;
use tonic::codegen::BoxFuture;
use tonic::codegen::http::{Request, Response, request};
use tower::Service;

pub use asked_faults::FAULT;
pub use capacity::Capacity;
pub use citizens::KnownCitizens;
pub use files::FileReader;
pub use journalling::ByGrpcWeb;
pub use load::Load;
pub use method::{Access, Method, Methods};
pub(super) use opening::Opening;
pub use opening::{TIMEOUT, parse_timeout};
pub use world::{Entry, NoSessions, SESSION, ServedWorld, Sessions};

use super::discard::discard;
use super::panic::caught;
use super::request_id::give_back;
use super::status;
use crate::base::call::{Call, PublicCall};
use crate::base::peer::{Network, Peer};
use crate::base::time::Instant;
use crate::base::{Error, Reason, RequestId, Result, Timestamp, limits};
use crate::simulation::faults::{FaultedCall, Strike};
use completing::{Followed, complete};
use faults::Faults;
use held::{Held, Memory, Share};
use holder::Holder;
use journalling::{Journalling, is_journalled};
use message::{Encoding, Framed, Take as _, no_room};
use refusing::{Refused, Refusing};
use requests::{Cut, Requests, scan};
use sending::{Holding, counted, counted_as_it_goes};

/// The services behind admission.
#[derive(Clone)]
pub struct Admission {
    inner: Arc<Inner>,
}

struct Inner {
    capacity: Arc<Capacity>,
    methods: Arc<Methods>,
    /// The world of calls that name no other.
    base: Arc<ServedWorld>,
    sessions: Arc<dyn Sessions>,
}

/// Admission to one world.
struct Entering<'a> {
    capacity: &'a Capacity,
    methods: &'a Arc<Methods>,
    world: &'a ServedWorld,
}

/// A request that is admitted, as far as its headers tell.
enum Admitted {
    Caller(Arc<Call>),
    Anyone(PublicCall),
}

impl Admitted {
    /// The call of somebody.
    fn call(&self) -> Option<&Arc<Call>> {
        match self {
            Self::Caller(call) => Some(call),
            Self::Anyone(_) => None,
        }
    }
}

impl Admission {
    /// Admits calls of `methods` to the services of `base`, or of the session that a call names.
    pub fn new(
        methods: Arc<Methods>,
        capacity: Arc<Capacity>,
        base: Arc<ServedWorld>,
        sessions: Arc<dyn Sessions>,
    ) -> Self {
        Self { inner: Arc::new(Inner { capacity, methods, base, sessions }) }
    }
}

impl Service<Request<Body>> for Admission {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Response<Body>, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let inner = self.inner.clone();
        Box::pin(async move { Ok(inner.answer(request).await) })
    }
}

impl Inner {
    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let begun = Instant::now();
        let (parts, body) = request.into_parts();
        let method = self.methods.find(parts.uri.path());
        let (world, refusal) = match caught(self.world_of(&parts, method, begun)).await.flatten() {
            Ok(world) => (world, None),
            Err(error) => (self.base.clone(), Some(error)),
        };
        let entering = Entering { capacity: &self.capacity, methods: &self.methods, world: &world };
        let now = world.edge.now();
        let id = entering.id_of(method, now);
        let opening = Opening::of(&parts.headers, begun, now, id);
        let answered = caught(entering.answer(method, parts, body, &opening, refusal)).await;
        let mut answer = answered.unwrap_or_else(|_| entering.panicked(method, None, &opening));
        give_back(answer.headers_mut(), &opening.client_ids, opening.request_id);
        world.add_times(answer.headers_mut());
        let name = method.map_or("", |method| method.name.as_str());
        world.metrics.answered(name, status::name_of(&answer), opening.begun.elapsed());
        answer
    }
}

impl Entering<'_> {
    /// The id of a call. Those of a recorded session are drawn from its seed, call by call: calls outside its journal take none of them, and calls that
    /// anyone may make take others.
    fn id_of(&self, method: Option<&Method>, now: Timestamp) -> RequestId {
        let edge = &self.world.edge;
        match method {
            method if self.world.journal.is_some() && !is_journalled(method) => edge.ids().beside(now),
            // Calls of unknown methods count as public ones.
            method if method.is_none_or(|method| self.is_for_anyone(method)) => edge.ids().of_anyone(now),
            _ => edge.ids().of_caller(now),
        }
    }

    /// Whether a method needs no credential here.
    fn is_for_anyone(&self, method: &Method) -> bool {
        method.row_of_callers(&self.world.rights.current()).is_none()
    }

    /// `refusal` says why the call enters no world.
    async fn answer(
        &self,
        method: Option<&'static Method>,
        parts: request::Parts,
        body: Body,
        opening: &Opening,
        refusal: Option<Error>,
    ) -> Response<Body> {
        let journal = self.world.journal.as_ref();
        let not_grpc = content::not_grpc(&parts, opening.request_id, opening.language);
        match (not_grpc, refusal) {
            (Some(answer), _) => answer,
            (None, Some(error)) => {
                discard(body, rest_max(&parts));
                let name = method.map(|method| method.name.as_str());
                self.refuse(Refused { method: name, ..Refusing::begin().by(error) }, opening)
            }
            (None, None) => {
                let journal = journal.filter(|_| is_journalled(method)).cloned();
                let reading = || self.world.time.reading();
                let is_of_anyone = method.is_none_or(|method| self.is_for_anyone(method));
                let journalling = journal
                    .map(|journal| Journalling::begin(journal, method, is_of_anyone, &parts, opening, reading()));
                self.call(method, parts, body, opening, journalling).await
            }
        }
    }

    /// The answer of a call that panicked.
    fn panicked(&self, method: Option<&'static Method>, call: Option<&Call>, opening: &Opening) -> Response<Body> {
        let name = method.map_or("", |method| method.name.as_str());
        let error = self.world.edge.panicked(name, call, opening.request_id);
        status::answer(&error, opening.request_id, opening.language)
    }

    async fn call(
        &self,
        method: Option<&'static Method>,
        mut parts: request::Parts,
        mut body: Body,
        opening: &Opening,
        mut journalling: Option<Journalling>,
    ) -> Response<Body> {
        match self.admit(method, &mut parts, &mut body, opening, journalling.as_mut()).await {
            Ok((body, Held { turn, share, faults, cut })) => {
                let connection = parts.extensions.get().cloned();
                let reads_gzip = compress::is_accepted(&parts.headers);
                let mut answer = self.handled(method, Request::from_parts(parts, body), opening, &share, cut).await;
                if let Some(journalling) = journalling {
                    answer = journalling.follow(answer);
                }
                if reads_gzip {
                    let is_stream = method.is_some_and(|method| method.is_server_streaming);
                    answer = compress::compressed(answer, is_stream).await;
                }
                answer = faults.after(answer, connection, opening.deadline, &self.world.edge);
                drop(turn);
                answer.map(|body| Body::new(Holding::new(body, share)))
            }
            Err(refused) => {
                discard(body, rest_max(&parts));
                let noted = journalling.and_then(|journalling| journalling.refused(&refused));
                let answer = self.refuse(refused, opening);
                match noted {
                    Some(journalling) => journalling.follow(answer),
                    None => answer,
                }
            }
        }
    }

    /// Lets the service answer an admitted request, and counts the answer.
    async fn handled(
        &self,
        method: Option<&'static Method>,
        request: Request<Body>,
        opening: &Opening,
        share: &Arc<Share>,
        cut: Cut,
    ) -> Response<Body> {
        let call = request.extensions().get::<Arc<Call>>().cloned();
        let Ok(answer) = caught(self.world.dispatch.handle(request)).await else {
            return self.panicked(method, call.as_deref(), opening);
        };
        let answer = complete(answer, opening.request_id, opening.language);
        let edge = &self.world.edge;
        if let Some(method) = method.filter(|method| method.is_server_streaming) {
            let answer = counted_as_it_goes(answer, share.clone(), cut.clone());
            let (opening, edge) = (opening.clone(), edge.clone());
            return Followed { method: &method.name, opening, call, edge, cut }.follow(answer);
        }
        counted(answer, share).await.unwrap_or_else(|error| {
            let name = method.map_or("", |method| method.name.as_str());
            edge.ended_early(&error, name, call.as_deref(), opening);
            status::answer(&error, opening.request_id, opening.language)
        })
    }

    /// Lets a request in: puts its call into the extensions, and returns its body for the service, with the resources that it holds until the answer.
    async fn admit(
        &self,
        method: Option<&'static Method>,
        parts: &mut request::Parts,
        body: &mut Body,
        opening: &Opening,
        journalling: Option<&mut Journalling>,
    ) -> Result<(Body, Held), Refused> {
        let mut refused = Refusing::begin();
        let method = method.ok_or_else(|| {
            // A caller of an unknown method is a stranger like any other.
            let limited = self.capacity.strangers.take(network_of(parts));
            refused.by(limited.err().unwrap_or_else(no_such_method))
        })?;
        refused.method = Some(method.name.as_str());
        let (admitted, holder) = self.who(method, parts, opening, &mut refused).await?;
        let (network, is_public) = (network_of(parts), admitted.call().is_none());
        let begun = self.capacity.begin(&holder, network, is_public);
        let (lane, slot) = begun.map_err(|error| refused.by(error))?;
        opening.check().map_err(|error| refused.by(error))?;
        // Without a credential nobody asks for faults: a drip would hold a stream open.
        let allowed = self.world.metadata_faults && !is_public;
        let asked = asked_faults::asked_for(&parts.headers, &self.world.faults, allowed);
        let asked = asked.map_err(|error| refused.by(error))?;
        let encoding = Encoding::of(&parts.headers).map_err(|error| refused.by(error))?;
        let is_stranger = matches!(holder, Holder::Stranger(_));
        // A stream would keep the room of its connection from the calls beside it.
        let connection = parts.extensions.get().filter(|_| !method.is_server_streaming);
        let mut memory = self.capacity.memory(holder, connection);
        // The calls of strangers are bounded by their memory, for each network and in total.
        if is_stranger && !memory.take(limits::STRANGER_CALL_BYTES) {
            return Err(refused.by(no_room()));
        }
        let stream = match method.is_server_streaming && is_stranger {
            true => Some(self.capacity.public_streams.open(&network).map_err(|error| refused.by(error))?),
            false => None,
        };
        // No method of ours reads a stream of requests: such a call is in no journal.
        let cut = Cut::default();
        let (body, faults) = if method.is_client_streaming {
            let faults = self.faults_of(method, &admitted, &[], asked);
            parts.headers.remove(message::ENCODING);
            let (body, methods, memory) = (std::mem::take(body), self.methods.clone(), memory.beside());
            (Requests { body, method, methods, encoding, memory }.into_body(cut.clone()), faults)
        } else {
            let message = self.read(body, method, encoding, opening, &mut memory).await;
            parts.headers.remove(message::ENCODING);
            let message = message.map_err(|error| refused.by(error))?;
            let faults = self.faults_of(method, &admitted, message.message(), asked);
            if let Some(journalling) = journalling {
                journalling.note_request(message.message());
                journalling.note_admitted(admitted.call());
                journalling.note_faults(&faults);
            }
            (message.into_body(), faults)
        };
        // Before the call's turn: a delayed call must not hold a turn that others need.
        faults.before(opening, &self.world.edge).await.map_err(|instead| refused.with(instead))?;
        let turn = self.capacity.turns.take(lane, opening.deadline).await.map_err(|error| refused.by(error))?;
        if opening.deadline <= Instant::now() {
            let message = "the deadline passed before the call began";
            return Err(refused.by(Error::new(Reason::DeadlineExceeded, message)));
        }
        match admitted {
            Admitted::Caller(call) => parts.extensions.insert(call).map(drop),
            Admitted::Anyone(call) => parts.extensions.insert(call).map(drop),
        };
        Ok((body, Held { turn, share: Share::new(slot, stream, memory), faults, cut }))
    }

    /// The fault rules whose turn a call is.
    fn faults_of(&self, method: &Method, admitted: &Admitted, message: &[u8], asked: Vec<Strike>) -> Faults {
        let call = admitted.call();
        let caller = call.map(|call| call.caller.label());
        let faults = Faults::of(&self.world.faults, &FaultedCall { method: &method.name, caller, message }, asked);
        if let Some(call) = call {
            faults.note(call);
        }
        faults
    }

    /// Reads the message, and refuses one that would take too much memory to decode.
    async fn read(
        &self,
        body: &mut Body,
        method: &'static Method,
        encoding: Encoding,
        opening: &Opening,
        memory: &mut Memory,
    ) -> Result<Framed> {
        let until = opening.deadline.min(opening.begun + Duration::from_millis(limits::REQUEST_MS_MAX));
        let read = tokio::time::timeout_at(until, message::read(body, method, encoding, memory)).await;
        let message = read.map_err(|_| {
            Error::new(Reason::DeadlineExceeded, "the request message did not arrive in time")
                .with_subject("message", "")
        })?;
        let message = message.map_err(|error| match std::error::Error::source(&error) {
            // Nothing is wrong with a message whose connection this server closed.
            Some(_) if self.world.edge.is_ending() => {
                Error::new(Reason::ShuttingDown, "the server stopped before the message had arrived")
            }
            _ => error,
        })?;
        let fields = scan(self.methods, method, message.message())?;
        if memory.take(fields * limits::FIELD_DECODED_BYTES) { Ok(message) } else { Err(no_room()) }
    }

    fn refuse(&self, refused: Refused, opening: &Opening) -> Response<Body> {
        let Refused { error, instead, method, caller, is_stranger } = refused;
        self.world.edge.refused(&error, method.unwrap_or_default(), caller, is_stranger, opening);
        match instead {
            Some(instead) => instead.answer(opening),
            None => status::answer(&error, opening.request_id, opening.language),
        }
    }
}

fn no_such_method() -> Error {
    let message = "there is no such method here: reflection lists the services and their methods";
    Error::new(Reason::MethodUnknown, message).with_subject("method", "")
}

/// How much of a refused request is read and discarded, in bytes.
fn rest_max(parts: &request::Parts) -> usize {
    let is_web = parts.extensions.get::<ByGrpcWeb>().is_some();
    if is_web { limits::REFUSED_WEB_BYTES_MAX } else { limits::REFUSED_BYTES_MAX }
}

/// The network that a request comes from; `None` is this machine, or an in-memory transport.
fn network_of(parts: &request::Parts) -> Option<Network> {
    parts.extensions.get::<Peer>()?.network()
}

#[cfg(test)]
mod tests;
