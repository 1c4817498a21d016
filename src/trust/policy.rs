//! Witness policies: which witnesses must have cosigned a head before it is accepted (C2SP tlog-policy).
//!
//! ```text
//! log <vkey> [<url>]
//! witness <name> <vkey> [<url>]
//! group <name> all|any|<k> <member>…
//! quorum <name>|none
//! ```
//!
//! A name is defined before it is used, and is a member at most once, so that no witness counts twice. A policy may name keys of types that
//! this program does not know: such a witness is a member like any other that did not cosign, and such a log is one that did not sign.

use std::collections::{BTreeMap, BTreeSet};

use super::cosignature::verify_cosignature;
use super::note::{Checkpoint, Note};
use super::verdict::{Code, Verdict};
use super::vkey::{KeyUse, VerifierKey};
use crate::base::Timestamp;
use crate::base::limits::CLOCK_SKEW_MS_MAX;

/// The largest policy file, in bytes.
pub const POLICY_BYTES_MAX: usize = 256 * 1024;
/// The most logs, witnesses and groups, each.
pub const POLICY_LINES_MAX: usize = 256;

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The logs that it is for; empty when they are known otherwise.
    pub logs: Vec<NamedKey>,
    /// The witnesses.
    pub witnesses: Vec<NamedKey>,
    groups: Vec<Group>,
    quorum: Option<Member>,
}

/// A key with the name that the policy has for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedKey {
    /// The name within the policy; for a log, its origin.
    pub name: String,
    /// The key.
    pub key: VerifierKey,
    /// The URL at which it answers.
    pub url: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Member {
    Witness(usize),
    Group(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    needed: usize,
    members: Vec<Member>,
}

/// Text that is not a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct PolicyError {
    /// The line, from 1; 0 is the file as a whole.
    pub line: usize,
    /// Why.
    pub why: String,
}

/// A witness's cosignature that verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Witnessed {
    /// Position of the witness in the policy.
    pub witness: usize,
    /// When it cosigned.
    pub at: Timestamp,
}

#[derive(Default)]
struct Reader {
    logs: Vec<NamedKey>,
    witnesses: Vec<NamedKey>,
    groups: Vec<Group>,
    names: BTreeMap<String, Member>,
    used: BTreeSet<String>,
    quorum: Option<Option<Member>>,
}

impl Policy {
    /// Reads a policy file.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        let whole = |why: &str| PolicyError { line: 0, why: why.to_owned() };
        if bytes.len() > POLICY_BYTES_MAX {
            return Err(whole("it is larger than 256 KiB"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| whole("it is not UTF-8"))?;
        let mut reader = Reader::default();
        for (at, line) in text.lines().enumerate() {
            reader.line(line).map_err(|why| PolicyError { line: at + 1, why })?;
        }
        let quorum = reader.quorum.ok_or_else(|| whole("there is no quorum line"))?;
        Ok(Self { logs: reader.logs, witnesses: reader.witnesses, groups: reader.groups, quorum })
    }

    /// The cosignatures of known witnesses on a note. One that does not verify spoils the note; one from the future does not count.
    pub fn cosignatures(&self, note: &Note<'_>, now: Timestamp) -> Result<Vec<Witnessed>, String> {
        let mut found: Vec<Witnessed> = Vec::new();
        for line in &note.signatures {
            for (witness, known) in self.witnesses.iter().enumerate() {
                let Some(key) = known.key.known().filter(|key| key.claims(line)) else { continue };
                let at = verify_cosignature(note.text, line, key)
                    .map_err(|error| format!("witness {}: {error}", known.name))?;
                if at <= now.plus_ms(CLOCK_SKEW_MS_MAX) {
                    found.push(Witnessed { witness, at });
                }
            }
        }
        Ok(found)
    }

    /// Whether these witnesses are enough.
    pub fn is_met(&self, by: &[Witnessed]) -> bool {
        let has = |witness: usize| by.iter().any(|one| one.witness == witness);
        // members stand before their group, so one pass from the front decides all
        let mut met: Vec<bool> = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            let count = group.members.iter().filter(|member| match **member {
                Member::Witness(at) => has(at),
                Member::Group(at) => met[at],
            });
            met.push(count.count() >= group.needed);
        }
        match self.quorum {
            None => true,
            Some(Member::Witness(at)) => has(at),
            Some(Member::Group(at)) => met[at],
        }
    }

    /// The policy's verdict on a note: VALID, INDETERMINATE QUORUM when too few witnesses cosigned it, INDETERMINATE STALE when the
    /// newest of them did so more than `age_max_ms` ago; and why, in words.
    pub fn judge(&self, note: &[u8], now: Timestamp, age_max_ms: i64) -> (Verdict, String) {
        let short = |why: String| (Verdict::Indeterminate(Code::Quorum), why);
        let note = match Note::parse(note) {
            Ok(note) => note,
            Err(error) => return short(error.to_string()),
        };
        let origin = match Checkpoint::parse(note.text) {
            Ok(checkpoint) => checkpoint.origin,
            Err(error) => return short(error.to_string()),
        };
        let signed_by = |log: &NamedKey| {
            let Some(known) = log.key.known().filter(|_| log.name == origin) else { return false };
            let mut lines = note.signatures.iter().filter(|line| known.claims(line));
            lines.any(|line| known.verify(note.text.as_bytes(), &line.signature).is_ok())
        };
        if !self.logs.is_empty() && !self.logs.iter().any(signed_by) {
            return short(format!("no key of the policy for the log {origin} has signed"));
        }
        let found = match self.cosignatures(&note, now) {
            Ok(found) => found,
            Err(why) => return short(why),
        };
        if !self.is_met(&found) {
            let unknown = self.witnesses.iter().filter(|witness| witness.key.known().is_none()).count();
            let (count, all) = (found.len(), self.witnesses.len());
            let passed_over = match unknown {
                0 => String::new(),
                _ => format!(
                    "; cosignatures of {unknown} cannot be verified here, because the types of their keys are unknown"
                ),
            };
            return short(format!(
                "{count} of the policy's {all} witnesses cosigned, fewer than its quorum{passed_over}"
            ));
        }
        match found.iter().map(|one| one.at).max() {
            Some(newest) if newest.plus_ms(age_max_ms) < now => {
                (Verdict::Indeterminate(Code::Stale), format!("the newest cosignature is of {newest}"))
            }
            Some(newest) => (Verdict::Valid, format!("{} witnesses, the newest at {newest}", found.len())),
            None => (Verdict::Valid, "the policy demands no witness".to_owned()),
        }
    }
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        if line.bytes().any(|byte| byte != b'\t' && (byte < b' ' || byte == 0x7f)) {
            return Err("a control character".into());
        }
        let words: Vec<&str> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
        match words.as_slice() {
            [] => Ok(()),
            [first, ..] if first.starts_with('#') => Ok(()),
            ["log", key, url @ ..] if url.len() <= 1 => {
                let key = read_key(key, KeyUse::Note)?;
                add(
                    &mut self.logs,
                    NamedKey { name: key.name().to_owned(), key, url: url.first().map(ToString::to_string) },
                )
            }
            ["witness", name, key, url @ ..] if url.len() <= 1 => {
                let key = read_key(key, KeyUse::Cosignature)?;
                self.name(name, Member::Witness(self.witnesses.len()))?;
                let witness = NamedKey { name: (*name).to_owned(), key, url: url.first().map(ToString::to_string) };
                add(&mut self.witnesses, witness)
            }
            ["group", name, needed, members @ ..] if !members.is_empty() => self.group(name, needed, members),
            ["quorum", name] => {
                let quorum = if *name == "none" { None } else { Some(self.find(name)?) };
                if self.quorum.replace(quorum).is_some() { Err("a second quorum line".into()) } else { Ok(()) }
            }
            [word, ..] => Err(format!("{word} with these words is not a policy line")),
        }
    }

    fn group(&mut self, name: &str, needed: &str, members: &[&str]) -> Result<(), String> {
        let needed = match needed {
            "all" => members.len(),
            "any" => 1,
            count if !count.starts_with(['0', '+']) => count.parse().map_err(|_| "k is not a number".to_owned())?,
            _ => return Err("k is not a number".into()),
        };
        if needed == 0 || needed > members.len() {
            return Err(format!("{needed} of {} members are required", members.len()));
        }
        let mut found = Vec::with_capacity(members.len());
        for member in members {
            found.push(self.find(member)?);
            if !self.used.insert((*member).to_owned()) {
                return Err(format!("{member} is listed twice"));
            }
        }
        if self.groups.len() == POLICY_LINES_MAX {
            return Err("too many groups".into());
        }
        self.name(name, Member::Group(self.groups.len()))?;
        self.groups.push(Group { needed, members: found });
        Ok(())
    }

    fn name(&mut self, name: &str, member: Member) -> Result<(), String> {
        let is_new = name != "none" && self.names.insert(name.to_owned(), member).is_none();
        if is_new { Ok(()) } else { Err(format!("the name {name} is taken")) }
    }

    fn find(&self, name: &str) -> Result<Member, String> {
        self.names.get(name).copied().ok_or_else(|| format!("{name} is used before it is defined"))
    }
}

fn read_key(text: &str, usage: KeyUse) -> Result<VerifierKey, String> {
    let key = VerifierKey::parse(text).map_err(|error| error.to_string())?;
    let is_for_it = key.known().is_none_or(|known| known.usage == usage);
    if is_for_it { Ok(key) } else { Err("the key's type is for another use".into()) }
}

fn add(keys: &mut Vec<NamedKey>, key: NamedKey) -> Result<(), String> {
    if keys.len() == POLICY_LINES_MAX {
        return Err("too many keys".into());
    }
    if keys.iter().any(|old| old.key.is_same_key(&key.key)) {
        return Err("the key occurs twice".into());
    }
    keys.push(key);
    Ok(())
}

#[cfg(test)]
mod tests;
