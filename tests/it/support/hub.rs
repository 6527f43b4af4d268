//! A GitHub on loopback with a merge queue's stories in it: pull requests over a real bare repository, people, labels,
//! checks, and a clock that only the story moves.
//!
//! What git can say, git says: ancestry, heads, whether a push is refused. CI is an oracle that looks at the tree of a
//! commit: a file `red*` makes it red, and so do `half-1` and `half-2` together. GraphQL is answered for the queries
//! that mainguard sends, and refused when one names a field that is not on the list.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use mainguard::change::CommitId;
use mainguard::git::integrate::{Remote, Store};
use mainguard::github::client::{Mode, Patience};
use mainguard::github::{Client, Repository, Token};
use mainguard::queue::config::RequiredCheck;
use mainguard::queue::entry::{ExitReason, Phase};
use mainguard::queue::event::Event;
use mainguard::queue::{Config, State};
use mainguard::queue_driver::{self, DriverError, Foreseen, Session, Ticked, state_ref};
use serde_json::{Value, json};

use super::github::Recorded;
use super::repo::{git_at, git_command};

mod server;

pub(crate) const TOKEN: &str = "ghs_thisIsTheTokenOfTheHub";
const ME: &str = "mainguard[bot]";

/// A repository with a queue, and everybody around it.
pub(crate) struct Hub {
    directory: tempfile::TempDir,
    address: SocketAddr,
    shared: Arc<Mutex<Facts>>,
    runtime: Option<tokio::runtime::Runtime>,
    pub(crate) config: RefCell<Config>,
    pub(crate) events: RefCell<Vec<Event>>,
    /// How many stores were opened: each runner has its own clone.
    runner: Cell<u32>,
}

/// Something that happens behind a runner's back.
pub(crate) type Meanwhile = Box<dyn FnOnce(&mut Facts) + Send>;

/// What the server knows.
pub(crate) struct Facts {
    pub(crate) now: DateTime<Utc>,
    pub(crate) pulls: BTreeMap<u64, Pull>,
    /// By commit.
    pub(crate) checks: BTreeMap<String, Vec<Check>>,
    pub(crate) permissions: BTreeMap<String, &'static str>,
    /// Labels that the repository has.
    pub(crate) labels: BTreeSet<String>,
    pub(crate) comments: Vec<Comment>,
    pub(crate) runs: Vec<Run>,
    pub(crate) page_size: usize,
    /// Only the first page of a commit's check runs is told, and that there are more.
    pub(crate) loses_pages: bool,
    /// Branches that must not be deleted.
    pub(crate) protected: BTreeSet<String>,
    /// GitHub does not see that a head is in its branch.
    pub(crate) blind_to_merges: bool,
    /// Answers about pull requests are as old as this.
    pub(crate) stale: Option<BTreeMap<u64, Pull>>,
    /// The next requests of this method whose path has this part in it end so.
    pub(crate) faults: Vec<(Method, String, Fault)>,
    pub(crate) requests: Vec<Recorded>,
    pub(crate) rules: Value,
    /// What happens in the moment of the first request with this part in it, before it is answered.
    pub(crate) meanwhile: Option<(String, Meanwhile)>,
    pub(crate) git: PathBuf,
    last_id: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Pull {
    pub(crate) state: &'static str,
    pub(crate) head: String,
    pub(crate) branch: String,
    pub(crate) base: String,
    pub(crate) fork: bool,
    pub(crate) draft: bool,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) labels: Vec<String>,
    pub(crate) labeled: Vec<(String, String, DateTime<Utc>)>,
    pub(crate) reviews: Vec<&'static str>,
    pub(crate) updated_at: DateTime<Utc>,
}

/// A check run, or a status where there is no app.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) app: Option<&'static str>,
    pub(crate) suite: u64,
    pub(crate) conclusion: Option<String>,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) completed_at: Option<DateTime<Utc>>,
    external_id: String,
    output: Value,
}

#[derive(Clone, Debug)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) issue: u64,
    pub(crate) author: String,
    pub(crate) body: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) id: u64,
    pub(crate) commit: String,
    pub(crate) status: &'static str,
    pub(crate) reruns: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing is done, and this is the status.
    Status(u16),
    /// It is done, and this is the status all the same.
    DoneBut(u16),
    /// 403 and nothing remains for so many seconds.
    PrimaryLimit(i64),
    /// 403 with `Retry-After`.
    SecondaryLimit(u64),
    /// The answer is cut off.
    Truncated,
}

/// Minutes.
pub(crate) fn minutes(count: i64) -> TimeDelta {
    TimeDelta::minutes(count)
}

impl Hub {
    /// `main` with three files, one required check `ci`, and ada, who may write.
    pub(crate) fn new() -> Hub {
        let directory = tempfile::tempdir().unwrap();
        let git = directory.path().join("origin.git");
        std::fs::create_dir(&git).unwrap();
        git_at(&git, &["init", "-q", "--bare", "-b", "main", "."], b"");
        for (key, value) in
            [("uploadpack.allowAnySHA1InWant", "true"), ("receive.denyDeletes", "false"), ("gc.auto", "0")]
        {
            git_at(&git, &["config", key, value], b"");
        }
        let now: DateTime<Utc> = "2026-01-05T09:00:00Z".parse().unwrap();
        let facts = Facts {
            now,
            pulls: BTreeMap::new(),
            checks: BTreeMap::new(),
            permissions: BTreeMap::from([("ada".into(), "write"), ("root".into(), "admin"), ("tri".into(), "read")]),
            labels: BTreeSet::new(),
            comments: Vec::new(),
            runs: Vec::new(),
            page_size: 100,
            loses_pages: false,
            protected: BTreeSet::from(["main".into()]),
            blind_to_merges: false,
            stale: None,
            faults: Vec::new(),
            requests: Vec::new(),
            rules: json!([]),
            meanwhile: None,
            git,
            last_id: 1_000,
        };
        let shared = Arc::new(Mutex::new(facts));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let app = axum::Router::new().fallback(server::serve).with_state((Arc::clone(&shared), address));
        runtime.spawn(async move { axum::serve(listener, app).await });
        let config = Config {
            queue_checks: vec![RequiredCheck { name: "ci".into(), app: Some("github-actions".into()) }],
            ..Config::default()
        };
        let hub = Hub {
            directory,
            address,
            shared,
            runtime: Some(runtime),
            config: RefCell::new(config),
            events: RefCell::default(),
            runner: Cell::new(0),
        };
        let first = hub.commit("refs/heads/main", None, &[("a", "a\n"), ("b", "b\n"), ("c", "c\n")]);
        hub.check(&first, "ci", Some("success"));
        hub
    }

    pub(crate) fn facts(&self) -> MutexGuard<'_, Facts> {
        self.shared.lock().unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where the server keeps its repository.
    pub(crate) fn origin(&self) -> PathBuf {
        self.directory.path().join("origin.git")
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.directory.path().into()
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.facts().now
    }

    /// Time goes by.
    pub(crate) fn pass(&self, time: TimeDelta) {
        self.facts().now += time;
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        String::from_utf8(git_at(&self.origin(), arguments, b"")).unwrap().trim_end().to_string()
    }

    /// Makes a commit with these files on top of another (or of nothing), and moves the ref to it.
    pub(crate) fn commit(&self, name: &str, onto: Option<&str>, files: &[(&str, &str)]) -> String {
        let seconds = self.now().timestamp();
        let mut stream = format!("commit {name}\ncommitter Ada <ada@example.org> {seconds} +0000\ndata 7\nchanged\n");
        match onto {
            Some(onto) => stream.push_str(&format!("from {onto}\n")),
            None => stream = format!("reset {name}\n{stream}"),
        }
        for (path, content) in files {
            match *content {
                "" => stream.push_str(&format!("D {path}\n")),
                _ => stream.push_str(&format!("M 100644 inline {path}\ndata {}\n{content}\n", content.len())),
            }
        }
        git_at(&self.origin(), &["fast-import", "--quiet", "--force"], stream.as_bytes());
        self.git(&["rev-parse", name])
    }

    /// Where a branch is.
    pub(crate) fn tip(&self, branch: &str) -> String {
        self.git(&["rev-parse", &format!("refs/heads/{branch}")])
    }

    pub(crate) fn main(&self) -> String {
        self.tip("main")
    }

    /// The files of `main`.
    pub(crate) fn files(&self) -> BTreeSet<String> {
        self.git(&["ls-tree", "-r", "--name-only", "refs/heads/main"]).lines().map(str::to_string).collect()
    }

    /// Opens a pull request that writes these files, with a green check on its head.
    pub(crate) fn open(&self, number: u64, files: &[(&str, &str)]) -> String {
        let head = self.open_unchecked(number, files);
        self.check(&head, "ci", Some("success"));
        head
    }

    pub(crate) fn open_unchecked(&self, number: u64, files: &[(&str, &str)]) -> String {
        let main = self.main();
        let head = self.commit(&format!("refs/heads/pr-{number}"), Some(&main), files);
        self.git(&["update-ref", &format!("refs/pull/{number}/head"), &head]);
        let mut facts = self.facts();
        let updated_at = facts.now;
        let pull = Pull {
            state: "OPEN",
            head: head.clone(),
            branch: format!("pr-{number}"),
            base: "main".into(),
            fork: false,
            draft: false,
            title: format!("Change {number}"),
            body: String::new(),
            labels: Vec::new(),
            labeled: Vec::new(),
            reviews: Vec::new(),
            updated_at,
        };
        facts.pulls.insert(number, pull);
        head
    }

    /// Somebody pushes onto the pull request's branch; its check is green again.
    pub(crate) fn push(&self, number: u64, files: &[(&str, &str)]) -> String {
        let old = self.facts().pulls[&number].head.clone();
        let head = self.commit(&format!("refs/heads/pr-{number}"), Some(&old), files);
        self.git(&["update-ref", &format!("refs/pull/{number}/head"), &head]);
        self.check(&head, "ci", Some("success"));
        self.change(number, |pull| pull.head = head.clone());
        head
    }

    /// Something about a pull request becomes otherwise, now.
    pub(crate) fn change(&self, number: u64, change: impl FnOnce(&mut Pull)) {
        let mut facts = self.facts();
        let now = facts.now;
        let pull = facts.pulls.get_mut(&number).unwrap();
        pull.updated_at = now;
        change(pull);
    }

    /// Somebody puts the queue's label on.
    pub(crate) fn label(&self, number: u64, by: &str) {
        let name = self.config.borrow().label.clone();
        let now = self.now();
        self.change(number, |pull| {
            if !pull.labels.contains(&name) {
                pull.labels.push(name.clone());
                pull.labeled.push((name, by.into(), now));
            }
        });
    }

    /// Opens and labels, a second after the last one.
    pub(crate) fn queue(&self, number: u64, files: &[(&str, &str)]) -> String {
        self.pass(TimeDelta::seconds(1));
        let head = self.open(number, files);
        self.label(number, "ada");
        head
    }

    pub(crate) fn unlabel(&self, number: u64) {
        let name = self.config.borrow().label.clone();
        self.change(number, |pull| pull.labels.retain(|label| *label != name));
    }

    pub(crate) fn has_label(&self, number: u64, label: &str) -> bool {
        self.facts().pulls[&number].labels.iter().any(|name| name == label)
    }

    pub(crate) fn is_queued(&self, number: u64) -> bool {
        self.has_label(number, "ready-to-queue")
    }

    /// Somebody comments.
    pub(crate) fn say(&self, number: u64, by: &str, body: &str) {
        let mut facts = self.facts();
        let (id, now) = (facts.next_id(), facts.now);
        let comment =
            Comment { id, issue: number, author: by.into(), body: body.into(), created_at: now, updated_at: now };
        facts.comments.push(comment);
    }

    /// What the queue says on a pull request; more than one comment is a failed test.
    pub(crate) fn said(&self, number: u64) -> String {
        let facts = self.facts();
        let ours: Vec<&Comment> = facts
            .comments
            .iter()
            .filter(|comment| {
                comment.issue == number && comment.author == ME && comment.body.contains("mainguard:queue")
            })
            .collect();
        assert!(ours.len() <= 1, "more than one comment on #{number}: {ours:?}");
        ours.first().map(|comment| comment.body.lines().skip(1).collect::<Vec<_>>().join("\n")).unwrap_or_default()
    }

    /// A check on a commit that began ten minutes ago and has ended now, or runs.
    pub(crate) fn check(&self, commit: &str, name: &str, conclusion: Option<&str>) {
        self.check_by(commit, name, Some("github-actions"), 1, conclusion);
    }

    pub(crate) fn check_by(
        &self,
        commit: &str,
        name: &str,
        app: Option<&'static str>,
        suite: u64,
        conclusion: Option<&str>,
    ) {
        let mut facts = self.facts();
        let (id, now) = (facts.next_id(), facts.now);
        let check = Check {
            id,
            name: name.into(),
            app,
            suite,
            conclusion: conclusion.map(str::to_string),
            started_at: now - minutes(10),
            completed_at: conclusion.map(|_| now),
            external_id: String::new(),
            output: Value::Null,
        };
        facts.checks.entry(commit.into()).or_default().push(check);
    }

    /// Integration branches, name to commit.
    pub(crate) fn builds(&self) -> BTreeMap<String, String> {
        let listed = self.git(&["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/mainguard/int"]);
        listed.lines().filter_map(|line| line.split_once(' ')).map(|(a, b)| (a.to_string(), b.to_string())).collect()
    }

    /// Commits of integration branches on which nothing has reported.
    pub(crate) fn untested(&self) -> Vec<String> {
        let builds = self.builds();
        let facts = self.facts();
        let tested = |commit: &String| facts.checks.get(commit).is_some_and(|checks| !checks.is_empty());
        let commits: BTreeSet<String> = builds.into_values().filter(|commit| !tested(commit)).collect();
        commits.into_iter().collect()
    }

    /// The oracle: red, when the tree says so.
    pub(crate) fn is_red(&self, commit: &str) -> bool {
        let files = self.git(&["ls-tree", "-r", "--name-only", commit]);
        let has = |name: &str| files.lines().any(|file| file == name);
        files.lines().any(|file| file.starts_with("red")) || has("half-1") && has("half-2")
    }

    /// CI takes ten minutes and ends on every integration branch.
    pub(crate) fn ci(&self) -> usize {
        self.pass(minutes(10));
        let untested = self.untested();
        for commit in &untested {
            let conclusion = if self.is_red(commit) { "failure" } else { "success" };
            self.check(commit, "ci", Some(conclusion));
        }
        untested.len()
    }

    /// The queue's own clone, and a tick in it.
    pub(crate) fn try_tick(&self) -> Result<Ticked, DriverError> {
        let ticked = self.with_session("main", |session| queue_driver::tick(session, &[], self.now()))?;
        self.events.borrow_mut().extend(ticked.events.clone());
        self.notice_merges();
        Ok(ticked)
    }

    pub(crate) fn tick(&self) -> Ticked {
        self.try_tick().unwrap_or_else(|error| panic!("the tick failed: {error}"))
    }

    pub(crate) fn foresee(&self) -> Foreseen {
        self.with_session("main", |session| queue_driver::foresee(session, self.now()).unwrap())
    }

    /// Ticks and tests until nothing changes, for at most so many rounds.
    pub(crate) fn settle(&self) -> usize {
        let mut runs = 0;
        for _ in 0..60 {
            let ticked = self.tick();
            let tested = self.ci();
            runs += tested;
            if tested == 0 && ticked.done.is_empty() && ticked.events.is_empty() {
                return runs;
            }
        }
        panic!("the queue does not come to rest");
    }

    /// A session of another runner with its own clone.
    pub(crate) fn with_session<T>(&self, branch: &str, work: impl FnOnce(&Session<'_>) -> T) -> T {
        let directory = self.directory.path().join(format!("runner-{}.git", self.runner.get()));
        let store = self.store(&directory);
        let client = self.client();
        let repository = Repository::parse("octo/repo").unwrap();
        let config = self.config.borrow().clone();
        let session = Session {
            store: &store,
            client: &client,
            repository: &repository,
            branch,
            config: &config,
            dispatch: None,
        };
        work(&session)
    }

    /// From now on another machine does the work.
    pub(crate) fn another_runner(&self) {
        self.runner.set(self.runner.get() + 1);
    }

    pub(crate) fn store(&self, directory: &std::path::Path) -> Store {
        let remote = Remote { url: self.origin().to_str().unwrap().into(), authorization: None };
        Store::open(directory, None, remote, Duration::from_secs(60), std::env::vars_os()).unwrap()
    }

    pub(crate) fn client(&self) -> Client {
        client_of(&self.url())
    }

    /// How it left, if anything is remembered at all.
    pub(crate) fn exit_if_any(&self, number: u64) -> Option<ExitReason> {
        let name = state_ref("main");
        let there = self.git(&["for-each-ref", "--format=%(refname)", &name]);
        if there.is_empty() { None } else { self.exit(number) }
    }

    /// What the queue remembers.
    pub(crate) fn state(&self) -> State {
        let name = state_ref("main");
        let bytes = git_at(&self.origin(), &["cat-file", "blob", &format!("{name}:state.json")], b"");
        State::from_json(&bytes, "main").unwrap()
    }

    pub(crate) fn phase(&self, number: u64) -> Option<Phase> {
        self.state().entries.get(&number).map(|entry| entry.phase.clone())
    }

    pub(crate) fn exit(&self, number: u64) -> Option<ExitReason> {
        match self.phase(number) {
            Some(Phase::Done(exit)) => Some(exit),
            _ => None,
        }
    }

    pub(crate) fn has_landed(&self, number: u64) -> bool {
        let head = self.facts().pulls[&number].head.clone();
        let answer = git_command(&self.origin())
            .args(["merge-base", "--is-ancestor", &head, "refs/heads/main"])
            .status()
            .unwrap()
            .success();
        let exit = self.exit(number);
        assert_eq!(
            answer,
            matches!(exit, Some(ExitReason::Landed { .. })),
            "#{number}: {exit:?}, {:?}",
            self.phase(number)
        );
        answer
    }

    pub(crate) fn event_names(&self) -> Vec<&'static str> {
        self.events.borrow().iter().map(|event| event.kind.name()).collect()
    }

    /// GitHub sees that a head is in its branch.
    fn notice_merges(&self) {
        if self.facts().blind_to_merges {
            return;
        }
        let open: Vec<(u64, String, String)> = self
            .facts()
            .pulls
            .iter()
            .filter(|(_, pull)| pull.state == "OPEN")
            .map(|(number, pull)| (*number, pull.head.clone(), pull.base.clone()))
            .collect();
        let landed: BTreeSet<String> = self.git(&["rev-list", "refs/heads/main"]).lines().map(str::to_string).collect();
        for (number, head, base) in open {
            if base == "main" && landed.contains(&head) {
                self.change(number, |pull| pull.state = "MERGED");
            }
        }
    }

    /// This happens behind the runner's back, in the last look at #7 before the push: only that asks for it by number.
    pub(crate) fn at_the_last_look(&self, meanwhile: impl FnOnce(&mut Facts) + Send + 'static) {
        self.facts().meanwhile = Some(("p7: pullRequest".into(), Box::new(meanwhile)));
    }

    pub(crate) fn fail(&self, method: Method, part: &str, fault: Fault) {
        self.facts().faults.push((method, part.into(), fault));
    }

    /// Everything on main was tested as exactly that commit, and is what its trailers say.
    pub(crate) fn assert_proven(&self) {
        let facts = self.facts();
        for commit in self.git(&["rev-list", "--first-parent", "refs/heads/main"]).lines() {
            let message = self.git(&["log", "-1", "--format=%B", commit]);
            let is_ours = message.contains("Mainguard-Build:");
            let green = facts.checks.get(commit).is_some_and(|checks| {
                checks
                    .iter()
                    .rfind(|check| check.name == "ci")
                    .is_some_and(|check| check.conclusion.as_deref() == Some("success"))
            });
            let is_tip_of_a_push =
                is_ours && !self.git(&["log", "--format=%H", &state_ref("main"), "--grep", commit]).is_empty();
            assert!(!is_tip_of_a_push || green, "{commit} landed without a green check");
        }
        drop(facts);
        let directory = self.directory.path().join("verify.git");
        let store = self.store(&directory);
        let main = CommitId::parse(&self.main()).unwrap();
        store.fetch(&BTreeSet::from([main.clone()])).unwrap();
        for verified in queue_driver::verify::verify(&store, None, &main).unwrap() {
            assert!(!matches!(verified.finding, queue_driver::verify::Finding::Forged { .. }), "{verified:?}");
        }
    }
}

/// A client without patience for waiting.
pub(crate) fn client_of(url: &str) -> Client {
    let patience = Patience {
        backoff: vec![Duration::ZERO; 2],
        total: Duration::from_secs(30),
        sleep: Box::new(|_| {}),
        ..Patience::default()
    };
    Client::new(url, Token::new(TOKEN).as_ref(), Mode::Live, patience).unwrap()
}

impl Drop for Hub {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Facts {
    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}
