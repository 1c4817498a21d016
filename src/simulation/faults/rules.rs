//! The rules that a world holds, also while it runs: a call or a read keeps to those that it began with.

#![allow(clippy::disallowed_methods, reason = "a rule ends by the machine's time")]

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::action::{Action, CallAction, ReadAction, StateAction};
use super::rule::Rule;
use super::standing::{Source, Standing, Strike};
use crate::base::{Clock, Error, PersonalId, Reason, Result, Seed, Timestamp, watch};
use crate::registry::port::{Query, Selector};

/// Digits of a personal ID.
const ID_DIGITS: usize = 12;
/// Most rules that may be added to a world, those of personas and created citizens not counted.
pub const ADDED_MAX: usize = 1_000;
/// The service of the rules themselves: no rule is about it.
pub(super) const RULES: &str = "lienthong.simulation.v1.FaultService/";
/// How often windows and lives are looked at while a rule about a part of the world stands.
const LOOKS_EVERY: Duration = Duration::from_millis(100);
/// The lane in which calls are counted.
const CALLS: &str = "";

/// The rules of a world.
pub struct Rules {
    table: RwLock<Arc<Table>>,
    changed: watch::Sender<u64>,
    clock: Arc<dyn Clock>,
    seed: Seed,
    /// Faults that calls asked for so far.
    asked_for: AtomicU64,
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rules({})", self.current().all.len())
    }
}

/// The rules at one moment, in the order in which they were added. Of the rules that come with citizens, at most one is about a person: a later one
/// takes the place of an earlier one.
#[derive(Debug, Default, Clone)]
pub struct Table {
    all: Vec<Arc<Standing>>,
    /// Rules about reads of one person's records.
    of_person: HashMap<PersonalId, Vec<Arc<Standing>>>,
    /// Other rules about reads.
    of_reads: Vec<Arc<Standing>>,
    of_calls: Vec<Arc<Standing>>,
    of_states: Vec<Arc<Standing>>,
    /// Rules added so far, and rules of citizens, for their names.
    numbers: Numbers,
}

#[derive(Debug, Default, Clone, Copy)]
struct Numbers {
    added: u64,
    of_citizens: u64,
}

/// A call, as far as rules ask about it.
#[derive(Debug, Clone, Copy)]
pub struct FaultedCall<'a> {
    /// `package.Service/Method`.
    pub method: &'a str,
    /// The agency's key, or `citizen`; `None` for a call without a caller.
    pub caller: Option<&'a str>,
    /// The encoded request; empty if it is a stream.
    pub message: &'a [u8],
}

/// One rule to add, under a name of the caller's or one that it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRule {
    /// Its name; `None`: `fault-<n>`.
    pub id: Option<String>,
    /// The rule.
    pub rule: Rule,
}

impl Rules {
    /// The rules that come with a world's citizens; `seed` is the world's.
    pub fn new(of_citizens: impl IntoIterator<Item = Rule>, clock: Arc<dyn Clock>, seed: Seed) -> Self {
        let (table, changed, asked_for) = (RwLock::default(), watch::Sender::new(0), AtomicU64::new(0));
        let rules = Self { table, changed, clock, seed, asked_for };
        of_citizens.into_iter().for_each(|rule| rules.add_of_citizen(rule));
        rules
    }

    /// The rules that hold now.
    pub fn current(&self) -> Arc<Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The rules that hold now for a world with another clock, apart from what is added here later. `keeps` says which.
    #[must_use]
    pub fn copy(&self, clock: Arc<dyn Clock>, keeps: impl Fn(&Standing) -> bool) -> Self {
        let mut table = Table { numbers: self.current().numbers, ..Table::default() };
        for standing in self.current().all.iter().filter(|standing| !standing.is_over() && keeps(standing)) {
            table.push(standing.copy());
        }
        let (changed, asked_for) = (watch::Sender::new(0), AtomicU64::new(0));
        Self { table: RwLock::new(Arc::new(table)), changed, clock, seed: self.seed, asked_for }
    }

    /// The rules that hold, as they change.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Waits until the faults in force may have changed for a part of the world: they changed, or, while a rule about one stands, a moment passed, since
    /// windows of the world's time and lives begin and end by themselves. `false` once the rules are gone.
    pub async fn moved(changed: &mut watch::Receiver<u64>, has_states: bool) -> bool {
        let change = async { changed.changed().await.is_ok() };
        match has_states {
            true => tokio::time::timeout(LOOKS_EVERY, change).await.unwrap_or(true),
            false => change.await,
        }
    }

    /// The time of the world.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Changes the rules, and wakes whoever watches them if something came of it.
    fn change<T>(&self, change: impl FnOnce(&mut Table) -> T, is_change: impl FnOnce(&T) -> bool) -> T {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let changed = change(Arc::make_mut(&mut table));
        drop(table);
        if is_change(&changed) {
            self.changed.send_modify(|version| *version += 1);
        }
        changed
    }

    /// Adds the rule that comes with a citizen, which holds for every read that begins after this. One that is there already changes nothing.
    pub fn add_of_citizen(&self, rule: Rule) {
        let Some(person) = rule.matching.person else { return };
        if self.current().of_citizen(&person).is_some_and(|standing| standing.rule == rule) {
            return;
        }
        let add = |table: &mut Table| {
            // Names hold no personal IDs: they stand in logs and journals.
            table.numbers.of_citizens += 1;
            let id = format!("citizen-{}", table.numbers.of_citizens);
            table.push(Standing::new(id, rule, Source::Persona, &self.seed));
        };
        self.change(add, |()| true);
    }

    /// Adds rules, all or none, and returns them as they stand. Fails with [`AlreadyExists`](Reason::AlreadyExists) if one has another's
    /// name, and with [`TooManyFaults`](Reason::TooManyFaults).
    pub fn add(&self, new: Vec<NewRule>) -> Result<Vec<Arc<Standing>>> {
        let add = |table: &mut Table| {
            table.sweep();
            let mut names: HashSet<String> = table.all.iter().map(|standing| standing.id.clone()).collect();
            let of_others = table.all.iter().filter(|standing| standing.source == Source::Added).count();
            if of_others + new.len() > ADDED_MAX {
                let message = format!("a world has at most {ADDED_MAX} rules of faults: remove some");
                return Err(Error::new(Reason::TooManyFaults, message).with_subject("fault", ""));
            }
            let mut added = Vec::with_capacity(new.len());
            let mut number = table.numbers.added;
            for NewRule { id, rule } in new {
                let id = id.unwrap_or_else(|| {
                    loop {
                        number += 1;
                        let id = format!("fault-{number}");
                        if !names.contains(&id) {
                            break id;
                        }
                    }
                });
                if !names.insert(id.clone()) {
                    let message = "a rule with this name exists already: remove it first, or choose another name";
                    return Err(Error::new(Reason::AlreadyExists, message).with_subject("fault", id));
                }
                added.push(Standing::new(id, rule, Source::Added, &self.seed));
            }
            table.numbers.added = number;
            Ok(added.into_iter().map(|standing| table.push(standing)).collect())
        };
        self.change(add, Result::is_ok)
    }

    /// Ends a rule; whether there was one of this name.
    pub fn remove(&self, id: &str) -> bool {
        self.change(|table| table.retain(|standing| standing.id != id), |gone| *gone > 0) > 0
    }

    /// Ends all rules that were added, and those that come with citizens too if they are meant. Returns how many.
    pub fn heal(&self, of_citizens_too: bool) -> usize {
        let stays = |standing: &Standing| standing.source == Source::Persona && !of_citizens_too;
        self.change(|table| table.retain(stays), |gone| *gone > 0)
    }

    /// The rules whose turn this call is, in the order in which they were added.
    pub fn of_call(&self, call: &FaultedCall<'_>) -> Vec<Strike> {
        let table = self.current();
        if table.of_calls.is_empty() {
            return Vec::new();
        }
        let now = self.now();
        let fits = |standing: &&Arc<Standing>| is_about_call(&standing.rule, call);
        table.of_calls.iter().filter(fits).filter_map(|standing| standing.strike(CALLS, now)).collect()
    }

    /// The turn of a rule that holds for one call only, which asked for it. Its die is thrown anew for each.
    pub fn once(&self, rule: Rule) -> Option<Strike> {
        let number = self.asked_for.fetch_add(1, Ordering::Relaxed);
        let standing = Standing::new("metadata".to_owned(), rule, Source::Added, &self.seed.child("metadata", number));
        Arc::new(standing).strike(CALLS, self.now())
    }

    /// Whether a fault holds for a part of the world now: of `action`'s kind, about this registry or log (any, if the rule names none).
    pub fn state(&self, part: &str, of: impl Fn(StateAction) -> bool) -> Option<Arc<Standing>> {
        let table = self.current();
        if table.of_states.is_empty() {
            return None;
        }
        let now = self.now();
        let fits = |standing: &&Arc<Standing>| {
            let (matching, action) = (&standing.rule.matching, &standing.rule.action);
            let named = matching.registry.as_ref().or(matching.log.as_ref());
            matches!(action, Action::State(action) if of(*action)) && named.is_none_or(|name| name == part)
        };
        table.of_states.iter().filter(fits).find(|standing| standing.holds(now)).cloned()
    }
}

fn is_about_call(rule: &Rule, call: &FaultedCall<'_>) -> bool {
    let matching = &rule.matching;
    // So that whoever added a rule about every call can still remove it.
    !call.method.starts_with(RULES)
        && matching.fits_method(call.method)
        && matching.agency.as_ref().is_none_or(|agency| call.caller == Some(agency))
        && matching.record_type.as_ref().is_none_or(|name| contains(call.message, name.as_bytes()))
        && matching.person.as_ref().is_none_or(|person| people_in(call.message).any(|named| named == *person))
}

fn contains(message: &[u8], name: &[u8]) -> bool {
    memchr::memmem::find(message, name).is_some()
}

/// The people whose numbers stand in an encoded message or a payload.
fn people_in(bytes: &[u8]) -> impl Iterator<Item = PersonalId> {
    let runs = bytes.split(|byte| !byte.is_ascii_digit()).filter(|run| run.len() == ID_DIGITS);
    runs.filter_map(|run| PersonalId::parse(std::str::from_utf8(run).ok()?))
}

impl Table {
    fn push(&mut self, standing: Standing) -> Arc<Standing> {
        let standing = Arc::new(standing);
        if let (Source::Persona, Some(person)) = (standing.source, &standing.rule.matching.person)
            && let Some(before) = self.of_citizen(person).map(|before| before.id.clone())
        {
            self.retain(|other| other.id != before);
        }
        self.all.push(standing.clone());
        self.index(&standing);
        standing
    }

    fn index(&mut self, standing: &Arc<Standing>) {
        match (&standing.rule.action, standing.rule.matching.person) {
            (Action::Call(_), _) => self.of_calls.push(standing.clone()),
            (Action::State(_), _) => self.of_states.push(standing.clone()),
            (Action::Read(_), None) => self.of_reads.push(standing.clone()),
            (Action::Read(_), Some(person)) => self.of_person.entry(person).or_default().push(standing.clone()),
        }
    }

    /// Keeps what `keeps` says; returns how many went.
    fn retain(&mut self, keeps: impl Fn(&Standing) -> bool) -> usize {
        let before = self.all.len();
        self.all.retain(|standing| keeps(standing));
        if self.all.len() < before {
            let (all, numbers) = (std::mem::take(&mut self.all), self.numbers);
            *self = Self { numbers, ..Self::default() };
            all.iter().for_each(|standing| self.index(standing));
            self.all = all;
        }
        before - self.all.len()
    }

    /// Drops the rules whose life is over.
    fn sweep(&mut self) {
        self.retain(|standing| !standing.is_over());
    }

    /// All rules that stand, in the order in which they were added.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Standing>> {
        self.all.iter().filter(|standing| !standing.is_over())
    }

    /// The rule that comes with a citizen.
    pub fn of_citizen(&self, person: &PersonalId) -> Option<&Arc<Standing>> {
        self.of_person.get(person)?.iter().find(|standing| standing.source == Source::Persona)
    }

    /// Whether any rule is about a part of the world.
    pub fn has_states(&self) -> bool {
        !self.of_states.is_empty()
    }

    /// Whether nothing is about reads.
    pub(super) fn has_no_reads(&self) -> bool {
        self.of_person.is_empty() && self.of_reads.is_empty()
    }

    /// The rules about a query to a registry, as far as it tells: those about the one person whom it asks for, and those about nobody.
    pub(super) fn of_query<'a>(
        &'a self,
        registry: &'a str,
        query: &'a Query,
    ) -> impl Iterator<Item = &'a Arc<Standing>> {
        let person = match &query.selector {
            Selector::Person(id) => Some(*id),
            Selector::Key(key) => PersonalId::parse(key),
            _ => None,
        };
        let of_person = person.and_then(|person| self.of_person.get(&person)).into_iter().flatten();
        let asks_for = move |standing: &&Arc<Standing>| {
            let Rule { matching, .. } = &standing.rule;
            let wanted = |name: &String| query.record_types.is_empty() || query.record_types.contains(name);
            matching.registry.as_ref().is_none_or(|of| of == registry)
                && matching.record_type.as_ref().is_none_or(wanted)
        };
        of_person.chain(&self.of_reads).filter(asks_for)
    }

    /// The rules about the first person with some whom a payload names.
    pub(super) fn of_payload(&self, payload: &[u8]) -> &[Arc<Standing>] {
        people_in(payload).find_map(|id| self.of_person.get(&id)).map_or(&[], Vec::as_slice)
    }
}

impl Standing {
    /// The action of a rule about calls.
    pub fn call_action(&self) -> Option<&CallAction> {
        match &self.rule.action {
            Action::Call(action) => Some(action),
            _ => None,
        }
    }

    /// The action of a rule about reads.
    pub fn read_action(&self) -> Option<ReadAction> {
        match self.rule.action {
            Action::Read(action) => Some(action),
            _ => None,
        }
    }

    /// The action of a rule about a part of the world.
    pub fn state_action(&self) -> Option<StateAction> {
        match self.rule.action {
            Action::State(action) => Some(action),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
