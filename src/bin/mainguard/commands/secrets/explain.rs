//! `mainguard secrets explain`: what a leak is, how to revoke it, how to get it out of history.

use std::fmt::Write;

use mainguard::secrets::{Rule, RuleSet};

use crate::console::Hinted;

/// What a person asks about: a rule, or a place where it found something.
struct Question<'a> {
    commit: Option<&'a str>,
    file: Option<&'a str>,
    rule: &'a str,
    line: Option<&'a str>,
}

impl<'a> Question<'a> {
    /// `rule`, `file:rule:line` or `commit:file:rule:line`; a file may hold colons.
    fn parse(text: &'a str, rules: &RuleSet) -> Question<'a> {
        let bare = Question { commit: None, file: None, rule: text, line: None };
        let Some((rest, line)) = text.rsplit_once(':') else { return bare };
        let Some((file, rule)) = rest.rsplit_once(':') else { return bare };
        if !line.bytes().all(|byte| byte.is_ascii_digit()) || rules.get(rule).is_none() {
            return bare;
        }
        let is_id = |text: &str| matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let (commit, file) = match file.split_once(':') {
            Some((commit, file)) if is_id(commit) => (Some(commit), file),
            _ => (None, file),
        };
        Question { commit, file: Some(file), rule, line: Some(line) }
    }
}

/// The answer, for people.
pub(crate) fn explain(what: &str, rules: &RuleSet) -> anyhow::Result<String> {
    let question = Question::parse(what.trim(), rules);
    let Some(rule) = rules.get(question.rule) else {
        let ids = rules.rules.iter().map(|rule| rule.id.as_str());
        let hint = match mainguard::text::nearest(question.rule, ids) {
            Some(known) => format!("did you mean `{known}`?"),
            None => "`mainguard rules list` lists all rules".into(),
        };
        return Err(Hinted::error(format!("there is no rule `{}`", question.rule), hint));
    };
    let mut text = about(rule);
    let file = question.file.unwrap_or("PATH/TO/FILE");
    if let (Some(file), Some(line)) = (question.file, question.line) {
        let _ = write!(text, "\nFound in {file}, line {line}");
        let _ = match question.commit {
            Some(commit) => writeln!(text, ", of commit {commit}.\nLook at it:  git show {commit} -- {}", quoted(file)),
            None => writeln!(text, "."),
        };
    }
    let _ =
        writeln!(text, "\n1. Revoke it. Whoever saw it can use it until then, and removing it from git does not help.");
    let _ = match &rule.revoke {
        Some(place) => writeln!(text, "   {place}"),
        None => writeln!(text, "   Ask whoever issued it for the place; create a new one only after that."),
    };
    let _ = writeln!(text, "2. Look through the issuer's log for uses that were not yours.");
    let _ = writeln!(text, "3. Take it out of the code: read it from the environment or a secret store.");
    let _ = writeln!(
        text,
        "4. If it must leave history too, rewrite a fresh clone, and tell everybody to clone again:\n     \
         git clone --mirror URL rewrite.git && cd rewrite.git\n     \
         printf '%s' 'THE-SECRET==>REMOVED' > ../replacements.txt\n     \
         git filter-repo --replace-text ../replacements.txt\n   \
         or, if the whole file has to go:\n     \
         git filter-repo --invert-paths --path {}\n   \
         then:  git push --mirror URL\n   \
         A forge keeps pull requests and caches: ask its support to purge them.",
        quoted(file)
    );
    let fingerprint = question.file.map_or("FILE:RULE:LINE", |_| what.trim());
    let _ = writeln!(
        text,
        "\nNot a secret? Write `gitleaks:allow` into its line, or this into .gitleaksignore:\n   {}",
        mainguard::text::visible(fingerprint)
    );
    Ok(text)
}

/// A rule as people see it.
pub(crate) fn about(rule: &Rule) -> String {
    let mut text = format!("{}\n{}\n", rule.id, rule.description);
    let mut row = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "  {name:9} {value}");
        }
    };
    row("format", rule.source.as_deref().unwrap_or_default());
    row("pattern", rule.regex.as_deref().unwrap_or_default());
    row("path", rule.path.as_deref().unwrap_or_default());
    row("keywords", &rule.keywords.join(", "));
    if rule.entropy > 0.0 {
        row("entropy", &format!("more than {}", rule.entropy));
    }
    row("tags", &rule.tags.join(", "));
    text
}

/// One word for a POSIX shell, whatever is in it.
fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+=@%,".contains(&byte);
    match !text.is_empty() && !text.starts_with('-') && text.bytes().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", mainguard::text::visible(text).replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> RuleSet {
        let rule = Rule { id: "a-rule".into(), description: "A rule".into(), ..Rule::default() };
        RuleSet { rules: vec![rule], ..RuleSet::default() }
    }

    #[test]
    fn a_fingerprint_is_taken_apart_from_its_end() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let text = format!("{commit}:dir/a:b.txt:a-rule:12");
        let rules = rules();
        let question = Question::parse(&text, &rules);
        assert_eq!((question.commit, question.file), (Some(commit), Some("dir/a:b.txt")));
        assert_eq!((question.rule, question.line), ("a-rule", Some("12")));
        assert_eq!(Question::parse("a-rule", &rules).file, None);
    }

    #[test]
    fn a_hostile_name_stays_one_word() {
        assert_eq!(quoted("src/a.rs"), "src/a.rs");
        assert_eq!(quoted("a'; rm -rf $HOME #"), r"'a'\''; rm -rf $HOME #'");
        assert_eq!(quoted("-rf"), "'-rf'");
    }
}
