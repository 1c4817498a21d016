//! The yearly renewal of a trust anchor whose keys derive from the seed: a version that is valid a year longer, signed by the root key, at the
//! beginning of each year of the world's.
//!
//! Keys that are kept in a folder are renewed by their holders (`lienthong keys renew`): the program may not have their root keys.

use std::future::pending;
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use futures::future::BoxFuture;

use super::anchors::AnchorBoard;
use super::keyring::KeyHolder;
use crate::base::{Date, Error, Result, Timestamp};
use crate::simulation::clock::{DueWork, Ran, Scheduled};
use crate::simulation::faults::{Rules, StateAction};
use crate::trust::{Ed25519Signer, TrustAnchor, Verifier};

/// The name of its work.
const KIND: &str = "trust_anchor.renewal";

/// When an anchor that was made or renewed at `at` expires: at the beginning of the year after next. So it stays the same for a calendar
/// year, and is valid for at least one more.
pub(super) fn expiry(at: Timestamp) -> Result<Timestamp> {
    start_of(at.date().year().saturating_add(2))
}

/// When an anchor is renewed: a year before it expires.
fn due(anchor: &TrustAnchor) -> Result<Timestamp> {
    start_of(anchor.expires_at.date().year().saturating_sub(1))
}

fn start_of(year: i16) -> Result<Timestamp> {
    Date::new(year, 1, 1).map(Timestamp::start_of).map_err(Error::bug)
}

/// The version that follows `current`: the same, for a year longer.
fn renewed(current: &TrustAnchor, root: &Ed25519Signer) -> Result<TrustAnchor> {
    let expires_at = expiry(due(current)?)?;
    let mut next = TrustAnchor { version: current.version + 1, signatures: Vec::new(), expires_at, ..current.clone() };
    next.sign(root)?;
    Ok(next)
}

/// `versions`, and those that renew the newest of them until `now`.
pub(super) fn until(mut versions: Vec<TrustAnchor>, root: &Ed25519Signer, now: Timestamp) -> Result<Vec<TrustAnchor>> {
    while let Some(newest) = versions.last().filter(|newest| due(newest).is_ok_and(|due| due <= now)) {
        versions.push(renewed(newest, root)?);
    }
    Ok(versions)
}

/// The renewal as work of the world's clock.
pub struct AnchorRenewal {
    root: Ed25519Signer,
    verifier: Arc<Verifier>,
    board: AnchorBoard,
    /// Weak: registries hold the clock that holds this.
    issuers: Vec<Weak<dyn KeyHolder>>,
    /// May halt it. Weak: they hold the clock too.
    rules: Weak<Rules>,
}

impl AnchorRenewal {
    /// Renews the anchor that `verifier` goes by and `board` hands out, unless `rules` halt that; `issuers` are told of each version.
    pub(super) fn new(
        root: Ed25519Signer,
        verifier: Arc<Verifier>,
        board: AnchorBoard,
        issuers: Vec<Weak<dyn KeyHolder>>,
        rules: Weak<Rules>,
    ) -> Self {
        Self { root, verifier, board, issuers, rules }
    }

    fn is_halted(&self) -> bool {
        let rules = self.rules.upgrade();
        rules.is_some_and(|rules| rules.state("", |action| action == StateAction::HaltedRenewal).is_some())
    }
}

#[async_trait]
impl DueWork for AnchorRenewal {
    fn scheduled(&self) -> Vec<Scheduled> {
        let next = self.next();
        // Each renewal schedules the next one: there is no last.
        vec![Scheduled { kind: KIND.into(), next, count: u64::from(next.is_some()) }]
    }

    fn next(&self) -> Option<Timestamp> {
        due(&self.verifier.anchor()).ok().filter(|_| !self.is_halted())
    }

    fn changes(&self) -> BoxFuture<'static, ()> {
        let Some(rules) = self.rules.upgrade() else { return Box::pin(pending()) };
        let (mut changed, has_states) = (rules.watch(), rules.current().has_states());
        Box::pin(async move {
            if !Rules::moved(&mut changed, has_states).await {
                pending().await // rules that are gone halt nothing more
            }
        })
    }

    fn count(&self, until: Timestamp) -> u64 {
        let years = self.next().map(|next| until.date().year() - next.date().year() + 1);
        years.and_then(|years| u64::try_from(years).ok()).unwrap_or(0)
    }

    async fn run(&self, until: Timestamp) -> Result<Vec<Ran>> {
        let mut ran = Vec::new();
        while let Some(at) = self.next().filter(|at| *at <= until) {
            let next = renewed(&self.verifier.anchor(), &self.root)?;
            let published = self.board.prepare(&next)?;
            self.issuers.iter().filter_map(Weak::upgrade).for_each(|issuer| issuer.heed(&next));
            let effect = format!("version {}", next.version);
            self.verifier.adopt(next);
            self.board.publish(published);
            ran.push(Ran { kind: KIND.into(), at, subject: None, effect });
        }
        Ok(ran)
    }
}

#[cfg(test)]
mod tests {
    use super::super::signers::Keys;
    use super::*;
    use crate::base::Seed;
    use crate::registry::Catalogue;
    use crate::trust::accept_next;

    #[test]
    fn each_year_has_a_version_that_follows_the_one_before() {
        let made = start_of(2026).expect("a year").plus_ms(200 * 86_400_000);
        let keys = Keys::new(Catalogue::built_in(), Seed::root(1));
        let versions = |year| keys.versions(made, start_of(year).expect("a year"), &[]).expect("versions");
        assert_eq!(keys.versions(made, made, &[]).expect("versions"), versions(2026));
        assert_eq!((versions(2027).len(), versions(2036).len()), (2, 11));
        for (at, pair) in versions(2036).windows(2).enumerate() {
            let [before, after] = pair else { unreachable!("windows of two") };
            let renewed_at = due(before).expect("a year");
            assert_eq!((after.version, renewed_at), (at as u64 + 2, start_of(2027 + at as i16).expect("a year")));
            assert!(before.expires_at > renewed_at.plus_ms(364 * 86_400_000), "the one before holds for a year yet");
            accept_next(before, after, renewed_at).expect("it follows");
        }
    }
}
