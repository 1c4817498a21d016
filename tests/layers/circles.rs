//! Circles between files: a file names an item that another defines, and that one, directly or through more files, names an item
//! of the first. Neither can then be understood, moved or tested without the other, which layers between modules alone don't show.
//!
//! The rule counts names, in `use` and in paths, and follows each to the file that defines it. So a parent that declares its
//! children and re-exports from them (`pub use`) gives them an address and names nothing; it names a child's item when its own code
//! uses one. Methods and tests inside a file (`#[cfg(test)]`) don't count.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;

use super::source::{Source, groups, identifier};

/// The meaning of a name in a module.
#[derive(Clone, Copy, PartialEq)]
enum Target {
    Module(usize),
    /// An item, by the file that defines it.
    Item(usize),
}

/// A file as a module: its definitions, its imports by name, and the names in its code.
#[derive(Default)]
struct Module {
    path: Vec<String>,
    children: HashMap<String, usize>,
    defined: HashSet<String>,
    /// Names brought in by `use`, with the paths that they stand for.
    imports: HashMap<String, Vec<String>>,
    /// The modules of `use …::*`.
    globs: Vec<Vec<String>>,
    /// Paths in the code, and the imports that are not only passed on.
    named: BTreeSet<Vec<String>>,
}

/// All modules, by file and by path.
struct Tree {
    modules: Vec<Module>,
    places: HashMap<Vec<String>, usize>,
}

/// Every circle, as the files along it with what each names of the next: the shortest through the first file of each.
pub fn circles(sources: &[Source]) -> Vec<String> {
    let tree = Tree::of(sources);
    let edges: Vec<BTreeMap<usize, String>> = (0..sources.len()).map(|file| tree.edges(file)).collect();
    let mut found = Vec::new();
    let mut closed = HashSet::new();
    for start in 0..sources.len() {
        if closed.contains(&start) {
            continue;
        }
        let Some(circle) = shortest(&edges, start) else { continue };
        let mut text = sources[start].path.clone();
        for (at, file) in circle.iter().enumerate() {
            let next = circle.get(at + 1).copied().unwrap_or(start);
            let _ = write!(text, " -({})-> {}", edges[*file][&next], sources[next].path);
        }
        found.push(text);
        closed.extend(circle);
    }
    found
}

/// The shortest way along the edges from a file back to it.
fn shortest(edges: &[BTreeMap<usize, String>], start: usize) -> Option<Vec<usize>> {
    let mut came_from = HashMap::new();
    let mut wave = vec![start];
    while !wave.is_empty() {
        let mut next = Vec::new();
        for file in wave {
            for to in edges[file].keys() {
                if *to == start {
                    let mut way = vec![file];
                    while let Some(before) = came_from.get(&way[way.len() - 1]) {
                        way.push(*before);
                    }
                    way.reverse();
                    return Some(way);
                }
                if !came_from.contains_key(to) {
                    came_from.insert(*to, file);
                    next.push(*to);
                }
            }
        }
        wave = next;
    }
    None
}

/// Renamings and globs that lead to each other end here.
const DEPTH_MAX: usize = 12;

impl Tree {
    fn of(sources: &[Source]) -> Self {
        let mut modules: Vec<Module> = sources.iter().map(module).collect();
        let places: HashMap<Vec<String>, usize> =
            modules.iter().enumerate().map(|(place, module)| (module.path.clone(), place)).collect();
        for (path, child) in &places {
            if let Some((name, parent)) = path.split_last() {
                modules[places[parent]].children.insert(name.clone(), *child);
            }
        }
        Self { modules, places }
    }

    /// The files whose items a file names, each with one such name.
    fn edges(&self, file: usize) -> BTreeMap<usize, String> {
        let Module { named, globs, .. } = &self.modules[file];
        let items = named.iter().filter_map(|path| match self.resolve(file, path, 0)? {
            Target::Item(to) => Some((to, path.join("::"))),
            Target::Module(_) => None,
        });
        let wholes = globs.iter().filter_map(|path| match self.resolve(file, path, 0)? {
            Target::Module(to) | Target::Item(to) => Some((to, path.join("::") + "::*")),
        });
        items.chain(wholes).filter(|(to, _)| *to != file).collect()
    }

    fn resolve(&self, from: usize, path: &[String], depth: usize) -> Option<Target> {
        let (first, rest) = path.split_first()?;
        let mut target = match first.as_str() {
            "crate" => Target::Module(*self.places.get(&[][..])?),
            "self" => Target::Module(from),
            "super" => self.parent(from)?,
            name if rest.is_empty() => self.look_up(from, name, depth)?,
            name => self.scope(from, name, depth).or_else(|| self.look_up(from, name, depth))?,
        };
        for name in rest {
            let Target::Module(module) = target else { break };
            target = match name.as_str() {
                "super" => self.parent(module)?,
                // A name that it does not define was defined by a macro there.
                name => self.look_up(module, name, depth).unwrap_or(Target::Item(module)),
            };
        }
        Some(target)
    }

    /// The module that an import brings in: a function may have the same name.
    fn scope(&self, module: usize, name: &str, depth: usize) -> Option<Target> {
        let path = self.modules[module].imports.get(name).filter(|path| path[0] != name && depth <= DEPTH_MAX)?;
        self.resolve(module, path, depth + 1).filter(|target| matches!(target, Target::Module(_)))
    }

    fn parent(&self, module: usize) -> Option<Target> {
        let (_, parent) = self.modules[module].path.split_last()?;
        self.places.get(parent).copied().map(Target::Module)
    }

    fn look_up(&self, module: usize, name: &str, depth: usize) -> Option<Target> {
        let here = &self.modules[module];
        if let Some(child) = here.children.get(name) {
            return Some(Target::Module(*child));
        }
        if here.defined.contains(name) {
            return Some(Target::Item(module));
        }
        if depth > DEPTH_MAX {
            return None;
        }
        if let Some(path) = here.imports.get(name) {
            return if path[0] == name { None } else { self.resolve(module, path, depth + 1) };
        }
        here.globs.iter().find_map(|glob| match self.resolve(module, glob, depth + 1)? {
            Target::Module(other) if other != module => self.look_up(other, name, depth + 1),
            _ => None,
        })
    }
}

fn module(source: &Source) -> Module {
    let inside = source.path.trim_start_matches("src/").trim_end_matches(".rs");
    let path = inside.trim_end_matches("/mod").split('/').filter(|part| *part != "lib").map(str::to_owned).collect();
    let mut module = Module { path, ..Module::default() };
    let text = without_tests(&bare(&source.text));
    let mut rest = String::new();
    let mut passed_on = Vec::new();
    let mut lines = text.lines();
    let mut is_enum = false;
    while let Some(line) = lines.next() {
        let (words, item) = visibility(line.trim_start());
        is_enum = if line.starts_with(char::is_whitespace) { is_enum } else { item.starts_with("enum ") };
        let Some(first) = item.strip_prefix("use ") else {
            if is_declaration(item) {
                continue;
            }
            if !line.starts_with(char::is_whitespace) {
                module.defined.extend(defined(item).map(str::to_owned));
            }
            // A variant's name is not a use of an item with the same name.
            let variant = if is_enum && line.len() - item.len() == 4 { identifier(item).len() } else { 0 };
            rest.push_str(&item[variant..]);
            rest.push('\n');
            continue;
        };
        let mut tree = first.to_owned();
        while !tree.contains(';') {
            let Some(line) = lines.next() else { break };
            tree.push_str(line.trim());
        }
        let mut leaves = Vec::new();
        read_tree(tree.trim_end().trim_end_matches(';'), &[], &mut leaves);
        for (path, name) in leaves {
            if name == "*" {
                module.globs.push(path);
                continue;
            }
            if words.is_empty() {
                module.named.insert(path.clone());
            } else {
                passed_on.push((path.clone(), name.clone()));
            }
            if name != "_" {
                module.imports.insert(name, path);
            }
        }
    }
    let paths = paths(&rest);
    for (path, name) in passed_on {
        if paths.iter().any(|used| used[0] == name) {
            module.named.insert(path);
        }
    }
    module.named.extend(paths.into_iter().filter(|path| path.len() > 1));
    module
}

/// `pub(crate) struct X` as its visibility and `struct X`.
fn visibility(line: &str) -> (&str, &str) {
    let Some(after) = line.strip_prefix("pub") else { return ("", line) };
    let end = if after.starts_with('(') { after.find(')').map_or(0, |at| at + 1) } else { 0 };
    let item = after[end..].trim_start();
    (line[..line.len() - item.len()].trim_end(), item)
}

/// Whether a line declares a child: `mod child;`.
fn is_declaration(item: &str) -> bool {
    item.starts_with("mod ") && item.trim_end().ends_with(';')
}

/// The name that an item's first line defines in its module.
fn defined(item: &str) -> Option<&str> {
    const KINDS: &[&str] =
        &["struct", "enum", "trait", "fn", "type", "const", "static", "union", "macro_rules!", "mod"];
    let mut words = item.split_whitespace().skip_while(|word| matches!(*word, "async" | "unsafe" | "default"));
    let kind = words.next().filter(|word| KINDS.contains(word))?;
    let name = match words.next()? {
        "fn" | "mut" if kind != "fn" => words.next()?,
        name => name,
    };
    Some(identifier(name))
}

/// The leaves of a `use` tree, each with the name it brings in.
fn read_tree(tree: &str, before: &[String], leaves: &mut Vec<(Vec<String>, String)>) {
    let mut path = before.to_vec();
    let mut rest = tree.trim().trim_start_matches("::");
    loop {
        if let Some(group) = rest.strip_prefix('{') {
            let group = group.strip_suffix('}').unwrap_or(group);
            for part in groups(group) {
                read_tree(part, &path, leaves);
            }
            return;
        }
        let Some((segment, after)) = rest.split_once("::") else { break };
        path.push(segment.trim().to_owned());
        rest = after.trim_start();
    }
    let (item, renamed) =
        rest.split_once(" as ").map_or((rest.trim(), None), |(item, name)| (item.trim(), Some(name.trim())));
    match item {
        "" => {}
        "*" => leaves.push((path, "*".to_owned())),
        "self" if !path.is_empty() => {
            let name = renamed.unwrap_or(&path[path.len() - 1]).to_owned();
            leaves.push((path, name));
        }
        item => {
            path.push(item.to_owned());
            leaves.push((path, renamed.unwrap_or(item).to_owned()));
        }
    }
}

/// Every path in a text, names of one segment included: `a::b::<T>::c` gives `a::b`.
fn paths(text: &str) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    let mut rest = text;
    let mut last = ' ';
    while let Some(c) = rest.chars().next() {
        if !(c.is_alphabetic() || c == '_') || last.is_alphanumeric() || last == '_' || last == '.' {
            last = c;
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let mut path = Vec::new();
        loop {
            let word = identifier(rest);
            rest = &rest[word.len()..];
            path.push(word.to_owned());
            let Some(after) = rest.strip_prefix("::") else { break };
            if !after.starts_with(|c: char| c.is_alphabetic() || c == '_') {
                break;
            }
            rest = after;
        }
        last = 'x';
        found.insert(path);
    }
    found
}

/// A text without its comments and the content of its literals.
fn bare(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let word = bare.strip_suffix('b').unwrap_or(&bare);
        let raw = rest.strip_prefix('r').filter(|_| !word.ends_with(|c: char| c.is_alphanumeric() || c == '_'));
        let hashes = raw.map_or(0, |after| after.len() - after.trim_start_matches('#').len());
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if raw.is_some_and(|after| after[hashes..].starts_with('"')) {
            let end = format!("\"{}", "#".repeat(hashes));
            let begin = hashes + 2;
            rest[begin..].find(&end).map_or(rest.len(), |at| begin + at + end.len())
        } else if c == '"' {
            quoted(rest)
        } else if c == '\'' && (rest[1..].starts_with('\\') || rest.chars().nth(2) == Some('\'')) {
            let begin = if rest[1..].starts_with('\\') { 3 } else { 1 };
            rest[begin..].find('\'').map_or(rest.len(), |at| begin + at + 1)
        } else {
            bare.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        bare.extend(rest[..skip].chars().filter(|c| *c == '\n'));
        rest = &rest[skip..];
    }
    bare
}

/// The length of a string literal.
fn quoted(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A text without the items under `#[cfg(test)]`.
fn without_tests(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            kept.push_str(line);
            kept.push('\n');
            continue;
        }
        // rustfmt begins and ends an item in the column where its attribute stands.
        let indent = line.len() - line.trim_start().len();
        let is_end = |line: &str| {
            let item = line.get(indent..).unwrap_or_default();
            let begins = !item.starts_with(char::is_whitespace) && !item.starts_with("#[");
            begins && item.trim_end().ends_with([';', ',', '}'])
        };
        lines.by_ref().find(|line| is_end(line));
    }
    kept
}
