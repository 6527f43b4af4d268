//! The check run on the head commit: what branch protection looks at, with annotations beside the lines.
//!
//! What pulls on this file: a call takes 50 annotations, and annotations are only ever *added* to a check run; a
//! workflow's job is itself a check run by the same app and may have the same name; and a run that was half published
//! must not be green. So ours carries an `external_id` made from its content. Without it, a run is not ours. With the
//! same one there is nothing to do. With the same annotations, or none yet, it is updated; otherwise a new run of the
//! same name takes its place, which is how GitHub means it. The conclusion travels with the last batch.
//! <https://docs.github.com/en/rest/checks/runs>

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::annotation::Annotation;
use crate::change::CommitId;
use crate::github::client::{Client, Repeat, Written};
use crate::github::{Error, Repository, clamp_bytes, clamp_characters, percent_encode};

/// Annotations in one call; GitHub's bound.
pub const BATCH: usize = 50;
/// More annotations than anyone reads, and ten calls.
pub const MAX_ANNOTATIONS: usize = 500;
/// GitHub's bound on the summary.
pub const MAX_SUMMARY_BYTES: usize = 65_535;
/// GitHub's bound on an annotation's message.
pub const MAX_MESSAGE_BYTES: usize = 64 << 10;
/// GitHub's bound on an annotation's title; also ours on the name and title of a check run.
pub const MAX_TITLE: usize = 255;

/// A check run as it ought to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckRun {
    /// Its name in the list of checks.
    pub name: String,
    /// One line.
    pub title: String,
    /// Markdown.
    pub summary: String,
    /// Green or not.
    pub conclusion: Conclusion,
    /// What stands beside the lines, the most important first.
    pub annotations: Vec<Annotation>,
}

/// How a check run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// Green.
    Success,
    /// Red.
    Failure,
    /// Grey; counts as green for branch protection.
    Neutral,
}

impl Conclusion {
    fn as_str(self) -> &'static str {
        match self {
            Conclusion::Success => "success",
            Conclusion::Failure => "failure",
            Conclusion::Neutral => "neutral",
        }
    }
}

/// A check run of our name that GitHub has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Existing {
    /// GitHub's number for it; grows with time.
    pub id: u64,
    /// What its creator wrote there.
    pub external_id: String,
    /// Whether it has a conclusion.
    pub completed: bool,
    /// How many annotations it has.
    pub annotations: u64,
}

/// What is to be done. Pure: see [`plan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// It says that already.
    Keep,
    /// It says something else, with the same annotations.
    Update(u64),
    /// It has no annotations yet, and some are wanted.
    Complete(u64),
    /// There is none, or it has annotations that do not hold any more.
    Create,
}

/// Decides what to do. `wanted` is within bounds.
pub fn plan(existing: &[Existing], wanted: &CheckRun) -> Plan {
    let Some(ours) = existing.iter().filter(|run| run.external_id.starts_with(PREFIX)).max_by_key(|run| run.id) else {
        return Plan::Create;
    };
    let whole = ours.annotations == wanted.annotations.len() as u64;
    let same_annotations = whole && ours.external_id.starts_with(&annotations_id(wanted));
    if ours.external_id == external_id(wanted) && whole && ours.completed {
        Plan::Keep
    } else if same_annotations {
        Plan::Update(ours.id)
    } else if ours.annotations == 0 {
        Plan::Complete(ours.id)
    } else {
        Plan::Create
    }
}

/// The same check run as far as GitHub accepts it. Annotations without a relative path are left out.
pub fn within_bounds(run: &CheckRun) -> CheckRun {
    let name = clamp_characters(non_blank(&run.name, "mainguard"), MAX_TITLE).to_string();
    let title = clamp_characters(non_blank(&run.title, &name), MAX_TITLE).to_string();
    let summary = clamp_bytes(non_blank(&run.summary, &title), MAX_SUMMARY_BYTES).to_string();
    let is_relative = |path: &str| {
        !path.is_empty() && !path.starts_with('/') && !path.contains('\0') && !path.split('/').any(|part| part == "..")
    };
    let annotations = run
        .annotations
        .iter()
        .filter(|annotation| is_relative(&annotation.path))
        .take(MAX_ANNOTATIONS)
        .map(|annotation| {
            let start_line = annotation.start_line.max(1);
            let end_line = annotation.end_line.max(start_line);
            let one_line = |column: Option<u32>| column.filter(|_| start_line == end_line).map(|column| column.max(1));
            let start_column = one_line(annotation.start_column);
            Annotation {
                path: annotation.path.clone(),
                start_line,
                end_line,
                start_column,
                end_column: one_line(annotation.end_column).map(|end| end.max(start_column.unwrap_or(1))),
                level: annotation.level,
                title: clamp_characters(&annotation.title, MAX_TITLE).to_string(),
                message: clamp_bytes(non_blank(&annotation.message, "(no message)"), MAX_MESSAGE_BYTES).to_string(),
            }
        })
        .collect();
    CheckRun { name, title, summary, conclusion: run.conclusion, annotations }
}

/// The check runs of this name on a commit.
pub fn on(client: &Client, repository: &Repository, head: &CommitId, name: &str) -> Result<Vec<Existing>, Error> {
    #[derive(Deserialize)]
    struct Page {
        check_runs: Vec<Raw>,
    }
    #[derive(Deserialize)]
    struct Raw {
        id: u64,
        external_id: Option<String>,
        status: String,
        output: RawOutput,
    }
    #[derive(Deserialize)]
    struct RawOutput {
        annotations_count: u64,
    }
    let name = percent_encode(name);
    // All, because the latest of this name may be the workflow's own job.
    let path = format!("/repos/{repository}/commits/{head}/check-runs?check_name={name}&filter=all&per_page=100");
    let pages = client.get_pages::<Page, _>(&path, |page| page.check_runs)?;
    Ok(pages
        .items
        .into_iter()
        .map(|run| Existing {
            id: run.id,
            external_id: run.external_id.unwrap_or_default(),
            completed: run.status == "completed",
            annotations: run.output.annotations_count,
        })
        .collect())
}

/// Carries out a plan. `wanted` is within bounds.
pub fn perform(
    client: &Client,
    repository: &Repository,
    head: &CommitId,
    wanted: &CheckRun,
    plan: Plan,
) -> Result<(), Error> {
    let path = |id: &str| format!("/repos/{repository}/check-runs/{id}");
    let mut batches: Vec<&[Annotation]> = wanted.annotations.chunks(BATCH).collect();
    let mut id = match plan {
        Plan::Keep => return Ok(()),
        Plan::Update(id) => {
            batches.clear();
            Some(id.to_string())
        }
        Plan::Complete(id) => Some(id.to_string()),
        Plan::Create => None,
    };
    if batches.is_empty() {
        batches.push(&[]);
    }
    let last = batches.len() - 1;
    for (index, batch) in batches.iter().enumerate() {
        let mut body = payload(wanted, batch, index == last);
        // Annotations add up, and a second run is a second entry in the list.
        let repeat = if id.is_some() && batch.is_empty() { Repeat::Harmless } else { Repeat::Doubles };
        id = match id {
            Some(id) => {
                client.write(Method::PATCH, &path(&id), Some(body), repeat)?;
                Some(id)
            }
            None => {
                body["head_sha"] = json!(head.as_str());
                match client.write(Method::POST, &format!("/repos/{repository}/check-runs"), Some(body), repeat)? {
                    Written::Answered(answer) => match answer["id"].as_u64() {
                        Some(id) => Some(id.to_string()),
                        None => return Err(no_id(repository)),
                    },
                    Written::Planned => Some("{check_run_id}".into()),
                }
            }
        };
    }
    Ok(())
}

const PREFIX: &str = "mainguard:";

/// `mainguard:<annotations>:<all>`. An unfinished run has no second part, so it never passes for the finished one.
fn external_id(run: &CheckRun) -> String {
    let conclusion = run.conclusion.as_str();
    format!("{}{}", annotations_id(run), digest(format!("{:?}", (&run.name, &run.title, &run.summary, conclusion))))
}

fn annotations_id(run: &CheckRun) -> String {
    format!("{PREFIX}{}:", digest(format!("{:?}", run.annotations)))
}

fn digest(text: String) -> String {
    Sha256::digest(text)[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn payload(run: &CheckRun, batch: &[Annotation], last: bool) -> Value {
    let mut output = json!({ "title": run.title, "summary": run.summary });
    if !batch.is_empty() {
        output["annotations"] = batch.iter().map(annotation).collect();
    }
    match last {
        true => json!({
            "name": run.name,
            "external_id": external_id(run),
            "status": "completed",
            "conclusion": run.conclusion.as_str(),
            "output": output,
        }),
        false => json!({
            "name": run.name,
            "external_id": annotations_id(run),
            "status": "in_progress",
            "output": output,
        }),
    }
}

fn annotation(annotation: &Annotation) -> Value {
    let mut value = json!({
        "path": annotation.path,
        "start_line": annotation.start_line,
        "end_line": annotation.end_line,
        "annotation_level": annotation.level.as_str(),
        "message": annotation.message,
    });
    let columns = [("start_column", annotation.start_column), ("end_column", annotation.end_column)];
    for (key, column) in columns {
        if let Some(column) = column {
            value[key] = json!(column);
        }
    }
    if !annotation.title.is_empty() {
        value["title"] = json!(annotation.title);
    }
    value
}

fn non_blank<'a>(text: &'a str, instead: &'a str) -> &'a str {
    if text.trim().is_empty() { instead } else { text }
}

fn no_id(repository: &Repository) -> Error {
    Error::Malformed { request: format!("POST /repos/{repository}/check-runs"), reason: "it has no `id`".into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annotation::AnnotationLevel;

    fn run(annotations: usize) -> CheckRun {
        let annotation = Annotation {
            path: "a.rs".into(),
            start_line: 3,
            end_line: 3,
            start_column: Some(2),
            end_column: Some(9),
            level: AnnotationLevel::Warning,
            title: "t".into(),
            message: "m".into(),
        };
        CheckRun {
            name: "mainguard".into(),
            title: "passed".into(),
            summary: "fine".into(),
            conclusion: Conclusion::Success,
            annotations: vec![annotation; annotations],
        }
    }

    fn existing(run: &CheckRun) -> Existing {
        let annotations = run.annotations.len() as u64;
        Existing { id: 5, external_id: external_id(run), completed: true, annotations }
    }

    #[test]
    fn a_job_of_our_name_is_not_our_check() {
        let job = Existing { id: 9, external_id: "0d8a-job".into(), completed: false, annotations: 0 };
        assert_eq!(plan(std::slice::from_ref(&job), &run(0)), Plan::Create);
        assert_eq!(plan(&[job, existing(&run(0))], &run(0)), Plan::Keep);
    }

    #[test]
    fn annotations_are_never_added_twice() {
        let other = CheckRun { title: "blocked".into(), ..run(2) };
        assert_eq!(plan(&[existing(&run(2))], &other), Plan::Update(5));
        assert_eq!(plan(&[existing(&run(0))], &other), Plan::Complete(5));
        assert_eq!(plan(&[existing(&run(1))], &other), Plan::Create);
        assert_eq!(plan(&[existing(&run(1))], &run(0)), Plan::Create);
    }

    #[test]
    fn a_run_that_broke_off_is_not_taken_for_whole() {
        let wanted = run(60);
        let half = Existing { id: 5, external_id: annotations_id(&wanted), completed: false, annotations: 50 };
        assert_eq!(plan(std::slice::from_ref(&half), &wanted), Plan::Create);
        assert_eq!(plan(&[Existing { annotations: 60, ..half }], &wanted), Plan::Update(5));
    }

    #[test]
    fn annotations_are_brought_within_bounds() {
        let mut hostile = run(3);
        hostile.annotations[0].path = "/etc/passwd".into();
        hostile.annotations[1].path = "a/../../b".into();
        let odd = &mut hostile.annotations[2];
        (odd.start_line, odd.end_line, odd.start_column) = (0, 7, Some(0));
        odd.title = "ä".repeat(300);
        odd.message = "🐘".repeat(20_000);
        let fits = within_bounds(&hostile);
        let [kept] = fits.annotations.as_slice() else { panic!("{fits:?}") };
        assert_eq!((kept.start_line, kept.end_line, kept.start_column, kept.end_column), (1, 7, None, None));
        assert_eq!((kept.title.chars().count(), kept.message.len()), (255, 65_536));
        assert_eq!(within_bounds(&fits), fits);
        assert_eq!(within_bounds(&run(1_000)).annotations.len(), MAX_ANNOTATIONS);
    }
}
