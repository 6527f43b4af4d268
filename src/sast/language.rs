//! The languages whose grammar is built in, and what their syntax trees call the things that rules speak of.

use std::borrow::Cow;
use std::sync::OnceLock;

use ast_grep_core::language::Language as AstGrepLanguage;
use ast_grep_core::matcher::{Pattern, PatternBuilder, PatternError};
use ast_grep_core::tree_sitter::{LanguageExt, StrDoc, TSLanguage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A language with a grammar. Without its cargo feature it is known by name, and its files cannot be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// JavaScript, with JSX.
    #[serde(alias = "js")]
    JavaScript,
    /// TypeScript.
    #[serde(alias = "ts")]
    TypeScript,
    /// TypeScript with JSX.
    Tsx,
    /// Python 3.
    #[serde(alias = "py")]
    Python,
    /// Go.
    Go,
    /// Rust.
    #[serde(alias = "rs")]
    Rust,
    /// Java.
    Java,
    /// Bash and POSIX shells.
    #[serde(alias = "shell", alias = "sh")]
    Bash,
    /// YAML.
    #[serde(alias = "yml")]
    Yaml,
}

impl Language {
    /// All of them.
    pub const ALL: [Language; 9] = [
        Language::JavaScript,
        Language::TypeScript,
        Language::Tsx,
        Language::Python,
        Language::Go,
        Language::Rust,
        Language::Java,
        Language::Bash,
        Language::Yaml,
    ];

    /// The name in rule files.
    pub fn name(self) -> &'static str {
        match self {
            Language::JavaScript => "javascript",
            Language::TypeScript => "typescript",
            Language::Tsx => "tsx",
            Language::Python => "python",
            Language::Go => "go",
            Language::Rust => "rust",
            Language::Java => "java",
            Language::Bash => "bash",
            Language::Yaml => "yaml",
        }
    }

    /// The language of this name or of one of its short forms.
    pub fn named(name: &str) -> Option<Language> {
        Some(match name {
            "js" => Language::JavaScript,
            "ts" => Language::TypeScript,
            "py" => Language::Python,
            "rs" => Language::Rust,
            "sh" | "shell" => Language::Bash,
            "yml" => Language::Yaml,
            name => return Language::ALL.into_iter().find(|language| language.name() == name),
        })
    }

    /// Whether `rule` languages read the same: what is written for JavaScript holds for TypeScript and TSX.
    pub fn is_script(self) -> bool {
        matches!(self, Language::JavaScript | Language::TypeScript | Language::Tsx)
    }

    /// The language of a file by its name, and where the name says nothing by its first line.
    pub fn of(path: &[u8], text: &[u8]) -> Option<Language> {
        let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
        let ending = name.iter().rposition(|&byte| byte == b'.').map(|dot| name[dot + 1..].to_ascii_lowercase());
        let by_name = match ending.as_deref() {
            Some(b"js" | b"jsx" | b"mjs" | b"cjs") => Some(Language::JavaScript),
            Some(b"ts" | b"mts" | b"cts") => Some(Language::TypeScript),
            Some(b"tsx") => Some(Language::Tsx),
            // `.pyi` declares and runs nothing.
            Some(b"py" | b"pyw") => Some(Language::Python),
            Some(b"go") => Some(Language::Go),
            Some(b"rs") => Some(Language::Rust),
            Some(b"java") => Some(Language::Java),
            Some(b"sh" | b"bash" | b"ksh" | b"bats") => Some(Language::Bash),
            Some(b"yml" | b"yaml") => Some(Language::Yaml),
            _ => None,
        };
        by_name.or_else(|| by_first_line(text))
    }

    /// The grammar; `None` when it was left out of this build.
    pub fn grammar(self) -> Option<TSLanguage> {
        match self {
            #[cfg(feature = "lang-javascript")]
            Language::JavaScript => Some(tree_sitter_javascript::LANGUAGE.into()),
            #[cfg(feature = "lang-typescript")]
            Language::TypeScript => Some(tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into()),
            #[cfg(feature = "lang-typescript")]
            Language::Tsx => Some(tree_sitter_typescript::LANGUAGE_TSX.into()),
            #[cfg(feature = "lang-python")]
            Language::Python => Some(tree_sitter_python::LANGUAGE.into()),
            #[cfg(feature = "lang-go")]
            Language::Go => Some(tree_sitter_go::LANGUAGE.into()),
            #[cfg(feature = "lang-rust")]
            Language::Rust => Some(tree_sitter_rust::LANGUAGE.into()),
            #[cfg(feature = "lang-java")]
            Language::Java => Some(tree_sitter_java::LANGUAGE.into()),
            #[cfg(feature = "lang-bash")]
            Language::Bash => Some(tree_sitter_bash::LANGUAGE.into()),
            #[cfg(feature = "lang-yaml")]
            Language::Yaml => Some(tree_sitter_yaml::LANGUAGE.into()),
            #[allow(unreachable_patterns, reason = "reached when a language's feature is off")]
            _ => None,
        }
    }

    /// What each kind of node is to us, by the number that the grammar gives it.
    pub(super) fn roles(self) -> &'static [Role] {
        static TABLES: [OnceLock<Vec<Role>>; 9] = [const { OnceLock::new() }; 9];
        TABLES[self as usize].get_or_init(|| {
            let Some(grammar) = self.grammar() else { return Vec::new() };
            let count = grammar.node_kind_count() as u16;
            (0..count)
                .map(|id| match grammar.node_kind_is_named(id) {
                    true => grammar.node_kind_for_id(id).map_or(Role::Other, |kind| Role::of(self, kind)),
                    false => Role::Other,
                })
                .collect()
        })
    }
}

fn by_first_line(text: &[u8]) -> Option<Language> {
    let line = text.strip_prefix(b"#!")?;
    let end = line.iter().position(|&byte| byte == b'\n').unwrap_or(line.len()).min(120);
    let line = std::str::from_utf8(&line[..end]).ok()?;
    let mut words = line.split_ascii_whitespace().map(|word| word.rsplit('/').next().unwrap_or(word));
    let program = match words.next()? {
        "env" => words.find(|word| !word.starts_with('-') && !word.contains('='))?,
        program => program,
    };
    match program.trim_end_matches(|character: char| character.is_ascii_digit() || character == '.') {
        "sh" | "bash" | "dash" | "ksh" | "zsh" | "ash" => Some(Language::Bash),
        "python" => Some(Language::Python),
        "node" | "nodejs" | "deno" | "bun" => Some(Language::JavaScript),
        _ => None,
    }
}

/// What a node of the syntax tree is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A function is called, or an object is made.
    Call,
    /// A macro is called; its arguments are tokens.
    Macro,
    /// A name gets a value: declaration, assignment, loop variable.
    Binding,
    /// A name gets more of a value, as in `sql += …`.
    Growth,
    /// A parameter with a type.
    Parameter,
    /// Names are brought in from elsewhere.
    Import,
    /// A function: the scope of its names.
    Function,
    /// A condition: what was looked at there may have been checked.
    Condition,
    /// A comment.
    Comment,
    /// The text could not be read here.
    Error,
    /// Anything else.
    Other,
}

impl Role {
    fn of(language: Language, kind: &str) -> Role {
        match kind {
            "call_expression" | "new_expression" | "call" | "method_invocation" | "object_creation_expression" => {
                Role::Call
            }
            "macro_invocation" => Role::Macro,
            "comment" | "line_comment" | "block_comment" | "html_comment" => Role::Comment,
            "variable_declarator"
            | "assignment_expression"
            | "assignment"
            | "named_expression"
            | "for_statement"
            | "for_in_statement"
            | "for_in_clause"
            | "short_var_declaration"
            | "assignment_statement"
            | "var_spec"
            | "const_spec"
            | "range_clause"
            | "let_declaration"
            | "const_item"
            | "static_item"
            | "for_expression"
            | "enhanced_for_statement"
            | "as_pattern" => match (language, kind) {
                // Go and Java call the loop without a range by this name too: it binds nothing itself.
                (Language::Go | Language::Java, "for_statement") => Role::Other,
                (Language::Rust, "as_pattern") => Role::Other,
                _ => Role::Binding,
            },
            "augmented_assignment_expression" | "augmented_assignment" | "compound_assignment_expr" => Role::Growth,
            "formal_parameter"
            | "parameter_declaration"
            | "required_parameter"
            | "optional_parameter"
            | "typed_parameter"
            | "typed_default_parameter"
            | "parameter" => Role::Parameter,
            "import_statement" | "import_from_statement" | "import_spec" | "use_declaration" => Role::Import,
            "function_declaration"
            | "function_expression"
            | "generator_function"
            | "generator_function_declaration"
            | "arrow_function"
            | "method_definition"
            | "function_definition"
            | "lambda"
            | "method_declaration"
            | "constructor_declaration"
            | "lambda_expression"
            | "func_literal"
            | "function_item"
            | "closure_expression" => Role::Function,
            "if_statement" | "if_expression" | "elif_clause" | "assert_statement" | "guard" | "unless" => {
                Role::Condition
            }
            "ERROR" => Role::Error,
            _ => Role::Other,
        }
    }
}

impl AstGrepLanguage for Language {
    fn pre_process_pattern<'q>(&self, query: &'q str) -> Cow<'q, str> {
        let expando = self.expando_char();
        match expando {
            '$' => Cow::Borrowed(query),
            expando => Cow::Owned(with_expando(query, expando)),
        }
    }

    /// Where `$` cannot begin a name, a letter that nobody uses stands for it inside patterns.
    fn expando_char(&self) -> char {
        match self {
            Language::JavaScript | Language::TypeScript | Language::Tsx | Language::Java => '$',
            Language::Bash | Language::Yaml => '$',
            Language::Python | Language::Go | Language::Rust => 'µ',
        }
    }

    fn kind_to_id(&self, kind: &str) -> u16 {
        self.grammar().map_or(0, |grammar| grammar.id_for_node_kind(kind, true))
    }

    fn field_to_id(&self, field: &str) -> Option<u16> {
        self.grammar()?.field_id_for_name(field).map(|id| id.get())
    }

    fn build_pattern(&self, builder: &PatternBuilder) -> Result<Pattern, PatternError> {
        builder.build(|source| StrDoc::try_new(source, *self))
    }
}

impl LanguageExt for Language {
    fn get_ts_language(&self) -> TSLanguage {
        match self.grammar() {
            Some(grammar) => grammar,
            // Files and rules of a language without a grammar are turned away before anything is parsed.
            None => unreachable!("{} has no grammar in this build", self.name()),
        }
    }
}

/// `$NAME` and `$$$NAME` with another first letter; a `$` that begins no metavariable stays.
fn with_expando(query: &str, expando: char) -> String {
    let mut text = String::with_capacity(query.len() + 8);
    let mut dollars = 0;
    for character in query.chars() {
        if character == '$' {
            dollars += 1;
            continue;
        }
        let variable = matches!(character, 'A'..='Z' | '_') || dollars == 3;
        let sign = if variable { expando } else { '$' };
        text.extend(std::iter::repeat_n(sign, dollars));
        dollars = 0;
        text.push(character);
    }
    let sign = if dollars == 3 { expando } else { '$' };
    text.extend(std::iter::repeat_n(sign, dollars));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_an_ending_is_known_by_its_first_line() {
        let of = |path: &str, text: &str| Language::of(path.as_bytes(), text.as_bytes());
        assert_eq!(of("bin/run", "#!/usr/bin/env -S python3.12 -u\n"), Some(Language::Python));
        assert_eq!(of("bin/run", "#!/bin/sh\n"), Some(Language::Bash));
        assert_eq!(of("src/a.TSX", ""), Some(Language::Tsx));
        assert_eq!(of("README", "# title\n"), None);
    }

    #[test]
    fn every_language_has_calls_in_its_table() {
        for language in
            [Language::JavaScript, Language::Tsx, Language::Python, Language::Go, Language::Rust, Language::Java]
        {
            assert!(language.roles().contains(&Role::Call), "{}", language.name());
            assert!(language.roles().contains(&Role::Function), "{}", language.name());
        }
    }

    #[test]
    fn metavariables_get_a_letter_that_the_grammar_takes() {
        assert_eq!(with_expando("f($A, $$$REST, $$$)", 'µ'), "f(µA, µµµREST, µµµ)");
        assert_eq!(with_expando("\"$1\"", 'µ'), "\"$1\"");
    }
}
