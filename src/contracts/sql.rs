//! SQL migrations: what a change does to the data and to the programs that run while it is applied.
//!
//! A migration that stands in the base may have been applied anywhere: it must not change. A new one is read statement
//! by statement, in the dialect of its database, with the tables in mind that the migrations before it made.

mod judge;
pub mod rules;
mod split;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use super::{ContractChange, Impact, Tree, Unreadable};
use judge::{Judge, Said, Source, change};
use split::{essence, split};

/// The database whose language the migrations are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Found out per set of files, by words that only one of them has; PostgreSQL when nothing tells.
    #[default]
    Auto,
    /// PostgreSQL.
    Postgres,
    /// MySQL and MariaDB.
    Mysql,
    /// SQLite.
    Sqlite,
    /// Microsoft SQL Server.
    Mssql,
}

/// What is asked of the comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The dialect of all files.
    pub dialect: Dialect,
}

/// What the migrations of the revision do that those of the base did not, in the order of files and places.
///
/// The paths are those of all migrations of a side; files that do not end in `.sql` are passed over.
///
/// # Errors
/// None at present: a statement that cannot be read is searched for destructive words and is a dangerous change that
/// says so.
pub fn diff(
    base: &dyn Tree,
    base_paths: &[String],
    revision: &dyn Tree,
    revision_paths: &[String],
    options: &Options,
) -> Result<Vec<ContractChange>, Unreadable> {
    let (base, broken) = read(base, base_paths);
    let (revision, unreadable) = read(revision, revision_paths);
    let mut out = Vec::new();
    for file in unreadable.iter().filter(|(file, bytes)| broken.get(*file) != Some(*bytes)).map(|(file, _)| file) {
        let message = format!("`{file}` is no text, or larger than {} MiB: it is not judged", MOST_BYTES >> 20);
        let place = Some(Source::new(file, "").place(0, 0));
        out.push(history("migration-not-judged", Impact::Dangerous, file, message, None, place));
    }
    let work = || judge(&base, &revision, options);
    // Trees of expressions are as deep as the text is long: their end needs a stack that is.
    let judged = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        thread.ok().and_then(|thread| thread.join().ok())
    });
    match judged {
        Some(changes) => out.extend(changes),
        None => {
            let message = "the migrations could not be read: they are not judged".to_string();
            let place = revision.keys().next_back().map(|file| Source::new(file, "").place(0, 0));
            out.push(history("migration-not-judged", Impact::Dangerous, "migrations", message, None, place));
        }
    }
    out.sort_by_cached_key(|change| {
        let place = change.revision.as_ref().or(change.base.as_ref());
        let place = place.map(|place| (place.file.clone(), place.line, place.column));
        (place, change.rule, change.subject.clone(), change.message.clone())
    });
    Ok(out)
}

/// Whether [`diff`] reads files of this name.
pub fn reads(path: &str) -> bool {
    path.to_ascii_lowercase().ends_with(".sql")
}

/// The largest file that is read, in bytes.
const MOST_BYTES: usize = 8 << 20;

/// What the deepest tree of a statement needs, with room to spare; pages that are not touched cost nothing.
const STACK: usize = 512 << 20;

type Texts = BTreeMap<String, String>;

/// The texts of a side, and the files that are none.
fn read(tree: &dyn Tree, paths: &[String]) -> (Texts, BTreeMap<String, Vec<u8>>) {
    let (mut texts, mut broken) = (Texts::new(), BTreeMap::new());
    for path in paths.iter().filter(|path| reads(path)) {
        let Some(bytes) = tree.read(path) else { continue };
        if bytes.len() > MOST_BYTES {
            broken.insert(path.clone(), bytes);
            continue;
        }
        match String::from_utf8(bytes) {
            Ok(text) => {
                texts.insert(path.clone(), text.trim_start_matches('\u{feff}').to_string());
            }
            Err(error) => {
                broken.insert(path.clone(), error.into_bytes());
            }
        }
    }
    (texts, broken)
}

fn history(
    rule: &'static str,
    impact: Impact,
    subject: &str,
    message: String,
    base: Option<super::Place>,
    revision: Option<super::Place>,
) -> ContractChange {
    change(Said { rule, impact, subject, message, before: None, after: None, base, revision })
}

fn judge(base: &Texts, revision: &Texts, options: &Options) -> Vec<ContractChange> {
    let dialect = match options.dialect {
        Dialect::Auto => detect(base.values().chain(revision.values())),
        named => named,
    };
    let mut out = Vec::new();
    let files = |side: &Texts, wanted: Role| -> Vec<String> {
        let mut files: Vec<String> = side.keys().filter(|file| role(file) == wanted).cloned().collect();
        files.sort_by_cached_key(|file| order(file));
        files
    };
    let (old, all) = (files(base, Role::Forth), files(revision, Role::Forth));
    let new: Vec<&String> = all.iter().filter(|file| !base.contains_key(*file)).collect();
    applied(base, revision, &old, &new, &mut out);
    versions(base, revision, &old, &all, &new, &mut out);
    ways_back(base, revision, &old, &new, &mut out);
    let mut judge = Judge::new(dialect);
    for file in &old {
        judge.script(&Source::new(file, &base[file]), &split(&base[file]));
    }
    judge.speak();
    let renamed: BTreeSet<&str> = out
        .iter()
        .filter(|change| change.rule == "applied-migration-renamed")
        .map(|change| change.subject.as_str())
        .collect();
    let moved: BTreeSet<&str> =
        old.iter().filter(|file| renamed.contains(file.as_str())).map(|file| base[file].as_str()).collect();
    for file in new {
        // What only has another name says nothing new.
        if !moved.contains(revision[file].as_str()) {
            judge.script(&Source::new(file, &revision[file]), &split(&revision[file]));
        }
    }
    out.extend(judge.done());
    out.extend(states(base, revision, &files(base, Role::State), &files(revision, Role::State), dialect));
    out
}

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// A migration with a version.
    Forth,
    /// The way back from one.
    Back,
    /// What the tables are to be: no version, changed in place.
    State,
}

fn role(path: &str) -> Role {
    let lower = path.to_ascii_lowercase();
    let (folder, file) = lower.rsplit_once('/').unwrap_or(("", &lower));
    let stem = file.strip_suffix(".sql").unwrap_or(file);
    let undo = stem.starts_with('u') && stem[1..].starts_with(|c: char| c.is_ascii_digit()) && stem.contains("__");
    let back = stem == "down"
        || stem.ends_with(".down")
        || stem.ends_with("_down")
        || stem.ends_with("-down")
        || stem.ends_with(".rollback")
        || folder.split('/').any(|part| matches!(part, "down" | "rollback" | "undo" | "revert"));
    match (back || undo, version(path)) {
        (true, _) => Role::Back,
        (false, Some(_)) => Role::Forth,
        (false, None) => Role::State,
    }
}

/// Folder and version of a migration: the digits at the beginning of its name, or of its folder's.
fn version(path: &str) -> Option<(String, Vec<u64>)> {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let digits = |name: &str| -> Option<Vec<u64>> {
        let name = name.strip_prefix(['V', 'v', 'U', 'u']).unwrap_or(name);
        let end = name.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_' || c == '-')).unwrap_or(name.len());
        let head = name[..end].split("__").next().unwrap_or_default();
        let mut parts: Vec<u64> = head.split(['.', '_', '-']).filter_map(|part| part.parse().ok()).collect();
        // Without the double underline only the first number counts, unless it is a date in parts.
        let dated = parts.len() >= 3 && (1970..2200).contains(&parts[0]);
        if !name.contains("__") && !dated {
            parts.truncate(1);
        }
        (!parts.is_empty() && name.starts_with(|c: char| c.is_ascii_digit())).then_some(parts)
    };
    if let Some(version) = digits(file) {
        return Some((folder.to_string(), version));
    }
    let (outer, inner) = folder.rsplit_once('/').unwrap_or(("", folder));
    digits(inner).map(|version| (outer.to_string(), version))
}

fn order(path: &str) -> (String, Vec<u64>, String) {
    let (folder, version) = version(path).unwrap_or_default();
    (folder, version, path.to_string())
}

/// What became of migrations that may have been applied.
fn applied(base: &Texts, revision: &Texts, old: &[String], new: &[&String], out: &mut Vec<ContractChange>) {
    for file in old {
        let was = &base[file];
        let here = Some(Source::new(file, was).place(0, 0));
        match revision.get(file) {
            Some(is) if is == was => {}
            Some(is) => {
                let there = Some(Source::new(file, is).place(0, 0));
                let (before, after) = (essence(was), essence(is));
                if before == after {
                    let message = format!("`{file}` may have been applied and looks different");
                    out.push(history("applied-migration-reformatted", Impact::Dangerous, file, message, here, there));
                } else {
                    let message = format!("`{file}` may have been applied and says something else");
                    let first = before.iter().zip(&after).take_while(|(was, is)| was == is).count();
                    let there = place_of_token(file, is, first).or(there);
                    out.push(history("applied-migration-changed", Impact::Breaking, file, message, here, there));
                }
            }
            None => match new.iter().find(|other| revision[**other] == *was) {
                Some(other) => {
                    let there = Some(Source::new(other, "").place(0, 0));
                    let message = format!("`{file}` may have been applied and is now `{other}`");
                    out.push(history("applied-migration-renamed", Impact::Breaking, file, message, here, there));
                }
                None => {
                    let message = format!("`{file}` may have been applied and is gone");
                    out.push(history("applied-migration-deleted", Impact::Breaking, file, message, here, None));
                }
            },
        }
    }
}

/// The place of a token by its number among those of [`essence`].
fn place_of_token(file: &str, text: &str, number: usize) -> Option<super::Place> {
    let script = split(text);
    let mut left = number;
    for statement in &script.statements {
        if left <= statement.tokens.len() {
            let token = statement.tokens.get(left.min(statement.tokens.len().saturating_sub(1)))?;
            return Some(Source::new(file, text).place(token.start, token.start + token.text.len()));
        }
        left -= statement.tokens.len() + 1;
    }
    None
}

/// Whether new versions come last and are each of their own.
fn versions(
    base: &Texts,
    revision: &Texts,
    old: &[String],
    all: &[String],
    new: &[&String],
    out: &mut Vec<ContractChange>,
) {
    let mut last: BTreeMap<String, (Vec<u64>, &String)> = BTreeMap::new();
    for file in old.iter().filter(|file| revision.contains_key(*file) && base.contains_key(*file)) {
        if let Some((folder, version)) = version(file) {
            let known = last.entry(folder).or_insert_with(|| (version.clone(), file));
            if known.0 < version {
                *known = (version, file);
            }
        }
    }
    let mut taken: BTreeMap<(String, Vec<u64>), Vec<&String>> = BTreeMap::new();
    for file in all {
        if let Some(key) = version(file) {
            taken.entry(key).or_default().push(file);
        }
    }
    for file in new {
        let Some((folder, version)) = version(file) else { continue };
        let there = || Some(Source::new(file, &revision[*file]).place(0, 0));
        let same = taken.get(&(folder.clone(), version.clone()));
        let other = same.and_then(|files| files.iter().find(|other| **other != *file && parent(other) == parent(file)));
        // Prisma has a folder for each version; two files in it are one migration.
        if let Some(other) = other.filter(|_| self_named(file)) {
            let message = format!("`{file}` has the version of `{other}`");
            out.push(history("migration-version-taken", Impact::Breaking, file, message, None, there()));
        } else if let Some((_, name)) = last.get(&folder).filter(|(latest, _)| version < *latest) {
            let message = format!("`{file}` comes before `{name}`, which may have been applied");
            out.push(history("migration-out-of-order", Impact::Dangerous, file, message, None, there()));
        }
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Whether the version stands in the file's own name.
fn self_named(path: &str) -> bool {
    version(path).is_some_and(|(folder, _)| folder == parent(path))
}

/// New migrations have a way back where those before them do.
fn ways_back(base: &Texts, revision: &Texts, old: &[String], new: &[&String], out: &mut Vec<ContractChange>) {
    let backs = |side: &Texts| -> BTreeSet<Vec<u64>> {
        let files = side.keys().filter(|file| role(file) == Role::Back);
        files.filter_map(|file| version(file)).map(|(_, version)| version).collect()
    };
    let (before, after) = (backs(base), backs(revision));
    let back = |side: &Texts, backs: &BTreeSet<Vec<u64>>, file: &str| {
        version(file).is_some_and(|(_, version)| backs.contains(&version)) || has_way_back(&side[file])
    };
    let Some(last) = old.last() else { return };
    if !back(base, &before, last) {
        return;
    }
    for file in new.iter().filter(|file| !back(revision, &after, file)) {
        let there = Some(Source::new(file, &revision[*file]).place(0, 0));
        let message = format!("`{file}` has no way back; `{last}` has one");
        out.push(history("migration-without-way-back", Impact::Dangerous, file, message, None, there));
    }
}

fn has_way_back(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    ["-- +goose down", "-- +migrate down", "-- migrate:down", "-- down migration", "--//@undo"]
        .iter()
        .any(|mark| lower.contains(mark))
}

/// Files that say what the tables are to be, compared table by table.
fn states(base: &Texts, revision: &Texts, old: &[String], all: &[String], dialect: Dialect) -> Vec<ContractChange> {
    let same = old == all && old.iter().all(|file| base[file] == revision[file]);
    if same {
        return Vec::new();
    }
    let mut places: BTreeMap<String, super::Place> = BTreeMap::new();
    let mut load = |side: &Texts, files: &[String], note: bool| {
        let mut judge = Judge::new(dialect);
        for file in files {
            let (source, script) = (Source::new(file, &side[file]), split(&side[file]));
            judge.script(&source, &script);
            for statement in script.statements.iter().filter(|_| note) {
                if statement.word(0) != "CREATE" {
                    continue;
                }
                let bare: Vec<String> = statement
                    .tokens
                    .iter()
                    .take(12)
                    .map(|token| token.text.trim_matches(['"', '`', '[', ']']).to_lowercase())
                    .collect();
                let names =
                    (0..bare.len()).flat_map(|at| [bare[at].clone(), bare[at..bare.len().min(at + 3)].concat()]);
                let made = names.rev().find(|name| judge.tables().contains_key(name));
                if let Some(table) = made {
                    places.entry(table).or_insert_with(|| source.place(statement.start, statement.end));
                }
            }
        }
        judge
    };
    let before = load(base, old, false);
    let after = load(revision, all, true);
    let anywhere = all.last().or(old.last()).map(|file| Source::new(file, "").place(0, 0));
    let Some(anywhere) = anywhere else { return Vec::new() };
    let mut judge = Judge::new(dialect);
    judge.speak();
    for (table, was) in before.tables() {
        let at = places.get(table).unwrap_or(&anywhere);
        match after.tables().get(table) {
            Some(is) => judge.replaced(table, was, is, at),
            None => judge.gone(table, at),
        }
    }
    for table in after.tables().keys().filter(|table| !before.tables().contains_key(*table)) {
        judge.appeared(table, places.get(table).unwrap_or(&anywhere));
    }
    judge.done()
}

/// The dialect that most words speak for.
fn detect<'a>(texts: impl Iterator<Item = &'a String>) -> Dialect {
    const MOST_TOLD: usize = 64 << 10;
    let mut votes = [0usize; 4];
    for text in texts {
        let end = (0..=MOST_TOLD.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        let lower = text[..end].to_ascii_lowercase();
        let count = |words: &[&str]| words.iter().filter(|word| lower.contains(**word)).count();
        votes[0] += count(&[
            "serial",
            "concurrently",
            "$$",
            "::",
            "jsonb",
            "timestamptz",
            "bytea",
            "not valid",
            "plpgsql",
            "using gin",
            "row level security",
            "create extension",
            "create type",
            "alter type",
            "set data type",
            "tsvector",
            "[]",
        ]);
        votes[1] += count(&[
            "`",
            "engine=",
            "engine =",
            "auto_increment",
            "unsigned",
            "utf8mb4",
            "modify column",
            "change column",
        ]);
        votes[2] += count(&["autoincrement", "pragma ", "without rowid", "strftime(", "if not exists sqlite"]);
        votes[3] += count(&[
            "nvarchar",
            "\ngo\n",
            "identity(",
            "[dbo]",
            "dbo.",
            "sp_rename",
            "datetime2",
            "uniqueidentifier",
            "nonclustered",
        ]);
    }
    let kinds = [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite, Dialect::Mssql];
    let most = votes.iter().max().copied().unwrap_or(0);
    kinds[votes.iter().position(|vote| *vote == most).unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_the_names_tools_give() {
        let of = |path: &str| version(path);
        assert_eq!(of("db/0002_users.sql"), Some(("db".into(), vec![2])));
        assert_eq!(of("db/V1_2__users.sql"), Some(("db".into(), vec![1, 2])));
        assert_eq!(of("db/V1.2__users.sql"), Some(("db".into(), vec![1, 2])));
        assert_eq!(of("db/20240101120000_users/migration.sql"), Some(("db".into(), vec![20_240_101_120_000])));
        assert_eq!(of("db/2024-01-02-120000_users/up.sql"), Some(("db".into(), vec![2024, 1, 2, 120_000])));
        assert_eq!(of("db/0003_2_users.sql"), Some(("db".into(), vec![3])));
        assert_eq!(of("schema.sql"), None);
        assert_eq!(role("db/0002_users.down.sql"), Role::Back);
        assert_eq!(role("db/2024_users/down.sql"), Role::Back);
        assert_eq!(role("db/U2__users.sql"), Role::Back);
        assert_eq!(role("db/users.sql"), Role::State);
    }

    #[test]
    fn the_dialect_is_found_out() {
        let of = |text: &str| detect([text.to_string()].iter());
        assert_eq!(of("CREATE TABLE `a` (id INT AUTO_INCREMENT)"), Dialect::Mysql);
        assert_eq!(of("CREATE TABLE a (id BIGSERIAL)"), Dialect::Postgres);
        assert_eq!(of("CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT)"), Dialect::Sqlite);
        assert_eq!(of("CREATE TABLE [dbo].[a] (id INT IDENTITY(1,1))\nGO\n"), Dialect::Mssql);
        assert_eq!(of("SELECT 1"), Dialect::Postgres);
    }
}
