//! Which added file is a deleted one under a new name, by the rules of `git diff -M` (and `-C`): pure.
//!
//! Four needs pull on this file. Agree with git to the percent, since people compare; be quick on the usual change
//! (files that moved unedited, files that kept their name); stay bounded on the unusual one (thousands of new files
//! against thousands of gone ones); and prefer, among equals, what a person would have guessed. Hence three passes,
//! each on what the one before left: equal content, equal and unique file names, and everything with everything.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::OnceLock;

use super::parallel;
use crate::change::Mode;

/// A score for files that are the same throughout; scores are parts of it.
pub const SAME: u32 = 60_000;
/// At least half must be the same.
const LEAST: u32 = SAME / 2;
/// Files that kept their name are paired without a look at others when three quarters are the same.
const LEAST_FOR_SAME_NAME: u32 = LEAST + (SAME - LEAST) / 2;

/// A file that went, or came, or (as the source of a copy) stayed.
#[derive(Clone, Debug)]
pub struct File<'a> {
    /// Its path.
    pub path: &'a [u8],
    /// Its kind.
    pub mode: Mode,
    /// Its object id.
    pub id: &'a [u8],
    /// Its size in bytes.
    pub size: u64,
    /// What the reader of contents knows it by.
    pub key: usize,
    /// Of a source: it is still there at the head, so whatever comes from it is a copy.
    pub stays: bool,
}

/// Where a new file came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The index of the source.
    pub source: usize,
    /// How much is the same, of [`SAME`].
    pub score: u32,
    /// The source stayed, or went to a later path too.
    pub copy: bool,
}

/// What to look for.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether `sources` hold files that stay, and a source may serve many.
    pub copies: bool,
    /// The matrix of everything with everything is not computed beyond `limit` × `limit` pairs; 0: no limit.
    pub limit: usize,
}

/// A file's content and whether it is text; `None` when it is too large to be compared.
pub type Read<'a> = dyn Fn(usize) -> Option<(Cow<'a, [u8]>, bool)> + Sync + 'a;

/// For each target its origin, if any. Both lists are sorted by path.
pub fn detect<'a>(
    sources: &'a [File<'a>],
    targets: &'a [File<'a>],
    options: Options,
    read: &'a Read<'a>,
) -> Vec<Option<Origin>> {
    let mut search = Search {
        uses: sources.iter().map(|source| u32::from(source.stays)).collect(),
        origins: vec![None; targets.len()],
        prints: Prints::new(sources, targets, read),
        sources,
        targets,
        options,
    };
    if !sources.is_empty() && !targets.is_empty() {
        search.same_content();
        if !options.copies {
            search.same_name();
        }
        search.everything();
    }
    search.finish()
}

struct Search<'a> {
    sources: &'a [File<'a>],
    targets: &'a [File<'a>],
    options: Options,
    /// How many targets, and a source's own path, use each source.
    uses: Vec<u32>,
    origins: Vec<Option<Origin>>,
    prints: Prints<'a>,
}

impl Search<'_> {
    fn record(&mut self, target: usize, source: usize, score: u32) {
        self.uses[source] += 1;
        self.origins[target] = Some(Origin { source, score, copy: false });
    }

    /// Equal content: a free source before a used one, then one with the same file name, then the first.
    fn same_content(&mut self) {
        /// Looking at more identical files than that helps nobody.
        const MOST_TWINS: usize = 100;
        let mut by_id: HashMap<&[u8], Vec<usize>> = HashMap::new();
        for (index, source) in self.sources.iter().enumerate() {
            by_id.entry(source.id).or_default().push(index);
        }
        for (index, target) in self.targets.iter().enumerate() {
            let mut best: Option<(usize, u32)> = None;
            let mut looked_at = 0;
            for &twin in by_id.get(target.id).into_iter().flatten() {
                let source = &self.sources[twin];
                if !(is_regular(source) && is_regular(target)) && source.mode != target.mode {
                    continue;
                }
                let used = self.uses[twin] > 0;
                if used && !self.options.copies {
                    continue;
                }
                let score = u32::from(!used) + u32::from(same_name(source.path, target.path));
                if best.is_none_or(|(_, best)| score > best) {
                    best = Some((twin, score));
                    if score == 2 {
                        break;
                    }
                }
                looked_at += 1;
                if looked_at == MOST_TWINS {
                    break;
                }
            }
            if let Some((source, _)) = best {
                self.record(index, source, SAME);
            }
        }
    }

    /// A file name that went from one place only and came to one place only.
    fn same_name(&mut self) {
        let mut came: HashMap<&[u8], Option<usize>> = HashMap::new();
        for (index, target) in self.targets.iter().enumerate().filter(|(index, _)| self.origins[*index].is_none()) {
            came.entry(file_name(target.path)).and_modify(|unique| *unique = None).or_insert(Some(index));
        }
        let mut went: HashMap<&[u8], u32> = HashMap::new();
        let free: Vec<usize> = (0..self.sources.len()).filter(|&source| self.uses[source] == 0).collect();
        for &source in &free {
            *went.entry(file_name(self.sources[source].path)).or_default() += 1;
        }
        let pairs: Vec<(usize, usize)> = free
            .into_iter()
            .filter_map(|source| {
                let name = file_name(self.sources[source].path);
                let target = came.get(name).copied().flatten()?;
                (went[name] == 1).then_some((source, target))
            })
            .collect();
        let prints = &self.prints;
        let scores =
            parallel::map(pairs.len(), || (), |(), at| prints.score(pairs[at].0, pairs[at].1, LEAST_FOR_SAME_NAME));
        for ((source, target), score) in pairs.into_iter().zip(scores) {
            if score >= LEAST_FOR_SAME_NAME {
                self.record(target, source, score);
            }
        }
    }

    /// Every source that is left with every target that is left; the best pair first.
    fn everything(&mut self) {
        let targets: Vec<usize> = (0..self.targets.len()).filter(|&target| self.origins[target].is_none()).collect();
        let sources: Vec<usize> =
            (0..self.sources.len()).filter(|&source| self.options.copies || self.uses[source] == 0).collect();
        let limit = self.options.limit.saturating_mul(self.options.limit);
        if limit > 0 && targets.len().saturating_mul(sources.len()) > limit {
            return;
        }
        let prints = &self.prints;
        let (all_sources, all_targets) = (self.sources, self.targets);
        let best = parallel::map(
            targets.len(),
            || (),
            |(), at| {
                let target = targets[at];
                let mut best = [None; 4];
                for &source in &sources {
                    keep_best(
                        &mut best,
                        Pair {
                            source,
                            target,
                            score: prints.score(source, target, LEAST),
                            same_name: same_name(all_sources[source].path, all_targets[target].path),
                        },
                    );
                }
                best
            },
        );
        // Holes stay where they are until sorted: the sort is stable and so is what it decides among equals.
        let mut pairs: Vec<Option<Pair>> = best.into_iter().flatten().collect();
        pairs.sort_by(by_quality);
        let pairs: Vec<Pair> = pairs.into_iter().flatten().take_while(|pair| pair.score >= LEAST).collect();
        for reuse in [false, true] {
            if reuse && !self.options.copies {
                break;
            }
            for pair in &pairs {
                if self.origins[pair.target].is_none() && (reuse || self.uses[pair.source] == 0) {
                    self.record(pair.target, pair.source, pair.score);
                }
            }
        }
    }

    /// Of many targets with the same source, the last by path is where it moved; the others are copies.
    fn finish(mut self) -> Vec<Option<Origin>> {
        for origin in self.origins.iter_mut().flatten() {
            let uses = &mut self.uses[origin.source];
            *uses -= 1;
            origin.copy = *uses > 0;
        }
        self.origins
    }
}

#[derive(Clone, Copy)]
struct Pair {
    source: usize,
    target: usize,
    score: u32,
    same_name: bool,
}

/// Best first, holes last.
fn by_quality(a: &Option<Pair>, b: &Option<Pair>) -> std::cmp::Ordering {
    let key = |pair: &Option<Pair>| pair.map(|pair| (pair.score, pair.same_name));
    key(b).cmp(&key(a))
}

/// Four candidates a target are enough, and keep the list short. Which of several equally bad ones gives way decides
/// the outcome now and then: the first.
fn keep_best(best: &mut [Option<Pair>; 4], pair: Pair) {
    let mut worst = 0;
    for at in 1..best.len() {
        if by_quality(&best[at], &best[worst]).is_gt() {
            worst = at;
        }
    }
    if by_quality(&best[worst], &Some(pair)).is_gt() {
        best[worst] = Some(pair);
    }
}

fn is_regular(file: &File<'_>) -> bool {
    matches!(file.mode, Mode::File | Mode::Executable)
}

fn file_name(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or_default()
}

fn same_name(a: &[u8], b: &[u8]) -> bool {
    file_name(a) == file_name(b)
}

/// What files are made of, computed when first asked for.
struct Prints<'a> {
    sources: &'a [File<'a>],
    targets: &'a [File<'a>],
    source_prints: Vec<OnceLock<Option<Print>>>,
    target_prints: Vec<OnceLock<Option<Print>>>,
    read: &'a Read<'a>,
}

impl<'a> Prints<'a> {
    fn new(sources: &'a [File<'a>], targets: &'a [File<'a>], read: &'a Read<'a>) -> Prints<'a> {
        let empty = |count: usize| std::iter::repeat_with(OnceLock::new).take(count).collect();
        Prints { source_prints: empty(sources.len()), target_prints: empty(targets.len()), sources, targets, read }
    }

    /// How much of the larger file the two have in common, of [`SAME`]; 0 when the sizes alone rule out `least`.
    fn score(&self, source: usize, target: usize, least: u32) -> u32 {
        let (from, to) = (&self.sources[source], &self.targets[target]);
        if !is_regular(from) || !is_regular(to) {
            return 0;
        }
        let (smaller, larger) = (from.size.min(to.size), from.size.max(to.size));
        if u128::from(larger) * u128::from(SAME - least) < u128::from(larger - smaller) * u128::from(SAME)
            || to.size == 0
        {
            return 0;
        }
        let old = self.source_prints[source].get_or_init(|| self.print(from));
        let new = self.target_prints[target].get_or_init(|| self.print(to));
        match (old, new) {
            (Some(old), Some(new)) => (old.common(new) * u64::from(SAME) / larger) as u32,
            _ => 0,
        }
    }

    fn print(&self, file: &File<'_>) -> Option<Print> {
        (self.read)(file.key).map(|(content, is_text)| Print::of(&content, is_text))
    }
}

/// A content as a bag of pieces: lines, cut at 64 bytes. Each kind of piece has a number below [`Print::KINDS`] and
/// counts as many bytes as it is long, so what two bags share is what one file has of the other, wherever it stands.
#[derive(Clone, Debug, Default)]
struct Print(Vec<(u32, u32)>);

impl Print {
    const KINDS: u32 = 107_927;

    fn of(content: &[u8], is_text: bool) -> Print {
        const LONGEST: u32 = 64;
        thread_local! {
            static COUNTS: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
        }
        COUNTS.with_borrow_mut(|counts| {
            counts.resize(Print::KINDS as usize, 0);
            let mut kinds = Vec::new();
            let mut add = |low: u32, high: u32, length: u32| {
                let kind = low.wrapping_add(high.wrapping_mul(0x61)) % Print::KINDS;
                let count = &mut counts[kind as usize];
                if *count == 0 {
                    kinds.push(kind);
                }
                *count = count.saturating_add(length);
            };
            let (mut low, mut high, mut length) = (0u32, 0u32, 0u32);
            for (at, &byte) in content.iter().enumerate() {
                if byte == b'\r' && is_text && content.get(at + 1) == Some(&b'\n') {
                    continue;
                }
                let before = low;
                low = (low << 7) ^ (high >> 25);
                high = (high << 7) ^ (before >> 25);
                low = low.wrapping_add(u32::from(byte));
                length += 1;
                if length == LONGEST || byte == b'\n' {
                    add(low, high, length);
                    (low, high, length) = (0, 0, 0);
                }
            }
            if length > 0 {
                add(low, high, length);
            }
            kinds.sort_unstable();
            Print(kinds.into_iter().map(|kind| (kind, std::mem::take(&mut counts[kind as usize]))).collect())
        })
    }

    /// How many bytes the two have in common.
    fn common(&self, other: &Print) -> u64 {
        let (mut a, mut b) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut common = 0;
        while let (Some(&&(kind, count)), Some(&&(other_kind, other_count))) = (a.peek(), b.peek()) {
            if kind <= other_kind {
                a.next();
            }
            if other_kind <= kind {
                b.next();
            }
            if kind == other_kind {
                common += u64::from(count.min(other_count));
            }
        }
        common
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contents stand for their own ids.
    fn check(options: Options, sources: &[(&str, &str)], targets: &[(&str, &str)], expect: &[Option<(usize, u32)>]) {
        let file = |key: usize, (path, content): &(&'static str, &'static str)| File {
            path: path.as_bytes(),
            mode: Mode::File,
            id: content.as_bytes(),
            size: content.len() as u64,
            key,
            stays: false,
        };
        let leak = |files: &[(&str, &str)]| -> Vec<(&'static str, &'static str)> {
            files.iter().map(|(path, text)| (&*path.to_string().leak(), &*text.to_string().leak())).collect()
        };
        let all = [leak(sources), leak(targets)].concat();
        let files: Vec<File<'_>> = all.iter().enumerate().map(|(key, pair)| file(key, pair)).collect();
        let (from, to) = files.split_at(sources.len());
        let origins = detect(from, to, options, &|key| Some((Cow::Borrowed(all[key].1.as_bytes()), true)));
        let origins: Vec<_> =
            origins.iter().map(|origin| origin.map(|origin| (origin.source, origin.score * 100 / SAME))).collect();
        assert_eq!(origins, expect);
    }

    const PLAIN: Options = Options { copies: false, limit: 1000 };

    #[test]
    fn equal_content_prefers_the_same_name() {
        check(
            PLAIN,
            &[("a/x", "1\n"), ("b/y", "1\n")],
            &[("c/y", "1\n"), ("d/z", "1\n")],
            &[Some((1, 100)), Some((0, 100))],
        );
    }

    #[test]
    fn half_is_enough_and_less_is_not() {
        check(PLAIN, &[("a", "1\n2\n3\n4\n")], &[("b", "1\n2\n5\n6\n")], &[Some((0, 50))]);
        check(PLAIN, &[("a", "1\n2\n3\n4\n")], &[("b", "1\n7\n5\n6\n")], &[None]);
    }

    #[test]
    fn a_kept_name_wins_over_a_closer_content() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n";
        check(
            PLAIN,
            &[("a/x", old)],
            &[("b/x", "1\n2\n3\n4\n5\n6\n7\n0\n"), ("c/y", "1\n2\n3\n4\n5\n6\n7\n8\n9\n")],
            &[Some((0, 87)), None],
        );
    }

    #[test]
    fn beyond_the_limit_only_cheap_renames_are_found() {
        let options = Options { copies: false, limit: 1 };
        check(
            options,
            &[("a", "1\n2\n"), ("b", "3\n"), ("c", "4\n5\n")],
            &[("d", "1\n9\n"), ("e", "3\n"), ("f", "4\n9\n")],
            &[None, Some((1, 100)), None],
        );
    }
}
