//! A code list as a value, and the status of a code on a day.

use std::ops::Range;

use crate::base::time::Date;
use crate::registry::label::Label;

/// A published list of codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeList {
    /// `land_uses`.
    pub name: String,
    /// Its subject.
    pub label: Label,
    /// The decree, circular or standard that it is from, and the parts of it that we do not know.
    pub source: String,
    /// Whether it has every code that exists.
    pub is_complete: bool,
    /// The value in records that stands for a code.
    pub carries: Carries,
    /// By the value in records, then by first day.
    codes: Vec<Code>,
}

/// The value in records that stands for a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    /// The code itself.
    Code,
    /// The Vietnamese name.
    Name,
}

/// One code, for the days on which it means the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// `LUC`.
    pub code: String,
    /// Its name; empty where we do not know it.
    pub name: Label,
    /// Its first day; `None` when it is older than the list.
    pub valid_from: Option<Date>,
    /// Its last day; `None` while it may be used.
    pub valid_until: Option<Date>,
    /// The code that replaced it, if one did.
    pub successor: Option<String>,
    /// A further property: the benefit level of an object of health insurance, [`DIVIDED`](super::DIVIDED) of a unit. Empty in most lists.
    pub property: String,
}

impl Code {
    /// Whether it may be used on `day`.
    pub fn holds_on(&self, day: Date) -> bool {
        self.valid_from.is_none_or(|first| first <= day) && self.valid_until.is_none_or(|last| day <= last)
    }

    /// Whether it may be used on one of the days from `first` to `last`.
    pub fn holds_between(&self, first: Date, last: Date) -> bool {
        self.valid_from.is_none_or(|from| from <= last) && self.valid_until.is_none_or(|until| first <= until)
    }
}

/// The day on which a code in a record must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AsOf {
    /// The day of the submission: the value is true now.
    Today,
    /// Some day from the date at this path of the payload to today: the value has been true since then.
    Since(String),
    /// The date at this path; today when it is absent.
    Day(String),
    /// Any day: the value was true at a time that the record does not name.
    Ever,
}

/// The result of looking a value up in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing<'a> {
    /// It may be used.
    Known(&'a Code),
    /// It may be used, but not on the day in question.
    OtherDays(&'a Code),
    /// The list does not have it.
    Unknown,
}

impl CodeList {
    /// A list of these codes.
    pub fn new(
        name: &str,
        label: Label,
        source: &str,
        is_complete: bool,
        carries: Carries,
        mut codes: Vec<Code>,
    ) -> Self {
        codes.sort_by(|a, b| (carries.of(a), a.valid_from).cmp(&(carries.of(b), b.valid_from)));
        Self { name: name.into(), label, source: source.into(), is_complete, carries, codes }
    }

    /// Every code, by the value in records, then by first day.
    pub fn codes(&self) -> &[Code] {
        &self.codes
    }

    /// Its size in memory, in bytes: its codes and their texts, each with the allocator's overhead.
    pub fn bytes(&self) -> usize {
        const ALLOCATION: usize = 16;
        let text = |text: &String| text.capacity() + ALLOCATION;
        let of = |code: &Code| {
            let Code { code, name, successor, property, .. } = code;
            text(code) + text(&name.vi) + text(&name.en) + successor.as_ref().map_or(0, text) + text(property)
        };
        self.codes.capacity() * size_of::<Code>() + self.codes.iter().map(of).sum::<usize>() + text(&self.source)
    }

    /// The codes that `value` stands for: one for each span of days in which it has another meaning.
    pub fn meanings(&self, value: &str) -> &[Code] {
        &self.codes[self.range(value)]
    }

    /// The code that `value` stands for on `day`.
    pub fn on(&self, value: &str, day: Date) -> Option<&Code> {
        self.meanings(value).iter().find(|code| code.holds_on(day))
    }

    /// Whether `value` may be used on one of the days from `first` to `last`.
    pub fn standing(&self, value: &str, first: Date, last: Date) -> Standing<'_> {
        let meanings = self.meanings(value);
        match (meanings.iter().rev().find(|code| code.holds_between(first, last)), meanings.last()) {
            (Some(code), _) => Standing::Known(code),
            (None, Some(code)) => Standing::OtherDays(code),
            (None, None) => Standing::Unknown,
        }
    }

    fn range(&self, value: &str) -> Range<usize> {
        let of = |code: &Code| self.carries.of(code).cmp(value);
        let first = self.codes.partition_point(|code| of(code).is_lt());
        first..first + self.codes[first..].partition_point(|code| of(code).is_eq())
    }
}

impl Carries {
    /// The value in records that stands for `code`.
    pub fn of(self, code: &Code) -> &str {
        match self {
            Self::Code => &code.code,
            Self::Name => &code.name.vi,
        }
    }
}
