//! From a tree to a program: names become slots, every operand has a kind, and the maximum number of steps is known.

use super::super::pattern::Pattern;
use super::CelError;
use super::ast::{Node, Operator, What};
use super::kind::Kind;
use super::parse::parse;
use crate::base::name::with_nearest;
use crate::trust::Value;

/// Most steps of an evaluation.
pub const STEPS_MAX: u64 = 10_000;
/// Steps of a function that reads a text.
const TEXT_STEPS: u64 = 10;
/// Steps of a short regular expression over a text.
const PATTERN_STEPS: u64 = 200;
/// Bytes of its source that cost that many steps.
const PATTERN_BYTES: u64 = 30;

/// A compiled boolean expression.
#[derive(Debug, Clone)]
pub struct Program {
    pub(super) op: Op,
    pub(super) slots: usize,
    steps: u64,
}

/// A node of a program.
#[derive(Debug, Clone)]
pub(super) enum Op {
    Constant(Value),
    List(Vec<Op>),
    Slot(usize),
    Field(Box<Op>, String),
    Index(Box<Op>, Box<Op>),
    Has(Box<Op>, String),
    Not(Box<Op>),
    Minus(Box<Op>),
    And(Box<Op>, Box<Op>),
    Or(Box<Op>, Box<Op>),
    Equal(bool, Box<Op>, Box<Op>),
    Order(Operator, Box<Op>, Box<Op>),
    In(Box<Op>, Box<Op>),
    Arithmetic(Operator, Box<Op>, Box<Op>),
    If(Box<Op>, Box<Op>, Box<Op>),
    Size(Box<Op>),
    Number(Box<Op>),
    Text(TextTest, Box<Op>, Box<Op>),
    Matches(Box<Op>, Pattern),
    Between(Span, Box<Op>, Box<Op>),
    Each(Macro, Box<Op>, Box<Op>),
}

/// Functions that test a text.
#[derive(Debug, Clone, Copy)]
pub(super) enum TextTest {
    StartsWith,
    EndsWith,
    Contains,
}

/// Units of the time between two dates.
#[derive(Debug, Clone, Copy)]
pub(super) enum Span {
    Years,
    Days,
}

/// Functions that make a value from a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Macro {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}

impl Program {
    /// Reads a rule over these variables; their slots are in this order.
    pub fn compile(source: &str, variables: &[(&str, Kind)]) -> Result<Self, CelError> {
        let tree = parse(source)?;
        let scope = Scope { source, variables, item: None };
        let typed = scope.node(&tree)?;
        if typed.kind != Kind::Bool {
            return Err(scope.at(&tree, format!("a rule is true or false, and this is {}", typed.kind)));
        }
        if typed.steps > STEPS_MAX {
            let problem = format!("the rule can take {} steps over the longest lists, of {STEPS_MAX}", typed.steps);
            return Err(scope.at(&tree, problem));
        }
        Ok(Self { op: typed.op, slots: variables.len(), steps: typed.steps })
    }

    /// The most steps that it takes over any record.
    pub fn steps(&self) -> u64 {
        self.steps
    }
}

/// Steps are counted up to here; every limit is far below.
const STEPS_COUNTED: u64 = 1 << 40;

/// A node with its kind and its steps.
struct Typed {
    op: Op,
    kind: Kind,
    steps: u64,
}

/// The names that an expression may use.
struct Scope<'a> {
    source: &'a str,
    variables: &'a [(&'a str, Kind)],
    /// The item of the comprehension around it.
    item: Option<(&'a str, Kind)>,
}

type Checked = Result<Typed, CelError>;

fn boxed(typed: Typed) -> Box<Op> {
    Box::new(typed.op)
}

impl Scope<'_> {
    fn at(&self, node: &Node, problem: impl Into<String>) -> CelError {
        CelError::new(self.source, node.at, problem)
    }

    /// Bounded, so that sums of steps never overflow.
    fn node(&self, node: &Node) -> Checked {
        self.typed(node).map(|typed| Typed { steps: typed.steps.min(STEPS_COUNTED), ..typed })
    }

    fn typed(&self, node: &Node) -> Checked {
        let constant = |value: Value, kind| Ok(Typed { op: Op::Constant(value), kind, steps: 1 });
        match &node.what {
            What::Bool(truth) => constant(Value::Bool(*truth), Kind::Bool),
            What::Int(number) => constant(Value::Integer(*number), Kind::Int),
            What::Text(text) => constant(Value::String(text.clone()), Kind::Text),
            What::List(items) => self.list(node, items),
            What::Name(name) => self.name(node, name),
            What::Field(of, name) => {
                let of = self.node(of)?;
                let kind = self.field(node, &of.kind, name)?;
                Ok(Typed { kind, steps: of.steps + 1, op: Op::Field(boxed(of), name.clone()) })
            }
            What::Index(of, index) => {
                let (of, index) = (self.node(of)?, self.expect(index, &Kind::Int)?);
                let Kind::List(kind, _) = of.kind.clone() else {
                    return Err(self.at(node, format!("only a list has an index, and this is {}", of.kind)));
                };
                // The list is copied, with all its content.
                let steps = of.steps + index.steps + 1 + longest(&of.kind);
                Ok(Typed { op: Op::Index(boxed(of), boxed(index)), kind: *kind, steps })
            }
            What::Not(of) => {
                let of = self.expect(of, &Kind::Bool)?;
                Ok(Typed { kind: Kind::Bool, steps: of.steps + 1, op: Op::Not(boxed(of)) })
            }
            What::Minus(of) => {
                let of = self.expect(of, &Kind::Int)?;
                Ok(Typed { kind: Kind::Int, steps: of.steps + 1, op: Op::Minus(boxed(of)) })
            }
            What::If(condition, then, otherwise) => {
                let condition = self.expect(condition, &Kind::Bool)?;
                let (then, otherwise) = (self.node(then)?, self.node(otherwise)?);
                if !then.kind.is_like(&otherwise.kind) {
                    return Err(self.at(node, format!("one branch is {}, the other {}", then.kind, otherwise.kind)));
                }
                let kind = then.kind.widest(&otherwise.kind);
                let steps = condition.steps + then.steps.max(otherwise.steps) + 1;
                Ok(Typed { op: Op::If(boxed(condition), boxed(then), boxed(otherwise)), kind, steps })
            }
            What::Binary(operator, left, right) => self.binary(node, *operator, left, right),
            What::Call(of, name, arguments) => self.call(node, of.as_deref(), name, arguments),
        }
    }

    fn expect(&self, node: &Node, kind: &Kind) -> Checked {
        let typed = self.node(node)?;
        match typed.kind == *kind {
            true => Ok(typed),
            false => Err(self.at(node, format!("must be {kind}, and is {}", typed.kind))),
        }
    }

    fn list(&self, node: &Node, items: &[Node]) -> Checked {
        let typed = items.iter().map(|item| self.node(item)).collect::<Result<Vec<_>, _>>()?;
        let kind = typed.first().map_or(Kind::Nothing, |first| first.kind.clone());
        if typed.iter().any(|item| item.kind != kind) {
            return Err(self.at(node, "the items of a list are of one kind"));
        }
        let steps = 1 + typed.iter().map(|item| item.steps).sum::<u64>();
        let (op, count) = (Op::List(typed.into_iter().map(|item| item.op).collect()), items.len());
        Ok(Typed { op, kind: Kind::List(Box::new(kind), count), steps })
    }

    fn name(&self, node: &Node, name: &str) -> Checked {
        if let Some((item, kind)) = &self.item
            && *item == name
        {
            return Ok(Typed { op: Op::Slot(self.variables.len()), kind: kind.clone(), steps: 1 });
        }
        match self.variables.iter().position(|(known, _)| *known == name) {
            Some(slot) => Ok(Typed { op: Op::Slot(slot), kind: self.variables[slot].1.clone(), steps: 1 }),
            None => {
                let known: Vec<&str> = self.variables.iter().map(|(known, _)| *known).collect();
                Err(self.at(node, format!("there is no variable {name}; there are: {}", known.join(", "))))
            }
        }
    }

    fn field(&self, node: &Node, of: &Kind, name: &str) -> Result<Kind, CelError> {
        let Kind::Object(fields) = of else {
            return Err(self.at(node, format!("only an object has fields, and this is {of}")));
        };
        let found = fields.iter().find(|(known, _)| known == name).map(|(_, kind)| kind.clone());
        found.ok_or_else(|| {
            let known = fields.iter().map(|(known, _)| known.as_str());
            self.at(node, with_nearest(format!("the schema has no field {name} here"), name, known))
        })
    }

    fn binary(&self, node: &Node, operator: Operator, left: &Node, right: &Node) -> Checked {
        use Operator::{AtLeast, AtMost, Less, Minus, Modulo, More, Over, Plus, Times};
        let (one, other) = (self.node(left)?, self.node(right)?);
        let (kinds, mut steps) = ((one.kind.clone(), other.kind.clone()), one.steps + other.steps + 1);
        let (one, other) = (boxed(one), boxed(other));
        let like = kinds.0.is_like(&kinds.1);
        let (op, kind) = match (operator, &kinds) {
            (Operator::And, (Kind::Bool, Kind::Bool)) => (Op::And(one, other), Kind::Bool),
            (Operator::Or, (Kind::Bool, Kind::Bool)) => (Op::Or(one, other), Kind::Bool),
            (Operator::Equal | Operator::Unequal, (kind, _)) if like => {
                steps += longest(kind);
                (Op::Equal(operator == Operator::Equal, one, other), Kind::Bool)
            }
            (Less | AtMost | More | AtLeast, (Kind::Int, Kind::Int) | (Kind::Text, Kind::Text)) => {
                (Op::Order(operator, one, other), Kind::Bool)
            }
            (Operator::In, (item, Kind::List(of, max))) if item.is_like(of) => {
                steps += *max as u64;
                (Op::In(one, other), Kind::Bool)
            }
            (Plus | Minus | Times | Over | Modulo, (Kind::Int, Kind::Int)) => {
                (Op::Arithmetic(operator, one, other), Kind::Int)
            }
            (_, (one, other)) => {
                return Err(self.at(node, format!("this operator is not for {one} and {other}")));
            }
        };
        Ok(Typed { op, kind, steps })
    }

    fn call(&self, node: &Node, of: Option<&Node>, name: &str, arguments: &[Node]) -> Checked {
        match (of, name, arguments) {
            (None, "has", [Node { what: What::Field(object, field), .. }]) => {
                let object = self.node(object)?;
                self.field(&arguments[0], &object.kind, field)?;
                Ok(Typed { kind: Kind::Bool, steps: object.steps + 1, op: Op::Has(boxed(object), field.clone()) })
            }
            (None, "has", _) => Err(self.at(node, "has takes one field: has(self.name)")),
            (None, "size", [list]) | (Some(list), "size", []) => {
                let list = self.node(list)?;
                match list.kind {
                    Kind::Text | Kind::List(..) => {
                        Ok(Typed { kind: Kind::Int, steps: list.steps + TEXT_STEPS, op: Op::Size(boxed(list)) })
                    }
                    other => Err(self.at(node, format!("size takes a text or a list, and this is {other}"))),
                }
            }
            (None, "int", [text]) => {
                let text = self.expect(text, &Kind::Text)?;
                Ok(Typed { kind: Kind::Int, steps: text.steps + 1, op: Op::Number(boxed(text)) })
            }
            (Some(text), "startsWith" | "endsWith" | "contains", [part]) => {
                let (text, part) = (self.expect(text, &Kind::Text)?, self.expect(part, &Kind::Text)?);
                let test = match name {
                    "startsWith" => TextTest::StartsWith,
                    "endsWith" => TextTest::EndsWith,
                    _ => TextTest::Contains,
                };
                let steps = text.steps + part.steps + TEXT_STEPS;
                Ok(Typed { kind: Kind::Bool, steps, op: Op::Text(test, boxed(text), boxed(part)) })
            }
            (Some(text), "matches", [pattern]) => {
                let What::Text(source) = &pattern.what else {
                    return Err(self.at(pattern, "the regular expression is a literal text"));
                };
                let compiled = Pattern::new(source).map_err(|problem| self.at(pattern, problem))?;
                let text = self.expect(text, &Kind::Text)?;
                let steps = text.steps + PATTERN_STEPS * (1 + source.len() as u64 / PATTERN_BYTES);
                Ok(Typed { kind: Kind::Bool, steps, op: Op::Matches(boxed(text), compiled) })
            }
            (None, "yearsBetween" | "daysBetween", [from, to]) => {
                let (from, to) = (self.expect(from, &Kind::Text)?, self.expect(to, &Kind::Text)?);
                let span = if name == "yearsBetween" { Span::Years } else { Span::Days };
                let steps = from.steps + to.steps + TEXT_STEPS;
                Ok(Typed { kind: Kind::Int, steps, op: Op::Between(span, boxed(from), boxed(to)) })
            }
            (Some(list), _, [item, body]) if Macro::of(name).is_some() => self.each(node, list, name, item, body),
            _ => Err(self
                .at(node, format!("there is no function {name} with {} arguments here: {FUNCTIONS}", arguments.len()))),
        }
    }

    fn each(&self, node: &Node, list: &Node, name: &str, item: &Node, body: &Node) -> Checked {
        let (Some(kind), What::Name(item)) = (Macro::of(name), &item.what) else {
            return Err(self.at(item, "the first argument names the item: list.all(item, …)"));
        };
        if self.item.is_some() {
            return Err(self.at(node, "a comprehension inside another is not supported"));
        }
        if self.variables.iter().any(|(known, _)| known == item) {
            return Err(self.at(node, format!("{item} is a variable already")));
        }
        let list_typed = self.node(list)?;
        let Kind::List(of, max) = list_typed.kind.clone() else {
            return Err(self.at(list, format!("{name} is of a list, and this is {}", list_typed.kind)));
        };
        let inner = Scope { source: self.source, variables: self.variables, item: Some((item, (*of).clone())) };
        let body = match kind {
            Macro::Map => inner.node(body)?,
            _ => inner.expect(body, &Kind::Bool)?,
        };
        let steps = list_typed.steps + (max as u64).saturating_mul(body.steps + 1);
        let result = match kind {
            Macro::Filter => Kind::List(of, max),
            Macro::Map => Kind::List(Box::new(body.kind.clone()), max),
            _ => Kind::Bool,
        };
        Ok(Typed { op: Op::Each(kind, boxed(list_typed), boxed(body)), kind: result, steps })
    }
}

const FUNCTIONS: &str = "has, size, int, startsWith, endsWith, contains, matches, yearsBetween, daysBetween, all, exists, exists_one, filter and map are known";

/// Steps of comparing two values of a kind.
fn longest(kind: &Kind) -> u64 {
    let most: u64 = match kind {
        Kind::List(of, max) => (*max as u64).saturating_mul(1 + longest(of)),
        Kind::Object(fields) => fields.iter().map(|(_, kind)| 1 + longest(kind)).sum(),
        _ => 0,
    };
    most.min(STEPS_COUNTED)
}

impl Macro {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "all" => Self::All,
            "exists" => Self::Exists,
            "exists_one" => Self::ExistsOne,
            "filter" => Self::Filter,
            "map" => Self::Map,
            _ => return None,
        })
    }
}
