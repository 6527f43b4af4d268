//! Text from git: the lines that commits added, staged lines, lines that are not staged yet.
//!
//! git itself has the last word on which lines those are, since users compare, and since it alone knows a
//! repository's attributes, replaced objects and encodings: every fragment comes from its patch, read by
//! [`patches`]. What it is not asked for is work without result. With a [`Sieve`], a full scan first looks at each
//! blob once (`objects`), and asks git only about the commits that may have added something of interest.
//!
//! Nothing but git is started: no pager, no textconv, no external diff, no hook, no file system monitor, whatever the
//! repository's configuration asks for; and git stays off the network. (One exception: to compare files on disk, for
//! [`Scope::Unstaged`], git passes them through the filters that are configured for them, as `git add` would.) A git that fails is an error
//! ([`HistoryError`]), never a shorter scan.
#![expect(clippy::disallowed_methods, reason = "runs git")]

use std::ffi::OsStr;
use std::io::{BufReader, Read, Write};
use std::ops::Range;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use super::patches::{self, Added, Item, PatchError, Patches};
use super::platforms;
use crate::change::CommitId;
use crate::secrets::{Fragment, Origin};

mod memory;
mod objects;
mod outline;
mod region;

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All that any ref leads to.
    All,
    /// What `git log` with these options leads to; see [`log_options`].
    Log(Vec<String>),
    /// The commits that `head` has and `base` lacks. Merges count with the lines that none of their parents has.
    Range {
        /// Where the history of interest begins; `None`: at the root.
        base: Option<CommitId>,
        /// Where it ends.
        head: CommitId,
    },
    /// What `git commit` would record.
    Staged,
    /// What is changed on disk and not staged.
    Unstaged,
}

/// How to look.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// A folder of the repository. [`Scope::Staged`] and [`Scope::Unstaged`] look at what is in this folder.
    pub directory: &'a Path,
    /// Threads that look at fragments; at least one.
    pub threads: usize,
    /// Web address of the repository, for [`CommitInfo::web`](crate::secrets::CommitInfo::web); see [`web_address`].
    pub web: &'a str,
    /// Bounds of memory.
    pub limits: patches::Limits,
    /// Makes a scan of [`Scope::All`] quick: git is asked only about commits that may add something of interest.
    /// Fragments of other commits are not given out.
    pub sieve: Option<Sieve<'a>>,
    /// With a sieve: a name of the rules, 16 to 64 letters and digits, under which the scan leaves notes in the git
    /// directory. A later scan with the same rules looks only at contents that came since.
    pub memory: Option<&'a str>,
    /// Looks at files that are not text; `None`: they are passed over.
    pub binaries: Option<Binaries<'a>>,
    /// Told every now and then how many commits were passed.
    pub progress: Option<&'a (dyn Fn(u64) + Sync)>,
    /// Once true, the scan ends with [`HistoryError::Cancelled`].
    pub cancel: Option<&'a AtomicBool>,
    /// Called when git was started and has printed nothing yet: what can be made ready in the meantime.
    pub meanwhile: Option<&'a (dyn Fn() + Sync)>,
}

impl<'a> Options<'a> {
    /// Everything else as usual.
    pub fn new(directory: &'a Path) -> Options<'a> {
        Options {
            directory,
            threads: thread::available_parallelism().map_or(1, usize::from),
            web: "",
            limits: patches::Limits::default(),
            sieve: None,
            memory: None,
            binaries: None,
            progress: None,
            cancel: None,
            meanwhile: None,
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed))
    }
}

/// Runs of lines of a text, as ranges of its bytes; `None` where it cannot be told which.
pub type Places = Option<Vec<Range<usize>>>;

/// What is of interest. May say yes too often, and must not say no wrongly.
#[derive(Clone, Copy)]
pub struct Sieve<'a> {
    /// Whether a text of the file at this path, or any run of the text's lines, may hold a finding. Asked about added lines.
    pub text: &'a (dyn Fn(&[u8], &[u8]) -> bool + Sync),
    /// Where, in a whole file: runs of lines, in order and apart, one of which is all in any run of lines that holds a
    /// finding. None of them means that there is nothing, `None` that there may be something anywhere.
    pub places: &'a (dyn Fn(&[u8]) -> Places + Sync),
    /// Whether more may be a finding in the file at this path than `places` tells.
    pub narrow: &'a (dyn Fn(&[u8]) -> bool + Sync),
    /// Whether a path may be a finding, whatever the file holds.
    pub path: &'a (dyn Fn(&[u8]) -> bool + Sync),
}

/// What to do with files that are not text, as archives.
#[derive(Clone, Copy)]
pub struct Binaries<'a> {
    /// Whether the file at this path is of interest.
    pub wants: &'a (dyn Fn(&[u8]) -> bool + Sync),
    /// Reads its content. Need not read it all.
    pub read: &'a (dyn Fn(&Origin, &mut dyn Read) + Sync),
}

/// What was scanned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Commits that were looked at. git does not show those that only take files away.
    pub commits: u64,
    /// Contents that a [`Sieve`] looked at whole, each once, in this scan or one that it remembers.
    pub blobs: u64,
    /// Hunks that were given out.
    pub hunks: u64,
    /// Bytes that were looked at: of the contents with a sieve, else of the added lines.
    pub bytes: u64,
    /// Hunks that were too large to be looked at in one piece.
    pub splits: u64,
}

/// Why a scan is not complete.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// There is no git.
    #[error("git cannot be started: {reason}")]
    Start {
        /// Why.
        reason: String,
    },
    /// git gave up. What was scanned until then is not all.
    #[error("`git {command}` failed ({status}){}", said(.stderr))]
    Git {
        /// `log` or `diff`.
        command: &'static str,
        /// How it ended.
        status: String,
        /// What it said, in part.
        stderr: String,
    },
    /// Contents are missing. Everything else was scanned.
    #[error(
        "{commits} commits cannot be scanned: not all of their files are here, for instance not the object {object}"
    )]
    Incomplete {
        /// How many.
        commits: u64,
        /// The first object that is missing.
        object: String,
        /// Whether contents were left out when cloning.
        partial: bool,
        /// What was scanned.
        scanned: Stats,
    },
    /// What it printed is not understood.
    #[error(transparent)]
    Patch(#[from] PatchError),
    /// An option of `git log` under which a patch is no patch.
    #[error("`{option}` cannot be given to git log here: {reason}")]
    Option {
        /// Which.
        option: String,
        /// Why.
        reason: &'static str,
    },
    /// Told to stop.
    #[error("the scan was stopped before its end")]
    Cancelled,
}

impl HistoryError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            HistoryError::Start { .. } => Some("install git, or put it on the PATH".into()),
            HistoryError::Incomplete { partial: true, .. } => Some(
                "the clone is partial: fetch what is missing first, for instance with `git fetch --refetch`".into(),
            ),
            HistoryError::Incomplete { .. } => {
                Some("`git fsck` says what else is missing; a fresh clone repairs it".into())
            }
            HistoryError::Git { stderr, .. } => {
                let said = |words: &[&str]| words.iter().any(|word| stderr.contains(word));
                Some(if said(&["not a git repository"]) {
                    "run this inside a git repository, or scan the files with `secrets dir`".into()
                } else if said(&["dubious ownership"]) {
                    "the repository belongs to someone else: `git config --global --add safe.directory PATH`".into()
                } else if said(&["promisor", "lazy fetch", "transport"]) {
                    "the clone is partial: fetch what is missing first, for instance with `git fetch --refetch`".into()
                } else if said(&["unknown revision", "bad revision", "ambiguous argument"]) {
                    "fetch that revision first, or check the spelling".into()
                } else {
                    "the scan is not complete: `git fsck` says what is missing".into()
                })
            }
            HistoryError::Patch(_) => Some("the scan is not complete; please report what `git --version` says".into()),
            HistoryError::Option { .. } => Some("leave it out: it changes how git prints, not what it finds".into()),
            HistoryError::Cancelled => None,
        }
    }
}

fn said(stderr: &str) -> String {
    match stderr.trim() {
        "" => String::new(),
        stderr => format!(": {stderr}"),
    }
}

/// The words of `--log-opts`, split at spaces as gitleaks does. Options that only change how commits are headed are
/// left out; others that would make a patch unreadable, write files or start programs are errors.
pub fn log_options(text: &str) -> Result<Vec<String>, HistoryError> {
    /// They say how a commit is headed.
    const HEADINGS: [&str; 12] = [
        "--format",
        "--pretty",
        "--oneline",
        "--abbrev-commit",
        "--date",
        "--encoding",
        "--decorate",
        "--show-signature",
        "--color",
        "--relative-date",
        "--parents",
        "--children",
    ];
    const OTHERS: [(&str, &str); 13] = [
        ("--output", "it would write the patch to a file"),
        ("--ext-diff", "it would start programs"),
        ("--textconv", "it would start programs"),
        ("--graph", "it draws into the patch"),
        ("--line-prefix", "it writes into the patch"),
        ("--word-diff", "it leaves the lines of the patch apart"),
        ("--color-words", "it leaves the lines of the patch apart"),
        ("--no-patch", "there would be nothing to scan"),
        ("-s", "there would be nothing to scan"),
        ("--output-indicator-new", "it changes the marks of the patch"),
        ("--output-indicator-old", "it changes the marks of the patch"),
        ("--output-indicator-context", "it changes the marks of the patch"),
        ("-z", "it takes the ends off the lines"),
    ];
    let mut words = Vec::new();
    let mut paths = false;
    for word in text.split(' ') {
        let name = word.split('=').next().unwrap_or_default();
        paths |= word == "--";
        if paths {
            words.push(word.to_string());
            continue;
        }
        if let Some((_, reason)) = OTHERS.iter().find(|(other, _)| *other == name) {
            return Err(HistoryError::Option { option: name.into(), reason });
        }
        // A second space in a row would be an empty revision.
        if !word.is_empty() && !HEADINGS.contains(&name) {
            words.push(word.to_string());
        }
    }
    Ok(words)
}

/// The web address of the remote that a push without arguments goes to, or of the only one; `None` without one.
pub fn web_address(directory: &Path) -> Option<String> {
    let output = git(directory).args(["ls-remote", "--quiet", "--get-url"]).stdin(Stdio::null()).output().ok()?;
    let address = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| platforms::web_address(&address)).flatten()
}

/// Gives every fragment of `scope` to `each`, from many threads and in no order.
pub fn for_each(
    scope: &Scope,
    options: &Options<'_>,
    each: &(dyn Fn(&Fragment<'_>) + Sync),
) -> Result<Stats, HistoryError> {
    if let (Scope::All, Some(sieve)) = (scope, &options.sieve)
        && let Some(survey) = objects::survey(options, sieve)?
    {
        let mut stats = Stats { commits: survey.total, blobs: survey.blobs, bytes: survey.bytes, ..Stats::default() };
        if !survey.commits.is_empty() {
            let mut patch = Patch::log(options.directory, ["--no-walk=unsorted", "--diff-filter=tuxdb", "--stdin"]);
            patch.input = survey.commits.iter().flat_map(|id| format!("{id}\n").into_bytes()).collect();
            let asked = patch.for_each(&Options { progress: None, ..*options }, each)?;
            (stats.hunks, stats.splits) = (asked.hunks, asked.splits);
        }
        return match survey.unreadable {
            None => Ok(stats),
            Some((commits, object)) => {
                let object = object.to_string();
                let partial = crate::git::Repository::discover(options.directory).is_ok_and(|here| here.is_partial());
                Err(HistoryError::Incomplete { commits, object, partial, scanned: stats })
            }
        };
    }
    Patch::of(scope, options.directory)?.for_each(options, each)
}

/// A git that prints a patch.
struct Patch {
    command: Command,
    name: &'static str,
    input: Vec<u8>,
}

impl Patch {
    fn of(scope: &Scope, directory: &Path) -> Result<Patch, HistoryError> {
        Ok(match scope {
            Scope::All => Patch::log(directory, ["--full-history", "--all", "--diff-filter=tuxdb"]),
            Scope::Log(words) => Patch::log(directory, words),
            Scope::Range { base, head } => {
                let until = base.iter().map(|base| format!("^{base}"));
                // `-c`: of a merge, the lines that differ from all parents.
                let words = ["--full-history".into(), "-c".into(), head.to_string()].into_iter().chain(until);
                Patch::log(directory, words.chain(["--".into()]))
            }
            Scope::Staged => Patch::diff(directory, &["--staged", "--", "."]),
            Scope::Unstaged => Patch::diff(directory, &["--", "."]),
        })
    }

    fn log<W: AsRef<OsStr>>(directory: &Path, words: impl IntoIterator<Item = W>) -> Patch {
        let mut command = git(directory);
        command.args(["log", "-p"]).args(PLAIN).args([
            "--pretty=medium",
            "--date=raw",
            "--encoding=UTF-8",
            "--no-abbrev-commit",
            "--no-decorate",
            "--no-show-signature",
        ]);
        command.args(words);
        Patch { command, name: "log", input: Vec::new() }
    }

    fn diff(directory: &Path, words: &[&str]) -> Patch {
        let mut command = git(directory);
        command.arg("diff").args(PLAIN).args(words);
        Patch { command, name: "diff", input: Vec::new() }
    }

    fn for_each(mut self, options: &Options<'_>, each: &(dyn Fn(&Fragment<'_>) + Sync)) -> Result<Stats, HistoryError> {
        let mut running = Running::start(&mut self.command, self.name, std::mem::take(&mut self.input))?;
        if let Some(meanwhile) = options.meanwhile {
            meanwhile();
        }
        let mut patches =
            Patches::new(BufReader::with_capacity(1 << 17, running.stdout()?), options.web, options.limits);
        let counts = Counts::default();
        let unread: Mutex<Option<HistoryError>> = Mutex::new(None);
        let work = |item: Item| match item {
            Item::Added(added) => {
                counts.hunks.fetch_add(1, Ordering::Relaxed);
                counts.bytes.fetch_add(added.text.len() as u64, Ordering::Relaxed);
                each(&added.fragment());
            }
            Item::Binary(origin) => {
                if let Some(binaries) = options.binaries.filter(|binaries| (binaries.wants)(&origin.path))
                    && let Err(error) = read_blob(options.directory, &origin, binaries.read)
                {
                    unread.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get_or_insert(error);
                }
            }
        };
        let read = |give: &mut dyn FnMut(Item)| -> Result<(), HistoryError> {
            let mut told = 0;
            while let Some(item) = patches.next()? {
                if options.is_cancelled() {
                    return Err(HistoryError::Cancelled);
                }
                let commits = patches.commits();
                if let Some(progress) = options.progress.filter(|_| commits >= told + 64) {
                    progress(commits);
                    told = commits;
                }
                let wanted = match &item {
                    Item::Added(_) => true,
                    Item::Binary(_) => options.binaries.is_some(),
                };
                if wanted {
                    give(item);
                }
            }
            Ok(())
        };
        let result = pool(options.threads, read, &work);
        // A broken patch is most often the work of a git that failed; then that is the better story.
        match result {
            Err(HistoryError::Cancelled) => return Err(HistoryError::Cancelled),
            Err(error) => {
                running.finish_if_done()?;
                return Err(error);
            }
            Ok(()) => running.finish()?,
        }
        if let Some(error) = unread.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()) {
            return Err(error);
        }
        Ok(Stats {
            commits: patches.commits(),
            blobs: 0,
            hunks: counts.hunks.into_inner(),
            bytes: counts.bytes.into_inner(),
            splits: patches.splits(),
        })
    }
}

#[derive(Default)]
struct Counts {
    hunks: AtomicU64,
    bytes: AtomicU64,
}

/// The form of every patch, whatever is configured. The search for lines and renames is git's own default, so that
/// every machine sees the same lines.
const PLAIN: [&str; 10] = [
    "-U0",
    "--inter-hunk-context=0",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--submodule=short",
    "--diff-algorithm=default",
    "--find-renames",
];

/// `git` in a folder, with nothing that the repository could use to start other programs or to print otherwise.
fn git(directory: &Path) -> Command {
    const SETTINGS: [&str; 12] = [
        "core.fsmonitor=",
        "core.hooksPath=/dev/null",
        "core.commitGraph=true",
        "diff.external=",
        "diff.noprefix=false",
        "diff.mnemonicPrefix=false",
        "diff.relative=false",
        "diff.indentHeuristic=true",
        "diff.renameLimit=1000",
        "diff.suppressBlankEmpty=false",
        "log.showRoot=true",
        "log.follow=false",
    ];
    let mut command = Command::new("git");
    command.arg("--no-pager").arg("-C").arg(directory);
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    command
        // It would overrule `-U0`.
        .env_remove("GIT_DIFF_OPTS")
        .env_remove("GIT_EXTERNAL_DIFF")
        // No index is refreshed on disk, so no hook hears of it.
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        // A partial clone would ask its remote for what it lacks.
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_ALLOW_PROTOCOL", "none")
        .env("LC_ALL", "C");
    command
}

/// A child that does not outlive its reader.
struct Running {
    child: Child,
    name: &'static str,
    stderr: Option<thread::JoinHandle<String>>,
}

impl Running {
    fn start(command: &mut Command, name: &'static str, input: Vec<u8>) -> Result<Running, HistoryError> {
        command.stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let failed = |error: std::io::Error| HistoryError::Start { reason: error.to_string() };
        let mut child = command.spawn().map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A git that does not listen says why when it ends.
            thread::spawn(move || drop(stdin.write_all(&input)));
        }
        let stderr = child.stderr.take().map(|stderr| thread::spawn(move || listen(stderr)));
        Ok(Running { child, name, stderr })
    }

    fn stdout(&mut self) -> Result<std::process::ChildStdout, HistoryError> {
        self.child.stdout.take().ok_or(HistoryError::Start { reason: "it has no output".into() })
    }

    fn finish(&mut self) -> Result<(), HistoryError> {
        let status = self.child.wait().map_err(|error| HistoryError::Start { reason: error.to_string() })?;
        if status.success() {
            return Ok(());
        }
        let mut stderr = self.stderr.take().and_then(|stderr| stderr.join().ok()).unwrap_or_default();
        // Outside of a repository `git diff` compares files, and lists its options.
        if stderr.contains("git diff --no-index") {
            stderr = "not a git repository".into();
        }
        Err(HistoryError::Git { command: self.name, status: status.to_string(), stderr })
    }

    /// The error of a child that ended already.
    fn finish_if_done(&mut self) -> Result<(), HistoryError> {
        match self.child.try_wait() {
            Ok(Some(_)) => self.finish(),
            _ => Ok(()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The beginning of what is said, safe to print; the rest is read so that nobody waits.
fn listen(mut stderr: impl Read) -> String {
    const MOST: u64 = 4096;
    let mut start = Vec::new();
    let _ = stderr.by_ref().take(MOST).read_to_end(&mut start);
    let _ = std::io::copy(&mut stderr, &mut std::io::sink());
    let text = String::from_utf8_lossy(&start);
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

fn read_blob(
    directory: &Path,
    origin: &Origin,
    read: &(dyn Fn(&Origin, &mut dyn Read) + Sync),
) -> Result<(), HistoryError> {
    let id = origin.commit.as_ref().map_or("", |commit| &commit.id);
    // Without an id, of the index.
    let mut name = format!("{id}:").into_bytes();
    name.extend_from_slice(&origin.path);
    let name = bstr::ByteSlice::to_os_str(&*name);
    let name = name.map_err(|_| HistoryError::Start { reason: "a path is no text on this system".into() })?;
    let mut command = git(directory);
    command.args(["cat-file", "blob"]).arg(name);
    let mut running = Running::start(&mut command, "cat-file", Vec::new())?;
    let mut stdout = running.stdout()?;
    read(origin, &mut stdout);
    // Whoever has seen enough leaves git in the middle of a word.
    match stdout.read(&mut [0]) {
        Ok(0) => running.finish(),
        _ => Ok(()),
    }
}

/// Reads on this thread and works on others, in portions; with one thread all is done here. A panic in `work` is
/// passed on once everybody is done.
fn pool<T: Send + Weight>(
    threads: usize,
    read: impl FnOnce(&mut dyn FnMut(T)) -> Result<(), HistoryError>,
    work: &(dyn Fn(T) + Sync),
) -> Result<(), HistoryError> {
    /// In bytes. Large enough that handing over costs nothing, small enough that all get some.
    const PORTION: usize = 128 << 10;
    if threads <= 1 {
        return read(&mut |item| work(item));
    }
    let (sender, receiver) = mpsc::sync_channel::<Vec<T>>(threads);
    let receiver = Mutex::new(receiver);
    let panic = Mutex::new(None);
    let worker = || {
        loop {
            let portion = receiver.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).recv();
            let Ok(portion) = portion else { return };
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| portion.into_iter().for_each(work)));
            if let Err(cause) = done {
                *panic.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(cause);
            }
        }
    };
    let result = thread::scope(|scope| {
        let mut workers = 0;
        let mut portion = Vec::new();
        let mut bytes = 0;
        let result = read(&mut |item: T| {
            if bytes >= PORTION {
                if workers < threads {
                    workers += 1;
                    scope.spawn(worker);
                }
                bytes = 0;
                // Workers leave only when the sender is gone.
                let _ = sender.send(std::mem::take(&mut portion));
            }
            bytes += item.weight();
            portion.push(item);
        });
        drop(sender);
        // The last portion, most often the only one, is not worth a thread.
        result.map(|()| portion.into_iter().for_each(work))
    });
    if let Some(cause) = panic.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()) {
        std::panic::resume_unwind(cause);
    }
    result
}

/// How much an item weighs in a portion.
trait Weight {
    /// In bytes.
    fn weight(&self) -> usize;
}

impl Weight for Item {
    fn weight(&self) -> usize {
        match self {
            Item::Added(Added { text, .. }) => text.len() + 256,
            Item::Binary(_) => 4096,
        }
    }
}
