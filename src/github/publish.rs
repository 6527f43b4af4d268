//! Makes GitHub match what is desired: one comment, the labels that mainguard owns, a check run.
//!
//! Each part is read, compared and only then written, so a second run writes nothing. A part that may not be written
//! (the token of a fork's pull request can only read) becomes a notice and the others go on; nothing in here changes
//! the exit code. When GitHub is away, the rest is not tried. A write whose answer was lost is not sent blindly
//! again: the part is read and compared once more.

use std::fmt;

use crate::change::CommitId;
use crate::github::client::Client;
use crate::github::comments::{self, Create, Step as CommentStep};
use crate::github::{Error, Repository, checks, clamp_characters, labels};
use crate::label::OwnedLabel;
use crate::text::visible;

pub use crate::annotation::{Annotation, AnnotationLevel};
pub use crate::github::checks::{CheckRun, Conclusion};

/// What GitHub should show.
#[derive(Clone, Debug)]
pub struct Desired {
    /// The pull request; without one there is only the check run.
    pub pull_request: Option<u64>,
    /// The commit that was judged.
    pub head: CommitId,
    /// The comment's Markdown, passed on as it is: at most [`comments::room`] characters. `None`: comments are left
    /// alone.
    pub comment: Option<String>,
    /// Whether a comment may be created; an existing one is kept up to date in any case.
    pub create_comment: Create,
    /// Label families.
    pub labels: Vec<OwnedLabel>,
    /// The check run.
    pub check: Option<CheckRun>,
}

/// How to publish.
#[derive(Clone, Debug)]
pub struct Options {
    /// Tells several comments of mainguard on one pull request apart, see [`comments::marker`].
    pub key: String,
    /// Our login, for an app whose token does not tell it. Normally `None`.
    pub me: Option<String>,
}

impl Default for Options {
    fn default() -> Options {
        Options { key: "check".into(), me: None }
    }
}

/// What became of each part, in order. Its `Display` is one line for each, with hints indented below.
#[derive(Debug, Default)]
pub struct Published {
    /// The parts.
    pub steps: Vec<Step>,
}

/// What became of one part.
#[derive(Debug)]
pub struct Step {
    /// For instance ``label `size/M` ``; safe to print.
    pub part: String,
    /// What became of it.
    pub result: StepResult,
}

/// What became of a part.
#[derive(Debug)]
pub enum StepResult {
    /// It was written: `created`, `updated`, `added`, `removed`, `deleted`. In a dry run, it would have been.
    Done(&'static str),
    /// It was right already.
    Unchanged,
    /// It could not be brought up to date.
    NotDone(Failure),
}

/// Why a part could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// GitHub did not do it.
    #[error("{0}")]
    GitHub(#[from] Error),
    /// The text is longer than GitHub takes.
    #[error("it has {0} characters too many")]
    TooLong(usize),
    /// The pull request has more comments than are read, and ours may be among the rest.
    #[error("the pull request has too many comments to find ours")]
    TooManyComments,
    /// Not tried, because GitHub was away for a part before it.
    #[error("not tried, because GitHub could not be reached")]
    NotTried,
}

impl Published {
    /// True when everything is as desired.
    pub fn is_complete(&self) -> bool {
        self.failures().next().is_none()
    }

    /// What could not be brought up to date.
    pub fn failures(&self) -> impl Iterator<Item = (&str, &Failure)> {
        self.steps.iter().filter_map(|step| match &step.result {
            StepResult::NotDone(failure) => Some((step.part.as_str(), failure)),
            StepResult::Done(_) | StepResult::Unchanged => None,
        })
    }
}

impl fmt::Display for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            match &step.result {
                StepResult::Done(what) => writeln!(f, "{}: {what}", step.part)?,
                StepResult::Unchanged => writeln!(f, "{}: unchanged", step.part)?,
                StepResult::NotDone(failure) => {
                    writeln!(f, "{}: not published: {failure}", step.part)?;
                    if let Failure::GitHub(error) = failure
                        && let Some(hint) = error.hint()
                    {
                        writeln!(f, "  hint: {hint}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Publishes. Never fails as a whole: see [`Published`].
pub fn publish(client: &Client, repository: &Repository, desired: &Desired, options: &Options) -> Published {
    let mut published = Published::default();
    let at = Target { client, repository, desired, options };
    if let (Some(pull_request), Some(comment)) = (desired.pull_request, &desired.comment) {
        published.part("comment", |steps| at.comment(pull_request, comment, steps));
    }
    if let Some(pull_request) = desired.pull_request {
        for owned in &desired.labels {
            let part = label_part(&owned.wanted.name);
            published.part(&part, |steps| at.labels(pull_request, owned, steps));
        }
    }
    if let Some(check) = &desired.check {
        let check = checks::within_bounds(check);
        let part = format!("check `{}`", visible(&check.name));
        published.part(&part, |steps| at.check(&part, &check, steps));
    }
    published
}

impl Published {
    /// Runs one part; once more when a write's answer was lost.
    fn part(&mut self, name: &str, act: impl Fn(&mut Vec<Step>) -> Result<(), Failure>) {
        let is_away = |failure: &Failure| match failure {
            Failure::GitHub(error) => error.is_outage(),
            Failure::NotTried => true,
            Failure::TooLong(_) | Failure::TooManyComments => false,
        };
        let failure = if self.failures().any(|(_, failure)| is_away(failure)) {
            Some(Failure::NotTried)
        } else {
            match act(&mut self.steps) {
                Err(Failure::GitHub(error)) if error.is_ambiguous() => act(&mut self.steps).err(),
                result => result.err(),
            }
        };
        if let Some(failure) = failure {
            self.steps.push(Step { part: name.to_string(), result: StepResult::NotDone(failure) });
        }
    }
}

struct Target<'a> {
    client: &'a Client,
    repository: &'a Repository,
    desired: &'a Desired,
    options: &'a Options,
}

impl Target<'_> {
    fn comment(&self, pull_request: u64, markdown: &str, steps: &mut Vec<Step>) -> Result<(), Failure> {
        let (client, repository) = (self.client, self.repository);
        let marker = comments::marker(&self.options.key);
        let over = markdown.chars().count().saturating_sub(comments::room(&self.options.key));
        if over > 0 {
            return Err(Failure::TooLong(over));
        }
        let body = format!("{marker}\n{markdown}");
        let found = comments::marked(client, repository, pull_request, &marker)?;
        // Who we are matters only when there is something to recognise.
        let me = match (&self.options.me, found.items.is_empty()) {
            (Some(me), _) => me.clone(),
            (None, true) => String::new(),
            (None, false) => comments::me(client)?,
        };
        let plan = comments::plan(&found.items, &me, &body, self.desired.create_comment);
        let mut note = |result| steps.push(Step { part: "comment".into(), result });
        match plan.step {
            CommentStep::Create if !found.complete => return Err(Failure::TooManyComments),
            CommentStep::Create => {
                comments::create(client, repository, pull_request, &body)?;
                note(StepResult::Done("created"));
            }
            CommentStep::Update(id) => {
                comments::update(client, repository, id, &body)?;
                note(StepResult::Done("updated"));
            }
            CommentStep::Keep | CommentStep::Nothing => note(StepResult::Unchanged),
        }
        for id in plan.surplus {
            comments::delete(client, repository, id)?;
            steps.push(Step { part: "a second comment".into(), result: StepResult::Done("deleted") });
        }
        Ok(())
    }

    fn labels(&self, pull_request: u64, owned: &OwnedLabel, steps: &mut Vec<Step>) -> Result<(), Failure> {
        let (client, repository) = (self.client, self.repository);
        let present = labels::on(client, repository, pull_request)?;
        let plan = labels::plan(&present, owned);
        let mut note = |name: &str, result| steps.push(Step { part: label_part(name), result });
        // Added before others are removed: a rule that asks for one of the family never sees none.
        match plan.add {
            Some(label) => {
                labels::ensure(client, repository, &label)?;
                labels::add(client, repository, pull_request, &label.name)?;
                note(&label.name, StepResult::Done("added"));
            }
            None if plan.remove.is_empty() => note(&owned.wanted.name, StepResult::Unchanged),
            None => {}
        }
        for name in plan.remove {
            labels::remove(client, repository, pull_request, &name)?;
            note(&name, StepResult::Done("removed"));
        }
        Ok(())
    }

    fn check(&self, part: &str, check: &CheckRun, steps: &mut Vec<Step>) -> Result<(), Failure> {
        let (client, repository, head) = (self.client, self.repository, &self.desired.head);
        let existing = checks::on(client, repository, head, &check.name)?;
        let plan = checks::plan(&existing, check);
        checks::perform(client, repository, head, check, plan)?;
        let result = match plan {
            checks::Plan::Keep => StepResult::Unchanged,
            checks::Plan::Update(_) | checks::Plan::Complete(_) => StepResult::Done("updated"),
            checks::Plan::Create => StepResult::Done("created"),
        };
        steps.push(Step { part: part.to_string(), result });
        Ok(())
    }
}

fn label_part(name: &str) -> String {
    format!("label `{}`", visible(clamp_characters(name, labels::MAX_NAME)))
}
