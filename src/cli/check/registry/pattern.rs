//! A text that a regular expression of a schema accepts, for samples: of the expressions that schemas have, the plain part. What it does not know
//! is told, and then somebody gives samples.

use std::iter::Peekable;
use std::str::Chars;

/// How often a class of digits is repeated where the expression leaves it open: enough for numbers that never meet.
const DIGITS: usize = 8;
/// Most repetitions of anything.
const REPEATED_MAX: usize = 64;

/// Longest text that is made of a pattern, and deepest group, whoever wrote it.
const TEXT_BYTES_MAX: usize = 4_096;
const GROUPS_MAX: usize = 64;

/// A source of numbers that follow from one number.
pub(super) struct Picks(u64);

impl Picks {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `count`, which is not 0.
    pub(super) fn below(&mut self, count: usize) -> usize {
        // xorshift64* (Vigna 2016)
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % count
    }
}

/// A text that the expression accepts whole.
pub(super) fn text(source: &str, picks: &mut Picks) -> Result<String, String> {
    let unknown = || format!("the pattern {source} is beyond samples");
    if source.matches('(').count() > GROUPS_MAX {
        return Err(unknown());
    }
    let mut chars = source.chars().peekable();
    let mut out = String::new();
    alternatives(&mut chars, picks, &mut out).ok_or_else(unknown)?;
    if chars.next().is_some() { Err(unknown()) } else { Ok(out) }
}

/// The first of several alternatives; the others are read and passed over.
fn alternatives(chars: &mut Peekable<Chars<'_>>, picks: &mut Picks, out: &mut String) -> Option<()> {
    sequence(chars, picks, out)?;
    while chars.next_if_eq(&'|').is_some() {
        sequence(chars, picks, &mut String::new())?;
    }
    Some(())
}

fn sequence(chars: &mut Peekable<Chars<'_>>, picks: &mut Picks, out: &mut String) -> Option<()> {
    while let Some(&next) = chars.peek() {
        match next {
            '|' | ')' => break,
            '^' | '$' => {
                chars.next();
            }
            _ => atom(chars, picks, out)?,
        }
    }
    Some(())
}

/// The characters that one place of the expression may hold.
enum Atom {
    /// One of these.
    Class(Vec<char>),
    /// A group, with where it begins.
    Group(String),
}

fn atom(chars: &mut Peekable<Chars<'_>>, picks: &mut Picks, out: &mut String) -> Option<()> {
    let atom = match chars.next()? {
        '[' => Atom::Class(class(chars)?),
        '(' => {
            // Only groups that are plain, or not captured.
            if chars.next_if_eq(&'?').is_some() && chars.next()? != ':' {
                return None;
            }
            let mut inner = String::new();
            alternatives(chars, picks, &mut inner)?;
            chars.next_if_eq(&')')?;
            Atom::Group(inner)
        }
        '\\' => Atom::Class(escaped(chars.next()?)?),
        '.' => Atom::Class(vec!['a']),
        '*' | '+' | '?' | '{' | '}' | ']' => return None,
        literal => Atom::Class(vec![literal]),
    };
    let (least, most) = repeated(chars)?;
    let count = match &atom {
        Atom::Class(class) if class.iter().all(char::is_ascii_digit) => DIGITS.clamp(least, most),
        _ => least,
    };
    for _ in 0..count {
        match &atom {
            Atom::Class(class) => out.push(*class.get(picks.below(class.len().max(1)))?),
            Atom::Group(inner) => out.push_str(inner),
        }
        if out.len() > TEXT_BYTES_MAX {
            return None;
        }
    }
    Some(())
}

fn repeated(chars: &mut Peekable<Chars<'_>>) -> Option<(usize, usize)> {
    let bounds = match chars.peek() {
        Some('?') => (0, 1),
        Some('*') => (0, REPEATED_MAX),
        Some('+') => (1, REPEATED_MAX),
        Some('{') => {
            chars.next();
            let mut inner = String::new();
            while let Some(c) = chars.next_if(|c| *c != '}') {
                inner.push(c);
            }
            chars.next_if_eq(&'}')?;
            let (least, most) = inner.split_once(',').unwrap_or((&inner, &inner));
            let least: usize = least.parse().ok()?;
            let most = if most.is_empty() { least.max(DIGITS) } else { most.parse().ok()? };
            return (least <= most && least <= REPEATED_MAX).then_some((least, most));
        }
        _ => return Some((1, 1)),
    };
    chars.next();
    Some(bounds)
}

fn escaped(c: char) -> Option<Vec<char>> {
    match c {
        'd' => Some(('0'..='9').collect()),
        's' => Some(vec![' ']),
        'w' => Some(('a'..='z').collect()),
        c if c.is_ascii_punctuation() || c == ' ' => Some(vec![c]),
        _ => None,
    }
}

/// The members of a class after its bracket.
fn class(chars: &mut Peekable<Chars<'_>>) -> Option<Vec<char>> {
    let mut members: Vec<char> = Vec::new();
    loop {
        match chars.next()? {
            ']' if !members.is_empty() => return Some(members),
            '^' if members.is_empty() => return None,
            '\\' => members.extend(escaped(chars.next()?)?),
            '-' if !members.is_empty() && chars.peek().is_some_and(|next| *next != ']') => {
                let (first, last) = (*members.last()?, chars.next()?);
                if last <= first || last as u32 - first as u32 > 1_000 {
                    return None;
                }
                members.extend(((first as u32 + 1)..=last as u32).filter_map(char::from_u32));
            }
            c => members.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::pattern::Pattern;

    #[test]
    fn what_is_made_is_accepted_and_differs() {
        for source in [
            "^[A-ZĐ]{1,4}[- ]?[0-9]{4,12}$",
            "^[0-9]{10}$",
            "^20[0-9]{2}-20[0-9]{2}$",
            "^(AB|CD)-\\d{3,}(\\.[a-z]+)?$",
            "^(?:x|y)+[0-9A-F]{6}\\/B$",
            "^[0-9]{6}$",
        ] {
            let pattern = Pattern::new(source).expect(source);
            let made: Vec<String> = (1..50).map(|seed| text(source, &mut Picks::new(seed)).expect(source)).collect();
            assert!(made.iter().all(|text| pattern.is_match(text)), "{source}: {made:?}");
            let distinct: std::collections::BTreeSet<_> = made.iter().collect();
            assert!(distinct.len() > 40, "{source}: {} of 49 differ", distinct.len());
        }
    }

    #[test]
    fn what_is_not_known_is_told() {
        for source in ["[^a]", "(?=a)b", "\\p{L}", "a{2", "(a", "a)", "[z-a]"] {
            assert!(text(source, &mut Picks::new(1)).is_err(), "{source}");
        }
    }
}
