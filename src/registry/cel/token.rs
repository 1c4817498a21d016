//! The words of an expression.

use super::CelError;

/// A word and the byte at which it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub at: usize,
    pub what: Word,
}

/// The kinds of words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    Name(String),
    /// A number without its sign.
    Int(u64),
    Text(String),
    /// An operator or a bracket.
    Sign(&'static str),
    End,
}

const SIGNS: [&str; 24] = [
    "||", "&&", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",", "(", ")", "[", "]",
    "{", "}",
];
/// Words that CEL reserves: no variables, but allowed as names of fields.
const RESERVED: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Whether a name may be a field's alone.
pub(super) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// Splits a source into words, the end last.
pub(super) fn tokens(source: &str) -> Result<Vec<Token>, CelError> {
    let (mut tokens, mut at) = (Vec::new(), 0);
    loop {
        let rest = &source[at..];
        let Some(first) = rest.chars().next() else {
            tokens.push(Token { at, what: Word::End });
            return Ok(tokens);
        };
        let fail = |problem: &str| Err(CelError::new(source, at, problem));
        let (what, length) = match first {
            ' ' | '\t' | '\n' | '\r' => {
                at += 1;
                continue;
            }
            '"' | '\'' => text(rest, first).map_err(|(offset, problem)| CelError::new(source, at + offset, problem))?,
            '0'..='9' => {
                let length = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
                match (rest[..length].parse(), rest[length..].starts_with('.')) {
                    (Ok(number), false) => (Word::Int(number), length),
                    _ => return fail("must be a whole number in decimal digits: payloads have no fractions"),
                }
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                let length = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
                match &rest[..length] {
                    "in" => (Word::Sign("in"), length),
                    "null" => return fail("payloads contain no null: use `has` to test whether a field is present"),
                    name => (Word::Name(name.to_owned()), length),
                }
            }
            _ => match SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
                Some(sign) => (Word::Sign(sign), sign.len()),
                None => return fail("no expression has this character here"),
            },
        };
        tokens.push(Token { at, what });
        at += length;
    }
}

/// A text in quotes and its length in bytes, or the position of an error.
fn text(rest: &str, quote: char) -> Result<(Word, usize), (usize, &'static str)> {
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(1);
    while let Some((offset, character)) = characters.next() {
        match character {
            _ if character == quote => return Ok((Word::Text(text), offset + 1)),
            '\n' | '\r' => return Err((offset, "a text ends on its line")),
            '\\' => match characters.next() {
                Some((_, escaped @ ('\\' | '"' | '\'' | '`' | '?'))) => text.push(escaped),
                Some((_, 'n')) => text.push('\n'),
                Some((_, 't')) => text.push('\t'),
                _ => return Err((offset, "this escape is not supported: \\\\, \\\", \\', \\n and \\t are")),
            },
            other => text.push(other),
        }
    }
    Err((0, "the text has no closing quote"))
}
