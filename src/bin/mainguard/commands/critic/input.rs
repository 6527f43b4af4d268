//! Pull requests as JSON: our own short form, GitHub's REST object with its files, or a webhook payload around one.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, Utc};
use mainguard::change::{Blob, ChangeSet, Diff, FileChange, Hunk, Mode, ObjectId, RepoPath, Status};
use mainguard::guards::critic::{self, Plainly, Required};
use mainguard::pull_request::{Applied, Label, PullRequest, PushedHead};
use serde::Deserialize;
use serde_json::Value;

/// One pull request to judge.
#[derive(Debug)]
pub(crate) struct Case {
    /// The line of the input on which it begins.
    pub(crate) line: usize,
    pub(crate) pull_request: PullRequest,
    pub(crate) change: ChangeSet,
    pub(crate) coverage: Option<f64>,
    /// A template of its own.
    pub(crate) template: Option<String>,
    aliases: BTreeMap<String, Vec<String>>,
    required: Vec<String>,
}

impl Case {
    /// Whether it brings rules of its own.
    pub(crate) fn is_special(&self) -> bool {
        self.template.is_some() || !self.aliases.is_empty() || !self.required.is_empty()
    }

    /// The configuration with what the case adds to it.
    pub(crate) fn config(&self, config: &critic::Config) -> critic::Config {
        let mut config = config.clone();
        for (id, headings) in &self.aliases {
            config.sections.entry(id.clone()).or_default().headings.extend(headings.iter().cloned());
        }
        for id in &self.required {
            config.sections.entry(id.clone()).or_default().required = Some(Required::Plainly(Plainly::Always));
        }
        config
    }
}

/// Reads one object, JSON Lines, or an array.
pub(crate) fn parse(text: &str) -> Result<Vec<Case>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut cases = Vec::new();
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    // Counted along, so that a long file is not read again for every object.
    let (mut counted, mut line) = (0, 1);
    loop {
        let gap = text[values.byte_offset()..].len() - text[values.byte_offset()..].trim_start().len();
        let start = values.byte_offset() + gap;
        line += text[counted..start].bytes().filter(|&byte| byte == b'\n').count();
        counted = start;
        let Some(value) = values.next() else { break };
        // serde_json's own message ends in line and column.
        let value = value.context("the input is no JSON")?;
        let objects = match value {
            Value::Array(objects) => objects,
            object => vec![object],
        };
        for object in objects {
            cases.push(case(object, line).with_context(|| format!("line {line}: this is no pull request"))?);
        }
    }
    ensure!(!cases.is_empty(), "the input is empty: one pull request as a JSON object is expected");
    Ok(cases)
}

/// The fields of every form. What a form does not have is absent; what nobody reads is ignored.
#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    number: u64,
    #[serde(default)]
    title: Option<String>,
    body: Option<String>,
    author: Option<Author>,
    user: Option<Account>,
    #[serde(default)]
    draft: bool,
    #[serde(default)]
    labels: Vec<LabelForm>,
    /// Our list, or GitHub's number of files.
    changed_files: Option<Value>,
    files: Option<Vec<FileForm>>,
    #[serde(default)]
    commit_trailers: Vec<String>,
    coverage: Option<f64>,
    template: Option<String>,
    #[serde(default)]
    config: Option<CaseConfig>,
    head: Option<HeadForm>,
    base: Option<BaseForm>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Author {
    Login(String),
    Account(Account),
}

#[derive(Deserialize)]
struct Account {
    login: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum LabelForm {
    Name(String),
    Object { name: String, applied_by: Option<String>, applied_at: Option<DateTime<Utc>> },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum FileForm {
    Path(String),
    Object {
        #[serde(alias = "filename")]
        path: String,
        #[serde(alias = "previous_filename")]
        old_path: Option<String>,
        status: Option<String>,
        added: Option<Vec<String>>,
        patch: Option<String>,
    },
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseConfig {
    #[serde(default)]
    aliases: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    required: Vec<String>,
}

#[derive(Deserialize)]
struct HeadForm {
    sha: Option<String>,
    #[serde(rename = "ref", default)]
    name: String,
    pushed_at: Option<DateTime<Utc>>,
    repo: Option<RepoForm>,
    /// Where the branch stood before, in our own form.
    #[serde(default)]
    arrivals: Vec<ArrivalForm>,
}

#[derive(Deserialize)]
struct ArrivalForm {
    sha: String,
    pushed_at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct BaseForm {
    #[serde(rename = "ref", default)]
    name: String,
    repo: Option<RepoForm>,
}

#[derive(PartialEq, Deserialize)]
struct RepoForm {
    full_name: String,
}

fn case(mut object: Value, line: usize) -> Result<Case> {
    ensure!(object.is_object(), "it is no JSON object");
    // A webhook payload carries the pull request inside.
    if let Some(inner) = object.get_mut("pull_request").filter(|inner| inner.is_object()).map(Value::take) {
        let files = object.get_mut("files").map(Value::take);
        object = inner;
        if let (Some(files), Some(fields)) = (files, object.as_object_mut()) {
            fields.entry("files").or_insert(files);
        }
    }
    let fields: Fields = serde_json::from_value(object)?;
    let files: Vec<FileForm> = match (fields.changed_files, fields.files) {
        (Some(list @ Value::Array(_)), _) => serde_json::from_value(list).context("`changed_files`")?,
        (_, Some(files)) => files,
        _ => bail!("it does not say which files changed: neither `changed_files` nor `files` is a list"),
    };
    let author = match (fields.author, fields.user) {
        (Some(Author::Login(login)), _) => login,
        (Some(Author::Account(account)), _) | (None, Some(account)) => account.login,
        (None, None) => String::new(),
    };
    let config = fields.config.unwrap_or_default();
    let head = fields
        .head
        .as_ref()
        .and_then(|head| Some(PushedHead { id: ObjectId::parse(head.sha.as_deref()?)?, pushed_at: head.pushed_at }));
    let arrivals = fields
        .head
        .iter()
        .flat_map(|head| &head.arrivals)
        .filter_map(|one| Some(PushedHead { id: ObjectId::parse(&one.sha)?, pushed_at: Some(one.pushed_at) }));
    let arrivals = arrivals.collect();
    // GitHub's own object says where both branches stand; a head without a repository was a fork that is gone.
    let [theirs, ours] = [
        fields.head.as_ref().and_then(|head| head.repo.as_ref()),
        fields.base.as_ref().and_then(|base| base.repo.as_ref()),
    ];
    let from_fork = ours.is_some() && theirs != ours;
    Ok(Case {
        line,
        pull_request: PullRequest {
            number: fields.number,
            title: fields.title.unwrap_or_default(),
            body: fields.body,
            author,
            draft: fields.draft,
            labels: fields.labels.into_iter().map(label).collect(),
            commit_trailers: fields.commit_trailers,
            head,
            arrivals,
            base_ref: fields.base.map(|base| base.name).unwrap_or_default(),
            head_ref: fields.head.map(|head| head.name).unwrap_or_default(),
            from_fork,
        },
        change: ChangeSet { files: files.into_iter().map(file).collect::<Result<_>>()?, ..ChangeSet::default() },
        coverage: fields.coverage,
        template: fields.template,
        aliases: config.aliases,
        required: config.required,
    })
}

fn label(form: LabelForm) -> Label {
    match form {
        LabelForm::Name(name) => Label::named(name),
        LabelForm::Object { name, applied_by, applied_at } => {
            Label { name, applied: applied_by.zip(applied_at).map(|(by, at)| Applied { by, at }) }
        }
    }
}

fn file(form: FileForm) -> Result<FileChange> {
    let (path, old_path, status, added) = match form {
        FileForm::Path(path) => (path, None, Status::Modified, Vec::new()),
        FileForm::Object { path, old_path, status, added, patch } => {
            let status = status.as_deref().unwrap_or("modified");
            let status = status_named(status).with_context(|| format!("`{path}` has the unknown status `{status}`"))?;
            let added = added.or_else(|| patch.as_deref().map(added_by_patch)).unwrap_or_default();
            (path, old_path, status, added)
        }
    };
    let lines = added.len() as u32;
    let data =
        added.iter().flat_map(|line| [line.trim_end_matches(['\r', '\n']), "\n"]).collect::<String>().into_bytes();
    let head = Blob { mode: Mode::File, id: None, size: data.len() as u64, data: Some(data) };
    Ok(FileChange {
        path: RepoPath::from(path.as_str()),
        old_path: old_path.map(|path| RepoPath::from(path.as_str())),
        status,
        base: None,
        head: (status != Status::Deleted).then_some(head),
        diff: Diff::Lines(if lines > 0 { vec![Hunk { base: 0..0, head: 0..lines }] } else { Vec::new() }),
    })
}

/// GitHub's words, and git's where they differ.
fn status_named(name: &str) -> Option<Status> {
    Some(match name {
        "added" => Status::Added,
        "modified" | "changed" | "unchanged" => Status::Modified,
        "removed" | "deleted" => Status::Deleted,
        "renamed" => Status::Renamed(100),
        "copied" => Status::Copied(100),
        _ => return None,
    })
}

/// The lines that a patch of GitHub's adds. It begins at the first hunk: there are no file headers to mistake for lines.
fn added_by_patch(patch: &str) -> Vec<String> {
    patch.lines().filter_map(|line| line.strip_prefix('+')).map(str::to_string).collect()
}
