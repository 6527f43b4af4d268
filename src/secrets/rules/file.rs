//! From the text of a gitleaks rule file to a [`RuleSet`], or to every problem in it with its place. Pure.
//!
//! The format is that of gitleaks 8.30, as it reads it rather than as it documents it: keys in any case, unknown keys
//! ignored, single values where lists are expected, two spellings of allowlists, two levels of inheritance. Where it
//! stops at the first mistake we name all of them; where it is silent ("unknown key", "loaded no further") we warn.
//! Whether a pattern is valid is judged by the engine's dialect, which comes in as a function.
//!
//! <https://github.com/gitleaks/gitleaks#configuration>

mod read;
mod table;

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use super::{Allowlist, Rule, RuleSet};
use read::{Draft, Extend, Level};
use table::{Notes, like, short};

/// A rule file is written by people; gitleaks' own has 100 kB. One that is larger is a mistake or an attack.
pub const MAX_BYTES: usize = 16 << 20;

/// How often a file may extend another. gitleaks silently loads no further; we say so.
pub const MAX_EXTENDS: usize = 2;

/// The version of gitleaks that `minVersion` is held against.
pub const GITLEAKS_VERSION: &str = "8.30.1";

/// What a rule file may lean on. Functions, so that loading stays pure.
#[derive(Clone, Copy)]
pub struct Outside<'a> {
    /// Reads the file that `extend.path` names; an error is a short reason ("no such file").
    pub read: &'a dyn Fn(&str) -> Result<String, String>,
    /// The rules that `extend.useDefault` means.
    pub builtin: &'a dyn Fn() -> RuleSet,
    /// How many groups a pattern of Go's RE2 dialect has; an error says what is wrong with the pattern.
    pub groups: &'a dyn Fn(&str) -> Result<usize, String>,
}

impl Outside<'static> {
    /// Extends nothing and believes every pattern: for rules that were proven before, such as the built-in ones.
    pub fn nothing() -> Outside<'static> {
        Outside {
            read: &|_| Err("files are not read here".into()),
            builtin: &RuleSet::default,
            groups: &|_| Ok(usize::MAX),
        }
    }
}

/// A rule file that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The rules. [`RuleSet::path`] is left for the caller, who knows whether there is a file.
    pub rules: RuleSet,
    /// What is odd, in the order of the files, but hinders nothing.
    pub warnings: Vec<Problem>,
}

/// Something wrong or odd at one place of a rule file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as it was named to [`load`] or by `extend.path`.
    pub file: String,
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// For instance `rules[0].allowlists[1].regexes`; empty for the file as a whole.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// A rule file that cannot be used. Every problem that can be told apart is in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))]
pub struct RuleFileError {
    /// At least one, in the order of the files.
    pub problems: Vec<Problem>,
}

impl RuleFileError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        self.problems.iter().find_map(|problem| problem.hint.clone())
    }
}

/// Reads the rule file `text`; `file` is what messages call it.
///
/// # Errors
/// No TOML, values of the wrong type, patterns that `outside.groups` refuses, rules without id or without pattern,
/// allowlists that check nothing, references to rules that do not exist, files that cannot be extended.
pub fn load(text: &str, file: &str, outside: &Outside<'_>) -> Result<Loaded, RuleFileError> {
    let mut loader = Loader { outside, problems: Notes::default(), warnings: Notes::default() };
    let level = loader.level(text, file, 0);
    loader.references(&level, true);
    for draft in &level.drafts {
        loader.meaning(draft);
    }
    if !loader.problems.is_empty() {
        return Err(RuleFileError { problems: loader.problems.into_vec() });
    }
    let rules = level.drafts.into_iter().map(|draft| draft.rule).collect();
    let rules = RuleSet { rules, allowlists: level.allowlists, path: None };
    Ok(Loaded { rules, warnings: loader.warnings.into_vec() })
}

struct Loader<'a> {
    outside: &'a Outside<'a>,
    problems: Notes,
    warnings: Notes,
}

impl Loader<'_> {
    /// The file and everything that it extends.
    fn level(&mut self, text: &str, file: &str, depth: usize) -> Level {
        let (mut level, read) = read::file(text, file, self.outside.groups);
        self.problems.extend(read.problems);
        self.warnings.extend(read.warnings);
        let extend = std::mem::take(&mut level.extend);
        if depth == MAX_EXTENDS {
            if let Some(place) = extend.path.map(|(_, place)| place).or(extend.use_default) {
                self.warnings.push(place.says(
                    "a third level of `extend` is not loaded".into(),
                    Some("gitleaks stops here as well; name the file nearer to the top".into()),
                ));
            }
        } else {
            self.extend(&mut level, extend, depth);
        }
        self.references(&level, false);
        // gitleaks looks at `targetRules` of the topmost file only.
        let targeted = std::mem::take(&mut level.targeted);
        let positions = positions(&level.drafts);
        for (target, allowlist) in targeted {
            if depth > 0 {
                self.warnings.push(target.place.says(
                    "`targetRules` in an extended file is ignored, with its allowlist".into(),
                    Some("so does gitleaks; put the allowlist into the rules themselves".into()),
                ));
                continue;
            }
            for id in target.ids {
                match positions.get(&id) {
                    Some(&position) => level.drafts[position].rule.allowlists.push(allowlist.clone()),
                    None if self.problems.full() => break,
                    None => {
                        let message = format!("`targetRules` names the rule `{}`, which does not exist", short(&id));
                        let hint = like(&id, positions.keys().map(String::as_str));
                        self.problems.push(target.place.says(message, hint));
                    }
                }
            }
        }
        level
    }

    fn extend(&mut self, level: &mut Level, extend: Extend, depth: usize) {
        let base = match (&extend.path, &extend.use_default) {
            (Some((_, place)), Some(_)) => {
                self.problems.push(place.says(
                    "both `extend.path` and `extend.useDefault` are set".into(),
                    Some("keep one; the file that `path` names may itself use the default".into()),
                ));
                return;
            }
            (Some((path, place)), None) => match (self.outside.read)(path) {
                Ok(text) => self.level(&text, path, depth + 1),
                Err(reason) => {
                    self.problems.push(place.says(
                        format!("cannot extend `{path}`: {reason}"),
                        Some("`extend.path` is relative to the folder in which the program runs".into()),
                    ));
                    return;
                }
            },
            (None, Some(place)) => Level::of((self.outside.builtin)(), place),
            (None, None) => {
                if let Some((_, place)) = extend.disabled.first() {
                    self.warnings.push(place.says("`disabledRules` does nothing: no file is extended".into(), None));
                }
                return;
            }
        };
        let known = positions(&base.drafts);
        for (id, place) in &extend.disabled {
            if !known.contains_key(id) && !self.warnings.full() {
                let id = short(id);
                let message = format!("`disabledRules` names the rule `{id}`, which the extended rules do not have");
                self.warnings.push(place.says(message, like(&id, known.keys().map(String::as_str))));
            }
        }
        let disabled: HashSet<&str> = extend.disabled.iter().map(|(id, _)| id.as_str()).collect();
        let overridden = positions(&level.drafts);
        for mut draft in base.drafts {
            draft.inherited = true;
            if disabled.contains(draft.rule.id.as_str()) {
                continue;
            }
            match overridden.get(&draft.rule.id) {
                Some(&position) => {
                    let own = &mut level.drafts[position];
                    if let Some((key, place)) = &own.unmerged {
                        let message = format!("rule `{}`: `{key}` of an extended rule is ignored", short(&own.rule.id));
                        self.warnings.push(place.says(
                            message,
                            Some("so does gitleaks; disable the rule and write it anew under another id".into()),
                        ));
                    }
                    own.inherited = true;
                    own.rule = merged(draft.rule, std::mem::take(&mut own.rule));
                }
                None => level.drafts.push(draft),
            }
        }
        level.allowlists.extend(base.allowlists);
        level.drafts.sort_by(|a, b| a.rule.id.cmp(&b.rule.id));
    }

    /// Every rule that a composite rule needs must be there: in its own file or in what that file extends.
    fn references(&mut self, level: &Level, inherited: bool) {
        let known = positions(&level.drafts);
        for draft in level.drafts.iter().filter(|draft| draft.inherited == inherited) {
            for required in &draft.rule.required {
                if known.contains_key(&required.id) || self.problems.full() {
                    continue;
                }
                let (id, needed) = (short(&draft.rule.id), short(&required.id));
                let message = format!("rule `{id}` requires the rule `{needed}`, which does not exist");
                // It was there when its own file was read, and is disabled since: worth a word, but no mistake.
                match inherited {
                    true => self.warnings.push(draft.place.says(message, Some("it will find nothing".into()))),
                    false => {
                        let hint = like(&required.id, known.keys().map(String::as_str));
                        self.problems.push(draft.place.says(message, hint));
                    }
                }
            }
        }
    }

    /// What one table cannot tell, because half of the rule may stand in another file.
    fn meaning(&mut self, draft: &Draft) {
        let rule = &draft.rule;
        if rule.id.trim().is_empty() {
            let hint = "add one that is unique, such as `id = \"acme-token\"`";
            self.problems.push(draft.place.says("this rule has no `id`".into(), Some(hint.into())));
            return;
        }
        let Some(regex) = &rule.regex else {
            if rule.path.is_none() {
                let message =
                    format!("rule `{}` has neither `regex` nor `path`: it can match nothing", short(&rule.id));
                let hint = "a rule that changes an inherited one needs `[extend]` and the same id";
                self.problems.push(draft.place.says(message, Some(hint.into())));
            }
            return;
        };
        if rule.secret_group == 0 {
            return;
        }
        // A pattern that is refused was reported where it stands.
        if let Ok(groups) = (self.outside.groups)(regex)
            && rule.secret_group > groups
        {
            let (id, group) = (short(&rule.id), rule.secret_group);
            let has = match groups {
                0 => "no groups".to_string(),
                1 => "one group".to_string(),
                _ => format!("{groups} groups"),
            };
            let place = draft.secret_group.as_ref().unwrap_or(&draft.place);
            self.problems.push(place.says(
                format!("rule `{id}`: `secretGroup` is {group}, but the regex has {has}"),
                Some("groups are counted by their opening parentheses; `(?:` does not count".into()),
            ));
        }
    }
}

/// The rule `base`, changed by the rule `own` that extends it.
fn merged(base: Rule, own: Rule) -> Rule {
    let join = |mut base: Vec<String>, own: Vec<String>| {
        base.extend(own);
        base
    };
    let mut allowlists: Vec<Allowlist> = base.allowlists;
    allowlists.extend(own.allowlists);
    Rule {
        id: base.id,
        description: if own.description.is_empty() { base.description } else { own.description },
        regex: own.regex.or(base.regex),
        path: own.path.or(base.path),
        secret_group: if own.secret_group == 0 { base.secret_group } else { own.secret_group },
        entropy: if own.entropy == 0.0 { base.entropy } else { own.entropy },
        keywords: join(base.keywords, own.keywords),
        tags: join(base.tags, own.tags),
        skip_report: base.skip_report,
        allowlists,
        required: base.required,
        source: own.source.or(base.source),
        revoke: own.revoke.or(base.revoke),
    }
}

/// Where each id stands.
fn positions(drafts: &[Draft]) -> BTreeMap<String, usize> {
    drafts.iter().enumerate().map(|(position, draft)| (draft.rule.id.clone(), position)).collect()
}

#[cfg(test)]
mod tests;
