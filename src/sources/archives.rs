//! Archives, looked into without writing anything: zip, tar, 7z, gzip, bzip2, xz, lzip, zstd, brotli, lz4, zlib, and
//! one in another.
//!
//! Names lead in with `!`, as gitleaks writes them: `outer.zip!inner.tar.gz!file`. Not read, and said: rar, Snappy and
//! MinLZ, for which no reader in Rust is kept well enough; encrypted members.
//!
//! An archive may be made by an enemy. One outermost archive may unpack to [`Limits::bytes`] and
//! [`Limits::ratio`] times its own size and hold [`Limits::entries`] files, counted over all archives in it. What is
//! packed cannot be read twice, so an inner zip or 7z is held in memory, [`Limits::held`] bytes at most.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Cursor, Read};

use bstr::BString;

use super::content::{Content, Place, ReadSeek, Worker};
use super::formats::{Compression, Container, Packing};
use super::paths;

/// What one outermost archive may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Files in it, those of inner archives included.
    pub entries: u64,
    /// Bytes that are unpacked in any case.
    pub bytes: u64,
    /// Bytes that are unpacked beyond that for each byte of the archive.
    pub ratio: u64,
    /// Bytes of an inner archive that are held in memory, and of a dictionary.
    pub held: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { entries: 100_000, bytes: 256 << 20, ratio: 100, held: 64 << 20 }
    }
}

/// What is left of the limits.
#[derive(Debug)]
pub(super) struct Budget {
    entries: Cell<u64>,
    bytes: Cell<u64>,
    exceeded: Cell<Option<&'static str>>,
}

impl Budget {
    /// For an archive of `size` bytes; `None` if nobody knows.
    pub(super) fn new(limits: &Limits, size: Option<u64>) -> Budget {
        let bytes = limits.bytes.saturating_add(limits.ratio.saturating_mul(size.unwrap_or(0)));
        Budget { entries: Cell::new(limits.entries), bytes: Cell::new(bytes), exceeded: Cell::new(None) }
    }

    /// Which limit was hit.
    pub(super) fn exceeded(&self) -> Option<&'static str> {
        self.exceeded.get()
    }

    fn entry(&self) -> io::Result<()> {
        match self.entries.get().checked_sub(1) {
            Some(left) => self.entries.set(left),
            None => return Err(self.exceed("holds too many files: looked at in part")),
        }
        Ok(())
    }

    fn bytes(&self, read: usize) -> io::Result<()> {
        match self.bytes.get().checked_sub(read as u64) {
            Some(left) => self.bytes.set(left),
            None => return Err(self.exceed("unpacks to too much, as an archive bomb does: looked at in part")),
        }
        Ok(())
    }

    fn exceed(&self, bound: &'static str) -> io::Error {
        self.exceeded.set(Some(bound));
        io::Error::other(bound)
    }
}

/// A reader that pays for what it reads.
struct Metered<'a, R> {
    inner: R,
    budget: &'a Budget,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.budget.bytes(read)?;
        Ok(read)
    }
}

/// Looks at everything in an archive. A member that cannot be read is a problem of its own; an error is one of the
/// archive.
pub(super) fn unpack(
    worker: &mut Worker<'_>,
    content: Content<'_>,
    packing: Packing,
    place: &Place,
    budget: &Budget,
) -> io::Result<()> {
    match packing {
        Packing { compression: None, container: None } => Ok(()),
        Packing { compression: Some(compression), container: None } => {
            let mut unpacked = Metered { inner: decompressed(content, compression, worker)?, budget };
            worker.try_text(&mut unpacked, place)
        }
        Packing { compression: Some(compression), container: Some(container) } => {
            let mut unpacked = Metered { inner: decompressed(content, compression, worker)?, budget };
            members(worker, Content::Stream(&mut unpacked), container, place, budget)
        }
        Packing { compression: None, container: Some(container) } => members(worker, content, container, place, budget),
    }
}

/// The content of a file that is compressed.
fn decompressed<'c>(
    content: Content<'c>,
    compression: Compression,
    worker: &Worker<'_>,
) -> io::Result<Box<dyn Read + 'c>> {
    let input: Box<dyn Read + 'c> = match content {
        Content::Stream(stream) => Box::new(stream),
        Content::Seekable(file) => Box::new(file),
    };
    let held_kib = u32::try_from(worker.look.limits.held >> 10).unwrap_or(u32::MAX);
    Ok(match compression {
        Compression::Brotli => Box::new(brotli_decompressor::Decompressor::new(input, 1 << 14)),
        Compression::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(input)),
        Compression::Gzip => Box::new(flate2::read::MultiGzDecoder::new(input)),
        Compression::Lz4 => Box::new(lz4_flex::frame::FrameDecoder::new(input)),
        Compression::Lzip => Box::new(lzma_rust2::LzipReader::new(BufReader::new(input))),
        // The memory limit covers the dictionary and the decoder beside it.
        Compression::Xz => {
            Box::new(lzma_rust2::XzReader::new_mem_limit(BufReader::new(input), true, held_kib.saturating_mul(2)))
        }
        Compression::Zlib => Box::new(flate2::read::ZlibDecoder::new(input)),
        Compression::Zstd => Box::new(ZstdFrames { input: Some(BufReader::new(input)), frame: None }),
        Compression::MinLz => return Err(io::Error::other("MinLZ cannot be unpacked here")),
        Compression::Snappy => return Err(io::Error::other("Snappy cannot be unpacked here")),
    })
}

/// Every frame of a zstd stream; the decoder reads but one.
struct ZstdFrames<R: Read> {
    input: Option<BufReader<R>>,
    frame: Option<Box<ruzstd::decoding::StreamingDecoder<BufReader<R>, ruzstd::decoding::FrameDecoder>>>,
}

impl<R: Read> Read for ZstdFrames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(mut frame) = self.frame.take() {
                let read = frame.read(buffer)?;
                if read > 0 || buffer.is_empty() {
                    self.frame = Some(frame);
                    return Ok(read);
                }
                self.input = Some(frame.into_inner());
            }
            let Some(mut input) = self.input.take() else { return Ok(0) };
            let start = input.fill_buf()?;
            if start.is_empty() {
                return Ok(0);
            }
            if is_skippable(start) {
                let mut header = [0; 8];
                input.read_exact(&mut header)?;
                let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
                io::copy(&mut input.by_ref().take(u64::from(length)), &mut io::sink())?;
                self.input = Some(input);
                continue;
            }
            let frame = ruzstd::decoding::StreamingDecoder::new(input).map_err(io::Error::other)?;
            self.frame = Some(Box::new(frame));
        }
    }
}

/// Whether a frame is only there to be skipped: RFC 8878, 3.1.2.
fn is_skippable(start: &[u8]) -> bool {
    matches!(start, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// Looks at every file in a container.
fn members(
    worker: &mut Worker<'_>,
    content: Content<'_>,
    container: Container,
    place: &Place,
    budget: &Budget,
) -> io::Result<()> {
    match container {
        Container::Tar => match content {
            Content::Stream(stream) => tar_members(worker, stream, place, budget),
            Content::Seekable(file) => tar_members(worker, file, place, budget),
        },
        Container::Zip => with_seek(worker, content, |worker, file| zip_members(worker, file, place, budget)),
        Container::SevenZip => {
            with_seek(worker, content, |worker, file| seven_zip_members(worker, file, place, budget))
        }
        Container::Rar => Err(io::Error::other("rar cannot be unpacked here")),
    }
}

/// Some containers have their list of contents at the end.
fn with_seek(
    worker: &mut Worker<'_>,
    content: Content<'_>,
    then: impl FnOnce(&mut Worker<'_>, &mut dyn ReadSeek) -> io::Result<()>,
) -> io::Result<()> {
    match content {
        Content::Seekable(file) => then(worker, file),
        Content::Stream(stream) => {
            let held = worker.look.limits.held;
            let mut bytes = Vec::new();
            stream.take(held + 1).read_to_end(&mut bytes)?;
            if bytes.len() as u64 > held {
                return Err(io::Error::other(format!("is more than {} MB inside another archive", held >> 20)));
            }
            then(worker, &mut Cursor::new(bytes))
        }
    }
}

/// Looks at one file in a container.
fn member(
    worker: &mut Worker<'_>,
    content: &mut dyn Read,
    name: &[u8],
    place: &Place,
    budget: &Budget,
) -> io::Result<()> {
    budget.entry()?;
    let name = paths::clean(name);
    // gitleaks asks its allowlists about members of outermost archives only.
    if place.depth == 0 && (worker.look.skip)(&name) {
        worker.stats.skipped.allowed += 1;
        return Ok(());
    }
    let path = BString::from([place.path.as_slice(), b"!", &name].concat());
    let inner = Place { path, symlink: place.symlink.clone(), commit: place.commit.clone(), depth: place.depth + 1 };
    let mut content = Metered { inner: content, budget };
    worker.file(Content::Stream(&mut content), &name, &inner, budget);
    match budget.exceeded() {
        Some(bound) => Err(io::Error::other(bound)),
        None => Ok(()),
    }
}

fn tar_members(worker: &mut Worker<'_>, input: &mut dyn Read, place: &Place, budget: &Budget) -> io::Result<()> {
    let mut archive = tar::Archive::new(BufReader::new(input));
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        if worker.look.is_cancelled() {
            return Ok(());
        }
        if entry.header().entry_type().is_dir() {
            continue;
        }
        let name = entry.path_bytes().into_owned();
        member(worker, &mut entry, &name, place, budget)?;
    }
    Ok(())
}

/// The reader of tars quotes what it stumbled over, and that is the file's content: it may be the very secret.
fn damaged(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(_) => error,
        None => io::Error::new(error.kind(), "is damaged, or no tar"),
    }
}

fn zip_members(worker: &mut Worker<'_>, file: &mut dyn ReadSeek, place: &Place, budget: &Budget) -> io::Result<()> {
    let mut archive = zip::ZipArchive::new(file)?;
    for index in 0..archive.len() {
        if worker.look.is_cancelled() {
            return Ok(());
        }
        let name = archive.name_for_index(index).and_then(Result::ok).unwrap_or_default().into_owned();
        match archive.by_index(index) {
            Ok(entry) if entry.is_dir() => {}
            Ok(mut entry) => {
                let name = entry.name_raw().to_vec();
                member(worker, &mut entry, &name, place, budget)?;
            }
            Err(error) => {
                budget.entry()?;
                let path = BString::from([place.path.as_slice(), b"!", &paths::clean(name.as_bytes())].concat());
                worker.stats.problem(&path, error);
            }
        }
    }
    Ok(())
}

fn seven_zip_members(
    worker: &mut Worker<'_>,
    mut file: &mut dyn ReadSeek,
    place: &Place,
    budget: &Budget,
) -> io::Result<()> {
    let mut archive =
        sevenz_rust2::ArchiveReader::new(&mut file, sevenz_rust2::Password::empty()).map_err(io::Error::other)?;
    archive.set_thread_count(1);
    let result = archive.for_each_entries(|entry, content| {
        if entry.is_directory() || !entry.has_stream() {
            return Ok(true);
        }
        member(worker, content, entry.name().as_bytes(), place, budget)?;
        // What was passed over stands before the next member in the stream.
        io::copy(&mut Metered { inner: content, budget }, &mut io::sink())?;
        Ok(!worker.look.is_cancelled())
    });
    result.map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Mutex;

    use super::super::content::{self, Look, Stats};
    use super::*;
    use crate::secrets::{Fragment, Origin};

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, text) in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, *text).unwrap();
        }
        builder.into_inner().unwrap()
    }

    /// What is found in an archive: paths with their text, and the rest.
    fn look(name: &str, bytes: &[u8], depth: u32, limits: Limits) -> (Vec<(String, String)>, Stats) {
        let seen = Mutex::new(Vec::new());
        let each = |fragment: &Fragment<'_>| {
            let text = String::from_utf8_lossy(fragment.text).into_owned();
            seen.lock().unwrap().push((fragment.origin.path.to_string(), text));
        };
        let look = Look { archive_depth: depth, limits, ..Look::new(&|path| path.starts_with(b"vendor/")) };
        let origin = Origin { path: name.into(), ..Origin::default() };
        let stats = content::one(&origin, &mut &*bytes, &look, &each);
        (seen.into_inner().unwrap(), stats)
    }

    #[test]
    fn archives_in_archives_are_looked_into_as_deep_as_asked() {
        let inner = gzip(&tar(&[("./deep/a.txt", b"inner")]));
        let outer = tar(&[("b.txt", b"outer"), ("n.tar.gz", &inner), ("vendor/c.txt", b"not ours"), ("p.bin", b"MZ")]);
        let (seen, stats) = look("o.tar", &outer, 2, Limits::default());
        let pair = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        assert_eq!(seen, [pair("o.tar!b.txt", "outer"), pair("o.tar!n.tar.gz!deep/a.txt", "inner")]);
        assert_eq!((stats.files, stats.skipped.allowed, stats.skipped.binaries), (2, 1, 1));
        assert_eq!(stats.problems, []);
        let (seen, stats) = look("o.tar", &outer, 1, Limits::default());
        assert_eq!((seen.len(), stats.skipped.archives), (1, 1));
    }

    #[test]
    fn what_unpacks_to_too_much_is_cut_short_and_said_once() {
        let limits = Limits { bytes: 200_000, ratio: 0, ..Limits::default() };
        let bomb = gzip(&vec![b' '; 4_000_000]);
        let (seen, stats) = look("bomb.gz", &bomb, 1, limits);
        assert!(seen.iter().map(|(_, text)| text.len()).sum::<usize>() <= 200_000);
        assert_eq!((stats.problem_count, stats.problems[0].reason.contains("bomb")), (1, true));
        let (_, stats) = look("outer.tar", &tar(&[("inner.gz", &bomb)]), 2, limits);
        assert_eq!((stats.problem_count, stats.problems[0].path.to_string()), (1, "outer.tar".to_owned()));
    }

    #[test]
    fn too_many_files_are_cut_short() {
        let files: Vec<(String, &[u8])> = (0..20).map(|number| (format!("{number}"), b"x".as_slice())).collect();
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, text)| (name.as_str(), *text)).collect();
        let (seen, stats) = look("a.tar", &tar(&files), 1, Limits { entries: 5, ..Limits::default() });
        assert_eq!((seen.len(), stats.problem_count), (5, 1));
    }

    #[test]
    fn what_cannot_be_unpacked_is_said() {
        for (name, bytes) in [
            ("a.rar", b"Rar!\x1a\x07\0".as_slice()),
            ("a.s2", b"\xff\x06\0\0"),
            ("a.7z", b"7z\xbc"),
            ("a.zst", b"\x28\xb5\x2f\xfd\0"),
        ] {
            let (seen, stats) = look(name, bytes, 1, Limits::default());
            assert_eq!((seen.len(), stats.problem_count), (0, 1), "{name}");
        }
    }
}
