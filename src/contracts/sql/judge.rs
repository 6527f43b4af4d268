//! What one statement after the other does, to the tables and to those who use them meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use sqlparser::ast::{
    AlterColumnOperation, AlterTable, AlterTableOperation, AlterTypeOperation, ColumnOption, CreateIndex, Expr,
    FromTable, ObjectName, ObjectType, RenameTableNameKind, Statement as Tree, TableConstraint, TableFactor,
};
use sqlparser::dialect::{GenericDialect, MsSqlDialect, MySqlDialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;

use super::Dialect;
use super::rules;
use super::split::{Kind as TokenKind, Script, Statement};
use super::tables::{Column, Fit, Table, ident, name};
use crate::contracts::lines::Lines;
use crate::contracts::{ContractChange, Format, Impact, Place};

/// The largest statement that is parsed; data that is loaded can be larger and is only scanned.
const MOST_BYTES: usize = 256 << 10;

/// How deep an expression may be nested.
const MOST_DEPTH: usize = 48;

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

    fn alter_table(&mut self, alter: &AlterTable, at: &Place) {
        let table = name(&alter.name);
        for operation in &alter.operations {
            self.alter(&table, operation, at);
        }
    }

    fn alter(&mut self, table: &str, operation: &AlterTableOperation, at: &Place) {
        use AlterTableOperation as Op;
        let fresh = self.is_fresh(table);
        match operation {
            Op::AddColumn { column_def, .. } => {
                let column = Column::of(column_def);
                let named = ident(&column_def.name);
                if !fresh {
                    self.add_column(table, &named, &column, column_def.options.iter().map(|each| &each.option), at);
                }
                self.tables.entry(table.to_string()).or_default().columns.insert(named, column);
            }
            Op::DropColumn { column_names, .. } => {
                for column in column_names {
                    let named = ident(column);
                    let was = self.tables.get_mut(table).and_then(|known| known.columns.remove(&named));
                    if !fresh {
                        let subject = format!("{table}.{named}");
                        let message = format!("the column `{subject}` is dropped with all its values");
                        let sides = (was.map(|column| column.written), None);
                        self.say(
                            ("column", &subject),
                            "column-dropped",
                            Impact::Breaking,
                            &subject,
                            message,
                            sides,
                            at,
                        );
                    }
                }
            }
            Op::RenameColumn { old_column_name, new_column_name } => {
                self.rename_column(table, &ident(old_column_name), &ident(new_column_name), at);
            }
            Op::RenameTable { table_name: RenameTableNameKind::As(to) | RenameTableNameKind::To(to) } => {
                self.rename_table(table, &name(to), at);
            }
            Op::ChangeColumn { old_name, new_name, data_type, options, .. } => {
                let (old, new) = (ident(old_name), ident(new_name));
                if old != new {
                    self.rename_column(table, &old, &new, at);
                }
                self.redefine(table, &new, &Column::with(data_type, options.iter()), at);
            }
            Op::ModifyColumn { col_name, data_type, options, .. } => {
                self.redefine(table, &ident(col_name), &Column::with(data_type, options.iter()), at);
            }
            Op::AlterColumn { column_name, op } => self.alter_column(table, &ident(column_name), op, at),
            Op::AddConstraint { constraint, not_valid } if !fresh => {
                self.add_constraint(table, constraint, *not_valid, at)
            }
            Op::DropConstraint { name, .. } | Op::DropForeignKey { name, .. } if !fresh => {
                let (subject, constraint) = (format!("{table}.{}", ident(name)), ident(name));
                let message =
                    format!("`{table}` no longer holds to `{constraint}`: what readers rely on may not be so");
                let about = ("constraint", subject.as_str());
                self.say(
                    about,
                    "constraint-dropped",
                    Impact::Dangerous,
                    &subject,
                    message,
                    (Some(constraint.clone()), None),
                    at,
                );
            }
            Op::DropPrimaryKey { .. } if !fresh => {
                let message = format!("`{table}` loses its primary key");
                self.say(("table", table), "primary-key-dropped", Impact::Breaking, table, message, (None, None), at);
            }
            Op::DropIndex { name } if !fresh => {
                let index = ident(name);
                self.drop_other("index", "index-dropped", "index", &index, Impact::Dangerous, at);
            }
            Op::EnableRowLevelSecurity | Op::ForceRowLevelSecurity if !fresh => {
                let message = format!("who has no policy sees no row of `{table}` any more");
                self.say(("table", table), "row-security-enabled", Impact::Dangerous, table, message, (None, None), at);
            }
            Op::DisableTrigger { name } if !fresh => {
                let subject = format!("{table}.{}", ident(name));
                let message = format!("the trigger `{subject}` no longer runs");
                self.say(
                    ("trigger", &subject),
                    "trigger-dropped",
                    Impact::Dangerous,
                    &subject,
                    message,
                    (None, None),
                    at,
                );
            }
            Op::SetLogged | Op::SetUnlogged if !fresh => {
                let message = format!("`{table}` is written anew and cannot be used meanwhile");
                self.say(("table", table), "table-rewritten", Impact::Dangerous, table, message, (None, None), at);
            }
            Op::DropPartitions { .. } => {
                let message = format!("partitions of `{table}` are dropped with all their rows");
                self.say(("table", table), "table-truncated", Impact::Breaking, table, message, (None, None), at);
            }
            Op::SwapWith { table_name } => {
                let other = name(table_name);
                self.rename_table(table, &other, at);
            }
            _ => {}
        }
    }

    fn add_column<'o>(
        &mut self,
        table: &str,
        named: &str,
        column: &Column,
        options: impl Iterator<Item = &'o ColumnOption>,
        at: &Place,
    ) {
        let subject = format!("{table}.{named}");
        let about = ("column", subject.as_str());
        let sides = || (None, Some(column.written.clone()));
        if column.not_null && !column.has_default {
            let message = format!(
                "`{subject}` is new, NOT NULL and has no default: it fails on rows that are there, and so do inserts"
            );
            return self.say(about, "column-added-not-null", Impact::Breaking, &subject, message, sides(), at);
        }
        let mut noticed = false;
        for option in options {
            let (rule, message) = match option {
                ColumnOption::Default(value) if self.dialect == Dialect::Postgres && is_volatile(value) => {
                    let message = format!(
                        "`{subject}` is new with the default `{value}`: every row of `{table}` is written, under a lock"
                    );
                    ("column-default-volatile", message)
                }
                ColumnOption::Generated { .. } | ColumnOption::Identity(_) => (
                    "column-generated",
                    format!("`{subject}` is new and computed: every row of `{table}` is written, under a lock"),
                ),
                ColumnOption::Unique(_) | ColumnOption::PrimaryKey(_) => {
                    ("unique-added", format!("`{subject}` is new and unique: its index is made under a lock"))
                }
                _ => continue,
            };
            noticed = true;
            self.say(about, rule, Impact::Dangerous, &subject, message, sides(), at);
        }
        if column.written.to_ascii_lowercase().contains("serial") {
            noticed = true;
            let message = format!("`{subject}` is new and numbered: every row of `{table}` is written, under a lock");
            self.say(about, "column-generated", Impact::Dangerous, &subject, message, sides(), at);
        }
        if !noticed {
            let message = format!("`{subject}` is new");
            self.say(about, "column-added", Impact::Compatible, &subject, message, sides(), at);
        }
    }

    fn alter_column(&mut self, table: &str, column: &str, op: &AlterColumnOperation, at: &Place) {
        let subject = format!("{table}.{column}");
        let about = ("column", subject.as_str());
        let fresh = self.is_fresh(table);
        let known = self.tables.get(table).and_then(|known| known.columns.get(column)).cloned();
        match op {
            AlterColumnOperation::SetNotNull => {
                if !fresh && known.as_ref().is_none_or(|known| !known.not_null) {
                    self.became_not_null(&subject, at);
                }
                self.keep(table, column, |known| known.not_null = true);
            }
            AlterColumnOperation::DropNotNull => {
                if !fresh {
                    let message = format!("`{subject}` can be NULL: readers meet what they never met");
                    self.say(about, "column-became-nullable", Impact::Dangerous, &subject, message, (None, None), at);
                }
                self.keep(table, column, |known| known.not_null = false);
            }
            AlterColumnOperation::DropDefault => {
                if !fresh {
                    // Where NULL is allowed, an insert that leaves it out still works.
                    let required = known.as_ref().is_some_and(|known| known.not_null);
                    let impact = if required { Impact::Breaking } else { Impact::Dangerous };
                    let message = format!("`{subject}` has no default any more");
                    self.say(about, "column-default-dropped", impact, &subject, message, (None, None), at);
                }
                self.keep(table, column, |known| known.has_default = false);
            }
            AlterColumnOperation::SetDefault { .. } => self.keep(table, column, |known| known.has_default = true),
            AlterColumnOperation::SetDataType { data_type, .. } => {
                let mut next = Column::with(data_type, std::iter::empty());
                if let Some(known) = &known {
                    (next.not_null, next.has_default) = (known.not_null, known.has_default);
                }
                if !fresh {
                    self.retype(&subject, known.as_ref(), &next, at);
                }
                self.tables.entry(table.to_string()).or_default().columns.insert(column.to_string(), next);
            }
            AlterColumnOperation::AddGenerated { .. } => self.keep(table, column, |known| known.has_default = true),
        }
    }

    fn keep(&mut self, table: &str, column: &str, set: impl FnOnce(&mut Column)) {
        if let Some(known) = self.tables.get_mut(table).and_then(|known| known.columns.get_mut(column)) {
            set(known);
        }
    }

    fn became_not_null(&mut self, subject: &str, at: &Place) {
        let message =
            format!("`{subject}` has become NOT NULL: it fails on rows that hold NULL, and so do inserts without it");
        self.say(("column", subject), "column-became-not-null", Impact::Breaking, subject, message, (None, None), at);
    }

    /// MySQL says all of a column again.
    fn redefine(&mut self, table: &str, column: &str, next: &Column, at: &Place) {
        let subject = format!("{table}.{column}");
        let known = self.tables.get(table).and_then(|known| known.columns.get(column)).cloned();
        if !self.is_fresh(table) {
            self.retype(&subject, known.as_ref(), next, at);
            match &known {
                Some(known) if next.not_null && !known.not_null => self.became_not_null(&subject, at),
                Some(known) if !next.not_null && known.not_null => {
                    let message = format!("`{subject}` can be NULL: readers meet what they never met");
                    let about = ("column", subject.as_str());
                    self.say(about, "column-became-nullable", Impact::Dangerous, &subject, message, (None, None), at);
                }
                _ => {}
            }
        }
        self.tables.entry(table.to_string()).or_default().columns.insert(column.to_string(), next.clone());
    }

    fn retype(&mut self, subject: &str, known: Option<&Column>, next: &Column, at: &Place) {
        let about = ("column", subject);
        let is = next.written.clone();
        let Some(known) = known else {
            let message =
                format!("`{subject}` is changed to `{is}`; what it was is in no migration, so it is not judged");
            return self.say(about, "column-type-changed", Impact::Dangerous, subject, message, (None, Some(is)), at);
        };
        let was = known.written.clone();
        let (rule, impact, message) = match known.kind.fits(&next.kind) {
            Fit::Same => return,
            Fit::Wider => {
                // Only text grows in place everywhere; a wider number means another row.
                let in_place =
                    matches!(next.kind, super::tables::Kind::Text { .. } | super::tables::Kind::Bytes { .. });
                let impact = if in_place { Impact::Compatible } else { Impact::Dangerous };
                ("column-type-widened", impact, format!("`{subject}` was `{was}`, takes more as `{is}`"))
            }
            Fit::Narrower => {
                let message = format!("`{subject}` was `{was}`, is `{is}`: not every value fits");
                ("column-type-narrowed", Impact::Breaking, message)
            }
            Fit::Different => ("column-type-changed", Impact::Breaking, format!("`{subject}` was `{was}`, is `{is}`")),
            Fit::Unknown => {
                let message = format!("`{subject}` was `{was}`, is `{is}`: what that means is not judged");
                ("column-type-changed", Impact::Dangerous, message)
            }
        };
        self.say(about, rule, impact, subject, message, (Some(was), Some(is)), at);
    }

    fn add_constraint(&mut self, table: &str, constraint: &TableConstraint, not_valid: bool, at: &Place) {
        let lazily = not_valid && self.dialect == Dialect::Postgres;
        let (rule, message) = match constraint {
            TableConstraint::Unique(unique) => (
                "unique-added",
                format!("`{table}` no longer takes two rows with the same {}", listed(&unique.columns)),
            ),
            TableConstraint::PrimaryKey(_) => {
                ("primary-key-added", format!("`{table}` has a new primary key: its index is made under a lock"))
            }
            TableConstraint::ForeignKey(key) if !lazily => {
                let other = name(&key.foreign_table);
                let message = format!(
                    "`{table}` only takes rows that have one in `{other}`, and all rows are checked under a lock"
                );
                ("foreign-key-added", message)
            }
            TableConstraint::Check(check) if !lazily => {
                let message =
                    format!("`{table}` only takes rows where {}, and all rows are checked under a lock", check.expr);
                ("check-added", message)
            }
            // An index that was made beforehand costs nothing more.
            _ => return,
        };
        self.say(("table", table), rule, Impact::Dangerous, table, message, (None, None), at);
    }

    fn rename_column(&mut self, table: &str, old: &str, new: &str, at: &Place) {
        if let Some(known) = self.tables.get_mut(table)
            && let Some(column) = known.columns.remove(old)
        {
            known.columns.insert(new.to_string(), column);
        }
        if !self.is_fresh(table) {
            let subject = format!("{table}.{old}");
            let message = format!("the column `{subject}` is called `{new}`");
            let sides = (Some(old.to_string()), Some(new.to_string()));
            self.say(("column", &subject), "column-renamed", Impact::Breaking, &subject, message, sides, at);
        }
    }

    fn rename_table(&mut self, old: &str, new: &str, at: &Place) {
        let table = self.tables.remove(old);
        if let Some(table) = table.clone() {
            self.tables.insert(new.to_string(), table);
        }
        if self.fresh.remove(old) {
            self.fresh.insert(new.to_string());
            // The long way round where columns cannot be altered: a new table takes the place of the old one.
            if let (Some(was), Some(is)) = (self.dropped.remove(new), table) {
                self.said
                    .retain(|(about, _)| *about != ("table", new.to_string()) && *about != ("table", old.to_string()));
                self.fresh.remove(new);
                if !was.columns.is_empty() {
                    self.replaced(new, &was, &is, at);
                }
            }
            return;
        }
        let message = format!("the table `{old}` is called `{new}`");
        let sides = (Some(old.to_string()), Some(new.to_string()));
        self.say(("table", old), "table-renamed", Impact::Breaking, old, message, sides, at);
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

/// The trees of a statement, or nothing if no dialect reads it.
fn parse(dialect: Dialect, text: &str) -> Option<Vec<Tree>> {
    if text.len() > MOST_BYTES {
        return None;
    }
    let with = |dialect: &dyn sqlparser::dialect::Dialect| {
        let read = || {
            let parser = Parser::new(dialect).with_recursion_limit(MOST_DEPTH);
            parser.try_with_sql(text).and_then(|mut parser| parser.parse_statements()).ok()
        };
        // A parser of a language this size may trip: then the statement is one that could not be read.
        catch_unwind(AssertUnwindSafe(read)).ok().flatten().filter(|trees| !trees.is_empty())
    };
    let first = match dialect {
        Dialect::Auto | Dialect::Postgres => with(&PostgreSqlDialect {}),
        Dialect::Mysql => with(&MySqlDialect {}),
        Dialect::Sqlite => with(&SQLiteDialect {}),
        Dialect::Mssql => with(&MsSqlDialect {}),
    };
    first.or_else(|| with(&GenericDialect {}))
}

/// The statement without words that the parser does not know and that do not change what it does.
fn readable<'t>(statement: &Statement, text: &'t str) -> std::borrow::Cow<'t, str> {
    let word = statement.tokens.get(2).filter(|token| token.text == "CONCURRENTLY");
    match (statement.word(0), statement.word(1), word) {
        ("DROP", "INDEX", Some(word)) => {
            let start = word.start.saturating_sub(statement.start);
            let mut kept = text.get(..start).unwrap_or_default().to_string();
            kept.push_str(text.get(start + word.text.len()..).unwrap_or_default());
            kept.into()
        }
        _ => text.into(),
    }
}

/// The tokens of the code that stands in a statement's strings, and in the strings of that.
fn inside(statement: &Statement) -> Vec<super::split::Token> {
    const MOST: usize = 100_000;
    let mut found: Vec<super::split::Token> = Vec::new();
    let mut layer: Vec<super::split::Token> = statement.tokens.clone();
    for _ in 0..3 {
        let strings = layer.iter().filter(|token| token.kind == TokenKind::String && token.text.len() > 6);
        let next: Vec<super::split::Token> = strings
            .flat_map(|token| {
                let inner = token.text.trim_matches('\'');
                let inner = match inner.strip_prefix('$').and_then(|rest| rest.split_once('$')) {
                    Some((_, body)) => body.rsplit_once('$').map_or(body, |(body, _)| body),
                    None => inner,
                };
                super::split::split(inner).statements.into_iter().flat_map(|statement| statement.tokens)
            })
            .take(MOST)
            .collect();
        found.extend(next.iter().cloned());
        layer = next;
    }
    found
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

/// Whether a default is worked out anew for every row.
/// <https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES>
fn is_volatile(value: &Expr) -> bool {
    let text = value.to_string().to_lowercase();
    ["random(", "gen_random_uuid(", "uuid_generate_", "clock_timestamp(", "nextval(", "uuidv7("]
        .iter()
        .any(|call| text.contains(call))
}

fn listed(columns: &[sqlparser::ast::IndexColumn]) -> String {
    columns.iter().map(|column| format!("`{}`", column.column.expr)).collect::<Vec<_>>().join(", ")
}
