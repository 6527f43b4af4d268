//! A baseline: a JSON report of gitleaks, whose findings are known and not told again.
//!
//! A finding is known when it equals one of the report in everything that gitleaks compares: the rule and its
//! description, lines, columns, file, commit with author, address, date and message, entropy, and, unless secrets are
//! redacted, the match and the secret. The fingerprint, tags and link may differ.

use std::collections::HashMap;

use bstr::BStr;
use serde_json::{Map, Value};

use super::leak::Leak;

/// Findings that are known.
#[derive(Clone, Default)]
pub struct Baseline {
    /// By the hash-worthy part: rule, file, first line.
    known: HashMap<(String, String, u64), Vec<Known>>,
}

/// Why a file is no baseline. Never quotes the file: it is full of secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaselineError {
    /// Not JSON at all.
    #[error("{file}:{line}:{column}: the baseline is not JSON")]
    NotJson {
        /// As the caller named it.
        file: String,
        /// 1-based.
        line: usize,
        /// 1-based, in bytes.
        column: usize,
    },
    /// JSON, but no list of findings.
    #[error("{file}: the baseline is {found}, not a list of findings")]
    NoList {
        /// As the caller named it.
        file: String,
        /// What it is.
        found: &'static str,
    },
    /// A field has the wrong type.
    #[error("{file}: finding {index} of the baseline: {field} must be {wanted}")]
    WrongType {
        /// As the caller named it.
        file: String,
        /// 1-based.
        index: usize,
        /// The field, as gitleaks spells it.
        field: &'static str,
        /// The type that is wanted.
        wanted: &'static str,
    },
}

impl BaselineError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some("a baseline is a report in JSON: make one with `--report-format json --report-path baseline.json`".into())
    }
}

impl Baseline {
    /// Reads a report; `file` is what messages call it. Fields may be missing and in any case, and others are ignored.
    ///
    /// # Errors
    /// The text is no JSON, no list, or a field that is compared has the wrong type.
    pub fn parse(text: &[u8], file: &str) -> Result<Baseline, BaselineError> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let document: Value = serde_json::from_slice(text).map_err(|error| BaselineError::NotJson {
            file: file.into(),
            line: error.line(),
            column: error.column(),
        })?;
        let no_list = |found| Err(BaselineError::NoList { file: file.into(), found });
        let findings = match document {
            Value::Array(findings) => findings,
            Value::Null => Vec::new(),
            Value::Object(object) if object.contains_key("runs") => return no_list("a SARIF report"),
            Value::Object(_) => return no_list("one JSON object"),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => return no_list("a single value"),
        };
        let mut baseline = Baseline::default();
        for (index, finding) in findings.iter().enumerate() {
            let wrong =
                |(field, wanted)| BaselineError::WrongType { file: file.into(), index: index + 1, field, wanted };
            let object = match finding {
                Value::Object(object) => object,
                Value::Null => continue,
                _ => return Err(wrong(("it", "an object"))),
            };
            let (key, known) = Fields(object).read().map_err(wrong)?;
            baseline.known.entry(key).or_default().push(known);
        }
        Ok(baseline)
    }

    /// Whether the leak is known. `redacted` says that reports hide secrets: then match and secret are not compared.
    pub fn knows(&self, leak: &Leak, redacted: bool) -> bool {
        // The report is text: a path that is not UTF-8 equals none in it.
        let Ok(file) = std::str::from_utf8(&leak.file) else { return false };
        let key = (leak.rule.clone(), file.to_string(), leak.start_line as u64);
        self.known.get(&key).is_some_and(|known| known.iter().any(|known| known.equals(leak, redacted)))
    }

    /// How many findings are known.
    pub fn len(&self) -> usize {
        self.known.values().map(Vec::len).sum()
    }

    /// Whether none are known.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

/// The rest of what is compared. No `Debug`: it holds secrets.
#[derive(Clone)]
struct Known {
    description: String,
    end_line: u64,
    start_column: u64,
    end_column: u64,
    matched: String,
    secret: String,
    commit: String,
    author: String,
    email: String,
    date: String,
    message: String,
    entropy: f32,
}

impl Known {
    fn equals(&self, leak: &Leak, redacted: bool) -> bool {
        let same = |known: &str, found: &BStr| known.as_bytes() == &**found;
        let commit = leak.commit.as_deref();
        let text = |get: fn(&super::CommitInfo) -> &[u8]| BStr::new(commit.map_or(&b""[..], get));
        self.description == leak.description
            && self.end_line == leak.end_line as u64
            && self.start_column == leak.start_column as u64
            && self.end_column == leak.end_column as u64
            && (redacted
                || same(&self.matched, BStr::new(&leak.matched)) && same(&self.secret, BStr::new(&leak.secret)))
            && same(&self.commit, text(|commit| commit.id.as_bytes()))
            && same(&self.author, text(|commit| &commit.author))
            && same(&self.email, text(|commit| &commit.email))
            && same(&self.date, text(|commit| commit.date.as_bytes()))
            && same(&self.message, text(|commit| &commit.message))
            && self.entropy == leak.entropy
    }
}

/// One finding of a report. Go reads keys in any case and takes a missing one, or null, for zero.
struct Fields<'a>(&'a Map<String, Value>);

type Wrong = (&'static str, &'static str);

impl Fields<'_> {
    fn read(&self) -> Result<((String, String, u64), Known), Wrong> {
        let key = (self.text("RuleID")?, self.text("File")?, self.count("StartLine")?);
        let known = Known {
            description: self.text("Description")?,
            end_line: self.count("EndLine")?,
            start_column: self.count("StartColumn")?,
            end_column: self.count("EndColumn")?,
            matched: self.text("Match")?,
            secret: self.text("Secret")?,
            commit: self.text("Commit")?,
            author: self.text("Author")?,
            email: self.text("Email")?,
            date: self.text("Date")?,
            message: self.text("Message")?,
            entropy: match self.get("Entropy") {
                None => 0.0,
                Some(value) => value.as_f64().ok_or(("Entropy", "a number"))? as f32,
            },
        };
        Ok((key, known))
    }

    fn get(&self, field: &str) -> Option<&Value> {
        let exact = self.0.get(field);
        let any = || self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(field)).map(|(_, value)| value);
        exact.or_else(any).filter(|value| !value.is_null())
    }

    fn text(&self, field: &'static str) -> Result<String, Wrong> {
        match self.get(field) {
            None => Ok(String::new()),
            Some(value) => value.as_str().map(str::to_string).ok_or((field, "a string")),
        }
    }

    fn count(&self, field: &'static str) -> Result<u64, Wrong> {
        match self.get(field) {
            None => Ok(0),
            Some(value) => value.as_u64().ok_or((field, "a whole number")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::CommitInfo;
    use super::*;

    fn leak() -> Leak {
        let commit = CommitInfo { id: "c0ffee".into(), author: "A".into(), ..CommitInfo::default() };
        Leak {
            rule: "aws".into(),
            file: "a.txt".into(),
            start_line: 3,
            secret: "s3cret".into(),
            entropy: 4.121928,
            commit: Some(Arc::new(commit)),
            ..Leak::default()
        }
    }

    const REPORT: &str = r#"[{"RuleID":"aws","FILE":"a.txt","StartLine":3,"Secret":"s3cret","Entropy":4.121928,
        "Commit":"c0ffee","Author":"A","Tags":["x"],"Fingerprint":"other","Email":null}]"#;

    #[test]
    fn what_equals_a_finding_of_the_report_is_known() {
        let baseline = Baseline::parse(REPORT.as_bytes(), "base.json").unwrap();
        assert!(baseline.knows(&leak(), false));
        assert!(!baseline.knows(&Leak { secret: "other".into(), ..leak() }, false));
        assert!(baseline.knows(&Leak { secret: "other".into(), ..leak() }, true));
        assert!(!baseline.knows(&Leak { entropy: 4.2, ..leak() }, true));
        assert!(!baseline.knows(&Leak { end_line: 4, ..leak() }, false));
        assert!(!baseline.knows(&Leak { commit: None, ..leak() }, false));
        assert!(!baseline.knows(&Leak { file: vec![0xff].into(), ..leak() }, false));
        assert_eq!(baseline.len(), 1);
    }

    #[test]
    fn what_is_no_report_is_refused_without_quoting_it() {
        let refused = |text: &str| Baseline::parse(text.as_bytes(), "base.json").err().unwrap().to_string();
        assert_eq!(refused("RuleID,Commit\n"), "base.json:1:1: the baseline is not JSON");
        assert_eq!(refused(r#"{"runs":[]}"#), "base.json: the baseline is a SARIF report, not a list of findings");
        assert_eq!(
            refused(r#"[{}, {"Secret": {"s3cret": 1}}]"#),
            "base.json: finding 2 of the baseline: Secret must be a string"
        );
        assert_eq!(
            refused(r#"[{"StartLine": 1.5}]"#),
            "base.json: finding 1 of the baseline: StartLine must be a whole number"
        );
        assert!(Baseline::parse(b"null", "base.json").unwrap().is_empty());
    }
}
