//! From the paths in a crate's files to the files that they name. Pure.
//!
//! A name is where it is defined: a path to a file that passes the name on with `use` counts as a path to the file that
//! the name comes from.

use super::graph::Imports;
use super::source::{Source, read};
use std::collections::BTreeMap;

/// A path of names.
type Names<'a> = Vec<&'a str>;

/// So many times a name may be passed on; two files that pass it to each other would never end.
const LONGEST_CHAIN: usize = 8;

/// The files that each file of these crates imports, from the names and texts of all files.
pub(super) fn imports(sources: &[(String, String)]) -> Imports {
    let mut crates: BTreeMap<&str, Modules<'_>> = BTreeMap::new();
    let roots: Vec<&str> = sources
        .iter()
        .filter_map(|(file, _)| {
            let (folder, name) = file.rsplit_once('/')?;
            ["lib.rs", "main.rs"].contains(&name).then_some(folder)
        })
        .collect();
    for (file, text) in sources.iter().filter(|(file, _)| file.ends_with(".rs")) {
        let within = |root: &&&str| file.starts_with(&format!("{root}/"));
        let Some(root) = roots.iter().filter(within).max_by_key(|root| root.len()) else {
            continue;
        };
        let path = file[root.len() + 1..].trim_end_matches(".rs");
        let mut module: Names<'_> = path.split('/').collect();
        if let ["lib" | "main" | "mod"] | [.., "mod"] = module.as_slice() {
            module.pop();
        }
        // Programs beside a library are crates of one file.
        if module.first() != Some(&"bin") {
            crates.entry(root).or_default().0.insert(
                module,
                Module {
                    file,
                    source: read(text),
                },
            );
        }
    }
    crates.values().flat_map(Modules::imports).collect()
}

/// The modules of a crate that have a file of their own.
#[derive(Default)]
struct Modules<'a>(BTreeMap<Names<'a>, Module<'a>>);

struct Module<'a> {
    file: &'a str,
    source: Source<'a>,
}

impl<'a> Modules<'a> {
    fn imports(&self) -> Imports {
        let of_one = |(path, module): (&Names<'a>, &Module<'a>)| {
            let named = module.source.paths.iter();
            let files = named
                .filter(|named| ["crate", "super", "self"].contains(&named.names[0]))
                .filter_map(|named| {
                    let mut from = path.clone();
                    from.extend(&named.within);
                    self.target(&from, &named.names, LONGEST_CHAIN)
                })
                .filter(|target| !target.starts_with(path))
                .filter_map(|target| Some(self.0.get(target)?.file.to_owned()));
            (module.file.to_owned(), files.collect())
        };
        self.0.iter().map(of_one).collect()
    }

    /// The module that defines what `names` means in the module `from`; `None` when it is of another crate.
    fn target(&self, from: &[&'a str], names: &[&'a str], chain: usize) -> Option<&Names<'a>> {
        let mut at = from.to_vec();
        let mut rest = names;
        match names.first()? {
            &"crate" => at.clear(),
            &("super" | "self") => {}
            child if self.0.contains_key(&[from, &[*child]].concat()) => {}
            _ => return None,
        }
        if let ["crate" | "self", after @ ..] = rest {
            rest = after;
        }
        while let ["super", after @ ..] = rest {
            at.pop();
            rest = after;
        }
        while let [child, after @ ..] = rest {
            at.push(child);
            if !self.0.contains_key(&at) {
                at.pop();
                break;
            }
            rest = after;
        }
        // A module within a file is in that file.
        while !self.0.contains_key(&at) {
            at.pop()?;
        }
        let (path, module) = self.0.get_key_value(&at)?;
        let passed_on = rest.first().and_then(|name| module.source.names.get(name));
        passed_on
            .filter(|_| chain > 0)
            .and_then(|origin| self.target(path, &[origin.as_slice(), &rest[1..]].concat(), chain - 1))
            .or(Some(path))
    }
}
