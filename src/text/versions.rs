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

    proptest! {
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
