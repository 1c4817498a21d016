//! What the deliveries and the calls of one world share.

use std::sync::Arc;
use std::time::Duration;

use super::board::Board;
use super::book::Book;
use super::event::Event;
use super::post::Failure;
use super::secret::{Secret, SignedHeaders};
use super::sending::Sending;
use super::target::Target;
use super::webhook::{Selection, Webhook};
use crate::access::{Rights, RightsBook};
use crate::base::{AgencyId, Caller, Clock, Entropy, Error, Result};
use crate::province::Province;

/// Whoever may call this method may have webhooks.
const WATCH: &str = "lienthong.province.v1.ProvinceService/WatchChanges";

/// The webhooks of one world.
pub(super) struct Shared {
    pub(super) book: Book,
    pub(super) province: Arc<Province>,
    pub(super) rights: Arc<RightsBook>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    /// The origin of the record ledger.
    pub(super) origin: String,
    pub(super) sending: Arc<Sending>,
    pub(super) board: Board,
    /// Most dead letters of one webhook.
    pub(super) letters_max: usize,
}

impl Shared {
    /// Whether an agency may watch what a webhook sends, by the rights in force.
    pub(super) fn may_watch(&self, agency: &AgencyId, selection: &Selection) -> bool {
        self.check_watching(&self.rights.current(), agency, selection).is_ok()
    }

    /// Refuses what the agency may not watch.
    pub(super) fn check_watching(&self, rights: &Rights, agency: &AgencyId, selection: &Selection) -> Result<()> {
        let method = rights.method(WATCH).ok_or_else(|| Error::bug("no row says who may watch"))?;
        let caller = Caller::Agency(agency.clone());
        let permit = rights.permit(method, &caller)?;
        let is_owner = selection.owner(self.province.catalogue()) == Some(agency.as_str());
        if permit.is_named || is_owner { Ok(()) } else { Err(permit.refusal(&caller)) }
    }

    /// Sends an event once, with the signatures of all secrets in use.
    pub(super) async fn attempt(
        &self,
        webhook: &Webhook,
        event: &Event,
        target: &Target,
        within: Duration,
    ) -> Result<std::result::Result<(), Failure>> {
        let Sending { post, key, machine, counts, .. } = &*self.sending;
        let body = post.body(event)?;
        let secrets: Vec<Secret> =
            webhook.rotation.in_use(self.clock.now()).map(|rotations| key.secret(webhook.id, rotations)).collect();
        let headers = SignedHeaders::new(&event.id, machine.now(), &body, &secrets);
        let outcome = post.post(target, &headers, body, within).await;
        match outcome {
            Ok(()) => counts.delivered(),
            Err(_) => counts.failed(),
        }
        Ok(outcome)
    }
}
