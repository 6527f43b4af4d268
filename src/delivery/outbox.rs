//! A folder in which events are written down before they are sent. Edge.
//!
//! What pulls on this file: a job may be killed between any two lines, several processes write at once, several drain
//! at once, and the folder may come from another job as an artifact. So:
//!
//! - each process appends to a file of its own, `NAME.open`, and an event counts as recorded when `fsync` has returned;
//!   a line that was cut off by a kill was never promised to anybody and is left out;
//! - who drains takes the file's lock (the system gives it back when a process dies) and renames it to
//!   `NAME.draining`; a writer that finds its file renamed begins another, so nothing is added behind a drainer's back;
//! - what a sink took is appended to `NAME.acks` after each answer; an event is sent again only when the process died
//!   between the answer and that line, and then with the same id;
//! - what a sink will never take goes to `dead.jsonl` with its answer, before it is acknowledged;
//! - the file is removed when every sink that it is owed to has every event of it.

#![expect(clippy::disallowed_methods, reason = "the outbox is files")]

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::breaker;
use super::drain::Settled;
use super::event::{DeliveryEvent, MOST_EVENT_BYTES};
use super::sinks::SinkName;

/// So many events are drained at once; the rest waits for the next drain.
pub const MOST_CLAIMED: usize = 50_000;

/// A file that is larger was not written by us.
const MOST_FILE_BYTES: u64 = 512 << 20;

/// What went wrong with the folder.
#[derive(Debug, thiserror::Error)]
#[error("the outbox {path} could not be {doing}: {error}")]
pub struct OutboxError {
    path: String,
    doing: &'static str,
    error: io::Error,
}

impl OutboxError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some("the folder must be writable; MAINGUARD_OUTBOX names another".into())
    }
}

/// The folder.
#[derive(Clone, Debug)]
pub struct Outbox {
    directory: PathBuf,
}

/// The first line of a file.
#[derive(Deserialize, Serialize)]
struct Header {
    outbox: u32,
    owed: Vec<SinkName>,
}

/// An event that a sink will not take.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Dead {
    /// Who.
    pub sink: SinkName,
    /// What it said.
    pub answer: String,
    /// When.
    pub at: DateTime<Utc>,
    /// The event.
    pub event: DeliveryEvent,
}

/// What stands in the folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Distinct events that some sink lacks.
    pub events: usize,
    /// Events that each sink lacks.
    pub owed: BTreeMap<SinkName, usize>,
    /// Events that were set aside, by sink.
    pub dead: BTreeMap<SinkName, usize>,
    /// Lines that could not be read, cut off or damaged.
    pub unreadable: usize,
}

impl Outbox {
    /// The outbox in a folder that may not be there yet.
    pub fn at(directory: impl Into<PathBuf>) -> Outbox {
        Outbox { directory: directory.into() }
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// A writer with a file of its own. `name` must be one that no other process has: the time and the process's id.
    pub fn writer(&self, owed: &[SinkName], name: &str) -> Writer {
        Writer { outbox: self.clone(), owed: owed.to_vec(), name: name.into(), file: None, files: 0 }
    }

    /// Takes what nobody else is draining. `at_most` bounds how much is read.
    pub fn claim(&self, at_most: usize) -> Result<Claim, OutboxError> {
        let mut claim = Claim {
            outbox: self.clone(),
            files: Vec::new(),
            events: Vec::new(),
            places: HashMap::new(),
            lacking: BTreeMap::new(),
        };
        for path in self.files()? {
            if claim.events.len() >= at_most {
                break;
            }
            self.claim_file(&path, &mut claim)?;
        }
        self.sweep();
        Ok(claim)
    }

    /// What stands here, without taking anything.
    pub fn status(&self) -> Result<Status, OutboxError> {
        let mut status = Status::default();
        let mut lacking: BTreeMap<SinkName, BTreeSet<Uuid>> = BTreeMap::new();
        for path in self.files()? {
            // Another process may be done with it by now.
            let Ok(read) = read_events(&path) else { continue };
            let acks = read_acks(&acks_path(&path));
            status.unreadable += read.unreadable;
            for sink in read.owed {
                let taken = acks.get(&sink);
                let open = read.events.iter().map(|event| event.id);
                let open = open.filter(|id| taken.is_none_or(|taken| !taken.contains(id)));
                lacking.entry(sink).or_default().extend(open);
            }
        }
        status.events = lacking.values().flatten().collect::<BTreeSet<_>>().len();
        status.owed = lacking.into_iter().map(|(sink, ids)| (sink, ids.len())).filter(|(_, many)| *many > 0).collect();
        for dead in self.dead()? {
            *status.dead.entry(dead.sink).or_default() += 1;
        }
        Ok(status)
    }

    /// What was set aside; each event once per sink.
    pub fn dead(&self) -> Result<Vec<Dead>, OutboxError> {
        let mut seen = HashSet::new();
        let mut dead: Vec<Dead> = Vec::new();
        for path in self.named("dead") {
            let lines = read_lines(&path).unwrap_or_default();
            dead.extend(lines.iter().filter_map(|line| serde_json::from_slice(line).ok()));
        }
        dead.retain(|dead| seen.insert((dead.sink, dead.event.id)));
        Ok(dead)
    }

    /// Puts what was set aside back among what is to be sent; how many events.
    pub fn revive(&self, name: &str) -> Result<usize, OutboxError> {
        // Aside first: who dies behind this line leaves a file that the next one reads.
        let (from, aside) = (self.directory.join("dead.jsonl"), self.directory.join(format!("dead-{name}.jsonl")));
        if let Err(error) = fs::rename(&from, &aside)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(self.error("written", error));
        }
        let dead = self.dead()?;
        for (number, sink) in SinkName::ALL.into_iter().enumerate() {
            let events: Vec<_> = dead.iter().filter(|dead| dead.sink == sink).map(|dead| dead.event.clone()).collect();
            if !events.is_empty() {
                self.writer(&[sink], &format!("{name}-{number}")).append(&events)?;
            }
        }
        self.named("dead-").iter().for_each(|path| drop(fs::remove_file(path)));
        Ok(dead.len())
    }

    /// What is remembered of each sink's answers.
    pub fn breakers(&self) -> BTreeMap<SinkName, breaker::State> {
        let read = fs::read(self.directory.join("breakers.json")).ok();
        read.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Remembers them. Who comes last is right: it is an opinion, not a record.
    pub(crate) fn remember(&self, sink: SinkName, state: breaker::State, name: &str) {
        let mut all = self.breakers();
        if all.get(&sink).copied().unwrap_or_default() == state {
            return;
        }
        all.insert(sink, state);
        let part = self.directory.join(format!("breakers-{name}.part"));
        let written = fs::write(&part, serde_json::to_vec(&all).unwrap_or_default());
        if written.is_err() || fs::rename(&part, self.directory.join("breakers.json")).is_err() {
            let _ = fs::remove_file(part);
        }
    }

    /// The event files, in the order in which they were begun.
    fn files(&self) -> Result<Vec<PathBuf>, OutboxError> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.error("read", error)),
        };
        let paths = entries.flatten().map(|entry| entry.path());
        let is_ours = |path: &PathBuf| path.extension().is_some_and(|end| end == "open" || end == "draining");
        let mut paths: Vec<PathBuf> = paths.filter(is_ours).collect();
        paths.sort();
        Ok(paths)
    }

    fn named(&self, start: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let names = entries.filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with(start) && name.ends_with(".jsonl")
        });
        names.map(|entry| entry.path()).collect()
    }

    fn claim_file(&self, path: &Path, claim: &mut Claim) -> Result<(), OutboxError> {
        // A folder that was downloaded may hold a link to anywhere.
        if !fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file()) {
            return Ok(());
        }
        let lock = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(self.error("read", error)),
        };
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(self.error("locked", error)),
        }
        // Between opening and locking, another may have renamed it, or finished it and removed it.
        if fs::symlink_metadata(path).is_err() {
            return Ok(());
        }
        let draining = path.with_extension("draining");
        if path != draining {
            fs::rename(path, &draining).map_err(|error| self.error("renamed", error))?;
        }
        let read = read_events(&draining).map_err(|error| self.error("read", error))?;
        let acks = OpenOptions::new().create(true).append(true).open(acks_path(&draining));
        let acks = acks.and_then(|mut acks| {
            // A line that was cut off must not swallow the next one.
            acks.write_all(b"\n")?;
            Ok(acks)
        });
        claim.add(draining, lock, acks.map_err(|error| self.error("written", error))?, read);
        Ok(())
    }

    /// Acknowledgements whose events are gone: somebody died between the two removals.
    fn sweep(&self) {
        for entry in fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|end| end == "acks")
                && !path.with_extension("open").exists()
                && !path.with_extension("draining").exists()
            {
                let _ = fs::remove_file(path);
            }
        }
    }

    fn error(&self, doing: &'static str, error: io::Error) -> OutboxError {
        OutboxError { path: self.directory.display().to_string(), doing, error }
    }
}

/// Appends to a file of its own.
#[derive(Debug)]
pub struct Writer {
    outbox: Outbox,
    owed: Vec<SinkName>,
    name: String,
    file: Option<(PathBuf, File)>,
    files: u32,
}

impl Writer {
    /// Writes the events down. When this returns they are on the disk.
    pub fn append(&mut self, events: &[DeliveryEvent]) -> Result<(), OutboxError> {
        if events.is_empty() {
            return Ok(());
        }
        self.write(events).map_err(|error| self.outbox.error("written", error))
    }

    fn write(&mut self, events: &[DeliveryEvent]) -> io::Result<()> {
        let mut lines = Vec::with_capacity(events.len() * 512);
        for event in events {
            let line = event.to_json();
            if line.len() > MOST_EVENT_BYTES {
                return Err(io::Error::other(format!(
                    "the event {} has {} bytes, and {MOST_EVENT_BYTES} is the most that any sink takes",
                    event.id,
                    line.len()
                )));
            }
            lines.extend_from_slice(line.as_bytes());
            lines.push(b'\n');
        }
        if let Some((path, file)) = &mut self.file {
            file.lock()?;
            // Renamed: somebody drains it. Names are never used twice, so a name that is there is this file.
            if path.exists() {
                let written = file.write_all(&lines).and_then(|()| file.sync_data());
                file.unlock()?;
                return written;
            }
            self.file = None;
        }
        fs::create_dir_all(&self.outbox.directory)?;
        self.files += 1;
        let path = self.outbox.directory.join(format!("{}-{:04}.open", self.name, self.files));
        let mut file = OpenOptions::new().create_new(true).append(true).open(&path)?;
        // Whoever drains at this very moment finds the lock taken, or no line yet and no reason to remove it.
        file.lock()?;
        let header = serde_json::to_string(&Header { outbox: 1, owed: self.owed.clone() })?;
        file.write_all(header.as_bytes())?;
        file.write_all(b"\n")?;
        file.write_all(&lines)?;
        file.sync_data()?;
        sync_directory(&self.outbox.directory)?;
        let is_there = path.exists();
        file.unlock()?;
        match is_there {
            true => self.file = Some((path, file)),
            // Taken between its creation and the lock, and removed as empty: once more.
            false => return self.write(events),
        }
        Ok(())
    }
}

/// A rename or a new name is on the disk when its folder is.
fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

/// Files that nobody else drains until this is dropped.
#[derive(Debug)]
pub struct Claim {
    outbox: Outbox,
    files: Vec<Claimed>,
    events: Vec<Arc<DeliveryEvent>>,
    places: HashMap<Uuid, usize>,
    /// What each sink lacks, by place in `events`, oldest first.
    lacking: BTreeMap<SinkName, BTreeSet<usize>>,
}

#[derive(Debug)]
struct Claimed {
    path: PathBuf,
    _lock: File,
    acks: File,
    /// What each sink still lacks of this file.
    open: HashMap<SinkName, HashSet<Uuid>>,
    unreadable: usize,
}

impl Claim {
    fn add(&mut self, path: PathBuf, lock: File, acks: File, read: Contents) {
        let acked = read_acks(&acks_path(&path));
        let mut open: HashMap<SinkName, HashSet<Uuid>> = HashMap::new();
        for event in read.events {
            let id = event.id;
            let place = *self.places.entry(id).or_insert(self.events.len());
            if place == self.events.len() {
                self.events.push(Arc::new(event));
            }
            for sink in &read.owed {
                if acked.get(sink).is_none_or(|taken| !taken.contains(&id)) {
                    open.entry(*sink).or_default().insert(id);
                    self.lacking.entry(*sink).or_default().insert(place);
                }
            }
        }
        self.files.push(Claimed { path, _lock: lock, acks, open, unreadable: read.unreadable });
    }

    /// The oldest events that a sink lacks.
    pub fn lacking(&self, sink: SinkName, most: usize) -> Vec<Arc<DeliveryEvent>> {
        let places = self.lacking.get(&sink).into_iter().flatten().take(most);
        places.map(|&at| Arc::clone(&self.events[at])).collect()
    }

    /// How many events a sink lacks.
    pub fn owed(&self, sink: SinkName) -> usize {
        self.lacking.get(&sink).map_or(0, BTreeSet::len)
    }

    /// Every event that some sink lacks.
    pub fn all(&self) -> Vec<DeliveryEvent> {
        let lacking: BTreeSet<usize> = self.lacking.values().flatten().copied().collect();
        lacking.into_iter().map(|at| (*self.events[at]).clone()).collect()
    }

    /// The sinks that lack something.
    pub fn sinks(&self) -> Vec<SinkName> {
        self.lacking.iter().filter(|(_, lacking)| !lacking.is_empty()).map(|(sink, _)| *sink).collect()
    }

    /// Writes down what became of events.
    pub fn settle(
        &mut self,
        sink: SinkName,
        settled: &[(Uuid, Settled)],
        now: DateTime<Utc>,
    ) -> Result<(), OutboxError> {
        let written = self.write_settled(sink, settled, now);
        written.map_err(|error| self.outbox.error("written", error))
    }

    fn write_settled(&mut self, sink: SinkName, settled: &[(Uuid, Settled)], now: DateTime<Utc>) -> io::Result<()> {
        let mut dead = Vec::new();
        for (id, what) in settled {
            if let (Settled::Dead(answer), Some(&at)) = (what, self.places.get(id)) {
                let line = Dead { sink, answer: answer.clone(), at: now, event: (*self.events[at]).clone() };
                serde_json::to_writer(&mut dead, &line)?;
                dead.push(b'\n');
            }
        }
        if !dead.is_empty() {
            let path = self.outbox.directory.join("dead.jsonl");
            let mut file = OpenOptions::new().create(true).append(true).open(path)?;
            file.write_all(&dead)?;
            file.sync_data()?;
        }
        for file in &mut self.files {
            file.acknowledge(sink, settled)?;
        }
        if let Some(lacking) = self.lacking.get_mut(&sink) {
            for place in settled.iter().filter_map(|(id, _)| self.places.get(id)) {
                lacking.remove(place);
            }
        }
        Ok(())
    }

    /// Removes what every sink has. What is left stays for the next drain.
    pub fn finish(self) {
        for file in self.files.iter().filter(|file| file.open.values().all(HashSet::is_empty)) {
            let done = match file.unreadable {
                0 => fs::remove_file(&file.path),
                // Somebody may be able to read what we cannot.
                _ => fs::rename(&file.path, file.path.with_extension("damaged")),
            };
            if done.is_ok() {
                let _ = fs::remove_file(acks_path(&file.path));
            }
        }
    }
}

impl Claimed {
    fn acknowledge(&mut self, sink: SinkName, settled: &[(Uuid, Settled)]) -> io::Result<()> {
        let Some(open) = self.open.get_mut(&sink) else { return Ok(()) };
        let taken = settled.iter().filter(|(id, _)| open.remove(id));
        let lines: String = taken.map(|(id, _)| format!("{} {id}\n", sink.name())).collect();
        if lines.is_empty() {
            return Ok(());
        }
        self.acks.write_all(lines.as_bytes())?;
        self.acks.sync_data()
    }
}

/// What stands in one file.
struct Contents {
    owed: Vec<SinkName>,
    events: Vec<DeliveryEvent>,
    unreadable: usize,
}

fn acks_path(path: &Path) -> PathBuf {
    path.with_extension("acks")
}

fn read_events(path: &Path) -> io::Result<Contents> {
    let lines = read_lines(path)?;
    let mut read = Contents { owed: Vec::new(), events: Vec::new(), unreadable: 0 };
    let Some((first, rest)) = lines.split_first() else { return Ok(read) };
    match serde_json::from_slice::<Header>(first) {
        Ok(header) => read.owed = header.owed,
        Err(_) => {
            read.unreadable = lines.len();
            return Ok(read);
        }
    }
    for line in rest {
        match serde_json::from_slice(line) {
            Ok(event) => read.events.push(event),
            Err(_) => read.unreadable += 1,
        }
    }
    Ok(read)
}

/// Lines with an end. What has none was cut off by a kill before anybody was told that it is written.
fn read_lines(path: &Path) -> io::Result<Vec<Vec<u8>>> {
    let mut reader = BufReader::new(File::open(path)?.take(MOST_FILE_BYTES));
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line)? == 0 || line.pop() != Some(b'\n') {
            return Ok(lines);
        }
        lines.push(line);
    }
}

fn read_acks(path: &Path) -> HashMap<SinkName, HashSet<Uuid>> {
    let mut acks: HashMap<SinkName, HashSet<Uuid>> = HashMap::new();
    for line in read_lines(path).unwrap_or_default() {
        let Ok(text) = std::str::from_utf8(&line) else { continue };
        let Some((sink, id)) = text.split_once(' ') else { continue };
        if let (Some(sink), Ok(id)) = (SinkName::named(sink), id.parse()) {
            acks.entry(sink).or_default().insert(id);
        }
    }
    acks
}
