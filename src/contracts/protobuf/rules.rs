//! The rules: which promise each guards, and the smallest way to keep it.

use super::Category;

const FILE: u8 = 1;
const PACKAGE: u8 = 2;
const JSON: u8 = 4;
const WIRE: u8 = 8;
const CODE: u8 = FILE | PACKAGE;
const NAMES: u8 = CODE | JSON;
const ALL: u8 = NAMES | WIRE;

/// One thing that must stay true.
#[derive(Debug, PartialEq)]
pub(super) struct Rule {
    pub(super) name: &'static str,
    promises: u8,
    /// What keeps callers whole, as an advice.
    pub(super) fix: &'static str,
}

const fn rule(name: &'static str, promises: u8, fix: &'static str) -> Rule {
    Rule { name, promises, fix }
}

const KEEP_OPTION: &str = "keep the option as it was";
const KEEP_TYPE: &str = "add a field of the new type under a new number and mark this one as deprecated";
const KEEP_CARDINALITY: &str = "keep it as it was, or add a field under a new number";
const KEEP_FIELD: &str = "keep the field and mark it as deprecated, or reserve its number and its name";
const KEEP_VALUE: &str = "keep the value and mark it as deprecated, or reserve its number and its name";
const KEEP_IN_FILE: &str = "keep it where it is and mark it as deprecated";
const KEEP_RPC: &str = "add a method beside it and mark this one as deprecated";
const KEEP_RESERVED: &str = "keep it reserved: old messages and stored data may still carry it";
const KEEP_FEATURE: &str = "set the feature so that it stays as it was";

/// Where several rules say the same of one thing, the first speaks for all.
pub(super) const RULES: &[Rule] = &[
    rule("FILE_SAME_PACKAGE", ALL, "keep the package, and put a new one beside it in files of its own"),
    rule("PACKAGE_NO_DELETE", PACKAGE, "keep the package and mark what is in it as deprecated"),
    rule("FILE_NO_DELETE", FILE, "keep the file at its path"),
    rule("FILE_SAME_SYNTAX", CODE, "keep the syntax, or set the features that the new one has otherwise"),
    rule("MESSAGE_NO_DELETE", FILE, KEEP_IN_FILE),
    rule("PACKAGE_MESSAGE_NO_DELETE", PACKAGE, KEEP_IN_FILE),
    rule("ENUM_NO_DELETE", FILE, KEEP_IN_FILE),
    rule("PACKAGE_ENUM_NO_DELETE", PACKAGE, KEEP_IN_FILE),
    rule("SERVICE_NO_DELETE", FILE, KEEP_IN_FILE),
    rule("PACKAGE_SERVICE_NO_DELETE", PACKAGE, KEEP_IN_FILE),
    rule("EXTENSION_NO_DELETE", FILE, KEEP_IN_FILE),
    rule("PACKAGE_EXTENSION_NO_DELETE", PACKAGE, KEEP_IN_FILE),
    rule("RPC_NO_DELETE", CODE, "keep the method and mark it as deprecated"),
    rule("ONEOF_NO_DELETE", CODE, "keep the oneof"),
    rule("FIELD_NO_DELETE", CODE, KEEP_FIELD),
    rule("FIELD_NO_DELETE_UNLESS_NUMBER_RESERVED", JSON | WIRE, KEEP_FIELD),
    rule("FIELD_NO_DELETE_UNLESS_NAME_RESERVED", JSON, KEEP_FIELD),
    rule("ENUM_VALUE_NO_DELETE", CODE, KEEP_VALUE),
    rule("ENUM_VALUE_NO_DELETE_UNLESS_NUMBER_RESERVED", JSON | WIRE, KEEP_VALUE),
    rule("ENUM_VALUE_NO_DELETE_UNLESS_NAME_RESERVED", JSON, KEEP_VALUE),
    rule("FIELD_SAME_ONEOF", ALL, "keep the field where it is, and add one under a new number"),
    rule("FIELD_SAME_TYPE", CODE, KEEP_TYPE),
    rule("FIELD_WIRE_COMPATIBLE_TYPE", WIRE, KEEP_TYPE),
    rule("FIELD_WIRE_JSON_COMPATIBLE_TYPE", JSON, KEEP_TYPE),
    rule("FIELD_SAME_CARDINALITY", CODE, KEEP_CARDINALITY),
    rule("FIELD_WIRE_COMPATIBLE_CARDINALITY", WIRE, KEEP_CARDINALITY),
    rule("FIELD_WIRE_JSON_COMPATIBLE_CARDINALITY", JSON, KEEP_CARDINALITY),
    rule("MESSAGE_SAME_REQUIRED_FIELDS", ALL, "make the field optional, and check for it in code"),
    rule("FIELD_SAME_NAME", NAMES, "keep the name, or add a field under a new number"),
    rule("FIELD_SAME_JSON_NAME", NAMES, "set `json_name` to what it was"),
    rule("ENUM_VALUE_SAME_NAME", NAMES, "keep the old name as well, with `allow_alias`"),
    rule("FIELD_SAME_DEFAULT", ALL, "keep the default"),
    rule("FIELD_SAME_CPP_STRING_TYPE", CODE, KEEP_FEATURE),
    rule("FIELD_SAME_UTF8_VALIDATION", CODE, KEEP_FEATURE),
    rule("FIELD_SAME_JAVA_UTF8_VALIDATION", CODE, KEEP_FEATURE),
    rule("FIELD_SAME_JSTYPE", CODE, KEEP_OPTION),
    rule("ENUM_SAME_TYPE", CODE, KEEP_FEATURE),
    rule("ENUM_SAME_JSON_FORMAT", NAMES, KEEP_FEATURE),
    rule("MESSAGE_SAME_JSON_FORMAT", NAMES, KEEP_FEATURE),
    rule("MESSAGE_NO_REMOVE_STANDARD_DESCRIPTOR_ACCESSOR", CODE, KEEP_OPTION),
    rule("EXTENSION_MESSAGE_NO_DELETE", CODE, "keep the range: extensions elsewhere may stand in it"),
    rule("RESERVED_ENUM_NO_DELETE", ALL, KEEP_RESERVED),
    rule("RESERVED_MESSAGE_NO_DELETE", ALL, KEEP_RESERVED),
    rule("RPC_SAME_CLIENT_STREAMING", ALL, KEEP_RPC),
    rule("RPC_SAME_IDEMPOTENCY_LEVEL", ALL, KEEP_OPTION),
    rule("RPC_SAME_REQUEST_TYPE", ALL, KEEP_RPC),
    rule("RPC_SAME_RESPONSE_TYPE", ALL, KEEP_RPC),
    rule("RPC_SAME_SERVER_STREAMING", ALL, KEEP_RPC),
    rule("FILE_SAME_CC_ENABLE_ARENAS", CODE, KEEP_OPTION),
    rule("FILE_SAME_CC_GENERIC_SERVICES", CODE, KEEP_OPTION),
    rule("FILE_SAME_CSHARP_NAMESPACE", CODE, KEEP_OPTION),
    rule("FILE_SAME_GO_PACKAGE", CODE, KEEP_OPTION),
    rule("FILE_SAME_JAVA_GENERIC_SERVICES", CODE, KEEP_OPTION),
    rule("FILE_SAME_JAVA_MULTIPLE_FILES", CODE, KEEP_OPTION),
    rule("FILE_SAME_JAVA_OUTER_CLASSNAME", CODE, KEEP_OPTION),
    rule("FILE_SAME_JAVA_PACKAGE", CODE, KEEP_OPTION),
    rule("FILE_SAME_OBJC_CLASS_PREFIX", CODE, KEEP_OPTION),
    rule("FILE_SAME_OPTIMIZE_FOR", CODE, KEEP_OPTION),
    rule("FILE_SAME_PHP_CLASS_PREFIX", CODE, KEEP_OPTION),
    rule("FILE_SAME_PHP_METADATA_NAMESPACE", CODE, KEEP_OPTION),
    rule("FILE_SAME_PHP_NAMESPACE", CODE, KEEP_OPTION),
    rule("FILE_SAME_PY_GENERIC_SERVICES", CODE, KEEP_OPTION),
    rule("FILE_SAME_RUBY_PACKAGE", CODE, KEEP_OPTION),
    rule("FILE_SAME_SWIFT_PREFIX", CODE, KEEP_OPTION),
    // Kept for those who name it in a configuration; the language has no such change any more.
    rule("MESSAGE_SAME_MESSAGE_SET_WIRE_FORMAT", 0, KEEP_OPTION),
];

/// File options that end up in generated code, with the value that stands for none.
pub(super) const FILE_OPTIONS: &[(&str, &str, &str)] = &[
    ("FILE_SAME_CC_ENABLE_ARENAS", "cc_enable_arenas", "true"),
    ("FILE_SAME_CC_GENERIC_SERVICES", "cc_generic_services", "false"),
    ("FILE_SAME_CSHARP_NAMESPACE", "csharp_namespace", ""),
    ("FILE_SAME_GO_PACKAGE", "go_package", ""),
    ("FILE_SAME_JAVA_GENERIC_SERVICES", "java_generic_services", "false"),
    ("FILE_SAME_JAVA_MULTIPLE_FILES", "java_multiple_files", "false"),
    ("FILE_SAME_JAVA_OUTER_CLASSNAME", "java_outer_classname", ""),
    ("FILE_SAME_JAVA_PACKAGE", "java_package", ""),
    ("FILE_SAME_OBJC_CLASS_PREFIX", "objc_class_prefix", ""),
    ("FILE_SAME_OPTIMIZE_FOR", "optimize_for", "SPEED"),
    ("FILE_SAME_PHP_CLASS_PREFIX", "php_class_prefix", ""),
    ("FILE_SAME_PHP_METADATA_NAMESPACE", "php_metadata_namespace", ""),
    ("FILE_SAME_PHP_NAMESPACE", "php_namespace", ""),
    ("FILE_SAME_PY_GENERIC_SERVICES", "py_generic_services", "false"),
    ("FILE_SAME_RUBY_PACKAGE", "ruby_package", ""),
    ("FILE_SAME_SWIFT_PREFIX", "swift_prefix", ""),
];

/// Where a rule stands in [`RULES`].
pub(super) fn rank(name: &str) -> usize {
    RULES.iter().position(|rule| rule.name == name).unwrap_or(RULES.len() - 1)
}

impl Rule {
    /// Whether it guards a promise that is asked for.
    pub(super) fn guards(&self, categories: &[Category]) -> bool {
        categories.iter().any(|category| self.promises & bit(*category) != 0)
    }

    pub(super) fn promises(&self) -> u8 {
        self.promises
    }
}

/// Who relied on a set of promises.
pub(super) fn clients(promises: u8) -> String {
    let kinds = [
        (CODE, "code generated from it"),
        (JSON, "clients that speak JSON"),
        (WIRE, "clients and stored data in the binary format"),
    ];
    let broken: Vec<&str> = kinds.iter().filter(|(bits, _)| promises & bits != 0).map(|(_, who)| *who).collect();
    broken.join(", ")
}

fn bit(category: Category) -> u8 {
    match category {
        Category::File => FILE,
        Category::Package => PACKAGE,
        Category::WireJson => JSON,
        Category::Wire => WIRE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_have_their_rules() {
        let count = |category| RULES.iter().filter(|rule| rule.guards(&[category])).count();
        assert_eq!(count(Category::File), 51);
        assert_eq!(count(Category::Package), 51);
        assert_eq!(count(Category::WireJson), 22);
        assert_eq!(count(Category::Wire), 15);
        assert_eq!(RULES.len(), 65);
    }

    #[test]
    fn clients_are_named() {
        assert_eq!(clients(FILE | WIRE), "code generated from it, clients and stored data in the binary format");
    }
}
