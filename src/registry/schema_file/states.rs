//! The lifecycle of a record type in a schema file: tables of states, fields that stay, lists whose entries stay, rules in CEL, and
//! time rules.

use super::super::lifecycle::{Entries, FieldRule, Lifecycle, ListRule, Needs, States, TimeRule, Transition, Who};
use super::super::rule::Field;
use super::super::schema::State;
use super::map::{At, Map};
use super::rules::{between_versions, needs, written};
use super::time;

/// Most rows of one table.
const ROWS_MAX: usize = 200;

/// Reads a lifecycle.
pub(super) fn lifecycle(at: &At<'_>, fields: &[Field], statuses: &[(String, State)]) -> Option<Lifecycle> {
    let map = at.map()?;
    map.only(&["states", "fields", "lists", "rules", "time"]);
    let mut lifecycle = Lifecycle::default();
    for table in rows(&map, "states")? {
        let states = states(&table)?;
        if lifecycle.states.iter().any(|other| other.field == states.field) {
            table.flaw("DUPLICATE", format_args!("the table of `{}` occurs twice", states.field));
        }
        if states.field == "status" {
            check_ends(&table, &states, statuses);
        }
        lifecycle.states.push(states);
    }
    for row in rows(&map, "fields")? {
        row.only(&["field", "needs", "once_known", "source"]);
        let (field, wants, source) = (row.need("field"), row.need("needs"), row.need("source"));
        let path = field?.text()?.to_owned();
        if lifecycle.fields.iter().any(|other| other.path == path) {
            row.flaw("DUPLICATE", format_args!("the table of `{path}` occurs twice"));
        }
        lifecycle.fields.push(FieldRule {
            path,
            may_be_added: row.get("once_known").map_or(Some(false), |known| known.flag())?,
            needs: needs(&wants?)?,
            source: written(&source?)?,
        });
    }
    for row in rows(&map, "lists")? {
        lifecycle.lists.push(list(&row)?);
    }
    if let Some(rules) = map.get("rules") {
        lifecycle.rules = between_versions(&rules, fields)?;
    }
    if let Some(list) = map.get("time") {
        lifecycle.time = time::rules(&list, fields, &lifecycle)?;
    }
    check_authors(&map, &lifecycle);
    if let Some(problem) = lifecycle.problem(fields) {
        map.flaw("LIFECYCLE", problem);
    }
    Some(lifecycle)
}

fn rows<'a>(map: &Map<'a>, key: &str) -> Option<Vec<Map<'a>>> {
    let Some(list) = map.get(key) else { return Some(Vec::new()) };
    let items = list.items()?;
    if items.len() > ROWS_MAX {
        list.flaw("COUNT", format_args!("at most {ROWS_MAX} rows"));
        return None;
    }
    items.iter().map(At::map).collect()
}

fn states(table: &Map<'_>) -> Option<States> {
    table.only(&["field", "unnamed", "source", "transitions"]);
    let (source, transitions) = (table.need("source"), table.need("transitions"));
    let field = table.get("field").map_or(Some("status"), |field| field.text())?.to_owned();
    let unnamed = table.get("unnamed").map_or(Some(false), |unnamed| unnamed.flag())?;
    let mut found = Vec::new();
    for row in rows(table, "transitions")? {
        row.only(&["from", "to", "by", "needs", "source"]);
        let (from, to, source) = (row.need("from"), row.need("to"), row.need("source"));
        found.push(Transition {
            from: from?.text()?.to_owned(),
            to: to?.text()?.to_owned(),
            by: row.get("by").map_or(Some(Who::Anybody), |by| by.one_of(&Who::NAMED))?,
            needs: row.get("needs").map_or(Some(Needs::Nothing), |at| needs(&at))?,
            source: written(&source?)?,
        });
    }
    transitions?;
    Some(States { field, source: written(&source?)?, rows: found, unnamed })
}

/// Every status can be reached from the ordinary one, and every status that is not final can be left.
fn check_ends(table: &Map<'_>, states: &States, statuses: &[(String, State)]) {
    let Some((ordinary, _)) = statuses.first() else { return };
    let mut reached = vec![ordinary.as_str()];
    let mut at = 0;
    while let Some(from) = reached.get(at).copied() {
        at += 1;
        for row in states.rows.iter().filter(|row| row.from == from && row.needs != Needs::Never) {
            if !reached.contains(&row.to.as_str()) {
                reached.push(&row.to);
            }
        }
    }
    for (status, state) in statuses {
        if !reached.contains(&status.as_str()) {
            table.flaw("UNREACHABLE", format_args!("no transitions lead from {ordinary} to {status}"));
        }
        let has_exit = states.rows.iter().any(|row| row.from == *status && row.needs != Needs::Never);
        if *state != State::Ended && !has_exit {
            table.flaw("DEAD_END", format_args!("nothing may follow {status}, which is not an end"));
        }
    }
}

/// A transition of the registry alone is made by a time rule, and one of its owner alone by none.
fn check_authors(map: &Map<'_>, lifecycle: &Lifecycle) {
    for states in &lifecycle.states {
        for row in &states.rows {
            let makes = |rule: &&TimeRule| rule.makes(&states.field, &row.from, &row.to);
            let (from, to) = (&row.from, &row.to);
            match (row.by, lifecycle.time.iter().find(makes)) {
                (Who::System, None) => {
                    map.flaw("AUTHOR", format_args!("{from} → {to} is by the system, and no rule of time makes it"));
                }
                (Who::Owner, Some(rule)) => {
                    map.flaw("AUTHOR", format_args!("{from} → {to} is by the owner, and {} makes it", rule.name));
                }
                _ => {}
            }
        }
    }
}

fn list(row: &Map<'_>) -> Option<ListRule> {
    row.only(&["field", "key", "closing", "added", "closed", "changed", "removed", "source"]);
    let (field, source) = (row.need("field"), row.need("source"));
    let texts = |key: &str| row.get(key).map_or(Some(Vec::new()), |list| list.texts());
    let wants = |key: &str| row.get(key).map_or(Some(Needs::Nothing), |at| needs(&at));
    Some(ListRule {
        field: field?.text()?.to_owned(),
        key: texts("key")?,
        entries: Entries {
            added: wants("added")?,
            closing: texts("closing")?,
            closed: wants("closed")?,
            changed: wants("changed")?,
            removed: wants("removed")?,
        },
        source: written(&source?)?,
    })
}
