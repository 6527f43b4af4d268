//! What two versions of a text have in common at their ends, found at the speed of memory.

use std::ops::Range;

/// The lines of two versions between those that both begin with and those that both end with: where they stand in each.
/// Both are empty when the versions are equal.
pub(crate) fn between(old: &[u8], new: &[u8]) -> (Range<usize>, Range<usize>) {
    let head = common_head(old, new);
    if head == old.len() && head == new.len() {
        return (head..head, head..head);
    }
    let start = line_start(&new[..head]);
    let tail = common_tail(&old[start..], &new[start..]);
    let (old_end, end) = (old.len() - tail, new.len() - tail);
    let begins_line = |text: &[u8], at: usize| at == start || text[at - 1] == b'\n';
    match begins_line(new, end) && begins_line(old, old_end) {
        true => (start..old_end, start..end),
        false => (start..line_end(old, old_end), start..line_end(new, end)),
    }
}

/// One run of lines that one version has where the other has another one: where it stands in each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) old: Range<usize>,
    pub(crate) new: Range<usize>,
}

/// The lines in which two versions differ, in order and apart: all else is equal. Found quickly rather than exactly: a
/// change may be told as a larger one.
pub(crate) fn changes(old: &[u8], new: &[u8]) -> Vec<Change> {
    let (in_old, in_new) = between(old, new);
    let mut changes = Vec::new();
    let (mut at, mut new_at) = (in_old.start, in_new.start);
    // How much may be searched.
    let mut patience = 4 * old.len() + (1 << 16);
    while (at, new_at) != (in_old.end, in_new.end) {
        let (from, new_from) = (at, new_at);
        let met = meet(old, at..in_old.end, new, new_at..in_new.end, &mut patience);
        (at, new_at) = met.unwrap_or((in_old.end, in_new.end));
        changes.push(Change { old: from..at, new: new_from..new_at });
        let head = common_head(&old[at..in_old.end], &new[new_at..in_new.end]);
        let equal = match at + head == in_old.end && new_at + head == in_new.end {
            true => head,
            false => line_start(&new[new_at..new_at + head]),
        };
        (at, new_at) = (at + equal, new_at + equal);
    }
    changes
}

/// Where two versions go on alike that differ at the beginning of the given ranges, if that is not far away.
fn meet(
    old: &[u8],
    in_old: Range<usize>,
    new: &[u8],
    in_new: Range<usize>,
    patience: &mut usize,
) -> Option<(usize, usize)> {
    /// So many equal bytes are no accident.
    const ENOUGH: usize = 40;
    /// In bytes of the old version, and in lines of the new one. Looking farther costs more than the lines are worth.
    const FAR: usize = 1 << 14;
    const LINES: usize = 128;
    let window = &old[in_old.start..in_old.end.min(in_old.start + FAR)];
    let mut start = in_new.start;
    let mut lines = 0;
    while start + ENOUGH <= in_new.end && lines < LINES && *patience >= window.len() {
        *patience -= window.len();
        let begins_line = |at: &usize| *at == 0 || window[at - 1] == b'\n';
        let found = memchr::memmem::find(window, &new[start..start + ENOUGH]).filter(begins_line);
        if let Some(found) = found.filter(|found| (*found, start) != (0, in_new.start)) {
            return Some((in_old.start + found, start));
        }
        // The longer it takes, the less the next line tells.
        let step = 1 + lines / 4;
        lines += step;
        for _ in 0..step {
            start = line_end(new, start);
        }
    }
    None
}

/// Behind the last line end of `text`: where its last line begins.
pub(crate) fn line_start(text: &[u8]) -> usize {
    memchr::memrchr(b'\n', text).map_or(0, |newline| newline + 1)
}

/// Behind the line end at `from` or later.
pub(crate) fn line_end(text: &[u8], from: usize) -> usize {
    memchr::memchr(b'\n', &text[from..]).map_or(text.len(), |newline| from + newline + 1)
}

/// Compared at once: most of two versions is equal.
const STEP: usize = 256;

/// How many bytes both begin with.
fn common_head(a: &[u8], b: &[u8]) -> usize {
    let steps = a.chunks_exact(STEP).zip(b.chunks_exact(STEP)).take_while(|(a, b)| a == b).count() * STEP;
    steps + a[steps..].iter().zip(&b[steps..]).take_while(|(a, b)| a == b).count()
}

/// How many bytes both end with.
fn common_tail(a: &[u8], b: &[u8]) -> usize {
    let steps = a.rchunks_exact(STEP).zip(b.rchunks_exact(STEP)).take_while(|(a, b)| a == b).count() * STEP;
    let (a, b) = (&a[..a.len() - steps], &b[..b.len() - steps]);
    steps + a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_between_is_made_of_whole_lines() {
        assert_eq!(between(b"a\nb\nc\n", b"a\nx\nyy\nc\n"), (2..4, 2..7));
        assert_eq!(between(b"a\nb\nc\n", b"a\nc\n"), (2..4, 2..2));
        assert_eq!(between(b"ab\n", b"b\n"), (0..3, 0..2));
        assert_eq!(between(b"a\n", b"a"), (0..2, 0..1));
        assert_eq!(between(b"same", b"same"), (4..4, 4..4));
        assert_eq!(between(b"", b"x\n"), (0..0, 0..2));
        let (old, new) = ("x\n".repeat(1_000) + "old\n" + &"y\n".repeat(999), "x\n".repeat(1_000) + &"y\n".repeat(999));
        assert_eq!(between(old.as_bytes(), new.as_bytes()), (2_000..2_004, 2_000..2_000));
    }

    #[test]
    fn changes_far_from_one_another_are_told_apart() {
        let line = |number: usize| format!("this is line number {number} of the text\n");
        let old: String = (0..400).map(line).collect();
        let new: String = (0..400)
            .map(|number| match number {
                10 => "another line\n".to_string(),
                200..220 => String::new(),
                300 => (1_000..1_100).map(line).collect(),
                number => line(number),
            })
            .collect();
        let changes = changes(old.as_bytes(), new.as_bytes());
        let told: Vec<(usize, usize)> = changes
            .iter()
            .map(|change| (old[change.old.clone()].lines().count(), new[change.new.clone()].lines().count()))
            .collect();
        assert_eq!(told[..2], [(1, 1), (20, 0)]);
        assert!(told.len() == 3 && (1..30).contains(&told[2].0) && (100..130).contains(&told[2].1), "{told:?}");
    }

    proptest! {
        #[test]
        fn what_is_not_told_as_changed_is_equal(
            old in prop::collection::vec("[ab]{0,2}|[a-z]{40,60}", 0..30),
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0..3_u8, "[ab]{0,2}|[a-z]{40,60}"), 0..6),
            ended in any::<bool>(),
        ) {
            let text = |lines: &[String]| lines.join("\n") + if ended { "\n" } else { "" };
            let mut new = old.clone();
            for (at, what, line) in edits {
                let at = at.index(new.len() + 1);
                match what {
                    0 => new.insert(at, line),
                    1 if at < new.len() => new[at] = line,
                    2 if at < new.len() => drop(new.remove(at)),
                    _ => {}
                }
            }
            let (old, new) = (text(&old), text(&new));
            let (mut at, mut new_at) = (0, 0);
            for change in changes(old.as_bytes(), new.as_bytes()) {
                prop_assert_eq!(&old[at..change.old.start], &new[new_at..change.new.start]);
                (at, new_at) = (change.old.end, change.new.end);
                for (text, range) in [(&old, &change.old), (&new, &change.new)] {
                    let begins_line = |at: usize| at == 0 || at == text.len() || text.as_bytes()[at - 1] == b'\n';
                    prop_assert!(begins_line(range.start) && begins_line(range.end), "{:?}", change);
                }
            }
            prop_assert_eq!(&old[at..], &new[new_at..]);
        }

        #[test]
        fn the_ends_are_the_same_lines(old in "[ab\n]{0,12}", new in "[ab\n]{0,12}") {
            let (old, new) = (old.as_bytes(), new.as_bytes());
            let (in_old, in_new) = between(old, new);
            prop_assert_eq!(&old[..in_old.start], &new[..in_new.start]);
            prop_assert_eq!(&old[in_old.end..], &new[in_new.end..]);
            for (text, range) in [(old, in_old), (new, in_new)] {
                let begins_line = |at: usize| at == 0 || at == text.len() || text[at - 1] == b'\n';
                prop_assert!(begins_line(range.start) && begins_line(range.end));
            }
        }
    }
}
