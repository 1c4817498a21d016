//! A link and its history: states, rows, and the effect of a record's change. Pure.

use crate::access::Actor;
use crate::base::{PersonalId, RecordId, Timestamp};
use crate::trust::Object;

use super::document::{DocumentType, Standing};
use super::matching::MatchedBy;

/// The state of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// Awaits the issuer's confirmation.
    Pending,
    /// The ID replaces the document.
    Linked,
    /// The document's validity ended; never stored, it follows from the time.
    Lapsed,
    /// The issuer suspended the document.
    Suspended,
    /// The issuer revoked the document.
    Revoked,
    /// The citizen ended the link.
    Unlinked,
    /// The issuer refused a pending link.
    Refused,
}

impl LinkState {
    const NAMES: [(Self, &'static str); 7] = [
        (Self::Pending, "pending"),
        (Self::Linked, "linked"),
        (Self::Lapsed, "lapsed"),
        (Self::Suspended, "suspended"),
        (Self::Revoked, "revoked"),
        (Self::Unlinked, "unlinked"),
        (Self::Refused, "refused"),
    ];

    /// The word in rows.
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(state, _)| *state == self).map_or("", |(_, name)| name)
    }

    fn parse(text: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, name)| *name == text).map(|(state, _)| *state)
    }

    /// Whether it is over: a new link of the same document is possible.
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Unlinked | Self::Refused)
    }
}

/// A link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its id.
    pub id: uuid::Uuid,
    /// The account.
    pub person: PersonalId,
    /// The kind of document.
    pub document_type: DocumentType,
    /// The document's number.
    pub document_number: String,
    /// The stored state; [`Link::state_at`] adds the lapse by time.
    pub state: LinkState,
    /// Why the document is not linked; empty while it is.
    pub reason: String,
    /// The record.
    pub record_id: RecordId,
    /// The record's version as last seen.
    pub record_version: u64,
    /// How the holder was matched.
    pub matched_by: MatchedBy,
    /// When the link was made.
    pub linked_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Until when the document is valid.
    pub valid_until: Timestamp,
    /// How many events it has.
    pub events: u64,
}

impl Link {
    /// State and reason at `now`: a linked document lapses by time alone.
    pub fn state_at(&self, now: Timestamp) -> (LinkState, &str) {
        match self.state {
            LinkState::Linked if self.valid_until <= now => (LinkState::Lapsed, "DOCUMENT_EXPIRED"),
            state => (state, &self.reason),
        }
    }

    /// The link after a new version of the record; `None` when nothing visible has changed.
    pub fn after(&self, version: u64, standing: &Standing, valid_until: Timestamp, now: Timestamp) -> Option<Self> {
        if self.state.is_ended() || version <= self.record_version {
            return None;
        }
        let (state, reason) = match (self.state, standing) {
            (_, Standing::Revoked(status)) => (LinkState::Revoked, status.clone()),
            // The issuer has not confirmed the holder yet: only a revocation settles it.
            (LinkState::Pending, _) => (LinkState::Pending, self.reason.clone()),
            (_, Standing::Suspended(status)) => (LinkState::Suspended, status.clone()),
            (_, Standing::Valid | Standing::Expired) => (LinkState::Linked, String::new()),
        };
        let events = self.events + 1;
        Some(Self { state, reason, record_version: version, valid_until, updated_at: now, events, ..self.clone() })
    }

    /// The row.
    pub fn to_row(&self) -> Object {
        Object::new()
            .with("document_number", self.document_number.as_str())
            .with("document_type", i64::from(self.document_type.0))
            .with("events", self.events as i64)
            .with("linked_at", self.linked_at.0)
            .with("matched_by", self.matched_by.as_str())
            .with("reason", self.reason.as_str())
            .with("record_id", self.record_id.to_hex())
            .with("record_version", self.record_version as i64)
            .with("state", self.state.as_str())
            .with("updated_at", self.updated_at.0)
            .with_optional("valid_until", (self.valid_until != Timestamp::MAX).then_some(self.valid_until.0))
    }

    /// Reads a row.
    pub fn from_row(person: PersonalId, id: uuid::Uuid, row: &Object) -> Option<Self> {
        let number = |name| row.integer(name).and_then(|value| u64::try_from(value).ok());
        Some(Self {
            id,
            person,
            document_type: DocumentType(row.integer("document_type")?.try_into().ok()?),
            document_number: row.text("document_number")?.to_owned(),
            state: LinkState::parse(row.text("state")?)?,
            reason: row.text("reason")?.to_owned(),
            record_id: RecordId::from_hex(row.text("record_id")?)?,
            record_version: number("record_version")?,
            matched_by: MatchedBy::parse(row.text("matched_by")?)?,
            linked_at: Timestamp(row.integer("linked_at")?),
            updated_at: Timestamp(row.integer("updated_at")?),
            valid_until: row.integer("valid_until").map_or(Timestamp::MAX, Timestamp),
            events: number("events")?,
        })
    }
}

/// An event in a link's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkEvent {
    /// Number within the link, from 1.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// The state after it.
    pub state: LinkState,
    /// Why.
    pub reason: String,
    /// Who caused it.
    pub actor: Actor,
    /// The record's version when it happened.
    pub record_version: u64,
}

impl LinkEvent {
    /// The newest event of `link`, caused by `actor`.
    pub fn of(link: &Link, actor: &Actor) -> Self {
        Self {
            sequence: link.events,
            at: link.updated_at,
            state: link.state,
            reason: link.reason.clone(),
            actor: actor.clone(),
            record_version: link.record_version,
        }
    }

    /// The row.
    pub fn to_row(&self) -> Object {
        Object::new()
            .with("actor", self.actor.as_str())
            .with("at", self.at.0)
            .with_optional("guardian", self.actor.guardian().map(|guardian| guardian.as_str().to_owned()))
            .with("reason", self.reason.as_str())
            .with("record_version", self.record_version as i64)
            .with("state", self.state.as_str())
    }

    /// Reads a row.
    pub fn from_row(sequence: u64, row: &Object) -> Option<Self> {
        Some(Self {
            sequence,
            at: Timestamp(row.integer("at")?),
            state: LinkState::parse(row.text("state")?)?,
            reason: row.text("reason")?.to_owned(),
            actor: Actor::read(row.text("actor")?, row.text("guardian"))?,
            record_version: row.integer("record_version").and_then(|value| u64::try_from(value).ok())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(state: LinkState) -> Link {
        Link {
            id: uuid::Uuid::nil(),
            person: PersonalId::parse("042185990002").expect("id"),
            document_type: DocumentType(2),
            document_number: "420123456789".into(),
            state,
            reason: String::new(),
            record_id: RecordId([7; 16]),
            record_version: 1,
            matched_by: MatchedBy::PersonalId,
            linked_at: Timestamp(1),
            updated_at: Timestamp(1),
            valid_until: Timestamp(1_000),
            events: 1,
        }
    }

    #[test]
    fn rows_read_back() {
        for state in LinkState::NAMES.map(|(state, _)| state) {
            let link = Link { valid_until: Timestamp::MAX, ..link(state) };
            assert_eq!(Link::from_row(link.person, link.id, &link.to_row()), Some(link.clone()));
            for actor in [Actor::Registry, Actor::Guardian(link.person)] {
                let event = LinkEvent::of(&link, &actor);
                assert_eq!(LinkEvent::from_row(1, &event.to_row()), Some(event));
            }
        }
    }

    #[test]
    fn a_link_lapses_by_time_alone() {
        let link = link(LinkState::Linked);
        assert_eq!(link.state_at(Timestamp(999)).0, LinkState::Linked);
        assert_eq!(link.state_at(Timestamp(1_000)), (LinkState::Lapsed, "DOCUMENT_EXPIRED"));
    }

    #[test]
    fn the_registrys_news_shows_on_the_link() {
        use LinkState::{Linked, Pending, Revoked, Suspended, Unlinked};
        let suspended = Standing::Suspended("suspended".into());
        let revoked = Standing::Revoked("revoked".into());
        // state, new version, standing → state, or nothing
        let cases = [
            (Linked, 2, &suspended, Some(Suspended)),
            (Linked, 2, &revoked, Some(Revoked)),
            (Suspended, 2, &Standing::Valid, Some(Linked)),
            (Pending, 2, &suspended, Some(Pending)),
            (Pending, 2, &revoked, Some(Revoked)),
            (Linked, 1, &revoked, None),
            (Unlinked, 2, &revoked, None),
        ];
        for (state, version, standing, expected) in cases {
            let after = link(state).after(version, standing, Timestamp(2_000), Timestamp(5));
            assert_eq!(after.map(|link| link.state), expected, "{state:?} {version} {standing:?}");
        }
    }
}
