//! The page of lifecycles, so that an expert on a registry can check them line by line.

use std::fmt::Write as _;

use super::super::{Catalogue, RecordType};
use super::list::Entries;
use super::needs::Needs;
use super::source::Source;
use super::time::{TimeRule, When};
use super::who::Who;

/// `docs/lifecycles.md`.
pub fn page(catalogue: &Catalogue) -> String {
    let mut page = String::from(HEAD);
    for record_type in catalogue.record_types() {
        let _ = writeln!(page, "\n## {} ({})\n", record_type.name, record_type.label.en);
        tables(&mut page, record_type);
    }
    page
}

const HEAD: &str = "# Lifecycles

The allowed changes of records, by record type, as `SubmitChanges` checks every submission. This page is generated from the tables in
`src/registry`, and a test compares them. The marks are those of [fidelity.md](fidelity.md).

- A **transition** of a status field without a row is refused. **A basis** is the payload's `basis` field: number, date and authority of the document
  on which the change is based, and a `reason_code`, if the row lists any. It belongs to this change: the basis of an earlier version does
  not count again (the hundred newest are compared).
- A **field** that is not listed may change freely while the record is in force, and so may the entries of a list that is not listed; once the record has
  ended, with a basis.
- **OPERATION_REVOKE** ends a record for good: it is refused in a status that a row leaves.
- **Changes due by the calendar** are versions that the registry writes by itself when their day comes on the world's clock ([moving time](guides/moving-time.md)), with `system` as the
  authority of their basis and the rule's name as its reason. No submission may have a basis in that name (AUTHOR). A state that merely follows from a date is in no table: it is derived when the record is read.
- A new record has no version before it, so only the rules between records apply to it. Stored records stay readable, whatever rule they break.
- One refusal, TRANSITION_NOT_ALLOWED ([errors.md](errors.md)), names every broken rule of a submission, and nothing of the submission is stored.
";

fn tables(page: &mut String, record_type: &RecordType) {
    let lifecycle = &record_type.lifecycle;
    for states in &lifecycle.states {
        let _ = writeln!(page, "| `{}` from | to | needs | source |\n|---|---|---|---|", states.field);
        for row in &states.rows {
            let by = if row.by == Who::Anybody { String::new() } else { format!(", by the {} alone", row.by) };
            let _ = writeln!(page, "| {} | {} | {}{by} | {} |", row.from, row.to, row.needs, row.source);
        }
        let _ = writeln!(page, "| anything else | | never | {} |\n", states.source);
    }
    let mut rows: Vec<(String, String, &Source)> = Vec::new();
    for field in &lifecycle.fields {
        let known = if field.may_be_added { ", once it is known" } else { "" };
        rows.push((format!("a change of `{}`{known}", field.path), field.needs.to_string(), &field.source));
    }
    for list in &lifecycle.lists {
        let Entries { added, closing, closed, changed, removed } = &list.entries;
        let is_closed = format!("an entry of `{}` gets its `{}`", list.field, closing.join("`, `"));
        let entries = [
            (format!("a new entry of `{}`", list.field), added),
            (is_closed, if closing.is_empty() { &Needs::Nothing } else { closed }),
            (
                format!("an entry of `{}` changes otherwise", list.field),
                if list.key.is_empty() { &Needs::Nothing } else { changed },
            ),
            (format!("an entry of `{}` is removed", list.field), removed),
        ];
        let named = entries.into_iter().filter(|(_, needs)| **needs != Needs::Nothing);
        rows.extend(named.map(|(what, needs)| (what, needs.to_string(), &list.source)));
    }
    for rule in &lifecycle.rules {
        rows.push((format!("{}: `{}`", rule.name, rule.field), rule.says.clone(), &rule.source));
    }
    for rule in &lifecycle.across {
        rows.push((format!("{}: `{}`, between records", rule.name, rule.field), rule.says.clone(), &rule.source));
    }
    for rule in &lifecycle.unique {
        rows.push((format!("{}: `{}`, between records", rule.name, rule.field), rule.says.clone(), &rule.source));
    }
    if !rows.is_empty() {
        page.push_str("| change | needs | source |\n|---|---|---|\n");
        for (what, needs, source) in rows {
            let _ = writeln!(page, "| {what} | {needs} | {source} |");
        }
    }
    if !lifecycle.time.is_empty() {
        page.push_str("\n| due change | when | on which day | change | source |\n|---|---|---|---|---|\n");
        for rule in &lifecycle.time {
            let TimeRule { name, source, .. } = rule;
            let (records, day) = (records(rule), day(rule));
            let _ = writeln!(page, "| {name} | {records} | {day} | {} | {source} |", rule.effect());
        }
    }
}

/// The condition of a rule, in words.
fn records(rule: &TimeRule) -> String {
    let one = |(field, when): &(String, When)| match when {
        When::OneOf(texts) => format!("`{field}` is {}", texts.join(" or ")),
        When::Within(from, to) => format!("`{field}` is {from} to {to}"),
    };
    rule.when.iter().map(one).collect::<Vec<_>>().join(" and ")
}

/// The day on which they are due.
fn day(rule: &TimeRule) -> String {
    let mut from: Vec<String> = rule.since.iter().map(|field| format!("`{field}`")).collect();
    from.extend(rule.or_issue.then(|| "the day of issue".to_owned()));
    format!("{} after {}", rule.after, from.join(", else "))
}
