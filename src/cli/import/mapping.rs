//! Which column becomes which field: a file that people write, or what the names of the columns say by themselves.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::bytes::Seen;
use super::target::Target;
use crate::base::legacy::Legacy;
use crate::base::name::{no_such, with_nearest};
use crate::base::text::folded_key;
use crate::cli::output::Failure;
use crate::registry::schema_file::yaml::Tree;
use crate::registry::schema_file::{FILE_BYTES_MAX, json};

const FORMAT: &str = "lienthong/mapping/v1";
/// The field name for columns that are not imported.
const IGNORED: &str = "-";
/// Columns of quarantine files, which say what was wrong the last time.
pub(super) const QUARANTINE_PREFIX: &str = "import_";

/// A mapping.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mapping {
    format: String,
    pub(super) registry: String,
    pub(super) record_type: String,
    /// By the columns' names.
    pub(super) columns: BTreeMap<String, Column>,
    /// Values of fields that have no column.
    #[serde(default)]
    pub(super) constants: BTreeMap<String, Constant>,
}

/// The meaning of a column: the path of a field, or more about it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum Column {
    Field(String),
    Detailed(Detailed),
}

/// A column with more than its field.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Detailed {
    pub(super) field: String,
    /// The registry's values for those of the file.
    #[serde(default)]
    pub(super) codes: BTreeMap<String, String>,
    /// The separator of the items of a list in one cell.
    #[serde(default)]
    pub(super) separator: Option<String>,
    /// The value of empty cells.
    #[serde(default)]
    pub(super) default: Option<String>,
    /// Pads numbers with leading zeros to this many digits.
    #[serde(default)]
    pub(super) pad: Option<usize>,
    /// `TCVN3`, `VNI`, `windows-1258` or `Unicode`.
    #[serde(default)]
    pub(super) encoding: Option<String>,
}

/// A constant.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum Constant {
    Boolean(bool),
    Integer(i64),
    Text(String),
}

impl Column {
    pub(super) fn detailed(&self) -> Detailed {
        match self {
            Self::Field(field) => Detailed { field: field.clone(), ..Detailed::default() },
            Self::Detailed(detailed) => detailed.clone(),
        }
    }

    pub(super) fn is_ignored(&self) -> bool {
        matches!(self, Self::Field(field) if field == IGNORED)
    }
}

impl Mapping {
    /// Reads a mapping file.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let failed = |why: String| Failure::new(format!("the mapping {}: {why}", path.display()));
        let size = path.metadata().map_err(|error| failed(format!("cannot be read: {error}")))?.len();
        if size > FILE_BYTES_MAX as u64 {
            return Err(failed(format!("has more than {FILE_BYTES_MAX} bytes")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| failed(format!("cannot be read: {error}")))?;
        let value = json(&text).map_err(|flaws| failed(flaws.to_string()))?;
        let mapping: Self = serde_json::from_value(value).map_err(|error| failed(error.to_string()))?;
        match mapping.format == FORMAT {
            true => Ok(mapping),
            false => Err(failed(format!("its format is not {FORMAT}"))),
        }
    }

    /// The mapping that the columns' names say: each is the path of a field, its last part, or what it is called in Vietnamese or English.
    pub(super) fn by_names(target: &Target, columns: &[String]) -> Self {
        let mut mapped = BTreeMap::new();
        let mut taken: Vec<String> = Vec::new();
        for column in columns.iter().filter(|name| !name.is_empty() && !name.starts_with(QUARANTINE_PREFIX)) {
            let Some(field) = target.field(column).or_else(|| meant(target, column)) else { continue };
            // One value a cell: the item of a list that the name says, or the first one.
            let is_path = target.field(column).is_some();
            let path = if is_path { column.as_str() } else { &field.path }.replace("[]", "[0]");
            if taken.contains(&path) {
                continue;
            }
            taken.push(path.clone());
            let sex = ["male", "female"];
            let is_sex = matches!(&field.kind, super::target::Kind::Choice(values) if values.iter().eq(sex));
            mapped.insert(
                column.clone(),
                match is_sex {
                    true => {
                        let codes = [("Nam", "male"), ("Nữ", "female")];
                        let codes = codes.map(|(name, code)| (name.to_owned(), code.to_owned())).into();
                        Column::Detailed(Detailed { field: path, codes, ..Detailed::default() })
                    }
                    false => Column::Field(path),
                },
            );
        }
        let (registry, record_type) = (target.registry.clone(), target.record_type.clone());
        Self { format: FORMAT.into(), registry, record_type, columns: mapped, constants: BTreeMap::new() }
    }

    /// Fails unless the mapping is about this record type and these columns, and every column of the file has its line in it.
    pub(super) fn check(&self, target: &Target, columns: &[String], first_row: u64) -> Result<(), Failure> {
        if (&self.registry, &self.record_type) != (&target.registry, &target.record_type) {
            let (own, wanted) = (&self.record_type, &target.record_type);
            return Err(Failure::new(format!("the mapping is for {own}, and the import for {wanted}")));
        }
        for (name, column) in &self.columns {
            if !columns.contains(name) {
                let names: Vec<&str> = columns.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
                return Err(Failure::new(format!("row {first_row}: {}", no_such("column", name, &names))));
            }
            if !column.is_ignored() {
                check_column(target, name, &column.detailed())?;
            }
        }
        self.check_once()?;
        for path in self.constants.keys() {
            known(target, path).map_err(|why| Failure::new(format!("the constant {path}: {why}")))?;
        }
        let unknown = columns.iter().enumerate().find(|(_, name)| {
            !name.is_empty() && !name.starts_with(QUARANTINE_PREFIX) && !self.columns.contains_key(*name)
        });
        match unknown {
            None => Ok(()),
            Some((at, name)) => Err(Failure::new(format!(
                "row {first_row}, column {}: {name} maps to no field: name the field in a mapping (--write-mapping begins one), or \"-\" there to leave the column out",
                at + 1
            ))),
        }
    }

    /// Fails when a field would get two values.
    fn check_once(&self) -> Result<(), Failure> {
        let mut taken = BTreeMap::new();
        for (name, column) in self.columns.iter().filter(|(_, column)| !column.is_ignored()) {
            let field = column.detailed().field;
            if self.constants.contains_key(&field) {
                return Err(Failure::new(format!("the column {name} and a constant both map to {field}")));
            }
            if let Some(other) = taken.insert(field.clone(), name) {
                return Err(Failure::new(format!("the columns {other} and {name} both map to {field}")));
            }
        }
        Ok(())
    }

    /// As a file. Columns that become no field yet are left out of the import.
    pub(super) fn write(&self, columns: &[String]) -> String {
        let column = |name: &String| match self.columns.get(name).map(Column::detailed) {
            None => Tree::text(IGNORED),
            Some(column) if column.codes.is_empty() => Tree::text(&column.field),
            Some(column) => {
                let codes = column.codes.iter().map(|(name, code)| (name.as_str(), Tree::text(code)));
                Tree::map([("field", Tree::text(&column.field)), ("codes", Tree::map(codes))])
            }
        };
        let named = columns.iter().filter(|name| !name.is_empty() && !name.starts_with(QUARANTINE_PREFIX));
        let tree = Tree::map([
            ("format", Tree::text(FORMAT)),
            ("registry", Tree::text(&self.registry)),
            ("record_type", Tree::text(&self.record_type)),
            ("columns", Tree::map(named.map(|name| (name.as_str(), column(name))))),
        ]);
        let mut text =
            String::from("# Which column becomes which field: docs/guides/importing.md. \"-\" leaves a column out.\n");
        tree.write(&mut text);
        text
    }

    /// Binds a checkpoint to a file and what is made of it.
    pub(super) fn fingerprint(&self, seen: &Seen) -> String {
        use sha2::{Digest as _, Sha256};
        crate::base::id::to_hex(&Sha256::digest(format!("{self:?}\n{}", seen.hash)))
    }
}

fn check_column(target: &Target, name: &str, column: &Detailed) -> Result<(), Failure> {
    let failed = |why: String| Failure::new(format!("the column {name}: {why}"));
    known(target, &column.field).map_err(failed)?;
    let is_list = column.field.contains("[]");
    if is_list != column.separator.is_some() || column.separator.as_deref() == Some("") {
        let why = "a path with [] takes a `separator` that divides the cell, and no other path does";
        return Err(failed(why.into()));
    }
    encoding(column.encoding.as_deref()).map(|_| ()).map_err(failed)
}

/// The encoding that a mapping or a flag names; the outer `None`: none is named.
pub(super) fn encoding(name: Option<&str>) -> Result<Option<Option<Legacy>>, String> {
    let Some(name) = name else { return Ok(None) };
    let known = Legacy::ALL.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    match known {
        Some((_, legacy)) => Ok(Some(Some(*legacy))),
        None if name.eq_ignore_ascii_case("unicode") => Ok(Some(None)),
        None => Err(no_such("encoding", name, &["TCVN3", "VNI", "windows-1258", "Unicode"])),
    }
}

/// Fails, in words, where a path leads to no field.
fn known(target: &Target, path: &str) -> Result<(), String> {
    if target.field(path).is_some() {
        return Ok(());
    }
    let paths: Vec<&str> = target.fields.iter().map(|field| field.path.as_str()).collect();
    Err(with_nearest(format!("{} has no field {path}", target.record_type), path, paths))
}

/// The one field that a column's name says.
fn meant<'a>(target: &'a Target, column: &str) -> Option<&'a super::target::Field> {
    let key = |text: &str| {
        let text = text.replace(['_', '.', '[', ']', '(', ')', ':', '*', '/', '-'], " ");
        folded_key(text.split_whitespace().collect::<Vec<_>>().join(" ").trim())
    };
    let wanted = key(column);
    let by = |is: &dyn Fn(&super::target::Field) -> bool| {
        let mut found = target.fields.iter().filter(|field| is(field));
        let first = found.next()?;
        found.next().is_none().then_some(first)
    };
    let is_called = |field: &super::target::Field| field.labels.iter().any(|label| key(label) == wanted);
    let depth = |field: &super::target::Field| field.path.matches(['.', '[']).count();
    let shallowest = target.fields.iter().filter(|field| is_called(field)).map(depth).min();
    by(&|field| key(&field.path) == wanted)
        .or_else(|| by(&is_called))
        // What the record itself has goes before what a part of it has.
        .or_else(|| by(&|field| is_called(field) && Some(depth(field)) == shallowest))
        .or_else(|| by(&|field| field.path.rsplit('.').next().is_some_and(|last| key(last) == wanted)))
}
