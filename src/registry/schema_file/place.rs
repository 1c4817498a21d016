//! Positions in a schema file, for flaws that are found only when registries and rights are combined.

use super::flaw::Flaws;
use super::node::{self, Data, Node};

/// The path of the name of a registry or record type in a file.
pub fn path_of(text: &str, name: &str) -> Option<String> {
    let root = node::read(text).ok()?;
    let is_name = |node: Option<&Node>| node.is_some_and(|node| node.data == Data::Text(name.to_owned()));
    if is_name(child(&root, "registry")) {
        return Some("registry".into());
    }
    let Data::List(types) = &child(&root, "record_types")?.data else { return None };
    let at = types.iter().position(|of| is_name(child(of, "name")))?;
    Some(format!("record_types[{at}].name"))
}

/// A file that people write, read once: what it says, and on which line it says each part.
pub struct Placed(Node);

impl Placed {
    /// Reads a message in its JSON form, as [`message_json`](super::message_json) does.
    pub fn message(text: &str) -> Result<Self, Flaws> {
        node::read_with(text, true).map(Self)
    }

    /// What it says, as JSON with its keys in order.
    pub fn json(&self) -> serde_json::Value {
        self.0.to_json()
    }

    /// The line of a path; `None` where the file has no such path.
    pub fn line_of(&self, path: &str) -> Option<usize> {
        line(&self.0, self.0.line, path)
    }
}

/// The line of a path; 1 where the file has none.
pub fn line_of(text: &str, path: &str) -> usize {
    Placed::message(text).ok().and_then(|placed| placed.line_of(path)).unwrap_or(1)
}

fn line(node: &Node, at: usize, path: &str) -> Option<usize> {
    let path = path.strip_prefix('.').unwrap_or(path);
    if path.is_empty() {
        return Some(at);
    }
    match &node.data {
        Data::List(items) => {
            let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
            let item = items.get(index.parse::<usize>().ok()?)?;
            line(item, item.line, rest)
        }
        // A key may have dots in it.
        Data::Map(entries) => entries.iter().find_map(|entry| {
            let rest = path.strip_prefix(entry.key.as_str())?;
            let ends = rest.is_empty() || rest.starts_with(['.', '[']);
            if ends { line(&entry.value, entry.line, rest) } else { None }
        }),
        _ => None,
    }
}

fn child<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    let Data::Map(entries) = &node.data else { return None };
    entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
}
