//! The spaces: one ordered map for each noun, so that their keys cannot collide.

/// The access pattern of a space's rows. An engine may keep spaces of one layout together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layout {
    /// Rows of any size at scattered keys, also rewritten.
    Rows,
    /// Short or empty values at scattered keys: indices.
    Index,
    /// Written once, mostly in ascending order.
    Log,
}

impl Layout {
    /// All layouts, in declaration order.
    pub const ALL: [Layout; 3] = [Layout::Rows, Layout::Index, Layout::Log];

    /// The name on disk.
    pub fn name(self) -> &'static str {
        match self {
            Layout::Rows => "rows",
            Layout::Index => "index",
            Layout::Log => "log",
        }
    }
}

macro_rules! spaces {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $layout:ident, $name:literal;)*) => {
        /// The ordered map of a row. Code and layout are the format on disk: never changed, never reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Space { $($(#[$doc])* $variant,)* }

        impl Space {
            /// All spaces, in declaration order.
            pub const ALL: &'static [Space] = &[$(Space::$variant,)*];

            /// The number on disk, 1 to 254.
            pub fn code(self) -> u8 {
                match self { $(Space::$variant => $code,)* }
            }

            /// The name, for messages.
            pub fn name(self) -> &'static str {
                match self { $(Space::$variant => $name,)* }
            }

            /// The access pattern of its rows.
            pub fn layout(self) -> Layout {
                match self { $(Space::$variant => Layout::$layout,)* }
            }
        }
    };
}

// Adding a space is one line: the next free code, the layout, the name.
spaces! {
    /// Facts about the store itself: format, seed, cursors.
    Meta = 1, Rows, "meta";
    /// Record versions of the registries, and their current state.
    Record = 2, Rows, "record";
    /// Indices of records: natural key, holder, folded name.
    RecordIndex = 3, Index, "record_index";
    /// Superseded versions of records, by record and version.
    RecordHistory = 10, Rows, "record_history";
    /// Receipts of submitted batches, by registry and request id.
    Submission = 11, Rows, "submission";
    /// Hash tiles of the logs (C2SP tlog-tiles).
    LogTile = 4, Log, "log_tile";
    /// Entries of the logs, in segments.
    LogEntry = 5, Log, "log_entry";
    /// The newest signed head of each log.
    LogHead = 6, Rows, "log_head";
    /// The signed checkpoint of each batch of each log, by size.
    LogCheckpoint = 7, Log, "log_checkpoint";
    /// The newest consents and refusals of citizens, by person, agency and purpose.
    Consent = 20, Rows, "consent";
    /// The entries of the evidence ledger about one subject, by sequence.
    EvidenceSubject = 21, Index, "evidence_subject";
    /// Consents that were replaced by a newer one, by person and consent id.
    ConsentHistory = 23, Rows, "consent_history";
    /// The decision log of each exchange, by request id.
    EvidenceTrace = 22, Rows, "evidence_trace";
    /// The province layer: the latest accepted version of each record.
    ProvinceRecord = 30, Rows, "province_record";
    /// Indices of those: person, name, number.
    ProvinceIndex = 31, Index, "province_index";
    /// The ledger position of each accepted batch of a registry.
    ProvinceBatch = 32, Log, "province_batch";
    /// The province layer: the versions of records that others replaced, by record and ledger index.
    ProvinceHistory = 34, Rows, "province_history";
    /// The status list of each record type: its head, and its statuses in pieces.
    Status = 33, Rows, "status";
    /// Electronic identification accounts, by personal ID.
    Account = 40, Rows, "account";
    /// Links of documents to accounts, by account and link id.
    Link = 41, Rows, "link";
    /// Indices of links: by record, by id, by kind while pending.
    LinkIndex = 42, Index, "link_index";
    /// Events of links, by link id and number.
    LinkEvent = 43, Rows, "link_event";
    /// Presentations, by account and id.
    Presentation = 44, Rows, "presentation";
    /// Presentations by the hash of their code.
    PresentationCode = 45, Index, "presentation_code";
    /// The simulation: citizens who were created, by request id, and fault rules that were added.
    Simulation = 50, Rows, "simulation";
    /// The webhooks of each agency, by world and agency.
    Webhook = 60, Rows, "webhook";
    /// How far the deliveries of each webhook have come, by world and webhook.
    WebhookDelivery = 61, Rows, "webhook_delivery";
    /// Events of webhooks that were given up, by world, webhook and ledger index.
    WebhookLetter = 62, Rows, "webhook_letter";
}

impl Space {
    /// Whether `lienthong store rebuild` derives its rows from the ledgers and the registries' records. Rows that cannot be
    /// derived, like records, ledgers, accounts and links, can only be restored from a copy.
    pub fn is_derived(self) -> bool {
        matches!(
            self,
            Space::RecordIndex
                | Space::EvidenceSubject
                | Space::ProvinceRecord
                | Space::ProvinceIndex
                | Space::ProvinceBatch
                | Space::ProvinceHistory
                | Space::Status
                | Space::LinkIndex
                | Space::PresentationCode
        )
    }

    /// Position in [`Space::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}

/// The remedy for damaged spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// All of them are derived, and the tree that they are in holds nothing else.
    Rebuild,
    /// All of them are derived, but they share a tree with rows that are not: if those can be read, a rebuild helps.
    RebuildIfTheRestIsRead,
    /// Some of them cannot be derived.
    Copy,
}

impl Remedy {
    /// The remedy for these spaces.
    pub fn of(spaces: impl IntoIterator<Item = Space>) -> Self {
        let worst = |one: Self, space: Space| match (one, space.is_derived(), space.layout()) {
            (_, false, _) | (Self::Copy, ..) => Self::Copy,
            (one, true, Layout::Index) => one,
            (_, true, Layout::Rows | Layout::Log) => Self::RebuildIfTheRestIsRead,
        };
        spaces.into_iter().fold(Self::Rebuild, worst)
    }

    /// The remedy as a sentence.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Rebuild => "`lienthong store rebuild` derives them again from the ledgers and records",
            Self::RebuildIfTheRestIsRead => {
                "`lienthong store rebuild` derives them again if the other rows of their tree can be read, and changes nothing if not: \
                 then restore it from a copy"
            }
            Self::Copy => "restore it from a copy",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_from_nothing_else_comes_from_a_copy() {
        let remedy = |spaces: &[Space]| Remedy::of(spaces.iter().copied());
        assert_eq!(remedy(&[Space::RecordIndex, Space::LinkIndex]), Remedy::Rebuild);
        assert_eq!(remedy(&[Space::RecordIndex, Space::Status]), Remedy::RebuildIfTheRestIsRead);
        assert_eq!(remedy(&[Space::Record, Space::RecordIndex, Space::Status]), Remedy::Copy);
        assert!(Space::ALL.iter().filter(|space| space.layout() == Layout::Index).all(|space| space.is_derived()));
    }

    #[test]
    fn codes_differ_and_positions_fit() {
        for (position, space) in Space::ALL.iter().enumerate() {
            assert_eq!(space.index(), position);
            assert!((1..=254).contains(&space.code()), "{}", space.name());
            assert_eq!(Space::ALL.iter().filter(|other| other.code() == space.code()).count(), 1, "{}", space.name());
            assert_eq!(Space::ALL.iter().filter(|other| other.name() == space.name()).count(), 1, "{}", space.name());
        }
    }
}
