//! What each verdict code means for a program that takes it lightly: the effect, and where the rule stands. Cases of artefacts have them by code.

use crate::trust::Code;

/// What would come of accepting what has this code, and where the check is defined.
pub(super) fn of(code: Code) -> (&'static str, &'static str) {
    match code {
        Code::PayloadMismatch => ("people act on data that no registry signed", "docs/format.md#2-commitments"),
        Code::Inclusion => ("a statement counts that stands in no log", "docs/format.md#4-trees-and-proofs"),
        Code::IssuerMismatch => ("one registry speaks in another's name", "docs/format.md#9-verifying"),
        Code::NotAuthorised => ("a registry issues records that are not its own", "docs/format.md#7-the-trust-anchor"),
        Code::NoTrustedSignature => ("anybody issues records", "docs/format.md#6-checkpoints"),
        Code::NonCanonical => ("two programs read two things in one record", "docs/format.md#1-payload-canonical-json"),
        Code::Malformed => ("bytes are read in more than one way", "docs/format.md#3-statement"),
        Code::KeyNotValid => ("a key signs on after it was taken out of use", "docs/format.md#8-key-states"),
        Code::IssuedInFuture => ("a record is dated as its issuer likes", "docs/format.md#9-verifying"),
        Code::TypedFormMismatch => ("what people see is not what was signed", "docs/format.md#10-files"),
        Code::LogRollback => ("a log takes back what it showed", "docs/verifying.md#watching-the-ledger"),
        Code::SplitView => ("a log shows each reader another history", "docs/verifying.md#watching-the-ledger"),
        Code::Tile => ("a log serves what its head does not cover", "docs/verifying.md#watching-the-ledger"),
        Code::LogRule => ("a log holds what its rules forbid", "docs/format.md#5-logs"),
        Code::StatusInvalid => ("a revoked record is taken as good", "docs/format.md#11-status-lists"),
        Code::StatusSuspended => ("a suspended record is taken as good", "docs/format.md#11-status-lists"),
        Code::Superseded => ("an old version is taken as the present one", "docs/format.md#11-status-lists"),
        Code::KeyBinding => {
            ("a copied credential passes as its holder's", "docs/format.md#12-credentials-and-presentations")
        }
        Code::Expired => ("a credential is good for ever", "docs/format.md#12-credentials-and-presentations"),
        Code::RevokedNoPoe => ("a thief of a key issues records with it", "docs/format.md#8-key-states"),
        Code::NoPoe => ("a record counts that nobody can date", "docs/format.md#8-key-states"),
        Code::TryLater => ("keys are trusted beyond their time", "docs/format.md#7-the-trust-anchor"),
        Code::Quorum => ("a log is trusted that too few have seen", "docs/format.md#cosignatures"),
        Code::Stale => ("old news count as the present state", "docs/format.md#11-status-lists"),
        Code::Unavailable => ("what was not looked up counts as looked up", "docs/format.md#11-status-lists"),
    }
}

/// Of what is right.
pub(super) const RIGHT: (&str, &str) =
    ("a program that refuses everything would pass all other cases", "docs/format.md#9-verifying");
/// Of files and anchors that must not be read.
pub(super) const UNREADABLE: (&str, &str) = ("two programs read two things in one file", "docs/format.md#10-files");
