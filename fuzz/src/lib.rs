//! The fuzzed code, compiled from the package's own sources, and the [`properties`] that every input must have.
//!
//! `base` and `trust` need no other module, nor does the JSON reader, and the tile's two files and the rules of schema files need only them: see
//! ARCHITECTURE.md.

#[path = "../../src/base/mod.rs"]
pub mod base;
#[path = "../../src/trust/mod.rs"]
pub mod trust;

#[path = "../../src/cli/verify/json/mod.rs"]
#[doc(hidden)]
pub mod json_folder;
#[path = "../../src/transparency/path.rs"]
#[doc(hidden)]
pub mod path_file;
#[path = "../../src/ledger/tile.rs"]
#[doc(hidden)]
pub mod tile_file;

#[path = "../../src/registry/cel/mod.rs"]
#[doc(hidden)]
pub mod cel;
#[path = "../../src/registry/codes/mod.rs"]
#[doc(hidden)]
pub mod codes;
#[path = "../../src/registry/findings.rs"]
#[doc(hidden)]
pub mod findings;
#[path = "../../src/registry/form.rs"]
#[doc(hidden)]
pub mod form;
#[path = "../../src/registry/label.rs"]
#[doc(hidden)]
pub mod label;
#[path = "../../src/registry/pattern.rs"]
#[doc(hidden)]
pub mod pattern;
#[path = "../../src/registry/rule.rs"]
#[doc(hidden)]
pub mod rule;

/// The part of the registries that reads rules of schema files.
pub mod registry {
    pub use crate::{cel, codes, label, pattern, rule};
}

/// The part of the command line that reads files from others.
pub mod cli {
    /// `lienthong verify`.
    pub mod verify {
        pub use crate::json_folder as json;
    }
}

/// The part of the ledger that reads bytes.
pub mod ledger {
    pub use crate::tile_file as tile;
}

/// The part of the logs' outside that reads paths.
pub mod transparency {
    pub use crate::path_file as path;
}

pub mod properties;
pub mod seeds;
