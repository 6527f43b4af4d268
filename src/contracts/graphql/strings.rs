//! What a string stands for. <https://spec.graphql.org/September2025/#sec-String-Value>

/// The value of a string with its quotes, which the lexer has found to be sound.
pub(super) fn value(literal: &str) -> String {
    match literal.strip_prefix("\"\"\"").and_then(|rest| rest.strip_suffix("\"\"\"")) {
        Some(block) => block_value(&block.replace("\\\"\"\"", "\"\"\"")),
        None => {
            let inner = literal.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(literal);
            if inner.contains('\\') { unescaped(inner) } else { inner.into() }
        }
    }
}

fn unescaped(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    let mut rest = text;
    // The first half of a character beyond 16 bits waits for the second.
    let mut high: Option<u32> = None;
    while let Some(at) = rest.find('\\') {
        value.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(kind) = rest.chars().next() else { break };
        rest = &rest[kind.len_utf8()..];
        let code = match kind {
            'b' => 8,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'u' => {
                let (digits, after) = match rest.strip_prefix('{') {
                    Some(inner) => inner.split_once('}').unwrap_or((inner, "")),
                    None => rest.split_at_checked(4).unwrap_or((rest, "")),
                };
                rest = after;
                u32::from_str_radix(digits, 16).unwrap_or(0xfffd)
            }
            other => other as u32,
        };
        let code = match (high.take(), code) {
            (Some(high), 0xdc00..=0xdfff) => 0x10000 + ((high - 0xd800) << 10) + (code - 0xdc00),
            _ => code,
        };
        match code {
            0xd800..=0xdbff => high = Some(code),
            _ => value.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)),
        }
    }
    value.push_str(rest);
    value
}

/// Without the indentation that all lines but the first have in common, and without blank lines at either end.
fn block_value(text: &str) -> String {
    let is_blank = |line: &str| line.bytes().all(|byte| byte == b' ' || byte == b'\t');
    let indentation = |line: &str| line.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let mut lines: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['\n', '\r']) {
        lines.push(&rest[..at]);
        let end = if rest[at..].starts_with("\r\n") { 2 } else { 1 };
        rest = &rest[at + end..];
    }
    lines.push(rest);
    let common = lines.iter().skip(1).filter(|line| !is_blank(line)).map(|line| indentation(line)).min().unwrap_or(0);
    for line in lines.iter_mut().skip(1) {
        *line = &line[common.min(line.len())..];
    }
    let first = lines.iter().position(|line| !is_blank(line)).unwrap_or(lines.len());
    let last = lines.iter().rposition(|line| !is_blank(line)).map_or(first, |last| last + 1);
    lines[first..last].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_blocks_are_read() {
        assert_eq!(value(r#""a\n\"\u0041\u{1F600}\uD83D\uDE00\/""#), "a\n\"A😀😀/");
        assert_eq!(value("\"\""), "");
        assert_eq!(value("\"\"\"\n    a\r\n      b \\\"\"\"\n\n    \"\"\""), "a\n  b \"\"\"");
        assert_eq!(value("\"\"\"a\n  b\"\"\""), "a\nb");
        assert_eq!(value("\"\"\"é\n \u{a0}é\"\"\""), "é\n\u{a0}é");
    }
}
