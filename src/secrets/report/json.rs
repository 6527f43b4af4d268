//! JSON as Go writes it: indented, with `<`, `>` and `&` escaped for HTML.
//!
//! <https://pkg.go.dev/encoding/json>

use super::super::leak::Leak;

/// The report that `--report-format json` asks for, and that baselines are.
pub fn report(leaks: &[Leak]) -> Vec<u8> {
    let mut json = Writer::new(Some(" "), Html::Escaped);
    json.list(leaks.iter(), finding);
    json.out.push(b'\n');
    json.out
}

/// One finding with gitleaks' keys, in gitleaks' order.
pub(super) fn finding(json: &mut Writer, leak: &Leak) {
    let commit = leak.commit.as_deref();
    json.object(|json| {
        json.field("RuleID", |json| json.string(leak.rule.as_bytes()));
        json.field("Description", |json| json.string(leak.description.as_bytes()));
        json.field("StartLine", |json| json.raw(leak.start_line));
        json.field("EndLine", |json| json.raw(leak.end_line));
        json.field("StartColumn", |json| json.raw(leak.start_column));
        json.field("EndColumn", |json| json.raw(leak.end_column));
        json.field("Match", |json| json.string(&leak.matched));
        json.field("Secret", |json| json.string(&leak.secret));
        json.field("File", |json| json.string(&leak.file));
        json.field("SymlinkFile", |json| json.string(&leak.symlink));
        json.field("Commit", |json| json.string(commit.map_or(b"", |commit| commit.id.as_bytes())));
        if !leak.link.is_empty() {
            json.field("Link", |json| json.string(leak.link.as_bytes()));
        }
        json.field("Entropy", |json| json.float32(leak.entropy));
        json.field("Author", |json| json.string(commit.map_or(b"", |commit| &commit.author)));
        json.field("Email", |json| json.string(commit.map_or(b"", |commit| &commit.email)));
        json.field("Date", |json| json.string(commit.map_or(b"", |commit| commit.date.as_bytes())));
        json.field("Message", |json| json.string(commit.map_or(b"", |commit| &commit.message)));
        json.field("Tags", |json| json.list(leak.tags.iter(), |json, tag| json.string(tag.as_bytes())));
        json.field("Fingerprint", |json| json.string(leak.fingerprint.as_bytes()));
    });
}

/// Whether `<`, `>` and `&` become escapes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Html {
    Escaped,
    Raw,
}

/// Writes JSON as Go's encoder does.
pub(super) struct Writer {
    pub(super) out: Vec<u8>,
    /// One step of indentation; `None` writes everything in one line.
    indent: Option<&'static str>,
    html: Html,
    depth: usize,
    /// Whether the object or list that is being written has nothing in it so far.
    empty: bool,
}

impl Writer {
    pub(super) fn new(indent: Option<&'static str>, html: Html) -> Writer {
        Writer { out: Vec::new(), indent, html, depth: 0, empty: true }
    }

    pub(super) fn object(&mut self, fields: impl FnOnce(&mut Writer)) {
        self.nest(b'{', b'}', fields);
    }

    /// Only within [`Writer::object`].
    pub(super) fn field(&mut self, name: &str, value: impl FnOnce(&mut Writer)) {
        self.item();
        self.string(name.as_bytes());
        self.out.push(b':');
        if self.indent.is_some() {
            self.out.push(b' ');
        }
        value(self);
    }

    pub(super) fn list<T>(&mut self, items: impl Iterator<Item = T>, mut write: impl FnMut(&mut Writer, T)) {
        self.nest(b'[', b']', |json| {
            for item in items {
                json.item();
                write(json, item);
            }
        });
    }

    fn nest(&mut self, open: u8, close: u8, inner: impl FnOnce(&mut Writer)) {
        self.out.push(open);
        self.depth += 1;
        let around = std::mem::replace(&mut self.empty, true);
        inner(self);
        self.depth -= 1;
        if !self.empty {
            self.line();
        }
        self.empty = around;
        self.out.push(close);
    }

    fn item(&mut self) {
        if !std::mem::replace(&mut self.empty, false) {
            self.out.push(b',');
        }
        self.line();
    }

    fn line(&mut self) {
        if let Some(indent) = self.indent {
            self.out.push(b'\n');
            (0..self.depth).for_each(|_| self.out.extend_from_slice(indent.as_bytes()));
        }
    }

    pub(super) fn raw(&mut self, value: impl std::fmt::Display) {
        self.out.extend_from_slice(value.to_string().as_bytes());
    }

    /// The shortest digits that mean the same number; an exponent only for what is very small or large.
    pub(super) fn float32(&mut self, value: f32) {
        match value.abs() {
            size if size != 0.0 && !(1e-6..1e21).contains(&size) => self.raw(exponent(format!("{value:e}"))),
            _ => self.raw(value),
        }
    }

    pub(super) fn float64(&mut self, value: f64) {
        match value.abs() {
            size if size != 0.0 && !(1e-6..1e21).contains(&size) => self.raw(exponent(format!("{value:e}"))),
            _ => self.raw(value),
        }
    }

    /// Text in quotes. Bytes that are not UTF-8 become U+FFFD, one by one.
    pub(super) fn string(&mut self, text: &[u8]) {
        self.out.push(b'"');
        for chunk in text.utf8_chunks() {
            for character in chunk.valid().chars() {
                self.character(character);
            }
            chunk.invalid().iter().for_each(|_| self.out.extend_from_slice(b"\\ufffd"));
        }
        self.out.push(b'"');
    }

    fn character(&mut self, character: char) {
        let short = match character {
            '"' => b"\\\"",
            '\\' => b"\\\\",
            '\u{8}' => b"\\b",
            '\u{c}' => b"\\f",
            '\n' => b"\\n",
            '\r' => b"\\r",
            '\t' => b"\\t",
            '<' | '>' | '&' if self.html == Html::Escaped => return self.escape(character),
            '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => return self.escape(character),
            _ => return self.out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        };
        self.out.extend_from_slice(short);
    }

    fn escape(&mut self, character: char) {
        self.out.extend_from_slice(format!("\\u{:04x}", u32::from(character)).as_bytes());
    }
}

/// Rust writes `1e21`, Go `1e+21`.
fn exponent(number: String) -> String {
    match number.contains("e-") {
        true => number,
        false => number.replace('e', "e+"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(text: &[u8]) -> String {
        let mut json = Writer::new(None, Html::Escaped);
        json.string(text);
        String::from_utf8(json.out).unwrap()
    }

    #[test]
    fn strings_are_escaped_as_go_escapes_them() {
        assert_eq!(string(b"<a href='x'>&\"\\"), r#""\u003ca href='x'\u003e\u0026\"\\""#);
        assert_eq!(
            string("\u{8}\u{c}\n\r\t\u{1}\u{7f}\u{2028}\u{2029}é\u{fffd}".as_bytes()),
            "\"\\b\\f\\n\\r\\t\\u0001\u{7f}\\u2028\\u2029é\u{fffd}\""
        );
        assert_eq!(string(b"a\xff\xe2\x82"), r#""a\ufffd\ufffd\ufffd""#);
    }

    #[test]
    fn numbers_are_as_short_as_go_makes_them() {
        let float = |value: f32| {
            let mut json = Writer::new(None, Html::Raw);
            json.float32(value);
            String::from_utf8(json.out).unwrap()
        };
        assert_eq!(
            [4.121928, 0.0, 3.0, 1e-7, 1e21, 0.79874694].map(float),
            ["4.121928", "0", "3", "1e-7", "1e+21", "0.79874694"]
        );
    }

    #[test]
    fn nothing_is_an_empty_list() {
        assert_eq!(report(&[]), b"[]\n");
    }

    #[test]
    fn a_link_is_written_only_where_there_is_one() {
        let report = String::from_utf8(report(&super::super::samples())).unwrap();
        assert_eq!(report.matches("\"Link\"").count(), 1);
        assert!(report.contains("\"Secret\": \"\\b\\f\\u0001\u{7f}\\t\\u003c\\ufffd\\u003e'\""), "{report}");
        assert!(report.contains("\"Tags\": [],"), "{report}");
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_written_can_be_read(text in ".*", bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..40)) {
            let leak = Leak { secret: text.as_str().into(), matched: bytes.into(), ..Leak::default() };
            let read: serde_json::Value = serde_json::from_slice(&report(&[leak])).unwrap();
            proptest::prop_assert_eq!(read[0]["Secret"].as_str(), Some(text.as_str()));
        }
    }
}
