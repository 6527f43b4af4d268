//! `queue simulate`: the repository's own policy in an invented world, beside the ways in which others work.

use std::path::Path;

use clap::Args;
use mainguard::git::{self, FirstParent};
use mainguard::queue::Config;
use mainguard::queue::simulate::{self, Settings};

use crate::console::{Console, Hinted};

#[derive(Debug, Args)]
pub(super) struct SimulateArgs {
    /// Pull requests per hour
    #[arg(long, default_value_t = 4.0)]
    per_hour: f64,
    /// Minutes that CI takes
    #[arg(long, default_value_t = 30.0)]
    ci_minutes: f64,
    /// The share of pull requests that are red, 0 to 1
    #[arg(long, default_value_t = 0.05)]
    red: f64,
    /// The share of pull requests that break the branch together with another one, 0 to 1
    #[arg(long, default_value_t = 0.0)]
    conflicts: f64,
    /// The share of green runs that are red all the same, 0 to 1
    #[arg(long, default_value_t = 0.0)]
    flake: f64,
    /// The share of runs that are cancelled, never begin or never end, 0 to 1
    #[arg(long, default_value_t = 0.0)]
    faults: f64,
    /// How many pull requests
    #[arg(long, default_value_t = 500)]
    pulls: u64,
    /// Let them arrive when those of this repository were merged, as the first parents of REV tell
    #[arg(long, value_name = "REV", num_args = 0..=1, default_missing_value = "HEAD", conflicts_with = "per_hour")]
    history: Option<String>,
}

pub(super) fn run(args: &SimulateArgs, repo: &Path, console: &Console) -> anyhow::Result<u8> {
    for (name, share) in
        [("--red", args.red), ("--conflicts", args.conflicts), ("--flake", args.flake), ("--faults", args.faults)]
    {
        if !(0.0..=1.0).contains(&share) {
            return Err(Hinted::error(format!("{name} is {share}, which is no share"), "give a number from 0 to 1"));
        }
    }
    let positive = args.per_hour > 0.0 && args.ci_minutes > 0.0 && args.ci_minutes < 100_000.0;
    if !positive || !args.per_hour.is_finite() {
        return Err(Hinted::error("--per-hour and --ci-minutes must be positive", "give a number above 0"));
    }
    let repository = git::Repository::discover(repo).ok();
    let mut settings = Settings {
        pulls: args.pulls.clamp(1, 100_000),
        per_hour: args.per_hour,
        arrivals: None,
        ci_minutes: args.ci_minutes,
        red: args.red,
        conflicts: args.conflicts,
        flake: args.flake,
        faults: args.faults,
    };
    if let Some(revision) = &args.history {
        let repository = repository
            .as_ref()
            .ok_or_else(|| Hinted::error("there is no repository here", "run it in a clone, or point --repo at one"))?;
        let arrivals = arrivals(repository, revision, settings.pulls, console)?;
        settings.pulls = arrivals.len() as u64;
        settings.arrivals = Some(arrivals);
    }
    let config = repository.as_ref().map(own_config).transpose()?.flatten();
    if config.is_none() {
        console.note("no configuration of a queue here: `this configuration` is the default");
    }
    let results: Vec<_> = simulate::policies(&config.unwrap_or_default())
        .into_iter()
        .map(|policy| (policy.name, simulate::simulate(&settings, &policy.config, &[1, 2, 3])))
        .collect();
    console.answer(&simulate::table(&results))?;
    Ok(0)
}

/// The section `queue` as it stands at `HEAD`.
fn own_config(repository: &git::Repository) -> anyhow::Result<Option<Config>> {
    let Some(head) = repository.head()? else { return Ok(None) };
    for path in mainguard::config::PATHS {
        if let Some(text) = repository.read_at(&head, path)? {
            return Ok(Some(mainguard::config::parse(&text, path)?.queue));
        }
    }
    Ok(None)
}

/// Seconds from the first merge to each of the last `most`, oldest first.
fn arrivals(repository: &git::Repository, revision: &str, most: u64, console: &Console) -> anyhow::Result<Vec<f64>> {
    let tip = repository.resolve(revision)?;
    // A history without pull requests is searched to its end, but not for ever.
    let line = repository.first_parents(&tip, usize::try_from(most).unwrap_or(usize::MAX).saturating_mul(20))?;
    let is_pull = |commit: &&FirstParent| names_a_pull_request(&commit.message);
    let (mut chosen, mut what) = (line.iter().filter(is_pull).collect::<Vec<_>>(), "pull requests");
    if chosen.len() < 2 {
        (chosen, what) = (line.iter().collect(), "commits, as none names a pull request,");
    }
    chosen.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    if chosen.len() < 2 {
        return Err(Hinted::error(
            format!("{revision} has no history to take the arrivals from"),
            "in CI, check out with `fetch-depth: 0`",
        ));
    }
    let mut times: Vec<i64> = chosen.iter().map(|commit| commit.committed_at).collect();
    times.sort_unstable();
    let first = times[0];
    let days = (times[times.len() - 1] - first) as f64 / 86_400.0;
    console.note(&format!("{} {what} in {days:.0} days of {revision}", times.len()));
    Ok(times.into_iter().map(|time| (time - first) as f64).collect())
}

/// Whether a commit on the branch came from a pull request: by the words of GitHub's merge and squash buttons, of bors,
/// or by our own trailer.
fn names_a_pull_request(message: &str) -> bool {
    let subject = message.lines().next().unwrap_or_default().trim_end();
    let numbered = subject.strip_suffix(')').and_then(|rest| rest.rsplit_once("(#"));
    numbered.is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
        || subject.starts_with("Merge pull request #")
        || subject.starts_with("Auto merge of #")
        || message.lines().any(|line| line.starts_with("Mainguard-PR: #"))
}

#[cfg(test)]
mod tests {
    use super::names_a_pull_request;

    #[test]
    fn pull_requests_are_known_by_the_words_of_their_buttons() {
        for yes in [
            "Merge pull request #7 from a/b\n\nTitle",
            "Fix it (#7)",
            "Auto merge of #7 - a:b, r=c",
            "Merge #7: Fix it\n\nMainguard-PR: #7@abc",
        ] {
            assert!(names_a_pull_request(yes), "{yes}");
        }
        for no in ["Fix #7", "Fix (#)", "Fix (#7a)", "Merge branch 'main'", ""] {
            assert!(!names_a_pull_request(no), "{no}");
        }
    }
}
