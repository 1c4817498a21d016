//! Paths of fields in a schema: `holder.personal_id`, `doses.*.given_on`.

use super::super::rule::{Field, Rule};

/// The rule at a path; `*` is every item of a list.
pub fn field_at<'a>(fields: &'a [Field], path: &str) -> Option<&'a Rule> {
    let mut names = path.split('.');
    let mut rule = &fields.iter().find(|field| Some(field.name.as_str()) == names.clone().next())?.rule;
    names.next();
    for name in names {
        rule = match rule {
            Rule::Object(fields) => &fields.iter().find(|field| field.name == name)?.rule,
            Rule::List(of, _) | Rule::Set(of, _) if name == "*" => of,
            _ => return None,
        };
    }
    Some(rule)
}
