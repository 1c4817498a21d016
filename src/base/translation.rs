//! The Vietnamese of the program's English sentences.
//!
//! Rules, use cases and logs speak English, and state each thing once. The edge that shows a sentence to a person who asked for Vietnamese looks it
//! up here, complete as it is. `translation/vi.po` (GNU gettext, PO files) holds each sentence with named values, and the same in Vietnamese
//! with the same values: `a page holds at most {0} items` is `mỗi trang có nhiều nhất {0} mục`. A value that is itself a sentence is translated
//! too, and so are the members of a list (`a; b`, `a, b`) and the sentence after a path (`changes[3]: …`). A value named `count` is a number,
//! so that `{count} records` does not match every text that ends so. A sentence without an entry stays English; `tests/vietnamese.rs` finds
//! every literal of the sources that lacks one.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use super::Language;

/// How deep sentences are looked for within values.
const DEPTH_MAX: usize = 6;
/// The name of values that are numbers.
const COUNT: &str = "count";
/// Longer texts stay as they are, in bytes.
const TEXT_BYTES_MAX: usize = 8 * 1024;

static VIETNAMESE: LazyLock<Translation> = LazyLock::new(|| Translation::read(include_str!("translation/vi.po")));

impl Language {
    /// An English text in this language; lines, and the blanks that they begin with, stay.
    ///
    /// ```
    /// use lienthong::base::Language;
    /// assert_eq!(Language::Vietnamese.say("a page holds at most 5 items"), "mỗi trang có nhiều nhất 5 mục");
    /// assert_eq!(Language::English.say("a page holds at most 5 items"), "a page holds at most 5 items");
    /// ```
    pub fn say(self, english: &str) -> Cow<'_, str> {
        match self {
            Self::Vietnamese if english.contains('\n') => {
                Cow::Owned(english.split('\n').map(|line| self.line(line)).collect::<Vec<_>>().join("\n"))
            }
            _ => self.line(english),
        }
    }

    fn line(self, english: &str) -> Cow<'_, str> {
        match self {
            Self::English => Cow::Borrowed(english),
            Self::Vietnamese => vietnamese(english).map_or(Cow::Borrowed(english), Cow::Owned),
        }
    }
}

/// A sentence in Vietnamese; `None` when neither it nor a part of it has an entry.
pub fn vietnamese(english: &str) -> Option<String> {
    if english.len() > TEXT_BYTES_MAX {
        return None;
    }
    VIETNAMESE.sentence(english, DEPTH_MAX).or_else(|| {
        let text = english.trim_start();
        let indent = &english[..english.len() - text.len()];
        if indent.is_empty() { None } else { Some(format!("{indent}{}", VIETNAMESE.sentence(text, DEPTH_MAX)?)) }
    })
}

/// All entries: English and Vietnamese, with the names of their values in braces.
pub fn entries() -> impl Iterator<Item = (&'static str, &'static str)> {
    VIETNAMESE.entries.iter().map(|(english, vietnamese)| (english.as_str(), vietnamese.as_str()))
}

/// The pieces of a template, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(String),
}

/// `a {b} c` as its pieces. Braces that enclose no name are text.
fn pieces(template: &str) -> Vec<Piece> {
    let (mut all, mut text, mut rest) = (Vec::new(), String::new(), template);
    while let Some(begin) = rest.find('{') {
        let name = rest[begin + 1..].split_once('}').map(|(name, _)| name);
        let is_name = |name: &&str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        match name.filter(is_name) {
            Some(name) => {
                text.push_str(&rest[..begin]);
                if !text.is_empty() {
                    all.push(Piece::Text(std::mem::take(&mut text)));
                }
                all.push(Piece::Value(name.to_owned()));
                rest = &rest[begin + name.len() + 2..];
            }
            None => {
                text.push_str(&rest[..=begin]);
                rest = &rest[begin + 1..];
            }
        }
    }
    text.push_str(rest);
    if !text.is_empty() {
        all.push(Piece::Text(text));
    }
    all
}

/// An English sentence with values, and its Vietnamese.
#[derive(Debug)]
struct Template {
    english: Vec<Piece>,
    vietnamese: Vec<Piece>,
    /// Bytes of English outside the values: of several templates that fit, the one with the most is meant.
    weight: usize,
}

impl Template {
    /// The values of `text`, by name, if it is this sentence. Each value ends where the text after it first occurs.
    fn values<'t>(&self, text: &'t str) -> Option<Vec<(&str, &'t str)>> {
        let (mut values, mut open, mut rest) = (Vec::new(), None, text);
        for (at, piece) in self.english.iter().enumerate() {
            match (piece, open.take()) {
                (Piece::Value(name), _) => open = Some(name.as_str()),
                (Piece::Text(text), None) => rest = rest.strip_prefix(text.as_str())?,
                (Piece::Text(text), Some(name)) => {
                    let is_last = at + 1 == self.english.len();
                    let end = if is_last { rest.strip_suffix(text.as_str())?.len() } else { rest.find(text.as_str())? };
                    values.push((name, &rest[..end]));
                    rest = &rest[end + text.len()..];
                }
            }
        }
        match open {
            Some(name) => values.push((name, rest)),
            None if !rest.is_empty() => return None,
            None => {}
        }
        if values.iter().any(|(name, value)| *name == COUNT && !value.bytes().all(|byte| byte.is_ascii_digit())) {
            return None;
        }
        // What ends with a colon, or begins the sentence and has one in it, is a path before a sentence of its own.
        let is_path = values.iter().any(|(_, value)| value.ends_with(':'));
        let begins = matches!(self.english.first(), Some(Piece::Value(_)));
        let takes_in_a_path = begins && values.first().is_some_and(|(_, value)| value.contains(": "));
        if is_path || takes_in_a_path { None } else { Some(values) }
    }
}

/// A PO file, ready for lookups.
#[derive(Debug, Default)]
struct Translation {
    entries: Vec<(String, String)>,
    /// Sentences without values, by their English.
    fixed: HashMap<String, String>,
    /// The others, those with the most text first.
    templates: Vec<Template>,
}

impl Translation {
    /// Reads `msgid` and `msgstr` of each entry, one line each; other lines are comments.
    fn read(po: &str) -> Self {
        let mut all = Self::default();
        let mut english = None;
        for line in po.lines() {
            if let Some(id) = line.strip_prefix("msgid ") {
                english = quoted(id);
            } else if let Some(text) = line.strip_prefix("msgstr ")
                && let Some((english, vietnamese)) = english.take().zip(quoted(text))
                && !english.is_empty()
            {
                all.add(english, vietnamese);
            }
        }
        all.templates.sort_by_key(|template| std::cmp::Reverse(template.weight));
        all
    }

    fn add(&mut self, english: String, vietnamese: String) {
        let pieces_of = pieces(&english);
        if pieces_of.iter().any(|piece| matches!(piece, Piece::Value(_))) {
            let weight = pieces_of.iter().map(|piece| if let Piece::Text(text) = piece { text.len() } else { 0 }).sum();
            self.templates.push(Template { english: pieces_of, vietnamese: pieces(&vietnamese), weight });
        } else {
            self.fixed.insert(english.clone(), vietnamese.clone());
        }
        self.entries.push((english, vietnamese));
    }

    fn sentence(&self, text: &str, depth: usize) -> Option<String> {
        if let Some(vietnamese) = self.fixed.get(text) {
            return Some(vietnamese.clone());
        }
        let depth = depth.checked_sub(1)?;
        // The heaviest are first: those with more text than there is cannot fit.
        let heavy = self.templates.partition_point(|template| template.weight > text.len());
        let fitting = self.templates[heavy..].iter().find_map(|template| Some((template, template.values(text)?)));
        // A list whose members are all sentences is not one sentence with the rest of the list as its last value.
        let takes_in_a_list =
            |values: &[(&str, &str)]| values.iter().any(|(_, value)| value.contains("; ") || value.contains(", "));
        if fitting.as_ref().is_some_and(|(_, values)| takes_in_a_list(values))
            && let Some(list) = self.list(text, depth, |known, all| known == all)
        {
            return Some(list);
        }
        match fitting {
            Some((template, values)) => Some(self.filled(template, &values, depth)),
            None => self.list(text, depth, |known, _| known > 0).or_else(|| self.after_a_path(text, depth)),
        }
    }

    fn filled(&self, template: &Template, values: &[(&str, &str)], depth: usize) -> String {
        let value = |name: &str| values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
        // A single word is a name if the English sentence begins with it, and a flag after `--`.
        let is_first = |name: &str| matches!(template.english.first(), Some(Piece::Value(first)) if first == name);
        let (mut text, mut is_flag) = (String::new(), false);
        for piece in &template.vietnamese {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Value(name) => match value(name) {
                    value if is_flag || is_a_flag(value) || (is_first(name) && !value.contains(' ')) => {
                        text.push_str(value);
                    }
                    value => text.push_str(&self.sentence(value, depth).unwrap_or_else(|| value.to_owned())),
                },
            }
            is_flag = matches!(piece, Piece::Text(part) if part.ends_with("--"));
        }
        text
    }

    /// A list: `a; b` where `counts(known, all)` accepts the number of its translated members, or `a, b` where all are translated.
    fn list(&self, text: &str, depth: usize, counts: impl Fn(usize, usize) -> bool) -> Option<String> {
        let members = |separator| -> Vec<(&str, Option<String>)> {
            text.split(separator).map(|member| (member, self.sentence(member, depth))).collect()
        };
        let joined = |members: Vec<(&str, Option<String>)>, separator| {
            let text = |(english, vietnamese): (&str, Option<String>)| vietnamese.unwrap_or_else(|| english.to_owned());
            Some(members.into_iter().map(text).collect::<Vec<_>>().join(separator))
        };
        if text.contains("; ") {
            let members = members("; ");
            let known = members.iter().filter(|(_, vietnamese)| vietnamese.is_some()).count();
            if counts(known, members.len()) {
                return joined(members, "; ");
            }
        }
        if text.contains(", ") {
            let members = members(", ");
            if members.iter().all(|(_, vietnamese)| vietnamese.is_some()) {
                return joined(members, ", ");
            }
        }
        None
    }

    /// `path: sentence`.
    fn after_a_path(&self, text: &str, depth: usize) -> Option<String> {
        let (path, sentence) = text.split_once(": ")?;
        Some(format!("{path}: {}", self.sentence(sentence, depth)?))
    }
}

/// A flag with its value's name, as clap writes it: `--seed <NUMBER>`.
fn is_a_flag(value: &str) -> bool {
    value.starts_with("--") && !value.contains(": ")
}

/// The text of a quoted string of a PO file.
fn quoted(text: &str) -> Option<String> {
    let inner = text.trim().strip_prefix('"')?.strip_suffix('"')?;
    let (mut out, mut chars) = (String::with_capacity(inner.len()), inner.chars());
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next()? {
                'n' => out.push('\n'),
                escaped => out.push(escaped),
            },
            '"' => return None,
            plain => out.push(plain),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_paths_and_lists_are_no_sentences() {
        let vi = |english: &str| vietnamese(english).unwrap_or_default();
        let asked = "/d1 holds a world of seed 7, not 8: leave --seed out, or choose another folder";
        assert!(vi(asked).contains("--seed") && vi(asked).contains("thế giới có hạt giống 7"), "{}", vi(asked));
        assert_eq!(vi("7 statements"), "7 tuyên bố");
        assert_eq!(vi("other statements"), "");
        let role = "the agency police, the agency operator";
        assert!(!vi(role).contains("the agency"), "{}", vi(role));
    }

    fn names(template: &str) -> BTreeSet<String> {
        let name = |piece| if let Piece::Value(name) = piece { Some(name) } else { None };
        pieces(template).into_iter().filter_map(name).collect()
    }

    #[test]
    fn the_file_has_nothing_but_whole_entries() {
        let po = include_str!("translation/vi.po");
        let count = |begin: &str| po.lines().filter(|line| line.starts_with(begin)).count();
        assert!(
            po.lines()
                .all(|line| line.is_empty() || ["#", "msgid \"", "msgstr \""].iter().any(|b| line.starts_with(b)))
        );
        // The first entry is the file's header.
        assert_eq!((count("msgid "), count("msgstr ")), (entries().count() + 1, entries().count() + 1));
        let unique: BTreeSet<_> = entries().map(|(english, _)| english).collect();
        assert_eq!(unique.len(), entries().count(), "an entry occurs twice");
    }

    #[test]
    fn a_vietnamese_sentence_has_every_value_of_its_english() {
        for (english, vietnamese) in entries() {
            assert_eq!(names(vietnamese), names(english), "{english}");
            let apart = |pair: &[Piece]| pair.iter().any(|piece| matches!(piece, Piece::Text(_)));
            assert!(pieces(english).windows(2).all(apart), "no text tells the values apart: {english}");
        }
    }

    #[test]
    fn each_sentence_with_values_becomes_its_own_vietnamese() {
        let filled = |template: &str| {
            let value = |piece| match piece {
                Piece::Text(text) => text,
                Piece::Value(name) if name == COUNT => "7".to_owned(),
                Piece::Value(name) => format!("«{name}»"),
            };
            pieces(template).into_iter().map(value).collect::<String>()
        };
        let is_plain = |text: &str| text.chars().any(char::is_alphabetic);
        for (english, expected) in entries().filter(|(english, _)| is_plain(english)) {
            assert_eq!(vietnamese(&filled(english)).as_deref(), Some(&*filled(expected)), "{english}");
        }
    }

    #[test]
    fn sentences_are_found_within_lists_values_and_after_paths() {
        for (english, expected) in [
            ("changes[3].kind: must be one of a, b", "changes[3].kind: phải là một trong a, b"),
            ("a: must be a UUID; b: must be a list", "a: phải là UUID; b: phải là danh sách"),
            ("  internal error", "  lỗi nội bộ"),
            ("the rights r.toml: cannot be read: x", "tệp quyền r.toml: không đọc được: x"),
        ] {
            assert_eq!(vietnamese(english).as_deref(), Some(expected));
        }
        assert_eq!(vietnamese("Nguyễn: An, Bình; Châu"), None);
        assert_eq!(Language::Vietnamese.say("x\ninternal error"), "x\nlỗi nội bộ");
        let long = "a: ".repeat(TEXT_BYTES_MAX);
        assert_eq!(Language::Vietnamese.say(&long), long);
    }
}
