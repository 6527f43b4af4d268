//! What an earlier scan with the same rules found out about a pack. A pack never changes, and neither does what the
//! same rules say about it; so the second scan of a history costs its new objects and a look at the trees.
//!
//! One small text file a pack, in `mainguard/` beside the objects: the ids of the contents of interest. A file that is
//! not exactly as written is as good as none.
#![expect(clippy::disallowed_methods, reason = "keeps notes beside the objects")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use gix::ObjectId;

/// What is known of one pack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Notes {
    /// Contents in it.
    pub(super) blobs: u64,
    /// Their bytes.
    pub(super) bytes: u64,
    /// Those of interest, and whether they are text.
    pub(super) marked: Vec<(ObjectId, bool)>,
}

/// Where notes are kept.
pub(super) struct Memory {
    folder: PathBuf,
}

/// More is not worth a note: then nearly everything is of interest.
const MOST_MARKED: usize = 500_000;

impl Memory {
    /// `key` names the rules; anything but letters and digits is refused, since it becomes a folder.
    pub(super) fn new(common_dir: &Path, key: &str) -> Option<Memory> {
        let fits = (16..=64).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
        fits.then(|| Memory { folder: common_dir.join("mainguard").join("history").join(key) })
    }

    pub(super) fn recall(&self, pack: &ObjectId) -> Option<Notes> {
        /// Twice what is written at most.
        const LARGEST: u64 = 128 << 20;
        let path = self.path(pack);
        std::fs::metadata(&path).ok().filter(|file| file.len() <= LARGEST)?;
        parse(&std::fs::read_to_string(path).ok()?)
    }

    /// Notes are a convenience: a folder that cannot be written to is no error.
    pub(super) fn keep(&self, pack: &ObjectId, notes: &Notes) {
        if notes.marked.len() <= MOST_MARKED {
            let _ = self.write(pack, &render(notes));
        }
    }

    fn write(&self, pack: &ObjectId, text: &str) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        // Two scans may write at once, and each may be stopped: only whole files get the name.
        let draft = self.folder.join(format!("{pack}.{}", std::process::id()));
        let mut file = std::fs::File::create(&draft)?;
        let written = file.write_all(text.as_bytes()).and_then(|()| std::fs::rename(&draft, self.path(pack)));
        if written.is_err() {
            let _ = std::fs::remove_file(draft);
        }
        written
    }

    fn path(&self, pack: &ObjectId) -> PathBuf {
        self.folder.join(pack.to_string())
    }
}

fn render(notes: &Notes) -> String {
    let mut text = format!("1 {} {} {}\n", notes.blobs, notes.bytes, notes.marked.len());
    for (id, is_text) in &notes.marked {
        // Writing to memory does not fail.
        let _ = writeln!(text, "{id} {}", if *is_text { 't' } else { 'b' });
    }
    text.push_str("end\n");
    text
}

fn parse(text: &str) -> Option<Notes> {
    let mut lines = text.strip_suffix("end\n")?.lines();
    let mut first = lines.next()?.strip_prefix("1 ")?.split(' ');
    let mut number = || first.next()?.parse::<u64>().ok();
    let (blobs, bytes, count) = (number()?, number()?, number()?);
    let marked = lines.map(|line| {
        let (id, kind) = line.split_once(' ')?;
        let is_text = match kind {
            "t" => true,
            "b" => false,
            _ => return None,
        };
        Some((ObjectId::from_hex(id.as_bytes()).ok()?, is_text))
    });
    let marked = marked.collect::<Option<Vec<_>>>()?;
    (marked.len() as u64 == count).then_some(Notes { blobs, bytes, marked })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_notes_are_believed() {
        let id = |hex: &str| ObjectId::from_hex(hex.repeat(20).as_bytes()).unwrap();
        let notes = Notes { blobs: 7, bytes: 99, marked: vec![(id("ab"), true), (id("cd"), false)] };
        let text = render(&notes);
        assert_eq!(parse(&text), Some(notes));
        for cut in 0..text.len() {
            assert_eq!(parse(&text[..cut]), None, "{cut}");
        }
        assert_eq!(parse(&text.replacen(" 2\n", " 3\n", 1)), None);
    }

    #[test]
    fn a_key_is_no_path() {
        assert!(Memory::new(Path::new("/x"), "0123456789abcdef").is_some());
        for key in ["", "../../../../../etc/passwd", "short", "0123456789abcde/"] {
            assert!(Memory::new(Path::new("/x"), key).is_none(), "{key}");
        }
    }
}
