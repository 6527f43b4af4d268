//! One scan: a source, the rules, the leaks.

use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use mainguard::secrets::{Cache, Fragment, Leak, Options, Origin, RuleError, RuleSet, Scanner};
use mainguard::sources::content::{self, Look, Progress, Stats};
use mainguard::sources::history::{self, HistoryError, Scope};
use mainguard::sources::platforms::Platform;
use mainguard::sources::{files, formats, stdin};
use sha2::{Digest as _, Sha256};

use super::args::ScanArgs;
use super::said::{self, Said};
use crate::console::Hinted;
use crate::progress::Meter;

/// What is scanned.
pub(crate) enum Job {
    Git { source: PathBuf, scope: Git },
    Files { source: PathBuf, follow_links: bool },
    Stdin,
}

/// What of a repository.
pub(crate) enum Git {
    Log { options: Option<String>, platform: Option<String> },
    Staged,
    Unstaged,
}

impl Job {
    /// Where configuration and ignore files are looked for.
    pub(crate) fn source(&self) -> &Path {
        match self {
            Job::Git { source, .. } | Job::Files { source, .. } => source,
            Job::Stdin => Path::new("."),
        }
    }

    /// Whether an ignore entry that ignores nothing can go: not after a look at a part of the repository.
    pub(crate) fn sees_everything(&self) -> bool {
        matches!(self, Job::Files { .. } | Job::Git { scope: Git::Log { options: None, .. }, .. })
    }
}

/// What came of it.
pub(crate) struct Scanned {
    /// In no order.
    pub(crate) leaks: Vec<Leak>,
    pub(crate) summary: Summary,
    /// What could not be scanned.
    pub(crate) problems: Vec<String>,
    /// Where the repository is on the web.
    pub(crate) web: Option<(Platform, String)>,
}

/// What was scanned.
pub(crate) struct Summary {
    pub(crate) text: String,
    pub(crate) nothing: bool,
}

/// Scans.
pub(crate) fn scan(
    args: &ScanArgs,
    job: &Job,
    rules: &RuleSet,
    cancel: &AtomicBool,
    said: &Said<'_>,
) -> anyhow::Result<Scanned> {
    let options = options(args);
    let wrong = OnceLock::new();
    // The program ends soon after: to take this apart would cost a small scan a tenth of its time.
    let scanner = ManuallyDrop::new(LazyLock::new(|| {
        Scanner::new(rules, options).unwrap_or_else(|error| {
            let _ = wrong.set(error);
            Scanner::new(&RuleSet::default(), options).expect("where no rule is, none is wrong")
        })
    }));
    // Of a few lines: git takes as long to print them as the scanner to get ready, so they do it side by side.
    if !matches!(job, Job::Git { scope: Git::Staged | Git::Unstaged, .. }) {
        LazyLock::force(&scanner);
    }
    let is_ready = || wrong.get().map_or(Ok(()), |error| Err(wrong_rule(error)));
    is_ready()?;
    let scanned = scan_with(&*scanner, args, job, rules, cancel, said);
    is_ready()?;
    scanned
}

/// As [`scan`], with a scanner of these rules.
fn scan_with(
    scanner: &(impl Deref<Target = Scanner> + Sync),
    args: &ScanArgs,
    job: &Job,
    rules: &RuleSet,
    cancel: &AtomicBool,
    said: &Said<'_>,
) -> anyhow::Result<Scanned> {
    let own = own_files(args, job, rules);
    let leaks = Mutex::new(Vec::new());
    let kept = Kept::default();
    // As many as there are threads: what scanning learns about a pattern is worth keeping.
    let caches = ManuallyDrop::new(Caches::default());
    let each = |fragment: &Fragment<'_>| {
        if own.iter().any(|path| *path == fragment.origin.path) {
            return;
        }
        let mut found = with_cache(&caches, |cache| scanner.scan(fragment, cache));
        if !found.is_empty() {
            kept.bound(&mut found);
            locked(&leaks).extend(found);
        }
    };
    let skip = |path: &[u8]| scanner.prunes(path);
    let progress = Arc::new(Progress::default());
    let _meter = {
        let (progress, is_git) = (Arc::clone(&progress), matches!(job, Job::Git { .. }));
        Meter::start(said.draws(), move || so_far(&progress, is_git))
    };
    let look = Look {
        archive_depth: args.max_archive_depth,
        progress: Some(&progress),
        cancel: Some(cancel),
        ..Look::new(&skip)
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let (stats, history, web) = match job {
        Job::Stdin => (stdin::for_each(&mut std::io::stdin().lock(), &look, &each), None, None),
        Job::Files { source, follow_links } => {
            let most_bytes =
                (args.max_target_megabytes > 0).then(|| args.max_target_megabytes.saturating_mul(1_000_000));
            let options = files::Options { root: source, threads, follow_links: *follow_links, most_bytes, look };
            let stats = files::for_each(&options, &each).map_err(|error| {
                Hinted::error(error.to_string(), error.hint().unwrap_or_else(|| "look at the path again".into()))
            })?;
            (stats, None, None)
        }
        Job::Git { source, scope } => {
            let web = web(source, scope)?;
            let scope = match scope {
                Git::Staged => Scope::Staged,
                Git::Unstaged => Scope::Unstaged,
                Git::Log { options: Some(text), .. } if !text.is_empty() => {
                    Scope::Log(history::log_options(text).map_err(hinted)?)
                }
                Git::Log { .. } => Scope::All,
            };
            let unpacked = Mutex::new(Stats::default());
            let wants = |path: &[u8]| formats::packing(path).is_some();
            let read = |origin: &Origin, input: &mut dyn std::io::Read| {
                let stats = content::one(origin, input, &look, &each);
                locked(&unpacked).merge(stats);
            };
            let may_hold = |path: &[u8], text: &[u8]| {
                with_cache(&caches, |cache| scanner.may_contain(text, scanner.is_narrow(path), cache))
            };
            let is_narrow = |path: &[u8]| scanner.is_narrow(path);
            let places = |text: &[u8]| {
                progress.files.fetch_add(1, Ordering::Relaxed);
                progress.bytes.fetch_add(text.len() as u64, Ordering::Relaxed);
                with_cache(&caches, |cache| scanner.places(text, cache))
            };
            // Only whole histories are remembered, and a name for the rules takes as long as scanning a commit.
            let remembers = !args.no_resume && matches!(scope, Scope::All);
            let memory = remembers.then(|| name_of(rules, args.max_decode_depth));
            let may_be =
                |path: &[u8]| !scanner.path_leaks(&Origin { path: path.into(), ..Origin::default() }).is_empty();
            let binaries = history::Binaries { wants: &wants, read: &read };
            let gets_ready = || {
                let _: &Scanner = scanner;
            };
            let address = web.as_ref().map_or("", |(_, address)| address);
            let options = history::Options {
                threads,
                web: address,
                sieve: Some(history::Sieve { text: &may_hold, places: &places, narrow: &is_narrow, path: &may_be }),
                memory: memory.as_deref(),
                binaries: (args.max_archive_depth > 0).then_some(binaries),
                cancel: Some(cancel),
                meanwhile: Some(&gets_ready),
                ..history::Options::new(source)
            };
            let counts = match history::for_each(&scope, &options, &each) {
                Ok(counts) => counts,
                Err(HistoryError::Cancelled) => history::Stats::default(),
                Err(error) => return Err(hinted(error)),
            };
            (unpacked.into_inner().unwrap_or_else(PoisonError::into_inner), Some(counts), web)
        }
    };
    skipped(&stats, said);
    let mut problems: Vec<String> =
        stats.problems.iter().map(|problem| format!("{}: not scanned: {}", problem.path, problem.reason)).collect();
    if stats.problem_count > problems.len() as u64 {
        problems.push(format!("and {} more that could not be scanned", stats.problem_count - problems.len() as u64));
    }
    let dropped = kept.dropped.load(Ordering::Relaxed);
    if dropped > 0 {
        problems.push(format!("{} more than {MOST_LEAKS} are not listed", said::count(dropped, "leak")));
    }
    for rule in scanner.unusable_rules() {
        problems.push(format!("the pattern of rule `{rule}` is too large: what it would have found is missing"));
    }
    if let Some(splits) = history.map(|counts| counts.splits).filter(|splits| *splits > 0) {
        said.warn(&format!(
            "{} too large for one piece: a secret across a cut is not seen",
            said::count(splits, "hunk")
        ));
    }
    let summary = summary(&stats, history, job);
    Ok(Scanned { leaks: leaks.into_inner().unwrap_or_else(PoisonError::into_inner), summary, problems, web })
}

/// What the leaks may hold of the lines around them, in bytes, and how many there may be. A file of nothing but matches
/// must not take all of the memory.
const MOST_KEPT: u64 = 128 << 20;
const MOST_LEAKS: u64 = 500_000;

/// What is kept of all that was found.
#[derive(Default)]
struct Kept {
    bytes: AtomicU64,
    leaks: AtomicU64,
    dropped: AtomicU64,
}

impl Kept {
    /// Shortens lines to their matches once there is too much of them, and counts what is beyond all measure.
    fn bound(&self, found: &mut Vec<Leak>) {
        let bytes: u64 = found.iter().map(|leak| leak.line.len() as u64).sum();
        if self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > MOST_KEPT {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            for leak in found.iter_mut().filter(|leak| leak.line.len() > leak.matched.len()) {
                leak.line = leak.matched.clone();
            }
        }
        let room = MOST_LEAKS.saturating_sub(self.leaks.fetch_add(found.len() as u64, Ordering::Relaxed));
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        self.dropped.fetch_add(found.len().saturating_sub(room) as u64, Ordering::Relaxed);
        found.truncate(room);
        found.shrink_to_fit();
    }
}

/// What the meter says.
fn so_far(progress: &Progress, is_git: bool) -> String {
    let what = if is_git { "content" } else { "file" };
    let looked_at = said::count(progress.files.load(Ordering::Relaxed), what);
    format!("looking for secrets: {looked_at}, {}", said::bytes(progress.bytes.load(Ordering::Relaxed)))
}

/// A name for what these rules find in a text, by this version: notes of another one are not read.
fn name_of(rules: &RuleSet, decode_depth: u32) -> String {
    let mut hash = Sha256::new();
    hash.update(concat!(env!("CARGO_PKG_VERSION"), " "));
    hash.update(mainguard::secrets::SIEVE.to_le_bytes());
    hash.update(decode_depth.to_le_bytes());
    // Where the rules stand makes no difference to what they find.
    hash.update(format!("{:?}{:?}", rules.rules, rules.allowlists));
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// A panic elsewhere does not take what was found with it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Caches that no thread is using, and the thread that used them last.
type Caches = Mutex<Vec<(thread::ThreadId, Cache)>>;

/// Lends a cache, this thread's own if there is one: it remembers the text before.
fn with_cache<T>(caches: &Caches, work: impl FnOnce(&mut Cache) -> T) -> T {
    let me = thread::current().id();
    let mut cache = {
        let mut caches = locked(caches);
        let own = caches.iter().position(|(thread, _)| *thread == me).or(caches.len().checked_sub(1));
        own.map_or_else(Cache::default, |own| caches.swap_remove(own).1)
    };
    let result = work(&mut cache);
    locked(caches).push((me, cache));
    result
}

fn options(args: &ScanArgs) -> Options {
    let decode_depth = usize::try_from(args.max_decode_depth).unwrap_or(usize::MAX);
    Options { decode_depth, ignore_allow_comments: args.ignore_gitleaks_allow }
}

fn wrong_rule(error: &RuleError) -> anyhow::Error {
    let hint = error.hint().unwrap_or_else(|| "`mainguard rules check FILE` says what is wrong with it".into());
    Hinted::error(error.to_string(), hint)
}

/// The rule file and the baseline are full of what is looked for. gitleaks compares the baseline's path from the
/// target, and the rule file's as it was given.
fn own_files(args: &ScanArgs, job: &Job, rules: &RuleSet) -> Vec<Vec<u8>> {
    let plain = |path: &Path| path.display().to_string().into_bytes();
    let mut own: Vec<Vec<u8>> =
        rules.path.iter().map(|path| path.trim_start_matches("./").as_bytes().to_vec()).collect();
    if let Some(baseline) = &args.baseline_path {
        own.push(plain(baseline.strip_prefix(job.source()).unwrap_or(baseline)));
    }
    own
}

/// Where the repository is on the web, unless nobody wants links.
fn web(source: &Path, scope: &Git) -> anyhow::Result<Option<(Platform, String)>> {
    let Git::Log { platform, .. } = scope else { return Ok(None) };
    let named = match platform.as_deref().unwrap_or_default() {
        "none" => return Ok(None),
        "" | "unknown" => None,
        name => Some(Platform::from_name(name).ok_or_else(|| {
            let names = Platform::NAMES.map(|(name, _)| name).join(", ");
            Hinted::error(format!("`{name}` is no platform"), format!("the platforms are {names} and none"))
        })?),
    };
    let Some(address) = history::web_address(source) else { return Ok(None) };
    Ok(named.or_else(|| Platform::of_address(&address)).map(|platform| (platform, address)))
}

fn hinted(error: HistoryError) -> anyhow::Error {
    let hint = error.hint().unwrap_or_else(|| "the scan is not complete".into());
    Hinted::error(error.to_string(), hint)
}

/// What was passed over on purpose, for those who ask.
fn skipped(stats: &Stats, said: &Said<'_>) {
    let skipped = &stats.skipped;
    let reasons = [
        (skipped.allowed, "allowed by path"),
        (skipped.archives, "archives (--max-archive-depth)"),
        (skipped.binaries, "programs, documents and the like"),
        (skipped.empty, "empty"),
        (skipped.links, "links"),
        (skipped.special, "devices, sockets or pipes"),
        (skipped.too_large, "too large"),
    ];
    for (count, reason) in reasons.into_iter().filter(|(count, _)| *count > 0) {
        said.debug(&format!("passed over: {count} {reason}"));
    }
    if skipped.too_large > 0 {
        said.warn(&format!(
            "{} passed over: larger than --max-target-megabytes",
            said::count(skipped.too_large, "file")
        ));
    }
}

fn summary(stats: &Stats, history: Option<history::Stats>, job: &Job) -> Summary {
    let bytes = stats.bytes + history.map_or(0, |counts| counts.bytes);
    let what = match (history, job) {
        (Some(counts), Job::Git { scope: Git::Log { .. }, .. }) => {
            format!("{} ({})", said::count(counts.commits, "commit"), said::bytes(bytes))
        }
        (Some(counts), _) => format!("{} ({})", said::count(counts.hunks, "hunk"), said::bytes(bytes)),
        (None, Job::Stdin) => said::bytes(bytes),
        (None, _) => format!("{} ({})", said::count(stats.files, "file"), said::bytes(bytes)),
    };
    Summary { text: what, nothing: bytes == 0 }
}
