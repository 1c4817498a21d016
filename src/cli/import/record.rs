//! A row as a record: every cell in its field, constants and defaults beside them. Pure.

use std::collections::BTreeMap;

use prost_types::value::Kind as Json;
use prost_types::{ListValue, Struct};

use super::cell::{Cell, Flaw, Row};
use super::encoding::Reading;
use super::mapping::{Constant, Detailed, Mapping};
use super::source::Source;
use super::target::{Field, Target, without_numbers};
use super::value::{Value, read};
use crate::base::Date;
use crate::base::text::folded_key;

/// Rows to records.
pub(super) struct Builder {
    columns: Vec<Option<Bound>>,
    names: Vec<String>,
    constants: Vec<(String, Value)>,
    natural_key: String,
    /// Whether the file has one byte per character, so that its letters are in some encoding from before Unicode.
    is_single: bool,
}

/// A column with its field.
struct Bound {
    column: Detailed,
    field: Field,
    reading: Reading,
    /// The translations, by their folded names too: `nu` is `Nữ`.
    codes: BTreeMap<String, String>,
    /// Day 0 of numbers that represent days.
    epoch: Date,
}

/// The message about a letter of unknown encoding.
const UNKNOWN_ENCODING: &str =
    "the file is not Unicode, and nothing shows the encoding of this column; say --encoding tcvn3 or vni";

impl Builder {
    /// Binds columns to fields; the mapping fits them.
    pub(super) fn new(
        mapping: &Mapping,
        target: &Target,
        names: Vec<String>,
        readings: &[Reading],
        source: &Source,
    ) -> Self {
        let bind = |(name, reading): (&String, &Reading)| {
            let column = mapping.columns.get(name).filter(|column| !column.is_ignored())?.detailed();
            let field = target.field(&column.field)?.clone();
            let codes = column.codes.iter().map(|(name, code)| (folded_key(name), code.clone())).collect();
            Some(Bound { column, field, reading: *reading, codes, epoch: source.epoch })
        };
        let columns = names.iter().zip(readings).map(bind).collect();
        let constant = |(path, constant): (&String, &Constant)| {
            let value = match constant {
                Constant::Boolean(truth) => Value::Boolean(*truth),
                Constant::Integer(number) => Value::Integer(*number),
                Constant::Text(text) => Value::Text(text.clone()),
            };
            (path.clone(), value)
        };
        let constants = mapping.constants.iter().map(constant).collect();
        let is_single = source.has_single_bytes();
        Self { columns, names, constants, natural_key: target.natural_key.clone(), is_single }
    }

    /// The cells of a row as Unicode.
    pub(super) fn decode(&self, row: &mut Row) {
        for (at, (cell, bound)) in row.cells.iter_mut().zip(&self.columns).enumerate() {
            if let Cell::Text(text) = cell {
                let reading = bound.as_ref().map(|bound| bound.reading).unwrap_or_default();
                let is_unicode = text.chars().any(|c| c > '\u{ff}');
                if self.is_single && reading.legacy.is_none() && !text.is_ascii() && !is_unicode {
                    row.flaws.push(Flaw::new(at, "ENCODING", UNKNOWN_ENCODING));
                }
                *text = reading.decoded(text);
            }
        }
    }

    /// The payload of a row, or everything that is wrong with it.
    pub(super) fn payload(&self, row: &Row) -> Result<Struct, Vec<Flaw>> {
        let is_read = |column: Option<usize>| column.is_none_or(|at| self.columns.get(at).is_some_and(Option::is_some));
        let mut flaws: Vec<Flaw> = row.flaws.iter().filter(|flaw| is_read(flaw.column)).cloned().collect();
        let beyond = row.cells.iter().skip(self.columns.len()).any(|cell| !cell.is_empty());
        if beyond {
            let says = "has more cells than the header: a separator or a quote within a cell";
            flaws.push(Flaw::new(None, "COLUMNS", says));
        }
        let mut payload = Node::Map(BTreeMap::new());
        for (at, bound) in self.columns.iter().enumerate() {
            let cell = row.cells.get(at).unwrap_or(&Cell::Empty);
            match bound {
                None if !cell.is_empty() && self.names.get(at).is_some_and(String::is_empty) => {
                    flaws.push(Flaw::new(at, "COLUMNS", "is in a column that has no name"));
                }
                None => {}
                Some(_) if flaws.iter().any(|flaw| flaw.column == Some(at)) => {}
                Some(bound) => bound.put(cell, at, &mut payload, &mut flaws),
            }
        }
        for (path, value) in &self.constants {
            payload.put_constant(path, value);
        }
        match (flaws.is_empty(), payload.into_json()) {
            (true, Some(Json::StructValue(payload))) => Ok(payload),
            (true, _) => Err(vec![Flaw::new(None, "EMPTY", "has nothing in the columns that are imported")]),
            (false, _) => Err(flaws),
        }
    }

    /// The column of the natural key.
    pub(super) fn key_column(&self) -> Option<usize> {
        self.column_of(&self.natural_key)
    }

    /// The identity of a payload's record.
    pub(super) fn key(&self, payload: &Struct) -> Option<String> {
        match payload.fields.get(&self.natural_key)?.kind.as_ref()? {
            Json::StringValue(key) => Some(key.clone()),
            _ => None,
        }
    }

    /// The column of a field that the registry names.
    pub(super) fn column_of(&self, field: &str) -> Option<usize> {
        let at =
            |wanted: &dyn Fn(&Bound) -> bool| self.columns.iter().position(|bound| bound.as_ref().is_some_and(wanted));
        let plain = without_numbers(field);
        at(&|bound| bound.column.field == field)
            .or_else(|| at(&|bound| bound.field.path == plain && bound.column.separator.is_some()))
            .or_else(|| {
                at(&|bound| bound.column.field.strip_prefix(field).is_some_and(|rest| rest.starts_with(['.', '['])))
            })
    }

    pub(super) fn name(&self, column: usize) -> &str {
        self.names.get(column).map_or("", String::as_str)
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The field that a column is mapped to.
    pub(super) fn field(&self, column: usize) -> &str {
        self.columns.get(column).and_then(Option::as_ref).map_or("", |bound| &bound.column.field)
    }
}

impl Bound {
    fn put(&self, cell: &Cell, at: usize, payload: &mut Node, flaws: &mut Vec<Flaw>) {
        let default = || self.column.default.clone().map(Cell::Text);
        let Some(cell) = Some(cell.clone()).filter(|cell| !cell.is_empty()).or_else(default) else { return };
        let Some(separator) = &self.column.separator else {
            return self.put_one(&cell, &self.column.field, at, payload, flaws);
        };
        let text = cell.text();
        let items = text.split(separator.as_str()).map(str::trim).filter(|item| !item.is_empty());
        for (number, item) in items.enumerate() {
            let path = self.column.field.replacen("[]", &format!("[{number}]"), 1);
            self.put_one(&Cell::Text(item.to_owned()), &path, at, payload, flaws);
        }
    }

    fn put_one(&self, cell: &Cell, path: &str, at: usize, payload: &mut Node, flaws: &mut Vec<Flaw>) {
        match read(&self.translated(cell), &self.field.kind, self.epoch) {
            Ok(value) => payload.put(path, value),
            Err((rule, message)) => {
                flaws.push(Flaw { field: self.column.field.clone(), ..Flaw::new(at, rule, message) });
            }
        }
    }

    /// The cell with its code for its name, and its leading zeros.
    fn translated(&self, cell: &Cell) -> Cell {
        if self.codes.is_empty() && self.column.pad.is_none() {
            return cell.clone();
        }
        let text = match cell {
            Cell::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => format!("{number:.0}"),
            other => other.text(),
        };
        let code = self.column.codes.get(&text).or_else(|| self.codes.get(&folded_key(&text)));
        match (code, self.column.pad) {
            (Some(code), _) => Cell::Text(code.clone()),
            (None, Some(width)) if text.bytes().all(|b| b.is_ascii_digit()) => Cell::Text(format!("{text:0>width$}")),
            (None, _) => cell.clone(),
        }
    }
}

/// A payload in the making: lists by their numbers, so that columns come in any order.
enum Node {
    Leaf(Value),
    Map(BTreeMap<String, Node>),
    List(BTreeMap<usize, Node>),
}

/// One part of a path.
enum Part<'a> {
    Name(&'a str),
    Item(usize),
}

fn parts(path: &str) -> impl Iterator<Item = Part<'_>> {
    let part = |part: &'_ str| match part.strip_suffix(']').map(str::parse) {
        Some(Ok(number)) => Some(Part::Item(number)),
        _ => None,
    };
    path.split(['.', '[']).filter(|it| !it.is_empty()).map(move |text| part(text).unwrap_or(Part::Name(text)))
}

impl Node {
    fn put(&mut self, path: &str, value: Value) {
        let mut node = self;
        for part in parts(path) {
            node = node.child(&part);
        }
        *node = Self::Leaf(value);
    }

    /// Puts a constant: into each item of a list for `[]`, and never where it would be the only thing in an item.
    fn put_constant(&mut self, path: &str, value: &Value) {
        match path.split_once("[]") {
            Some((list, rest)) => {
                let Some(Self::List(items)) = self.at(list) else { return };
                let rest = rest.strip_prefix('.').unwrap_or(rest);
                items.values_mut().for_each(|item| item.put_constant(rest, value));
            }
            None => {
                let item = path.rfind(']').map(|end| &path[..=end]);
                if item.is_none_or(|item| self.at(item).is_some()) {
                    self.put(path, value.clone());
                }
            }
        }
    }

    fn at(&mut self, path: &str) -> Option<&mut Self> {
        let mut node = self;
        for part in parts(path) {
            node = match (node, part) {
                (Self::Map(fields), Part::Name(name)) => fields.get_mut(name)?,
                (Self::List(items), Part::Item(number)) => items.get_mut(&number)?,
                _ => return None,
            };
        }
        Some(node)
    }

    /// The child of a part; what is in its way has another form and gives way, which `Mapping::check` has excluded.
    fn child(&mut self, part: &Part<'_>) -> &mut Self {
        match part {
            Part::Name(name) => {
                if !matches!(self, Self::Map(_)) {
                    *self = Self::Map(BTreeMap::new());
                }
                match self {
                    Self::Map(fields) => fields.entry((*name).to_owned()).or_insert(Self::Map(BTreeMap::new())),
                    other => other,
                }
            }
            Part::Item(number) => {
                if !matches!(self, Self::List(_)) {
                    *self = Self::List(BTreeMap::new());
                }
                match self {
                    Self::List(items) => items.entry(*number).or_insert(Self::Map(BTreeMap::new())),
                    other => other,
                }
            }
        }
    }

    /// As protobuf's JSON; `None` when there is nothing in it.
    fn into_json(self) -> Option<Json> {
        let value = |node: Self| node.into_json().map(|kind| prost_types::Value { kind: Some(kind) });
        match self {
            Self::Leaf(Value::Text(text)) => Some(Json::StringValue(text)),
            Self::Leaf(Value::Integer(number)) => Some(Json::NumberValue(number as f64)),
            Self::Leaf(Value::Boolean(truth)) => Some(Json::BoolValue(truth)),
            Self::Map(fields) => {
                let fields = fields.into_iter().filter_map(|(name, node)| Some((name, value(node)?)));
                let fields: BTreeMap<_, _> = fields.collect();
                (!fields.is_empty()).then_some(Json::StructValue(Struct { fields }))
            }
            Self::List(items) => {
                let values: Vec<_> = items.into_values().filter_map(value).collect();
                (!values.is_empty()).then_some(Json::ListValue(ListValue { values }))
            }
        }
    }
}
