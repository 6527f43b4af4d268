//! Byte offsets of a text as lines and columns.

use super::Place;

/// Columns up to here are counted in characters.
const MOST_COUNTED: usize = 2_000;

/// Where the lines of a text begin.
pub(super) struct Lines {
    starts: Vec<u32>,
}

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        let ends = memchr::memchr_iter(b'\n', text.as_bytes());
        let starts = ends.map(|end| u32::try_from(end + 1).unwrap_or(u32::MAX));
        Self { starts: std::iter::once(0).chain(starts).collect() }
    }

    /// Line and column in characters, both from 1.
    pub(super) fn at(&self, text: &str, offset: u32) -> (u32, u32) {
        let line = self.starts.partition_point(|start| *start <= offset).max(1) - 1;
        let start = self.starts.get(line).copied().unwrap_or(0) as usize;
        let mut end = (offset as usize).min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let before = text.get(start..end).unwrap_or_default();
        // A minified line is long, and no reader counts there: bytes do.
        let column = if before.len() > MOST_COUNTED { before.len() } else { before.chars().count() };
        (u32::try_from(line + 1).unwrap_or(u32::MAX), u32::try_from(column + 1).unwrap_or(u32::MAX))
    }

    pub(super) fn place(&self, file: &str, text: &str, start: u32, end: u32) -> Place {
        let (line, column) = self.at(text, start);
        let (end_line, end_column) = self.at(text, end.max(start));
        Place { file: file.to_string(), line, column, end_line, end_column }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let text = "a\nbäc\n";
        let lines = Lines::of(text);
        assert_eq!(lines.at(text, 0), (1, 1));
        assert_eq!(lines.at(text, 2), (2, 1));
        assert_eq!(lines.at(text, 5), (2, 3));
        assert_eq!(lines.at(text, 900), (3, 1));
    }
}
