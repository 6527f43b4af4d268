//! The coverage reports that the change's build left behind.

#![expect(clippy::disallowed_methods, reason = "reads the reports that the build wrote")]

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use mainguard::change::{ChangeSet, Head};
use mainguard::context::Loaded;
use mainguard::coverage::{self, MOST_BYTES, Report};
use mainguard::git::Repository;
use mainguard::guards::coverage::{Config, Facts, USUAL_PLACES};

/// Flag, else configuration, else the first of the usual places. A report that was named on the command line must be
/// there; one that the configuration names may be missing, and then nothing was measured.
pub(crate) fn load(
    repository: &Repository,
    change: &ChangeSet,
    config: &Config,
    named: &[PathBuf],
) -> anyhow::Result<Loaded<Facts>> {
    let top = repository.work_dir().unwrap_or(Path::new("."));
    let mut reports: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    let mut missing: Vec<String> = Vec::new();
    let configured: Vec<PathBuf> = config.reports.iter().map(|path| top.join(path)).collect();
    let usual: Vec<PathBuf> = USUAL_PLACES.iter().map(|path| top.join(path)).collect();
    let (places, first_only) = match (named, configured.as_slice()) {
        ([], []) => (usual.as_slice(), true),
        ([], configured) => (configured, false),
        (named, _) => (named, false),
    };
    for place in places {
        match read(place) {
            Ok(Some(bytes)) => {
                reports.push((place.clone(), bytes));
                if first_only {
                    break;
                }
            }
            Ok(None) => missing.push(place.strip_prefix(top).unwrap_or(place).display().to_string()),
            Err(error) => return Ok(Loaded::Failed(format!("could not read the report {}: {error}", place.display()))),
        }
    }
    if reports.is_empty() {
        let places = match missing.len() {
            0..=4 => missing.join(", "),
            count => format!("{} or {} more of the usual places", missing[..3].join(", "), count - 3),
        };
        return Ok(match named {
            [] => Loaded::Absent(format!("no report found at {places}")),
            _ => Loaded::Failed(format!("no report found at {places}")),
        });
    }
    let mut report = Report::default();
    for (place, bytes) in &reports {
        match coverage::read(bytes) {
            Ok(one) => report.merge(one),
            Err(error) => {
                let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
                return Ok(Loaded::Failed(format!("could not use the report {}: {error}{hint}", place.display())));
            }
        }
    }
    let commit = match &change.head {
        Head::Commit(commit) => Some(commit.clone()),
        Head::Index | Head::WorkingTree => repository.head()?,
    };
    let mut paths: Vec<String> = match commit {
        Some(commit) => repository.paths_at(&commit)?.iter().map(|path| path.to_text().into_owned()).collect(),
        None => Vec::new(),
    };
    paths.extend(change.files.iter().map(|file| file.path.to_text().into_owned()));
    paths.sort();
    paths.dedup();
    Ok(Loaded::Present(Facts { report, paths }))
}

/// A regular file. What a link in the working tree leads to is not read: the change chose where it leads.
fn read(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => {
            let mut bytes = Vec::new();
            File::open(path)?.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes)?;
            Ok(Some(bytes))
        }
        Ok(_) => Ok(None),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}
