//! The management of sessions: create, list, reset, end.

#![allow(clippy::disallowed_methods, reason = "sessions live by the machine's time")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::issued;
use super::manager::SessionManager;
use super::opening::Source;
use super::slot::Slot;
use crate::base::limits::{SESSION_DEPTH_MAX, SESSIONS_BYTES_MAX};
use crate::base::{Caller, Error, Reason, Result, SessionId};
use crate::registry::port::RegistryRecord;
use crate::server::task::AbortOnDrop;
use crate::simulation::session::{ChangePosition, NewSession, SessionDesk, SessionDiff, SessionFacts, unknown};

/// The error of one session more than there is room for.
fn too_many(what: impl std::fmt::Display) -> Error {
    let message = format!("{what}: delete some, or wait until they end by themselves");
    Error::new(Reason::TooManySessions, message).with_subject("session", "")
}

impl SessionManager {
    /// The session that an earlier request created.
    fn repeated(&self, by: &Caller, new: &NewSession) -> Result<Option<SessionFacts>> {
        let Some(request_id) = &new.request_id else { return Ok(None) };
        match self.slots().repeated(by, request_id, self.config.clock.now()) {
            Some(slot) if slot.new == *new => Ok(Some(slot.facts())),
            Some(_) => {
                let message = "the request id was used for another session";
                Err(Error::new(Reason::RequestIdReused, message).with_subject("session", ""))
            }
            None => Ok(None),
        }
    }

    /// Whether there is room for one more.
    fn check_room(&self, by: &Caller) -> Result<()> {
        let (slots, most) = (self.slots(), self.config.sessions);
        if slots.count() >= most.total {
            return Err(too_many(format_args!("this gateway keeps at most {} sessions", most.total)));
        }
        if slots.count_of(by) >= most.of_caller {
            return Err(too_many(format_args!("this gateway keeps at most {} sessions of one caller", most.of_caller)));
        }
        Ok(())
    }

    /// Ends a session when its time is over, unless it was reset: then it has another timer.
    fn timer(&self, slot: &Slot) -> AbortOnDrop {
        let left = slot.expires_at.0.saturating_sub(self.config.clock.now().0);
        let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
        let (me, id, resets) = (self.me.clone(), slot.id, slot.resets);
        AbortOnDrop(tokio::spawn(async move {
            tokio::time::sleep(left).await;
            if let Some(manager) = me.upgrade() {
                let ended = manager.slots().remove_if(id, |slot| slot.resets == resets);
                drop(ended); // outside the lock
            }
        }))
    }

    /// Keeps a session from now on, and ends it in time.
    fn keep(&self, slot: Slot) -> Result<SessionFacts> {
        let timer = self.timer(&slot);
        let slot = Arc::new(slot.with_timer(timer));
        let facts = slot.facts();
        let before = self.slots().put(slot)?;
        drop(before); // outside the lock
        Ok(facts)
    }
}

#[async_trait]
impl SessionDesk for SessionManager {
    async fn create(&self, by: &Caller, new: NewSession) -> Result<(SessionFacts, bool)> {
        if let Some(facts) = self.repeated(by, &new)? {
            return Ok((facts, true));
        }
        self.check_room(by)?;
        let (source, depth) = match new.from {
            None => (Source::of(&self.base).await?, 0),
            Some(from) => {
                if self.memory.bytes() > SESSIONS_BYTES_MAX {
                    return Err(too_many("the sessions use all the memory that they may"));
                }
                let slot = self.find(from)?;
                if slot.depth + 1 >= SESSION_DEPTH_MAX {
                    let rule =
                        format!("a chain of sessions has at most {SESSION_DEPTH_MAX}, each begun from the one before");
                    return Err(Error::invalid_field("from_session", "OUT_OF_RANGE", rule));
                }
                (Source::of(&self.opened(&slot).await?.assembly).await?, slot.depth + 1)
            }
        };
        let source = match &new.persona_faults {
            None => source,
            Some(personas) => source.with_faults_of(personas),
        };
        let id = new.id.map_or_else(|| SessionId::random(&*self.config.entropy), Ok)?;
        // Others may have been created meanwhile, also by the same request.
        let _creating = self.creating.lock().await;
        if let Some(facts) = self.repeated(by, &new)? {
            return Ok((facts, true));
        }
        self.check_room(by)?;
        if self.find(id).is_ok() {
            let rule = "is the id of an existing session: delete that one first";
            return Err(Error::invalid_field("session_id", "IN_USE", rule));
        }
        let slot = Slot::new(id, by, new, self.config.clock.now(), source, depth);
        Ok((self.keep(slot)?, false))
    }

    fn get(&self, id: SessionId) -> Result<SessionFacts> {
        Ok(self.find(id)?.facts())
    }

    fn list(&self) -> Vec<SessionFacts> {
        self.facts()
    }

    async fn reset(&self, id: SessionId) -> Result<SessionFacts> {
        // One after another: each round has logs of its own.
        let _creating = self.creating.lock().await;
        let slot = self.find(id)?.anew();
        self.keep(slot)
    }

    fn delete(&self, id: SessionId) {
        let ended = self.slots().remove_if(id, |_| true);
        drop(ended); // outside the lock
    }

    async fn diff(&self, id: SessionId, resets: u32, from: ChangePosition, limit: usize) -> Result<SessionDiff> {
        let slot = self.find(id)?;
        if slot.resets != resets {
            return Err(unknown()); // what was asked for is gone
        }
        issued::diff(self.opened(&slot).await?, from, limit).await
    }

    async fn anchor(&self, id: SessionId) -> Result<(SessionFacts, String)> {
        let slot = self.find(id)?;
        let anchor = self.opened(&slot).await?.assembly.province.anchor.newest().json.clone();
        Ok((slot.facts(), anchor))
    }

    async fn issued(
        &self,
        id: SessionId,
        resets: u32,
        from: ChangePosition,
    ) -> Result<(Vec<RegistryRecord>, Option<ChangePosition>)> {
        let slot = self.find(id)?;
        if slot.resets != resets {
            return Err(unknown()); // what was asked for is gone
        }
        issued::records(self.opened(&slot).await?, from).await
    }
}
