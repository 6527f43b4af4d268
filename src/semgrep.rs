//! Semgrep, where it is installed: both sides of the changed files are handed to it in one run, and its SARIF is read.
//! What the base had too does not count, as with our own rules.

#![expect(clippy::disallowed_methods, reason = "starts Semgrep, and writes the files that it is to look at")]

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::change::FileChange;
use crate::sast::{External, Hit, Severity};

/// Semgrep's answer; more is refused.
const MOST_BYTES: u64 = 64 << 20;
/// It is ended after this long.
const PATIENCE: Duration = Duration::from_secs(600);
/// Findings that are read.
const MOST_RESULTS: usize = 10_000;

/// Why Semgrep's word could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SemgrepError {
    /// It is not installed.
    #[error("Semgrep is not on PATH")]
    Missing,
    /// It stopped with an error.
    #[error("Semgrep stopped with code {code}: {said}")]
    Stopped {
        /// Its exit code; -1 when a signal ended it.
        code: i32,
        /// The last of what it said.
        said: String,
    },
    /// It did not come to an end.
    #[error("Semgrep took longer than {} s", PATIENCE.as_secs())]
    TooLong,
    /// Its answer is no SARIF.
    #[error("Semgrep's answer could not be read: {0}")]
    Answer(String),
    /// Files for it could not be written.
    #[error("the files for Semgrep could not be written: {0}")]
    Files(#[from] io::Error),
}

impl SemgrepError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            SemgrepError::Missing => Some("install it, or take `semgrep` out of `sast.external`".into()),
            SemgrepError::Stopped { .. } => {
                Some("does `sast.semgrep_config` name rules that can be reached from here?".into())
            }
            _ => None,
        }
    }
}

/// What Semgrep finds in the changed files, before and after. `config` is what its `--config` takes; `scratch` a folder
/// in which files may be written.
///
/// # Errors
/// [`SemgrepError`].
pub fn run(program: &Path, config: &str, files: &[FileChange], scratch: &Path) -> Result<Vec<External>, SemgrepError> {
    let folder = Folder::new(scratch)?;
    let mut found = Vec::new();
    for (index, file) in files.iter().enumerate() {
        // A stranger's path stays out of the file system: a number stands for it, and its last part for the language.
        let name = file.path.to_text().rsplit('/').next().unwrap_or_default().to_string();
        let name: String =
            name.chars().filter(|character| character.is_ascii_alphanumeric() || "._-".contains(*character)).collect();
        for (side, blob) in [("base", &file.base), ("head", &file.head)] {
            if let Some(data) = blob.as_ref().and_then(|blob| blob.data.as_deref()) {
                let place = folder.0.join(side).join(index.to_string());
                fs::create_dir_all(&place)?;
                fs::write(place.join(format!("f{name}")), data)?;
            }
        }
        found.push(External { path: file.path.as_bytes().to_vec(), base: Vec::new(), head: Vec::new() });
    }
    fs::create_dir_all(folder.0.join("base"))?;
    fs::create_dir_all(folder.0.join("head"))?;
    let answer = folder.0.join("answer.sarif");
    let mut command = Command::new(program);
    command
        .args([
            "scan",
            "--sarif",
            "--metrics=off",
            "--disable-version-check",
            "--no-git-ignore",
            "--quiet",
            "--timeout",
            "30",
        ])
        .args(["--config", config, "--output", "answer.sarif", "base", "head"])
        .current_dir(&folder.0);
    finish(&mut command)?;
    let mut text = String::new();
    fs::File::open(&answer)?.take(MOST_BYTES).read_to_string(&mut text)?;
    read(&text, files, &mut found)?;
    Ok(found)
}

fn finish(command: &mut Command) -> Result<(), SemgrepError> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = match child {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(SemgrepError::Missing),
        child => child?,
    };
    let stderr = child.stderr.take();
    let said = std::thread::spawn(move || {
        let mut said = Vec::new();
        let _ = stderr.map(|stderr| stderr.take(1 << 16).read_to_end(&mut said));
        String::from_utf8_lossy(&said).into_owned()
    });
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            return Err(SemgrepError::TooLong);
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    // 1 means that something was found, when it is asked to say so.
    match status.code().unwrap_or(-1) {
        0 | 1 => Ok(()),
        code => {
            let said = said.join().unwrap_or_default();
            let said = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().to_string();
            Err(SemgrepError::Stopped { code, said })
        }
    }
}

/// SARIF 2.1.0, section 3.27: results, sorted to the files that they are about.
fn read(text: &str, files: &[FileChange], found: &mut [External]) -> Result<(), SemgrepError> {
    let document: Value = serde_json::from_str(text).map_err(|error| SemgrepError::Answer(error.to_string()))?;
    let runs = document.get("runs").and_then(Value::as_array);
    let runs = runs.ok_or_else(|| SemgrepError::Answer("it has no `runs`".into()))?;
    let results = runs.iter().filter_map(|run| run.get("results").and_then(Value::as_array)).flatten();
    for result in results.take(MOST_RESULTS) {
        if result.get("suppressions").and_then(Value::as_array).is_some_and(|list| !list.is_empty()) {
            continue;
        }
        let Some(uri) = result.pointer("/locations/0/physicalLocation/artifactLocation/uri").and_then(Value::as_str)
        else {
            continue;
        };
        let mut parts = uri.split('/');
        let (side, index) = (parts.next(), parts.next().and_then(|index| index.parse::<usize>().ok()));
        let (Some(side), Some(index)) = (side, index) else { continue };
        let (Some(file), Some(external)) = (files.get(index), found.get_mut(index)) else { continue };
        let (blob, list) = match side {
            "base" => (&file.base, &mut external.base),
            _ => (&file.head, &mut external.head),
        };
        let data = blob.as_ref().and_then(|blob| blob.data.as_deref()).unwrap_or_default();
        list.extend(hit(result, &String::from_utf8_lossy(data)));
    }
    Ok(())
}

fn hit(result: &Value, text: &str) -> Option<Hit> {
    let region = result.pointer("/locations/0/physicalLocation/region")?;
    let number = |key: &str| region.get(key).and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
    let line = number("startLine")?;
    let end_line = number("endLine").unwrap_or(line).max(line);
    let starts: Vec<usize> = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let start = *starts.get(line.checked_sub(1)?)?;
    let end = starts.get(end_line).map_or(text.len(), |next| next - 1).max(start);
    let severity = match result.get("level").and_then(Value::as_str) {
        Some("error") => Severity::High,
        Some("note") => Severity::Low,
        _ => Severity::Medium,
    };
    let id: String = result.get("ruleId")?.as_str()?.chars().take(200).collect();
    let message = result.pointer("/message/text").and_then(Value::as_str).unwrap_or("Semgrep found something here");
    let source = text.get(start..end)?;
    Some(Hit {
        rule: format!("semgrep/{id}"),
        class: id,
        severity,
        message: message.chars().take(1_000).collect(),
        range: start..end,
        line: line as u32,
        end_line: end_line as u32,
        text: source.split_whitespace().collect::<Vec<_>>().join(" "),
        suppressed: None,
    })
}

/// A folder that goes when it is not needed any more.
struct Folder(PathBuf);

impl Folder {
    fn new(scratch: &Path) -> Result<Folder, SemgrepError> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = scratch.join(format!("mainguard-semgrep-{}-{number}", std::process::id()));
        fs::create_dir(&path)?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
