//! Where in a text something of interest stands, noted so that two versions can be compared without reading them again.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::ops::Range;

/// The places of interest in one text, with what the text holds before and behind them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outline(pub(super) Vec<Spot>);

/// One run of lines of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    /// How many bytes the text has up to the end of the run.
    pub(super) until: u64,
    /// A hash of them.
    pub(super) head: u64,
    /// How many bytes it has from the beginning of the run on.
    pub(super) rest: u64,
    /// A hash of them.
    pub(super) tail: u64,
}

impl Outline {
    /// Of runs of whole lines, in order and apart.
    pub(super) fn new(text: &[u8], places: &[Range<usize>], key: Key) -> Outline {
        let places = far_apart(text.len(), places);
        let mut at = 0;
        let mut piece = |to: usize| {
            let piece = key.piece(&text[at..to]);
            at = to;
            piece
        };
        // What stands before each run, and the run itself.
        let pieces: Vec<[Piece; 2]> = places.iter().map(|place| [piece(place.start), piece(place.end)]).collect();
        let behind = piece(text.len());
        let mut head = 0;
        let mut spots: Vec<Spot> = Vec::with_capacity(places.len());
        for (place, pieces) in places.iter().zip(&pieces) {
            head = pieces.iter().fold(head, |hash, piece| key.add(hash, piece));
            let (until, rest) = (place.end as u64, (text.len() - place.start) as u64);
            spots.push(Spot { until, head, rest, tail: 0 });
        }
        let mut tail = key.add(0, &behind);
        for (spot, [before, run]) in spots.iter_mut().zip(&pieces).rev() {
            tail = key.add(tail, run);
            spot.tail = tail;
            tail = key.add(tail, before);
        }
        Outline(spots)
    }

    /// Whether every line of interest stands among those that both versions begin with or those that both end with: then
    /// `git diff` shows none of them as added.
    ///
    /// git may slide a group of added lines, but only over lines that repeat the group's. A place of interest among those
    /// would be one in the group, too; and no place of the new version stands between the common ends.
    pub(super) fn adds_nothing_to(&self, old: &Outline) -> bool {
        let (new, old) = (&self.0, &old.0);
        let common = (0..new.len().min(old.len())).rev();
        let mut common = common.filter(|at| (new[*at].until, new[*at].head) == (old[*at].until, old[*at].head));
        let head = common.next().map_or(0, |last| last + 1);
        let tail = new.len() - head;
        // No run of the old version may stand for two of the new one.
        tail == 0
            || tail <= old.len() - head && {
                let (new, old) = (&new[head], &old[old.len() - tail]);
                (new.rest, new.tail) == (old.rest, old.tail)
            }
    }
}

/// Makes one run of those that stand close together, so that there are not many. What counts as close is the same for
/// texts of about the same length, or their outlines would not compare.
fn far_apart(length: usize, places: &[Range<usize>]) -> Vec<Range<usize>> {
    /// About how many there are at most.
    const MOST: usize = 32;
    let close = (length / MOST).next_power_of_two();
    let mut runs: Vec<Range<usize>> = Vec::new();
    for place in places {
        match runs.last_mut().filter(|last| place.start - last.end < close) {
            Some(last) => last.end = place.end,
            None => runs.push(place.clone()),
        }
    }
    runs
}

/// What hashes are made with: two numbers that nobody knows who writes the texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key(pub(super) [u64; 2]);

/// The hash of one piece of text, before it is mixed with others: its length and four lanes.
type Piece = [u64; 5];

/// A Mersenne prime: a remainder costs two additions.
const PRIME: u64 = (1 << 61) - 1;

impl Key {
    pub(super) fn random() -> Key {
        let state = RandomState::new();
        Key([0, 1].map(|number| state.hash_one(number) % PRIME))
    }

    /// A key that was noted down; `None` for numbers that are none.
    pub(super) fn checked(numbers: [u64; 2]) -> Option<Key> {
        numbers.iter().all(|number| *number < PRIME).then_some(Key(numbers))
    }

    /// Polynomials over the integers modulo [`PRIME`], evaluated at the secret number: two texts of n bytes have the same
    /// with a chance of n / 2^61 at most (Carter and Wegman, "Universal classes of hash functions", 1979). In four lanes,
    /// because a multiplication waits for the one before.
    fn piece(self, text: &[u8]) -> Piece {
        /// What is surely less than the prime.
        const WORD: usize = 7;
        let mut lanes = [0; 4];
        for block in text.chunks(4 * WORD) {
            for (lane, word) in lanes.iter_mut().zip(block.chunks(WORD)) {
                let mut bytes = [0; 8];
                bytes[..word.len()].copy_from_slice(word);
                *lane = sum(product(*lane, self.0[0]), u64::from_le_bytes(bytes));
            }
        }
        [text.len() as u64, lanes[0], lanes[1], lanes[2], lanes[3]]
    }

    /// The hash of a row of pieces, of which `piece` is the next.
    fn add(self, hash: u64, piece: &Piece) -> u64 {
        piece.iter().fold(hash, |hash, number| sum(product(hash, self.0[1]), *number))
    }
}

fn product(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    sum(product as u64 & PRIME, (product >> 61) as u64)
}

fn sum(a: u64, b: u64) -> u64 {
    let sum = a + b;
    if sum >= PRIME { sum - PRIME } else { sum }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::lines;
    use proptest::prelude::*;

    const KEY: Key = Key([123_456_789_012_345, 987_654_321_098_765]);

    /// The lines that hold "key", or begin a block of two lines.
    fn places(text: &str) -> Vec<Range<usize>> {
        let mut places: Vec<Range<usize>> = Vec::new();
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let two = line == "two\n" && text[at + 4..].starts_with("lines\n");
            let end = at + line.len() + if two { 6 } else { 0 };
            if two || line.starts_with("key") {
                places.push(at..end);
            }
            at += line.len();
        }
        places
    }

    fn outline(text: &str) -> Outline {
        Outline::new(text.as_bytes(), &places(text), KEY)
    }

    #[test]
    fn what_both_begin_or_end_with_is_not_added() {
        let old = outline("a\nkey\nb\nc\nkey 2\nd\n");
        assert!(outline("a\nkey\nb\nchanged\nmore\nkey 2\nd\n").adds_nothing_to(&old));
        assert!(outline("a\nkey\nb\n").adds_nothing_to(&old));
        assert!(outline("a\n").adds_nothing_to(&old));
        assert!(!outline("a\nkey 3\nb\nc\nkey 2\nd\n").adds_nothing_to(&old));
        assert!(!outline("b\nkey\nb\nc\nkey 2\n").adds_nothing_to(&old));
        assert!(!outline("key\nkey\n").adds_nothing_to(&outline("key\n")), "one is not two");
        assert!(!outline("key").adds_nothing_to(&outline("key\n")));
    }

    #[test]
    fn a_hash_tells_texts_apart() {
        let texts = ["", "\0", "\0\0\0\0\0\0\0\0", "a", "aaaaaaa", "aaaaaaaa", "aaaaaaaaaaaaaab", "baaaaaaaaaaaaaa"];
        for a in texts {
            for b in texts {
                assert_eq!(KEY.piece(a.as_bytes()) == KEY.piece(b.as_bytes()), a == b, "{a:?} {b:?}");
            }
        }
        assert_eq!(product(PRIME - 1, PRIME - 1), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn no_line_that_git_shows_as_added_is_passed_over(
            lines in prop::collection::vec(prop::sample::select(vec!["key", "two", "lines", "}", "a", ""]), 0..14),
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, 1..5_usize), 0..4),
            ended in any::<bool>(),
        ) {
            let text = |lines: &[&str]| lines.join("\n") + if ended { "\n" } else { "" };
            let mut edited = lines.clone();
            for (at, what, many) in edits {
                let at = at.index(edited.len() + 1);
                let until = (at + many).min(edited.len());
                match what {
                    0 => edited.insert(at, ["key", "two", "lines", "}"][many - 1]),
                    1 => drop(edited.drain(at..until)),
                    _ => {
                        let copy = edited[at..until].to_vec();
                        drop(edited.splice(at..at, copy));
                    }
                }
            }
            let (old, new) = (text(&lines), text(&edited));
            if outline(&new).adds_nothing_to(&outline(&old)) {
                let starts: Vec<usize> = [0].into_iter().chain(new.match_indices('\n').map(|(at, _)| at + 1)).collect();
                let at = |line: u32| starts.get(line as usize).copied().unwrap_or(new.len());
                for hunk in lines::diff(old.as_bytes(), new.as_bytes()) {
                    let added = &new[at(hunk.head.start)..at(hunk.head.end)];
                    prop_assert!(places(added).is_empty(), "{:?} {:?} {:?}", old, new, added);
                }
            }
        }
    }
}
