//! JUnit XML as Go writes it; the finding stands as JSON in the failure.
//!
//! <https://pkg.go.dev/encoding/xml>

use super::super::leak::Leak;
use super::json::{self, Html, Writer};

/// The report that `--report-format junit` asks for. No newline at its end.
pub fn report(leaks: &[Leak]) -> Vec<u8> {
    let count = leaks.len();
    let mut out = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n\t<testsuite".to_vec();
    attribute(&mut out, "failures", count.to_string().as_bytes());
    attribute(&mut out, "name", b"gitleaks");
    attribute(&mut out, "tests", count.to_string().as_bytes());
    attribute(&mut out, "time", b"");
    out.push(b'>');
    for leak in leaks {
        let message = message(leak);
        out.extend_from_slice(b"\n\t\t<testcase");
        attribute(&mut out, "classname", leak.description.as_bytes());
        attribute(&mut out, "file", &leak.file);
        attribute(&mut out, "name", &message);
        attribute(&mut out, "time", b"");
        out.extend_from_slice(b">\n\t\t\t<failure");
        attribute(&mut out, "message", &message);
        attribute(&mut out, "type", leak.description.as_bytes());
        out.push(b'>');
        let mut json = Writer::new(Some("\t"), Html::Escaped);
        json::finding(&mut json, leak);
        escape(&mut out, &json.out);
        out.extend_from_slice(b"</failure>\n\t\t</testcase>");
    }
    if !leaks.is_empty() {
        out.extend_from_slice(b"\n\t");
    }
    out.extend_from_slice(b"</testsuite>\n</testsuites>");
    out
}

fn message(leak: &Leak) -> Vec<u8> {
    let mut message = [leak.rule.as_bytes(), b" has detected a secret in file ", &leak.file].concat();
    message.extend_from_slice(format!(", line {}", leak.start_line).as_bytes());
    if let Some(commit) = leak.commit_id() {
        message.extend_from_slice(format!(", at commit {commit}").as_bytes());
    }
    message.push(b'.');
    message
}

fn attribute(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(format!(" {name}=\"").as_bytes());
    escape(out, value);
    out.push(b'"');
}

/// Text and attributes alike. What XML cannot hold becomes U+FFFD.
fn escape(out: &mut Vec<u8>, text: &[u8]) {
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            let mut buffer = [0; 4];
            let escaped = match character {
                '"' => "&#34;",
                '\'' => "&#39;",
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '\t' => "&#x9;",
                '\n' => "&#xA;",
                '\r' => "&#xD;",
                '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => "\u{fffd}",
                _ => character.encode_utf8(&mut buffer),
            };
            out.extend_from_slice(escaped.as_bytes());
        }
        chunk.invalid().iter().for_each(|_| out.extend_from_slice("\u{fffd}".as_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use bstr::ByteSlice;

    use super::*;

    #[test]
    fn nothing_closes_at_once() {
        assert!(report(&[]).ends_with(b"tests=\"0\" time=\"\"></testsuite>\n</testsuites>"));
    }

    #[test]
    fn what_xml_cannot_hold_is_replaced() {
        let mut out = Vec::new();
        escape(&mut out, b"a\x01\xff\x7f'\"<>&\t\n\r");
        assert_eq!(out.as_bstr(), "a\u{fffd}\u{fffd}\u{7f}&#39;&#34;&lt;&gt;&amp;&#x9;&#xA;&#xD;");
        let report = report(&super::super::samples());
        assert!(report.contains_str("line 2, at commit c0ffee."), "{}", report.as_bstr());
    }
}
