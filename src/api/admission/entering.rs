//! Entering a world: the world that a call is for, its caller, the rate, and whether the caller may make it.
//!
//! A session is opened by the first call in it, which takes memory and time. So it is opened only for calls that a world could admit: a caller who
//! has no credential that the province accepts is refused by the province, and learns nothing of sessions.

use std::sync::Arc;

use tonic::codegen::http::{HeaderMap, request};

use super::capacity::Capacity;
use super::content;
use super::holder::Holder;
use super::method::Method;
use super::opening::{Opening, deadline_of};
use super::world::{Entry, SESSION, ServedWorld};
use super::{Admitted, Entering, Inner, Refused, Refusing, network_of, no_such_method};
use crate::api::connection::CallConnection;
use crate::api::credential::Authenticated;
use crate::api::edge;
use crate::base::call::{Call, Caller, PublicCall};
use crate::base::peer::Network;
use crate::base::time::Instant;
use crate::base::{Error, Reason, Result, Timestamp};

/// The key that a client sends for bytes: the value would be base64, and no session's id.
const SESSION_OF_BYTES: &str = "x-lienthong-session-bin";

impl Inner {
    /// The world that a request is for. A request that no world admits goes to the province, which refuses it.
    pub(super) async fn world_of(
        &self,
        parts: &request::Parts,
        method: Option<&'static Method>,
        begun: Instant,
    ) -> Result<Arc<ServedWorld>> {
        // Clients that ask reflection first send it the metadata of the call, too. If there is no such session, the call itself is refused.
        if method.is_some_and(Method::is_of_every_world) {
            return Ok(self.base.clone());
        }
        let strangers = &self.capacity.strangers;
        let as_stranger = |error| strangers.take(network_of(parts)).err().unwrap_or(error);
        let Some(id) = session_of(&parts.headers).map_err(as_stranger)? else { return Ok(self.base.clone()) };
        let method = method.filter(|_| content::is_grpc(parts));
        let Some(method) = method else { return Ok(self.base.clone()) };
        if method.row_of_callers(&self.base.rights.current()).is_some() {
            match authenticate(&self.capacity, &self.base, parts, self.base.edge.now()) {
                // By the session's time the token may be valid.
                Err(error) if error.reason != Reason::CredentialExpired => return Err(error),
                _ => {}
            }
        }
        let served = self.sessions.served(id);
        match tokio::time::timeout_at(deadline_of(&parts.headers, begun), served).await {
            // A caller who guesses ids is a stranger.
            Ok(Err(error)) if error.reason == Reason::SessionUnknown => Err(as_stranger(error)),
            Ok(served) => served,
            Err(_) => {
                let message = "the deadline passed before the session was open";
                Err(Error::new(Reason::DeadlineExceeded, message).with_subject("session", ""))
            }
        }
    }
}

/// The id of the session that a call names.
fn session_of(headers: &HeaderMap) -> Result<Option<&str>> {
    if headers.contains_key(SESSION_OF_BYTES) {
        let rule = "is not read: a session's id is text, in the metadata x-lienthong-session";
        return Err(Error::invalid_field(SESSION_OF_BYTES, "UNKNOWN_FIELD", rule));
    }
    let mut named = headers.get_all(SESSION).iter();
    match (named.next(), named.next()) {
        (None, _) => Ok(None),
        (Some(id), None) => Ok(Some(id.to_str().unwrap_or_default())),
        (Some(_), Some(_)) => {
            let rule = "must occur once: a call belongs to one session";
            Err(Error::invalid_field(SESSION, "DUPLICATE", rule))
        }
    }
}

/// Whether the caller wants records that fail their checks, marked as such. Another value is refused: a caller who means it would take the refusal of
/// such a record for the last word.
fn accepts_unverified(headers: &HeaderMap) -> Result<bool> {
    let values = headers.get_all(edge::UNVERIFIED);
    match values.iter().all(|value| value == "allow") {
        true => Ok(values.iter().next().is_some()),
        false => Err(Error::invalid_field(edge::UNVERIFIED, "UNKNOWN_VALUE", "must be `allow`, or left out")),
    }
}

/// The caller. Checking a signature is expensive: a token that was not accepted before first takes a token of the strangers' rate, and so
/// does everything that is refused.
fn authenticate(
    capacity: &Capacity,
    world: &ServedWorld,
    parts: &request::Parts,
    now: Timestamp,
) -> Result<Authenticated> {
    let (strangers, network) = (&capacity.strangers, network_of(parts));
    let is_new = world.authenticator.is_new(&parts.headers);
    if is_new {
        strangers.take(network)?;
    }
    world.authenticator.authenticate(parts, &world.rights.current(), now).map_err(|error| {
        let limited = if is_new { Ok(()) } else { strangers.take(network) };
        limited.err().unwrap_or(error)
    })
}

impl Entering<'_> {
    /// Authenticates the caller, and checks the rate limit.
    pub(super) async fn who(
        &self,
        method: &'static Method,
        parts: &request::Parts,
        opening: &Opening,
        refused: &mut Refusing,
    ) -> Result<(Admitted, Holder), Refused> {
        let Capacity { callers, public, .. } = self.capacity;
        let network = network_of(parts);
        let rights = self.world.rights.current();
        let Some(row) = method.row_of_callers(&rights) else {
            public.take(network).map_err(|error| refused.by(error))?;
            let call = PublicCall {
                request_id: opening.request_id,
                client_ids: opening.client_ids.clone(),
                method: method.name.as_str(),
                deadline: opening.deadline,
                language: opening.language,
            };
            return Ok((Admitted::Anyone(call), Holder::Stranger(network)));
        };
        let authenticated = authenticate(self.capacity, self.world, parts, opening.now);
        let Authenticated { caller, is_demo } = authenticated.map_err(|error| refused.by(error))?;
        refused.caller = Some(caller.clone());
        let is_stranger =
            is_demo && self.is_stranger(&caller, network, opening).await.map_err(|error| refused.by(error))?;
        refused.is_stranger = is_stranger;
        if !is_stranger {
            callers.take(&caller, is_demo, network).map_err(|error| refused.by(error))?;
            parts.extensions.get().into_iter().for_each(CallConnection::note_known);
        }
        self.world.clock.check().map_err(|error| refused.by(error))?;
        let permit = rights.permit(row, &caller).map_err(|error| refused.by(error))?;
        if let Some(Entry { rights, method }) = &self.world.entry {
            let rights = rights.current();
            let row = rights.method(method).ok_or_else(|| refused.by(no_such_method()))?;
            rights.permit(row, &caller).map_err(|error| refused.by(error))?;
        }
        let accepts_unverified = accepts_unverified(&parts.headers).map_err(|error| refused.by(error))?;
        let call = Call {
            request_id: opening.request_id,
            client_ids: opening.client_ids.clone(),
            method: method.name.as_str(),
            caller: caller.clone(),
            now: opening.now,
            deadline: opening.deadline,
            client_deadline: opening.client_deadline,
            language: opening.language,
            permit,
            is_stranger,
            accepts_unverified,
            checks: std::sync::Mutex::default(),
        };
        let holder = match caller {
            _ if is_stranger => Holder::Stranger(network),
            Caller::Citizen(number) if is_demo => Holder::DemoCitizen(number),
            caller => Holder::Caller(caller),
        };
        Ok((Admitted::Caller(Arc::new(call)), holder))
    }

    /// Whether a caller with a credential that anybody can write is a citizen whom nobody knows: such a one has a stranger's rate. Finding
    /// somebody for the first time takes a token of the rate of public calls, since anybody can have it done.
    async fn is_stranger(&self, caller: &Caller, network: Option<Network>, opening: &Opening) -> Result<bool> {
        let Caller::Citizen(number) = *caller else { return Ok(false) };
        if let Some(citizens) = &self.world.citizens {
            if citizens.remembers(number) {
                return Ok(false);
            }
            self.capacity.public.take(network)?;
            // A citizen whose records cannot be read, or not in time, is unknown: the call itself meets the error and reports it.
            let found = tokio::time::timeout_at(opening.deadline, citizens.find(number)).await;
            if matches!(found, Ok(Ok(true))) {
                return Ok(false);
            }
        }
        self.capacity.strangers.take(network)?;
        Ok(true)
    }
}
