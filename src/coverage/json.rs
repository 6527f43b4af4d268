//! Formats in JSON: Istanbul's two, coverage.py's, and llvm-cov's export.

use serde_json::{Map, Value};

use super::{Count, File, Format, ReadError, Report};

pub(super) fn read(bytes: &[u8]) -> Result<Report, ReadError> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| match error.is_eof() || error.is_syntax() {
        true => ReadError::Damaged { format: guess(bytes), line: Some(error.line()), message: error.to_string() },
        false => ReadError::Unknown,
    })?;
    let Value::Object(root) = value else { return Err(ReadError::Unknown) };
    if root.get("type").and_then(Value::as_str) == Some("llvm.coverage.json.export") {
        return llvm(&root);
    }
    if root.contains_key("meta") && root.get("files").is_some_and(Value::is_object) {
        return coverage_py(&root);
    }
    if root.values().next().is_some_and(|file| file.get("statementMap").is_some()) {
        return istanbul(&root);
    }
    if root.get("total").is_some_and(|total| total.get("lines").is_some()) {
        return istanbul_summary(&root);
    }
    if root.is_empty() {
        // Istanbul writes this when no file was loaded.
        return Ok(Report::default());
    }
    Err(ReadError::Unknown)
}

/// What a text that cannot be read was meant to be.
fn guess(bytes: &[u8]) -> Format {
    let head = &bytes[..bytes.len().min(4_096)];
    let holds = |word: &[u8]| head.windows(word.len()).any(|window| window == word);
    match () {
        () if holds(b"statementMap") => Format::IstanbulFinal,
        () if holds(b"segments") => Format::LlvmCov,
        () if holds(b"\"meta\"") => Format::CoveragePy,
        () => Format::IstanbulSummary,
    }
}

fn damaged(format: Format, message: impl Into<String>) -> ReadError {
    ReadError::Damaged { format, line: None, message: message.into() }
}

fn line(value: Option<&Value>) -> Option<u32> {
    value.and_then(Value::as_u64).and_then(|line| u32::try_from(line).ok())
}

/// A line is coverable when a statement begins on it, and covered when one of them ran: `istanbul-lib-coverage` counts
/// the same.
fn istanbul(root: &Map<String, Value>) -> Result<Report, ReadError> {
    let mut report = Report::default();
    for (key, value) in root {
        let wrong = || damaged(Format::IstanbulFinal, format!("`{key}` has no `statementMap` and `s`"));
        // Some versions wrap what was measured once more.
        let value = value.get("data").filter(|data| data.get("statementMap").is_some()).unwrap_or(value);
        let statements = value.get("statementMap").and_then(Value::as_object).ok_or_else(wrong)?;
        let hits = value.get("s").and_then(Value::as_object).ok_or_else(wrong)?;
        let path = value.get("path").and_then(Value::as_str).unwrap_or(key).replace('\\', "/");
        let file = report.file(&path);
        file.lines.get_or_insert_default();
        for (id, place) in statements {
            let Some(first) = line(place.pointer("/start/line")) else { continue };
            let covered = hits.get(id).and_then(Value::as_f64).is_some_and(|hits| hits > 0.0);
            file.line(first, covered);
        }
    }
    Ok(report)
}

fn istanbul_summary(root: &Map<String, Value>) -> Result<Report, ReadError> {
    let mut report = Report::default();
    for (path, value) in root.iter().filter(|(path, _)| *path != "total") {
        let number = |key: &str| value.pointer(&format!("/lines/{key}")).and_then(Value::as_u64);
        let (Some(coverable), Some(covered)) = (number("total"), number("covered")) else {
            return Err(damaged(Format::IstanbulSummary, format!("`{path}` has no `lines`")));
        };
        let count = Count { covered: covered.min(coverable), coverable };
        *report.file(&path.replace('\\', "/")) = File { lines: None, counted: Some(count) };
    }
    Ok(report)
}

fn coverage_py(root: &Map<String, Value>) -> Result<Report, ReadError> {
    let mut report = Report::default();
    for (path, value) in root.get("files").and_then(Value::as_object).into_iter().flatten() {
        let file = report.file(&path.replace('\\', "/"));
        file.lines.get_or_insert_default();
        for (key, covered) in [("executed_lines", true), ("missing_lines", false)] {
            let lines = value.get(key).and_then(Value::as_array);
            let lines = lines.ok_or_else(|| damaged(Format::CoveragePy, format!("`{path}` has no `{key}`")))?;
            lines.iter().filter_map(|number| line(Some(number))).for_each(|line| file.line(line, covered));
        }
    }
    Ok(report)
}

/// A segment: from here on, this count holds, if there is one.
struct Segment {
    line: u32,
    count: u64,
    counted: bool,
    entry: bool,
    gap: bool,
}

fn llvm(root: &Map<String, Value>) -> Result<Report, ReadError> {
    let mut report = Report::default();
    let data =
        root.get("data").and_then(Value::as_array).ok_or_else(|| damaged(Format::LlvmCov, "`data` is missing"))?;
    for value in data.iter().filter_map(|part| part.get("files").and_then(Value::as_array)).flatten() {
        let path = value.get("filename").and_then(Value::as_str);
        let path = path.ok_or_else(|| damaged(Format::LlvmCov, "a file without `filename`"))?;
        let segments: Vec<Segment> =
            value.get("segments").and_then(Value::as_array).into_iter().flatten().filter_map(segment).collect();
        let mut file = File::default();
        lines_of(&segments, &mut file);
        let number = |key: &str| value.pointer(&format!("/summary/lines/{key}")).and_then(Value::as_u64);
        if let (Some(coverable), Some(covered)) = (number("count"), number("covered")) {
            file.counted = Some(Count { covered: covered.min(coverable), coverable });
        }
        report.file(&path.replace('\\', "/")).merge(file);
    }
    Ok(report)
}

fn segment(value: &Value) -> Option<Segment> {
    let parts = value.as_array()?;
    let flag = |index: usize| parts.get(index).and_then(Value::as_bool).unwrap_or(false);
    Some(Segment {
        line: line(parts.first())?,
        count: parts.get(2)?.as_u64()?,
        counted: flag(3),
        entry: flag(4),
        gap: flag(5),
    })
}

/// The count of a line, as llvm's own `LineCoverageStats` takes it: the largest of the regions that begin on the line
/// and of the one that was open before it.
fn lines_of(segments: &[Segment], file: &mut File) {
    let Some(last) = segments.last().map(|segment| segment.line) else { return };
    let mut next = 0;
    let mut wrapped: Option<&Segment> = None;
    let mut line = segments[0].line;
    while line <= last {
        let begin = next;
        while segments.get(next).is_some_and(|segment| segment.line <= line) {
            next += 1;
        }
        let here = &segments[begin..next];
        let begins = |segment: &&Segment| !segment.gap && segment.counted && segment.entry;
        let skipped = here.first().is_some_and(|first| !first.counted && first.entry);
        let open = wrapped.filter(|segment| segment.counted);
        if !skipped && (open.is_some() || here.iter().any(|segment| begins(&segment))) {
            let count =
                here.iter().filter(begins).map(|segment| segment.count).chain(open.map(|segment| segment.count)).max();
            file.line(line, count.unwrap_or(0) > 0);
        }
        wrapped = here.last().or(wrapped);
        // Between two segments every line is like the one before: a gap of a million lines is the file's own.
        line = match wrapped {
            Some(segment) if !segment.counted => {
                segments.get(next).map_or(last + 1, |segment| segment.line).max(line + 1)
            }
            _ => line + 1,
        };
        if line.saturating_sub(segments[0].line) > super::MOST_LINES {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_may_be_a_word() {
        let text = br#"{"total": {"lines": {"total": 0, "covered": 0, "pct": "Unknown"}}, "/a.js": {"lines": {"total": 2, "covered": 1, "pct": 50}}}"#;
        assert_eq!(read(text).unwrap().total(), Count { covered: 1, coverable: 2 });
    }

    #[test]
    fn nesting_is_bounded() {
        let text = format!("{{\"a\": {}", "[".repeat(100_000));
        assert!(read(text.as_bytes()).is_err());
    }
}
