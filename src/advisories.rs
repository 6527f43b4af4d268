//! Where advisories come from: an index on disk, written once from archives in the layout of osv.dev
//! (`<ecosystem>/all.zip`, which is also osv-scanner's cache), of which a check reads the named packages only; the
//! archives themselves; or the OSV API, asked a thousand packages at a time.
#![expect(clippy::disallowed_methods, reason = "reads and writes advisory data")]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::deps::judge::Advisories;
use crate::deps::osv::Record;
use crate::deps::{Ecosystem, Lockfile};

mod api;
mod download;
mod http;

pub use api::Api;
pub use download::{ARCHIVES_URL, download};

/// The index's file in its folder.
pub const INDEX_FILE: &str = "advisories.idx";

const MAGIC: &[u8; 8] = b"MGADV\x01\0\n";
/// A key's hash, its block's place and its length.
const ENTRY_BYTES: usize = 8 + 8 + 4;
/// One record; the longest are lists of versions.
const MAX_RECORD_BYTES: u64 = 16 << 20;
/// What one archive may unfold to; the largest of today has a tenth of it.
const MAX_ARCHIVE_BYTES: u64 = 8 << 30;
/// What one package's block may unfold to.
const MAX_BLOCK_BYTES: u64 = 256 << 20;
const MAX_HEADER_BYTES: u32 = 1 << 20;

/// Why there are no advisories.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// No index and no archives.
    #[error("there is no advisory data in {}", .0.display())]
    Missing(PathBuf),
    /// There is something, and it cannot be used.
    #[error("the advisory data in {} cannot be used: {reason}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A file could not be read or written.
    #[error("could not use {}: {source}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An answer from the network is missing or wrong.
    #[error("could not ask {url}: {reason}")]
    Network {
        /// Which address, without what could be secret in it.
        url: String,
        /// Why.
        reason: String,
    },
}

impl DataError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            DataError::Missing(_) => "run `mainguard deps update`; `--from DIR` takes archives that you have".into(),
            DataError::Damaged { .. } => "run `mainguard deps update` again".into(),
            DataError::Network { .. } => {
                "check the connection and the proxy, or bring the archives: `mainguard deps update --from DIR`".into()
            }
            DataError::Io { .. } => return None,
        })
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> DataError + '_ {
    move |source| DataError::Io { path: path.into(), source }
}

fn damaged(path: &Path, reason: impl ToString) -> DataError {
    DataError::Damaged { path: path.into(), reason: reason.to_string() }
}

/// What an index says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct About {
    /// When its data was fetched: of several archives, the oldest.
    pub fetched: Option<DateTime<Utc>>,
    /// How many records each ecosystem has.
    pub ecosystems: BTreeMap<String, u64>,
}

impl About {
    /// Whether there is data about an ecosystem at all.
    pub fn covers(&self, ecosystem: Ecosystem) -> bool {
        self.ecosystems.contains_key(ecosystem.name())
    }

    /// How old the data is, in words: every report says so.
    pub fn age(&self, now: DateTime<Utc>) -> String {
        let records: u64 = self.ecosystems.values().sum();
        let age = match self.fetched {
            None => "of unknown age".to_string(),
            Some(fetched) => {
                let day = fetched.format("%Y-%m-%d");
                match (now - fetched).num_days() {
                    days if days < 1 => format!("of {day}, less than a day old"),
                    1 => format!("of {day}, 1 day old"),
                    days => format!("of {day}, {days} days old"),
                }
            }
        };
        format!("{records} advisories {age}")
    }
}

/// The packages that lockfiles name, by their advisories' names.
pub fn names<'a>(lockfiles: impl IntoIterator<Item = &'a Lockfile>) -> BTreeSet<(Ecosystem, String)> {
    let named = |lockfile: &'a Lockfile| {
        let ecosystem = lockfile.format.ecosystem();
        lockfile.packages.iter().filter(|it| !it.local).map(move |it| (ecosystem, ecosystem.canonical(&it.name)))
    };
    lockfiles.into_iter().flat_map(named).collect()
}

/// Advisory data on disk.
#[derive(Debug)]
pub struct Index {
    about: About,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// The index: its file, and where table and blocks begin.
    Indexed { path: PathBuf, file: File, table: Vec<u8>, blocks: u64 },
    /// A folder of archives, read through.
    Archives(PathBuf),
}

impl Index {
    /// The data in a folder: its index, else its archives.
    ///
    /// # Errors
    ///
    /// When neither is there, or the index is damaged.
    pub fn open(folder: &Path) -> Result<Index, DataError> {
        let path = folder.join(INDEX_FILE);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Index::archives(folder),
            Err(error) => return Err(at(&path)(error)),
        };
        let mut start = [0; 20];
        file.read_exact(&mut start).map_err(|_| damaged(&path, "it is too short"))?;
        if start[..8] != *MAGIC {
            return Err(damaged(&path, "it is no index of this version"));
        }
        let header_bytes = u32::from_le_bytes([start[8], start[9], start[10], start[11]]);
        let entries = u64::from_le_bytes(start[12..20].try_into().unwrap_or_default());
        let size = file.metadata().map_err(at(&path))?.len();
        let table_bytes = entries.checked_mul(ENTRY_BYTES as u64).filter(|bytes| *bytes <= size);
        let (Some(table_bytes), true) = (table_bytes, header_bytes <= MAX_HEADER_BYTES) else {
            return Err(damaged(&path, "its table is larger than the file"));
        };
        let mut header = vec![0; header_bytes as usize];
        let mut table = vec![0; table_bytes as usize];
        file.read_exact(&mut header)
            .and_then(|()| file.read_exact(&mut table))
            .map_err(|_| damaged(&path, "it is cut off"))?;
        let about = serde_json::from_slice(&header).map_err(|error| damaged(&path, error))?;
        let blocks = 20 + u64::from(header_bytes) + table_bytes;
        Ok(Index { about, source: Source::Indexed { path, file, table, blocks } })
    }

    fn archives(folder: &Path) -> Result<Index, DataError> {
        let archives = list_archives(folder)?;
        if archives.is_empty() {
            return Err(DataError::Missing(folder.into()));
        }
        let mut about = About::default();
        for (ecosystem, path) in &archives {
            let file = File::open(path).map_err(at(path))?;
            let zip = zip::ZipArchive::new(BufReader::new(file)).map_err(|error| damaged(path, error))?;
            about.ecosystems.insert(ecosystem.clone(), zip.len() as u64);
        }
        about.fetched = oldest(archives.iter().map(|(_, path)| path.as_path()));
        Ok(Index { about, source: Source::Archives(folder.into()) })
    }

    /// The record of an id, or of one of its aliases. Reads through all of the data.
    ///
    /// # Errors
    ///
    /// When the data cannot be read.
    pub fn record(&mut self, id: &str) -> Result<Option<Record>, DataError> {
        let named =
            |record: &Record| record.aliases.iter().chain([&record.id]).any(|name| name.eq_ignore_ascii_case(id));
        let mut found: Option<Record> = None;
        let mut take = |record: Record| {
            let better = found.as_ref().is_none_or(|known| known.id != id && record.id == id);
            if better && named(&record) {
                found = Some(record);
            }
        };
        match &mut self.source {
            Source::Archives(folder) => read_archives(folder, &mut take)?,
            Source::Indexed { path, file, table, blocks } => {
                for entry in table.chunks_exact(ENTRY_BYTES) {
                    let place = place_of(entry);
                    unpack(path, file, *blocks, place)?.into_iter().for_each(&mut take);
                }
            }
        }
        Ok(found)
    }

    /// What the data says about itself.
    pub fn about_itself(&self) -> &About {
        &self.about
    }

    /// The records about these packages (canonical names).
    ///
    /// # Errors
    ///
    /// When the data cannot be read.
    pub fn about(&mut self, names: impl IntoIterator<Item = (Ecosystem, String)>) -> Result<Advisories, DataError> {
        let names: BTreeSet<(Ecosystem, String)> =
            names.into_iter().map(|(ecosystem, name)| (ecosystem, ecosystem.canonical(&name))).collect();
        let mut advisories = Advisories::default();
        match &mut self.source {
            Source::Archives(folder) => read_archives(folder, &mut |record| {
                advisories.add(record, |ecosystem, name| names.contains(&(ecosystem, name.to_string())));
            })?,
            Source::Indexed { path, file, table, blocks } => {
                for (ecosystem, name) in names {
                    let Some(place) = find(table, hash(ecosystem.name(), &name)) else { continue };
                    for record in unpack(path, file, *blocks, place)? {
                        advisories.add(record, |of, other| of == ecosystem && other == name);
                    }
                }
            }
        }
        Ok(advisories)
    }
}

/// The records of one block.
fn unpack(path: &Path, file: &mut File, blocks: u64, (offset, length): (u64, u32)) -> Result<Vec<Record>, DataError> {
    let mut packed = Vec::new();
    file.seek(SeekFrom::Start(blocks.saturating_add(offset))).map_err(at(path))?;
    file.take(u64::from(length)).read_to_end(&mut packed).map_err(at(path))?;
    let mut json = Vec::new();
    let mut unpacked = flate2::read::DeflateDecoder::new(packed.as_slice()).take(MAX_BLOCK_BYTES);
    unpacked.read_to_end(&mut json).map_err(|error| damaged(path, error))?;
    serde_json::from_slice(&json).map_err(|error| damaged(path, error))
}

fn place_of(entry: &[u8]) -> (u64, u32) {
    let offset = u64::from_le_bytes(entry[8..16].try_into().unwrap_or_default());
    (offset, u32::from_le_bytes(entry[16..20].try_into().unwrap_or_default()))
}

fn hash(ecosystem: &str, name: &str) -> [u8; 8] {
    let digest = Sha256::new().chain_update(ecosystem).chain_update([0]).chain_update(name).finalize();
    digest[..8].try_into().unwrap_or_default()
}

/// Binary search in the table.
fn find(table: &[u8], key: [u8; 8]) -> Option<(u64, u32)> {
    let (mut low, mut high) = (0, table.len() / ENTRY_BYTES);
    while low < high {
        let middle = (low + high) / 2;
        let entry = &table[middle * ENTRY_BYTES..(middle + 1) * ENTRY_BYTES];
        match entry[..8].cmp(&key) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
            std::cmp::Ordering::Equal => return Some(place_of(entry)),
        }
    }
    None
}

/// Writes the index of a folder of archives into another folder, in one step: a check that runs meanwhile reads the
/// old one or the new one.
///
/// # Errors
///
/// When there are no archives, one of them is damaged, or the index cannot be written.
pub fn update(archives: &Path, into: &Path, now: DateTime<Utc>) -> Result<About, DataError> {
    let found = list_archives(archives)?;
    if found.is_empty() {
        return Err(DataError::Missing(archives.into()));
    }
    let mut about =
        About { fetched: oldest(found.iter().map(|(_, path)| path.as_path())).or(Some(now)), ..About::default() };
    let mut packages: HashMap<[u8; 8], Vec<Vec<u8>>> = HashMap::new();
    for (ecosystem, path) in &found {
        let mut records = 0;
        read_archive(path, MAX_ARCHIVE_BYTES, &mut |record| {
            records += 1;
            if record.withdrawn.is_some() {
                return;
            }
            let named: BTreeSet<(Ecosystem, String)> = record
                .affected
                .iter()
                .filter_map(|it| Ecosystem::named(&it.package.ecosystem).map(|of| (of, of.canonical(&it.package.name))))
                .collect();
            let Ok(json) = serde_json::to_vec(&record) else { return };
            for (ecosystem, name) in named {
                let known = packages.entry(hash(ecosystem.name(), &name)).or_default();
                // A record of several ecosystems stands in the archive of each.
                if !known.contains(&json) {
                    known.push(json.clone());
                }
            }
        })?;
        about.ecosystems.insert(ecosystem.clone(), records);
    }
    write(into, &about, packages)?;
    Ok(about)
}

fn write(into: &Path, about: &About, packages: HashMap<[u8; 8], Vec<Vec<u8>>>) -> Result<(), DataError> {
    fs::create_dir_all(into).map_err(at(into))?;
    let path = into.join(INDEX_FILE);
    let partial = into.join(format!("{INDEX_FILE}.part"));
    let mut packages: Vec<([u8; 8], Vec<Vec<u8>>)> = packages.into_iter().collect();
    packages.sort_by_key(|(key, _)| *key);
    let header = serde_json::to_vec(about).map_err(|error| damaged(&path, error))?;
    let (mut table, mut blocks) = (Vec::new(), Vec::new());
    for (key, records) in &packages {
        let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        let json = [&b"["[..], &records.join(&b","[..]), &b"]"[..]].concat();
        let packed = packer.write_all(&json).and_then(|()| packer.finish()).map_err(at(&partial))?;
        table.extend_from_slice(key);
        table.extend_from_slice(&(blocks.len() as u64).to_le_bytes());
        table.extend_from_slice(&(packed.len() as u32).to_le_bytes());
        blocks.extend_from_slice(&packed);
    }
    let mut file = BufWriter::new(File::create(&partial).map_err(at(&partial))?);
    let parts: [&[u8]; 6] =
        [MAGIC, &(header.len() as u32).to_le_bytes(), &(packages.len() as u64).to_le_bytes(), &header, &table, &blocks];
    let written = parts.iter().try_for_each(|part| file.write_all(part)).and_then(|()| file.flush());
    written.map_err(at(&partial))?;
    fs::rename(&partial, &path).map_err(at(&path))
}

/// `<ecosystem>/all.zip` below a folder, by ecosystem.
fn list_archives(folder: &Path) -> Result<Vec<(String, PathBuf)>, DataError> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(DataError::Missing(folder.into())),
        Err(error) => return Err(at(folder)(error)),
    };
    for entry in entries {
        let entry = entry.map_err(at(folder))?;
        let archive = entry.path().join("all.zip");
        if let Some(ecosystem) = entry.file_name().to_str().and_then(Ecosystem::named)
            && archive.is_file()
        {
            found.push((ecosystem.name().to_string(), archive));
        }
    }
    found.sort();
    Ok(found)
}

fn oldest<'a>(paths: impl Iterator<Item = &'a Path>) -> Option<DateTime<Utc>> {
    paths.filter_map(|path| fs::metadata(path).and_then(|it| it.modified()).ok()).min().map(DateTime::<Utc>::from)
}

/// Hands over every record of the archives in a folder.
///
/// # Errors
///
/// When an archive or a record in it is damaged.
pub fn read_archives(folder: &Path, each: &mut dyn FnMut(Record)) -> Result<(), DataError> {
    for (_, path) in list_archives(folder)? {
        read_archive(&path, MAX_ARCHIVE_BYTES, each)?;
    }
    Ok(())
}

fn read_archive(path: &Path, max_bytes: u64, each: &mut dyn FnMut(Record)) -> Result<(), DataError> {
    let file = File::open(path).map_err(at(path))?;
    let mut zip = zip::ZipArchive::new(BufReader::new(file)).map_err(|error| damaged(path, error))?;
    let mut bytes = Vec::new();
    let mut left = max_bytes;
    for index in 0..zip.len() {
        let entry = zip.by_index(index).map_err(|error| damaged(path, error))?;
        let name = entry.name().map_err(|error| damaged(path, error))?.to_string();
        if !name.ends_with(".json") {
            continue;
        }
        bytes.clear();
        entry.take(MAX_RECORD_BYTES + 1).read_to_end(&mut bytes).map_err(|error| damaged(path, error))?;
        if bytes.len() as u64 > MAX_RECORD_BYTES {
            return Err(damaged(path, format!("{name} is larger than {MAX_RECORD_BYTES} bytes")));
        }
        let too_large = || damaged(path, format!("its advisories are larger than {max_bytes} bytes"));
        left = left.checked_sub(bytes.len() as u64).ok_or_else(too_large)?;
        let record = serde_json::from_slice(&bytes).map_err(|error| damaged(path, format!("{name}: {error}")))?;
        each(record);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_that_unfolds_to_too_much_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("all.zip");
        let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
        for id in ["A-1", "A-2", "A-3"] {
            zip.start_file(format!("{id}.json"), zip::write::SimpleFileOptions::default()).unwrap();
            write!(zip, "{{\"id\":\"{id}\"}}{}", " ".repeat(1_000)).unwrap();
        }
        zip.finish().unwrap();
        let mut ids = Vec::new();
        read_archive(&path, 10_000, &mut |record| ids.push(record.id)).unwrap();
        assert_eq!(ids, ["A-1", "A-2", "A-3"]);
        let error = read_archive(&path, 2_500, &mut |_| {}).unwrap_err().to_string();
        assert!(error.contains("its advisories are larger than 2500 bytes"), "{error}");
    }
}
