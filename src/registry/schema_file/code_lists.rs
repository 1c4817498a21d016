//! The code lists of a schema file: its own, next to the built-in ones.
//!
//! A code has one meaning on a day. Whether a list is complete decides whether an unknown code is refused, or accepted
//! and flagged.

use std::sync::Arc;

use super::super::codes::{Carries, Code, CodeList};
use super::super::label::Label;
use super::super::rule::date;
use super::map::{At, Map};
use crate::base::time::Date;

/// Most lists of a file.
const LISTS_MAX: usize = 50;
/// Most codes of a list.
const CODES_MAX: usize = 5_000;
/// Longest code, in characters.
const CODE_CHARS_MAX: usize = 40;
/// Longest name of a list, in bytes, without the name of its registry.
const NAME_BYTES_MAX: usize = 40;

/// Reads the lists of `registry`.
pub(super) fn code_lists(map: &Map<'_>, registry: &str) -> Option<Vec<Arc<CodeList>>> {
    let Some(at) = map.get("code_lists") else { return Some(Vec::new()) };
    let items = at.items()?;
    if items.len() > LISTS_MAX {
        at.flaw("COUNT", format_args!("a file has at most {LISTS_MAX} code lists"));
        return None;
    }
    let mut lists: Vec<Arc<CodeList>> = Vec::new();
    let mut is_whole = true;
    for item in &items {
        let Some(list) = item.map().and_then(|map| list(&map, registry)) else {
            is_whole = false;
            continue;
        };
        if lists.iter().any(|other| other.name == list.name) {
            item.flaw("DUPLICATE", format_args!("{} is in the file already", list.name));
        }
        lists.push(Arc::new(list));
    }
    is_whole.then_some(lists)
}

fn list(map: &Map<'_>, registry: &str) -> Option<CodeList> {
    map.only(&["name", "label", "source", "complete", "codes"]);
    let (name, label, source) = (map.need("name"), map.need("label"), map.need("source"));
    let (complete, codes) = (map.need("complete"), map.need("codes"));
    let name = name?;
    let text = name.text()?;
    let noun = text.strip_prefix(registry).and_then(|rest| rest.strip_prefix('.'));
    let fits =
        noun.is_some_and(|noun| noun.len() <= NAME_BYTES_MAX && crate::trust::canonical::is_name(noun.as_bytes()));
    if !fits {
        name.flaw("NAME", format_args!("a code list is {registry}.NOUN, like {registry}.kinds"));
    }
    let (label, source, is_complete) = (label?.label(), source?.shown(), complete?.flag());
    let codes = self::codes(&codes?)?;
    Some(CodeList::new(text, label?, &source?, is_complete?, Carries::Code, codes))
}

fn codes(at: &At<'_>) -> Option<Vec<Code>> {
    let items = at.items()?;
    if items.is_empty() || items.len() > CODES_MAX {
        at.flaw("COUNT", format_args!("a list has 1 to {CODES_MAX} codes"));
        return None;
    }
    let read: Vec<Option<Code>> = items.iter().map(|item| item.map().and_then(|map| code(&map))).collect();
    let codes = read.into_iter().collect::<Option<Vec<_>>>()?;
    // By code and first day, so that only neighbours can mean two things on one day.
    let mut order: Vec<usize> = (0..codes.len()).collect();
    order.sort_by_key(|at| (&codes[*at].code, codes[*at].valid_from));
    for pair in order.windows(2) {
        let (one, other) = (&codes[pair[0]], &codes[pair[1]]);
        let is_apart = one.valid_until.zip(other.valid_from).is_some_and(|(until, from)| until < from);
        if one.code == other.code && !is_apart {
            items[pair[1]].flaw("DUPLICATE", format_args!("{} means two things on one day", other.code));
        }
    }
    for (item, code) in items.iter().zip(&codes) {
        let successor = code.successor.as_deref();
        let known = |text: &str| order.binary_search_by(|at| codes[*at].code.as_str().cmp(text)).is_ok();
        if let Some(unknown) = successor.filter(|text| !known(text)) {
            item.flaw("REFERENCE", format_args!("the successor {unknown} is not in the list"));
        }
    }
    Some(codes)
}

fn code(map: &Map<'_>) -> Option<Code> {
    map.only(&["code", "vi", "en", "from", "until", "successor"]);
    let (code, vi, en) = (map.need("code"), map.need("vi"), map.need("en"));
    let day = |key: &str| -> Option<Option<Date>> {
        let Some(at) = map.get(key) else { return Some(None) };
        let day = date(at.text()?);
        if day.is_none() {
            at.flaw("FORMAT", "a day is YYYY-MM-DD");
        }
        day.map(Some)
    };
    let (valid_from, valid_until) = (day("from")?, day("until")?);
    if valid_from.zip(valid_until).is_some_and(|(from, until)| until < from) {
        map.flaw("ORDER", "the code ends before it begins");
    }
    let successor = match map.get("successor") {
        Some(at) => Some(at.plain(CODE_CHARS_MAX)?.to_owned()),
        None => None,
    };
    Some(Code {
        code: code?.plain(CODE_CHARS_MAX)?.to_owned(),
        name: Label { vi: vi?.shown()?, en: en?.shown()? },
        valid_from,
        valid_until,
        successor,
        property: String::new(),
    })
}
