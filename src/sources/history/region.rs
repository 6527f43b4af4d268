//! Where in a new version of a text lines can be shown as added, found without comparing line by line.
//!
//! `git diff` sets the lines aside that both versions begin and end with, compares what is between, and then may slide a
//! group of added lines up or down as long as the line that it takes in equals the one that it leaves. So added lines
//! stand between the common ends, or beyond them where a line repeats one that stands there.

use std::ops::Range;

use crate::text::versions::{between, line_end, line_start};

/// More repeated lines than this, and the whole text is taken.
const MOST_REPEATED: usize = 64;

/// A run of whole lines of `new` that holds every line which any of git's algorithms that set equal ends aside shows as
/// added since `old`. Empty where nothing can have been added.
pub(super) fn touched(old: &[u8], new: &[u8]) -> Range<usize> {
    let (_, mut region) = between(old, new);
    if region.is_empty() {
        return region;
    }
    for _ in 0..MOST_REPEATED {
        let inside = &new[region.clone()];
        let repeats = |line: &[u8]| memchr::memmem::find(inside, line).is_some();
        let before = &new[..region.start];
        let line_before = before.split_last().map_or(0, |(_, rest)| line_start(rest));
        let line_behind = line_end(new, region.end);
        let up = region.start > 0 && repeats(&new[line_before..region.start]);
        let down = region.end < new.len() && repeats(&new[region.end..line_behind]);
        match (up, down) {
            (false, false) => return region,
            _ => {
                region.start = if up { line_before } else { region.start };
                region.end = if down { line_behind } else { region.end };
            }
        }
    }
    0..new.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::lines;
    use proptest::prelude::*;

    #[test]
    fn only_what_stands_between_the_common_ends_counts() {
        assert_eq!(touched(b"a\nb\nc\n", b"a\nx\nc\n"), 2..4);
        assert_eq!(touched(b"a\nb\nc\n", b"a\nc\n"), 2..2);
        assert_eq!(touched(b"ab\n", b"b\n"), 0..2);
        assert_eq!(touched(b"a\n", b"a"), 0..1);
        assert_eq!(touched(b"same", b"same"), 4..4);
        assert_eq!(touched(b"", b"x\n"), 0..2);
    }

    #[test]
    fn lines_that_repeat_may_be_slid_over() {
        assert_eq!(touched(b"a\n}\nb\n", b"a\n}\nnew\n}\nb\n"), 2..10);
        let many = "x\n".repeat(100);
        assert_eq!(touched(many.as_bytes(), &many.as_bytes()[2..]), 198..198);
        assert_eq!(touched(&many.as_bytes()[2..], many.as_bytes()), 0..200);
    }

    proptest! {
        #[test]
        fn every_line_that_git_shows_as_added_is_inside(
            lines in prop::collection::vec("[ab}]{0,2}", 0..24),
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0..3_u8, "[ab}]{0,2}"), 0..5),
            ended in any::<bool>(),
        ) {
            let text = |lines: &[String]| {
                let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
                if ended { text } else { text.trim_end_matches('\n').to_string() }
            };
            let old = text(&lines);
            let mut edited = lines.clone();
            for (at, what, line) in edits {
                let at = at.index(edited.len() + 1);
                match what {
                    0 => edited.insert(at, line),
                    1 if at < edited.len() => edited[at] = line,
                    2 if at < edited.len() => drop(edited.remove(at)),
                    _ => {}
                }
            }
            let new = text(&edited);
            let region = touched(old.as_bytes(), new.as_bytes());
            let starts: Vec<usize> =
                [0].into_iter().chain(new.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1)).collect();
            for hunk in lines::diff(old.as_bytes(), new.as_bytes()) {
                let end = starts.get(hunk.head.end as usize).copied().unwrap_or(new.len());
                let start = starts.get(hunk.head.start as usize).copied().unwrap_or(new.len());
                prop_assert!(start == end || region.start <= start && end <= region.end, "{:?} {:?} {:?} {:?}", region, hunk, old, new);
            }
        }
    }
}
