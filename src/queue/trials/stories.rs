//! Short stories with one point each, told step by step. Each is also told with a safety check taken out.

use chrono::Duration;

use super::super::action::Action;
use super::super::config::{Batch, Config, RequiredCheck};
use super::super::entry::{ExitReason, Hold, Phase};
use super::super::safety::Safety;
use super::super::world::{CheckResult, CheckStatus, Checks, Command, Conclusion, Mergeable, PullState, QueueLabel};
use super::{CHECK, Kept, Trial, config};

type Story = fn(Safety) -> Kept;

fn singles() -> Config {
    Config { batch: Batch { max: 1, ..Batch::default() }, ..config() }
}

fn pairs() -> Config {
    Config { depth: 1, batch: Batch { max: 2, single_from_red: 1.0, wait_seconds: 0 }, ..config() }
}

fn result(name: &str, app: &str, id: u64, conclusion: Conclusion, trial: &Trial) -> CheckResult {
    CheckResult {
        name: name.into(),
        app: Some(app.into()),
        source: "ci.yml".into(),
        id,
        status: CheckStatus::Completed(conclusion),
        started_at: Some(trial.now - Duration::minutes(10)),
        completed_at: Some(trial.now),
        url: None,
    }
}

/// Queues #1 and lets its build say exactly this.
fn with_results(
    safety: Safety,
    config: Config,
    results: impl FnOnce(&Trial) -> Vec<CheckResult>,
) -> Result<Trial, String> {
    let mut trial = Trial::calm(safety, config);
    trial.good(1);
    trial.settle()?;
    trial.now += Duration::minutes(30);
    let commit = trial.commit_with(1).ok_or("no build")?;
    let results = results(&trial);
    trial.invented.end_run(&commit, Conclusion::Cancelled, trial.now);
    trial.invented.world.checks.insert(commit, Checks::Complete(results));
    trial.settle()?;
    Ok(trial)
}

fn unread_results_blame_nobody(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, config());
    trial.good(1);
    trial.settle()?;
    let commit = trial.commit_with(1).ok_or("no build")?;
    let checks = trial.invented.world.checks.insert(commit.clone(), Checks::Unknown("502".into()));
    for _ in 0..3 {
        trial.now += Duration::minutes(40);
        trial.settle()?;
        trial.invented.world.checks.insert(commit.clone(), Checks::Unknown("502".into()));
    }
    trial.expect(trial.exit(1).is_none(), "#1 must not leave because GitHub does not answer")?;
    trial.invented.world.checks.extend(checks.map(|checks| (commit, checks)));
    trial.now += Duration::minutes(1);
    trial.invented.advance(trial.now);
    trial.settle()?;
    trial.expect_landed(&[1])
}

fn without_required_checks_nothing_lands(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, Config { queue_checks: Vec::new(), min_ci_seconds: 0, ..config() });
    trial.good(1);
    trial.wait(60)?;
    trial.expect(!trial.has_landed(1), "an empty set of checks must land nothing")
}

fn a_missing_check_is_not_green(safety: Safety) -> Kept {
    let lint = RequiredCheck { name: "lint".into(), app: None };
    let both = Config {
        queue_checks: [config().queue_checks, vec![lint]].concat(),
        pr_checks: Some(config().queue_checks),
        ..config()
    };
    let mut trial = Trial::calm(safety, both);
    trial.good(1);
    trial.wait(40)?;
    trial.expect(!trial.has_landed(1), "`lint` never reported")?;
    trial.wait(90)?;
    let named = matches!(trial.exit(1), Some(ExitReason::NeverReported { checks, .. }) if checks == &["lint"]);
    trial.expect(named, "the missing check must be named")
}

fn another_app_proves_nothing(safety: Safety) -> Kept {
    let pinned = RequiredCheck { name: CHECK.into(), app: Some("ci".into()) };
    let pinned = Config { queue_checks: vec![pinned], ..config() };
    let trial = with_results(safety, pinned, |trial| vec![result(CHECK, "stranger", 900, Conclusion::Success, trial)])?;
    trial.expect(!trial.has_landed(1), "a check of another app must not count")
}

fn the_newest_attempt_counts(safety: Safety) -> Kept {
    let trial = with_results(safety, config(), |trial| {
        vec![result(CHECK, "ci", 901, Conclusion::Failure, trial), result(CHECK, "ci", 900, Conclusion::Success, trial)]
    })?;
    trial.expect(!trial.has_landed(1), "the rerun was red")
}

fn both_workflows_count(safety: Safety) -> Kept {
    let trial = with_results(safety, config(), |trial| {
        let other = CheckResult { source: "other.yml".into(), ..result(CHECK, "ci", 901, Conclusion::Failure, trial) };
        vec![result(CHECK, "ci", 902, Conclusion::Success, trial), other]
    })?;
    trial.expect(!trial.has_landed(1), "the check of the same name in another workflow was red")
}

fn a_new_word_is_not_green(safety: Safety) -> Kept {
    let other = Conclusion::Other("splendid".into());
    let trial = with_results(safety, config(), |trial| vec![result(CHECK, "ci", 900, other, trial)])?;
    trial.expect(!trial.has_landed(1), "an unknown conclusion must not land")?;
    trial.expect(trial.exit(1).is_none(), "nor blame")
}

fn green_at_once_is_not_believed(safety: Safety) -> Kept {
    let trial = with_results(safety, config(), |trial| {
        let quick = CheckResult {
            started_at: Some(trial.now - Duration::seconds(1)),
            ..result(CHECK, "ci", 900, Conclusion::Success, trial)
        };
        vec![quick]
    })?;
    trial.expect(!trial.has_landed(1), "nothing can have run")?;
    trial.expect(matches!(trial.exit(1), Some(ExitReason::TooFast { seconds: 1, .. })), "and that is said")
}

fn a_push_after_green_does_not_land(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, config());
    trial.good(1);
    trial.wait(20)?;
    trial.invented.push_head(1, trial.now);
    trial.wait(30)?;
    trial.expect(!trial.has_landed(1), "the head changed")?;
    trial.expect(matches!(trial.exit(1), Some(ExitReason::HeadChanged { .. })), "and that is why it left")
}

fn without_the_label_nothing_lands(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, config());
    trial.good(1);
    trial.wait(20)?;
    trial.change(1, |pull| pull.queued = None);
    trial.wait(30)?;
    trial.expect(trial.exit(1) == Some(&ExitReason::Dequeued), "the label was taken off")
}

fn a_stranger_queues_nothing(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, config());
    trial.good(1);
    let at = trial.now;
    let stranger = QueueLabel { by: "stranger".into(), may_queue: Some(false), at, head: None };
    trial.change(1, |pull| pull.queued = Some(stranger));
    trial.wait(40)?;
    trial.expect(!trial.has_landed(1), "only people with write permission may queue")?;
    trial.expect(matches!(trial.exit(1), Some(ExitReason::NotAuthorised { .. })), "and they are told")?;
    let comment = trial.invented.comments.values().map(|(_, times)| *times).collect::<Vec<_>>();
    trial.expect(comment == [1], "in one comment")?;
    let entered = trial.invented.events.iter().any(|id| id.contains("entered"));
    trial.expect(!entered, "and it never entered")
}

fn closed_drafted_and_retargeted_do_not_land(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, singles());
    (1..=3).for_each(|number| trial.good(number));
    trial.wait(10)?;
    trial.change(1, |pull| pull.state = PullState::Closed);
    trial.change(2, |pull| pull.draft = true);
    trial.change(3, |pull| pull.base_branch = "release".into());
    trial.wait(60)?;
    let exits = [trial.exit(1), trial.exit(2), trial.exit(3)];
    let right =
        matches!(exits, [Some(ExitReason::Closed), Some(ExitReason::Draft), Some(ExitReason::BaseChanged { .. })]);
    trial.expect(right, "each leaves for its own reason")
}

fn its_own_checks_come_first(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, config());
    trial.good(1);
    let head = trial.invented.truth[&1].head.clone();
    trial.invented.world.checks.remove(&head);
    trial.invented.report(&head, Some(Conclusion::Failure), trial.now, trial.now);
    trial.wait(40)?;
    trial.expect(!trial.has_landed(1), "its own checks are red")?;
    trial.expect(matches!(trial.exit(1), Some(ExitReason::PullChecksFailed { .. })), "and that is said")
}

fn dependencies_land_first(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, pairs());
    trial.good(1);
    trial.good(2);
    trial.change(1, |pull| pull.depends_on = vec![2]);
    trial.wait(1)?;
    trial.wait(80)?;
    trial.expect_landed(&[1, 2])?;
    let (one, two) = (trial.invented.truth[&1].landed, trial.invented.truth[&2].landed);
    trial.expect(two <= one, "#2 first")
}

fn a_dependency_that_left_holds(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, singles());
    trial.bad(1);
    trial.good(2);
    trial.change(2, |pull| pull.depends_on = vec![1]);
    trial.wait(120)?;
    trial.expect(trial.exit(1).is_some(), "#1 is bad")?;
    trial.expect(matches!(trial.phase(2), Some(Phase::Held(Hold::Dependency { on: 1 }))), "#2 waits for #1")
}

fn a_circle_is_named(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, config());
    trial.good(1);
    trial.good(2);
    trial.change(1, |pull| pull.depends_on = vec![2]);
    trial.change(2, |pull| pull.depends_on = vec![1]);
    trial.wait(5)?;
    let named = |number| matches!(trial.phase(number), Some(Phase::Held(Hold::DependencyCircle { through })) if through == &[1, 2]);
    trial.expect(!safety.dependencies || named(1) && named(2), "they wait for each other")
}

fn a_moved_branch_voids_a_build(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, config());
    trial.good(1);
    trial.settle()?;
    let commit = trial.commit_with(1).ok_or("no build")?;
    trial.now += Duration::minutes(30);
    trial.invented.end_run(&commit, Conclusion::Success, trial.now);
    trial.invented.push_branch();
    trial.settle()?;
    trial.expect(!trial.has_landed(1), "it was tested on another commit")?;
    trial.wait(40)?;
    trial.expect_landed(&[1])?;
    trial.expect(trial.invented.events.iter().any(|id| id.contains("base_moved")), "and the move was noted")
}

fn others_go_on_without_the_one_who_left(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, pairs());
    trial.good(1);
    trial.good(2);
    trial.wait(10)?;
    trial.change(2, |pull| pull.queued = None);
    trial.wait(60)?;
    trial.expect_landed(&[1])?;
    trial.expect(!trial.has_landed(2), "#2 was taken out")
}

fn red_above_a_bad_one_blames_nobody(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, Config { confirm: 0, optimistic: false, ..singles() });
    trial.bad(1);
    trial.good(2);
    trial.settle()?;
    let above = trial.commit_with(2).ok_or("no build")?;
    trial.now += Duration::minutes(20);
    // #2 is red first, because it stands on #1.
    trial.invented.end_run(&above, Conclusion::Failure, trial.now);
    trial.settle()?;
    trial.wait(90)?;
    trial.expect_landed(&[2])?;
    trial.expect(matches!(trial.exit(1), Some(ExitReason::Red { .. })), "#1 is bad")
}

fn one_flake_ejects_nobody(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, singles());
    trial.good(1);
    trial.settle()?;
    trial.now += Duration::minutes(20);
    let commit = trial.commit_with(1).ok_or("no build")?;
    trial.invented.end_run(&commit, Conclusion::Failure, trial.now);
    trial.wait(60)?;
    trial.expect_landed(&[1])
}

fn nobody_is_blamed_for_a_red_branch(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, singles());
    trial.invented.break_branch();
    trial.good(1);
    trial.wait(150)?;
    trial.expect(trial.exit(1).is_none(), "the branch is red by itself")?;
    trial.expect(trial.stored.freeze.is_some(), "and that freezes the queue")
}

fn nothing_lands_while_frozen(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, config());
    trial.good(1);
    trial.wait(10)?;
    trial.dice = super::Dice::new(5);
    trial.ask(None, Command::Freeze("release day".into()));
    if let Some(intake) = trial.intake.last_mut() {
        intake.may = Some(true);
    }
    trial.wait(60)?;
    trial.expect(!trial.has_landed(1), "frozen")?;
    trial.ask(None, Command::Thaw);
    if let Some(intake) = trial.intake.last_mut() {
        intake.may = Some(true);
    }
    trial.wait(5)?;
    trial.expect_landed(&[1])
}

fn there_are_only_so_many_places(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, singles());
    (1..=12).for_each(|number| trial.good(number));
    trial.wait(300)?;
    trial.expect_landed(&(1..=12).collect::<Vec<_>>())
}

fn an_old_answer_queues_nobody_again(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, config());
    trial.good(1);
    trial.wait(5)?;
    let old = trial.invented.world.pulls[&1].clone();
    trial.change(1, |pull| pull.queued = None);
    trial.wait(5)?;
    let new = trial.invented.world.pulls.insert(1, old);
    trial.settle()?;
    trial.expect(trial.exit(1) == Some(&ExitReason::Dequeued), "the label was off by then")?;
    trial.invented.world.pulls.extend(new.map(|new| (1, new)));
    trial.settle()
}

fn a_failing_git_is_no_conflict(safety: Safety) -> Kept {
    use super::super::world::Merged;
    let mut trial = Trial::calm(safety, config());
    trial.good(1);
    trial.advance_runner(0)?;
    trial.advance_runner(0)?;
    let build = trial.stored.train.first().cloned().ok_or("no build")?;
    trial.runners[0].todo.clear();
    trial.invented.world.merges.insert(build, Merged::Infra("killed".into()));
    trial.advance_runner(0)?;
    trial.advance_runner(0)?;
    trial.expect(trial.exit(1).is_none(), "git failed, not #1")?;
    trial.wait(50)?;
    trial.expect_landed(&[1])
}

fn somebody_elses_ref_stays(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, config());
    trial.good(1);
    trial.advance_runner(0)?;
    trial.advance_runner(0)?;
    let build = trial.stored.train.first().cloned().ok_or("no build")?;
    let name = trial.stored.builds[&build].ref_name("main");
    let tip = trial.invented.tip().clone();
    trial.invented.world.refs.get_or_insert_default().insert(name.clone(), tip.clone());
    trial.forged.insert(name.clone(), tip.clone());
    trial.wait(60)?;
    trial.expect_landed(&[1])?;
    let there = trial.invented.world.refs.as_ref().and_then(|refs| refs.get(&name));
    trial.expect(there == Some(&tip), "it was not ours")
}

fn ci_is_asked_once(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, config());
    trial.good(1);
    trial.wait(60)?;
    trial.expect_landed(&[1])?;
    trial.expect(trial.invented.runs == 1, "one run is enough")
}

fn one_culprit_of_eight_is_found(safety: Safety) -> Kept {
    let eight = Config { depth: 4, batch: Batch { max: 8, single_from_red: 1.0, wait_seconds: 0 }, ..config() };
    let mut trial = Trial::calm(safety, Config { depth: 1, ..eight });
    (1..=8).for_each(|number| if number == 6 { trial.bad(number) } else { trial.good(number) });
    trial.wait(600)?;
    trial.expect_landed(&[1, 2, 3, 4, 5, 7, 8])?;
    trial.expect(matches!(trial.exit(6), Some(ExitReason::Red { .. })), "#6 is bad")?;
    trial.expect(trial.invented.runs <= 8, &format!("{} runs", trial.invented.runs))
}

fn two_culprits_of_eight_are_found(safety: Safety) -> Kept {
    for culprits in [[2, 3], [2, 7]] {
        let eight = Config { depth: 1, batch: Batch { max: 8, single_from_red: 1.0, wait_seconds: 0 }, ..config() };
        let mut trial = Trial::calm(safety, eight);
        (1..=8).for_each(|number| if culprits.contains(&number) { trial.bad(number) } else { trial.good(number) });
        trial.wait(900)?;
        let good: Vec<u64> = (1..=8).filter(|number| !culprits.contains(number)).collect();
        trial.expect_landed(&good)?;
        let found = culprits.iter().all(|&number| matches!(trial.exit(number), Some(ExitReason::Red { .. })));
        trial.expect(found, "both are bad")?;
    }
    Ok(())
}

fn a_pair_that_breaks_together_is_told_apart(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, pairs());
    trial.good(1);
    trial.good(2);
    trial.invented.quarrel(1, 2, true);
    trial.wait(300)?;
    trial.expect_landed(&[1])?;
    let named = matches!(trial.exit(2), Some(ExitReason::Red { landed_since, .. }) if landed_since == &[1]);
    trial.expect(named, "#2 does not go with #1, and that is said")
}

fn a_conflict_ahead_holds_and_then_ejects(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, singles());
    trial.good(1);
    trial.good(2);
    trial.invented.quarrel(1, 2, false);
    trial.wait(5)?;
    trial
        .expect(matches!(trial.phase(2), Some(Phase::Held(Hold::ConflictAhead { with: 1, .. }))), "#2 waits for #1")?;
    trial.wait(40)?;
    trial.expect_landed(&[1])?;
    trial.change(2, |pull| pull.merges = Mergeable::Conflict(vec!["shared.txt".into()]));
    trial.wait(5)?;
    trial.expect(matches!(trial.exit(2), Some(ExitReason::Conflict { .. })), "#1 landed")
}

fn a_conflict_ahead_that_leaves_lets_go(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, singles());
    trial.good(1);
    trial.good(2);
    trial.invented.quarrel(1, 2, false);
    trial.wait(5)?;
    trial.change(1, |pull| pull.queued = None);
    trial.wait(60)?;
    trial.expect_landed(&[2])
}

fn green_above_red_lands_both(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, singles());
    trial.good(1);
    trial.good(2);
    trial.settle()?;
    trial.now += Duration::minutes(20);
    let (below, above) = (trial.commit_with(1).ok_or("no build")?, trial.commit_with(2).ok_or("no build")?);
    trial.invented.end_run(&below, Conclusion::Failure, trial.now);
    trial.settle()?;
    trial.invented.end_run(&above, Conclusion::Success, trial.now);
    trial.settle()?;
    trial.expect_landed(&[1, 2])
}

fn a_batch_in_a_hurry_waits_for_company(safety: Safety) -> Kept {
    let batch = Batch { wait_seconds: 600, ..pairs().batch };
    let mut trial = Trial::calm(safety, Config { batch, ..pairs() });
    trial.good(1);
    trial.wait(5)?;
    trial.expect(trial.stored.builds.is_empty(), "it waits for company")?;
    trial.good(2);
    trial.wait(2)?;
    trial.expect(trial.stored.builds.len() == 1, "and has it")?;
    trial.wait(60)?;
    trial.expect_landed(&[1, 2])
}

fn deleting_the_branch_starts_over(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, config());
    trial.good(1);
    trial.wait(10)?;
    trial.invented.world.refs = Some(std::collections::BTreeMap::new());
    trial.wait(60)?;
    trial.expect_landed(&[1])?;
    trial.expect(trial.invented.runs == 2, "with a second run")
}

fn priority_goes_first_and_stops_nobody(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, Config { depth: 1, ..singles() });
    (1..=3).for_each(|number| trial.good(number));
    trial.wait(2)?;
    trial.ask(Some(3), Command::Priority(5));
    if let Some(intake) = trial.intake.last_mut() {
        intake.may = Some(true);
    }
    trial.wait(150)?;
    trial.expect_landed(&[1, 2, 3])?;
    let landed = |number| trial.invented.truth[&number].landed;
    trial.expect(landed(1) < landed(3) && landed(3) < landed(2), "1, 3, 2")?;
    trial.expect(trial.invented.runs == 3, "no run was wasted")
}

fn a_try_never_lands(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, config());
    trial.good(1);
    trial.change(1, |pull| pull.queued = None);
    trial.ask(Some(1), Command::Try);
    if let Some(intake) = trial.intake.last_mut() {
        intake.may = Some(true);
    }
    trial.wait(60)?;
    trial.expect(!trial.has_landed(1), "it was only tried")?;
    let told = trial.invented.comments.values().any(|(body, _)| body.contains("is green"));
    trial.expect(told, "and its outcome is told")
}

fn a_second_plan_of_the_same_changes_nothing(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, config());
    trial.good(1);
    trial.wait(10)?;
    let world = trial.observe();
    let (state, _) = super::plan_with(&trial.stored, &world, &trial.story.config, trial.now, safety);
    let (again, actions) = super::plan_with(&state, &world, &trial.story.config, trial.now, safety);
    trial.expect(state == again, "nothing happened")?;
    let idle = actions.iter().all(|action| matches!(action, Action::WakeAt { .. } | Action::Effect(_)));
    trial.expect(!safety.dispatch_once || idle, &format!("so nothing is to be done: {actions:?}"))
}

fn ci_that_never_begins_is_no_failure(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, config());
    trial.good(1);
    for _ in 0..200 {
        trial.settle()?;
        if let Some(commit) = trial.commit_with(1) {
            trial.invented.end_run(&commit, Conclusion::Cancelled, trial.now);
            trial.invented.world.checks.insert(commit, Checks::Complete(Vec::new()));
        }
        trial.now += Duration::minutes(1);
    }
    trial.expect(matches!(trial.exit(1), Some(ExitReason::NeverReported { .. })), "CI never began")?;
    trial.expect(trial.invented.runs == 2, "and was asked again once")
}

fn a_red_head_that_was_queued_twice_is_one_entry(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, config());
    trial.good(1);
    trial.wait(2)?;
    trial.ask(Some(1), Command::Queue { head: None });
    if let Some(intake) = trial.intake.last_mut() {
        intake.may = Some(true);
    }
    trial.wait(2)?;
    let entry = &trial.stored.entries[&1];
    trial.expect(entry.round == 1 && entry.at == super::epoch(), "the place in line is kept")?;
    let entered = trial.invented.events.iter().filter(|id| id.contains("entered")).count();
    trial.expect(entered == 1, "it entered once")
}

fn dequeued_by_command_loses_the_label(safety: Safety) -> Kept {
    let mut trial = Trial::calm(safety, config());
    trial.good(1);
    trial.wait(10)?;
    trial.ask(Some(1), Command::Dequeue);
    if let Some(intake) = trial.intake.last_mut() {
        intake.may = Some(true);
    }
    trial.wait(40)?;
    trial.expect(trial.exit(1) == Some(&ExitReason::Dequeued), "as was asked")?;
    trial.expect(trial.invented.world.pulls[&1].queued.is_none(), "and the label does not bring it back")
}

/// Every story by its name.
pub(super) const STORIES: &[(&str, Story)] = &[
    ("unread results blame nobody", unread_results_blame_nobody),
    ("without required checks nothing lands", without_required_checks_nothing_lands),
    ("a missing check is not green", a_missing_check_is_not_green),
    ("another app proves nothing", another_app_proves_nothing),
    ("the newest attempt counts", the_newest_attempt_counts),
    ("both workflows count", both_workflows_count),
    ("a new word is not green", a_new_word_is_not_green),
    ("green at once is not believed", green_at_once_is_not_believed),
    ("a push after green does not land", a_push_after_green_does_not_land),
    ("without the label nothing lands", without_the_label_nothing_lands),
    ("a stranger queues nothing", a_stranger_queues_nothing),
    ("closed, drafted and retargeted do not land", closed_drafted_and_retargeted_do_not_land),
    ("its own checks come first", its_own_checks_come_first),
    ("dependencies land first", dependencies_land_first),
    ("a dependency that left holds", a_dependency_that_left_holds),
    ("a circle is named", a_circle_is_named),
    ("a moved branch voids a build", a_moved_branch_voids_a_build),
    ("others go on without the one who left", others_go_on_without_the_one_who_left),
    ("red above a bad one blames nobody", red_above_a_bad_one_blames_nobody),
    ("one flake ejects nobody", one_flake_ejects_nobody),
    ("nobody is blamed for a red branch", nobody_is_blamed_for_a_red_branch),
    ("nothing lands while frozen", nothing_lands_while_frozen),
    ("there are only so many places", there_are_only_so_many_places),
    ("an old answer queues nobody again", an_old_answer_queues_nobody_again),
    ("a failing git is no conflict", a_failing_git_is_no_conflict),
    ("somebody else's ref stays", somebody_elses_ref_stays),
    ("CI is asked once", ci_is_asked_once),
    ("one culprit of eight is found", one_culprit_of_eight_is_found),
    ("two culprits of eight are found", two_culprits_of_eight_are_found),
    ("a pair that breaks together is told apart", a_pair_that_breaks_together_is_told_apart),
    ("a conflict ahead holds and then ejects", a_conflict_ahead_holds_and_then_ejects),
    ("a conflict ahead that leaves lets go", a_conflict_ahead_that_leaves_lets_go),
    ("green above red lands both", green_above_red_lands_both),
    ("a batch in a hurry waits for company", a_batch_in_a_hurry_waits_for_company),
    ("deleting the branch starts over", deleting_the_branch_starts_over),
    ("priority goes first and stops nobody", priority_goes_first_and_stops_nobody),
    ("a try never lands", a_try_never_lands),
    ("a second plan of the same changes nothing", a_second_plan_of_the_same_changes_nothing),
    ("CI that never begins is no failure", ci_that_never_begins_is_no_failure),
    ("dequeued by a command stays away", dequeued_by_command_loses_the_label),
    ("queued twice is queued once", a_red_head_that_was_queued_twice_is_one_entry),
];

#[test]
fn every_story_ends_well() {
    let failures: Vec<String> = STORIES
        .iter()
        .filter_map(|(name, story)| story(Safety::ALL).err().map(|what| format!("{name}: {what}")))
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
