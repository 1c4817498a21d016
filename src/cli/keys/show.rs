//! `keys list` and `keys export-anchor`.

use clap::Args;

use super::args::FolderArgs;
use crate::base::id::to_hex;
use crate::cli::language::say;
use crate::cli::output::{Failure, OutputFormat, print, print_json, print_text};
use crate::keys::keyring::PrivateKey;
use crate::simulation::faults::is_for_faults;
use crate::trust::{KeyRecord, KeyState};

const LIST_EXAMPLES: &str = "\
Examples:
  lienthong keys list --keys ./keys
  lienthong keys list --keys ./keys --output json | jq -r '.keys[] | select(.state == \"active\").id'";

const EXPORT_EXAMPLES: &str = "\
Examples:
  lienthong keys export-anchor --keys ./keys > anchor.json
  lienthong keys export-anchor --keys ./keys --version-number 1";

/// List the keys with their states.
#[derive(Debug, Args)]
#[command(after_help = LIST_EXAMPLES)]
pub struct List {
    #[command(flatten)]
    folder: FolderArgs,
}

/// Print a version of the trust anchor.
#[derive(Debug, Args)]
#[command(after_help = EXPORT_EXAMPLES)]
pub struct ExportAnchor {
    #[command(flatten)]
    folder: FolderArgs,
    /// The version [default: the newest].
    #[arg(long, env = "LIENTHONG_ANCHOR_VERSION", value_name = "NUMBER")]
    version_number: Option<u64>,
}

impl List {
    pub(super) fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let folder = self.folder.open()?;
        let anchor = folder.newest()?;
        let place = |key: &crate::trust::PublicKey| match folder.private(key) {
            Ok(Some(PrivateKey::Sealed(_))) => "here".to_owned(),
            Ok(Some(PrivateKey::InToken(key))) => format!("token {}", key.token),
            Ok(None) => "elsewhere".to_owned(),
            Err(_) => "unreadable".to_owned(),
        };
        if output == OutputFormat::Json {
            let key = |(origin, key): (&str, &KeyRecord)| {
                serde_json::json!({
                    "id": to_hex(&key.id()), "origin": origin, "algorithm": key.key.algorithm().as_str(),
                    "from_index": key.from_index, "state": state(key).0, "detail": state(key).1,
                    "private_key": place(&key.key),
                })
            };
            let root = |key: &crate::trust::PublicKey| serde_json::json!({ "id": to_hex(&key.id()), "private_key": place(key) });
            return print_json(&serde_json::json!({
                "version": anchor.version, "expires_at": anchor.expires_at.to_string(),
                "threshold": anchor.root.threshold,
                "root": anchor.root.keys.iter().map(root).collect::<Vec<_>>(),
                "keys": anchor.keys().map(key).collect::<Vec<_>>(),
            }));
        }
        let mut lines = vec![format!("version {}, until {}", anchor.version, anchor.expires_at)];
        let threshold = format!("{} of {} must sign", anchor.root.threshold, anchor.root.keys.len());
        let threshold = say(&threshold);
        lines.extend(
            anchor
                .root
                .keys
                .iter()
                .map(|key| format!("{}  root  {threshold}  {}", to_hex(&key.id()), say(&place(key)))),
        );
        lines.extend(anchor.keys().map(|(origin, key)| {
            let (state, detail) = state(key);
            let (state, detail) = (say(state), say(&detail));
            let text = format!("{}  {origin}  {}  {state} {detail}", to_hex(&key.id()), key.key.algorithm().as_str());
            text.trim_end().to_owned()
        }));
        print_text(&lines.join("\n"))
    }
}

fn state(key: &KeyRecord) -> (&'static str, String) {
    match key.state {
        KeyState::Active => ("active", String::new()),
        KeyState::Rotated { event_index } => ("rotated", format!("at index {event_index}")),
        KeyState::Withdrawn { event_index } => ("withdrawn", format!("at index {event_index}")),
        KeyState::Compromised { .. } if is_for_faults(key) => {
            ("compromised", "from the start, for the personas of a stolen key".to_owned())
        }
        KeyState::Compromised { suspect_from, event_index } => {
            let mut parts = vec![format!("at index {event_index}"), format!("suspect from {suspect_from}")];
            parts.extend(key.reattested.iter().map(|range| format!("{}..{} re-attested", range.start, range.end)));
            ("compromised", parts.join(", "))
        }
    }
}

impl ExportAnchor {
    pub(super) fn run(self) -> Result<(), Failure> {
        let versions = self.folder.open()?.versions()?;
        let found = match self.version_number {
            None => versions.last(),
            Some(number) => versions.iter().find(|anchor| anchor.version == number),
        };
        let anchor = found.ok_or_else(|| Failure::new("there is no such version"))?;
        let json = String::from_utf8(anchor.to_json()?).map_err(|error| Failure::new(error.to_string()))?;
        print(json.trim_end())
    }
}
