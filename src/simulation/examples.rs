//! The example registries: a schema file for each of a province's departments, with sample data.

use crate::registry::schema_file::load;
use crate::registry::{Catalogue, Sector};

/// The files, by their names in `examples/registries`.
pub const FILES: [(&str, &str); 8] = [
    ("agriculture", include_str!("../../examples/registries/agriculture.yaml")),
    ("construction", include_str!("../../examples/registries/construction.yaml")),
    ("education", include_str!("../../examples/registries/education.yaml")),
    ("finance", include_str!("../../examples/registries/finance.yaml")),
    ("health", include_str!("../../examples/registries/health.yaml")),
    ("home_affairs", include_str!("../../examples/registries/home_affairs.yaml")),
    ("notary", include_str!("../../examples/registries/notary.yaml")),
    ("science", include_str!("../../examples/registries/science.yaml")),
];

/// The example registries.
pub fn all() -> Vec<Sector> {
    let built_in = Catalogue::built_in();
    let read = |(name, text): &(&str, &str)| {
        // A test reads them all: a file with a flaw is not built.
        load(text, &built_in).unwrap_or_else(|flaws| panic!("the example registry {name}: {flaws}"))
    };
    FILES.iter().map(read).collect()
}
