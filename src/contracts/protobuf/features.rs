//! What a declaration inherits: the defaults of its language, and what editions let a file change, one level at a time.
//!
//! <https://protobuf.dev/editions/features/>.

use super::model::{Opt, Syntax};

/// One thing that editions made a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Feature {
    FieldPresence,
    EnumType,
    Utf8Validation,
    MessageEncoding,
    JsonFormat,
    CppStringType,
    JavaUtf8Validation,
}

/// Name, values, and the defaults of proto2, proto3, edition 2023 and edition 2024.
type Row = (&'static str, &'static [&'static str], [usize; 4]);

/// In the order of [`Feature`].
const TABLE: [Row; 7] = [
    ("features.field_presence", &["EXPLICIT", "IMPLICIT", "LEGACY_REQUIRED"], [0, 1, 0, 0]),
    ("features.enum_type", &["OPEN", "CLOSED"], [1, 0, 0, 0]),
    ("features.utf8_validation", &["VERIFY", "NONE"], [1, 0, 0, 0]),
    ("features.message_encoding", &["LENGTH_PREFIXED", "DELIMITED"], [0, 0, 0, 0]),
    ("features.json_format", &["ALLOW", "LEGACY_BEST_EFFORT"], [1, 0, 0, 0]),
    ("features.(pb.cpp).string_type", &["STRING", "VIEW", "CORD"], [0, 0, 0, 1]),
    ("features.(pb.java).utf8_validation", &["DEFAULT", "VERIFY"], [0, 0, 0, 0]),
];

impl Feature {
    /// The option that sets it.
    pub(super) fn option(self) -> &'static str {
        TABLE[self as usize].0
    }
}

/// The value of every feature at one declaration.
#[derive(Clone, Copy, Debug)]
pub(super) struct Features {
    values: [&'static str; 7],
    /// Whether something below the file set it.
    own: [bool; 7],
}

impl Features {
    /// At the top of a file.
    pub(super) fn of_file(syntax: Syntax, options: &[Opt]) -> Self {
        let column = match syntax {
            Syntax::Proto2 => 0,
            Syntax::Proto3 => 1,
            Syntax::Edition(year) if year < 2024 => 2,
            Syntax::Edition(_) => 3,
        };
        let values = std::array::from_fn(|row| TABLE[row].1[TABLE[row].2[column]]);
        let set = Self { values, own: [false; 7] }.below(options);
        Self { own: [false; 7], ..set }
    }

    /// At a declaration with these options. Only editions know such options.
    pub(super) fn below(mut self, options: &[Opt]) -> Self {
        for option in options.iter().filter(|option| option.name.starts_with("features.")) {
            let Some(row) = TABLE.iter().position(|(name, ..)| *name == option.name) else { continue };
            if let Some(value) = TABLE[row].1.iter().find(|value| value.as_bytes() == option.value) {
                self.values[row] = value;
                self.own[row] = true;
            }
        }
        self
    }

    pub(super) fn get(&self, feature: Feature) -> &'static str {
        self.values[feature as usize]
    }

    /// Whether all values are the same, wherever they come from.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.values == other.values
    }

    /// Whether the file decides, by its language or by an option of its own.
    pub(super) fn stands_at_file(&self, feature: Feature) -> bool {
        !self.own[feature as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contracts::protobuf::lexer::Span;

    fn set(name: &str, value: &str) -> [Opt; 1] {
        [Opt { name: name.into(), value: value.into(), span: Span::default() }]
    }

    #[test]
    fn the_nearest_setting_wins() {
        let file = Features::of_file(Syntax::Edition(2023), &set("features.field_presence", "IMPLICIT"));
        assert_eq!(file.get(Feature::FieldPresence), "IMPLICIT");
        assert!(file.stands_at_file(Feature::FieldPresence));
        let field = file.below(&set("features.field_presence", "LEGACY_REQUIRED"));
        assert_eq!(field.get(Feature::FieldPresence), "LEGACY_REQUIRED");
        assert!(!field.stands_at_file(Feature::FieldPresence));
        assert_eq!(field.get(Feature::EnumType), "OPEN");
    }

    #[test]
    fn languages_have_defaults() {
        let of = |syntax, feature| Features::of_file(syntax, &[]).get(feature);
        assert_eq!(of(Syntax::Proto2, Feature::EnumType), "CLOSED");
        assert_eq!(of(Syntax::Proto3, Feature::FieldPresence), "IMPLICIT");
        assert_eq!(of(Syntax::Edition(2024), Feature::CppStringType), "VIEW");
        assert_eq!(Feature::JsonFormat.option(), "features.json_format");
    }
}
