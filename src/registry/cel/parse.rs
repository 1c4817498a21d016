//! From tokens to a tree, by precedence; the depth is checked before each descent.

use super::CelError;
use super::ast::{Node, Operator, What};
use super::token::{Token, Word, is_reserved, tokens};

/// Longest expression, in bytes.
pub const SOURCE_BYTES_MAX: usize = 2_000;
/// Most operators and operands of an expression.
pub const NODES_MAX: usize = 250;
/// Deepest nesting of an expression.
pub const DEPTH_MAX: usize = 16;

/// The tree of a source.
pub(super) fn parse(source: &str) -> Result<Node, CelError> {
    if source.len() > SOURCE_BYTES_MAX {
        return Err(CelError::new(source, 0, format!("a rule has at most {SOURCE_BYTES_MAX} bytes")));
    }
    let tokens = tokens(source)?;
    let mut parser = Parser { source, tokens: &tokens, next: 0, nodes: 0, depth: 0 };
    let node = parser.expression()?;
    match parser.peek() {
        Word::End => Ok(node),
        _ => parser.fail("an operator is missing here"),
    }
}

struct Parser<'a> {
    source: &'a str,
    tokens: &'a [Token],
    next: usize,
    nodes: usize,
    depth: usize,
}

type Parsed = Result<Node, CelError>;

impl Parser<'_> {
    fn peek(&self) -> &Word {
        self.tokens.get(self.next).map_or(&Word::End, |token| &token.what)
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.source.len(), |token| token.at)
    }

    fn fail<T>(&self, problem: impl Into<String>) -> Result<T, CelError> {
        Err(CelError::new(self.source, self.at(), problem))
    }

    /// Takes a sign, if it comes next.
    fn takes(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Word::Sign(next) if *next == sign);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), CelError> {
        match self.takes(sign) {
            true => Ok(()),
            false => self.fail(format!("`{sign}` is missing here")),
        }
    }

    fn node(&mut self, at: usize, what: What) -> Parsed {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return self.fail(format!("a rule has at most {NODES_MAX} operators and operands"));
        }
        Ok(Node { at, what })
    }

    fn expression(&mut self) -> Parsed {
        if self.depth == DEPTH_MAX {
            return self.fail(format!("a rule is nested at most {DEPTH_MAX} deep"));
        }
        self.depth += 1;
        let condition = self.binary(1)?;
        let node = if self.takes("?") {
            let then = self.binary(1)?;
            self.expect(":")?;
            let otherwise = self.expression()?;
            self.node(condition.at, What::If(Box::new(condition), Box::new(then), Box::new(otherwise)))?
        } else {
            condition
        };
        self.depth -= 1;
        Ok(node)
    }

    /// Operators that bind at least as tightly as `level`; those of one level associate to the left.
    fn binary(&mut self, level: u8) -> Parsed {
        let mut left = self.unary()?;
        while let Word::Sign(sign) = self.peek()
            && let Some((operator, binds)) = Operator::of(sign)
            && binds >= level
        {
            self.next += 1;
            let right = self.binary(binds + 1)?;
            left = self.node(left.at, What::Binary(operator, Box::new(left), Box::new(right)))?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Parsed {
        let at = self.at();
        let mut signs = Vec::new();
        while let Word::Sign(sign @ ("!" | "-")) = *self.peek() {
            self.next += 1;
            signs.push(sign);
            if signs.len() > 2 {
                return self.fail("three signs in a row");
            }
        }
        let operand = match (signs.last(), self.peek()) {
            // One literal, so that the least number can be written.
            (Some(&"-"), Word::Int(number)) => {
                let number = 0_i64.checked_sub_unsigned(*number);
                signs.pop();
                self.literal(at, number)?
            }
            _ => self.member()?,
        };
        signs.into_iter().rev().try_fold(operand, |operand, sign| {
            let operand = Box::new(operand);
            self.node(at, if sign == "!" { What::Not(operand) } else { What::Minus(operand) })
        })
    }

    /// A number, which is the next word.
    fn literal(&mut self, at: usize, number: Option<i64>) -> Parsed {
        let Some(number) = number else { return self.fail("the number is beyond 64 bits") };
        self.next += 1;
        self.node(at, What::Int(number))
    }

    fn member(&mut self) -> Parsed {
        let mut node = self.primary()?;
        loop {
            let at = self.at();
            if self.takes(".") {
                let name = match self.peek().clone() {
                    Word::Name(name) if name != "true" && name != "false" => name,
                    _ => return self.fail("a field's name is missing here"),
                };
                self.next += 1;
                let what = match self.takes("(") {
                    true => What::Call(Some(Box::new(node)), name, self.list(")")?),
                    false => What::Field(Box::new(node), name),
                };
                node = self.node(at, what)?;
            } else if self.takes("[") {
                let index = self.expression()?;
                self.expect("]")?;
                node = self.node(at, What::Index(Box::new(node), Box::new(index)))?;
            } else {
                return Ok(node);
            }
        }
    }

    fn primary(&mut self) -> Parsed {
        let at = self.at();
        let word = self.peek().clone();
        self.next += 1;
        let what = match word {
            Word::Int(number) => {
                self.next -= 1;
                return self.literal(at, i64::try_from(number).ok());
            }
            Word::Text(text) => What::Text(text),
            Word::Name(name) if name == "true" || name == "false" => What::Bool(name == "true"),
            Word::Name(name) if is_reserved(&name) => {
                self.next -= 1;
                return self.fail("is a reserved word of CEL");
            }
            Word::Name(name) => match self.takes("(") {
                true => What::Call(None, name, self.list(")")?),
                false => What::Name(name),
            },
            Word::Sign("[") => What::List(self.list("]")?),
            Word::Sign("(") => {
                let inner = self.expression()?;
                self.expect(")")?;
                return Ok(inner);
            }
            Word::Sign("{") => {
                self.next -= 1;
                return self.fail("maps are not supported");
            }
            _ => {
                self.next -= 1;
                return self.fail("an operand is missing here");
            }
        };
        self.node(at, what)
    }

    /// Expressions separated by commas, to the closing sign; the last item of a list may be followed by one more comma.
    fn list(&mut self, end: &str) -> Result<Vec<Node>, CelError> {
        let mut items = Vec::new();
        while !self.takes(end) {
            if !items.is_empty() {
                self.expect(",")?;
                if end == "]" && self.takes(end) {
                    break;
                }
            }
            items.push(self.expression()?);
        }
        Ok(items)
    }
}
