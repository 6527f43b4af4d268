//! From a fragment to the leaks in it, with gitleaks' semantics.
//!
//! One pass of the `automaton` finds the atoms of all rules; the `content` of a
//! rule dismisses nearly all of the sites by looking forward from them; the full pattern is matched only where a site
//! held. What is found goes through allowlists, entropy and composition, on the text as it stands and on what its
//! encodings say.
//!
//! A [`Scanner`] is shared by all threads; each has its own [`Cache`].

mod cache;
mod pass;
mod prepare;
mod sieve;

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use super::allowlist::{Allowed, Pattern};
use super::automaton::Automaton;
use super::content::Content;
use super::decode::{self, Decoded};
use super::fragment::{Fragment, Origin};
use super::gate::Gate;
use super::leak::{Leak, Span};
use super::rules::{Required, RuleSet};
pub use cache::Cache;
use pass::Pass;

/// The number of the sieve, [`Scanner::places`]: raised when it tells something else for the same rules, so
/// that notes of earlier scans are not believed.
pub const SIEVE: u32 = 3;

/// How a scan differs from the usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many layers of encoding are opened; 0 opens none.
    pub decode_depth: usize,
    /// Reports secrets on lines that say `gitleaks:allow` too.
    pub ignore_allow_comments: bool,
}

impl Default for Options {
    /// As gitleaks 8.30 does it unasked.
    fn default() -> Options {
        Options { decode_depth: 5, ignore_allow_comments: false }
    }
}

/// A rule that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} cannot be used: {reason}{}", quoted(.pattern))]
pub struct RuleError {
    /// For instance "the regex of rule `github-pat`".
    pub what: String,
    /// The pattern at fault; empty where none is.
    pub pattern: String,
    /// What is wrong with it and where.
    pub reason: String,
}

impl RuleError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some(match self.pattern.is_empty() {
            true => "a rule can only be used together with those it requires: enable them as well".into(),
            false => "rule files speak RE2, the dialect of Go: https://github.com/google/re2/wiki/Syntax".into(),
        })
    }
}

fn quoted(pattern: &str) -> String {
    match pattern {
        "" => String::new(),
        pattern => format!("\n  pattern: {pattern}"),
    }
}

/// Finds leaks in fragments. Shared by all threads.
#[derive(Debug)]
pub struct Scanner {
    options: Options,
    /// The file of the rules is never scanned itself.
    own_path: Option<String>,
    allowlists: Vec<Allowed>,
    rules: Vec<Ready>,
    /// Rules that are asked of every fragment: they have no sites.
    everywhere: Vec<u32>,
    automaton: Automaton,
    atoms: Vec<Atom>,
    /// The number of each atom.
    numbers: HashMap<Vec<u8>, u32>,
    /// All sites of all rules, each with a cache of its own.
    sites: Vec<SiteOf>,
    /// Tells caches whose they are.
    mark: std::sync::Arc<()>,
}

/// A rule, ready to be used.
#[derive(Debug)]
struct Ready {
    id: String,
    description: String,
    tags: Vec<String>,
    path: Option<Pattern>,
    content: Option<Content>,
    secret_group: usize,
    entropy: f64,
    allowlists: Vec<Allowed>,
    required: Vec<(usize, Required)>,
    skip_report: bool,
    keywords: Vec<String>,
    /// The atoms that are its keywords.
    keyword_atoms: Vec<u32>,
    /// A keyword is not ASCII: it is looked for in the lower-cased text.
    odd_keywords: bool,
    /// The most bytes of a match before an atom of it.
    back: usize,
}

/// What the automaton finds.
#[derive(Debug, Default)]
struct Atom {
    length: usize,
    sites: Vec<u32>,
    /// A character outside ASCII whose lower case is ASCII: keywords may hide in the text.
    hides_keywords: bool,
    /// That it stands somewhere decides about other places: a site that was met needs it, or a rule without sites asks.
    decides: AtomicBool,
}

/// A site's gate, and the atoms that must stand somewhere for a match to be possible: one of each list.
#[derive(Debug)]
struct Gated {
    gate: Gate,
    later: Vec<Vec<u32>>,
}

/// Which site of which rule.
#[derive(Debug)]
struct SiteOf {
    rule: u32,
    number: u32,
    /// Worked out when the atom is met for the first time.
    gate: OnceLock<Option<Gated>>,
    /// Whether a match through it contains a keyword of its rule.
    has_keyword: bool,
}

impl Scanner {
    /// Makes `rules` ready. Patterns are checked now and compiled when they are needed.
    ///
    /// # Errors
    /// A pattern is none, or a rule requires one that does not exist.
    pub fn new(rules: &RuleSet, options: Options) -> Result<Scanner, RuleError> {
        prepare::scanner(rules, options)
    }

    /// The leaks in `fragment`, in the order of the rules. `path` rules without a regex are judged too unless
    /// [`Origin::paths_checked`].
    pub fn scan(&self, fragment: &Fragment<'_>, cache: &mut Cache) -> Vec<Leak> {
        cache.belong_to(self);
        if self.is_own(fragment.origin) || self.allows(fragment.origin, cache) {
            return Vec::new();
        }
        let mut leaks = match fragment.origin.paths_checked {
            true => Vec::new(),
            false => self.path_leaks_unless_allowed(fragment.origin),
        };
        cache.lines.forget();
        Pass { scanner: self, fragment, text: fragment.text, decoded: None }.run(cache, &mut leaks);
        if self.options.decode_depth > 0 && decode::is_worthwhile(fragment.text) {
            let mut decoded = Decoded::default();
            for _ in 0..self.options.decode_depth {
                if !decoded.advance(fragment.text) {
                    break;
                }
                Pass { scanner: self, fragment, text: &decoded.text, decoded: Some(&decoded) }.run(cache, &mut leaks);
            }
        }
        cache.trim();
        self.drop_generic(leaks)
    }

    /// Whether nothing of this origin is reported: its path or commit is on a global allowlist, or it is the rule
    /// file itself.
    pub fn skips(&self, origin: &Origin) -> bool {
        let commit = origin.commit.as_ref().map_or("", |commit| &commit.id);
        self.is_own(origin) || self.allowlists.iter().any(|list| list.allows_place(&origin.path, commit))
    }

    /// Whether the path is on a global allowlist, whatever else that list wants: how gitleaks prunes a tree.
    pub fn prunes(&self, path: &[u8]) -> bool {
        self.allowlists.iter().any(|list| list.allows_path(path))
    }

    /// What the rules say that judge paths alone. Once for each file; see [`Origin::paths_checked`].
    pub fn path_leaks(&self, origin: &Origin) -> Vec<Leak> {
        match self.skips(origin) {
            true => Vec::new(),
            false => self.path_leaks_unless_allowed(origin),
        }
    }

    /// Ids of rules whose pattern turned out to be too large to be compiled: what they would have found is missing.
    pub fn unusable_rules(&self) -> Vec<&str> {
        let unusable = |rule: &&Ready| rule.content.as_ref().is_some_and(|content| !content.is_usable());
        self.rules.iter().filter(unusable).map(|rule| &*rule.id).collect()
    }

    fn is_own(&self, origin: &Origin) -> bool {
        self.own_path.as_ref().is_some_and(|path| !path.is_empty() && origin.path == path.as_bytes())
    }

    /// As [`Scanner::skips`], remembering the last file.
    fn allows(&self, origin: &Origin, cache: &mut Cache) -> bool {
        if let Some((last, allowed)) = &cache.last_origin
            && last.path == origin.path
            && last.commit.as_ref().map(|commit| &commit.id) == origin.commit.as_ref().map(|commit| &commit.id)
        {
            return *allowed;
        }
        let allowed = self.skips(origin);
        cache.last_origin = Some((origin.clone(), allowed));
        allowed
    }

    fn path_leaks_unless_allowed(&self, origin: &Origin) -> Vec<Leak> {
        let rules = self.everywhere.iter().map(|rule| &self.rules[*rule as usize]);
        let rules = rules.filter(|rule| rule.content.is_none() && !rule.skip_report);
        rules.filter_map(|rule| rule.path_leak(origin)).collect()
    }

    /// Takes away what a rule called `generic` found where another found the same and more.
    fn drop_generic(&self, leaks: Vec<Leak>) -> Vec<Leak> {
        let generic = |leak: &Leak| leak.rule.to_lowercase().contains("generic");
        if leaks.len() < 2 || !leaks.iter().any(generic) {
            return leaks;
        }
        let mut specific = BTreeMap::<usize, Vec<&Leak>>::new();
        for leak in leaks.iter().filter(|leak| !generic(leak)) {
            specific.entry(leak.start_line).or_default().push(leak);
        }
        let repeats = |leak: &Leak| {
            let here = specific.get(&leak.start_line);
            here.is_some_and(|here| {
                here.iter().any(|other| memchr::memmem::find(&other.secret, &leak.secret).is_some())
            })
        };
        let keep: Vec<bool> = leaks.iter().map(|leak| !generic(leak) || !repeats(leak)).collect();
        leaks.into_iter().zip(keep).filter_map(|(leak, keep)| keep.then_some(leak)).collect()
    }
}

impl Ready {
    fn path_leak(&self, origin: &Origin) -> Option<Leak> {
        let commit = origin.commit.as_ref().map_or("", |commit| &commit.id);
        let named = self.path.as_ref().is_some_and(|path| path.is_match(&origin.path));
        if !named || self.allowlists.iter().any(|list| list.allows_place(&origin.path, commit)) {
            return None;
        }
        let mut matched = bstr::BString::from("file detected: ");
        matched.extend_from_slice(&origin.path);
        Some(Leak {
            rule: self.id.clone(),
            description: self.description.clone(),
            start_line: 0,
            end_line: 0,
            start_column: 0,
            end_column: 0,
            matched,
            secret: bstr::BString::default(),
            line: bstr::BString::default(),
            file: origin.path.clone(),
            symlink: origin.symlink.clone(),
            commit: origin.commit.clone(),
            link: String::new(),
            entropy: 0.0,
            tags: self.tags.clone(),
            fingerprint: self.fingerprint(origin, 0),
            span: Span { start_line: 1, start_column: 1, end_line: 1, end_column: 1 },
        })
    }

    fn fingerprint(&self, origin: &Origin, line: usize) -> String {
        let place = format!("{}:{}:{line}", origin.path, self.id);
        match &origin.commit {
            Some(commit) if !commit.id.is_empty() => format!("{}:{place}", commit.id),
            _ => place,
        }
    }
}
