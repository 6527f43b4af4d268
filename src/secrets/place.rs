//! Where a match stands: as gitleaks counts, and truly.

use super::leak::Span;

/// A place as gitleaks reports it. Lines from 0 within the fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) start_line: usize,
    pub(super) end_line: usize,
    pub(super) start_column: usize,
    pub(super) end_column: usize,
    /// The lines of the match, with the newline before them after the first line.
    pub(super) line_start: usize,
    pub(super) line_end: usize,
}

/// The newlines of a fragment, looked for when the first match needs them.
#[derive(Debug, Default)]
pub(super) struct Lines {
    known: bool,
    newlines: Vec<usize>,
    /// A line, a place in it and its column: the next match on the same line counts on from there.
    last: (usize, usize, usize),
}

impl Lines {
    /// Makes ready for another text.
    pub(super) fn forget(&mut self) {
        self.known = false;
        self.newlines.clear();
        self.newlines.shrink_to(1 << 16);
        self.last = (0, 0, 0);
    }

    fn of(&mut self, text: &[u8]) -> &[usize] {
        if !self.known {
            self.newlines.extend(memchr::memchr_iter(b'\n', text));
            self.known = true;
        }
        &self.newlines
    }

    /// The place of `start..end` by gitleaks' rules: see the design's notes on columns. A text without newlines is
    /// one line; with newlines, what stands behind the last one belongs to no line and is counted from it.
    pub(super) fn place(&mut self, text: &[u8], start: usize, end: usize) -> Place {
        let length = text.len();
        let whole = [length];
        let newlines = match self.of(text) {
            [] => &whole[..],
            newlines => newlines,
        };
        let before = |line: usize| line.checked_sub(1).map_or(0, |line| newlines[line]);
        let line = newlines.partition_point(|newline| *newline <= start);
        let mut place =
            Place { start_line: 0, end_line: 0, start_column: 0, end_column: 0, line_start: 0, line_end: 0 };
        if line < newlines.len() {
            place.start_line = line;
            place.end_line = line;
            place.start_column = start - before(line) + 1;
            place.line_start = before(line);
            place.line_end = newlines[line];
        }
        let last = newlines.partition_point(|newline| *newline < end);
        if last < newlines.len() && end > before(last) {
            place.end_line = last;
            place.end_column = end - before(last);
            place.line_end = newlines[last];
        }
        if line >= newlines.len() {
            let before = before(newlines.len());
            place.start_column = start - before + 1;
            place.end_column = end.saturating_sub(before);
            place.start_line = newlines.len();
            place.end_line = newlines.len();
            let rest = &text[end.min(length)..];
            place.line_end = end + memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        }
        place.line_end = place.line_end.max(end).min(length);
        place.line_start = place.line_start.min(place.line_end);
        place
    }

    /// The true place of `start..end` in a file where `lines_before` lines stand before the text.
    pub(super) fn span(&mut self, text: &[u8], start: usize, end: usize, lines_before: usize) -> Span {
        let (start_line, start_column) = self.point(text, start);
        let (end_line, end_column) = self.point(text, end.max(start));
        let first = lines_before + 1;
        Span { start_line: first + start_line, start_column, end_line: first + end_line, end_column }
    }

    /// Line from 0 and column from 1 of the byte at `at`.
    fn point(&mut self, text: &[u8], at: usize) -> (usize, usize) {
        let newlines = self.of(text);
        let line = newlines.partition_point(|newline| *newline < at);
        let start = line.checked_sub(1).map_or(0, |line| newlines[line] + 1);
        let (known_line, known, column) = self.last;
        let (from, column) = if known_line == line && start <= known && known <= at && column > 0 {
            (known, column)
        } else {
            (start, 1)
        };
        let column = column + text[from..at].iter().filter(|byte| **byte & 0xc0 != 0x80).count();
        self.last = (line, at, column);
        (line, column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_one_too_large_after_the_first_line() {
        let text = b"key=abc\nkey=abc\nend";
        let mut lines = Lines::default();
        let first = lines.place(text, 4, 7);
        assert_eq!((first.start_line, first.start_column, first.end_column), (0, 5, 7));
        let second = lines.place(text, 12, 15);
        assert_eq!((second.start_line, second.start_column, second.end_column), (1, 6, 8));
        assert_eq!(&text[second.line_start..second.line_end], b"\nkey=abc");
        let span = lines.span(text, 12, 15, 10);
        assert_eq!((span.start_line, span.start_column, span.end_line, span.end_column), (12, 5, 12, 8));
    }

    #[test]
    fn the_last_line_without_a_newline_has_its_own_arithmetic() {
        let text = b"a\nkey=abc";
        let mut lines = Lines::default();
        let place = lines.place(text, 6, 9);
        assert_eq!((place.start_line, place.start_column, place.end_column), (1, 6, 8));
        assert_eq!(&text[place.line_start..place.line_end], b"a\nkey=abc", "it begins where the text does");
        let across = lines.place(text, 0, 9);
        assert_eq!((across.end_line, across.end_column), (0, 0), "an end behind the last newline is lost");
    }

    #[test]
    fn true_columns_are_characters() {
        let text = "ä→key".as_bytes();
        let span = Lines::default().span(text, 5, 8, 0);
        assert_eq!((span.start_column, span.end_column), (3, 6));
    }
}
