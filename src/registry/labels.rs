//! Labels and descriptions of the fields of the built-in registries, in both languages: a table next to the sectors' files, whose rules contain no
//! texts.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::label::Label;
use super::rule::{Field, Rule};
use super::schema::RecordType;

/// Label and description.
struct Words {
    title: Label,
    description: Label,
}

static TABLE: LazyLock<HashMap<&'static str, Words>> = LazyLock::new(|| {
    let rows = include_str!("labels.tsv").lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    rows.filter_map(|row| {
        let mut columns = row.split('\t');
        let mut next = || columns.next();
        let (field, vi, en) = (next()?, next()?, next()?);
        let (description_vi, description_en) = (next()?, next()?);
        Some((field, Words { title: Label::new(vi, en), description: Label::new(description_vi, description_en) }))
    })
    .collect()
});

/// The record type with words for every field that the table has.
pub(super) fn labelled(mut record_type: RecordType) -> RecordType {
    let name = record_type.name.to_string();
    fields(&mut record_type.fields, &name, "");
    record_type
}

fn fields(of: &mut [Field], record_type: &str, above: &str) {
    for field in of {
        let path = if above.is_empty() { field.name.clone() } else { format!("{above}.{}", field.name) };
        if let Some(words) = words_of(record_type, &path) {
            field.title = Some(words.title.clone());
            field.description = Some(words.description.clone());
        }
        let mut rule = &mut field.rule;
        while let Rule::List(of, _) | Rule::Set(of, _) = rule {
            rule = of;
        }
        if let Rule::Object(inner) = rule {
            fields(inner, record_type, &path);
        }
    }
}

/// The texts for the longest suffix of a path that the table has.
fn words_of(record_type: &str, path: &str) -> Option<&'static Words> {
    let whole = TABLE.get(format!("{record_type}/{path}").as_str());
    let ends = std::iter::successors(Some(path), |path| path.split_once('.').map(|(_, rest)| rest));
    whole.or_else(|| ends.into_iter().find_map(|end| TABLE.get(end)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Catalogue;

    fn each(fields: &[Field], see: &mut dyn FnMut(&Field)) {
        for field in fields {
            see(field);
            let mut rule = &field.rule;
            while let Rule::List(of, _) | Rule::Set(of, _) = rule {
                rule = of;
            }
            if let Rule::Object(inner) = rule {
                each(inner, see);
            }
        }
    }

    #[test]
    fn every_field_of_every_built_in_record_has_its_words() {
        for of in Catalogue::built_in().record_types() {
            each(&of.fields, &mut |field| {
                let said = field.title.as_ref().zip(field.description.as_ref());
                let (title, description) = said.unwrap_or_else(|| panic!("{}: {}", of.name, field.name));
                for text in [&title.vi, &title.en, &description.vi, &description.en] {
                    assert!(!text.is_empty() && text.trim() == text, "{}: {}", of.name, field.name);
                }
            });
        }
    }

    #[test]
    fn every_row_is_some_fields() {
        fn paths(fields: &[Field], above: &str, out: &mut Vec<String>) {
            for field in fields {
                let path = if above.is_empty() { field.name.clone() } else { format!("{above}.{}", field.name) };
                let mut rule = &field.rule;
                while let Rule::List(of, _) | Rule::Set(of, _) = rule {
                    rule = of;
                }
                if let Rule::Object(inner) = rule {
                    paths(inner, &path, out);
                }
                out.push(path);
            }
        }
        let mut used = std::collections::HashSet::new();
        for of in Catalogue::built_in().record_types() {
            let mut all = Vec::new();
            paths(&of.fields, "", &mut all);
            used.extend(all.iter().filter_map(|path| words_of(&of.name, path)).map(std::ptr::from_ref));
        }
        let idle: Vec<_> = TABLE
            .iter()
            .filter(|(_, words)| !used.contains(&std::ptr::from_ref(*words)))
            .map(|(key, _)| *key)
            .collect();
        assert!(idle.is_empty(), "{idle:?}");
    }

    #[test]
    fn the_longest_end_of_a_path_counts() {
        let label = |path: &str| words_of("vehicle.registration.v1", path).map(|words| words.title.en.as_str());
        assert_eq!(label("owner.passport.number"), Some("Passport number"));
        assert_eq!(label("no_such"), None);
        let finding = words_of("judicial.record.v1", "status").map(|words| words.title.en.as_str());
        assert_eq!(finding, Some("Finding"));
    }
}
