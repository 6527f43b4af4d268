//! Loads what the dependencies guard looks at: lockfiles at both ends, ignore files at the base, advisories about the
//! packages that are named. Nothing is read when no lockfile changed.

use std::path::{Path, PathBuf};

use mainguard::advisories::{self, Api, DataError, Index};
use mainguard::change::{ChangeSet, CommitId, RepoPath};
use mainguard::context::Loaded;
use mainguard::deps::includes::{self, Include};
use mainguard::deps::snapshot::{Data, Placed, Snapshot, folder};
use mainguard::deps::{Format, Lockfile, ignores};
use mainguard::git::Repository;
use mainguard::policy::Policy;

use crate::environment::Environment;

/// More lockfiles than any repository is meant to have.
const MOST_LOCKFILES: usize = 2_000;

/// Where advisories come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A folder with an index or archives.
    Folder(PathBuf),
    /// The OSV API at a URL.
    Api(String),
}

impl Source {
    /// A folder, a URL, or `api` for osv.dev; by default the folder into which `deps update` writes.
    pub(crate) fn of(given: Option<&str>, environment: &Environment) -> Source {
        match given {
            Some("api") => Source::Api(Api::URL.into()),
            Some(url) if url.starts_with("https://") || url.starts_with("http://") => Source::Api(url.into()),
            Some(folder) => Source::Folder(folder.into()),
            None => Source::Folder(environment.cache.join("advisories")),
        }
    }
}

/// What is known about the packages of some lockfiles.
pub(crate) fn data(lockfiles: &[&Lockfile], source: &Source, environment: &Environment) -> Data {
    let names = advisories::names(lockfiles.iter().copied());
    let failed = |error: DataError| {
        let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        match error {
            DataError::Missing(_) => Data::None(format!("{error}{hint}")),
            error => Data::Failed(format!("{error}{hint}")),
        }
    };
    match source {
        Source::Folder(folder) => {
            let loaded = Index::open(folder).and_then(|mut index| Ok((index.about(names)?, index)));
            match loaded {
                Err(error) => failed(error),
                Ok((advisories, index)) => {
                    let about = index.about_itself();
                    let lacks = |it: &&&Lockfile| !it.packages.is_empty() && !about.covers(it.format.ecosystem());
                    let mut uncovered: Vec<String> = lockfiles
                        .iter()
                        .filter(lacks)
                        .map(|it| format!("{} ({})", it.format, it.format.ecosystem()))
                        .collect();
                    uncovered.sort();
                    uncovered.dedup();
                    let age = about.age(environment.now);
                    Data::Known { advisories, age, fetched: about.fetched, uncovered }
                }
            }
        }
        Source::Api(url) => {
            let mut packages: Vec<_> = lockfiles
                .iter()
                .flat_map(|it| it.packages.iter().map(move |package| (it.format.ecosystem(), package)))
                .filter(|(_, package)| !package.local && !package.version.is_empty())
                .map(|(ecosystem, package)| (ecosystem, package.name.clone(), package.version.clone()))
                .collect();
            packages.sort();
            packages.dedup();
            let cache = environment.cache.join("records");
            match Api::new(url, Some(cache)).and_then(|api| api.about(&packages)) {
                Err(error) => failed(error),
                Ok(advisories) => Data::Known {
                    advisories,
                    age: format!("advisories of {url}, asked just now"),
                    fetched: Some(environment.now),
                    uncovered: Vec::new(),
                },
            }
        }
    }
}

/// The lockfiles of the repository at both ends of a change, when it touches one.
pub(crate) fn snapshot(
    repository: &Repository,
    change: &ChangeSet,
    policy: &Policy,
    source: &Source,
    environment: &Environment,
) -> Loaded<Snapshot> {
    let wanted = |path: &str| Format::of(path).is_some() && !policy.dependencies.leaves_out(path);
    let touched = |path: &RepoPath| wanted(&path.to_text());
    let any = |of: &dyn Fn(&RepoPath) -> bool| {
        change.files.iter().any(|file| of(&file.path) || file.old_path.as_ref().is_some_and(of))
    };
    let absent = || Loaded::Absent("no lockfile changed".into());
    // Requirements include files of any name; these endings are theirs.
    let includable = |path: &RepoPath| [".txt", ".in", ".pip"].iter().any(|ending| path.to_text().ends_with(ending));
    if !any(&touched) && !any(&includable) {
        return absent();
    }
    match load(repository, change, change.base.as_ref(), wanted, |path| !policy.dependencies.leaves_out(path)) {
        Err(why) => Loaded::Failed(why),
        Ok(snapshot)
            if !any(&touched)
                && !any(&|path| snapshot.base.iter().chain(&snapshot.head).any(|placed| placed.path == *path)) =>
        {
            absent()
        }
        Ok(mut snapshot) => {
            let lockfiles: Vec<&Lockfile> =
                snapshot.base.iter().chain(&snapshot.head).map(|placed| &placed.lockfile).collect();
            snapshot.data = data(&lockfiles, source, environment);
            Loaded::Present(snapshot)
        }
    }
}

fn load(
    repository: &Repository,
    change: &ChangeSet,
    base: Option<&CommitId>,
    wanted: impl Fn(&str) -> bool,
    read_too: impl Fn(&str) -> bool,
) -> Result<Snapshot, String> {
    let mut snapshot = Snapshot::default();
    let paths = match base {
        Some(base) => repository.files_named(base, &wanted).map_err(|error| error.to_string())?,
        None => Vec::new(),
    };
    if paths.len() > MOST_LOCKFILES {
        return Err(format!("the repository has {} lockfiles, more than {MOST_LOCKFILES}", paths.len()));
    }
    let gone = |path: &RepoPath| {
        let left = |old: &RepoPath| old == path;
        change.files.iter().any(|file| file.path == *path || file.old_path.as_ref().is_some_and(left))
    };
    let mut folders = std::collections::BTreeSet::new();
    for path in &paths {
        let Some(base) = base else { break };
        let text = path.to_text();
        let bytes = match repository.read_at(base, &text) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => continue,
            Err(error) => {
                if gone(path) {
                    snapshot.unreadable.push((path.clone(), error.to_string()));
                }
                continue;
            }
        };
        folders.insert(folder(&text).to_string());
        // What could not be read before the change, and is not part of it, is nobody's news here.
        if let Ok(placed) = place(path, &bytes) {
            if !gone(path) {
                snapshot.head.push(placed.clone());
            }
            snapshot.base.push(placed);
        }
    }
    for file in &change.files {
        let text = file.path.to_text();
        let Some(head) = file.head.as_ref().filter(|_| wanted(&text)) else { continue };
        let read = match &head.data {
            Some(bytes) => place(&file.path, bytes).map_err(|error| error.to_string()),
            None => Err("it is larger than what is read of a change".into()),
        };
        match read {
            Ok(placed) => snapshot.head.push(placed),
            Err(why) => snapshot.unreadable.push((file.path.clone(), why)),
        }
        folders.insert(folder(&text).to_string());
    }
    let at_base = |path: &str| repository.read_at(base?, path).ok().flatten();
    let at_head = |path: &str| {
        let here = RepoPath::from(path);
        match change.files.iter().find(|file| file.path == here) {
            Some(file) => file.head.as_ref()?.data.clone(),
            None if gone(&here) => None,
            None => at_base(path),
        }
    };
    include(&mut snapshot.base, |path| read_too(path).then(|| at_base(path))?);
    for missing in include(&mut snapshot.head, |path| read_too(path).then(|| at_head(path))?) {
        let from = RepoPath::from(missing.from.as_str());
        if gone(&from) {
            let why = format!("line {} includes {}, which is not there", missing.line, missing.written);
            snapshot.unreadable.push((from, why));
        }
    }
    drop_shadowed(&mut snapshot.base);
    drop_shadowed(&mut snapshot.head);
    for folder in folders {
        let Some(base) = base else { break };
        let path = if folder.is_empty() { ignores::FILE.to_string() } else { format!("{folder}/{}", ignores::FILE) };
        if let Some(bytes) = repository.read_at(base, &path).map_err(|error| error.to_string())? {
            let entries = ignores::osv_scanner(&bytes, &path).map_err(|error| error.to_string())?;
            snapshot.ignores.push((folder, entries));
        }
    }
    Ok(snapshot)
}

fn place(path: &RepoPath, bytes: &[u8]) -> Result<Placed, mainguard::deps::ReadError> {
    let name = path.to_text();
    let format = Format::of(&name).unwrap_or(Format::CargoLock);
    let lockfile = Lockfile::read(format, bytes, &name)?;
    Ok(Placed { path: path.clone(), lockfile, text: String::from_utf8_lossy(bytes).into_owned() })
}

/// Adds what requirements files include, each file as a lockfile of its own. Returns the includes that lead nowhere.
fn include(placed: &mut Vec<Placed>, read: impl FnMut(&str) -> Option<Vec<u8>>) -> Vec<Include> {
    let texts: Vec<(String, String)> = placed
        .iter()
        .filter(|it| it.lockfile.format == Format::Requirements)
        .map(|it| (it.path.to_text().into_owned(), it.text.clone()))
        .collect();
    let followed = includes::follow(texts.iter().map(|(path, text)| (path.as_str(), text.as_str())), read);
    let mut constraints = Vec::new();
    for (path, content, constrains) in followed.files {
        let Ok(lockfile) = Lockfile::read(Format::Requirements, &content, &path) else { continue };
        let text = String::from_utf8_lossy(&content).into_owned();
        let it = Placed { path: RepoPath::from(path.as_str()), lockfile, text };
        if constrains { constraints.push(it) } else { placed.push(it) }
    }
    for mut it in constraints {
        let asking = placed.iter().map(|it| &it.lockfile).filter(|it| it.format == Format::Requirements);
        includes::constrain(&mut it.lockfile, asking);
        placed.push(it);
    }
    followed.missing
}

/// The same for files on disk, as far as they lie in the repository, or in the folder of the file that includes them.
pub(crate) fn include_files(placed: &mut Vec<Placed>, repo: &Path) -> anyhow::Result<()> {
    use crate::console::Hinted;
    let top = Repository::discover(repo).ok().and_then(|repository| repository.work_dir().map(Path::to_path_buf));
    let mut roots: Vec<PathBuf> = placed
        .iter()
        .filter_map(|it| Path::new(&*it.path.to_text()).canonicalize().ok()?.parent().map(Path::to_path_buf))
        .collect();
    roots.extend(top.and_then(|top| top.canonicalize().ok()));
    let read = |path: &str| {
        let real = Path::new(path).canonicalize().ok()?;
        let inside = roots.iter().any(|root| real.starts_with(root));
        inside.then(|| crate::gather::read_bounded(&real).ok())?
    };
    match include(placed, read).first() {
        None => Ok(()),
        Some(missing) => Err(Hinted::error(
            format!(
                "could not check: {}:{} includes {}, which is not there or lies outside of the repository",
                missing.from, missing.line, missing.written
            ),
            "what is included is needed to know which packages there are",
        )),
    }
}

/// npm does not look at package-lock.json where a shrinkwrap stands beside it.
fn drop_shadowed(placed: &mut Vec<Placed>) {
    let all: std::collections::BTreeSet<String> = placed.iter().map(|it| it.path.to_text().into_owned()).collect();
    placed.retain(|it| !Format::shadow(&it.path.to_text()).is_some_and(|other| all.contains(&other)));
}

/// A file on disk, by the format that its name or `given` says.
pub(crate) fn read_file(path: &Path, given: Option<Format>) -> anyhow::Result<(Placed, Option<PathBuf>)> {
    use crate::console::Hinted;
    let name = path.to_string_lossy().into_owned();
    let Some(format) = given.or_else(|| Format::of(&name)) else {
        return Err(Hinted::error(
            format!("{name} has no lockfile's name"),
            "say what it is: `--as Cargo.lock`; `mainguard deps packages --help` lists the formats",
        ));
    };
    let bytes = crate::gather::read_bounded(path).map_err(|error| error.context(format!("could not read {name}")))?;
    let lockfile = Lockfile::read(format, &bytes, &name).map_err(|error| {
        let hint = error.hint().unwrap_or_default();
        Hinted::error(error.to_string(), hint)
    })?;
    let shadow = (format == Format::PackageLock).then(|| Format::shadow(&name)).flatten().map(PathBuf::from);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok((Placed { path: RepoPath::from(name.as_str()), lockfile, text }, shadow))
}
