//! Witness policies as files: read the same wherever a flag names one.

use std::path::Path;

use super::output::Failure;
use crate::trust::Policy;

/// Reads a policy; the failure names file and line.
pub(super) fn read(path: &Path) -> Result<Policy, Failure> {
    let failed = |why: String| Failure::new(format!("the witness policy {}: {why}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| failed(format!("cannot be read: {error}")))?;
    Policy::parse(&bytes).map_err(|error| failed(error.to_string()))
}
