//! Whether a rule can ever act: everything that it names is there, and what it asks for belongs together. A rule with a typo would never match,
//! and its test would pass for the wrong reason.

use super::action::{Action, CallAction, DELAY_MAX, Delay, ReadAction, SIGMA_MILLI_MAX, SKEW_MS_MAX, StateAction};
use super::rule::{Match, Rule, Turn};
use super::rules::RULES;
use crate::base::name::{comparable_end, methods_meant, no_such, services_meant, unknown};
use crate::base::origins::{EVIDENCE_LEDGER, RECORD_LEDGER};
use crate::base::{Violation, Violations};
use crate::registry::Catalogue;

/// Most methods of one rule.
const METHODS_MAX: usize = 32;
/// Longest life and longest pause of a rule.
const TTL_MAX_SECONDS: u64 = 30 * 86_400;
/// Longest message of a refusal, in characters.
const MESSAGE_CHARS_MAX: usize = 512;
/// The caller who stands for all citizens.
const CITIZEN: &str = "citizen";

/// What a rule may name.
pub struct Known<'a> {
    /// The methods that are served, `package.Service/Method`.
    pub methods: &'a [&'a str],
    /// The keys of the agencies.
    pub agencies: &'a [String],
    /// The registries and record types.
    pub catalogue: &'a Catalogue,
}

/// Checks a rule whose fields begin with `at`; methods get their full names. What is wrong is added to `found`.
pub fn check(mut rule: Rule, at: &str, known: &Known<'_>, found: &mut Violations) -> Rule {
    let mut report = Report { at, found };
    report.fields_that_fit(&rule);
    report.methods(&mut rule.matching, known);
    report.names(&rule.matching, known);
    report.turn(&rule.turn);
    match &rule.action {
        Action::Call(action) => report.call(action),
        Action::Read(ReadAction::Delay(delay)) => report.delay("read_delay", delay),
        Action::Read(_) => {}
        Action::State(action) => report.state(*action, &rule),
    }
    rule
}

/// Checks the bounds of an action about calls, whose fields begin with `at`. What is wrong is added to `found`.
pub fn check_bounds(action: &CallAction, at: &str, found: &mut Violations) {
    Report { at, found }.call(action);
}

/// The violations of one rule.
struct Report<'a> {
    at: &'a str,
    found: &'a mut Violations,
}

impl Report<'_> {
    fn add(&mut self, field: &str, rule: &'static str, message: impl std::fmt::Display) {
        self.found.push(Violation::new(format!("{}.{field}", self.at), rule, message));
    }

    fn fields_that_fit(&mut self, rule: &Rule) {
        let Match { methods, agency, registry, record_type, person, log } = &rule.matching;
        let given = [
            ("methods", !methods.is_empty()),
            ("agency", agency.is_some()),
            ("registry", registry.is_some()),
            ("record_type", record_type.is_some()),
            ("person", person.is_some()),
            ("log", log.is_some()),
        ];
        let (takes, what): (&[&str], _) = match &rule.action {
            Action::Call(_) => (
                &["methods", "agency", "record_type", "person"],
                "a fault of calls: a call is of no registry and no log",
            ),
            Action::Read(_) => (
                &["registry", "record_type", "person"],
                "a fault of a registry's answers: a registry does not see the caller of a read",
            ),
            Action::State(StateAction::FullDisk) => (&[], "a full disk, which is the whole world's"),
            Action::State(StateAction::HaltedRenewal) => (&[], "the trust anchor, which is the whole world's"),
            Action::State(StateAction::HaltedFeed | StateAction::ClockSkew(_)) => {
                (&["registry"], "a fault of a registry's feed or clock")
            }
            Action::State(_) => (&["log"], "a fault of a log"),
        };
        for (field, _) in given.iter().filter(|(field, is_given)| *is_given && !takes.contains(field)) {
            self.add(&format!("match.{field}"), "NOT_APPLICABLE", format!("does not belong to {what}"));
        }
        if matches!(rule.action, Action::State(_)) && !rule.turn.is_a_span() {
            let says = "a fault of a part of the world is in force for as long as its rule exists: it has only a window (from, until) and a ttl";
            self.add("turn", "NOT_APPLICABLE", says);
        }
    }

    fn methods(&mut self, matching: &mut Match, known: &Known<'_>) {
        if matching.methods.len() > METHODS_MAX {
            let says = format!("has {} methods; at most {METHODS_MAX} are allowed", matching.methods.len());
            return self.add("match.methods", "TOO_LONG", says);
        }
        for (index, given) in matching.methods.iter_mut().enumerate() {
            let field = format!("match.methods[{index}]");
            let methods = || known.methods.iter().copied();
            let meant: Vec<String> = match given.strip_suffix("/*") {
                Some(service) => {
                    services_meant(service, methods()).iter().map(|service| format!("{service}/*")).collect()
                }
                None => methods_meant(given, methods()).into_iter().map(str::to_owned).collect(),
            };
            match &meant[..] {
                [one] if one.starts_with(RULES) => {
                    let says = "the service of the rules themselves has no faults, so that they can always be ended";
                    self.found.push(Violation::new(format!("{}.{field}", self.at), "NOT_APPLICABLE", says));
                }
                [one] => one.clone_into(given),
                [] => {
                    let ends = known.methods.iter().map(|name| comparable_end(given, name));
                    self.found.push(unknown(
                        format!("{}.{field}", self.at),
                        "method",
                        given,
                        ends,
                        "reflection, or docs/guides/faults.md",
                    ));
                }
                several => {
                    let says = format!("can be any of {}: write it whole", several.join(", "));
                    self.found.push(Violation::new(format!("{}.{field}", self.at), "AMBIGUOUS", says));
                }
            }
        }
    }

    fn names(&mut self, matching: &Match, known: &Known<'_>) {
        let catalogue = known.catalogue;
        let field = |name: &str| format!("{}.match.{name}", self.at);
        if let Some(agency) = &matching.agency
            && agency != CITIZEN
            && !known.agencies.contains(agency)
        {
            let all = known.agencies.iter().map(String::as_str).chain([CITIZEN]);
            self.found.push(unknown(field("agency"), "agency", agency, all, "AgencyService/ListAgencies"));
        }
        if let Some(registry) = &matching.registry
            && catalogue.sector(registry).is_none()
        {
            self.found.push(catalogue.unknown_registry(field("registry"), registry));
        }
        match (&matching.record_type, matching.registry.as_deref().and_then(|name| catalogue.sector(name))) {
            (None, _) => {}
            (Some(name), of) => match (catalogue.record_type(name), of) {
                (None, _) => self.found.push(catalogue.unknown_record_type(field("record_type"), name)),
                (Some(record_type), Some(of)) if record_type.registry != of.name => {
                    let says = format!("belongs to the {} registry", record_type.registry);
                    self.found.push(Violation::new(field("record_type"), "NOT_APPLICABLE", says));
                }
                _ => {}
            },
        }
        if let Some(log) = &matching.log {
            let logs: Vec<&str> = catalogue
                .sectors()
                .iter()
                .map(|sector| &*sector.name)
                .chain([RECORD_LEDGER, EVIDENCE_LEDGER])
                .collect();
            if !logs.contains(&&**log) {
                let says = no_such("log", log, &logs);
                self.found.push(Violation::new(field("log"), "UNKNOWN_VALUE", says));
            }
        }
    }

    fn turn(&mut self, turn: &Turn) {
        if let (Some(nth), every) = (turn.nth, turn.every)
            && nth.get() % every.get() != 0
        {
            self.add(
                "turn.nth",
                "CONTRADICTION",
                format!("the occasion {nth} is none of every {every}: the rule would never act"),
            );
        }
        if let (Some(from), Some(until)) = (turn.from, turn.until)
            && until <= from
        {
            self.add("turn.until", "OUT_OF_RANGE", "is not later than from: the rule would never act");
        }
        if turn.ttl.is_some_and(|ttl| ttl.is_zero() || ttl.as_secs() > TTL_MAX_SECONDS) {
            self.add("turn.ttl", "OUT_OF_RANGE", "more than 0, and at most 30 days");
        }
    }

    fn delay(&mut self, field: &str, delay: &Delay) {
        let most = DELAY_MAX.as_secs();
        let is_long = |of: &std::time::Duration| *of > DELAY_MAX;
        match delay {
            Delay::Fixed(of) if is_long(of) => {
                self.add(&format!("{field}.fixed"), "OUT_OF_RANGE", format!("at most {most} s"))
            }
            Delay::Uniform(low, high) if is_long(high) || high < low => {
                self.add(&format!("{field}.uniform"), "OUT_OF_RANGE", format!("from low to high, at most {most} s"));
            }
            Delay::LogNormal { median, sigma_milli } if is_long(median) || *sigma_milli > SIGMA_MILLI_MAX => {
                let says = format!("a median of at most {most} s, and a sigma from 0 to {}", SIGMA_MILLI_MAX / 1_000);
                self.add(&format!("{field}.log_normal"), "OUT_OF_RANGE", says);
            }
            _ => {}
        }
    }

    fn call(&mut self, action: &CallAction) {
        match action {
            CallAction::Delay(delay) => self.delay("delay", delay),
            CallAction::Refuse(refusal) => {
                if refusal.message.chars().count() > MESSAGE_CHARS_MAX || refusal.message.chars().any(char::is_control)
                {
                    self.add("status.message", "FORMAT", format!("at most {MESSAGE_CHARS_MAX} characters on one line"));
                }
                if refusal.retry_after.is_some_and(|after| after.as_secs() > TTL_MAX_SECONDS) {
                    self.add("status.retry_after", "OUT_OF_RANGE", "at most 30 days");
                }
            }
            CallAction::Drip { every, .. } if *every > DELAY_MAX || every.is_zero() => {
                let says = format!("more than 0, and at most {} s", DELAY_MAX.as_secs());
                self.add("drip.every", "OUT_OF_RANGE", says);
            }
            CallAction::Drip { .. }
            | CallAction::TrailersOnly
            | CallAction::Cut(_)
            | CallAction::Reset(_)
            | CallAction::GoAway
            | CallAction::Duplicate => {}
        }
    }

    fn state(&mut self, action: StateAction, rule: &Rule) {
        match action {
            StateAction::ClockSkew(by) if by == 0 || by.abs() > SKEW_MS_MAX => {
                self.add("clock_skew.by", "OUT_OF_RANGE", "not 0, and at most ten years either way");
            }
            StateAction::OldCheckpoint | StateAction::EquivocatingLog | StateAction::PausedSequencer
                if rule.matching.log.is_none() =>
            {
                self.add("match.log", "REQUIRED", "a registry's name, records or evidence");
            }
            StateAction::ClockSkew(_) | StateAction::HaltedFeed if rule.matching.registry.is_none() => {
                self.add("match.registry", "REQUIRED", "the name of a registry: RegistryService/Describe lists them");
            }
            _ => {}
        }
    }
}
