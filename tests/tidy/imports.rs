//! What each file imports, by its syntax tree: the paths in `use` items and in code, without the tests inside a file. A path
//! through a re-export leads to the file that defines the item, and a re-export itself imports nothing.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};

/// One file of `src`.
pub struct SourceFile {
    /// The path relative to `src`, with `/`.
    pub name: String,
    /// The module path: `["ledger", "store"]`; empty for `lib.rs`.
    module: Vec<String>,
    imports: Vec<Import>,
    /// The structs, enums and traits that the file defines.
    types: BTreeSet<String>,
    /// The `impl` blocks.
    impls: Vec<ImplBlock>,
}

/// A path of this crate that a file names.
struct Import {
    path: Vec<String>,
    /// The name that a `use` item gives it.
    name: String,
    is_reexport: bool,
}

/// An `impl` block.
struct ImplBlock {
    self_type: Vec<String>,
    /// The trait, and the types between its angle brackets.
    of_trait: Vec<Vec<String>>,
}

/// A dependency of one file on another, with the path that makes it.
pub type Edges<'f> = BTreeMap<&'f str, BTreeMap<&'f str, String>>;

/// All files of `src`, resolved against each other.
pub struct Crate {
    files: Vec<SourceFile>,
    by_module: BTreeMap<Vec<String>, usize>,
}

impl SourceFile {
    /// Parses a file.
    pub fn parse(name: &str, text: &str) -> Self {
        let mut collector = Collector::default();
        collector.visit_file(&syn::parse_file(text).expect("a source file parses"));
        let module = name.trim_end_matches(".rs").trim_end_matches("/mod");
        let module = match module {
            "lib" | "main" => Vec::new(),
            module => module.split('/').map(str::to_owned).collect(),
        };
        Self {
            name: name.to_owned(),
            module,
            imports: collector.imports,
            types: collector.types,
            impls: collector.impls,
        }
    }

    /// The path from the root of the crate, if `path` is one of this crate and not of a dependency.
    fn absolute(&self, path: &[String], is_module: impl Fn(&[String]) -> bool) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([&self.module, rest].concat()),
            "super" => {
                let up = path.iter().take_while(|segment| *segment == "super").count();
                let base = self.module.len().checked_sub(up)?;
                Some([&self.module[..base], &path[up..]].concat())
            }
            _ => {
                let child = [self.module.as_slice(), &path[..1]].concat();
                is_module(&child).then(|| [&self.module, path].concat())
            }
        }
    }

    /// Whether `other` is this file or lies in its folder.
    fn is_home_of(&self, other: &str) -> bool {
        let folder = match self.name.strip_suffix("mod.rs") {
            Some(folder) => folder.to_owned(),
            None => self.name.replace(".rs", "/"),
        };
        self.name == other || other.starts_with(&folder)
    }
}

impl Crate {
    /// Takes the parsed files of `src`.
    pub fn new(files: Vec<SourceFile>) -> Self {
        let by_module = files
            .iter()
            .enumerate()
            .map(|(at, file)| (file.module.clone(), at))
            .collect();
        Self { files, by_module }
    }

    /// The file that defines what `path` names, which is a path from the root of the crate.
    fn target(&self, path: &[String], seen: &mut BTreeSet<(usize, String)>) -> Option<usize> {
        let is_module = |path: &[String]| self.by_module.contains_key(path);
        let (at, rest) = (0..=path.len())
            .rev()
            .find_map(|n| Some((*self.by_module.get(&path[..n])?, &path[n..])))?;
        let Some(name) = rest.first() else { return Some(at) };
        if !seen.insert((at, name.clone())) {
            return Some(at);
        }
        let file = &self.files[at];
        let reexport = file
            .imports
            .iter()
            .find(|import| import.is_reexport && import.name == *name);
        let further = reexport.and_then(|import| {
            let base = file.absolute(&import.path, is_module)?;
            self.target(&[&base, &rest[1..]].concat(), seen)
        });
        further.or(Some(at))
    }

    /// Which file imports which.
    pub fn edges(&self) -> Edges<'_> {
        let is_module = |path: &[String]| self.by_module.contains_key(path);
        let mut edges = Edges::new();
        for file in &self.files {
            for import in file.imports.iter().filter(|import| !import.is_reexport) {
                let Some(absolute) = file.absolute(&import.path, is_module) else {
                    continue;
                };
                let Some(to) = self.target(&absolute, &mut BTreeSet::new()) else {
                    continue;
                };
                let to = self.files[to].name.as_str();
                if to != file.name {
                    let from = edges.entry(file.name.as_str()).or_default();
                    from.entry(to).or_insert_with(|| import.path.join("::"));
                }
            }
        }
        edges
    }

    /// The `impl` blocks outside of the homes of their type, their trait and its arguments: the file, and the type.
    pub fn stray_impls(&self) -> Vec<(&str, String)> {
        let mut stray = Vec::new();
        for file in &self.files {
            for block in &file.impls {
                let Some(home) = self.definition(file, &block.self_type) else {
                    continue;
                };
                let of_trait = block.of_trait.iter().filter_map(|path| self.definition(file, path));
                let mut homes = of_trait.chain([home]);
                if !homes.any(|home| home.is_home_of(&file.name)) {
                    stray.push((file.name.as_str(), block.self_type.join("::")));
                }
            }
        }
        stray
    }

    /// The file that defines a type as `file` names it; `None` for a type of a dependency.
    fn definition(&self, file: &SourceFile, path: &[String]) -> Option<&SourceFile> {
        let is_module = |path: &[String]| self.by_module.contains_key(path);
        let name = path.last()?;
        if path.len() == 1 && file.types.contains(name) {
            return self.files.iter().find(|other| other.name == file.name);
        }
        let used = file
            .imports
            .iter()
            .find(|import| !import.name.is_empty() && import.name == path[0]);
        let full = used.map_or_else(|| path.to_vec(), |import| [&import.path, &path[1..]].concat());
        let at = self.target(&file.absolute(&full, is_module)?, &mut BTreeSet::new())?;
        self.files[at].types.contains(name).then_some(&self.files[at])
    }
}

/// The groups of files that import each other in a circle.
pub fn circles<'f>(edges: &Edges<'f>) -> Vec<Vec<&'f str>> {
    let reachable = |from: &'f str| {
        let mut reached = BTreeSet::new();
        let mut open = vec![from];
        while let Some(file) = open.pop() {
            for to in edges.get(file).into_iter().flat_map(BTreeMap::keys) {
                if reached.insert(*to) {
                    open.push(to);
                }
            }
        }
        reached
    };
    let reached: BTreeMap<_, _> = edges.keys().map(|file| (*file, reachable(file))).collect();
    let mut circles: Vec<Vec<&str>> = Vec::new();
    for (file, targets) in reached.iter().filter(|(file, targets)| targets.contains(*file)) {
        if circles.iter().any(|circle| circle.contains(file)) {
            continue;
        }
        let back = |to: &&&str| reached.get(**to).is_some_and(|targets| targets.contains(file));
        circles.push(targets.iter().filter(back).copied().collect());
    }
    circles
}

#[derive(Default)]
struct Collector {
    imports: Vec<Import>,
    types: BTreeSet<String>,
    impls: Vec<ImplBlock>,
}

fn segments(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

/// A path and the paths of its generic arguments.
fn with_arguments(path: &syn::Path) -> Vec<Vec<String>> {
    let mut paths = vec![segments(path)];
    for segment in &path.segments {
        let syn::PathArguments::AngleBracketed(arguments) = &segment.arguments else {
            continue;
        };
        paths.extend(arguments.args.iter().filter_map(|argument| match argument {
            syn::GenericArgument::Type(syn::Type::Path(path)) => Some(segments(&path.path)),
            _ => None,
        }));
    }
    paths
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        _ => false,
    })
}

impl Collector {
    fn use_tree(&mut self, tree: &syn::UseTree, before: &[String], is_reexport: bool) {
        let joined = |name: &syn::Ident| {
            let name = name.to_string();
            let end: &[String] = if name == "self" { &[] } else { &[name] };
            [before, end].concat()
        };
        match tree {
            syn::UseTree::Path(path) => self.use_tree(&path.tree, &joined_always(before, &path.ident), is_reexport),
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.use_tree(tree, before, is_reexport);
                }
            }
            syn::UseTree::Name(name) => {
                let path = joined(&name.ident);
                let name = path.last().cloned().unwrap_or_default();
                self.imports.push(Import {
                    path,
                    name,
                    is_reexport,
                });
            }
            syn::UseTree::Rename(rename) => self.imports.push(Import {
                path: joined(&rename.ident),
                name: rename.rename.to_string(),
                is_reexport,
            }),
            syn::UseTree::Glob(_) => self.imports.push(Import {
                path: before.to_vec(),
                name: String::new(),
                is_reexport,
            }),
        }
    }
}

fn joined_always(before: &[String], name: &syn::Ident) -> Vec<String> {
    [before, &[name.to_string()]].concat()
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let is_reexport = !matches!(item.vis, syn::Visibility::Inherited);
        if !is_for_tests(&item.attrs) {
            self.use_tree(&item.tree, &[], is_reexport);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {
        // `pub(in path)` imports nothing.
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = segments(path);
        if segments.len() > 1 {
            self.imports.push(Import {
                path: segments,
                name: String::new(),
                is_reexport: false,
            });
        }
        visit::visit_path(self, path);
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.types.insert(item.ident.to_string());
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.types.insert(item.ident.to_string());
        visit::visit_item_enum(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.types.insert(item.ident.to_string());
        visit::visit_item_trait(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if is_for_tests(&item.attrs) {
            return;
        }
        if let syn::Type::Path(self_type) = &*item.self_ty {
            self.impls.push(ImplBlock {
                self_type: segments(&self_type.path),
                of_trait: item
                    .trait_
                    .iter()
                    .flat_map(|(_, path, _)| with_arguments(path))
                    .collect(),
            });
        }
        visit::visit_item_impl(self, item);
    }
}
