//! What one statement after the other does, to the tables and to those who use them meanwhile.

mod alter;
mod parse;

use std::collections::{BTreeMap, BTreeSet};

use sqlparser::ast::{
    AlterTypeOperation, CreateIndex, Expr, FromTable, ObjectName, ObjectType, Statement as Tree, TableFactor,
};

use super::Dialect;
use super::rules;
use super::split::{Kind as TokenKind, Script, Statement};
use super::tables::{Column, Table, ident, name};
use crate::contracts::lines::Lines;
use crate::contracts::{ContractChange, Format, Impact, Place};
use parse::{inside, parse, readable};

/// The most that is said about all files.
const MOST_SAID: usize = 2_000;

/// One side's tables, and what is said about the statements that change them.
pub(super) struct Judge {
    dialect: Dialect,
    tables: BTreeMap<String, Table>,
    /// Nothing is said while the base's own migrations are read.
    silent: bool,
    /// Tables that this change makes: nobody holds data in them yet.
    fresh: BTreeSet<String>,
    /// Tables that this change dropped, as they were.
    dropped: BTreeMap<String, Table>,
    /// What this change makes, by kind and name.
    made: BTreeSet<(&'static str, String)>,
    /// What is said, and about which kind of thing of which name, so that it can be taken back.
    said: Vec<((&'static str, String), ContractChange)>,
}

/// The file that is being read.
pub(super) struct Source<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
    pub(super) lines: Lines,
}

impl<'a> Source<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, lines: Lines::of(text) }
    }

    pub(super) fn place(&self, start: usize, end: usize) -> Place {
        let end = start + self.text.get(start..end).map_or(0, |text| text.trim_end().len());
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        self.lines.place(self.file, self.text, offset(start), offset(end))
    }
}

/// A change that names what was and what is.
pub(super) struct Said<'a> {
    pub(super) rule: &'static str,
    pub(super) impact: Impact,
    pub(super) subject: &'a str,
    pub(super) message: String,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
    pub(super) base: Option<Place>,
    pub(super) revision: Option<Place>,
}

pub(super) fn change(said: Said<'_>) -> ContractChange {
    let known = rules::find(said.rule).filter(|_| said.impact != Impact::Compatible);
    let args = [Some(said.subject.to_string()), said.before.clone(), said.after.clone()];
    ContractChange {
        format: Format::Sql,
        rule: said.rule,
        impact: said.impact,
        subject: said.subject.to_string(),
        message: said.message,
        args: args.into_iter().flatten().collect(),
        before: said.before,
        after: said.after,
        base: said.base,
        revision: said.revision,
        breaks: known.map(|known| known.breaks.to_string()),
        fix: known.map(|known| known.fix.to_string()),
        reaches: Vec::new(),
    }
}

impl Judge {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            tables: BTreeMap::new(),
            silent: true,
            fresh: BTreeSet::new(),
            dropped: BTreeMap::new(),
            made: BTreeSet::new(),
            said: Vec::new(),
        }
    }

    pub(super) fn speak(&mut self) {
        self.silent = false;
    }

    pub(super) fn tables(&self) -> &BTreeMap<String, Table> {
        &self.tables
    }

    /// What was said, without what was made good: a view that is dropped and made again is a view that is replaced.
    pub(super) fn done(self) -> Vec<ContractChange> {
        let made = self.made;
        let kept = self.said.into_iter().filter(|((kind, name), _)| {
            !matches!(*kind, "view" | "routine" | "trigger" | "policy" | "index")
                || !made.contains(&(kind, name.clone()))
        });
        kept.map(|(_, change)| change).collect()
    }

    #[expect(clippy::too_many_arguments, reason = "what a change is made of, once")]
    fn say(
        &mut self,
        about: (&'static str, &str),
        rule: &'static str,
        impact: Impact,
        subject: &str,
        message: String,
        (before, after): (Option<String>, Option<String>),
        at: &Place,
    ) {
        if self.silent || self.said.len() > MOST_SAID {
            return;
        }
        let full = self.said.len() == MOST_SAID;
        let (rule, impact, message) = match full {
            true => {
                let message = format!("there are more than {MOST_SAID} changes: what follows is not listed");
                ("statement-not-judged", Impact::Dangerous, message)
            }
            false => (rule, impact, message),
        };
        let revision = Some(at.clone());
        let made = change(Said { rule, impact, subject, message, before, after, base: None, revision });
        self.said.push(((about.0, about.1.to_string()), made));
    }

    fn is_fresh(&self, table: &str) -> bool {
        self.fresh.contains(table)
    }

    pub(super) fn script(&mut self, source: &Source<'_>, script: &Script) {
        let mut in_transaction = false;
        for statement in &script.statements {
            let place = source.place(statement.start, statement.end);
            match (statement.word(0), statement.word(1)) {
                ("BEGIN" | "START", "" | "TRANSACTION" | "WORK") => in_transaction = true,
                ("COMMIT" | "END" | "ROLLBACK", _) => in_transaction = false,
                _ => {}
            }
            self.statement(source, statement, &place, in_transaction && !script.without_transaction);
        }
    }

    fn statement(&mut self, source: &Source<'_>, statement: &Statement, at: &Place, in_transaction: bool) {
        if self.concerns_nobody(statement) {
            return;
        }
        let text = source.text.get(statement.start..statement.end).unwrap_or_default();
        if self.by_tokens(statement, at) {
            return;
        }
        if self.dialect == Dialect::Mssql && self.redefined(statement, text, at) {
            return;
        }
        match parse(self.dialect, &readable(statement, text)) {
            Some(trees) => {
                for tree in &trees {
                    self.tree(tree, statement, at, in_transaction);
                }
            }
            None => self.unread(statement, at),
        }
    }

    /// What neither takes anything away nor stands in anybody's way.
    fn concerns_nobody(&self, statement: &Statement) -> bool {
        match statement.word(0) {
            "SELECT" | "INSERT" | "SET" | "COMMENT" | "ANALYZE" | "COMMIT" | "END" | "ROLLBACK" | "USE" | "PRAGMA"
            | "VALUES" | "SHOW" | "EXPLAIN" | "NOTIFY" | "RESET" | "SAVEPOINT" | "RELEASE" | "GRANT" | "REINDEX"
            | "REFRESH" | "PRINT" | "DECLARE" | "REPLACE" | "COPY" => true,
            // A block of statements is not a transaction that begins.
            "BEGIN" => statement.tokens.len() <= 2 || matches!(statement.word(1), "TRANSACTION" | "WORK"),
            "START" => statement.word(1) == "TRANSACTION",
            "UNLOCK" => true,
            _ => false,
        }
    }

    /// What is told by its first words, in whatever dialect.
    fn by_tokens(&mut self, statement: &Statement, at: &Place) -> bool {
        let words = (statement.word(0), statement.word(1));
        let named = |from: usize| {
            let rest = statement.tokens.iter().skip(from);
            let part = rest.take_while(|token| token.kind != TokenKind::Sign || token.text == ".");
            let text: String = part.take(5).map(|token| token.text.trim_matches(['"', '`', '[', ']'])).collect();
            text.to_lowercase()
        };
        match words {
            ("LOCK", _) => {
                let table = named(if statement.word(1).starts_with("TABLE") { 2 } else { 1 });
                let message = format!("`{table}` is locked while the migration runs");
                self.say(("table", &table), "table-locked", Impact::Dangerous, &table, message, (None, None), at);
                true
            }
            ("CLUSTER", _) => {
                let table = named(1);
                let message = format!("`{table}` is written anew and cannot be used meanwhile");
                self.say(("table", &table), "table-rewritten", Impact::Dangerous, &table, message, (None, None), at);
                true
            }
            ("VACUUM", "FULL") => {
                let table = named(2);
                let message = format!("`{table}` is written anew and cannot be used meanwhile");
                self.say(("table", &table), "table-rewritten", Impact::Dangerous, &table, message, (None, None), at);
                true
            }
            ("VACUUM", _) => true,
            ("EXEC" | "EXECUTE", "SP_RENAME") => {
                let strings: Vec<String> = statement
                    .tokens
                    .iter()
                    .filter(|token| token.kind == TokenKind::String)
                    .map(|token| token.text.trim_matches('\'').replace(['[', ']'], "").to_lowercase())
                    .collect();
                let [old, new, ..] = strings.as_slice() else { return false };
                let old = old.strip_prefix("dbo.").unwrap_or(old);
                match (strings.get(2).map(String::as_str), old.rsplit_once('.')) {
                    (Some("column"), Some((table, column))) => self.rename_column(table, column, new, at),
                    (None, _) => self.rename_table(old, new, at),
                    _ => return false,
                }
                true
            }
            ("REVOKE", _) => {
                let message = "privileges are taken away".to_string();
                let subject = named(1);
                let rule = "privilege-revoked";
                self.say(("privilege", ""), rule, Impact::Breaking, &subject, message, (None, None), at);
                true
            }
            ("ALTER", "TYPE") if statement.has("ATTRIBUTE") && statement.has("DROP") => {
                let subject = named(2);
                let message = format!("the type `{subject}` loses an attribute");
                self.say(("type", ""), "type-dropped", Impact::Breaking, &subject, message, (None, None), at);
                true
            }
            _ => false,
        }
    }

    /// SQL Server says all of a column again behind ALTER COLUMN: what follows reads as in a table that is made.
    fn redefined(&mut self, statement: &Statement, text: &str, at: &Place) -> bool {
        let is = |number: usize, word: &str| statement.word(number) == word;
        let Some(alter) = (2..statement.tokens.len()).find(|number| is(*number, "ALTER") && is(number + 1, "COLUMN"))
        else {
            return false;
        };
        let (true, Some(column), Some(named)) =
            (is(0, "ALTER") && is(1, "TABLE"), statement.tokens.get(alter + 2), statement.tokens.get(2))
        else {
            return false;
        };
        let slice = |from: usize, to: usize| {
            let offset = |at: usize| at.saturating_sub(statement.start);
            text.get(offset(from)..offset(to)).unwrap_or_default().trim()
        };
        let (table, definition) =
            (slice(named.start, statement.tokens[alter].start), slice(column.start, statement.end));
        let Some(trees) = parse(self.dialect, &format!("CREATE TABLE {table} ({definition})")) else { return false };
        let Some(Tree::CreateTable(create)) = trees.first() else { return false };
        let table = name(&create.name);
        for def in &create.columns {
            self.redefine(&table, &ident(&def.name), &Column::of(def), at);
        }
        true
    }

    /// A statement that could not be read may do anything; the words in it tell how much to fear.
    fn unread(&mut self, statement: &Statement, at: &Place) {
        let mut words: Vec<&str> = (0..statement.tokens.len().min(4)).map(|number| statement.word(number)).collect();
        words.retain(|word| !word.is_empty());
        let subject = words.join(" ");
        let within = Statement { start: 0, end: 0, tokens: inside(statement) };
        let destroys = [statement, &within].iter().find_map(|each| {
            let pairs: [&[&str]; 9] = [
                &["DROP", "TABLE"],
                &["DROP", "COLUMN"],
                &["DROP", "SCHEMA"],
                &["DROP", "DATABASE"],
                &["DROP", "TYPE"],
                &["TRUNCATE"],
                &["DELETE", "FROM"],
                &["RENAME", "COLUMN"],
                &["RENAME", "TO"],
            ];
            pairs.iter().find(|words| each.has_all(words)).map(|words| words.join(" "))
        });
        match destroys {
            Some(words) => {
                let message = format!("`{subject} …` could not be read and says `{words}`: it is not judged further");
                let sides = (None, Some(words));
                self.say(("", ""), "statement-destructive", Impact::Breaking, &subject, message, sides, at);
            }
            None => {
                let message = format!("`{subject} …` could not be read: it is not judged");
                self.say(("", ""), "statement-not-judged", Impact::Dangerous, &subject, message, (None, None), at);
            }
        }
    }

    fn tree(&mut self, tree: &Tree, statement: &Statement, at: &Place, in_transaction: bool) {
        match tree {
            Tree::CreateTable(create) => {
                let table = name(&create.name);
                if create.temporary || (create.if_not_exists && self.tables.contains_key(&table)) {
                    return;
                }
                self.tables.insert(table.clone(), Table::of(create));
                if !self.silent {
                    self.fresh.insert(table.clone());
                }
                let message = format!("the table `{table}` is new");
                self.say(("table", &table), "table-added", Impact::Compatible, &table, message, (None, None), at);
            }
            Tree::CreateView(create) => {
                self.made.insert(("view", name(&create.name)));
            }
            Tree::CreateFunction(create) => {
                self.made.insert(("routine", name(&create.name)));
            }
            Tree::CreateProcedure { name: named, .. } => {
                self.made.insert(("routine", name(named)));
            }
            Tree::CreateTrigger(create) => {
                self.made.insert(("trigger", name(&create.name)));
            }
            Tree::CreatePolicy(create) => {
                self.made.insert(("policy", ident(&create.name)));
            }
            Tree::CreateIndex(create) => self.create_index(create, at, in_transaction),
            Tree::AlterTable(alter) => self.alter_table(alter, at),
            Tree::RenameTable(renames) => {
                for rename in renames {
                    self.rename_table(&name(&rename.old_name), &name(&rename.new_name), at);
                }
            }
            Tree::Drop { object_type, names, cascade, .. } => {
                for named in names {
                    self.drop_object(*object_type, named, *cascade, statement, at, in_transaction);
                }
            }
            Tree::DropFunction(drop) => {
                for each in &drop.func_desc {
                    self.drop_other("routine", "routine-dropped", "function", &name(&each.name), Impact::Breaking, at);
                }
            }
            Tree::DropProcedure { proc_desc, .. } => {
                for each in proc_desc {
                    self.drop_other("routine", "routine-dropped", "procedure", &name(&each.name), Impact::Breaking, at);
                }
            }
            Tree::DropTrigger(drop) => {
                let named = name(&drop.trigger_name);
                self.drop_other("trigger", "trigger-dropped", "trigger", &named, Impact::Dangerous, at);
            }
            Tree::DropPolicy(drop) => {
                self.drop_other("policy", "policy-dropped", "policy", &ident(&drop.name), Impact::Dangerous, at);
            }
            Tree::DropExtension(drop) => {
                for each in &drop.names {
                    self.drop_other("extension", "extension-dropped", "extension", &ident(each), Impact::Breaking, at);
                }
            }
            Tree::DropDomain(drop) => {
                self.drop_other("type", "type-dropped", "domain", &name(&drop.name), Impact::Breaking, at);
            }
            Tree::Truncate(truncate) => {
                for target in &truncate.table_names {
                    let table = name(&target.name);
                    if !self.is_fresh(&table) {
                        let message = format!("all rows of `{table}` are deleted");
                        let about = ("table", table.as_str());
                        self.say(about, "table-truncated", Impact::Breaking, &table, message, (None, None), at);
                    }
                }
            }
            Tree::Delete(delete) => {
                let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
                let table = from.first().and_then(|table| relation(&table.relation)).unwrap_or_default();
                if delete.selection.as_ref().is_none_or(always) && delete.limit.is_none() && !self.is_fresh(&table) {
                    let message = format!("all rows of `{table}` are deleted");
                    self.say(("table", &table), "rows-deleted", Impact::Breaking, &table, message, (None, None), at);
                }
            }
            Tree::Update(update) => {
                let table = relation(&update.table.relation).unwrap_or_default();
                let everywhere = update.selection.as_ref().is_none_or(always) && update.from.is_none();
                if everywhere && update.limit.is_none() && !self.is_fresh(&table) {
                    let message = format!("every row of `{table}` is written");
                    self.say(("table", &table), "rows-updated", Impact::Dangerous, &table, message, (None, None), at);
                }
            }
            Tree::AlterType(alter) => {
                let ty = name(&alter.name);
                match &alter.operation {
                    AlterTypeOperation::RenameValue(rename) => {
                        let (from, to) = (rename.from.value.clone(), rename.to.value.clone());
                        let message = format!("the value `{from}` of `{ty}` is called `{to}`");
                        let sides = (Some(from), Some(to));
                        self.say(("type", &ty), "enum-value-renamed", Impact::Breaking, &ty, message, sides, at);
                    }
                    AlterTypeOperation::Rename(rename) => {
                        let to = ident(&rename.new_name);
                        let message = format!("the type `{ty}` is called `{to}`");
                        let sides = (Some(ty.clone()), Some(to));
                        self.say(("type", &ty), "type-renamed", Impact::Breaking, &ty, message, sides, at);
                    }
                    AlterTypeOperation::AddValue(add) => {
                        let value = add.value.value.clone();
                        let message = format!("`{ty}` can now be `{value}`");
                        let sides = (None, Some(value));
                        self.say(("type", &ty), "enum-value-added", Impact::Compatible, &ty, message, sides, at);
                    }
                }
            }
            // These say what they do only when they run.
            Tree::Call(_) | Tree::Execute { .. } | Tree::If(_) | Tree::While(_) | Tree::Case(_) | Tree::Merge(_) => {
                self.unread(statement, at);
            }
            Tree::StartTransaction { statements, .. } if !statements.is_empty() => self.unread(statement, at),
            Tree::Query(_)
                if statement.word(0) == "WITH" && ["DELETE", "UPDATE"].iter().any(|word| statement.has(word)) =>
            {
                self.unread(statement, at);
            }
            _ => {}
        }
    }

    fn create_index(&mut self, create: &CreateIndex, at: &Place, in_transaction: bool) {
        let table = name(&create.table_name);
        let index = create.name.as_ref().map_or_else(|| format!("on {table}"), name);
        self.made.insert(("index", index.clone()));
        if self.is_fresh(&table) {
            return;
        }
        let about = ("made index", index.as_str());
        if create.concurrently && in_transaction {
            let message = format!("the index `{index}` is made CONCURRENTLY inside of a transaction, which fails");
            return self.say(about, "concurrently-in-transaction", Impact::Breaking, &index, message, (None, None), at);
        }
        if self.dialect == Dialect::Postgres && !create.concurrently {
            let message = format!("`{table}` cannot be written while the index `{index}` is made");
            self.say(about, "index-blocks-writes", Impact::Dangerous, &index, message, (None, None), at);
        }
        if create.unique {
            let message = format!("`{table}` no longer takes two rows with the same {}", listed(&create.columns));
            self.say(about, "unique-added", Impact::Dangerous, &index, message, (None, None), at);
        }
    }

    fn drop_other(
        &mut self,
        kind: &'static str,
        rule: &'static str,
        word: &str,
        named: &str,
        impact: Impact,
        at: &Place,
    ) {
        let message = format!("the {word} `{named}` is dropped");
        self.say((kind, named), rule, impact, named, message, (None, None), at);
    }

    fn drop_object(
        &mut self,
        what: ObjectType,
        named: &ObjectName,
        cascade: bool,
        statement: &Statement,
        at: &Place,
        in_transaction: bool,
    ) {
        let named = name(named);
        let with = if cascade { ", with all that depends on it" } else { "" };
        let (kind, rule, word, impact) = match what {
            ObjectType::Table => {
                let was = self.tables.remove(&named);
                if self.fresh.remove(&named) {
                    self.said.retain(|(about, _)| *about != ("table", named.clone()));
                    return;
                }
                self.dropped.insert(named.clone(), was.unwrap_or_default());
                ("table", "table-dropped", "table", Impact::Breaking)
            }
            ObjectType::View | ObjectType::MaterializedView => ("view", "view-dropped", "view", Impact::Breaking),
            ObjectType::Schema => ("schema", "schema-dropped", "schema", Impact::Breaking),
            ObjectType::Database => ("database", "database-dropped", "database", Impact::Breaking),
            ObjectType::Sequence => ("sequence", "sequence-dropped", "sequence", Impact::Breaking),
            ObjectType::Type => ("type", "type-dropped", "type", Impact::Breaking),
            ObjectType::Role | ObjectType::User => ("role", "role-dropped", "role", Impact::Breaking),
            ObjectType::Index => {
                if self.made.remove(&("index", named.clone())) && !self.silent {
                    self.said.retain(|(about, _)| *about != ("made index", named.clone()));
                    return;
                }
                if in_transaction && statement.has("CONCURRENTLY") {
                    let message =
                        format!("the index `{named}` is dropped CONCURRENTLY inside of a transaction, which fails");
                    let rule = "concurrently-in-transaction";
                    return self.say(("index", &named), rule, Impact::Breaking, &named, message, (None, None), at);
                }
                ("index", "index-dropped", "index", Impact::Dangerous)
            }
            _ => return self.unread(statement, at),
        };
        let message = format!("the {word} `{named}` is dropped{with}");
        self.say((kind, &named), rule, impact, &named, message, (None, None), at);
    }

    /// A table that is no longer among those that are to be.
    pub(super) fn gone(&mut self, table: &str, at: &Place) {
        let message = format!("the table `{table}` is gone");
        self.say(("table", table), "table-dropped", Impact::Breaking, table, message, (None, None), at);
    }

    /// A table that was not among those that were to be.
    pub(super) fn appeared(&mut self, table: &str, at: &Place) {
        let message = format!("the table `{table}` is new");
        self.say(("table", table), "table-added", Impact::Compatible, table, message, (None, None), at);
    }

    /// A table in place of another, column by column.
    pub(super) fn replaced(&mut self, table: &str, was: &Table, is: &Table, at: &Place) {
        for (column, before) in &was.columns {
            let subject = format!("{table}.{column}");
            match is.columns.get(column) {
                None => {
                    let message = format!("the column `{subject}` is dropped with all its values");
                    let sides = (Some(before.written.clone()), None);
                    self.say(("column", &subject), "column-dropped", Impact::Breaking, &subject, message, sides, at);
                }
                Some(after) => {
                    self.retype(&subject, Some(before), after, at);
                    if after.not_null && !before.not_null {
                        self.became_not_null(&subject, at);
                    }
                }
            }
        }
        for (column, after) in is.columns.iter().filter(|(column, _)| !was.columns.contains_key(*column)) {
            self.add_column(table, column, after, std::iter::empty(), at);
        }
    }
}

fn relation(factor: &TableFactor) -> Option<String> {
    match factor {
        TableFactor::Table { name: named, .. } => Some(name(named)),
        _ => None,
    }
}

/// A condition that holds for every row.
fn always(condition: &Expr) -> bool {
    matches!(condition.to_string().to_lowercase().replace(' ', "").as_str(), "true" | "1=1" | "1")
}

fn listed(columns: &[sqlparser::ast::IndexColumn]) -> String {
    columns.iter().map(|column| format!("`{}`", column.column.expr)).collect::<Vec<_>>().join(", ")
}
