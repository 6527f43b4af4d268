//! Text in other alphabets: escapes, base64, checksums, JSON, patterns and paths.

use bstr::ByteSlice;
use regex::bytes::Regex;
use sha2::{Digest, Sha256, Sha512};

use super::super::super::json::{Html, Writer};
use super::super::value::Value;
use super::{Answer, sized};

/// Encodings, checksums, JSON, patterns and paths.
pub(super) fn encodings(name: &str, arguments: &[Value]) -> Option<Answer> {
    use Value::Text;
    let hex = |bytes: &[u8]| Value::text(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    Some(match (name, arguments) {
        ("b64enc", [Text(text)]) => Ok(Value::text(base64(text))),
        ("b64dec", [Text(text)]) => from_base64(text).map(Value::text).ok_or_else(|| "this is no base64".into()),
        ("sha256sum", [Text(text)]) => Ok(hex(&Sha256::digest(text))),
        ("sha512sum", [Text(text)]) => Ok(hex(&Sha512::digest(text))),
        ("toJson" | "mustToJson", [value]) => json(value, None, Html::Escaped),
        ("toPrettyJson" | "mustToPrettyJson", [value]) => json(value, Some("  "), Html::Escaped),
        ("toRawJson" | "mustToRawJson", [value]) => json(value, None, Html::Raw),
        ("fromJson" | "mustFromJson", [Text(text)]) => match serde_json::from_slice(text) {
            Ok(value) => Value::from_json(value),
            Err(_) if name == "fromJson" => Ok(Value::Nil),
            Err(_) => Err("this is no JSON".into()),
        },
        ("regexMatch", [Text(pattern), Text(text)]) => regex(pattern).map(|regex| Value::Bool(regex.is_match(text))),
        ("regexFind", [Text(pattern), Text(text)]) => {
            regex(pattern).map(|regex| Value::text(regex.find(text).map_or(&b""[..], |found| found.as_bytes())))
        }
        ("regexFindAll", [Text(pattern), Text(text), Value::Int(most)]) => regex(pattern).map(|regex| {
            let most = usize::try_from(*most).unwrap_or(usize::MAX);
            Value::texts(regex.find_iter(text).take(most).map(|found| found.as_bytes()))
        }),
        ("regexReplaceAll", [Text(pattern), Text(text), Text(with)]) => {
            regex(pattern).and_then(|regex| sized(regex.replace_all(text, &**with).into_owned()))
        }
        ("regexReplaceAllLiteral", [Text(pattern), Text(text), Text(with)]) => {
            regex(pattern).and_then(|regex| sized(regex.replace_all(text, regex::bytes::NoExpand(with)).into_owned()))
        }
        ("regexSplit", [Text(pattern), Text(text), Value::Int(most)]) => {
            regex(pattern).map(|regex| match usize::try_from(*most) {
                Ok(most) => Value::texts(regex.splitn(text, most)),
                Err(_) => Value::texts(regex.split(text)),
            })
        }
        ("regexQuoteMeta", [Text(text)]) => Ok(Value::text(quote_meta(text))),
        ("base", [Text(path)]) => Ok(Value::text(base(path))),
        ("dir", [Text(path)]) => Ok(Value::text(dir(path))),
        ("clean", [Text(path)]) => Ok(Value::text(clean(path))),
        ("ext", [Text(path)]) => {
            let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
            Ok(Value::text(name.rfind_byte(b'.').map_or(&b""[..], |dot| &name[dot..])))
        }
        ("isAbs", [Text(path)]) => Ok(Value::Bool(path.starts_with(b"/"))),
        _ => return None,
    })
}

pub(super) fn html(text: &[u8]) -> Vec<u8> {
    escaped(text, |byte| {
        Some(match byte {
            b'&' => "&amp;".into(),
            b'\'' => "&#39;".into(),
            b'<' => "&lt;".into(),
            b'>' => "&gt;".into(),
            b'"' => "&#34;".into(),
            0 => "\u{fffd}".into(),
            _ => return None,
        })
    })
}

pub(super) fn js(text: &[u8]) -> Vec<u8> {
    escaped(text, |byte| {
        Some(match byte {
            b'\\' => "\\\\".into(),
            b'\'' => "\\'".into(),
            b'"' => "\\\"".into(),
            b'<' | b'>' | b'&' | b'=' | 0..=0x1f => format!("\\u{byte:04X}"),
            _ => return None,
        })
    })
}

pub(super) fn urlquery(text: &[u8]) -> Vec<u8> {
    escaped(text, |byte| {
        Some(match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => return None,
            b' ' => "+".into(),
            _ => format!("%{byte:02X}"),
        })
    })
}

fn quote_meta(text: &[u8]) -> Vec<u8> {
    escaped(text, |byte| br"\.+*?()|[]{}^$".contains(&byte).then(|| format!("\\{}", char::from(byte))))
}

fn escaped(text: &[u8], escape: impl Fn(u8) -> Option<String>) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for &byte in text {
        match escape(byte) {
            Some(instead) => out.extend_from_slice(instead.as_bytes()),
            None => out.push(byte),
        }
    }
    out
}

fn json(value: &Value, indent: Option<&'static str>, html: Html) -> Answer {
    let mut json = Writer::new(indent, html);
    value.json(&mut json)?;
    sized(json.out)
}

fn regex(pattern: &[u8]) -> Result<Regex, String> {
    let pattern = pattern.to_str().map_err(|_| "the pattern is not UTF-8")?;
    Regex::new(pattern).map_err(|_| format!("`{}` is no pattern", crate::text::visible(pattern)))
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len().div_ceil(3) * 4);
    for three in text.chunks(3) {
        let bits = three.iter().fold(0u32, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            out.push(match place <= three.len() {
                true => BASE64[(bits >> (18 - 6 * place) & 63) as usize],
                false => b'=',
            });
        }
    }
    out
}

fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let text: Vec<u8> = text.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let end = text.len();
    let padding = text.iter().rev().take_while(|&&byte| byte == b'=').count();
    if padding > 2 {
        return None;
    }
    for (at, four) in text.chunks(4).enumerate() {
        let missing = if at * 4 + 4 == end { padding } else { 0 };
        let mut bits = 0u32;
        for (place, byte) in four.iter().enumerate() {
            let value = match place >= 4 - missing {
                true => 0,
                false => BASE64.iter().position(|known| known == byte)? as u32,
            };
            bits = bits << 6 | value;
        }
        out.extend_from_slice(&bits.to_be_bytes()[1..4 - missing]);
    }
    Some(out)
}

fn base(path: &[u8]) -> &[u8] {
    if path.is_empty() {
        return b".";
    }
    let trimmed = path.trim_end_with(|character| character == '/');
    match trimmed.rsplit(|&byte| byte == b'/').next() {
        Some(b"") | None => b"/",
        Some(name) => name,
    }
}

fn dir(path: &[u8]) -> Vec<u8> {
    clean(path.rfind_byte(b'/').map_or(&b""[..], |slash| &path[..=slash]))
}

/// Without empty parts, `.` and, where something can be left, `..`.
fn clean(path: &[u8]) -> Vec<u8> {
    let rooted = path.starts_with(b"/");
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.last().is_some_and(|last| *last != b"..") => _ = parts.pop(),
            b".." if rooted => {}
            _ => parts.push(part),
        }
    }
    let joined = bstr::join("/", parts);
    match (rooted, joined.is_empty()) {
        (true, _) => [b"/", joined.as_slice()].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => joined,
    }
}
