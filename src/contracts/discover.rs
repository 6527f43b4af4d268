//! Which files of a change are contracts, in which language, and what of the base belongs to what of the head.
//!
//! Three things pull here. A file that is a contract and is not seen is a silent pass, so what is configured and has no
//! reader is compared as text. A change touches few files of many, so only what it can reach is looked at: a document
//! is compared again when a fragment it refers to changed, and the fragment itself then says nothing of its own. And a
//! renamed or split document is the same contract: it is paired by what it calls itself, not by where it stands.

use std::collections::{BTreeMap, BTreeSet};

use globset::{Glob, GlobSet, GlobSetBuilder};
use sha2::{Digest, Sha256};

use super::{Format, Tree};

/// How many files a chain of references may lead through.
const MOST_REACHED: usize = 10_000;
/// How much of a file is looked at to tell its language, in bytes.
const SNIFFED: usize = 1 << 20;

/// Which files are contracts: globs on the whole path.
#[derive(Clone, Debug, Default)]
pub struct Which {
    /// Descriptions: what is compared by meaning, or as text.
    pub contracts: GlobSet,
    /// Source files that declare routes.
    pub routes: GlobSet,
    /// Neither, whatever the others say.
    pub ignored: GlobSet,
}

impl Which {
    /// Every file: what each is, its name and content say.
    pub fn everything() -> Which {
        let all = Glob::new("**").and_then(|glob| GlobSetBuilder::new().add(glob).build());
        Which { contracts: all.unwrap_or_default(), ..Which::default() }
    }

    /// Whether the file is a contract or declares routes.
    pub fn concerns(&self, path: &str) -> bool {
        self.is_contract(path) || self.is_route(path)
    }

    /// Whether the file is a description.
    pub fn is_contract(&self, path: &str) -> bool {
        self.contracts.is_match(path) && !self.ignored.is_match(path)
    }

    /// Whether the file declares routes.
    pub fn is_route(&self, path: &str) -> bool {
        self.routes.is_match(path) && !self.ignored.is_match(path) && !self.contracts.is_match(path)
    }
}

/// A file on both sides, or on one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Pair {
    /// The path at the base; `None` for a new file.
    pub base: Option<String>,
    /// The path at the head; `None` for one that is gone.
    pub head: Option<String>,
}

impl Pair {
    /// The same path on both sides.
    pub fn same(path: impl Into<String>) -> Pair {
        let path = path.into();
        Pair { base: Some(path.clone()), head: Some(path) }
    }

    /// The path to call it by.
    pub fn name(&self) -> &str {
        self.head.as_deref().or(self.base.as_deref()).unwrap_or_default()
    }
}

/// Files of one language that are compared together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Their language.
    pub format: Format,
    /// For a language of documents, one pair; for a language of sets, all that changed of the set.
    pub pairs: Vec<Pair>,
    /// The set at the base; for a language of documents, empty.
    pub base_paths: Vec<String>,
    /// The set at the head.
    pub head_paths: Vec<String>,
}

impl Job {
    /// One document.
    pub fn document(format: Format, pair: Pair) -> Job {
        Job { format, pairs: vec![pair], base_paths: Vec::new(), head_paths: Vec::new() }
    }
}

/// Whether each file of this language is a whole, or all of them are.
pub fn is_document(format: Format) -> bool {
    matches!(format, Format::OpenApi | Format::JsonSchema | Format::Text)
}

/// The language of a file of a tree; `None` when there is no such file.
pub fn format_at(tree: &dyn Tree, path: &str, declares_routes: bool) -> Option<Format> {
    Some(format_of(path, &tree.beginning(path, SNIFFED)?, declares_routes))
}

/// The language of a file, by its name and what stands in it.
pub fn format_of(path: &str, content: &[u8], declares_routes: bool) -> Format {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let content = &content[..content.len().min(SNIFFED)];
    match ending {
        "ts" | "tsx" | "mts" | "cts" | "js" | "jsx" | "mjs" | "cjs" | "py" | "rs" if declares_routes => Format::Routes,
        "proto" => Format::Protobuf,
        "graphql" | "graphqls" | "gql" if defines_types(content) => Format::GraphQl,
        "ts" | "tsx" | "mts" | "cts" => Format::TypeScript,
        "sql" => Format::Sql,
        "yaml" | "yml" => by_keys(&name, &yaml_keys(content)),
        "json" => by_keys(&name, &json_keys(content)),
        _ => Format::Text,
    }
}

fn by_keys(name: &str, keys: &BTreeMap<String, String>) -> Format {
    let has = |key: &str| keys.contains_key(key);
    let is_schema = name.contains(".schema.")
        || keys.get("$schema").is_some_and(|value| value.contains("json-schema.org"))
        || has("$defs")
        || (has("properties") && has("type"));
    match () {
        () if has("openapi") || has("swagger") => Format::OpenApi,
        () if is_schema => Format::JsonSchema,
        () => Format::Text,
    }
}

/// A file of operations that clients send is no schema.
fn defines_types(content: &[u8]) -> bool {
    const DEFINE: [&str; 9] =
        ["type", "interface", "schema", "enum", "input", "scalar", "union", "directive", "extend"];
    let text = String::from_utf8_lossy(content);
    let mut words = text.lines().filter_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric()).next());
    words.any(|word| DEFINE.contains(&word))
}

/// The keys at the top of a YAML document in block style, with what stands behind them on the line.
fn yaml_keys(content: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(content);
    if text.trim_start().starts_with('{') {
        return json_keys(content);
    }
    let lines = text.trim_start_matches('\u{feff}').lines();
    let top = lines.filter(|line| !line.starts_with([' ', '\t', '#', '-']));
    let keys = top.filter_map(|line| {
        let (key, value) = line.split_once(':')?;
        let unquoted = |text: &str| text.trim().trim_matches(['"', '\'']).to_string();
        Some((unquoted(key), unquoted(value)))
    });
    keys.collect()
}

/// The keys of the outermost object of a JSON text, with their values where those are strings.
fn json_keys(content: &[u8]) -> BTreeMap<String, String> {
    let (mut keys, mut depth, mut at) = (BTreeMap::new(), 0_usize, 0);
    let mut key: Option<String> = None;
    while at < content.len() {
        match content[at] {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => key = None,
            b'"' => {
                let start = at + 1;
                at = start;
                while at < content.len() && content[at] != b'"' {
                    at += 1 + usize::from(content[at] == b'\\');
                }
                if depth == 1 {
                    let text = String::from_utf8_lossy(content.get(start..at).unwrap_or_default()).into_owned();
                    match key.take() {
                        Some(name) => drop(keys.insert(name, text)),
                        None => {
                            keys.insert(text.clone(), String::new());
                            key = Some(text);
                        }
                    }
                }
            }
            _ => {}
        }
        at += 1;
    }
    keys
}

/// What is to be compared, for the files that differ between two trees. Paths that are no contract are passed over,
/// unless a contract refers to them.
pub fn plan(base: &dyn Tree, head: &dyn Tree, changed: &[Pair], which: &Which) -> Vec<Job> {
    let sides = Sides { base, head, which };
    let mut documents: Vec<(Format, Pair)> = Vec::new();
    let mut sets: BTreeMap<Format, Vec<Pair>> = BTreeMap::new();
    let mut fragments: Vec<Pair> = Vec::new();
    for pair in changed {
        let concerned = [&pair.base, &pair.head].into_iter().flatten().any(|path| which.concerns(path));
        let format = concerned.then(|| sides.format(pair));
        match format {
            Some(Format::Text) | None if is_tree_file(pair.name()) => fragments.push(pair.clone()),
            None => {}
            Some(format) if is_document(format) => documents.push((format, pair.clone())),
            Some(format) => sets.entry(format).or_default().push(pair.clone()),
        }
    }
    sides.rejoin(&mut documents);
    // A JSON Schema may be a document and a part of another one.
    let parts: BTreeSet<String> = fragments
        .iter()
        .chain(documents.iter().filter(|(format, _)| *format == Format::JsonSchema).map(|(_, pair)| pair))
        .flat_map(|pair| [&pair.base, &pair.head])
        .flatten()
        .cloned()
        .collect();
    let (mut reached, mut in_descriptions) = (BTreeSet::new(), BTreeSet::new());
    if !parts.is_empty() {
        for (format, pair) in sides.documents(changed) {
            let through = sides.reached_by(&pair);
            let touched: Vec<&String> = parts.iter().filter(|part| through.contains(*part)).collect();
            if !touched.is_empty() && !documents.iter().any(|(_, known)| *known == pair) {
                documents.push((format, pair));
            }
            if format == Format::OpenApi {
                in_descriptions.extend(touched.iter().map(|path| path.to_string()));
            }
            reached.extend(touched.into_iter().cloned());
        }
    }
    // A schema that does not call itself one is a part of the description that it stands in, which knows its direction.
    documents.retain(|(format, pair)| {
        let part = [&pair.base, &pair.head].into_iter().flatten().any(|path| in_descriptions.contains(path));
        *format != Format::JsonSchema || !part || sides.calls_itself_a_schema(pair)
    });
    let is_reached = |pair: &Pair| [&pair.base, &pair.head].into_iter().flatten().any(|path| reached.contains(path));
    // What a document refers to is judged there.
    let left = fragments.into_iter().filter(|pair| !is_reached(pair));
    let left = left.filter(|pair| [&pair.base, &pair.head].into_iter().flatten().any(|path| which.is_contract(path)));
    documents.extend(left.map(|pair| (Format::Text, pair)));
    documents.sort();
    let mut jobs: Vec<Job> = documents.into_iter().map(|(format, pair)| Job::document(format, pair)).collect();
    for (format, pairs) in sets {
        let [base_paths, head_paths] = sides.of_format(format);
        match format {
            Format::GraphQl => jobs.extend(sides.graphs(&pairs, &base_paths, &head_paths)),
            _ => jobs.push(Job { format, pairs, base_paths, head_paths }),
        }
    }
    jobs
}

/// The pairs of two trees that differ: by path first, then by what files call themselves.
pub fn changed(base: &dyn Tree, head: &dyn Tree) -> Vec<Pair> {
    let (old, new): (BTreeSet<String>, BTreeSet<String>) =
        (base.paths().into_iter().collect(), head.paths().into_iter().collect());
    let both = old.intersection(&new).filter(|path| base.read(path) != head.read(path)).map(Pair::same);
    let mut pairs: Vec<Pair> = both.collect();
    let (mut gone, come): (BTreeSet<&String>, BTreeSet<&String>) =
        (old.difference(&new).collect(), new.difference(&old).collect());
    // Thousands may have moved at once: each is read once, and not for each of the others.
    let print = |tree: &dyn Tree, path: &str| tree.read(path).map(|content| Sha256::digest(&content));
    let mut twins: BTreeMap<_, Vec<&String>> = BTreeMap::new();
    for path in gone.iter().rev().filter(|_| !come.is_empty()) {
        if let Some(print) = print(base, path) {
            twins.entry(print).or_default().push(path);
        }
    }
    for path in come {
        let own = if twins.is_empty() { None } else { print(head, path) };
        let twin = own.and_then(|print| twins.get_mut(&print)?.pop());
        if let Some(twin) = twin {
            gone.remove(twin);
        }
        pairs.push(Pair { base: twin.cloned(), head: Some(path.clone()) });
    }
    pairs.extend(gone.into_iter().map(|path| Pair { base: Some(path.clone()), head: None }));
    pairs.sort();
    pairs
}

fn is_tree_file(path: &str) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|ending| path.to_ascii_lowercase().ends_with(ending))
}

struct Sides<'a> {
    base: &'a dyn Tree,
    head: &'a dyn Tree,
    which: &'a Which,
}

impl Sides<'_> {
    /// What the pair was at the base, so that a file that was spoilt is still held to what it was.
    fn format(&self, pair: &Pair) -> Format {
        let of = |tree: &dyn Tree, path: &Option<String>| {
            let path = path.as_deref()?;
            format_at(tree, path, self.which.is_route(path))
        };
        let before = of(self.base, &pair.base).filter(|format| *format != Format::Text);
        before.or_else(|| of(self.head, &pair.head)).unwrap_or(Format::Text)
    }

    /// Whether a schema says that it is one, by its name or its `$schema`.
    fn calls_itself_a_schema(&self, pair: &Pair) -> bool {
        let says = |tree: &dyn Tree, path: &Option<String>| {
            let Some(path) = path else { return false };
            let Some(content) = tree.beginning(path, SNIFFED) else { return false };
            let keys = if path.ends_with(".json") { json_keys(&content) } else { yaml_keys(&content) };
            path.contains(".schema.") || keys.contains_key("$schema")
        };
        says(self.base, &pair.base) || says(self.head, &pair.head)
    }

    /// Documents that came and documents that went are one when they call themselves the same.
    fn rejoin(&self, documents: &mut Vec<(Format, Pair)>) {
        let (alone, mut joined): (Vec<_>, Vec<_>) =
            documents.drain(..).partition(|(_, pair)| pair.base.is_none() || pair.head.is_none());
        let (gone, come): (Vec<_>, Vec<_>) = alone.into_iter().partition(|(_, pair)| pair.head.is_none());
        let called = |tree: &dyn Tree, path: &Option<String>| {
            let path = path.as_deref()?;
            name_in(path, &tree.beginning(path, SNIFFED)?)
        };
        let mut gone: Vec<(Format, Pair, Option<String>)> = match come.is_empty() {
            true => gone.into_iter().map(|(format, pair)| (format, pair, None)).collect(),
            false => {
                gone.into_iter().map(|(format, pair)| (format, pair.clone(), called(self.base, &pair.base))).collect()
            }
        };
        for (format, mut pair) in come {
            let name = called(self.head, &pair.head);
            let same = |(other, old, its): &(Format, Pair, Option<String>)| {
                let file = |path: &str| path.rsplit('/').next().unwrap_or_default().to_string();
                *other == format && (its.is_some() && *its == name || file(old.name()) == file(pair.name()))
            };
            let mut twins = gone.iter().enumerate().filter(|(_, old)| same(old)).map(|(at, _)| at);
            if let (Some(twin), None) = (twins.next(), twins.next()) {
                pair.base = gone.remove(twin).1.base;
            }
            joined.push((format, pair));
        }
        joined.extend(gone.into_iter().map(|(format, pair, _)| (format, pair)));
        *documents = joined;
    }

    /// Every document of the head that is configured as a contract, with what it was at the base.
    fn documents(&self, changed: &[Pair]) -> Vec<(Format, Pair)> {
        let moved: BTreeMap<&str, &Pair> =
            changed.iter().filter_map(|pair| Some((pair.head.as_deref()?, pair))).collect();
        let mut found = Vec::new();
        for path in self.head.paths() {
            if !is_tree_file(&path) || !self.which.is_contract(&path) {
                continue;
            }
            let pair = moved.get(path.as_str()).map_or_else(|| Pair::same(path.clone()), |pair| (*pair).clone());
            let format = self.format(&pair);
            if format == Format::OpenApi || format == Format::JsonSchema {
                found.push((format, pair));
            }
        }
        found
    }

    /// Every file that a document refers to on either side, over any number of steps, itself left out.
    fn reached_by(&self, pair: &Pair) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for (tree, root) in [(self.base, &pair.base), (self.head, &pair.head)] {
            let Some(root) = root else { continue };
            let (mut seen, mut open) = (BTreeSet::from([root.clone()]), vec![root.clone()]);
            while let Some(path) = open.pop() {
                let Some(content) = tree.read(&path) else { continue };
                for target in references(&path, &content) {
                    if seen.len() < MOST_REACHED && seen.insert(target.clone()) {
                        open.push(target);
                    }
                }
            }
            seen.remove(root);
            all.append(&mut seen);
        }
        all
    }

    /// All files of a language that are contracts, by side.
    fn of_format(&self, format: Format) -> [Vec<String>; 2] {
        [self.base, self.head].map(|tree| {
            let paths = tree.paths().into_iter().filter(|path| self.which.concerns(path));
            let of = paths.filter(|path| match ending_of(format) {
                // The content is asked only where the name does not say it.
                Some(endings) => {
                    endings.iter().any(|ending| path.to_ascii_lowercase().ends_with(ending))
                        && (format != Format::GraphQl || tree.read(path).is_some_and(|content| defines_types(&content)))
                        && (format != Format::TypeScript || !self.which.is_route(path))
                        && (format != Format::Routes || self.which.is_route(path))
                }
                None => false,
            });
            of.collect()
        })
    }

    /// The schemas of a repository: each file that says where queries begin begins one, and the other files belong to
    /// the one whose folder they share most of.
    fn graphs(&self, changed: &[Pair], base: &[String], head: &[String]) -> Vec<Job> {
        let is_root = |tree: &dyn Tree, path: &String| {
            let content = tree.read(path).unwrap_or_default();
            let text = String::from_utf8_lossy(&content).into_owned();
            text.lines().any(|line| line.starts_with("type Query") || line.starts_with("schema"))
        };
        let folder = |path: &str| path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        let roots: BTreeSet<String> = [(self.base, base), (self.head, head)]
            .into_iter()
            .flat_map(|(tree, paths)| paths.iter().filter(move |path| is_root(tree, path)))
            .map(|path| folder(path))
            .collect();
        let group = |path: &str| {
            let shared = |root: &String| root.split('/').zip(path.split('/')).take_while(|(a, b)| a == b).count();
            roots.iter().max_by_key(|root| (shared(root), std::cmp::Reverse(root.len()))).cloned().unwrap_or_default()
        };
        let mut jobs: BTreeMap<String, Job> = BTreeMap::new();
        for pair in changed {
            let job = jobs.entry(group(pair.name())).or_insert_with(|| Job {
                format: Format::GraphQl,
                pairs: Vec::new(),
                base_paths: Vec::new(),
                head_paths: Vec::new(),
            });
            job.pairs.push(pair.clone());
        }
        for (name, job) in &mut jobs {
            let of = |paths: &[String]| paths.iter().filter(|path| group(path) == *name).cloned().collect();
            (job.base_paths, job.head_paths) = (of(base), of(head));
        }
        jobs.into_values().collect()
    }
}

fn ending_of(format: Format) -> Option<&'static [&'static str]> {
    Some(match format {
        Format::Protobuf => &[".proto"],
        Format::GraphQl => &[".graphql", ".graphqls", ".gql"],
        Format::TypeScript => &[".ts", ".tsx", ".mts", ".cts"],
        Format::Sql => &[".sql"],
        Format::Routes => &[".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".py", ".rs"],
        Format::OpenApi | Format::JsonSchema | Format::Text => return None,
    })
}

/// What a document calls itself: `$id`, or the title.
fn name_in(path: &str, content: &[u8]) -> Option<String> {
    let content = &content[..content.len().min(SNIFFED)];
    let keys = if path.ends_with(".json") { json_keys(content) } else { yaml_keys(content) };
    if let Some(id) = keys.get("$id").or_else(|| keys.get("title")).filter(|id| !id.is_empty()) {
        return Some(id.clone());
    }
    static TITLE: std::sync::LazyLock<regex::Regex> = std::sync::LazyLock::new(|| {
        regex::Regex::new(r#"(?m)(?:^\s+|[{,]\s*)["']?title["']?\s*:\s*["']?([^"',}\n\r]+)"#).expect("a valid pattern")
    });
    let text = String::from_utf8_lossy(content);
    let info = text.find("info")?;
    TITLE.captures(&text[info..]).map(|found| found[1].trim().to_string())
}

/// The files that `$ref`s of a file lead to, below the root of its tree. Addresses and what leads out of it are none.
pub fn references(path: &str, content: &[u8]) -> Vec<String> {
    static REFERENCE: std::sync::LazyLock<regex::Regex> = std::sync::LazyLock::new(|| {
        regex::Regex::new(r#"["']?\$ref["']?\s*:\s*["']?([^"'#\s,}]+)"#).expect("a valid pattern")
    });
    let text = String::from_utf8_lossy(content);
    let targets = REFERENCE.captures_iter(&text).map(|found| found[1].to_string()).collect::<BTreeSet<_>>();
    targets.iter().filter_map(|target| resolved(path, target)).collect()
}

fn resolved(from: &str, target: &str) -> Option<String> {
    if target.contains(':') || target.starts_with(['/', '\\']) {
        return None;
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Files = BTreeMap<String, Vec<u8>>;

    fn files(all: &[(&str, &str)]) -> Files {
        all.iter().map(|(path, text)| (path.to_string(), text.as_bytes().to_vec())).collect()
    }

    fn which() -> Which {
        let globs = |patterns: &[&str]| {
            let mut set = GlobSetBuilder::new();
            for pattern in patterns {
                set.add(Glob::new(pattern).unwrap());
            }
            set.build().unwrap()
        };
        Which { contracts: globs(&["api/**"]), routes: globs(&["src/**"]), ignored: globs(&["api/old/**"]) }
    }

    #[test]
    fn a_language_is_told_by_name_and_content() {
        let of = |path: &str, text: &str| format_of(path, text.as_bytes(), false);
        assert_eq!(of("a.yaml", "# hi\nopenapi: 3.0.0\n"), Format::OpenApi);
        assert_eq!(of("a.json", r#"{"x": {"openapi": "no"}, "info": [1, "a\"b"], "swagger": "2.0"}"#), Format::OpenApi);
        assert_eq!(of("a.json", r#"{"x": {"openapi": "3.0.0"}}"#), Format::Text);
        assert_eq!(of("a.json", r#"{"$schema": "https://json-schema.org/draft/2020-12/schema"}"#), Format::JsonSchema);
        assert_eq!(of("pet.schema.json", "{}"), Format::JsonSchema);
        assert_eq!(of("a.graphql", "query A { b }"), Format::Text);
        assert_eq!(of("a.graphql", "\"\"\"doc\"\"\"\ntype A { b: Int }"), Format::GraphQl);
        assert_eq!(of("a.thrift", "struct A {}"), Format::Text);
        assert_eq!(format_of("src/app.ts", b"", true), Format::Routes);
        assert_eq!(of("a.yaml", "{openapi: 3.0.0}"), Format::Text);
    }

    #[test]
    fn a_document_is_compared_again_when_its_fragment_changed() {
        let root = "openapi: 3.0.0\npaths:\n  /a:\n    $ref: './paths/a.yaml'\n";
        let path = "get:\n  $ref: ../schemas/pet.yaml#/Pet\n";
        let base = files(&[("api/x.yaml", root), ("api/paths/a.yaml", path), ("api/schemas/pet.yaml", "Pet: {}\n")]);
        let mut head = base.clone();
        head.insert("api/schemas/pet.yaml".into(), b"Pet: {type: object}\n".to_vec());
        let jobs = plan(&base, &head, &changed(&base, &head), &which());
        assert_eq!(jobs, [Job::document(Format::OpenApi, Pair::same("api/x.yaml"))]);
    }

    #[test]
    fn a_part_of_a_description_is_judged_there_alone() {
        let root = "openapi: 3.0.0\n$ref: pet.yaml\n# $ref: cat.schema.json\n";
        let base = files(&[
            ("api/x.yaml", root),
            ("api/pet.yaml", "type: object\nproperties: {}\n"),
            ("api/cat.schema.json", "{}"),
        ]);
        let mut head = base.clone();
        head.insert("api/pet.yaml".into(), b"type: object\nproperties: {a: {}}\n".to_vec());
        let jobs = plan(&base, &head, &changed(&base, &head), &which());
        assert_eq!(jobs, [Job::document(Format::OpenApi, Pair::same("api/x.yaml"))]);
        head.insert("api/cat.schema.json".into(), b"{\"a\": 1}".to_vec());
        let jobs = plan(&base, &head, &changed(&base, &head), &which());
        let kinds: Vec<Format> = jobs.iter().map(|job| job.format).collect();
        assert_eq!(kinds, [Format::OpenApi, Format::JsonSchema]);
    }

    #[test]
    fn a_document_that_moved_is_paired_by_what_it_calls_itself() {
        let base = files(&[("api/pets.yaml", "openapi: 3.0.0\ninfo:\n  title: Pets\n  version: 1\n")]);
        let head = files(&[
            ("api/v2/zoo.yaml", "openapi: 3.0.0\ninfo:\n  title: Zoo\n"),
            ("api/v2/all.yaml", "openapi: 3.0.0\ninfo:\n  version: 2\n  title: Pets\n"),
        ]);
        let jobs = plan(&base, &head, &changed(&base, &head), &which());
        let pairs: Vec<_> =
            jobs.iter().map(|job| (job.pairs[0].base.as_deref(), job.pairs[0].head.as_deref())).collect();
        assert_eq!(pairs, [(None, Some("api/v2/zoo.yaml")), (Some("api/pets.yaml"), Some("api/v2/all.yaml"))]);
    }

    #[test]
    fn what_is_spoilt_is_held_to_what_it_was() {
        let base = files(&[("api/x.yaml", "openapi: 3.0.0\n")]);
        let head = files(&[("api/x.yaml", "oops\n")]);
        let jobs = plan(&base, &head, &changed(&base, &head), &which());
        assert_eq!(jobs[0].format, Format::OpenApi);
    }

    #[test]
    fn two_schemas_of_one_repository_stay_apart() {
        let base = files(&[
            ("api/a/root.graphql", "type Query { a: A }\n"),
            ("api/a/more/a.graphql", "type A { b: Int }\n"),
            ("api/b/root.graphql", "type Query { b: Int }\n"),
        ]);
        let mut head = base.clone();
        head.insert("api/a/more/a.graphql".into(), b"type A { c: Int }\n".to_vec());
        let jobs = plan(&base, &head, &changed(&base, &head), &which());
        assert_eq!(jobs.len(), 1);
        assert_eq!(jobs[0].base_paths, ["api/a/more/a.graphql", "api/a/root.graphql"]);
    }

    #[test]
    fn what_is_ignored_or_elsewhere_is_no_contract() {
        let base = files(&[("api/old/x.yaml", "openapi: 3.0.0\n"), ("other/x.proto", "")]);
        let head = files(&[("api/old/x.yaml", "openapi: 3.1.0\n"), ("other/x.proto", "//\n")]);
        assert!(plan(&base, &head, &changed(&base, &head), &which()).is_empty());
    }

    #[test]
    fn a_reference_leads_nowhere_outside() {
        let text = "$ref: ../../etc/passwd\n\"$ref\": \"https://x.y/z.json\"\n$ref: '#/a'\n$ref: b.yaml#/c\n";
        assert_eq!(references("api/a.yaml", text.as_bytes()), ["api/b.yaml"]);
    }
}
