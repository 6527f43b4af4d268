//! Secrets that a change brings into history.
//!
//! What each commit added is looked at, not only what is left at the end: a secret that was added and taken away again
//! is in the history for everybody who can fetch it. Findings hold a redacted secret; nothing else leaves this file.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use bstr::ByteSlice;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::change::{Addition, Additions, CommitId, FileChange, RepoPath};
use crate::finding::{Finding, Fingerprint, Level, Location, Place, RuleId, RuleInfo, Span};
use crate::secrets::baseline::{Baseline, BaselineError};
use crate::secrets::ignores::Ignores;
use crate::secrets::rules::file::{self, Outside, RuleFileError};
use crate::secrets::validity::{self, Validity};
use crate::secrets::{Cache, CommitInfo, Fragment, Leak, Options, Origin, RuleError, RuleSet, Scanner, builtin, known};

/// The rules of the guard itself. What it finds is called `secrets/` and the id of the rule that found it.
pub const RULES: &[RuleInfo] = &[
    RuleInfo {
        id: "secrets/*",
        level: Level::Error,
        summary: "the change brings a secret into history",
        help: "Whoever can read the repository can use the secret, and that stays so when a later commit takes it away: \
               revoke it first, then remove it from the history that is not shared yet (amend, or an interactive rebase). \
               `mainguard secrets explain RULE` names the page where it is revoked.\n\n\
               What is no secret is let off by its fingerprint in `.gitleaksignore` on the base branch, by an allowlist in \
               `.gitleaks.toml`, or by the comment `gitleaks:allow` on its line; each of the three is counted in the \
               report. `secrets.rules` names another rule file.\n\nA token that carries a checksum or its own end says what \
               they tell; `secrets.check_tokens` decides what counts of those that nobody can use.",
    },
    RuleInfo {
        id: "secrets/not-scanned",
        level: Level::Error,
        summary: "a file is too large to be looked through for secrets",
        help: "A check that could not be made is not green. Keep the file out of the repository, or let it off under \
               `ignore` with the rule `secrets/not-scanned`, its path and a reason.",
    },
];

const NOT_SCANNED: RuleId = RuleId::new("secrets/not-scanned");

/// The marker that lets a line off.
const ALLOW: &[u8] = b"gitleaks:allow";

/// More findings than anybody reads; what is over is counted.
const MOST_FINDINGS: usize = 1_000;

/// The section `secrets` of the configuration.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Secrets")]
pub struct Config {
    /// Whether the guard runs.
    pub enabled: bool,
    /// A rule file in gitleaks' format; without it `.gitleaks.toml` counts where there is one, else the built-in rules.
    pub rules: Option<String>,
    /// A report of gitleaks in JSON: what is in it is known and does not count.
    pub baseline: Option<String>,
    /// How often text is decoded (percent, Unicode escapes, hex, base64) and looked through again; 0: never.
    #[schemars(range(max = 10))]
    pub decode_depth: u32,
    /// What becomes of a finding that tells itself that nobody can use it: its checksum does not match, or its time is
    /// over.
    pub check_tokens: CheckTokens,
}

/// What becomes of a secret that nobody can use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckTokens {
    /// It is said, and counts like any other.
    #[default]
    Say,
    /// It is said, and is a warning.
    Lower,
    /// It is let off, and counted as such.
    Drop,
}

impl Default for Config {
    fn default() -> Config {
        Config { enabled: true, rules: None, baseline: None, decode_depth: 5, check_tokens: CheckTokens::Say }
    }
}

/// What the guard judges by, compiled.
#[derive(Clone)]
pub struct Rules {
    /// Finds.
    pub scanner: Arc<Scanner>,
    /// What the findings mean.
    pub set: Arc<RuleSet>,
    /// `.gitleaksignore`.
    pub ignores: Ignores,
    /// Known leaks.
    pub baseline: Baseline,
    /// What becomes of those that nobody can use.
    pub check_tokens: CheckTokens,
}

/// Where gitleaks looks for its rules.
pub const RULE_FILE: &str = ".gitleaks.toml";
/// Where gitleaks looks for what is let off.
pub const IGNORE_FILE: &str = ".gitleaksignore";

/// Why there is nothing to judge by.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// The rule file is wrong.
    #[error("the rules for secrets cannot be used\n{0}")]
    File(#[from] RuleFileError),
    /// A pattern is wrong.
    #[error("the rules for secrets cannot be used: {0}")]
    Pattern(#[from] RuleError),
    /// The baseline is wrong.
    #[error(transparent)]
    Baseline(#[from] BaselineError),
    /// The configuration names a file that is not there.
    #[error("`secrets.{key}` names `{path}`, which is not there")]
    Missing {
        /// `rules` or `baseline`.
        key: &'static str,
        /// The path.
        path: String,
    },
}

impl RulesError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            RulesError::File(error) => error.hint(),
            RulesError::Pattern(_) => Some("`mainguard rules check FILE` shows every problem of a rule file".into()),
            RulesError::Baseline(error) => error.hint(),
            RulesError::Missing { .. } => Some("correct the path, or take the key out".into()),
        }
    }
}

impl Rules {
    /// Compiles what the policy names; `None` when the guard is turned off. `read` gives the content of a path at the
    /// base, `None` where there is no such file.
    ///
    /// # Errors
    /// [`RulesError`], and whatever `read` fails with.
    pub fn load<E: From<RulesError>>(
        config: &Config,
        read: &mut impl FnMut(&str) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<Option<Rules>, E> {
        if !config.enabled {
            return Ok(None);
        }
        let mut named = |key: &'static str, path: &str| -> Result<Vec<u8>, E> {
            read(path)?.ok_or_else(|| RulesError::Missing { key, path: path.to_string() }.into())
        };
        let rules = config.rules.as_deref().map(|path| named("rules", path)).transpose()?;
        let baseline = match &config.baseline {
            Some(path) => Baseline::parse(&named("baseline", path)?, path).map_err(RulesError::from)?,
            None => Baseline::default(),
        };
        let (text, file) = match (rules, &config.rules) {
            (Some(text), Some(path)) => (Some(text), path.as_str()),
            _ => (read(RULE_FILE)?, RULE_FILE),
        };
        let mut ignores = Ignores::default();
        if let Some(text) = read(IGNORE_FILE)? {
            ignores.add(&text, IGNORE_FILE);
        }
        let set = match text {
            None => builtin::rules(),
            Some(text) => custom(&String::from_utf8_lossy(&text), file, read)?,
        };
        let options = Options { decode_depth: config.decode_depth as usize, ignore_allow_comments: true };
        let scanner = Scanner::new(&set, options).map_err(RulesError::from)?;
        Ok(Some(Rules {
            scanner: Arc::new(scanner),
            set: Arc::new(set),
            ignores,
            baseline,
            check_tokens: config.check_tokens,
        }))
    }
}

fn custom<E: From<RulesError>>(
    text: &str,
    file: &str,
    read: &mut impl FnMut(&str) -> Result<Option<Vec<u8>>, E>,
) -> Result<RuleSet, E> {
    // A file that is extended stands in the same tree; why it could not be read is the more useful error.
    let failed = RefCell::new(None);
    let read = RefCell::new(read);
    let outside = Outside {
        read: &|path| match (read.borrow_mut())(path.trim_start_matches("./")) {
            Ok(Some(text)) => Ok(String::from_utf8_lossy(&text).into_owned()),
            Ok(None) => Err("there is no such file at the base".into()),
            Err(error) => {
                *failed.borrow_mut() = Some(error);
                Err("it could not be read".into())
            }
        },
        builtin: &builtin::rules,
        groups: &|pattern| known::groups(pattern).map_err(|error| error.to_string()),
    };
    let loaded = file::load(text, file, &outside);
    match failed.into_inner() {
        Some(error) => Err(error),
        None => Ok(loaded.map_err(RulesError::from)?.rules),
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rules({} rules)", self.set.rules.len())
    }
}

/// What was looked through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Commits that added text.
    pub commits: usize,
    /// Runs of added lines.
    pub texts: usize,
    /// Bytes of them.
    pub bytes: u64,
}

/// What the guard came to.
#[derive(Debug, Default)]
pub struct Found {
    /// What was looked through.
    pub scanned: Scanned,
    /// Secrets, each once.
    pub findings: Vec<Finding>,
    /// Secrets that somebody let off, with the reason.
    pub let_off: Vec<(Finding, String)>,
    /// Rules whose pattern turned out to be too large to be used: what they would have found is missing.
    pub unusable: Vec<String>,
}

/// Looks through everything that a change adds. `files` is the change as a reviewer sees it: it tells where a secret
/// stands now, if it still does. `now` tells which tokens are past their time.
pub fn check(additions: &Additions, files: &[FileChange], rules: &Rules, now: DateTime<Utc>) -> Found {
    let mut found = Found { scanned: scanned(additions), ..Found::default() };
    let mut ignores = rules.ignores.clone();
    let mut cache = Cache::default();
    let mut seen: HashSet<Fingerprint> = HashSet::new();
    let mut over = 0;
    for addition in &additions.texts {
        let origin = origin(addition);
        let fragment =
            Fragment { text: &addition.text, lines_before: addition.first_line as usize - 1, origin: &origin };
        for leak in rules.scanner.scan(&fragment, &mut cache) {
            let validity = validity::check(&leak.rule, &leak.secret, now);
            let reason = if leak.line.contains_str(ALLOW) {
                Some("the line says `gitleaks:allow`".to_string())
            } else if ignores.covers(&leak) {
                Some("`.gitleaksignore` lets it off".to_string())
            } else if rules.baseline.knows(&leak, false) {
                Some("the baseline knows it".to_string())
            } else if validity.is_harmless() && rules.check_tokens == CheckTokens::Drop {
                Some(validity.to_string())
            } else {
                None
            };
            let mut finding = finding(&leak, validity, addition, files, &rules.set);
            if validity.is_harmless() && rules.check_tokens == CheckTokens::Lower {
                finding.level = Level::Warning;
            }
            if !seen.insert(finding.fingerprint.clone()) {
                continue;
            }
            match reason {
                _ if found.findings.len() + found.let_off.len() >= MOST_FINDINGS => over += 1,
                Some(reason) => found.let_off.push((finding, reason)),
                None => found.findings.push(finding),
            }
        }
    }
    if over > 0 {
        found.findings.push(Finding {
            rule: NOT_SCANNED,
            level: Level::Error,
            message: format!("{over} more secrets were found than are listed here"),
            location: None,
            fingerprint: Fingerprint::of(&NOT_SCANNED, &[b"over"]),
            help: Some(
                "look at the ones above first; a generated file may want an allowlist in `.gitleaks.toml`".into(),
            ),
        });
    }
    found.findings.extend(additions.unread.iter().map(not_scanned));
    found.unusable = rules.scanner.unusable_rules().into_iter().map(str::to_string).collect();
    found
}

fn scanned(additions: &Additions) -> Scanned {
    let mut commits: Vec<Option<&CommitId>> = additions.texts.iter().map(|text| text.commit.as_ref()).collect();
    commits.dedup();
    Scanned {
        commits: commits.into_iter().flatten().count(),
        texts: additions.texts.len(),
        bytes: additions.texts.iter().map(|text| text.text.len() as u64).sum(),
    }
}

fn origin(addition: &Addition) -> Origin {
    Origin {
        path: addition.path.as_bytes().into(),
        commit: addition
            .commit
            .as_ref()
            .map(|id| Arc::new(CommitInfo { id: id.as_str().to_string(), ..CommitInfo::default() })),
        ..Origin::default()
    }
}

fn not_scanned(path: &RepoPath) -> Finding {
    Finding {
        rule: NOT_SCANNED,
        level: Level::Error,
        message: format!("`{path}` is too large to be looked through for secrets"),
        location: Some(Location::file(path.clone())),
        fingerprint: Fingerprint::of(&NOT_SCANNED, &[path.as_bytes()]),
        help: Some("keep it out of the repository, or let it off under `ignore` with a reason".into()),
    }
}

/// The finding says where the secret stands now. Its lines are never quoted: they hold it.
fn finding(leak: &Leak, validity: Validity, addition: &Addition, files: &[FileChange], set: &RuleSet) -> Finding {
    let rule = RuleId::owned(format!("secrets/{}", leak.rule));
    let now = place_at_head(leak, addition, files);
    let description = leak.description.trim().trim_end_matches('.');
    let what = match description {
        "" => format!("this looks like a secret ({})", leak.rule),
        description => description.to_string(),
    };
    let shown = match leak.secret.is_empty() {
        true => String::new(),
        false => format!(": {}", leak.redacted()),
    };
    let told = match validity {
        Validity::Unchecked => String::new(),
        told => format!("; {told}"),
    };
    let since = match (&addition.commit, now) {
        (Some(commit), None) => format!("; commit {} added it, and it stays in history", commit.short()),
        _ => String::new(),
    };
    let revoke = set.get(&leak.rule).and_then(|rule| rule.revoke.as_deref());
    let first = revoke.map_or("revoke it".to_string(), |page| format!("revoke it ({page})"));
    Finding {
        message: format!("{what}{shown}{told}{since}"),
        location: Some(Location { place: Place::File(addition.path.clone()), span: now, excerpt: None }),
        fingerprint: Fingerprint::of(
            &rule,
            &[addition.path.as_bytes(), leak.content_fingerprint().to_string().as_bytes()],
        ),
        help: Some(format!(
            "{first}, then take it out of the commits; if it is no secret, put {} into .gitleaksignore on the base branch",
            leak.content_fingerprint()
        )),
        level: Level::Error,
        rule,
    }
}

/// Where the match stands at the head: commits may have moved it since.
fn place_at_head(leak: &Leak, addition: &Addition, files: &[FileChange]) -> Option<Span> {
    let span = Span {
        line: leak.span.start_line as u32,
        column: leak.span.start_column as u32,
        end_line: leak.span.end_line as u32,
        end_column: leak.span.end_column as u32,
    };
    let file = files.iter().find(|file| file.path == addition.path)?;
    let data = file.head.as_ref()?.data.as_deref()?;
    if leak.secret.is_empty() {
        return None;
    }
    let line = data.split(|&byte| byte == b'\n').nth(span.line as usize - 1);
    if line.is_some_and(|line| line.contains_str(&leak.secret)) {
        return Some(span);
    }
    let start = data.find(&leak.secret)?;
    let text = String::from_utf8_lossy(&data[..start]);
    let secret = String::from_utf8_lossy(&leak.secret);
    let whole = format!("{text}{secret}");
    Some(Span::of(&whole, text.len()..whole.len()))
}
