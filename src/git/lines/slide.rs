//! Where a group of changed lines is shown, when it could as well be shown a line higher or lower.

use super::Side;

/// Slides each group of changed lines of `side` to the place where people would look for it. `None` from a step on the
/// other side cannot happen: the groups of both sides move in step.
pub(super) fn slide(side: &mut Side<'_>, other: &mut Side<'_>) {
    let mut group = Group::first(&side.changed);
    let mut twin = Group::first(&other.changed);
    loop {
        if !group.is_empty() {
            (group, twin) = settle(side, other, group, twin);
        }
        let (Some(next), Some(next_twin)) = (group.next(&side.changed), twin.next(&other.changed)) else { return };
        (group, twin) = (next, next_twin);
    }
}

/// A run of changed lines, possibly empty, between two unchanged ones. Both sides have equally many such runs.
#[derive(Clone, Copy)]
struct Group {
    start: usize,
    end: usize,
}

impl Group {
    fn first(changed: &[bool]) -> Group {
        Group { start: 0, end: end_of_run(changed, 0) }
    }

    fn next(self, changed: &[bool]) -> Option<Group> {
        let start = self.end + 1;
        (self.end < changed.len()).then(|| Group { start, end: end_of_run(changed, start) })
    }

    fn previous(self, changed: &[bool]) -> Option<Group> {
        let end = self.start.checked_sub(1)?;
        Some(Group { start: start_of_run(changed, end), end })
    }

    /// One line up, merging with a group it then touches.
    fn slide_up(self, side: &mut Side<'_>) -> Option<Group> {
        let Group { start, end } = self;
        if start == 0 || side.classes[start - 1] != side.classes[end - 1] {
            return None;
        }
        side.changed[start - 1] = true;
        side.changed[end - 1] = false;
        Some(Group { start: start_of_run(&side.changed, start - 1), end: end - 1 })
    }

    /// One line down, merging with a group it then touches.
    fn slide_down(self, side: &mut Side<'_>) -> Option<Group> {
        let Group { start, end } = self;
        if end == side.len() || side.classes[start] != side.classes[end] {
            return None;
        }
        side.changed[start] = false;
        side.changed[end] = true;
        Some(Group { start: start + 1, end: end_of_run(&side.changed, end + 1) })
    }

    fn is_empty(self) -> bool {
        self.start == self.end
    }
}

pub(super) fn end_of_run(changed: &[bool], from: usize) -> usize {
    (from..changed.len()).find(|&at| !changed[at]).unwrap_or(changed.len())
}

fn start_of_run(changed: &[bool], from: usize) -> usize {
    (0..from).rev().find(|&at| !changed[at]).map_or(0, |unchanged| unchanged + 1)
}

fn settle(side: &mut Side<'_>, other: &Side<'_>, mut group: Group, mut twin: Group) -> (Group, Group) {
    let (mut length, mut earliest_end, mut meets_other);
    loop {
        length = group.end - group.start;
        while let Some(higher) = group.slide_up(side) {
            group = higher;
            twin = twin.previous(&other.changed).unwrap_or(twin);
        }
        earliest_end = group.end;
        meets_other = !twin.is_empty();
        while let Some(lower) = group.slide_down(side) {
            group = lower;
            twin = twin.next(&other.changed).unwrap_or(twin);
            meets_other |= !twin.is_empty();
        }
        // It may have merged with a neighbour, and can then move further.
        if length == group.end - group.start {
            break;
        }
    }
    if group.end == earliest_end {
        return (group, twin);
    }
    let best_end = match meets_other {
        true => None,
        false => Some(best_end(side, group, earliest_end)),
    };
    loop {
        let settled = match best_end {
            None => !twin.is_empty(),
            Some(end) => group.end <= end,
        };
        if settled {
            return (group, twin);
        }
        let (Some(higher), Some(higher_twin)) = (group.slide_up(side), twin.previous(&other.changed)) else {
            return (group, twin);
        };
        (group, twin) = (higher, higher_twin);
    }
}

/// Among the places that a group can slide to, the one whose both ends look most like boundaries.
fn best_end(side: &Side<'_>, group: Group, earliest_end: usize) -> usize {
    /// Further up nobody would look, and measuring costs time.
    const FURTHEST: usize = 100;
    let length = group.end - group.start;
    let first = earliest_end.max(group.end.saturating_sub(length + 1)).max(group.end.saturating_sub(FURTHEST));
    let mut best = (first, None);
    for end in first..=group.end {
        let score = boundary_score(side, end).plus(boundary_score(side, end - length));
        if best.1.is_none_or(|best| score.is_no_worse_than(best)) {
            best = (end, Some(score));
        }
    }
    best.0
}

/// How unlike a boundary a place between two lines looks: less is better.
#[derive(Clone, Copy)]
struct Score {
    indent: i32,
    penalty: i32,
}

impl Score {
    fn plus(self, other: Score) -> Score {
        Score { indent: self.indent + other.indent, penalty: self.penalty + other.penalty }
    }

    fn is_no_worse_than(self, other: Score) -> bool {
        const INDENT_WEIGHT: i32 = 60;
        let indents = (self.indent - other.indent).signum();
        INDENT_WEIGHT * indents + (self.penalty - other.penalty) <= 0
    }
}

/// The score of the place before line `at`. The weights are git's, fitted by its authors to a corpus of diffs that
/// people had judged (git 2.11, `diff.indentHeuristic`).
fn boundary_score(side: &Side<'_>, at: usize) -> Score {
    const START_OF_FILE: i32 = 1;
    const END_OF_FILE: i32 = 21;
    const EACH_BLANK: i32 = -30;
    const EACH_BLANK_AFTER: i32 = 6;
    // (without blank lines around, with blank lines)
    const DEEPER: (i32, i32) = (-4, 10);
    const SHALLOWER_BEFORE_DEEPER: (i32, i32) = (24, 17);
    const SHALLOWER: (i32, i32) = (23, 17);

    let here = side.lines.get(at).and_then(|line| indent(line));
    let (blanks_before, before) = nearest_text(side.lines[..at].iter().rev());
    let (blanks_below, after) = nearest_text(side.lines.iter().skip(at + 1));
    // The end of the file counts as a blank line.
    let blanks_after = if here.is_none() { 1 + blanks_below } else { 0 };
    let blanks = blanks_before + blanks_after;

    let mut penalty = EACH_BLANK * blanks + EACH_BLANK_AFTER * blanks_after;
    if before.is_none() && blanks_before == 0 {
        penalty += START_OF_FILE;
    }
    if at >= side.len() {
        penalty += END_OF_FILE;
    }
    let indent = here.or(after);
    if let (Some(indent), Some(before)) = (indent, before) {
        let (plain, with_blanks) = match indent.cmp(&before) {
            std::cmp::Ordering::Greater => DEEPER,
            std::cmp::Ordering::Equal => (0, 0),
            std::cmp::Ordering::Less if after.is_some_and(|after| after > indent) => SHALLOWER_BEFORE_DEEPER,
            std::cmp::Ordering::Less => SHALLOWER,
        };
        penalty += if blanks != 0 { with_blanks } else { plain };
    }
    Score { indent: indent.unwrap_or(-1), penalty }
}

/// How many blank lines come first, and the indent of the first line that is not blank.
fn nearest_text<'a>(lines: impl Iterator<Item = &'a &'a [u8]>) -> (i32, Option<i32>) {
    const MOST_BLANKS: i32 = 20;
    let mut blanks = 0;
    for line in lines {
        if let Some(indent) = indent(line) {
            return (blanks, Some(indent));
        }
        blanks += 1;
        if blanks == MOST_BLANKS {
            return (blanks, Some(0));
        }
    }
    (blanks, None)
}

/// The indent in columns, tabs at every eighth; `None` for a blank line.
fn indent(line: &[u8]) -> Option<i32> {
    const DEEPEST: i32 = 200;
    let mut columns = 0;
    for byte in line {
        match byte {
            b' ' => columns += 1,
            b'\t' => columns += 8 - columns % 8,
            b'\n' | b'\r' => {}
            _ => return Some(columns),
        }
        if columns >= DEEPEST {
            return Some(DEEPEST);
        }
    }
    None
}
