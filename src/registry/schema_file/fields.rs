//! From JSON Schema (2020-12) to field rules: the part of it that restricts payloads, and nothing that we would have to ignore.
//!
//! A keyword is either compiled or refused by its name, so that a schema never promises a check that is not made. Its own extension points
//! carry everything that it has no keyword for: names of `format`, and keywords that begin with `x-`, which other validators ignore.

use super::super::address;
use super::super::basis::basis_field;
use super::super::codes::AsOf;
use super::super::common::holder;
use super::super::label::Label;
use super::super::rule::{Field, Rule};
use super::super::schema::Reference;
use super::known::Known;
use super::map::{At, Map};
use super::text::{day, text};
use std::collections::BTreeSet;

use crate::base::limits::PAYLOAD_FIELDS_MAX;
use crate::trust::canonical::{INTEGER_MAX, is_name};

/// The version of JSON Schema.
pub(super) const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
/// Deepest nesting of a payload.
const DEPTH_MAX: usize = 8;
/// Longest chain of definitions that refer to each other.
const REFERENCES_DEEP_MAX: usize = 16;
/// Longest name of a field.
const NAME_BYTES_MAX: usize = 64;
/// Longest list that a schema may allow.
const ITEMS_MAX: usize = 1_000;
/// Most fields of a record type, those of nested objects and of every use of a definition too.
const FIELDS_MAX: usize = 1_000;

const KEYWORDS: [&str; 26] = [
    "$ref",
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "minItems",
    "maxItems",
    "uniqueItems",
    "enum",
    "const",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "title",
    "description",
    "x-title-vi",
    "x-description-vi",
    "x-sensitive",
    "x-code-list",
    "x-as-of",
    "x-typed-as",
    "x-references",
];

/// Makes the fields of a definition.
type Shape = fn() -> Vec<Field>;

/// Definitions that every file has: the types that matching, addresses and lifecycles read.
const SHARED: [(&str, Shape); 3] =
    [("urn:lienthong:holder", holder), ("urn:lienthong:address", address::address), ("urn:lienthong:basis", basis)];

fn basis() -> Vec<Field> {
    match basis_field().rule {
        Rule::Object(fields) => fields,
        _ => Vec::new(),
    }
}

/// A unit or address of a payload that is checked against the list of units: its path, `*` for every item of a list, and the day.
pub(super) type UnitAt = (String, AsOf);

/// The fields of a record type, its addresses, the people whom it describes, and the records that it names.
pub(super) struct Compiled {
    pub fields: Vec<Field>,
    pub units: Vec<UnitAt>,
    pub people: Vec<String>,
    pub references: Vec<Reference>,
}

/// Compiles the schema of a record type.
pub(super) fn compile(schema: &At<'_>, known: Known<'_>) -> Option<Compiled> {
    let map = schema.map()?;
    let defs = map.get("$defs").and_then(|defs| defs.map());
    if let Some(at) = map.get("$schema")
        && at.text()? != DIALECT
    {
        at.flaw("VALUE", format_args!("a schema is of {DIALECT}"));
    }
    let (used, following, units, people, references) = Default::default();
    let mut compiler = Compiler { known, defs, used, following, units, people, references, fields: 0 };
    let place = Place { depth: 1, path: String::new() };
    let before = schema.flaws.borrow().total;
    let root = compiler.schema(schema, &place, true)?;
    for (name, unused) in compiler.defs.iter().flat_map(Map::each).filter(|(name, _)| !compiler.used.contains(*name)) {
        unused.flaw("UNUSED", format_args!("nothing refers to the definition {name}"));
    }
    if schema.flaws.borrow().total > before {
        // A finding about a field that has a flaw would only repeat it.
        return None;
    }
    match root.rule {
        Rule::Object(fields) => {
            let Compiler { units, people, references, .. } = compiler;
            Some(Compiled { fields, units, people, references })
        }
        _ => {
            schema.flaw("TYPE", "the schema of a record type is of an object");
            None
        }
    }
}

struct Compiler<'a> {
    known: Known<'a>,
    defs: Option<Map<'a>>,
    /// The definitions that are used.
    used: BTreeSet<String>,
    /// The definitions that are being followed.
    following: Vec<String>,
    units: Vec<UnitAt>,
    people: Vec<String>,
    references: Vec<Reference>,
    fields: usize,
}

/// The position in a payload that a schema describes.
struct Place {
    depth: usize,
    path: String,
}

impl Place {
    fn field(&self, name: &str) -> Self {
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        Self { depth: self.depth + 1, path }
    }
}

/// A compiled schema: its rule, and its further properties.
struct Said {
    rule: Rule,
    sensitive: bool,
    title: Option<Label>,
    description: Option<Label>,
}

impl<'a> Compiler<'a> {
    fn schema(&mut self, at: &At<'a>, place: &Place, is_root: bool) -> Option<Said> {
        let map = at.map()?;
        for (key, value) in map.each() {
            let is_of_root = is_root && matches!(key, "$defs" | "$schema");
            if !KEYWORDS.contains(&key) && !is_of_root {
                value.flaw("KEYWORD", format_args!("the keyword {key} is not supported: {}", KEYWORDS.join(", ")));
            }
        }
        let plain = |rule| Said { rule, sensitive: false, title: None, description: None };
        let said = match map.get("$ref") {
            Some(reference) => self.reference(&map, &reference, place)?,
            None => plain(self.rule(&map, place)?),
        };
        let sensitive = map.get("x-sensitive").map_or(Some(false), |flag| flag.flag())?;
        if is_root && sensitive {
            map.flaw("KEYWORD", "x-sensitive is of fields: a record is not hidden whole");
            return None;
        }
        let both = |en: &str, vi: &str, inherited| match (map.get(en), map.get(vi)) {
            (Some(en), Some(vi)) => Some(Label { en: en.shown()?, vi: vi.shown()? }),
            (None, None) => inherited,
            _ => {
                map.flaw("LABEL", format_args!("{en} and {vi} are given together"));
                None
            }
        };
        Some(Said {
            rule: said.rule,
            // A definition that is protected is protected wherever it is used.
            sensitive: sensitive || said.sensitive,
            title: both("title", "x-title-vi", said.title),
            description: both("description", "x-description-vi", said.description),
        })
    }

    fn reference(&mut self, map: &Map<'a>, reference: &At<'a>, place: &Place) -> Option<Said> {
        const BESIDE: [&str; 9] = [
            "$ref",
            "title",
            "description",
            "x-title-vi",
            "x-description-vi",
            "x-sensitive",
            "x-as-of",
            "$defs",
            "$schema",
        ];
        if let Some((key, value)) = map.each().find(|(key, _)| !BESIDE.contains(key)) {
            value.flaw("KEYWORD", format_args!("{key} cannot be combined with $ref"));
            return None;
        }
        let target = reference.text()?;
        if let Some(as_of) = map.get("x-as-of").filter(|_| target != "urn:lienthong:address") {
            as_of.flaw("KEYWORD", "x-as-of belongs next to x-code-list or a $ref to urn:lienthong:address");
        }
        if let Some((_, fields)) = SHARED.iter().find(|(name, _)| *name == target) {
            let fields = fields();
            self.depth(map, place)?;
            self.count(reference, fields.len())?;
            if target == "urn:lienthong:holder" {
                self.people.push(place.path.clone());
            }
            if target == "urn:lienthong:address" {
                let as_of = map.get("x-as-of").map_or(Some(AsOf::Today), |as_of| day(&as_of))?;
                self.units.push((place.path.clone(), as_of));
            }
            return Some(Said { rule: Rule::Object(fields), sensitive: false, title: None, description: None });
        }
        let Some(name) = target.strip_prefix("#/$defs/") else {
            let shared: Vec<&str> = SHARED.iter().map(|(name, _)| *name).collect();
            reference
                .flaw("REFERENCE", format_args!("refers to #/$defs/NAME of this schema, or to {}", shared.join(", ")));
            return None;
        };
        let Some(definition) = self.defs.as_ref().and_then(|defs| defs.get(name)) else {
            reference.flaw("REFERENCE", format_args!("$defs has no {name}"));
            return None;
        };
        if self.following.iter().any(|open| open == name) {
            reference
                .flaw("RECURSIVE", format_args!("the definition {name} leads to itself: payloads have no such depth"));
            return None;
        }
        if self.following.len() >= REFERENCES_DEEP_MAX {
            let problem = format_args!("definitions refer to each other at most {REFERENCES_DEEP_MAX} deep");
            reference.flaw("TOO_DEEP", problem);
            return None;
        }
        self.used.insert(name.to_owned());
        self.following.push(name.to_owned());
        let said = self.schema(&definition, place, false);
        self.following.pop();
        said
    }

    fn count(&mut self, at: &At<'_>, fields: usize) -> Option<()> {
        self.fields += fields;
        if self.fields > FIELDS_MAX {
            // Reported once; expansion stops here.
            if self.fields - fields <= FIELDS_MAX {
                at.flaw(
                    "TOO_LARGE",
                    format_args!("a record type has at most {FIELDS_MAX} fields, all uses of definitions counted"),
                );
            }
            return None;
        }
        Some(())
    }

    fn rule(&mut self, map: &Map<'a>, place: &Place) -> Option<Rule> {
        let kind = map.need("type")?;
        let only = |known: &[&str]| {
            const ALWAYS: [&str; 9] = [
                "type",
                "title",
                "description",
                "x-title-vi",
                "x-description-vi",
                "x-sensitive",
                "$defs",
                "$schema",
                "$ref",
            ];
            let is_known = |key: &str| known.contains(&key) || ALWAYS.contains(&key) || !KEYWORDS.contains(&key);
            for (key, value) in map.each().filter(|(key, _)| !is_known(key)) {
                value.flaw("KEYWORD", format_args!("{key} has no meaning for this type"));
            }
        };
        match kind.text()? {
            "string" => {
                only(&[
                    "enum",
                    "const",
                    "minLength",
                    "maxLength",
                    "pattern",
                    "format",
                    "x-code-list",
                    "x-as-of",
                    "x-typed-as",
                    "x-references",
                ]);
                let rule = text(map, self.known)?;
                self.names_records(map, &rule, place)?;
                Some(rule)
            }
            "integer" => {
                only(&["minimum", "maximum"]);
                integer(map)
            }
            "boolean" => {
                only(&[]);
                Some(Rule::Boolean)
            }
            "array" => {
                only(&["items", "minItems", "maxItems", "uniqueItems"]);
                self.list(map, place)
            }
            "object" => {
                only(&["properties", "required", "additionalProperties"]);
                self.object(map, place).map(Rule::Object)
            }
            "number" => {
                kind.flaw(
                    "TYPE",
                    "payloads hold no fractions: use integer, or string with a pattern for money and measures",
                );
                None
            }
            "null" => {
                kind.flaw("TYPE", "payloads contain no null: leave an unknown value out");
                None
            }
            _ => {
                kind.flaw("TYPE", "string, integer, boolean, array or object");
                None
            }
        }
    }

    /// A text that is the natural key of other records.
    fn names_records(&mut self, map: &Map<'a>, rule: &Rule, place: &Place) -> Option<()> {
        let Some(at) = map.get("x-references") else { return Some(()) };
        let name = at.text()?;
        if !matches!(rule, Rule::Text(_) | Rule::Form(_) | Rule::PersonalId) {
            at.flaw("KEYWORD", "x-references is of a text that is no date, name or code");
        }
        if !self.known.can_name(name) {
            at.flaw("REFERENCE", format_args!("names a record type, and there is no {name}"));
        }
        self.references.push(Reference { path: place.path.clone(), record_type: name.into() });
        Some(())
    }

    fn object(&mut self, map: &Map<'a>, place: &Place) -> Option<Vec<Field>> {
        self.depth(map, place)?;
        let additional = map.need("additionalProperties")?;
        if additional.flag()? {
            additional.flaw("ADDITIONAL", "additionalProperties must be false: a payload holds known fields only");
        }
        let properties = map.need("properties")?.map()?;
        let required = map.get("required").map_or(Some(Vec::new()), |required| required.texts())?;
        if let Some(unknown) = required.iter().find(|name| properties.get(name).is_none()) {
            map.flaw("REQUIRED", format_args!("{unknown} is required and is not among the properties"));
        }
        if properties.entries.is_empty() || properties.entries.len() > PAYLOAD_FIELDS_MAX {
            properties.flaw("COUNT", format_args!("an object has 1 to {PAYLOAD_FIELDS_MAX} fields"));
            return None;
        }
        let mut fields = Vec::new();
        for (name, value) in properties.each() {
            self.count(&value, 1)?;
            if !is_name(name.as_bytes()) || name.len() > NAME_BYTES_MAX {
                value.flaw("NAME", "a field's name is lower-case letters, digits and `_`, a letter first, at most 64");
                continue;
            }
            let Some(said) = self.schema(&value, &place.field(name), false) else { continue };
            let Said { rule, sensitive, title, description } = said;
            let field = Field { sensitive, title, description, ..Field::optional(name, rule) };
            fields.push(Field { required: required.iter().any(|required| required == name), ..field });
        }
        Some(fields)
    }

    fn depth(&self, map: &Map<'_>, place: &Place) -> Option<()> {
        if place.depth > DEPTH_MAX {
            map.flaw("TOO_DEEP", format_args!("a payload is nested at most {DEPTH_MAX} deep"));
            return None;
        }
        Some(())
    }

    fn list(&mut self, map: &Map<'a>, place: &Place) -> Option<Rule> {
        self.depth(map, place)?;
        let least = map.need("minItems")?;
        if least.integer()? != 1 {
            least.flaw("COUNT", "must be 1: an empty list is written by leaving the field out");
        }
        let most = map.need("maxItems")?;
        let max = usize::try_from(most.integer()?).ok().filter(|max| (1..=ITEMS_MAX).contains(max));
        let Some(max) = max else {
            most.flaw("OUT_OF_RANGE", format_args!("must be from 1 to {ITEMS_MAX}"));
            return None;
        };
        let once = map.get("uniqueItems").map_or(Some(false), |once| once.flag())?;
        let items = self.schema(&map.need("items")?, &place.field("*"), false)?;
        if items.sensitive {
            map.flaw("KEYWORD", "x-sensitive belongs next to the list's type: a list is protected as a whole");
            return None;
        }
        let of = Box::new(items.rule);
        Some(if once { Rule::Set(of, max) } else { Rule::List(of, max) })
    }
}

fn integer(map: &Map<'_>) -> Option<Rule> {
    let bound = |key: &str, otherwise| match map.get(key) {
        None => Some(otherwise),
        Some(at) => {
            let number = at.integer()?;
            if !(-INTEGER_MAX..=INTEGER_MAX).contains(&number) {
                at.flaw("OUT_OF_RANGE", "payloads hold whole numbers within 2^53-1");
                return None;
            }
            Some(number)
        }
    };
    let (min, max) = (bound("minimum", -INTEGER_MAX)?, bound("maximum", INTEGER_MAX)?);
    if min > max {
        map.flaw("OUT_OF_RANGE", "minimum is above maximum");
    }
    Some(Rule::Integer(min, max))
}
