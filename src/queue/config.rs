//! The section `queue` of the configuration: what must be green, how wide and deep the queue tests, when it rests.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most builds that may run at once, whatever the configuration says.
pub const DEEPEST: u32 = 100;
/// The largest batch, whatever the configuration says.
pub const LARGEST_BATCH: u32 = 50;

/// The section `queue` of the configuration.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Queue")]
pub struct Config {
    /// The branches that have a queue.
    pub branches: Vec<String>,
    /// The label by which a maintainer queues a pull request.
    pub label: String,
    /// Labels that keep a pull request out of every batch: it is tested and lands alone.
    pub single_labels: Vec<String>,
    /// Checks that must be green on the pull request's own head before it is queued. When absent: `queue_checks`.
    pub pr_checks: Option<Vec<RequiredCheck>>,
    /// Checks that must be green on the very commit that lands. Without one there is no queue.
    pub queue_checks: Vec<RequiredCheck>,
    /// Whether a required check with the conclusion `neutral` is green.
    pub neutral_is_green: bool,
    /// Whether a required check with the conclusion `skipped` is green.
    pub skipped_is_green: bool,
    /// Whether an approving review is needed.
    pub require_approval: bool,
    /// How many builds run at once: the length of the train.
    pub depth: u32,
    /// Whether fewer builds run at once after red ones, and more again after green ones. Saves CI while much is red, and
    /// costs time: in the simulator a steady depth lets people wait less at every load.
    pub adaptive_depth: bool,
    /// How many pull requests are tested together.
    pub batch: Batch,
    /// How often a pull request that was red alone is tested again before it is ejected.
    pub confirm: u32,
    /// Whether a green build lands the builds below it too, whose changes it contains, although they are not green.
    pub optimistic: bool,
    /// Into how many parts a red batch is split.
    pub bisect_ways: u32,
    /// Whether a timeout of a batch is bisected like red; otherwise its members are tested one by one.
    pub bisect_timeouts: bool,
    /// Builds that take longer are cancelled and count as red. When absent: learned from the queue's own builds, between
    /// 10 minutes and 6 hours, and 2 hours until there is something to learn from.
    pub timeout_minutes: Option<u32>,
    /// How long a required check may stay silent, on a pull request or on a build, before it is named as missing.
    pub never_reported_minutes: u32,
    /// Builds that were green in less time are not believed: probably nothing ran.
    pub min_ci_seconds: u32,
    /// How often a build is started again when its CI was cancelled or never began.
    pub infra_retries: u32,
    /// One point of priority is worth this much time of waiting. No one waits for ever behind more important work.
    pub ageing_minutes: u32,
    /// When nothing lands.
    pub freeze: Freezes,
    /// How long the integration branch of a failed build is kept.
    pub retain_failed_days: u32,
    /// Whether the branch of a pull request is deleted after it landed: only in this repository, and only a branch that is
    /// neither protected nor the branch or base of another open pull request.
    pub delete_landed_branches: bool,
    /// Whether a green pull request that already contains the tip of the branch lands as it is, without another run.
    pub fast_path: bool,
    /// The label a pull request carries while it is tested; none when empty.
    pub testing_label: String,
    /// The label a pull request carries after it failed in the queue; none when empty.
    pub failed_label: String,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            branches: vec!["main".into()],
            label: "ready-to-queue".into(),
            single_labels: vec!["queue-single".into()],
            pr_checks: None,
            queue_checks: Vec::new(),
            neutral_is_green: true,
            skipped_is_green: false,
            require_approval: false,
            depth: 10,
            adaptive_depth: false,
            batch: Batch::default(),
            confirm: 1,
            optimistic: true,
            bisect_ways: 2,
            bisect_timeouts: true,
            timeout_minutes: None,
            never_reported_minutes: 20,
            min_ci_seconds: 5,
            infra_retries: 1,
            ageing_minutes: 60,
            freeze: Freezes::default(),
            retain_failed_days: 7,
            delete_landed_branches: false,
            fast_path: false,
            testing_label: "queue-testing".into(),
            failed_label: "queue-failed".into(),
        }
    }
}

/// A check by its identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequiredCheck {
    /// The name of the check run, or the context of the commit status.
    pub name: String,
    /// The slug of the app that reports it, for instance `github-actions`. When absent, every check of this name counts,
    /// whoever reports it, and all must be green.
    #[serde(default)]
    pub app: Option<String>,
}

/// How many pull requests are tested together.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "QueueBatch")]
pub struct Batch {
    /// The most in one batch. 1 tests each alone.
    pub max: u32,
    /// The share of red pull requests (0 to 1) from which on each is tested alone; batching saves nothing then.
    pub single_from_red: f64,
    /// How long a lone pull request waits for company before its build starts.
    pub wait_seconds: u32,
}

impl Default for Batch {
    fn default() -> Batch {
        Batch { max: 4, single_from_red: 0.08, wait_seconds: 0 }
    }
}

/// When nothing is built and nothing lands.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "QueueFreeze")]
pub struct Freezes {
    /// Every week.
    pub weekly: Vec<WeeklyFreeze>,
    /// Once.
    pub periods: Vec<FreezePeriod>,
    /// Whether to freeze while the tip of the branch is known to be red.
    pub when_red: bool,
    /// Freeze after this many pull requests in a row left as failed and nothing landed between them; 0 never.
    pub after_ejections: u32,
    /// Pull requests with one of these labels are built and land in a scheduled freeze all the same.
    pub except_labels: Vec<String>,
}

impl Default for Freezes {
    fn default() -> Freezes {
        Freezes {
            weekly: Vec::new(),
            periods: Vec::new(),
            when_red: true,
            after_ejections: 5,
            except_labels: Vec::new(),
        }
    }
}

/// A freeze that comes back every week.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WeeklyFreeze {
    /// The days on which it begins.
    pub days: Vec<Day>,
    /// `HH:MM`, its first minute.
    pub from: String,
    /// `HH:MM`, the first minute after it; on the next day when it is not later than `from`.
    pub to: String,
    /// How many minutes the clock of `from` and `to` is ahead of UTC.
    #[serde(default)]
    pub utc_offset_minutes: i32,
    /// Shown to everybody who waits.
    pub reason: String,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

/// A freeze with a beginning and an end.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FreezePeriod {
    /// Its first moment.
    pub from: DateTime<Utc>,
    /// The first moment after it.
    pub until: DateTime<Utc>,
    /// Shown to everybody who waits.
    pub reason: String,
}

impl Config {
    /// The checks that the pull request's own head needs.
    pub fn pull_checks(&self) -> &[RequiredCheck] {
        self.pr_checks.as_deref().unwrap_or(&self.queue_checks)
    }

    /// What makes this configuration useless or dangerous, in words; a queue with a problem does nothing.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut add = |wrong: bool, words: &str| wrong.then(|| problems.push(words.to_string()));
        let nameless = |checks: &[RequiredCheck]| checks.iter().any(|check| check.name.trim().is_empty());
        add(
            self.queue_checks.is_empty(),
            "`queue.queue_checks` is empty: the queue would land untested commits. Name at least one check.",
        );
        add(
            self.pr_checks.as_ref().is_some_and(Vec::is_empty),
            "`queue.pr_checks` is empty. Name at least one check, or leave the key out to ask for `queue_checks`.",
        );
        add(
            nameless(&self.queue_checks) || nameless(self.pull_checks()),
            "a required check of `queue` has an empty name",
        );
        add(self.branches.is_empty(), "`queue.branches` is empty: no branch has a queue");
        add(self.label.trim().is_empty(), "`queue.label` is empty: nobody could queue anything");
        add(!(1..=DEEPEST).contains(&self.depth), "`queue.depth` must lie between 1 and 100");
        add(!(1..=LARGEST_BATCH).contains(&self.batch.max), "`queue.batch.max` must lie between 1 and 50");
        add(
            !(0.0..=1.0).contains(&self.batch.single_from_red),
            "`queue.batch.single_from_red` is a share between 0 and 1",
        );
        add(!(2..=16).contains(&self.bisect_ways), "`queue.bisect_ways` must lie between 2 and 16");
        add(self.timeout_minutes == Some(0), "`queue.timeout_minutes` is 0: every build would be too slow");
        add(
            self.never_reported_minutes == 0,
            "`queue.never_reported_minutes` is 0: every check would be missing at once",
        );
        add(
            self.confirm > 5 || self.infra_retries > 5,
            "`queue.confirm` and `queue.infra_retries` must not be above 5",
        );
        add(
            self.freeze.weekly.iter().any(|weekly| {
                super::freeze::minutes(&weekly.from).is_none() || super::freeze::minutes(&weekly.to).is_none()
            }),
            "a weekly freeze has a time that is not `HH:MM`",
        );
        problems
    }
}
