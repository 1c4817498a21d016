//! Evaluates a program against a record. Values are borrowed from the payload; an evaluation makes lists only for `filter` and `map`.

use std::borrow::Cow;

use super::ast::Operator;
use super::check::{Macro, Op, Program, Span, TextTest};
use crate::base::time::Date;
use crate::base::{PartialDate, Timestamp};
use crate::trust::{Object, Value};

/// The result of a rule for a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is true or false.
    Is(bool),
    /// A field that it needs is absent, or is not of its kind.
    Absent,
    /// Its value cannot be computed: a division by zero, or a number beyond 64 bits.
    Failed,
}

/// The reason why there is no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Absent,
    Failed,
}

/// A value during the evaluation.
#[derive(Debug, Clone)]
enum Held<'a> {
    Bool(bool),
    Int(i64),
    Text(Cow<'a, str>),
    Object(&'a Object),
    List(Cow<'a, [Value]>),
    Made(Vec<Held<'a>>),
}

impl<'a> Held<'a> {
    fn of(value: &'a Value) -> Self {
        match value {
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Integer(number) => Self::Int(*number),
            Value::String(text) => Self::Text(Cow::Borrowed(text)),
            Value::Object(object) => Self::Object(object),
            Value::Array(items) => Self::List(Cow::Borrowed(items)),
        }
    }

    /// The items of a list.
    fn items(self) -> Result<Vec<Self>, Stop> {
        match self {
            Self::List(Cow::Borrowed(items)) => Ok(items.iter().map(Held::of).collect()),
            Self::Made(items) => Ok(items),
            _ => Err(Stop::Absent),
        }
    }

    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bool(one), Self::Bool(other)) => one == other,
            (Self::Int(one), Self::Int(other)) => one == other,
            (Self::Text(one), Self::Text(other)) => one == other,
            (Self::Object(one), Self::Object(other)) => one == other,
            (Self::List(one), Self::List(other)) => one == other,
            (Self::List(_) | Self::Made(_), Self::List(_) | Self::Made(_)) => {
                let (one, other) = (self.clone().items(), other.clone().items());
                one.is_ok_and(|one| {
                    other.is_ok_and(|other| one.len() == other.len() && one.iter().zip(&other).all(|(a, b)| a.is(b)))
                })
            }
            _ => false,
        }
    }
}

/// The value of a variable.
#[derive(Debug, Clone, Copy)]
pub enum Variable<'a> {
    /// A record.
    Object(&'a Object),
    /// A text.
    Text(&'a str),
    /// A field that is absent.
    Absent,
}

impl Program {
    /// The result of the rule for these variables, which are in the order in which it was compiled.
    pub fn run(&self, variables: &[Variable<'_>]) -> Outcome {
        debug_assert_eq!(variables.len(), self.slots);
        match (Run { variables, item: None }).op(&self.op) {
            Ok(Held::Bool(truth)) => Outcome::Is(truth),
            Ok(_) | Err(Stop::Absent) => Outcome::Absent,
            Err(Stop::Failed) => Outcome::Failed,
        }
    }
}

struct Run<'a, 'v> {
    variables: &'v [Variable<'a>],
    item: Option<Held<'a>>,
}

type Got<'a> = Result<Held<'a>, Stop>;

impl<'a> Run<'a, '_> {
    fn op(&self, op: &'a Op) -> Got<'a> {
        Ok(match op {
            Op::Constant(value) => Held::of(value),
            Op::List(items) => Held::Made(items.iter().map(|item| self.op(item)).collect::<Result<_, _>>()?),
            Op::Slot(slot) => return self.slot(*slot),
            Op::Field(of, name) => match self.op(of)? {
                Held::Object(object) => Held::of(object.get(name).ok_or(Stop::Absent)?),
                _ => return Err(Stop::Absent),
            },
            Op::Index(of, index) => {
                let (items, index) = (self.op(of)?.items()?, self.int(index)?);
                let at = usize::try_from(index).map_err(|_| Stop::Absent)?;
                items.into_iter().nth(at).ok_or(Stop::Absent)?
            }
            Op::Has(of, name) => match self.op(of)? {
                Held::Object(object) => Held::Bool(object.contains(name)),
                _ => return Err(Stop::Absent),
            },
            Op::Not(of) => Held::Bool(!self.truth(of)?),
            Op::Minus(of) => Held::Int(self.int(of)?.checked_neg().ok_or(Stop::Failed)?),
            Op::And(one, other) => Held::Bool(decide(self.truth(one), || self.truth(other), false)?),
            Op::Or(one, other) => Held::Bool(decide(self.truth(one), || self.truth(other), true)?),
            Op::Equal(wanted, one, other) => Held::Bool(self.op(one)?.is(&self.op(other)?) == *wanted),
            Op::Order(operator, one, other) => Held::Bool(self.order(*operator, one, other)?),
            Op::In(one, list) => {
                let (one, items) = (self.op(one)?, self.op(list)?.items()?);
                Held::Bool(items.iter().any(|item| item.is(&one)))
            }
            Op::Arithmetic(operator, one, other) => Held::Int(arithmetic(*operator, self.int(one)?, self.int(other)?)?),
            Op::If(condition, then, otherwise) => {
                return if self.truth(condition)? { self.op(then) } else { self.op(otherwise) };
            }
            Op::Size(of) => Held::Int(match self.op(of)? {
                Held::Text(text) => text.chars().count() as i64,
                other => other.items()?.len() as i64,
            }),
            Op::Number(text) => Held::Int(self.text(text)?.parse().map_err(|_| Stop::Failed)?),
            Op::Text(test, text, part) => {
                let (text, part) = (self.text(text)?, self.text(part)?);
                Held::Bool(match test {
                    TextTest::StartsWith => text.starts_with(&*part),
                    TextTest::EndsWith => text.ends_with(&*part),
                    TextTest::Contains => text.contains(&*part),
                })
            }
            Op::Matches(text, pattern) => Held::Bool(pattern.is_match(&self.text(text)?)),
            Op::Between(span, from, to) => Held::Int(between(*span, &self.text(from)?, &self.text(to)?)?),
            Op::Each(kind, list, body) => return self.each(*kind, list, body),
        })
    }

    fn slot(&self, slot: usize) -> Got<'a> {
        match self.variables.get(slot) {
            Some(Variable::Object(object)) => Ok(Held::Object(object)),
            Some(Variable::Text(text)) => Ok(Held::Text(Cow::Borrowed(text))),
            Some(Variable::Absent) => Err(Stop::Absent),
            None => self.item.clone().ok_or(Stop::Absent),
        }
    }

    fn truth(&self, op: &'a Op) -> Result<bool, Stop> {
        match self.op(op)? {
            Held::Bool(truth) => Ok(truth),
            _ => Err(Stop::Absent),
        }
    }

    fn int(&self, op: &'a Op) -> Result<i64, Stop> {
        match self.op(op)? {
            Held::Int(number) => Ok(number),
            _ => Err(Stop::Absent),
        }
    }

    fn text(&self, op: &'a Op) -> Result<Cow<'a, str>, Stop> {
        match self.op(op)? {
            Held::Text(text) => Ok(text),
            _ => Err(Stop::Absent),
        }
    }

    fn order(&self, operator: Operator, one: &'a Op, other: &'a Op) -> Result<bool, Stop> {
        let order = match (self.op(one)?, self.op(other)?) {
            (Held::Int(one), Held::Int(other)) => one.cmp(&other),
            (Held::Text(one), Held::Text(other)) => one.cmp(&other),
            _ => return Err(Stop::Absent),
        };
        Ok(match operator {
            Operator::Less => order.is_lt(),
            Operator::AtMost => order.is_le(),
            Operator::More => order.is_gt(),
            _ => order.is_ge(),
        })
    }

    fn each(&self, kind: Macro, list: &'a Op, body: &'a Op) -> Got<'a> {
        let items = self.op(list)?.items()?;
        let inner = |item: &Held<'a>| Run { variables: self.variables, item: Some(item.clone()) };
        let holds = |item: &Held<'a>| inner(item).truth(body);
        match kind {
            Macro::All | Macro::Exists => {
                let absorbs = kind == Macro::Exists;
                let mut so_far = Ok(!absorbs);
                for item in &items {
                    so_far = decide(holds(item), || so_far, absorbs);
                }
                so_far.map(Held::Bool)
            }
            Macro::ExistsOne => {
                let held = items.iter().map(holds).collect::<Result<Vec<_>, _>>()?;
                Ok(Held::Bool(held.into_iter().filter(|held| *held).count() == 1))
            }
            Macro::Filter => {
                let mut kept = Vec::new();
                for item in items {
                    if holds(&item)? {
                        kept.push(item);
                    }
                }
                Ok(Held::Made(kept))
            }
            Macro::Map => Ok(Held::Made(items.iter().map(|item| inner(item).op(body)).collect::<Result<_, _>>()?)),
        }
    }
}

/// `&&` (`absorbs` is false) and `||` (true) of CEL: one operand that decides is enough, even if the other one fails.
fn decide(one: Result<bool, Stop>, other: impl FnOnce() -> Result<bool, Stop>, absorbs: bool) -> Result<bool, Stop> {
    match one {
        Ok(truth) if truth == absorbs => Ok(absorbs),
        Ok(_) => other(),
        Err(stop) => match other() {
            Ok(truth) if truth == absorbs => Ok(absorbs),
            Err(Stop::Failed) => Err(Stop::Failed),
            _ => Err(stop),
        },
    }
}

fn arithmetic(operator: Operator, one: i64, other: i64) -> Result<i64, Stop> {
    let result = match operator {
        Operator::Plus => one.checked_add(other),
        Operator::Minus => one.checked_sub(other),
        Operator::Times => one.checked_mul(other),
        Operator::Over => one.checked_div(other),
        _ => one.checked_rem(other),
    };
    result.ok_or(Stop::Failed)
}

const DAY_MS: i64 = 86_400_000;

/// Whole years or days from one date to another, each taken as its first day where it is not known to the day.
fn between(span: Span, from: &str, to: &str) -> Result<i64, Stop> {
    let day = |text: &str| {
        let date = PartialDate::parse(text)?;
        Date::new(date.year, date.month.unwrap_or(1), date.day.unwrap_or(1)).ok()
    };
    let (from, to) = (day(from).ok_or(Stop::Absent)?, day(to).ok_or(Stop::Absent)?);
    match span {
        Span::Years => {
            let years = i64::from(to.year()) - i64::from(from.year());
            Ok(years - i64::from((to.month(), to.day()) < (from.month(), from.day())))
        }
        Span::Days => Ok((Timestamp::start_of(to).0 - Timestamp::start_of(from).0) / DAY_MS),
    }
}
