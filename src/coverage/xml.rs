//! Formats in XML: Cobertura and JaCoCo. One pass over events; nothing outside of the text is read.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::{Count, Format, ReadError, Report};

/// Neither format nests deeper than twenty.
const DEEPEST: usize = 100;

pub(super) fn read(bytes: &[u8]) -> Result<Report, ReadError> {
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader::from_str(&text);
    let mut walk: Option<Walk> = None;
    let mut depth = 0_usize;
    loop {
        let place = reader.buffer_position() as usize;
        let line = || Some(text.as_bytes()[..place.min(text.len())].iter().filter(|&&byte| byte == b'\n').count() + 1);
        let format = walk.as_ref().map(|walk| walk.format);
        let damaged = |message: String| match format {
            Some(format) => ReadError::Damaged { format, line: line(), message },
            None => ReadError::Unknown,
        };
        match reader.read_event().map_err(|error| damaged(error.to_string()))? {
            Event::Start(element) => {
                depth += 1;
                if depth > DEEPEST {
                    return Err(damaged(format!("nested deeper than {DEEPEST}")));
                }
                match &mut walk {
                    None => walk = Some(Walk::begin(&element)?),
                    Some(walk) => walk.open(&element).map_err(damaged)?,
                }
            }
            Event::Empty(element) => {
                if walk.is_none() {
                    walk = Some(Walk::begin(&element)?);
                } else if let Some(walk) = &mut walk {
                    walk.open(&element).map_err(damaged)?;
                    walk.close(element.name().as_ref());
                }
            }
            Event::Text(content) => {
                if let Some(walk) = walk.as_mut().filter(|walk| walk.in_source) {
                    let path = content.trim().to_string();
                    if !path.is_empty() && walk.report.sources.len() < 1_000 {
                        walk.report.sources.push(path);
                    }
                }
            }
            Event::End(element) => {
                depth = depth.saturating_sub(1);
                if let Some(walk) = &mut walk {
                    walk.close(element.name().as_ref());
                }
            }
            Event::Eof => {
                if depth > 0 {
                    return Err(damaged("it ends in the middle".into()));
                }
                return walk.map(|walk| walk.report).ok_or(ReadError::Unknown);
            }
            _ => {}
        }
    }
}

struct Walk {
    format: Format,
    report: Report,
    package: String,
    /// The file that lines belong to.
    file: Option<String>,
    in_source: bool,
}

impl Walk {
    fn begin(root: &BytesStart<'_>) -> Result<Walk, ReadError> {
        let format = match root.name().as_ref() {
            // Clover's root has the same name and another content.
            "coverage" if attribute(root, "clover").is_none() => Format::Cobertura,
            "report" => Format::Jacoco,
            _ => return Err(ReadError::Unknown),
        };
        Ok(Walk { format, report: Report::default(), package: String::new(), file: None, in_source: false })
    }

    fn open(&mut self, element: &BytesStart<'_>) -> Result<(), String> {
        match (self.format, element.name().as_ref()) {
            (Format::Cobertura, "source") => self.in_source = true,
            (Format::Cobertura, "class") => {
                let name = attribute(element, "filename").ok_or("a class without `filename`")?.replace('\\', "/");
                self.report.file(&name).lines.get_or_insert_default();
                self.file = Some(name);
            }
            (Format::Cobertura, "line") => {
                let Some(name) = &self.file else { return Ok(()) };
                let number = number(element, "number").ok_or("a line without `number`")?;
                let hits = attribute(element, "hits").ok_or("a line without `hits`")?;
                let covered = hits.trim().parse::<f64>().map_err(|_| "`hits` is no number")? > 0.0;
                self.report.file(name).line(u32::try_from(number).unwrap_or(0), covered);
            }
            (Format::Jacoco, "package") => self.package = attribute(element, "name").unwrap_or_default(),
            (Format::Jacoco, "sourcefile") => {
                let name = attribute(element, "name").ok_or("a source file without `name`")?;
                let path = if self.package.is_empty() { name } else { format!("{}/{name}", self.package) };
                self.report.file(&path);
                self.file = Some(path);
            }
            (Format::Jacoco, "line") => {
                let Some(name) = &self.file else { return Ok(()) };
                // Some writers leave the counts of instructions out: then a line says nothing.
                let (missed, covered) = (number(element, "mi"), number(element, "ci"));
                if missed.is_none() && covered.is_none() {
                    return Ok(());
                }
                let line = number(element, "nr").ok_or("a line without `nr`")?;
                self.report.file(name).line(u32::try_from(line).unwrap_or(0), covered.unwrap_or(0) > 0);
            }
            (Format::Jacoco, "counter") if attribute(element, "type").as_deref() == Some("LINE") => {
                let Some(name) = &self.file else { return Ok(()) };
                let missed = number(element, "missed").ok_or("a counter without `missed`")?;
                let covered = number(element, "covered").ok_or("a counter without `covered`")?;
                let count = Count { covered, coverable: covered.saturating_add(missed) };
                self.report.file(name).counted.get_or_insert_default().add(count);
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, name: &str) {
        match (self.format, name) {
            (Format::Cobertura, "source") => self.in_source = false,
            (Format::Cobertura, "class") | (Format::Jacoco, "sourcefile") => self.file = None,
            (Format::Jacoco, "package") => self.package.clear(),
            _ => {}
        }
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute =
        element.attributes().with_checks(false).flatten().find(|attribute| attribute.key.as_ref() == name)?;
    let raw = attribute.value.to_string();
    Some(quick_xml::escape::unescape(&raw).map(|text| text.into_owned()).unwrap_or(raw))
}

fn number(element: &BytesStart<'_>, name: &str) -> Option<u64> {
    attribute(element, name)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_type_is_not_fetched_and_entities_are_not_expanded() {
        let text = br#"<!DOCTYPE coverage [<!ENTITY a "&b;&b;"><!ENTITY b "x">]><coverage><packages><package><classes><class filename="a&amp;b.py"><lines><line number="1" hits="1"/></lines></class></classes></package></packages></coverage>"#;
        let report = read(text).unwrap();
        assert_eq!(report.files.keys().collect::<Vec<_>>(), ["a&b.py"]);
    }

    #[test]
    fn depth_is_bounded() {
        let text = format!("<coverage>{}", "<a>".repeat(100_000));
        assert!(read(text.as_bytes()).is_err());
    }
}
