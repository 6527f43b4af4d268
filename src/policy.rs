//! The configuration compiled, with everything it points to, *as it stands at the base commit*: a change cannot loosen
//! the guard that judges it.
//!
//! [`Policy::resolve`] reads through a closure, so it is pure to test and the same for a commit and for a working tree.

use globset::GlobSet;

use crate::attributes::Attributes;
use crate::change::{ChangeSet, CommitId, RepoPath};
use crate::config::{self, Config, ConfigErrors, Ignore};
use crate::finding::{Finding, Fingerprint, Level, Location, Place, RuleId};
use crate::guards::{contracts, critic, dependencies, secrets, size};

const CHANGED: RuleId = RuleId::new("policy/changed");
const INVALID: RuleId = RuleId::new("policy/invalid");

/// Paths, one glob a line, at which no guard looks. Syntax as in `.gitignore`, without negation.
pub const IGNORE_FILE: &str = ".mainguardignore";

/// Where GitHub looks for the template of a pull request; the first that exists counts.
pub const TEMPLATE_PATHS: [&str; 12] = [
    ".github/pull_request_template.md",
    ".github/PULL_REQUEST_TEMPLATE.md",
    ".github/pull_request_template.txt",
    ".github/PULL_REQUEST_TEMPLATE.txt",
    "pull_request_template.md",
    "PULL_REQUEST_TEMPLATE.md",
    "pull_request_template.txt",
    "PULL_REQUEST_TEMPLATE.txt",
    "docs/pull_request_template.md",
    "docs/PULL_REQUEST_TEMPLATE.md",
    "docs/pull_request_template.txt",
    "docs/PULL_REQUEST_TEMPLATE.txt",
];

/// What a change is judged by.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The configuration as written.
    pub config: Config,
    /// Where it was read; `None` when there is no file and the defaults hold.
    pub source: Option<Source>,
    /// `.gitattributes` of the base.
    pub attributes: Attributes,
    /// Paths at which no guard looks.
    pub ignored: GlobSet,
    /// The size guard's part.
    pub size: size::Rules,
    /// The critic's part.
    pub critic: critic::Rules,
    /// The contracts guard's part.
    pub contracts: contracts::Rules,
    /// The secrets guard's part; `None` when it is turned off.
    pub secrets: Option<secrets::Rules>,
    /// The dependencies guard's part.
    pub dependencies: dependencies::Rules,
    ignores: Vec<(Ignore, GlobSet)>,
}

/// Where a policy was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file.
    pub path: String,
    /// The commit; `None` for a file on disk.
    pub commit: Option<CommitId>,
}

/// Why there is no policy to judge by.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// Two files claim to be the configuration.
    #[error("both `{0}` and `{1}` hold a configuration")]
    Two(&'static str, &'static str),
    /// `.mainguardignore` is wrong.
    #[error("{IGNORE_FILE}:{line}: {message}")]
    IgnoreFile {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// The configuration names a template that is not there.
    #[error("`critic.template` names `{0}`, which is not there")]
    NoTemplate(String),
    /// What the secrets guard needs is wrong.
    #[error(transparent)]
    Secrets(#[from] secrets::RulesError),
    /// What the contracts guard needs is wrong.
    #[error(transparent)]
    Contracts(#[from] contracts::RulesError),
    /// A file could not be read.
    #[error("could not read `{path}`")]
    Read {
        /// Which.
        path: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl PolicyError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            PolicyError::Config(_) => Some("`mainguard config check` shows every problem".into()),
            PolicyError::Two(..) => Some("keep one of the two".into()),
            PolicyError::IgnoreFile { .. } => Some("one glob a line, as in .gitignore; `#` begins a comment".into()),
            PolicyError::NoTemplate(_) => Some("correct the path, or take the key out".into()),
            PolicyError::Secrets(error) => error.hint(),
            PolicyError::Contracts(error) => error.hint(),
            PolicyError::Read { .. } => None,
        }
    }
}

impl Policy {
    /// The policy that a tree holds. `read` gives the content of a path, `None` where there is no such file.
    /// `given` is a configuration that was named by hand and takes the place of the tree's own. `.gitattributes` are
    /// looked at for `paths` only.
    pub fn resolve<'a, E>(
        given: Option<(Config, Source)>,
        commit: Option<&CommitId>,
        paths: impl IntoIterator<Item = &'a RepoPath>,
        mut read: impl FnMut(&str) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<Policy, PolicyError>
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        let mut read = |path: &str| {
            read(path).map_err(|error| PolicyError::Read { path: path.to_string(), source: Box::new(error) })
        };
        let (config, source) = match given {
            Some((config, source)) => (config, Some(source)),
            None => find_config(commit, &mut read)?,
        };
        let patterns = match read(IGNORE_FILE)? {
            Some(text) => ignore_patterns(&String::from_utf8_lossy(&text))?,
            None => Vec::new(),
        };
        let template = find_template(&config, &mut read)?;
        let attributes = Attributes::load(paths, |path: &RepoPath| read(&path.to_text()))?;
        let secrets = secrets::Rules::load(&config.secrets, &mut read)?;
        let mut policy = Policy::compile(config, source, &patterns, template.as_deref(), attributes, secrets)?;
        policy.contracts = policy.contracts.with_accepted(&mut read)?;
        Ok(policy)
    }

    fn compile(
        config: Config,
        source: Option<Source>,
        patterns: &[String],
        template: Option<&str>,
        attributes: Attributes,
        secrets: Option<secrets::Rules>,
    ) -> Result<Policy, PolicyError> {
        let file = source.as_ref().map_or("the configuration", |source| &source.path).to_string();
        // The file was checked when it was read, so this speaks only when the template does not fit the rules.
        let wrong = |(key, message): (String, String)| {
            let problems = vec![config::ConfigError::at(None, format!("{key}: {message}"))];
            PolicyError::Config(ConfigErrors { file: file.clone(), source: String::new(), problems })
        };
        let mut size = config.size.clone();
        size.ignore.extend(patterns.iter().cloned());
        let mut ignores = Vec::new();
        for (index, ignore) in config.ignore.iter().enumerate() {
            let globs = size::globs(&ignore.paths, &format!("ignore[{index}].paths")).map_err(wrong)?;
            ignores.push((ignore.clone(), globs));
        }
        Ok(Policy {
            size: size::Rules::compile(&size).map_err(wrong)?,
            critic: critic::Rules::compile(&config.critic, template).map_err(wrong)?,
            contracts: contracts::Rules::compile(&config.contracts).map_err(wrong)?,
            secrets,
            dependencies: dependencies::Rules::compile(&config.dependencies).map_err(wrong)?,
            ignored: size::globs(patterns, IGNORE_FILE).map_err(wrong)?,
            config,
            source,
            attributes,
            ignores,
        })
    }

    /// The reason for which a finding does not count, if there is one.
    pub fn reason_to_ignore(&self, finding: &Finding, today: chrono::NaiveDate) -> Option<String> {
        let path = match finding.location.as_ref().map(|location| &location.place) {
            Some(Place::File(path)) => Some(path.to_text()),
            _ => None,
        };
        if path.as_ref().is_some_and(|path| self.ignored.is_match(path.as_ref())) {
            return Some(format!("{IGNORE_FILE} leaves this path out"));
        }
        let applies = |(ignore, globs): &&(Ignore, GlobSet)| {
            let rule = finding.rule.as_str();
            let named = match ignore.rule.strip_suffix("/*") {
                Some(guard) => finding.rule.guard() == guard,
                None => rule == ignore.rule,
            };
            let here = ignore.paths.is_empty() || path.as_ref().is_some_and(|path| globs.is_match(path.as_ref()));
            named && here && ignore.until.is_none_or(|until| today <= until)
        };
        self.ignores.iter().find(applies).map(|(ignore, _)| ignore.reason.trim().to_string())
    }

    /// The level that a finding has here; `None` when the policy turns its rule off.
    pub fn level_of(&self, rule: &RuleId, level: Level) -> Option<Level> {
        let levels = &self.config.levels;
        let whole_guard = || levels.get(&format!("{}/*", rule.guard()));
        levels.get(rule.as_str()).or_else(whole_guard).map_or(Some(level), |changed| changed.level())
    }
}

fn find_config(
    commit: Option<&CommitId>,
    read: &mut impl FnMut(&str) -> Result<Option<Vec<u8>>, PolicyError>,
) -> Result<(Config, Option<Source>), PolicyError> {
    let mut found: Option<(&'static str, Vec<u8>)> = None;
    for path in config::PATHS {
        let Some(bytes) = read(path)? else { continue };
        if let Some((first, _)) = found {
            return Err(PolicyError::Two(first, path));
        }
        found = Some((path, bytes));
    }
    let Some((path, bytes)) = found else { return Ok((Config::default(), None)) };
    let name = commit.map_or_else(|| path.to_string(), |commit| format!("{path} at {}", commit.short()));
    let config = config::parse(&bytes, &name)?;
    Ok((config, Some(Source { path: path.to_string(), commit: commit.cloned() })))
}

fn find_template(
    config: &Config,
    read: &mut impl FnMut(&str) -> Result<Option<Vec<u8>>, PolicyError>,
) -> Result<Option<String>, PolicyError> {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    if let Some(path) = &config.critic.template {
        let bytes = read(path)?.ok_or_else(|| PolicyError::NoTemplate(path.clone()))?;
        return Ok(Some(text(bytes)));
    }
    for path in TEMPLATE_PATHS {
        if let Some(bytes) = read(path)? {
            return Ok(Some(text(bytes)));
        }
    }
    Ok(None)
}

/// Globs on the whole path for the lines of an ignore file: a name without a slash is meant anywhere, a folder with
/// all that is in it.
fn ignore_patterns(text: &str) -> Result<Vec<String>, PolicyError> {
    let mut patterns = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |message: String| PolicyError::IgnoreFile { line: index + 1, message };
        if line.starts_with('!') {
            return Err(wrong("a line cannot take another one back here".into()));
        }
        let body = line.trim_end_matches('/');
        let anchored = match body.trim_start_matches('/') {
            rest if body.contains('/') => rest.to_string(),
            name => format!("**/{name}"),
        };
        let folder = format!("{anchored}/**");
        let both = if line.ends_with('/') { vec![folder] } else { vec![anchored, folder] };
        size::globs(&both, IGNORE_FILE).map_err(|(_, message)| wrong(message))?;
        patterns.extend(both);
    }
    Ok(patterns)
}

/// A change of the policy is worth a note; one that would leave the repository without a usable policy must not land.
pub fn check(change: &ChangeSet, policy: &Policy) -> Vec<Finding> {
    let mut findings = Vec::new();
    let template = policy.config.critic.template.as_deref();
    for file in &change.files {
        let path = file.path.to_text();
        let is_config = config::PATHS.contains(&path.as_ref());
        let is_policy = is_config
            || path == IGNORE_FILE
            || TEMPLATE_PATHS.contains(&path.as_ref())
            || path == policy.config.contracts.accepted
            || template == Some(path.as_ref())
            || file.path.file_name() == b".gitattributes";
        if !is_policy {
            continue;
        }
        findings.push(Finding {
            fingerprint: Fingerprint::of(&CHANGED, &[file.path.as_bytes()]),
            rule: CHANGED,
            level: Level::Note,
            message: format!("`{}` is part of the policy: it counts once it has landed", file.path),
            location: Some(Location::file(file.path.clone())),
            help: None,
        });
        let data = file.head.as_ref().and_then(|blob| blob.data.as_deref());
        if let Some(Err(errors)) = data.filter(|_| is_config).map(|data| config::parse(data, &path)) {
            findings.extend(errors.problems.iter().map(|problem| invalid(&file.path, &errors.source, problem)));
        }
    }
    findings
}

fn invalid(path: &RepoPath, source: &str, problem: &config::ConfigError) -> Finding {
    let location = match problem.span {
        Some(span) => Location::within(Place::File(path.clone()), span, source),
        None => Location::file(path.clone()),
    };
    Finding {
        fingerprint: Fingerprint::of(&INVALID, &[path.as_bytes(), problem.message.as_bytes()]),
        rule: INVALID,
        level: Level::Error,
        message: problem.message.clone(),
        location: Some(location),
        help: problem.hint.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    use super::*;

    fn resolve(files: &[(&str, &str)]) -> Result<Policy, PolicyError> {
        let files: BTreeMap<&str, &str> = files.iter().copied().collect();
        let read = |path: &str| Ok::<_, Infallible>(files.get(path).map(|text| text.as_bytes().to_vec()));
        Policy::resolve(None, None, [], read)
    }

    #[test]
    fn an_absent_file_is_the_defaults() {
        let policy = resolve(&[]).unwrap();
        assert_eq!(policy.config, Config::default());
        assert!(policy.source.is_none());
    }

    #[test]
    fn two_configurations_are_one_too_many() {
        let error = resolve(&[(".github/mainguard.yml", ""), ("mainguard.yml", "")]).unwrap_err();
        assert_eq!(error.to_string(), "both `.github/mainguard.yml` and `mainguard.yml` hold a configuration");
    }

    #[test]
    fn an_ignore_file_means_what_gitignore_means() {
        let policy = resolve(&[(IGNORE_FILE, "# comment\nfixtures\n/top.txt\nsrc/gen/\n*.bin\n")]).unwrap();
        for path in ["fixtures/a", "a/fixtures/b/c", "top.txt", "src/gen/x.rs", "deep/x.bin"] {
            assert!(policy.ignored.is_match(path), "{path}");
        }
        for path in ["a/top.txt", "other/src/gen/x.rs", "fixtures.rs", "src/generated.rs"] {
            assert!(!policy.ignored.is_match(path), "{path}");
        }
        assert!(resolve(&[(IGNORE_FILE, "a\n!b\n")]).unwrap_err().to_string().contains(":2:"));
    }

    #[test]
    fn a_level_may_be_set_for_a_whole_guard_and_one_rule_differs() {
        let policy = resolve(&[("mainguard.yml", "levels:\n  critic/*: note\n  critic/section-empty: off\n")]).unwrap();
        assert_eq!(policy.level_of(&RuleId::new("critic/section-missing"), Level::Error), Some(Level::Note));
        assert_eq!(policy.level_of(&RuleId::new("critic/section-empty"), Level::Error), None);
        assert_eq!(policy.level_of(&RuleId::new("size/too-large"), Level::Error), Some(Level::Error));
    }
}
