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

use super::outline::{Key, Outline, Spot};

/// What is known of one pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notes {
    /// Contents in it.
    pub(super) blobs: u64,
    /// Their bytes.
    pub(super) bytes: u64,
    /// What the outlines were made with.
    pub(super) key: Key,
    /// Those of interest, in the order of their ids.
    pub(super) marked: Vec<(ObjectId, Mark)>,
}

/// A content that is of interest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) is_text: bool,
    /// Where; `None` where that cannot be told.
    pub(super) outline: Option<Outline>,
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
    let [first, second] = notes.key.0;
    let mut text = format!("2 {} {} {} {first} {second}\n", notes.blobs, notes.bytes, notes.marked.len());
    for (id, mark) in &notes.marked {
        // Writing to memory does not fail.
        let _ = write!(text, "{id} {}", if mark.is_text { 't' } else { 'b' });
        match &mark.outline {
            None => text.push_str(" ?"),
            Some(Outline(spots)) => spots.iter().for_each(|spot| {
                let _ = write!(text, " {:x}:{:x}:{:x}:{:x}", spot.until, spot.head, spot.rest, spot.tail);
            }),
        }
        text.push('\n');
    }
    text.push_str("end\n");
    text
}

fn parse(text: &str) -> Option<Notes> {
    let mut lines = text.strip_suffix("end\n")?.lines();
    let mut first = lines.next()?.strip_prefix("2 ")?.split(' ');
    let mut number = || first.next()?.parse::<u64>().ok();
    let (blobs, bytes, count) = (number()?, number()?, number()?);
    let key = Key::checked([number()?, number()?])?;
    let marked = lines.map(|line| {
        let mut fields = line.split(' ');
        let id = ObjectId::from_hex(fields.next()?.as_bytes()).ok()?;
        let is_text = match fields.next()? {
            "t" => true,
            "b" => false,
            _ => return None,
        };
        let outline = match fields.clone().next() {
            Some("?") => None,
            _ => Some(Outline(fields.map(spot).collect::<Option<Vec<_>>>()?)),
        };
        Some((id, Mark { is_text, outline }))
    });
    let marked = marked.collect::<Option<Vec<_>>>()?;
    (marked.len() as u64 == count).then_some(Notes { blobs, bytes, key, marked })
}

fn spot(text: &str) -> Option<Spot> {
    let mut numbers = text.split(':').map(|number| u64::from_str_radix(number, 16).ok());
    let mut number = || numbers.next().flatten();
    let spot = Spot { until: number()?, head: number()?, rest: number()?, tail: number()? };
    numbers.next().is_none().then_some(spot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_notes_are_believed() {
        let id = |hex: &str| ObjectId::from_hex(hex.repeat(20).as_bytes()).unwrap();
        let spot = |number: u64| Spot { until: number, head: u64::MAX, rest: 0, tail: number + 1 };
        let mark = |is_text: bool, outline: Option<Vec<Spot>>| Mark { is_text, outline: outline.map(Outline) };
        let marked = vec![
            (id("ab"), mark(true, Some(vec![spot(3), spot(70)]))),
            (id("bc"), mark(true, Some(vec![]))),
            (id("cd"), mark(false, None)),
        ];
        let notes = Notes { blobs: 7, bytes: 99, key: Key([5, 6]), marked };
        let text = render(&notes);
        assert_eq!(parse(&text), Some(notes));
        for cut in 0..text.len() {
            assert_eq!(parse(&text[..cut]), None, "{cut}");
        }
        assert_eq!(parse(&text.replacen(" 3 5", " 4 5", 1)), None);
        assert_eq!(parse(&text.replacen(":4", ":x", 1)), None);
    }

    #[test]
    fn a_key_is_no_path() {
        assert!(Memory::new(Path::new("/x"), "0123456789abcdef").is_some());
        for key in ["", "../../../../../etc/passwd", "short", "0123456789abcde/"] {
            assert!(Memory::new(Path::new("/x"), key).is_none(), "{key}");
        }
    }
}
