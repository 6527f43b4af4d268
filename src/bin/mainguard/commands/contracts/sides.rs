//! One side of a comparison: a file or a folder on disk, or one at a revision.

#![expect(clippy::disallowed_methods, reason = "reads the files and folders that are named")]

use std::cell::RefCell;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use mainguard::change::Head;
use mainguard::contracts::Tree;
use mainguard::git::tree::Files;
use mainguard::git::{GitError, Repository};

use crate::console::Hinted;

/// More files below a folder are not a description of anything.
const MOST_FILES: usize = 200_000;
/// Folders within folders.
const MOST_DEPTH: usize = 64;
/// The largest file that is read, in bytes.
const LARGEST: u64 = 256 << 20;

/// A side that can be read.
pub(super) struct Opened<'a> {
    pub(super) tree: Box<dyn Tree + 'a>,
    /// The one file that is meant; `None` for all of the tree.
    pub(super) file: Option<String>,
    failure: Box<dyn Fn() -> Option<anyhow::Error> + 'a>,
}

impl Opened<'_> {
    /// What could not be read on the way.
    pub(super) fn failure(&self) -> anyhow::Result<()> {
        (self.failure)().map_or(Ok(()), Err)
    }
}

/// Whether there is a file or folder of this name.
pub(super) fn is_on_disk(name: &str) -> bool {
    Path::new(name).exists()
}

/// Whether a side is a whole commit. What lies on disk under this name is meant first.
pub(super) fn is_revision(name: &str, repository: &Repository) -> bool {
    !is_on_disk(name) && !name.contains(':') && repository.resolve(name).is_ok()
}

/// Opens what is named.
pub(super) fn open<'a>(name: &str, repository: Option<&'a Repository>) -> anyhow::Result<Opened<'a>> {
    if is_on_disk(name) {
        return on_disk(Path::new(name));
    }
    let unknown = || {
        Hinted::error(
            format!("there is no file, folder or revision `{name}`"),
            "a side is a path, a revision such as `origin/main`, or REV:PATH",
        )
    };
    let repository = repository.ok_or_else(unknown)?;
    let (revision, path) = name.split_once(':').unwrap_or((name, ""));
    if revision.is_empty() {
        return Err(unknown());
    }
    let commit = repository.resolve(revision).map_err(|error| match name.contains(':') {
        true => anyhow::Error::new(error),
        false => unknown(),
    })?;
    let files = std::rc::Rc::new(repository.files_at(Some(&Head::Commit(commit)))?);
    let path = path.trim_start_matches("./").trim_end_matches('/').to_string();
    let paths = files.paths();
    let file = paths.binary_search(&path).is_ok().then(|| path.clone());
    let prefix = match (&file, path.is_empty()) {
        (Some(_), _) | (None, true) => String::new(),
        (None, false) => format!("{path}/"),
    };
    if file.is_none() && !paths.iter().any(|path| path.starts_with(&prefix)) {
        return Err(Hinted::error(
            format!("`{path}` does not stand at `{revision}`"),
            "paths begin at the top of the repository",
        ));
    }
    let failing = files.clone();
    Ok(Opened {
        tree: Box::new(Below { files, prefix }),
        file,
        failure: Box::new(move || failing.failure().map(|error: GitError| error.into())),
    })
}

/// A folder of a commit.
struct Below<'a> {
    files: std::rc::Rc<Files<'a>>,
    prefix: String,
}

impl Tree for Below<'_> {
    fn paths(&self) -> Vec<String> {
        self.files.paths().into_iter().filter_map(|path| Some(path.strip_prefix(&self.prefix)?.to_string())).collect()
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.files.read(&format!("{}{path}", self.prefix))
    }
}

fn on_disk<'a>(path: &Path) -> anyhow::Result<Opened<'a>> {
    let real = path.canonicalize().map_err(|error| {
        Hinted::error(format!("could not read {}: {error}", path.display()), "does it exist, and may it be read?")
    })?;
    let (root, file) = match real.is_dir() {
        true => (real, None),
        false => {
            let folder = real.parent().unwrap_or(Path::new("/")).to_path_buf();
            // References may lead anywhere below the top of the repository that the file stands in, and no further.
            let root =
                Repository::discover(&folder).ok().and_then(|repository| repository.work_dir()?.canonicalize().ok());
            let root = root.filter(|root| real.starts_with(root)).unwrap_or(folder);
            let name = real.strip_prefix(&root).unwrap_or(&real).to_string_lossy().replace('\\', "/");
            (root, Some(name))
        }
    };
    let folder = std::rc::Rc::new(Folder { root, failure: RefCell::default() });
    if let Some(file) = &file {
        drop(folder.open(file));
    }
    let failing = folder.clone();
    let opened = Opened {
        tree: Box::new(Shared(folder)),
        file,
        failure: Box::new(move || {
            let (path, error) = failing.failure.borrow_mut().take()?;
            Some(Hinted::error(format!("could not read {}: {error}", path.display()), "may it be read?"))
        }),
    };
    opened.failure()?;
    Ok(opened)
}

struct Shared(std::rc::Rc<Folder>);

impl Tree for Shared {
    fn paths(&self) -> Vec<String> {
        self.0.paths()
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.0.read(path)
    }

    fn beginning(&self, path: &str, most: usize) -> Option<Vec<u8>> {
        self.0.beginning(path, most)
    }
}

/// The regular files below a folder. Symlinks are not followed: they may lead anywhere.
struct Folder {
    root: PathBuf,
    failure: RefCell<Option<(PathBuf, std::io::Error)>>,
}

impl Folder {
    fn fail(&self, path: &Path, error: std::io::Error) {
        self.failure.borrow_mut().get_or_insert((path.to_path_buf(), error));
    }

    /// A file below the root, and how many bytes it has.
    fn open(&self, path: &str) -> Option<(fs::File, u64)> {
        let plain = Path::new(path).components().all(|part| matches!(part, std::path::Component::Normal(_)));
        let file = self.root.join(path);
        let inside = plain && file.canonicalize().is_ok_and(|real| real.starts_with(&self.root));
        if !inside || !file.is_file() {
            return None;
        }
        match fs::File::open(&file).and_then(|open| open.metadata().map(|known| (open, known.len()))) {
            Ok(opened) => Some(opened),
            Err(error) => {
                self.fail(&file, error);
                None
            }
        }
    }

    /// What stands at the beginning of a file, up to `most` bytes.
    fn bytes(&self, path: &str, most: u64) -> Option<Vec<u8>> {
        let (open, size) = self.open(path)?;
        // One more than there are, so that the end is seen without asking for more memory.
        let mut bytes = Vec::with_capacity(usize::try_from(size.min(most)).unwrap_or_default() + 1);
        match open.take(most).read_to_end(&mut bytes) {
            Ok(_) => Some(bytes),
            Err(error) => {
                self.fail(&self.root.join(path), error);
                None
            }
        }
    }
}

impl Tree for Folder {
    fn paths(&self) -> Vec<String> {
        let (mut found, mut open) = (Vec::new(), vec![(self.root.clone(), String::new(), 0)]);
        while let Some((folder, prefix, depth)) = open.pop() {
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) => {
                    self.fail(&folder, error);
                    continue;
                }
            };
            for entry in entries.flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                let Ok(kind) = entry.file_type() else { continue };
                if kind.is_dir() && depth < MOST_DEPTH && name != ".git" && name != "node_modules" {
                    open.push((entry.path(), format!("{prefix}{name}/"), depth + 1));
                } else if kind.is_file() {
                    found.push(format!("{prefix}{name}"));
                }
            }
            if found.len() > MOST_FILES {
                self.fail(&self.root, std::io::Error::other("there are more than 200,000 files below it"));
                break;
            }
        }
        found.sort();
        found
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        let bytes = self.bytes(path, LARGEST + 1)?;
        if bytes.len() as u64 > LARGEST {
            self.fail(&self.root.join(path), std::io::Error::other("it is larger than 256 MiB"));
            return None;
        }
        Some(bytes)
    }

    fn beginning(&self, path: &str, most: usize) -> Option<Vec<u8>> {
        self.bytes(path, most as u64)
    }
}
