//! Which lines differ between two texts, by the rules of `git diff`: pure, bounded, no context.
//!
//! Reviewers compare our numbers with git's and GitHub's, so an equally short difference is not good enough: it has to
//! be *the same* one. That takes four things beyond Myers' algorithm ("An O(ND) Difference Algorithm and Its
//! Variations", 1986), each of which changes the outcome on real files:
//!
//! - lines that occur only on one side are set aside first, and so are very common lines between them (`worth_matching`);
//! - the search meets in the middle and gives up on the optimum when it becomes dear (`Search::split`), which is also
//!   what bounds the time on hostile input;
//! - groups of changed lines are slid to where they line up with the other side's (`slide`),
//! - or else to where people see a boundary, git's `diff.indentHeuristic`.

use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::sync::OnceLock;

use self::slide::{end_of_run, slide};
use crate::change::Hunk;

mod slide;

/// The runs of lines that turn `base` into `head`, first to last. A line includes its line end, so that a line without
/// one differs from the same line with one.
pub fn diff(base: &[u8], head: &[u8]) -> Vec<Hunk> {
    let whole = |base: u32, head: u32| match (base, head) {
        (0, 0) => Vec::new(),
        (base, head) => vec![Hunk { base: 0..base, head: 0..head }],
    };
    if base.is_empty() || head.is_empty() {
        return whole(count(base), count(head));
    }
    if base == head {
        return Vec::new();
    }
    let mut classes = Classes::new((base.len() + head.len()) / 32);
    let old = Side::new(base, &mut classes, 0);
    let new = Side::new(head, &mut classes, 1);
    let occurrences = classes.occurrences;
    let mut sides = [old, new];
    mark_changes(&mut sides, &occurrences);
    let [mut old, mut new] = sides;
    slide(&mut old, &mut new);
    slide(&mut new, &mut old);
    hunks(&old.changed, &new.changed)
}

/// How many lines `text` has; the last one may lack its line end.
pub fn count(text: &[u8]) -> u32 {
    // Summing bytes lets the compiler use the widest registers it has.
    let ends: usize =
        text.chunks(255).map(|chunk| usize::from(chunk.iter().map(|&byte| u8::from(byte == b'\n')).sum::<u8>())).sum();
    (ends + usize::from(text.last().is_some_and(|&byte| byte != b'\n'))) as u32
}

/// git's test for content that is not text: a NUL in the first 8,000 bytes.
pub fn is_binary(content: &[u8]) -> bool {
    content[..content.len().min(8000)].contains(&0)
}

/// One text as a sequence of line classes; equal lines have equal classes, on both sides.
struct Side<'a> {
    lines: Vec<&'a [u8]>,
    classes: Vec<u32>,
    changed: Vec<bool>,
}

impl<'a> Side<'a> {
    fn new(text: &'a [u8], classes: &mut Classes<'a>, side: usize) -> Side<'a> {
        let mut lines = Vec::with_capacity(text.len() / 32);
        let mut ids = Vec::with_capacity(text.len() / 32);
        let mut rest = text;
        while !rest.is_empty() {
            let end = gix::bstr::ByteSlice::find_byte(rest, b'\n').map_or(rest.len(), |end| end + 1);
            let (line, after) = rest.split_at(end);
            lines.push(line);
            ids.push(classes.id(line, side));
            rest = after;
        }
        let changed = vec![false; ids.len()];
        Side { lines, classes: ids, changed }
    }

    fn len(&self) -> usize {
        self.classes.len()
    }
}

/// Gives equal lines equal numbers and counts them per side.
struct Classes<'a> {
    table: Vec<u32>,
    hashes: Vec<u32>,
    lines: Vec<&'a [u8]>,
    occurrences: Vec<[u32; 2]>,
    seed: u64,
}

impl<'a> Classes<'a> {
    fn new(expected: usize) -> Classes<'a> {
        // A seed per process: whoever writes the lines must not be able to choose ones that collide.
        static SEED: OnceLock<u64> = OnceLock::new();
        Classes {
            table: vec![0; (expected * 2).next_power_of_two().max(64)],
            hashes: Vec::with_capacity(expected),
            lines: Vec::with_capacity(expected),
            occurrences: Vec::with_capacity(expected),
            seed: *SEED.get_or_init(|| RandomState::new().hash_one(0)),
        }
    }

    fn id(&mut self, line: &'a [u8], side: usize) -> u32 {
        let hash = hash(line, self.seed);
        let mask = self.table.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            match self.table[slot] {
                0 => break,
                taken => {
                    let id = taken as usize - 1;
                    if self.hashes[id] == hash && self.lines[id] == line {
                        self.occurrences[id][side] += 1;
                        return id as u32;
                    }
                }
            }
            slot = (slot + 1) & mask;
        }
        let id = self.lines.len() as u32;
        self.table[slot] = id + 1;
        self.hashes.push(hash);
        self.lines.push(line);
        let mut seen = [0, 0];
        seen[side] = 1;
        self.occurrences.push(seen);
        if self.lines.len() * 2 > self.table.len() {
            self.grow();
        }
        id
    }

    fn grow(&mut self) {
        let mask = self.table.len() * 2 - 1;
        let mut table = vec![0; mask + 1];
        for (id, &hash) in self.hashes.iter().enumerate() {
            let mut slot = hash as usize & mask;
            while table[slot] != 0 {
                slot = (slot + 1) & mask;
            }
            table[slot] = id as u32 + 1;
        }
        self.table = table;
    }
}

/// Multiply-and-fold, 16 bytes a step.
fn hash(line: &[u8], seed: u64) -> u32 {
    let fold = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        (product as u64) ^ ((product >> 64) as u64)
    };
    let word = |bytes: &[u8]| {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(word)
    };
    let mut state = seed ^ (line.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut chunks = line.chunks_exact(16);
    for chunk in &mut chunks {
        state = fold(word(&chunk[..8]) ^ state, word(&chunk[8..]) ^ 0xD6E8_FEB8_6659_FD93 ^ seed);
    }
    let rest = chunks.remainder();
    let (low, high) = rest.split_at(rest.len().min(8));
    let state = fold(word(low) ^ state, word(high) ^ 0xD6E8_FEB8_6659_FD93 ^ seed);
    fold(state, 0x9E37_79B9_7F4A_7C15) as u32
}

/// Marks the lines that have no partner on the other side.
fn mark_changes(sides: &mut [Side<'_>; 2], occurrences: &[[u32; 2]]) {
    let [old, new] = &*sides;
    let shorter = old.len().min(new.len());
    let start = (0..shorter).take_while(|&at| old.classes[at] == new.classes[at]).count();
    let end = (1..=shorter - start)
        .take_while(|&back| old.classes[old.len() - back] == new.classes[new.len() - back])
        .count();
    let kept = [worth_matching(old, start..old.len() - end, occurrences, 1), {
        worth_matching(new, start..new.len() - end, occurrences, 0)
    }];
    for (side, kept) in sides.iter_mut().zip(&kept) {
        let mut kept = kept.iter().peekable();
        for at in start..side.len() - end {
            side.changed[at] = kept.next_if_eq(&&(at as u32)).is_none();
        }
    }
    let picked =
        [0, 1].map(|side: usize| kept[side].iter().map(|&at| sides[side].classes[at as usize]).collect::<Vec<u32>>());
    let mut search = Search::new(&picked[0], &picked[1]);
    search.run();
    for (side, unmatched) in search.unmatched.iter().enumerate() {
        for range in unmatched {
            for &at in &kept[side][range.clone()] {
                sides[side].changed[at as usize] = true;
            }
        }
    }
}

/// The lines of `side` within `range` that take part in the search: those the other side has too, unless they are very
/// common there and stand among lines that it has not. (Blank lines and lone braces would otherwise attract matches.)
fn worth_matching(side: &Side<'_>, range: Range<usize>, occurrences: &[[u32; 2]], other: usize) -> Vec<u32> {
    #[derive(Clone, Copy, PartialEq)]
    enum Partners {
        None,
        Some,
        Many,
    }
    const MOST_MANY: u32 = 1024;
    /// How far around a common line we look.
    const WINDOW: usize = 100;
    /// One partnerless line in so many condemns the common lines beside it.
    const CONDEMNED_BY: usize = 4;

    let many = rough_square_root(side.len()).min(MOST_MANY);
    let partners: Vec<Partners> = side.classes[range.clone()]
        .iter()
        .map(|&class| match occurrences[class as usize][other] {
            0 => Partners::None,
            count if count >= many => Partners::Many,
            _ => Partners::Some,
        })
        .collect();
    // (lines without partner, lines with many) in the run that ends at the first line with few partners.
    let run = |lines: &mut dyn Iterator<Item = &Partners>| {
        let (mut none, mut common) = (0, 1);
        for partners in lines {
            match partners {
                Partners::None => none += 1,
                Partners::Many => common += 1,
                Partners::Some => break,
            }
        }
        (none, common)
    };
    let condemned = |at: usize| {
        let (none_before, common_before) = run(&mut partners[at.saturating_sub(WINDOW)..at].iter().rev());
        if none_before == 0 {
            return false;
        }
        let (none_after, common_after) = run(&mut partners[at + 1..partners.len().min(at + 1 + WINDOW)].iter());
        if none_after == 0 {
            return false;
        }
        let (none, common) = (none_before + none_after, common_before + common_after);
        common * CONDEMNED_BY < common + none
    };
    (0..partners.len())
        .filter(|&at| match partners[at] {
            Partners::None => false,
            Partners::Some => true,
            Partners::Many => !condemned(at),
        })
        .map(|at| (range.start + at) as u32)
        .collect()
}

/// Within a factor of two; what counts is that it is git's.
fn rough_square_root(number: usize) -> u32 {
    let mut root = 1;
    let mut rest = number;
    while rest > 0 {
        root <<= 1;
        rest >>= 2;
    }
    root
}

/// Myers' search in linear space, with git's three ways out when it becomes dear.
struct Search<'a> {
    old: &'a [u32],
    new: &'a [u32],
    /// The furthest old line reached on each diagonal, from the start and from the end.
    forward: Vec<i32>,
    backward: Vec<i32>,
    /// The diagonal `d` (old line minus new line) is found at index `d + shift`.
    shift: i32,
    /// The cost at which the search takes the best it has.
    dearest: i32,
    unmatched: [Vec<Range<usize>>; 2],
}

/// A box of the edit graph: the lines `old` against the lines `new`.
#[derive(Clone, Copy)]
struct Area {
    old: (i32, i32),
    new: (i32, i32),
    /// No shortcuts: an earlier shortcut says that this part is cheap.
    exact: bool,
}

/// Where an area falls in two.
struct Split {
    old: i32,
    new: i32,
    exact_before: bool,
    exact_after: bool,
}

/// A run of equal lines longer than this is a landmark.
const LANDMARK: i32 = 20;
/// No shortcuts below this cost.
const CHEAP: i32 = 256;
/// A path is promising when it has come this many times further than its cost.
const PROMISING: i32 = 4;
/// Beyond every line, and far enough from `i32::MAX` to add to.
const FAR: i32 = i32::MAX / 4;

impl<'a> Search<'a> {
    fn new(old: &'a [u32], new: &'a [u32]) -> Search<'a> {
        let diagonals = old.len() + new.len() + 3;
        Search {
            old,
            new,
            forward: vec![0; diagonals],
            backward: vec![0; diagonals],
            shift: new.len() as i32 + 1,
            dearest: (rough_square_root(diagonals) as i32).max(CHEAP),
            unmatched: [Vec::new(), Vec::new()],
        }
    }

    fn run(&mut self) {
        let all = Area { old: (0, self.old.len() as i32), new: (0, self.new.len() as i32), exact: false };
        // Not recursive: hostile input decides how deep it goes.
        let mut areas = vec![all];
        while let Some(area) = areas.pop() {
            let area = self.trim(area);
            if area.old.0 == area.old.1 {
                self.unmatched[1].push(area.new.0 as usize..area.new.1 as usize);
            } else if area.new.0 == area.new.1 {
                self.unmatched[0].push(area.old.0 as usize..area.old.1 as usize);
            } else {
                let split = self.split(area);
                areas.push(Area {
                    old: (split.old, area.old.1),
                    new: (split.new, area.new.1),
                    exact: split.exact_after,
                });
                areas.push(Area {
                    old: (area.old.0, split.old),
                    new: (area.new.0, split.new),
                    exact: split.exact_before,
                });
            }
        }
    }

    fn equal(&self, old: i32, new: i32) -> bool {
        self.old[old as usize] == self.new[new as usize]
    }

    fn trim(&self, mut area: Area) -> Area {
        while area.old.0 < area.old.1 && area.new.0 < area.new.1 && self.equal(area.old.0, area.new.0) {
            area.old.0 += 1;
            area.new.0 += 1;
        }
        while area.old.0 < area.old.1 && area.new.0 < area.new.1 && self.equal(area.old.1 - 1, area.new.1 - 1) {
            area.old.1 -= 1;
            area.new.1 -= 1;
        }
        area
    }

    fn split(&mut self, area: Area) -> Split {
        let (lowest, highest) = (area.old.0 - area.new.1, area.old.1 - area.new.0);
        let (forward_middle, backward_middle) = (area.old.0 - area.new.0, area.old.1 - area.new.1);
        let odd = (forward_middle - backward_middle) & 1 != 0;
        let mut ahead = (forward_middle, forward_middle);
        let mut back = (backward_middle, backward_middle);
        let shift = self.shift;
        self.forward[(forward_middle + shift) as usize] = area.old.0;
        self.backward[(backward_middle + shift) as usize] = area.old.1;

        for cost in 1.. {
            let mut landmark = false;

            // One more diagonal on either side, or, at the border, one fewer: their number alternates in parity.
            match ahead.0 > lowest {
                true => {
                    ahead.0 -= 1;
                    self.forward[(ahead.0 - 1 + shift) as usize] = -1;
                }
                false => ahead.0 += 1,
            }
            match ahead.1 < highest {
                true => {
                    ahead.1 += 1;
                    self.forward[(ahead.1 + 1 + shift) as usize] = -1;
                }
                false => ahead.1 -= 1,
            }
            for diagonal in (ahead.0..=ahead.1).rev().step_by(2) {
                let at = (diagonal + shift) as usize;
                let from = (self.forward[at - 1] + 1).max(self.forward[at + 1]);
                let (mut old, mut new) = (from, from - diagonal);
                while old < area.old.1 && new < area.new.1 && self.equal(old, new) {
                    old += 1;
                    new += 1;
                }
                landmark |= old - from > LANDMARK;
                self.forward[at] = old;
                if odd && back.0 <= diagonal && diagonal <= back.1 && self.backward[at] <= old {
                    return Split { old, new, exact_before: true, exact_after: true };
                }
            }

            match back.0 > lowest {
                true => {
                    back.0 -= 1;
                    self.backward[(back.0 - 1 + shift) as usize] = FAR;
                }
                false => back.0 += 1,
            }
            match back.1 < highest {
                true => {
                    back.1 += 1;
                    self.backward[(back.1 + 1 + shift) as usize] = FAR;
                }
                false => back.1 -= 1,
            }
            for diagonal in (back.0..=back.1).rev().step_by(2) {
                let at = (diagonal + shift) as usize;
                let from = self.backward[at - 1].min(self.backward[at + 1] - 1);
                let (mut old, mut new) = (from, from - diagonal);
                while old > area.old.0 && new > area.new.0 && self.equal(old - 1, new - 1) {
                    old -= 1;
                    new -= 1;
                }
                landmark |= from - old > LANDMARK;
                self.backward[at] = old;
                if !odd && ahead.0 <= diagonal && diagonal <= ahead.1 && old <= self.forward[at] {
                    return Split { old, new, exact_before: true, exact_after: true };
                }
            }

            if area.exact {
                continue;
            }
            if landmark
                && cost > CHEAP
                && let Some(split) = self.promising(area, ahead, back, cost)
            {
                return split;
            }
            if cost >= self.dearest {
                return self.furthest(area, ahead, back);
            }
        }
        unreachable!("the two searches meet before the cost exceeds the number of lines")
    }

    /// A path that has come far for its cost and ends in a landmark.
    fn promising(&self, area: Area, ahead: (i32, i32), back: (i32, i32), cost: i32) -> Option<Split> {
        let mut best = 0;
        let mut split = None;
        let middle = area.old.0 - area.new.0;
        for diagonal in (ahead.0..=ahead.1).rev().step_by(2) {
            let old = self.forward[(diagonal + self.shift) as usize];
            let new = old - diagonal;
            let way = (old - area.old.0) + (new - area.new.0) - (diagonal - middle).abs();
            if way > PROMISING * cost
                && way > best
                && (area.old.0 + LANDMARK <= old && old < area.old.1)
                && (area.new.0 + LANDMARK <= new && new < area.new.1)
                && (1..=LANDMARK).all(|step| self.equal(old - step, new - step))
            {
                best = way;
                split = Some(Split { old, new, exact_before: true, exact_after: false });
            }
        }
        if split.is_some() {
            return split;
        }
        let middle = area.old.1 - area.new.1;
        for diagonal in (back.0..=back.1).rev().step_by(2) {
            let old = self.backward[(diagonal + self.shift) as usize];
            let new = old - diagonal;
            let way = (area.old.1 - old) + (area.new.1 - new) - (diagonal - middle).abs();
            if way > PROMISING * cost
                && way > best
                && (area.old.0 < old && old <= area.old.1 - LANDMARK)
                && (area.new.0 < new && new <= area.new.1 - LANDMARK)
                && (0..LANDMARK).all(|step| self.equal(old + step, new + step))
            {
                best = way;
                split = Some(Split { old, new, exact_before: false, exact_after: true });
            }
        }
        split
    }

    /// Enough is enough: the end of whichever path has come furthest.
    fn furthest(&self, area: Area, ahead: (i32, i32), back: (i32, i32)) -> Split {
        let mut far = (-1, -1);
        for diagonal in (ahead.0..=ahead.1).rev().step_by(2) {
            let old = self.forward[(diagonal + self.shift) as usize].min(area.old.1);
            let (old, new) = match old - diagonal {
                new if new > area.new.1 => (area.new.1 + diagonal, area.new.1),
                new => (old, new),
            };
            if far.0 < old + new {
                far = (old + new, old);
            }
        }
        let mut near = (FAR, FAR);
        for diagonal in (back.0..=back.1).rev().step_by(2) {
            let old = self.backward[(diagonal + self.shift) as usize].max(area.old.0);
            let (old, new) = match old - diagonal {
                new if new < area.new.0 => (area.new.0 + diagonal, area.new.0),
                new => (old, new),
            };
            if old + new < near.0 {
                near = (old + new, old);
            }
        }
        match (area.old.1 + area.new.1) - near.0 < far.0 - (area.old.0 + area.new.0) {
            true => Split { old: far.1, new: far.0 - far.1, exact_before: true, exact_after: false },
            false => Split { old: near.1, new: near.0 - near.1, exact_before: false, exact_after: true },
        }
    }
}

fn hunks(old: &[bool], new: &[bool]) -> Vec<Hunk> {
    let mut hunks = Vec::new();
    let (mut base, mut head) = (0, 0);
    loop {
        let (base_end, head_end) = (end_of_run(old, base), end_of_run(new, head));
        if base_end > base || head_end > head {
            hunks.push(Hunk { base: base as u32..base_end as u32, head: head as u32..head_end as u32 });
        }
        if base_end == old.len() || head_end == new.len() {
            return hunks;
        }
        (base, head) = (base_end + 1, head_end + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `(base lines, head lines)` of each hunk.
    fn check(base: &str, head: &str, expect: &[(Range<u32>, Range<u32>)]) {
        let hunks: Vec<_> =
            diff(base.as_bytes(), head.as_bytes()).into_iter().map(|hunk| (hunk.base, hunk.head)).collect();
        assert_eq!(hunks, expect, "{base:?} -> {head:?}");
    }

    #[test]
    fn small_changes() {
        check("", "", &[]);
        check("a\n", "a\n", &[]);
        check("", "a\nb", &[(0..0, 0..2)]);
        check("a\nb\n", "", &[(0..2, 0..0)]);
        check("a\nb\nc\n", "a\nB\nc\n", &[(1..2, 1..2)]);
        check("a\nb", "a\nb\n", &[(1..2, 1..2)]);
        check("a\nb\nc\n", "x\na\nb\n", &[(0..0, 0..1), (2..3, 3..3)]);
    }

    #[test]
    fn a_new_function_is_shown_whole() {
        let base = "fn a() {\n    1\n}\n\nfn c() {\n    3\n}\n";
        let head = "fn a() {\n    1\n}\n\nfn b() {\n    2\n}\n\nfn c() {\n    3\n}\n";
        check(base, head, &[(4..4, 4..8)]);
    }

    #[test]
    fn lines_are_counted_with_and_without_the_last_end() {
        for (text, lines) in [("", 0), ("a", 1), ("a\n", 1), ("a\nb", 2), ("\n\n", 2)] {
            assert_eq!(count(text.as_bytes()), lines, "{text:?}");
        }
        assert_eq!(count("x\n".repeat(100_000).as_bytes()), 100_000);
        assert_eq!(count("\n".repeat(100_000).as_bytes()), 100_000);
    }

    #[test]
    fn hunks_lead_from_base_to_head() {
        proptest::proptest!(|(base in "[abc{}\n]{0,200}", head in "[abc{}\n]{0,200}")| {
            let lines = |text: &str| text.split_inclusive('\n').map(String::from).collect::<Vec<_>>();
            let (old, new) = (lines(&base), lines(&head));
            let mut built = Vec::new();
            let mut at = 0;
            for hunk in diff(base.as_bytes(), head.as_bytes()) {
                built.extend_from_slice(&old[at..hunk.base.start as usize]);
                proptest::prop_assert_eq!(built.len(), hunk.head.start as usize);
                built.extend_from_slice(&new[hunk.head.start as usize..hunk.head.end as usize]);
                at = hunk.base.end as usize;
            }
            built.extend_from_slice(&old[at..]);
            proptest::prop_assert_eq!(built, new);
        });
    }
}
