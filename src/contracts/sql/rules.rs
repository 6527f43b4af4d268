//! What can be said about migrations.

pub use crate::contracts::Rule;
use crate::contracts::rule;

/// The rule of an id.
pub(super) fn find(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

/// All rules.
pub const RULES: &[Rule] = &[
    rule(
        "table-dropped",
        "a table is dropped",
        "programs that use the table, and its rows",
        "stop using it first, drop it in a later release",
    ),
    rule(
        "column-dropped",
        "a column is dropped",
        "programs that name the column, and its values",
        "stop using it first, drop it in a later release",
    ),
    rule(
        "schema-dropped",
        "a schema is dropped",
        "programs that use anything in it",
        "drop what is in it first, one by one, when nothing uses it",
    ),
    rule("database-dropped", "a database is dropped", "everybody", "take it out of the migration"),
    rule("view-dropped", "a view is dropped", "programs that read it", "keep it until nothing reads it"),
    rule(
        "sequence-dropped",
        "a sequence is dropped",
        "programs that draw numbers from it",
        "keep it until nothing draws from it",
    ),
    rule("type-dropped", "a type is dropped", "tables and programs that use it", "keep it until nothing uses it"),
    rule("role-dropped", "a role is dropped", "programs that log in with it", "revoke its privileges first and wait"),
    rule(
        "routine-dropped",
        "a function or procedure is dropped",
        "programs that call it",
        "keep it until nothing calls it",
    ),
    rule("trigger-dropped", "a trigger no longer runs", "whoever relies on what it did", "check who relies on it"),
    rule(
        "policy-dropped",
        "a row policy is dropped",
        "whoever saw rows by it, or must not see them",
        "replace it in the same transaction",
    ),
    rule(
        "extension-dropped",
        "an extension is dropped",
        "programs that call its functions",
        "keep it until nothing uses it",
    ),
    rule(
        "index-dropped",
        "an index is dropped",
        "queries that were fast by it",
        "look at what uses it; on PostgreSQL drop it CONCURRENTLY",
    ),
    rule(
        "constraint-dropped",
        "a constraint is dropped",
        "readers that rely on what it promised",
        "check who relies on it",
    ),
    rule(
        "primary-key-dropped",
        "a primary key is dropped",
        "replication, and programs that find rows by it",
        "replace it in the same statement",
    ),
    rule(
        "table-renamed",
        "a table has another name",
        "programs that run while it is applied, and those not yet released",
        "add the new table or a view beside it, move over, drop the old name later",
    ),
    rule(
        "column-renamed",
        "a column has another name",
        "programs that run while it is applied, and those not yet released",
        "add the new column, write both, move readers over, drop the old one later",
    ),
    rule("type-renamed", "a type has another name", "programs that name it", "add a new type and move over"),
    rule(
        "column-type-narrowed",
        "values may not fit a column's new type",
        "rows and inserts with values that do not fit",
        "add a new column, copy what fits, move over",
    ),
    rule(
        "column-type-widened",
        "a column takes more",
        "programs that run while every row is written anew, and readers of the wider values",
        "add a new column and copy in batches if the table is large",
    ),
    rule(
        "column-type-changed",
        "a column has another type",
        "programs that read or write it",
        "add a new column of the new type and move over",
    ),
    rule("column-added", "a column is new", "", ""),
    rule(
        "column-added-not-null",
        "a column is new, NOT NULL and has no default",
        "the migration itself where there are rows, and inserts of programs that do not know it",
        "give it a default, or add it as NULL, fill it, then SET NOT NULL",
    ),
    rule(
        "column-became-not-null",
        "a column no longer takes NULL",
        "the migration itself where there is NULL, and inserts without it",
        "fill it first, add a CHECK … NOT VALID, validate it, then SET NOT NULL",
    ),
    rule("column-became-nullable", "a column can be NULL", "readers that never met NULL", "let readers know first"),
    rule("column-default-dropped", "a column has no default any more", "inserts that leave it out", "keep the default"),
    rule(
        "column-default-volatile",
        "a new column's default is worked out for every row",
        "programs that wait for the lock",
        "add the column without a default, set it, fill old rows in batches",
    ),
    rule(
        "column-generated",
        "a new column is computed for every row",
        "programs that wait for the lock",
        "add a plain column, fill it in batches",
    ),
    rule(
        "unique-added",
        "rows have to be unique",
        "the migration itself where they are not, and inserts that repeat",
        "look for repetitions first; on PostgreSQL make the index CONCURRENTLY, then ADD CONSTRAINT … USING INDEX",
    ),
    rule(
        "primary-key-added",
        "a table has a new primary key",
        "programs that wait for the lock",
        "make a unique index CONCURRENTLY first, then ADD PRIMARY KEY USING INDEX",
    ),
    rule(
        "foreign-key-added",
        "rows have to refer to others",
        "the migration itself where they do not, and programs that wait for the lock",
        "on PostgreSQL add it NOT VALID, and validate it in a later migration",
    ),
    rule(
        "check-added",
        "rows have to hold to a condition",
        "the migration itself where they do not, and programs that wait for the lock",
        "on PostgreSQL add it NOT VALID, and validate it in a later migration",
    ),
    rule(
        "index-blocks-writes",
        "an index is made while nobody can write",
        "programs that write to the table",
        "CREATE INDEX CONCURRENTLY, in a migration without a transaction",
    ),
    rule(
        "concurrently-in-transaction",
        "CONCURRENTLY stands in a transaction",
        "the migration itself: it fails",
        "put it into a migration of its own without a transaction",
    ),
    rule(
        "table-truncated",
        "all rows of a table are deleted",
        "whoever needs the rows",
        "take it out of the migration",
    ),
    rule("rows-deleted", "all rows of a table are deleted", "whoever needs the rows", "say which rows with WHERE"),
    rule(
        "rows-updated",
        "every row of a table is written",
        "programs that wait for the locks",
        "write in batches, outside of the migration",
    ),
    rule(
        "table-rewritten",
        "a table is written anew under a lock",
        "programs that wait for the lock",
        "do it outside of the migration, when nobody waits",
    ),
    rule(
        "table-locked",
        "a table is locked",
        "programs that wait for the lock",
        "take the weakest lock, with a lock_timeout",
    ),
    rule(
        "row-security-enabled",
        "rows are hidden from whoever has no policy",
        "programs whose role has no policy",
        "create the policies in the same transaction, before it",
    ),
    rule(
        "privilege-revoked",
        "privileges are taken away",
        "programs of the roles that lose them",
        "check what the roles do first",
    ),
    rule("enum-value-added", "an enum has one more value", "", ""),
    rule(
        "enum-value-renamed",
        "a value of an enum has another name",
        "programs that read or write the old name",
        "add a new value and move over",
    ),
    rule("table-added", "a table is new", "", ""),
    rule(
        "statement-destructive",
        "a statement that could not be read speaks of dropping or deleting",
        "whoever needs what it takes away",
        "write it so that it can be read: plain statements instead of code that makes them",
    ),
    rule(
        "statement-not-judged",
        "a statement could not be read",
        "nobody knows",
        "write it so that it can be read, or have a person judge it",
    ),
    rule(
        "migration-not-judged",
        "a file could not be read",
        "nobody knows",
        "mend the file, or take it out of the contracts' paths",
    ),
    rule(
        "applied-migration-changed",
        "a migration that may have been applied says something else",
        "databases that have applied it: they never see the change, or refuse the file",
        "put it back, and write a new migration",
    ),
    rule(
        "applied-migration-reformatted",
        "a migration that may have been applied looks different",
        "tools that compare checksums",
        "put it back",
    ),
    rule(
        "applied-migration-deleted",
        "a migration that may have been applied is gone",
        "databases that are made anew, and tools that compare histories",
        "put it back",
    ),
    rule(
        "applied-migration-renamed",
        "a migration that may have been applied has another name",
        "databases that have applied it: it is applied again",
        "put the old name back",
    ),
    rule(
        "migration-out-of-order",
        "a new migration comes before one that may have been applied",
        "databases that have applied the later one: tools skip it or refuse",
        "give it a version behind the last one",
    ),
    rule(
        "migration-version-taken",
        "two migrations have one version",
        "the tool: it refuses, or skips one",
        "give the new one a version of its own",
    ),
    rule(
        "migration-without-way-back",
        "a migration has no way back though its siblings do",
        "whoever has to roll back",
        "write the down migration",
    ),
];
