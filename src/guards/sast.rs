//! Dangerous code that a change brings in.
//!
//! Both sides of every changed file are looked through, and what the base had too does not count: nobody has to answer
//! for what was there. The rules are those of the base.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::change::{FileChange, RepoPath};
use crate::finding::{Finding, Fingerprint, Level, Location, Place, RuleId, RuleInfo, Span};
use crate::sast::fresh::{self, Pair};
use crate::sast::ignore_file::{self, IgnoreFile};
use crate::sast::{External, Form, Hit, Pack, Parse, Rule, RuleError, Scan, Severity, Suppression, Task, scan_all};

/// The rules of the guard itself. What it finds is called `sast/` and the id of the rule that found it.
pub const RULES: &[RuleInfo] = &[
    RuleInfo {
        id: "sast/*",
        level: Level::Error,
        summary: "the change brings in code that is dangerous",
        help: "The finding says what is wrong and what to write instead. Rules of severity `high` and `medium` block, those \
               of `low` warn; `sast.fail_at` moves that line. Where the code is right all the same, say why beside it: \
               `mainguard-ignore: RULE -- reason` (a bare `nosemgrep: RULE` counts too). Files named in `.semgrepignore` \
               are not looked at; without that file Semgrep's own template holds. `mainguard sast` looks at whole trees.",
    },
    RuleInfo {
        id: "sast/not-checked",
        level: Level::Error,
        summary: "a part of the change could not be read as code, so nobody looked at it",
        help: "The lines that the change adds cannot be parsed, or the file is too large. Correct the syntax. If the file is \
               no source code, name it in `.semgrepignore` or `.mainguardignore`; a level of `warning` under `levels` lets it \
               pass.",
    },
    RuleInfo {
        id: "sast/unused-suppression",
        level: Level::Warning,
        summary: "a comment lets off something that is not there",
        help: "A `mainguard-ignore` or a `nosemgrep` with one of our rules covers no finding, or lacks its rule or its \
               reason. Take it out, so that it does not hide what comes later: `mainguard-ignore: RULE -- reason`.",
    },
];

const NOT_CHECKED: RuleId = RuleId::new("sast/not-checked");
const UNUSED: RuleId = RuleId::new("sast/unused-suppression");

/// More findings than anybody reads.
const MOST_FINDINGS: usize = 500;

/// The section `sast` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whether the guard runs.
    pub enabled: bool,
    /// A folder of rule files (`*.yml`), or one file, beside the built-in rules.
    pub rules: Option<String>,
    /// Rules or classes that are not used, by id.
    pub off: Vec<String>,
    /// The mildest severity that blocks; what is milder warns.
    pub fail_at: Severity,
    /// Other scanners to ask where they are installed.
    pub external: Vec<Scanner>,
    /// What Semgrep is told to use: a file or folder of the repository, or a name it knows such as `p/default`.
    pub semgrep_config: String,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            enabled: true,
            rules: None,
            off: Vec::new(),
            fail_at: Severity::Medium,
            external: Vec::new(),
            semgrep_config: "p/default".into(),
        }
    }
}

/// A scanner of somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scanner {
    /// Semgrep, from PATH.
    Semgrep,
}

/// What the guard judges by.
#[derive(Clone)]
pub struct Rules {
    /// The rules.
    pub pack: Arc<Pack>,
    /// Files that are not looked at.
    pub ignore: IgnoreFile,
    /// The mildest severity that blocks.
    pub fail_at: Severity,
    /// What other scanners found.
    pub external: Vec<External>,
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pack.fmt(f)
    }
}

/// Why there is nothing to judge by.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// Rule files are wrong.
    #[error("the rules for code cannot be used: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Files(Vec<RuleError>),
    /// The configuration names what is not there.
    #[error("`sast.rules` names `{0}`, which is not there")]
    Missing(String),
}

impl RulesError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            RulesError::Files(errors) => errors.first().and_then(RuleError::hint),
            RulesError::Missing(_) => Some("correct the path, or take the key out".into()),
        }
    }
}

impl Rules {
    /// The built-in rules and those that the configuration names; `None` when the guard is turned off. `read` gives
    /// the content of a file at the base, `list` the names of what stands in a folder.
    ///
    /// # Errors
    /// [`RulesError`], and whatever `read` and `list` fail with.
    pub fn load<E: From<RulesError>>(
        config: &Config,
        mut read: impl FnMut(&str) -> Result<Option<Vec<u8>>, E>,
        mut list: impl FnMut(&str) -> Result<Vec<String>, E>,
    ) -> Result<Option<Rules>, E> {
        if !config.enabled {
            return Ok(None);
        }
        let mut pack = Pack::builtin();
        if let Some(path) = &config.rules {
            let path = path.trim_end_matches('/').trim_start_matches("./");
            let mut files = Vec::new();
            match read(path)? {
                Some(text) => files.push((path.to_string(), text)),
                None => {
                    let mut names = list(path)?;
                    names.retain(|name| name.ends_with(".yml") || name.ends_with(".yaml"));
                    names.sort();
                    for name in names {
                        let file = format!("{path}/{name}");
                        let text = read(&file)?;
                        files.extend(text.map(|text| (file, text)));
                    }
                }
            }
            if files.is_empty() {
                return Err(RulesError::Missing(path.to_string()).into());
            }
            pack = pack.with(custom(&files)?);
        }
        if !config.off.is_empty() {
            pack = pack.without(&config.off);
        }
        let ignore = match read(ignore_file::NAME)? {
            None => IgnoreFile::template(),
            Some(text) => {
                let include = |file: &str| -> Option<String> {
                    // Only what git itself ignores is usually included; another file is read the same way.
                    (file == ".gitignore").then(String::new)
                };
                let text = String::from_utf8_lossy(&text);
                let gitignore = match text.contains(":include .gitignore") {
                    true => read(".gitignore")?.map(|text| String::from_utf8_lossy(&text).into_owned()),
                    false => None,
                };
                IgnoreFile::parse(&text, |file| {
                    gitignore.clone().filter(|_| file == ".gitignore").or_else(|| include(file))
                })
            }
        };
        Ok(Some(Rules { pack: Arc::new(pack), ignore, fail_at: config.fail_at, external: Vec::new() }))
    }
}

/// Rule files of a repository, compiled once to see that they can be.
fn custom(files: &[(String, Vec<u8>)]) -> Result<Vec<Rule>, RulesError> {
    let mut rules = Vec::new();
    let mut problems = Vec::new();
    for (file, text) in files {
        match crate::sast::parse(&String::from_utf8_lossy(text), file, crate::sast::Examples::Leave) {
            Ok(rule) => rules.push(rule),
            Err(error) => problems.push(error),
        }
    }
    problems.extend(Pack::of(rules.clone()).check());
    match problems.is_empty() {
        true => Ok(rules),
        false => Err(RulesError::Files(problems)),
    }
}

/// What the guard came to.
#[derive(Debug, Default)]
pub struct Found {
    /// What the change brings in.
    pub findings: Vec<Finding>,
    /// What a comment lets off, with its reason.
    pub let_off: Vec<(Finding, String)>,
}

/// Holds both sides of every changed file against the rules, and adds what other scanners found.
pub fn check(files: &[FileChange], rules: &Rules, threads: usize) -> Found {
    let mut found = Found::default();
    let looked_at: Vec<&FileChange> = files.iter().filter(|file| !rules.ignore.covers(&file.path.to_text())).collect();
    let mut heads = sides(&looked_at, rules, threads, Side::Head);
    let any =
        !rules.external.is_empty() || heads.iter().any(|scan| !scan.hits.is_empty() || !scan.suppressions.is_empty());
    // Without a finding at the head there is nothing that the base could excuse.
    let mut bases = match any {
        true => sides(&looked_at, rules, threads, Side::Base),
        false => vec![Scan::default(); looked_at.len()],
    };
    for external in &rules.external {
        if let Some(index) = looked_at.iter().position(|file| file.path.as_bytes() == external.path) {
            bases[index].hits.extend(external.base.iter().cloned());
            heads[index].hits.extend(external.head.iter().cloned());
        }
    }
    for (file, scan) in looked_at.iter().zip(&heads) {
        not_checked(file, scan, &mut found.findings);
    }
    for suppressed in [false, true] {
        let counts = |hit: &&Hit| suppressed || hit.suppressed.is_none();
        let pairs: Vec<Pair<'_>> = (0..looked_at.len())
            .map(|index| Pair {
                base: bases[index].hits.iter().filter(counts).collect(),
                head: heads[index].hits.iter().filter(|hit| hit.suppressed.is_some() == suppressed).collect(),
                added: looked_at[index].added_lines().iter().map(|(line, _)| *line).collect(),
            })
            .collect();
        for (index, new) in fresh::fresh(&pairs).into_iter().enumerate() {
            for number in new {
                let (hit, scan) = (pairs[index].head[number], &heads[index]);
                let ordinal = fresh::ordinal(&pairs[index].head, number);
                let finding = finding(hit, &looked_at[index].path, head_of(looked_at[index]), ordinal, rules);
                match hit.suppressed.and_then(|index| scan.suppressions.get(index)) {
                    Some(suppression) => found.let_off.push((finding, suppression.words())),
                    None => found.findings.push(finding),
                }
            }
        }
    }
    for (index, file) in looked_at.iter().enumerate() {
        unused(file, &heads[index], &bases[index], rules, &mut found.findings);
    }
    let over = found.findings.len().saturating_sub(MOST_FINDINGS);
    if over > 0 {
        found.findings.truncate(MOST_FINDINGS);
        found.findings.push(Finding {
            rule: NOT_CHECKED,
            level: Level::Error,
            message: format!("{over} more findings are not listed"),
            location: None,
            fingerprint: Fingerprint::of(&NOT_CHECKED, &[b"over"]),
            help: Some("look at the ones above first; generated files may want a line in `.semgrepignore`".into()),
        });
    }
    found
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Base,
    Head,
}

fn sides(files: &[&FileChange], rules: &Rules, threads: usize, side: Side) -> Vec<Scan> {
    let tasks: Vec<Task<'_>> = files
        .iter()
        .map(|file| {
            let (blob, path, parse) = match side {
                Side::Base => (&file.base, file.old_path.as_ref().unwrap_or(&file.path), Parse::IfNeeded),
                Side::Head => (&file.head, &file.path, Parse::Always),
            };
            let data = blob.as_ref().and_then(|blob| blob.data.as_deref()).unwrap_or_default();
            (path.as_bytes(), data, parse)
        })
        .collect();
    scan_all(&rules.pack, &tasks, threads)
}

/// What nobody could look at, if the change has a part in it.
fn not_checked(file: &FileChange, scan: &Scan, findings: &mut Vec<Finding>) {
    let mut say = |message: String, location: Location, key: &[u8]| {
        findings.push(Finding {
            rule: NOT_CHECKED,
            level: Level::Error,
            message,
            location: Some(location),
            fingerprint: Fingerprint::of(&NOT_CHECKED, &[file.path.as_bytes(), key]),
            help: Some("correct the syntax; a file that is no source code belongs into `.semgrepignore`".into()),
        });
    };
    let Some(head) = &file.head else { return };
    if head.data.is_none() && scan.applies {
        say(
            format!("could not check `{}`: it is too large to be read", file.path),
            Location::file(file.path.clone()),
            b"",
        );
        return;
    }
    let added: Vec<u32> = file.added_lines().iter().map(|(line, _)| *line).collect();
    for unread in &scan.unread {
        match unread.lines {
            None => {
                let message = format!("could not check `{}`: {}", file.path, unread.reason);
                say(message, Location::file(file.path.clone()), b"");
            }
            // What the change did not touch was not read before either.
            Some((first, last)) if added.iter().any(|line| (first..=last).contains(line)) || added.is_empty() => {
                let span = Span { line: first, column: 1, end_line: last, end_column: 1 };
                let message = format!("could not check all of `{}`: in line {first} {}", file.path, unread.reason);
                say(message, within(&file.path, span, head_of(file)), b"lines");
                return;
            }
            Some(_) => {}
        }
    }
}

fn finding(hit: &Hit, path: &RepoPath, content: &[u8], ordinal: usize, rules: &Rules) -> Finding {
    let rule = RuleId::owned(format!("sast/{}", hit.rule));
    let known = rules.pack.rule(&hit.rule);
    let cwe = known.map(|rule| format!(" ({})", rule.cwe)).unwrap_or_default();
    let text = String::from_utf8_lossy(content);
    let span = Span::of(&text, hit.range.clone());
    Finding {
        fingerprint: Fingerprint::of(&rule, &[path.as_bytes(), hit.text.as_bytes(), ordinal.to_string().as_bytes()]),
        level: level(hit.severity, rules.fail_at),
        message: format!("{}{cwe}", hit.message.trim_end_matches('.')),
        location: Some(Location::within(Place::File(path.clone()), span, &text)),
        help: known.map(|rule| rule.fix.split_whitespace().collect::<Vec<_>>().join(" ")),
        rule,
    }
}

/// Everything in whole files, whatever a base had: what `mainguard sast` prints.
pub fn whole(files: &[(RepoPath, &[u8], Scan)], rules: &Rules) -> Found {
    let mut found = Found::default();
    for (path, content, scan) in files {
        let hits: Vec<&Hit> = scan.hits.iter().collect();
        for (index, hit) in hits.iter().enumerate() {
            let finding = finding(hit, path, content, fresh::ordinal(&hits, index), rules);
            match hit.suppressed.and_then(|index| scan.suppressions.get(index)) {
                Some(suppression) => found.let_off.push((finding, suppression.words())),
                None => found.findings.push(finding),
            }
        }
        for unread in &scan.unread {
            let line = unread.lines.map(|(line, _)| format!(" in line {line}")).unwrap_or_default();
            found.findings.push(Finding {
                rule: NOT_CHECKED,
                level: Level::Error,
                message: format!("could not check `{path}`: {}{line}", unread.reason),
                location: Some(Location::file(path.clone())),
                fingerprint: Fingerprint::of(&NOT_CHECKED, &[path.as_bytes(), line.as_bytes()]),
                help: Some("correct the syntax; a file that is no source code belongs into `.semgrepignore`".into()),
            });
        }
        let unused =
            scan.suppressions.iter().filter(|suppression| suppression.used == 0 && is_ours(suppression, rules));
        found.findings.extend(unused.map(|suppression| says_nothing(suppression, path, content)));
    }
    found
}

fn head_of(file: &FileChange) -> &[u8] {
    file.head.as_ref().and_then(|blob| blob.data.as_deref()).unwrap_or_default()
}

/// What blocks is an error, what is milder a warning.
pub fn level(severity: Severity, fail_at: Severity) -> Level {
    if severity <= fail_at { Level::Error } else { Level::Warning }
}

fn within(path: &RepoPath, span: Span, content: &[u8]) -> Location {
    Location::within(Place::File(path.clone()), span, &String::from_utf8_lossy(content))
}

/// Comments of ours that let nothing off, if the change wrote them or took away what they were for.
fn unused(file: &FileChange, head: &Scan, base: &Scan, rules: &Rules, findings: &mut Vec<Finding>) {
    let added: Vec<u32> = file.added_lines().iter().map(|(line, _)| *line).collect();
    for suppression in head.suppressions.iter().filter(|suppression| suppression.used == 0) {
        let was_used = base.suppressions.iter().any(|before| before.used > 0 && before.rules == suppression.rules);
        if is_ours(suppression, rules) && (added.contains(&suppression.line) || was_used) {
            findings.push(says_nothing(suppression, &file.path, head_of(file)));
        }
    }
}

/// Semgrep's comment may be for one of Semgrep's own rules; it is ours when it names one of ours.
fn is_ours(suppression: &Suppression, rules: &Rules) -> bool {
    let named = |id: &String| rules.pack.rule(id.strip_prefix("sast/").unwrap_or(id)).is_some();
    suppression.form == Form::Mainguard || suppression.rules.iter().any(named)
}

fn says_nothing(suppression: &Suppression, path: &RepoPath, content: &[u8]) -> Finding {
    let message = match suppression.holds() {
        true => format!("this comment lets off `{}`, which is not found here", suppression.rules.join(", ")),
        false => "this comment does not count: it names no rule, or gives no reason".to_string(),
    };
    let span = Span { line: suppression.line, column: 1, end_line: suppression.line, end_column: 1 };
    Finding {
        rule: UNUSED,
        level: Level::Warning,
        message,
        location: Some(within(path, span, content)),
        fingerprint: Fingerprint::of(&UNUSED, &[path.as_bytes(), suppression.rules.join(",").as_bytes()]),
        help: Some("write `mainguard-ignore: RULE -- reason` beside the finding, or take the comment out".into()),
    }
}
