//! TOML tables as gitleaks sees them: keys in any case, values bent to the type that is wanted, every place known.
//!
//! gitleaks reads its file through viper and mapstructure with weak typing: a number may be quoted, one string may
//! stand for a list (and is split at commas), one table for a list of tables. Files in the wild rely on it.

use std::fmt;
use std::ops::Range;
use std::rc::Rc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Problem;

/// Nobody reads more; a file of nothing but mistakes must not cost more memory than the file.
const MOST_NOTES: usize = 200;

/// Columns beyond this many bytes are counted in bytes.
const LONG_LINE: usize = 4096;

/// Ids and keys are shorter.
const LONG_WORD: usize = 100;

/// Problems or warnings, up to as many as anybody reads.
#[derive(Default)]
pub(super) struct Notes(Vec<Problem>);

impl Notes {
    pub(super) fn push(&mut self, problem: Problem) {
        if !self.full() {
            self.0.push(problem);
        }
    }

    pub(super) fn extend(&mut self, more: Notes) {
        more.0.into_iter().for_each(|problem| self.push(problem));
    }

    /// Whether anything more is read by nobody, and need not be thought of.
    pub(super) fn full(&self) -> bool {
        self.0.len() >= MOST_NOTES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sorted by place; the files in the order in which they were first spoken of.
    pub(super) fn into_vec(self) -> Vec<Problem> {
        let mut files: Vec<String> = self.0.iter().map(|problem| problem.file.clone()).collect();
        files.dedup();
        let mut problems = self.0;
        problems
            .sort_by_key(|problem| (files.iter().position(|file| *file == problem.file), problem.line, problem.column));
        problems
    }
}

/// A place in a file, for a message. Every value has one and nearly none is told of: it is worked out when it is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    text: Rc<Text>,
    at: usize,
    key: Key,
}

/// The way to a value from the top of the file.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// The table; `None`: the file as a whole.
    above: Option<Rc<Key>>,
    name: &'static str,
    index: Option<usize>,
}

impl Key {
    const TOP: Key = Key { above: None, name: "", index: None };

    fn below(above: &Rc<Key>, name: &'static str) -> Key {
        Key { above: Some(Rc::clone(above)), name, index: None }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(above) = &self.above {
            above.fmt(f)?;
            if above.above.is_some() && !self.name.is_empty() {
                f.write_str(".")?;
            }
        }
        f.write_str(self.name)?;
        match self.index {
            Some(index) => write!(f, "[{index}]"),
            None => Ok(()),
        }
    }
}

impl Place {
    pub(super) fn says(&self, message: String, hint: Option<String>) -> Problem {
        self.says_of(self.key.to_string(), message, hint)
    }

    /// Of a key that is not one of ours.
    fn says_of(&self, key: String, message: String, hint: Option<String>) -> Problem {
        let line = self.line();
        let start = self.text.lines[line - 1];
        let before = self.text.text.get(start..self.at.min(self.text.text.len())).unwrap_or_default();
        // On a line that no person wrote, counting characters each time would take for ever.
        let column = if before.len() < LONG_LINE { before.chars().count() } else { before.len() } + 1;
        Problem { file: self.text.file.clone(), line, column, key, message, hint }
    }

    /// From 1.
    pub(super) fn line(&self) -> usize {
        self.text.lines.partition_point(|&start| start <= self.at)
    }
}

/// A file's name and content.
#[derive(Debug)]
struct Text {
    file: String,
    text: String,
    /// Where each line begins.
    lines: Vec<usize>,
}

/// The text of a file, and what was found to say about it.
pub(super) struct Source {
    text: Rc<Text>,
    pub(super) problems: Notes,
    pub(super) warnings: Notes,
}

impl Source {
    pub(super) fn new(file: &str, text: &str) -> Source {
        let starts = memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1);
        let lines = std::iter::once(0).chain(starts).collect();
        let text = Rc::new(Text { file: file.into(), text: text.into(), lines });
        Source { text, problems: Notes::default(), warnings: Notes::default() }
    }

    /// The place of the byte `at`, in the file as a whole.
    pub(super) fn place(&self, at: usize) -> Place {
        self.place_of(at, Key::TOP)
    }

    /// Where a table begins.
    pub(super) fn place_of_table(&self, table: &Table<'_>) -> Place {
        self.place_of(table.at, Key::clone(&table.path))
    }

    fn place_of(&self, at: usize, key: Key) -> Place {
        Place { text: Rc::clone(&self.text), at, key }
    }

    /// The table that is the whole file.
    pub(super) fn top<'t>(
        &mut self,
        table: &'t DeTable<'t>,
        span: Range<usize>,
        known: &'static [&'static str],
    ) -> Table<'t> {
        self.table(table, span, Key::TOP, known)
    }

    /// The entries of `table`, which stands at `path`; warns of keys that are not `known`.
    fn table<'t>(
        &mut self,
        table: &'t DeTable<'t>,
        span: Range<usize>,
        path: Key,
        known: &'static [&'static str],
    ) -> Table<'t> {
        let path = Rc::new(path);
        let mut entries: Vec<Entry<'t>> = Vec::with_capacity(table.len());
        // The parser sorts keys by name; messages and "the last one counts" want the order of the file.
        let mut ordered: Vec<_> = table.iter().collect();
        ordered.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in ordered {
            let (name, at) = (key.get_ref(), key.span().start);
            let Some(known) = known.iter().find(|known| known.eq_ignore_ascii_case(name)) else {
                if !self.warnings.full() {
                    let hint = like(name, known.iter().copied());
                    let key = if path.above.is_some() { format!("{path}.{name}") } else { name.to_string() };
                    let message = format!("unknown key `{}` is ignored", short(name));
                    self.warnings.push(self.place(at).says_of(key, message, hint));
                }
                continue;
            };
            if entries.iter().any(|entry| entry.name == *known) {
                let key = if path.above.is_some() { format!("{path}.{name}") } else { name.to_string() };
                let message = format!("`{name}` is given twice; the last one counts");
                self.warnings.push(self.place(at).says_of(key, message, None));
                entries.retain(|entry| entry.name != *known);
            }
            entries.push(Entry { name: known, at, value });
        }
        Table { entries, at: span.start, path }
    }

    pub(super) fn string(&mut self, table: &Table<'_>, name: &str) -> Option<(String, Place)> {
        let (entry, place) = self.entry(table, name)?;
        match scalar(entry.value.get_ref()) {
            Some(text) => Some((text, place)),
            None => self.wrong(&place, name, "a string", entry.value),
        }
    }

    /// A list of strings, each with its place.
    pub(super) fn strings(&mut self, table: &Table<'_>, name: &str) -> Vec<(String, Place)> {
        let Some((entry, place)) = self.entry(table, name) else { return Vec::new() };
        let items = match entry.value.get_ref() {
            DeValue::Array(items) => items,
            DeValue::String(text) if text.is_empty() => return Vec::new(),
            DeValue::String(text) => return text.split(',').map(|part| (part.to_string(), place.clone())).collect(),
            DeValue::Table(table) if table.is_empty() => return Vec::new(),
            other => match scalar(other) {
                Some(text) => return vec![(text, place)],
                None => return self.wrong(&place, name, "a list of strings", entry.value).unwrap_or_default(),
            },
        };
        let mut strings = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let key = Key { index: Some(index), ..place.key.clone() };
            let place = self.place_of(item.span().start, key);
            match scalar(item.get_ref()) {
                Some(text) => strings.push((text, place)),
                None => _ = self.wrong::<()>(&place, name, "a list of strings", item),
            }
        }
        strings
    }

    pub(super) fn float(&mut self, table: &Table<'_>, name: &str) -> Option<f64> {
        let (entry, place) = self.entry(table, name)?;
        let number = match entry.value.get_ref() {
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).ok().map(|number| number as f64)
            }
            DeValue::Float(number) => number.as_str().parse().ok(),
            DeValue::String(text) => text.parse().ok(),
            DeValue::Boolean(truth) => Some(f64::from(u8::from(*truth))),
            _ => None,
        };
        match number {
            Some(number) => Some(number),
            None => self.wrong(&place, name, "a number", entry.value),
        }
    }

    /// A whole number from 0 on.
    pub(super) fn count(&mut self, table: &Table<'_>, name: &str) -> Option<(u32, Place)> {
        let (entry, place) = self.entry(table, name)?;
        let number = match entry.value.get_ref() {
            DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix()).ok(),
            DeValue::Float(number) => {
                let number = number.as_str().parse::<f64>().ok().map(f64::trunc);
                number.filter(|number| (0.0..=f64::from(u32::MAX)).contains(number)).map(|number| number as u32)
            }
            DeValue::String(text) => text.parse().ok(),
            DeValue::Boolean(truth) => Some(u32::from(*truth)),
            _ => None,
        };
        match number {
            Some(number) => Some((number, place)),
            None => self.wrong(&place, name, "a whole number, 0 or more", entry.value),
        }
    }

    /// The place, if the value is true.
    pub(super) fn flag(&mut self, table: &Table<'_>, name: &str) -> Option<Place> {
        let (entry, place) = self.entry(table, name)?;
        let truth = match entry.value.get_ref() {
            DeValue::Boolean(truth) => Some(*truth),
            DeValue::Integer(number) => Some(number.as_str().bytes().any(|digit| digit != b'0')),
            DeValue::String(text) => match &**text {
                "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
                "" | "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
                _ => None,
            },
            _ => None,
        };
        match truth {
            Some(truth) => truth.then_some(place),
            None => self.wrong(&place, name, "true or false", entry.value),
        }
    }

    /// A list of tables; a single table is a list of one.
    pub(super) fn tables<'t>(
        &mut self,
        table: &Table<'t>,
        name: &str,
        known: &'static [&'static str],
    ) -> Vec<Table<'t>> {
        let Some((entry, place)) = self.entry(table, name) else { return Vec::new() };
        let items = match entry.value.get_ref() {
            DeValue::Table(single) if single.is_empty() => return Vec::new(),
            DeValue::Table(single) => return vec![self.table(single, entry.value.span(), place.key, known)],
            DeValue::Array(items) => items,
            _ => return self.wrong(&place, name, "a list of tables", entry.value).unwrap_or_default(),
        };
        let mut tables = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let path = Key { index: Some(index), ..place.key.clone() };
            match item.get_ref() {
                DeValue::Table(inner) => tables.push(self.table(inner, item.span(), path, known)),
                _ => _ = self.wrong::<()>(&self.place_of(item.span().start, path), name, "a list of tables", item),
            }
        }
        tables
    }

    /// One table and not a list of them.
    pub(super) fn single<'t>(
        &mut self,
        table: &Table<'t>,
        name: &str,
        known: &'static [&'static str],
    ) -> Option<(Table<'t>, Place)> {
        let (entry, place) = self.entry(table, name)?;
        match entry.value.get_ref() {
            DeValue::Table(inner) => Some((self.table(inner, entry.value.span(), place.key.clone(), known), place)),
            _ => self.wrong(&place, name, "one table", entry.value),
        }
    }

    fn entry<'t>(&self, table: &Table<'t>, name: &str) -> Option<(Entry<'t>, Place)> {
        let entry = table.entries.iter().find(|entry| entry.name == name)?;
        Some((entry.clone(), self.place_of(entry.at, Key::below(&table.path, entry.name))))
    }

    fn wrong<T>(&mut self, place: &Place, name: &str, wanted: &str, value: &Spanned<DeValue<'_>>) -> Option<T> {
        let found = match value.get_ref() {
            DeValue::Table(_) => "a table".to_string(),
            DeValue::Array(_) => "a list".to_string(),
            DeValue::String(_) => "this string".to_string(),
            other => format!("this {}", other.type_str()),
        };
        self.problems.push(place.says(format!("`{name}` must be {wanted}, not {found}"), None));
        None
    }
}

/// One table, ready to be asked.
pub(super) struct Table<'t> {
    entries: Vec<Entry<'t>>,
    at: usize,
    path: Rc<Key>,
}

impl Table<'_> {
    pub(super) fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.name == name)
    }
}

#[derive(Clone)]
struct Entry<'t> {
    /// As it is documented, whatever its case in the file.
    name: &'static str,
    at: usize,
    value: &'t Spanned<DeValue<'t>>,
}

/// "did you mean", for words of the length of words.
pub(super) fn like<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    if word.len() > LONG_WORD {
        return None;
    }
    let near = crate::text::nearest(word, known.filter(|known| known.len() <= LONG_WORD))?;
    Some(format!("did you mean `{near}`?"))
}

/// As much of a name as a message can hold.
pub(super) fn short(name: &str) -> std::borrow::Cow<'_, str> {
    match name.char_indices().nth(LONG_WORD) {
        None => name.into(),
        Some((end, _)) => format!("{}…", &name[..end]).into(),
    }
}

/// A value where a string is wanted.
fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Some(number.to_string()),
            Err(_) => Some(number.to_string()),
        },
        DeValue::Float(number) => Some(number.as_str().to_string()),
        DeValue::Boolean(truth) => Some(if *truth { "1" } else { "0" }.to_string()),
        DeValue::Datetime(date) => Some(date.to_string()),
        DeValue::Array(_) | DeValue::Table(_) => None,
    }
}
