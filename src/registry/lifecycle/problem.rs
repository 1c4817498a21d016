//! Problems of a record type's tables: they must name fields and values of the type, and nothing twice. Found when the catalogue is built.

use super::super::rule::{Field, Rule};
use super::{Lifecycle, ListRule, TimeRule, Transition};

/// The status field.
const STATUS: &str = "status";

impl Lifecycle {
    /// The problem of the tables, for a record type with these fields.
    pub fn problem(&self, fields: &[Field]) -> Option<String> {
        self.states_problem(fields).or_else(|| self.paths_problem(fields)).or_else(|| {
            let lists = self.lists.iter();
            lists.filter_map(|list| list_problem(list, fields)).next()
        })
    }

    fn states_problem(&self, fields: &[Field]) -> Option<String> {
        for states in &self.states {
            let Some(known) = values(fields, &states.field) else {
                return Some(format!("its lifecycle has states of `{}`, which is not a closed set", states.field));
            };
            // Another state may be unknown until it is entered; a record without a status is in no state at all.
            if states.field == STATUS && find(fields, STATUS).is_none_or(|field| !field.required) {
                return Some(format!("its lifecycle has states of `{STATUS}`, which is not required"));
            }
            let named = states.rows.iter().flat_map(|row| [&row.from, &row.to]);
            if let Some(unknown) = named.into_iter().find(|state| !known.contains(&state.as_str())) {
                return Some(format!(
                    "its lifecycle names the state `{unknown}` of `{}`, which does not exist",
                    states.field
                ));
            }
            let twice = |(at, row): (usize, &Transition)| {
                row.from == row.to
                    || states.rows[..at].iter().any(|other| (&other.from, &other.to) == (&row.from, &row.to))
            };
            if states.rows.iter().enumerate().any(twice) {
                return Some(format!(
                    "its lifecycle has a duplicate row of `{}`, or one that changes nothing",
                    states.field
                ));
            }
        }
        None
    }

    fn paths_problem(&self, fields: &[Field]) -> Option<String> {
        let paths = self.fields.iter().map(|field| &field.path).chain(self.lists.iter().map(|list| &list.field));
        let paths = paths.chain(self.rules.iter().map(|rule| &rule.field));
        let paths = paths.chain(self.across.iter().map(|rule| &rule.field));
        let paths = paths.chain(self.time.iter().flat_map(TimeRule::fields));
        let paths = paths.chain(&self.found_by);
        let unknown = paths.chain(self.unique.iter().map(|rule| &rule.field)).find(|path| find(fields, path).is_none());
        unknown.map(|path| format!("its lifecycle names `{path}`, which is not a field"))
    }
}

/// Entries are distinguished by required fields, and closed by optional ones.
fn list_problem(list: &ListRule, fields: &[Field]) -> Option<String> {
    let ListRule { field, key, entries, .. } = list;
    let (Rule::List(of, _) | Rule::Set(of, _)) = &find(fields, field)?.rule else {
        return Some(format!("its lifecycle has entries of `{field}`, which is not a list"));
    };
    let of_entry = match &**of {
        Rule::Object(fields) => fields.as_slice(),
        _ => &[],
    };
    let unknown = key.iter().chain(&entries.closing).find(|name| find(of_entry, name).is_none())?;
    Some(format!("its lifecycle names `{unknown}` of an entry of `{field}`, which is not a field of it"))
}

/// The values of a closed set.
pub(super) fn values<'a>(fields: &'a [Field], path: &str) -> Option<Vec<&'a str>> {
    match &find(fields, path)?.rule {
        Rule::OneOf(values) | Rule::Code(values) => Some(values.iter().map(String::as_str).collect()),
        Rule::Listed(listed) if listed.list.is_complete => {
            Some(listed.list.codes().iter().map(|code| listed.list.carries.of(code)).collect())
        }
        _ => None,
    }
}

fn find<'a>(fields: &'a [Field], path: &str) -> Option<&'a Field> {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let field = fields.iter().find(|field| field.name == name)?;
    match (&field.rule, rest) {
        (_, None) => Some(field),
        (Rule::Object(fields), Some(rest)) => find(fields, rest),
        _ => None,
    }
}
