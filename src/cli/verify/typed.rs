//! Whether the JSON form of a typed message says what the shown fields of a record say.
//!
//! The JSON is of other people's making (grpcurl, other languages), so every form that protobuf's JSON mapping allows is
//! read: both spellings of names, enums by name or number, numbers as texts, defaults present or not. A file may hold a
//! hundred thousand of them, so both sides borrow from it, and nothing is allocated unless they differ.

use std::borrow::Cow;

use super::json::{Members, Tree};
use crate::base::Path;
use crate::trust::Disclosure;
use crate::wire::typed::TypedError;
use crate::wire::typed::table::{Entry, Table, Tables, Target};

type Same = Result<(), String>;

/// More fields than this no message has: one bit each says which were named.
const FIELDS_MAX: usize = 128;

/// The fields that a disclosure shows, borrowed from it. That it is canonical is for the verifier to say.
pub(super) fn shown(disclosure: &Disclosure) -> Result<Members<'_>, TypedError> {
    let refused = |name: &str| TypedError { path: name.to_owned(), problem: "is not canonical" };
    match disclosure {
        Disclosure::Whole { payload, .. } => match read(payload) {
            Some(Tree::Object(fields)) => Ok(fields),
            _ => Err(refused("payload")),
        },
        Disclosure::Partial { shown, .. } => {
            let read = shown.iter().map(|field| {
                let value = read(&field.value).ok_or_else(|| refused(&field.name))?;
                Ok((Cow::Borrowed(field.name.as_str()), value))
            });
            read.collect()
        }
    }
}

fn read(json: &[u8]) -> Option<Tree<'_>> {
    Tree::parse(std::str::from_utf8(json).ok()?).ok()
}

/// The path at which a typed form (JSON of protobuf: camelCase or snake_case names, defaults left out or not) says
/// something else than the shown fields; `None` when it says the same.
pub(super) fn difference(name: &str, shown: &Members<'_>, typed: &Tree<'_>) -> Option<String> {
    let tables = Tables::get();
    match tables.message(name) {
        Some(table) => message(tables, table, shown, typed).err(),
        None => Some(name.to_owned()),
    }
}

/// The path at which the JSON of a `google.protobuf.Struct` says something else than the shown fields; `None` when it says the
/// same: every field by its own name, and no other.
pub(super) fn plain_difference(shown: &Members<'_>, said: &Tree<'_>) -> Option<String> {
    match said {
        Tree::Object(said) => plain_object(shown, said, &Path::Root).err(),
        _ => Some("the typed form".to_owned()),
    }
}

/// `Err` with the path at which the two differ.
fn message(tables: &Tables, table: &Table, shown: &Members<'_>, typed: &Tree<'_>) -> Same {
    match typed {
        Tree::Object(typed) => Walk(tables).object(table, shown, typed, &Path::Root),
        _ => Err("the typed form".to_owned()),
    }
}

/// `Err` with the path at which shown fields and those of a `Struct` differ, which has no second spelling and leaves nothing out.
fn plain_object(shown: &Members<'_>, said: &Members<'_>, path: &Path<'_>) -> Same {
    let in_one = |fields: &Members<'_>, wanted: &str| fields.iter().any(|(name, _)| *name == wanted);
    if let Some((name, _)) = said.iter().find(|(name, _)| !in_one(shown, name)) {
        return Err(Path::Field(path, name).to_string());
    }
    for (name, value) in shown {
        let path = &Path::Field(path, name);
        let said = said.iter().find(|(other, _)| other == name).ok_or_else(|| path.to_string())?;
        plain_value(value, &said.1, path)?;
    }
    Ok(())
}

fn plain_value(shown: &Tree<'_>, said: &Tree<'_>, path: &Path<'_>) -> Same {
    match (shown, said) {
        (Tree::Object(shown), Tree::Object(said)) => plain_object(shown, said, path),
        (Tree::List(shown), Tree::List(said)) => {
            for (at, (shown, said)) in shown.iter().zip(said).enumerate() {
                plain_value(shown, said, &Path::Item(path, at))?;
            }
            let end = shown.len().min(said.len());
            if shown.len() == said.len() { Ok(()) } else { Err(Path::Item(path, end).to_string()) }
        }
        (shown, said) if shown == said => Ok(()),
        _ => Err(path.to_string()),
    }
}

struct Walk<'t>(&'t Tables);

impl Walk<'_> {
    fn object(&self, table: &Table, shown: &Members<'_>, typed: &Members<'_>, path: &Path<'_>) -> Same {
        let mut named = 0_u128;
        let (mut found, mut last) = (0, 0);
        for (name, said) in typed {
            let unknown = || Path::Field(path, name).to_string();
            let (at, entry) = table.find_spelt(name, &mut last).ok_or_else(unknown)?;
            let path = &Path::Field(path, &entry.name);
            if at >= FIELDS_MAX || named >> at & 1 == 1 {
                return Err(path.to_string()); // in both spellings
            }
            named |= 1 << at;
            let value = shown.iter().find(|(name, _)| *name == entry.name).map(|(_, value)| value);
            let same = match (value, said) {
                (Some(value), Tree::Null) => is_left_out(entry, value),
                (None, said) => is_default(entry, said),
                (Some(value), said) => {
                    self.field(entry, value, said, path)?;
                    found += 1;
                    true
                }
            };
            if !same {
                return Err(path.to_string());
            }
        }
        if found == shown.len() {
            return Ok(());
        }
        for (name, value) in shown {
            let same = table
                .find(name)
                .is_some_and(|(at, entry)| (at < FIELDS_MAX && named >> at & 1 == 1) || is_left_out(entry, value));
            if !same {
                return Err(Path::Field(path, name).to_string());
            }
        }
        Ok(())
    }

    fn field(&self, entry: &Entry, value: &Tree<'_>, said: &Tree<'_>, path: &Path<'_>) -> Same {
        if !entry.repeated {
            return self.single(entry, value, said, path);
        }
        let (Tree::List(items), Tree::List(said)) = (value, said) else { return Err(path.to_string()) };
        for (at, (item, said)) in items.iter().zip(said).enumerate() {
            self.single(entry, item, said, &Path::Item(path, at))?;
        }
        if items.len() == said.len() { Ok(()) } else { Err(Path::Item(path, items.len().min(said.len())).to_string()) }
    }

    fn single(&self, entry: &Entry, value: &Tree<'_>, said: &Tree<'_>, path: &Path<'_>) -> Same {
        let same = match (&entry.target, value, said) {
            (Target::Message(at), Tree::Object(value), Tree::Object(said)) => {
                return self.object(self.0.at(*at), value, said, path);
            }
            (Target::Text, Tree::Text(value), Tree::Text(said)) => value == said,
            (Target::Bool, Tree::Bool(value), Tree::Bool(said)) => value == said,
            (Target::Integer, Tree::Integer(value), Tree::Integer(said)) => value == said,
            (Target::Integer, Tree::Integer(value), Tree::Text(said)) => said.parse() == Ok(*value),
            (Target::Enum(values), Tree::Text(value), said) => values.find(value).is_some_and(|known| match said {
                Tree::Text(said) => known.name == *said,
                Tree::Integer(said) => i64::from(known.number) == *said,
                _ => false,
            }),
            _ => false,
        };
        if same { Ok(()) } else { Err(path.to_string()) }
    }
}

/// Whether what the typed form says means "absent": encoders that write defaults write these.
fn is_default(entry: &Entry, said: &Tree<'_>) -> bool {
    match said {
        Tree::Null => true,
        Tree::List(items) => entry.repeated && items.is_empty(),
        _ if entry.repeated || entry.presence => false,
        Tree::Bool(flag) => matches!(entry.target, Target::Bool) && !flag,
        Tree::Integer(number) => *number == 0 && matches!(entry.target, Target::Integer | Target::Enum(_)),
        Tree::Text(text) => match &entry.target {
            Target::Text => text.is_empty(),
            Target::Integer => text == "0",
            Target::Enum(values) => *text == values.zero,
            Target::Bool | Target::Message(_) => false,
        },
        Tree::Object(_) => false,
    }
}

/// Whether a shown value is left out of a typed form, because a field without presence is left out when it is its default.
fn is_left_out(entry: &Entry, value: &Tree<'_>) -> bool {
    !entry.presence && !entry.repeated && matches!(value, Tree::Integer(0) | Tree::Bool(false))
}

#[cfg(test)]
mod tests;
