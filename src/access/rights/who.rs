//! Roles, and who may call which method.
//!
//! The methods and the words that each accepts are those of the embedded file: it is the program's own list of the callers that its services can
//! decide about. Another file may allow more or fewer callers for a method, but every method must have its row.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::flaw::{Findings, shown};
use super::key::is_key;
use super::method::{AgencySet, MethodRule, Word};
use super::read::{MethodRow, Text};
use super::right::Agency;
use super::vocabulary::Vocabulary;
use crate::base::name::methods_meant;

/// The package of a registry's own service begins so, and its name follows.
const OF_ONE_REGISTRY: &str = "lienthong.registry.";

/// The existing methods.
pub(super) struct Template {
    methods: BTreeMap<String, Takes>,
}

/// The callers that a method's service can decide about.
struct Takes {
    words: Vec<Word>,
    /// Whether it can serve agencies named by key or role.
    agencies: bool,
}

impl Template {
    pub(super) fn of(rows: &[MethodRow]) -> Self {
        let mut methods = BTreeMap::new();
        for row in rows {
            let words: Vec<Word> = row.callers.iter().filter_map(|caller| Word::parse(&caller.value)).collect();
            let all = words.contains(&Word::Agencies) || words.contains(&Word::Authenticated);
            let agencies = all || words.len() < row.callers.len();
            for name in &row.names {
                methods.insert(name.value.clone(), Takes { words: words.clone(), agencies });
            }
        }
        Self { methods }
    }

    /// The method that a name means: `lienthong.identity.v1.LinkService/GetLink`, or any unique suffix of it.
    fn find(&self, given: &Text, found: &mut Findings) -> Option<&str> {
        let meant = methods_meant(&given.value, self.methods.keys().map(String::as_str));
        match meant[..] {
            [one] => return Some(one),
            [] => {
                let short = |name: &'_ str| -> usize {
                    let end = if given.value.contains('/') { name.rfind('.') } else { name.rfind('/') };
                    if given.value.contains('.') { 0 } else { end.map_or(0, |at| at + 1) }
                };
                found.unknown(given.at, "method", &given.value, self.methods.keys().map(|name| &name[short(name)..]));
            }
            _ => found.error(given.at, "AMBIGUOUS", || {
                format!("{} can have only these callers: {}", shown(&given.value), meant.join(" or "))
            }),
        }
        None
    }
}

/// The names that callers have in rows: agencies and roles.
pub(super) struct Names {
    agencies: Vec<String>,
    roles: Vec<Role>,
}

struct Role {
    key: Text,
    members: Vec<String>,
    is_used: bool,
}

impl Names {
    pub(super) fn of(agencies: &[Agency], roles: Vec<(Text, Vec<Text>)>, found: &mut Findings) -> Self {
        let keys: Vec<String> = agencies.iter().map(|agency| agency.key.as_str().to_owned()).collect();
        let mut kept = Vec::new();
        for (key, members) in roles {
            if !is_key(&key.value, b"_-") {
                found.error(key.at, "FORMAT", || format!("a role is of a-z 0-9 _ -, not {}", shown(&key.value)));
            } else if keys.contains(&key.value) || Word::parse(&key.value).is_some() {
                found.error(key.at, "RESERVED", || format!("{} already names an agency or a reserved word", key.value));
            }
            for member in members.iter().filter(|member| !keys.contains(&member.value)) {
                found.unknown(member.at, "agency", &member.value, keys.iter().map(String::as_str));
            }
            let members = members.into_iter().map(|member| member.value).collect();
            kept.push(Role { key, members, is_used: false });
        }
        Self { agencies: keys, roles: kept }
    }

    /// The agencies that a caller of a row is.
    fn members(&mut self, caller: &Text, found: &mut Findings) -> Vec<String> {
        if self.agencies.contains(&caller.value) {
            return vec![caller.value.clone()];
        }
        if let Some(role) = self.roles.iter_mut().find(|role| role.key.value == caller.value) {
            role.is_used = true;
            return role.members.clone();
        }
        let roles = self.roles.iter().map(|role| role.key.value.as_str());
        let known = self.agencies.iter().map(String::as_str).chain(roles).chain(Word::ALL.map(Word::as_str));
        found.unknown(caller.at, "agency, role or word", &caller.value, known);
        Vec::new()
    }

    pub(super) fn warn_of_unused(&self, found: &mut Findings) {
        for role in self.roles.iter().filter(|role| !role.is_used) {
            found.warn(role.key.at, "UNUSED", format!("no method names the role {}", role.key.value));
        }
    }

    pub(super) fn into_roles(self) -> Vec<(String, Vec<String>)> {
        self.roles.into_iter().map(|role| (role.key.value, role.members)).collect()
    }
}

/// The rows of all methods, by name.
pub(super) fn methods(
    rows: Vec<MethodRow>,
    names: &mut Names,
    agencies: &[Agency],
    known: &Vocabulary,
    template: &Template,
    found: &mut Findings,
) -> Vec<MethodRule> {
    let mut methods: BTreeMap<String, (usize, MethodRule)> = BTreeMap::new();
    let mut last = 0;
    for row in rows {
        let callers = Callers::of(&row.callers, names, found);
        for given in &row.names {
            last = last.max(given.at);
            let Some(name) = template.find(given, found) else { continue };
            if let Some((at, _)) = methods.get(name) {
                let line = found.line(*at);
                found.error(given.at, "DUPLICATE", || format!("{name} is on line {line} already"));
                continue;
            }
            if let Some(takes) = template.methods.get(name) {
                callers.check(name, takes, found);
            }
            methods.insert(name.to_owned(), (given.at, callers.row(name, agencies, known)));
        }
    }
    for name in template.methods.keys().filter(|name| !methods.contains_key(*name)) {
        found.error(last, "MISSING_ROW", || format!("no [[method]] row is for {name}: state who may call it"));
    }
    methods.into_values().map(|(_, row)| row).collect()
}

/// The callers of a row.
struct Callers {
    words: Vec<(usize, Word)>,
    /// The line of the first agency or role.
    named: Option<usize>,
    /// In the order of the row, roles resolved: keys of agencies, and words.
    all: Vec<Caller>,
}

enum Caller {
    Agency(String),
    Word(Word),
}

impl Callers {
    fn of(given: &[Text], names: &mut Names, found: &mut Findings) -> Self {
        let mut callers = Self { words: Vec::new(), named: None, all: Vec::new() };
        for caller in given {
            if let Some(word) = Word::parse(&caller.value) {
                callers.words.push((caller.at, word));
                callers.all.push(Caller::Word(word));
                continue;
            }
            callers.named = callers.named.or(Some(caller.at));
            callers.all.extend(names.members(caller, found).into_iter().map(Caller::Agency));
        }
        callers
    }

    /// Notes callers that the method's service cannot decide about.
    fn check(&self, name: &str, takes: &Takes, found: &mut Findings) {
        let taken = || takes.words.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(", ");
        for (at, word) in &self.words {
            let is_taken = takes.words.contains(word) || *word == Word::Agencies && takes.agencies;
            if !is_taken {
                found.error(*at, "NOT_APPLICABLE", || {
                    format!("{name} cannot have the caller {:?}; it can have {}", word.as_str(), taken())
                });
            }
        }
        if let Some(at) = self.named.filter(|_| !takes.agencies) {
            found.error(at, "NOT_APPLICABLE", || {
                format!("{name} cannot have agencies as callers; it can have {}", taken())
            });
        }
    }

    fn row(&self, name: &str, agencies: &[Agency], known: &Vocabulary) -> MethodRule {
        let of_one = name.strip_prefix(OF_ONE_REGISTRY).and_then(|rest| rest.split('.').next());
        let of_one = of_one.and_then(|registry| known.registries.iter().find(|(name, _)| *name == registry));
        let (mut named, mut owners) = (AgencySet::default(), AgencySet::default());
        for (at, agency) in agencies.iter().enumerate() {
            let key = agency.key.as_str();
            if self.all.iter().any(|caller| matches!(caller, Caller::Agency(named) if named == key)) {
                named.insert(at);
            }
            if known.registries.iter().any(|of| of.1 == key && of_one.is_none_or(|one| one.0 == of.0)) {
                owners.insert(at);
            }
        }
        let mut callers: Vec<String> = Vec::new();
        for caller in &self.all {
            let name: &str = match (caller, of_one) {
                (Caller::Agency(key), _) => key.as_str(),
                (Caller::Word(Word::Owner), Some((_, owner))) => owner,
                (Caller::Word(word), _) => word.as_str(),
            };
            if !callers.iter().any(|caller| caller == name) {
                callers.push(name.to_owned());
            }
        }
        let allowed: Arc<str> = if callers.is_empty() { "nobody".into() } else { callers.join(",").into() };
        let words = self.words.iter().map(|(_, word)| *word).collect();
        MethodRule { name: name.to_owned(), words, named, owners, callers, allowed }
    }
}
