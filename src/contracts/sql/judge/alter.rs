//! `ALTER TABLE`, one change of a table after the other.

use sqlparser::ast::{
    AlterColumnOperation, AlterTable, AlterTableOperation, ColumnOption, Expr, RenameTableNameKind, TableConstraint,
};

use super::{Judge, listed};
use crate::contracts::sql::Dialect;
use crate::contracts::sql::tables::{Column, Fit, Kind, ident, name};
use crate::contracts::{Impact, Place};

impl Judge {
    pub(super) fn alter_table(&mut self, alter: &AlterTable, at: &Place) {
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

    pub(super) fn add_column<'o>(
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

    pub(super) fn became_not_null(&mut self, subject: &str, at: &Place) {
        let message =
            format!("`{subject}` has become NOT NULL: it fails on rows that hold NULL, and so do inserts without it");
        self.say(("column", subject), "column-became-not-null", Impact::Breaking, subject, message, (None, None), at);
    }

    /// MySQL says all of a column again.
    pub(super) fn redefine(&mut self, table: &str, column: &str, next: &Column, at: &Place) {
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

    pub(super) fn retype(&mut self, subject: &str, known: Option<&Column>, next: &Column, at: &Place) {
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
                let in_place = matches!(next.kind, Kind::Text { .. } | Kind::Bytes { .. });
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

    pub(super) fn rename_column(&mut self, table: &str, old: &str, new: &str, at: &Place) {
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

    pub(super) fn rename_table(&mut self, old: &str, new: &str, at: &Place) {
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
}

/// Whether a default is worked out anew for every row.
/// <https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES>
fn is_volatile(value: &Expr) -> bool {
    let text = value.to_string().to_lowercase();
    ["random(", "gen_random_uuid(", "uuid_generate_", "clock_timestamp(", "nextval(", "uuidv7("]
        .iter()
        .any(|call| text.contains(call))
}
