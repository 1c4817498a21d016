//! Positions in a schema file, for flaws that are found only when registries and rights are combined.

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

/// The line of a path; 1 where the file has none.
pub fn line_of(text: &str, path: &str) -> usize {
    node::read_with(text, true).ok().and_then(|root| line(&root, root.line, path)).unwrap_or(1)
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
