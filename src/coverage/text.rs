//! Formats of lines: lcov's tracefile (`man geninfo`) and Go's cover profile (`go doc cmd/cover`).

use std::borrow::Cow;

use super::{Count, File, Format, ReadError, Report};

/// Lines that a block of Go may span; one that claims more is damaged.
const LONGEST_BLOCK: u32 = 100_000;

pub(super) fn lcov(bytes: &[u8]) -> Result<Report, ReadError> {
    let mut report = Report::default();
    let mut name: Option<String> = None;
    for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let damaged =
            |message: &str| ReadError::Damaged { format: Format::Lcov, line: Some(index + 1), message: message.into() };
        if let Some(path) = line.strip_prefix(b"SF:") {
            let path = String::from_utf8_lossy(path).trim().to_string();
            // A file without a line that could be covered was measured all the same.
            report.file(&path).lines.get_or_insert_default();
            name = Some(path);
        } else if let Some(rest) = line.strip_prefix(b"DA:") {
            let rest = String::from_utf8_lossy(rest);
            let mut parts = rest.split(',');
            let number = parts.next().and_then(|number| number.trim().parse().ok());
            let hits = parts.next().map(str::trim);
            let (Some(number), Some(hits)) = (number, hits) else {
                return Err(damaged("`DA` wants a line and a count"));
            };
            let name = name.as_ref().ok_or_else(|| damaged("`DA` stands before any `SF`"))?;
            // Counts may be beyond 64 bits, or fractions; all that matters is whether there is one.
            let covered = hits.parse::<f64>().is_ok_and(|hits| hits > 0.0);
            report.file(name).line(number, covered);
        } else if line == b"end_of_record" {
            name = None;
        }
    }
    if name.is_some()
        && !bytes.is_empty()
        && report.files.len() == 1
        && !bytes.windows(13).any(|window| window == b"end_of_record")
    {
        let message = "the last record has no end".to_string();
        return Err(ReadError::Damaged { format: Format::Lcov, line: None, message });
    }
    Ok(report)
}

/// `FILE:LINE.COLUMN,LINE.COLUMN STATEMENTS COUNT`. Percentages are of statements; lines are those that blocks touch.
pub(super) fn go(bytes: &[u8]) -> Result<Report, ReadError> {
    let text: Cow<'_, str> = String::from_utf8_lossy(bytes);
    let mut report = Report::default();
    // A block may stand several times, once per package under test.
    let mut blocks: std::collections::BTreeMap<(&str, &str), (u64, bool)> = std::collections::BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with("mode:") {
            continue;
        }
        let damaged = || ReadError::Damaged {
            format: Format::GoCover,
            line: Some(index + 1),
            message: "a block is `file:line.column,line.column statements count`".into(),
        };
        let (rest, count) = line.rsplit_once(' ').ok_or_else(damaged)?;
        let (place, statements) = rest.rsplit_once(' ').ok_or_else(damaged)?;
        let (file, range) = place.rsplit_once(':').ok_or_else(damaged)?;
        let statements: u64 = statements.parse().map_err(|_| damaged())?;
        let covered = count.parse::<u64>().map_err(|_| damaged())? > 0;
        lines_of(range).ok_or_else(damaged)?;
        let block = blocks.entry((file, range)).or_insert((statements, false));
        block.1 |= covered;
    }
    for ((name, range), (statements, covered)) in blocks {
        let file: &mut File = report.file(name);
        let counted = file.counted.get_or_insert_default();
        counted.add(Count { covered: if covered { statements } else { 0 }, coverable: statements });
        if let Some((first, last)) = lines_of(range) {
            (first..=last).for_each(|line| file.line(line, covered));
        }
    }
    Ok(report)
}

fn lines_of(range: &str) -> Option<(u32, u32)> {
    let (start, end) = range.split_once(',')?;
    let line = |place: &str| place.split_once('.')?.0.parse::<u32>().ok();
    let (first, last) = (line(start)?, line(end)?);
    (first >= 1 && last >= first && last - first < LONGEST_BLOCK).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_two_packages_ran_counts_once() {
        let report = go(b"mode: set\nm/a.go:1.2,3.4 2 0\nm/a.go:1.2,3.4 2 1\n").unwrap();
        assert_eq!(report.total(), Count { covered: 2, coverable: 2 });
    }

    #[test]
    fn damage_says_where() {
        let error = go(b"mode: set\nm/a.go:1.2 2 0\n").unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
        assert!(lcov(b"DA:1,1\n").is_err());
        assert!(lcov(b"SF:a\nDA:x\n").is_err());
        assert!(go(b"mode: set\na:1.1,4294967295.1 1 1\n").is_err());
    }
}
