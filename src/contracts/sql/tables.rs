//! The tables that migrations have made so far, and what becomes of a value when a column changes its type.

use std::collections::BTreeMap;

use sqlparser::ast::{ColumnDef, ColumnOption, CreateTable, DataType, Ident, ObjectName, TableConstraint};

/// A name as the database compares it: without quotes, without the schema everybody has, in lower case unless quoted.
pub(super) fn name(name: &ObjectName) -> String {
    let parts: Vec<String> =
        name.0.iter().map(|part| part.as_ident().map_or_else(|| part.to_string(), ident)).collect();
    let skip = usize::from(parts.len() > 1 && matches!(parts[0].as_str(), "public" | "dbo" | "main"));
    parts[skip..].join(".")
}

/// One part of a name.
pub(super) fn ident(ident: &Ident) -> String {
    match ident.quote_style {
        Some('"') => ident.value.clone(),
        _ => ident.value.to_lowercase(),
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Table {
    pub(super) columns: BTreeMap<String, Column>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Column {
    /// As it is written.
    pub(super) written: String,
    pub(super) kind: Kind,
    pub(super) not_null: bool,
    pub(super) has_default: bool,
}

impl Column {
    pub(super) fn of(def: &ColumnDef) -> Self {
        let options = || def.options.iter().map(|each| &each.option);
        Self::with(&def.data_type, options())
    }

    pub(super) fn with<'a>(ty: &DataType, options: impl Iterator<Item = &'a ColumnOption>) -> Self {
        let written = ty.to_string();
        let mut made = Self { kind: Kind::of(&written), written, not_null: false, has_default: false };
        made.has_default = made.written.to_ascii_lowercase().contains("serial");
        for option in options {
            match option {
                ColumnOption::NotNull | ColumnOption::PrimaryKey(_) => made.not_null = true,
                ColumnOption::Default(_) | ColumnOption::Generated { .. } | ColumnOption::Identity(_) => {
                    made.has_default = true;
                }
                ColumnOption::DialectSpecific(tokens) => {
                    made.has_default |=
                        tokens.iter().any(|token| token.to_string().to_uppercase().contains("INCREMENT"));
                }
                _ => {}
            }
        }
        made
    }
}

impl Table {
    pub(super) fn of(create: &CreateTable) -> Self {
        let mut columns: BTreeMap<String, Column> =
            create.columns.iter().map(|def| (ident(&def.name), Column::of(def))).collect();
        for constraint in &create.constraints {
            if let TableConstraint::PrimaryKey(key) = constraint {
                for column in &key.columns {
                    if let Some(found) = columns.get_mut(&column.column.expr.to_string().to_lowercase()) {
                        found.not_null = true;
                    }
                }
            }
        }
        Self { columns }
    }
}

/// A type, as far as it says which values fit.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Integer { bits: u32, unsigned: bool },
    Decimal { whole: u64, scale: u64 },
    AnyDecimal,
    Float { bits: u32 },
    Text { most: Option<u64> },
    Bytes { most: Option<u64> },
    Boolean,
    Date,
    Time,
    Timestamp { zone: bool },
    Uuid,
    Json,
    Enumeration(Vec<String>),
    Other(String),
}

/// What becomes of the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Same,
    Wider,
    Narrower,
    Different,
    Unknown,
}

impl Kind {
    pub(super) fn of(written: &str) -> Self {
        let lower = written.to_ascii_lowercase();
        let head: String = lower.split('(').next().unwrap_or_default().trim().to_string();
        let inside =
            lower.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(inside, _)| inside.to_string());
        let tail = lower.split_once(')').map_or("", |(_, tail)| tail);
        let numbers: Vec<u64> = inside
            .iter()
            .flat_map(|inside| inside.split(','))
            .filter_map(|part| part.split_whitespace().next()?.parse().ok())
            .collect();
        let unsigned = lower.contains("unsigned");
        let first: &str = head.split_whitespace().next().unwrap_or_default();
        let integer = |bits| Self::Integer { bits, unsigned };
        if lower.ends_with("[]") || lower.starts_with("array") {
            return Self::Other(lower);
        }
        match first {
            "tinyint" => integer(8),
            "smallint" | "int2" | "smallserial" | "serial2" => integer(16),
            "mediumint" => integer(24),
            "int" | "integer" | "int4" | "serial" | "serial4" => integer(32),
            "bigint" | "int8" | "bigserial" | "serial8" => integer(64),
            "numeric" | "decimal" | "dec" => match numbers.as_slice() {
                [precision] => Self::Decimal { whole: *precision, scale: 0 },
                [precision, scale, ..] => Self::Decimal { whole: precision.saturating_sub(*scale), scale: *scale },
                [] => Self::AnyDecimal,
            },
            "real" | "float4" => Self::Float { bits: 32 },
            "float" | "double" | "float8" => Self::Float { bits: 64 },
            "varchar" | "nvarchar" | "character" | "char" | "nchar" | "varchar2" | "bpchar" => {
                let fixed = first == "char" || first == "nchar" || (first == "character" && !head.contains("varying"));
                Self::Text { most: numbers.first().copied().or(fixed.then_some(1)) }
            }
            "tinytext" => Self::Text { most: Some(255) },
            "text" | "mediumtext" | "longtext" | "clob" | "citext" | "string" | "ntext" => Self::Text { most: None },
            "bytea" | "blob" | "longblob" | "mediumblob" | "image" => Self::Bytes { most: None },
            "tinyblob" => Self::Bytes { most: Some(255) },
            "binary" | "varbinary" => Self::Bytes { most: numbers.first().copied() },
            "bool" | "boolean" => Self::Boolean,
            "date" => Self::Date,
            "time" | "timetz" => Self::Time,
            "timestamp" | "datetime" | "datetime2" | "smalldatetime" => {
                Self::Timestamp { zone: lower.contains("with time zone") || tail.contains("with time zone") }
            }
            "timestamptz" | "datetimeoffset" => Self::Timestamp { zone: true },
            "uuid" | "uniqueidentifier" => Self::Uuid,
            "json" | "jsonb" => Self::Json,
            "enum" => {
                let inside = written.split_once('(').map_or("", |(_, rest)| rest).trim_end_matches(')');
                Self::Enumeration(inside.split(',').map(|value| value.trim().to_string()).collect())
            }
            _ => Self::Other(lower),
        }
    }

    /// What becomes of values of this type that have to be values of another.
    pub(super) fn fits(&self, into: &Self) -> Fit {
        let by = |narrower: bool, wider: bool| match (narrower, wider) {
            (true, _) => Fit::Narrower,
            (false, true) => Fit::Wider,
            (false, false) => Fit::Same,
        };
        let less = |from: &Option<u64>, into: &Option<u64>| match (from, into) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(from), Some(into)) => into < from,
        };
        match (self, into) {
            (a, b) if a == b => Fit::Same,
            (Self::Integer { bits: a, unsigned: x }, Self::Integer { bits: b, unsigned: y }) => match (x, y) {
                _ if x == y => by(b < a, b > a),
                (true, false) => by(b <= a, true),
                _ => Fit::Narrower,
            },
            (Self::Integer { bits, .. }, Self::Decimal { whole, .. }) => {
                let digits = u64::from(*bits) * 3 / 10 + 1;
                by(*whole < digits, true)
            }
            (Self::Integer { .. } | Self::Decimal { .. } | Self::Float { .. }, Self::AnyDecimal) => Fit::Wider,
            (Self::Decimal { .. } | Self::AnyDecimal | Self::Float { .. }, Self::Integer { .. }) => Fit::Narrower,
            (Self::Decimal { .. } | Self::AnyDecimal, Self::Float { .. }) => Fit::Narrower,
            (Self::Integer { bits: a, .. }, Self::Float { bits: b }) => by(a >= b, true),
            (Self::Decimal { whole: a, scale: x }, Self::Decimal { whole: b, scale: y }) => by(b < a || y < x, true),
            (Self::AnyDecimal, Self::Decimal { .. }) => Fit::Narrower,
            (Self::Float { bits: a }, Self::Float { bits: b }) => by(b < a, b > a),
            (Self::Text { most: a }, Self::Text { most: b }) => by(less(a, b), less(b, a)),
            (Self::Bytes { most: a }, Self::Bytes { most: b }) => by(less(a, b), less(b, a)),
            (Self::Enumeration(a), Self::Enumeration(b)) => by(a.iter().any(|value| !b.contains(value)), true),
            (Self::Enumeration(_), Self::Text { .. }) => Fit::Wider,
            (Self::Text { .. }, Self::Enumeration(_)) => Fit::Narrower,
            (Self::Date, Self::Timestamp { .. }) => Fit::Wider,
            (Self::Timestamp { .. }, Self::Date) => Fit::Narrower,
            (Self::Other(_), _) | (_, Self::Other(_)) => Fit::Unknown,
            _ => Fit::Different,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_told_from_what_does_not() {
        let fit = |from: &str, into: &str| Kind::of(from).fits(&Kind::of(into));
        assert_eq!(fit("INT", "BIGINT"), Fit::Wider);
        assert_eq!(fit("BIGINT", "INT"), Fit::Narrower);
        assert_eq!(fit("INT UNSIGNED", "BIGINT"), Fit::Wider);
        assert_eq!(fit("INT", "INT UNSIGNED"), Fit::Narrower);
        assert_eq!(fit("VARCHAR(10)", "VARCHAR(20)"), Fit::Wider);
        assert_eq!(fit("CHARACTER VARYING(20)", "VARCHAR(10)"), Fit::Narrower);
        assert_eq!(fit("TEXT", "VARCHAR(10)"), Fit::Narrower);
        assert_eq!(fit("VARCHAR(10)", "TEXT"), Fit::Wider);
        assert_eq!(fit("NUMERIC(10,2)", "NUMERIC(12,2)"), Fit::Wider);
        assert_eq!(fit("NUMERIC(10,2)", "NUMERIC(10,4)"), Fit::Narrower);
        assert_eq!(fit("INT", "TEXT"), Fit::Different);
        assert_eq!(fit("INT", "point"), Fit::Unknown);
        assert_eq!(fit("ENUM('a','b')", "ENUM('a')"), Fit::Narrower);
        assert_eq!(fit("INT4", "INTEGER"), Fit::Same);
    }
}
