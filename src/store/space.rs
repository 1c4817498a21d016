//! The spaces: one ordered map for each noun, so that keys of two nouns never meet.

macro_rules! spaces {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// Which ordered map a row belongs to. The name is part of the format on disk: never changed, never reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Space { $($(#[$doc])* $variant,)* }

        impl Space {
            /// All spaces, in declaration order.
            pub const ALL: &'static [Space] = &[$(Space::$variant,)*];

            /// The name on disk.
            pub fn name(self) -> &'static str {
                match self { $(Space::$variant => $name,)* }
            }
        }
    };
}

spaces! {
    /// Facts about the store itself: format, seed, cursors.
    Meta = "meta";
    /// Record versions of the registries, and their current state.
    Record = "record";
    /// What finds records: natural key, holder, folded name.
    RecordIndex = "record_index";
    /// Hash tiles of the logs (C2SP tlog-tiles).
    LogTile = "log_tile";
    /// Entries of the logs, in segments.
    LogEntry = "log_entry";
    /// The newest signed head of each log.
    LogHead = "log_head";
    /// The signed checkpoint of each batch of each log, by size.
    LogCheckpoint = "log_checkpoint";
}

impl Space {
    /// Position in [`Space::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_and_positions_fit() {
        for (position, space) in Space::ALL.iter().enumerate() {
            assert_eq!(space.index(), position);
            assert_eq!(Space::ALL.iter().filter(|other| other.name() == space.name()).count(), 1, "{}", space.name());
        }
    }
}
