//! The forms in which a subcommand answers.

use clap::ValueEnum;

/// The format of stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    #[default]
    Text,
    /// For machines: JSON, one value a line unless said otherwise.
    Json,
}
