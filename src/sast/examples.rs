//! Rules bring their own proof: code in which they must find something, and code in which they must not.

use super::language::Language;
use super::pack::Pack;
use super::rule::Rule;
use super::scan::{Parse, scan};

/// Runs a rule over its examples; every sentence is something that is wrong. `pack` holds the rule.
pub fn check(rule: &Rule, pack: &Pack) -> Vec<String> {
    let mut wrong = Vec::new();
    if rule.invalid.is_empty() {
        wrong.push(format!("`{}`: no `invalid` example: nothing shows that the rule finds anything", rule.id));
    }
    if rule.valid.is_empty() {
        wrong.push(format!("`{}`: no `valid` example: nothing shows that the rule leaves anything alone", rule.id));
    }
    for (expected, examples) in [(true, &rule.invalid), (false, &rule.valid)] {
        for (name, codes) in examples {
            let path = file_name(name);
            for (index, code) in codes.iter().enumerate() {
                let scan = scan(pack, path.as_bytes(), code.as_bytes(), Parse::Always);
                let list = if expected { "invalid" } else { "valid" };
                let at = format!("`{}`: {list}.{name}[{index}]", rule.id);
                if !scan.applies {
                    wrong.push(format!("{at}: no rule is for a file called `{path}`"));
                } else if let Some(unread) = scan.unread.first() {
                    let line = unread.lines.map(|(line, _)| format!(", line {line}")).unwrap_or_default();
                    wrong.push(format!("{at}: {}{line}", unread.reason));
                }
                let hit = scan.hits.iter().find(|hit| hit.rule == rule.id && hit.suppressed.is_none());
                match (expected, hit) {
                    (true, None) => wrong.push(format!("{at}: nothing was found")),
                    (false, Some(hit)) => wrong.push(format!("{at}: found in line {}: {}", hit.line, hit.text)),
                    _ => {}
                }
            }
        }
    }
    wrong
}

/// The name under which an example is read: a language stands for a file of it.
pub(super) fn file_name(name: &str) -> String {
    let ending = match name {
        "dockerfile" => return "Dockerfile".into(),
        "workflow" => return ".github/workflows/example.yml".into(),
        "sql" => "sql",
        name => match Language::named(name) {
            Some(Language::JavaScript) => "js",
            Some(Language::TypeScript) => "ts",
            Some(Language::Tsx) => "tsx",
            Some(Language::Python) => "py",
            Some(Language::Go) => "go",
            Some(Language::Rust) => "rs",
            Some(Language::Java) => "java",
            Some(Language::Bash) => "sh",
            Some(Language::Yaml) => "yml",
            None => return name.to_string(),
        },
    };
    format!("example.{ending}")
}

#[cfg(test)]
mod tests {
    use super::super::rule::{Examples, parse};
    use super::*;

    #[test]
    fn the_built_in_rules_stand_up_to_their_examples() {
        let rules: Vec<Rule> = super::super::builtin_files()
            .iter()
            .map(|(file, text)| parse(text, file, Examples::Read).unwrap())
            .collect();
        let pack = Pack::of(rules.clone());
        let mut wrong: Vec<String> = pack.check().iter().map(ToString::to_string).collect();
        wrong.extend(rules.iter().flat_map(|rule| check(rule, &pack)));
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(rules.len() >= 30, "{} rules", rules.len());
    }

    #[test]
    fn a_rule_without_proof_is_told_so() {
        let text = "id: x\ncwe: CWE-1\nseverity: low\nmessage: m\nfix: f\nmatch:\n- {languages: [python], call: danger}\ninvalid:\n  python: ['safe()']\nvalid:\n  python: ['danger()']\n";
        let rule = parse(text, "x.yml", Examples::Read).unwrap();
        let wrong = check(&rule, &Pack::of(vec![rule.clone()]));
        assert_eq!(wrong.len(), 2, "{wrong:?}");
    }
}
