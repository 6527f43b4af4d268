//! Allowlists, ready to be asked.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use aho_corasick::AhoCorasick;
use regex_automata::meta;
use regex_automata::util::syntax;

use super::dialect::{self, DialectError, Translated};
use super::known;
use super::lazy::Search;
use super::rules::{Allowlist, Condition, Target};

/// One allowlist. Its patterns are compiled when they are first asked.
#[derive(Debug)]
pub(super) struct Allowed {
    all: bool,
    commits: Vec<String>,
    paths: Option<Pattern>,
    target: Target,
    regexes: Option<Pattern>,
    stopwords: Vec<String>,
    finder: OnceLock<Option<Box<AhoCorasick>>>,
}

/// A match as allowlists see it.
pub(super) struct Found<'a> {
    pub(super) secret: &'a [u8],
    pub(super) matched: &'a [u8],
    pub(super) line: &'a [u8],
    pub(super) path: &'a [u8],
    pub(super) commit: &'a str,
}

impl Allowed {
    /// # Errors
    /// The pattern that cannot be used, and why.
    pub(super) fn new(list: &Allowlist) -> Result<Allowed, (String, DialectError)> {
        let joined = |patterns: &[String]| -> Result<Option<Pattern>, (String, DialectError)> {
            if patterns.is_empty() {
                return Ok(None);
            }
            let whole = dialect::join(patterns);
            if known::is_sound(&whole) {
                return Ok(Some(Pattern::of(Translated::later(whole))));
            }
            for pattern in patterns {
                dialect::translate(pattern).map_err(|error| (pattern.clone(), error))?;
            }
            Pattern::new(&whole).map(Some).map_err(|error| (whole, error))
        };
        Ok(Allowed {
            all: list.condition == Condition::And,
            commits: list.commits.iter().map(|commit| commit.to_lowercase()).collect(),
            paths: joined(&list.paths)?,
            target: list.target,
            regexes: joined(&list.regexes)?,
            stopwords: list.stopwords.clone(),
            finder: OnceLock::new(),
        })
    }

    /// Whether nothing in this file of this commit is to be reported.
    pub(super) fn allows_place(&self, path: &[u8], commit: &str) -> bool {
        if self.all && (self.regexes.is_some() || !self.stopwords.is_empty()) {
            return false; // The rest of its checks needs a match.
        }
        match self.all {
            true => {
                (self.commits.is_empty() || self.allows_commit(commit))
                    && (self.paths.is_none() || self.allows_path(path))
            }
            false => self.allows_commit(commit) || self.allows_path(path),
        }
    }

    /// Whether one of its path patterns matches, whatever else it wants.
    pub(super) fn allows_path(&self, path: &[u8]) -> bool {
        !path.is_empty() && self.paths.as_ref().is_some_and(|paths| paths.is_match(path))
    }

    pub(super) fn allows(&self, found: &Found<'_>) -> bool {
        let target = match self.target {
            Target::Secret => found.secret,
            Target::Match => found.matched,
            Target::Line => found.line,
        };
        let regexes = || !target.is_empty() && self.regexes.as_ref().is_some_and(|regexes| regexes.is_match(target));
        let stopwords = || self.has_stopword(found.secret);
        if !self.all {
            return regexes() || stopwords();
        }
        (self.commits.is_empty() || self.allows_commit(found.commit))
            && (self.paths.is_none() || self.allows_path(found.path))
            && (self.regexes.is_none() || regexes())
            && (self.stopwords.is_empty() || stopwords())
    }

    fn allows_commit(&self, commit: &str) -> bool {
        !commit.is_empty() && !self.commits.is_empty() && self.commits.contains(&commit.to_lowercase())
    }

    fn has_stopword(&self, secret: &[u8]) -> bool {
        if self.stopwords.is_empty() || secret.is_empty() {
            return false;
        }
        let finder = self.finder.get_or_init(|| AhoCorasick::new(&self.stopwords).ok().map(Box::new));
        let lower = lower(secret);
        match finder {
            Some(finder) => finder.is_match(&lower),
            None => self.stopwords.iter().any(|word| memchr::memmem::find(&lower, word.as_bytes()).is_some()),
        }
    }
}

/// Text in lower case as Go's `strings.ToLower` has it: one character for each.
pub(super) fn lower(text: &[u8]) -> Vec<u8> {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let lower = |char: char| char.to_lowercase().next().unwrap_or(char);
    String::from_utf8_lossy(text).chars().map(lower).collect::<String>().into_bytes()
}

/// A pattern that only says yes or no, compiled when it is first asked.
#[derive(Debug)]
pub(super) struct Pattern {
    pattern: Translated,
    /// Literals in lower case, one of which is in every match; `None` where they are not known beforehand.
    atoms: OnceLock<Option<Vec<Vec<u8>>>>,
    /// How many texts were dismissed by the atoms.
    dismissed: AtomicUsize,
    /// Made in a fraction of the time of the other one, and enough for most texts.
    quick: Search,
    // Most are never made, and take no room then.
    thorough: OnceLock<Option<Box<meta::Regex>>>,
}

/// So many texts are looked through for literals before the pattern is compiled: most patterns are asked a few times.
const FIRST_TEXTS: usize = 32;

impl Pattern {
    pub(super) fn new(pattern: &str) -> Result<Pattern, DialectError> {
        let pattern = match known::is_sound(pattern) {
            true => Translated::later(pattern.into()),
            false => {
                let pattern = Translated::now(pattern)?;
                dialect::tree(pattern.text())?;
                pattern
            }
        };
        Ok(Pattern::of(pattern))
    }

    fn of(pattern: Translated) -> Pattern {
        Pattern {
            pattern,
            atoms: OnceLock::new(),
            dismissed: AtomicUsize::new(0),
            quick: Search::default(),
            thorough: OnceLock::new(),
        }
    }

    pub(super) fn is_match(&self, text: &[u8]) -> bool {
        if !self.quick.is_made() && self.dismissed.load(Ordering::Relaxed) < FIRST_TEXTS && !self.may_match(text) {
            self.dismissed.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        let tree = || dialect::tree(self.pattern.text()).ok();
        self.quick.is_match(tree, text).unwrap_or_else(|| self.is_match_thoroughly(text))
    }

    /// Whether one of the literals stands in the text, if they are known.
    fn may_match(&self, text: &[u8]) -> bool {
        let atoms = || Some(known::anchors(self.pattern.original())??.into_iter().map(|anchor| anchor.atom).collect());
        let stands = |atom: &Vec<u8>| text.windows(atom.len()).any(|window| window.eq_ignore_ascii_case(atom));
        self.atoms.get_or_init(atoms).as_ref().is_none_or(|atoms| atoms.iter().any(stands))
    }

    fn is_match_thoroughly(&self, text: &[u8]) -> bool {
        let compiled = self.thorough.get_or_init(|| {
            let syntax = syntax::Config::new().unicode(true).utf8(false);
            // Bounded, but above what a tree that was let through needs.
            let limits =
                meta::Config::new().utf8_empty(false).nfa_size_limit(Some(256 << 20)).hybrid_cache_capacity(1 << 20);
            meta::Regex::builder().syntax(syntax).configure(limits).build(self.pattern.text()).ok().map(Box::new)
        });
        compiled.as_ref().is_some_and(|pattern| pattern.is_match(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(secret: &str) -> Found<'_> {
        Found { secret: secret.as_bytes(), matched: b"", line: b"\nx", path: b"src/a.rs", commit: "ABC" }
    }

    #[test]
    fn one_check_is_enough_unless_all_are_wanted() {
        let list = Allowlist {
            paths: vec![r"\.rs$".into()],
            stopwords: vec!["example".into()],
            regexes: vec!["^a".into(), "(?i)^B".into()],
            ..Allowlist::default()
        };
        let any = Allowed::new(&list).unwrap();
        assert!(any.allows_place(b"src/a.rs", ""));
        assert!(any.allows(&found("myEXAMPLEkey")) && any.allows(&found("abc")) && any.allows(&found("bcd")));
        assert!(!any.allows(&found("xyz")));
        let all = Allowed::new(&Allowlist { condition: Condition::And, ..list }).unwrap();
        assert!(!all.allows_place(b"src/a.rs", ""));
        assert!(!all.allows(&found("abc")) && all.allows(&found("an-example")));
    }

    #[test]
    fn commits_are_compared_without_case() {
        let list = Allowlist { commits: vec!["abc".into()], ..Allowlist::default() };
        let allowed = Allowed::new(&list).unwrap();
        assert!(allowed.allows_place(b"", "aBc") && !allowed.allows_place(b"", ""));
    }
}
