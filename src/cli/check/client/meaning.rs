//! For each verdict code, the effect of ignoring it, and the page that defines the check. Cases of artefacts have them by code.

use crate::trust::Code;

/// The effect of accepting an artefact with this code, and the page that defines the check.
pub(super) fn of(code: Code) -> (&'static str, &'static str) {
    match code {
        Code::PayloadMismatch => ("people act on data that no registry signed", "docs/format.md#2-commitments"),
        Code::Inclusion => ("a statement that is in no log counts", "docs/format.md#4-trees-and-proofs"),
        Code::IssuerMismatch => ("one registry issues records in another's name", "docs/format.md#9-verifying"),
        Code::NotAuthorised => ("a registry issues records that are not its own", "docs/format.md#7-the-trust-anchor"),
        Code::NoTrustedSignature => ("anybody can issue records", "docs/format.md#6-checkpoints"),
        Code::NonCanonical => ("two programs read one record differently", "docs/format.md#1-payload-canonical-json"),
        Code::Malformed => ("bytes are read in more than one way", "docs/format.md#3-statement"),
        Code::KeyNotValid => ("a key that was taken out of use goes on signing", "docs/format.md#8-key-states"),
        Code::IssuedInFuture => ("an issuer chooses a record's date at will", "docs/format.md#9-verifying"),
        Code::TypedFormMismatch => ("people see other data than the signed ones", "docs/format.md#10-files"),
        Code::LogRollback => ("a log withdraws entries that it published", "docs/verifying.md#watching-the-ledger"),
        Code::SplitView => ("a log shows each reader another history", "docs/verifying.md#watching-the-ledger"),
        Code::Tile => ("a log serves entries that its head does not cover", "docs/verifying.md#watching-the-ledger"),
        Code::LogRule => ("a log contains entries that its rules forbid", "docs/format.md#5-logs"),
        Code::StatusInvalid => ("a revoked record is accepted as valid", "docs/format.md#11-status-lists"),
        Code::StatusSuspended => ("a suspended record is accepted as valid", "docs/format.md#11-status-lists"),
        Code::Superseded => ("an old version is accepted as the present one", "docs/format.md#11-status-lists"),
        Code::KeyBinding => {
            ("a copied credential passes as its holder's", "docs/format.md#12-credentials-and-presentations")
        }
        Code::Expired => ("a credential is valid for ever", "docs/format.md#12-credentials-and-presentations"),
        Code::RevokedNoPoe => ("the thief of a key issues records with it", "docs/format.md#8-key-states"),
        Code::NoPoe => ("a record that cannot be dated counts", "docs/format.md#8-key-states"),
        Code::TryLater => ("keys are trusted beyond their time", "docs/format.md#7-the-trust-anchor"),
        Code::Quorum => ("a log that too few witnesses have seen is trusted", "docs/format.md#cosignatures"),
        Code::Stale => ("an outdated state counts as the present one", "docs/format.md#11-status-lists"),
        Code::Unavailable => ("a status that was not looked up counts as known", "docs/format.md#11-status-lists"),
    }
}

/// For cases without an error.
pub(super) const RIGHT: (&str, &str) =
    ("a program that refuses everything would pass all other cases", "docs/format.md#9-verifying");
/// For files and anchors that must be refused.
pub(super) const UNREADABLE: (&str, &str) = ("two programs read one file differently", "docs/format.md#10-files");
