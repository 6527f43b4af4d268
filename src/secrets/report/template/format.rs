//! Values as Go prints them: `print`, `printf` and what an action leaves behind.
//!
//! <https://pkg.go.dev/fmt>

use bstr::ByteSlice;

use super::value::{FIELDS, MAX_SIZE, Value};
use crate::text::is_deceptive;

/// A width or precision beyond this is a mistake or an attack.
const MAX_WIDTH: usize = 10_000;

/// A value as `%v` prints it.
pub(super) fn plain(value: &Value) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    write(&mut out, value)?;
    Ok(out)
}

fn write(out: &mut Vec<u8>, value: &Value) -> Result<(), String> {
    if out.len() > MAX_SIZE {
        return Err("a value grew too large".into());
    }
    match value {
        Value::Nil => out.extend_from_slice(b"<nil>"),
        Value::Bool(truth) => out.extend_from_slice(truth.to_string().as_bytes()),
        Value::Int(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::Float(number) => out.extend_from_slice(shortest(*number).as_bytes()),
        Value::Text(text) => out.extend_from_slice(text),
        Value::List(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b' ');
                }
                write(out, item)?;
            }
            out.push(b']');
        }
        Value::Dict(entries) => {
            out.extend_from_slice(b"map[");
            for (index, (key, value)) in entries.borrow().iter().enumerate() {
                if index > 0 {
                    out.push(b' ');
                }
                out.extend_from_slice(key);
                out.push(b':');
                write(out, value)?;
            }
            out.push(b']');
        }
        Value::Leak(_) => {
            out.push(b'{');
            for name in FIELDS.into_iter().chain(["Fingerprint"]) {
                write(out, &value.field(name).map_err(|(message, _)| message)?)?;
                out.push(b' ');
            }
            // Two fields that are never set in a report.
            out.extend_from_slice(b"<nil> []}");
        }
    }
    Ok(())
}

/// The shortest digits that mean the same number; an exponent below 10⁻⁴ and from 10⁶ on.
fn shortest(number: f64) -> String {
    if number == 0.0 || !number.is_finite() {
        return match number {
            _ if number.is_nan() => "NaN".into(),
            _ if number == f64::INFINITY => "+Inf".into(),
            _ if number == f64::NEG_INFINITY => "-Inf".into(),
            _ if number.is_sign_negative() => "-0".into(),
            _ => "0".into(),
        };
    }
    let scientific = format!("{number:e}");
    let exponent: i32 = scientific.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
    match (-4..6).contains(&exponent) {
        true => number.to_string(),
        false => go_exponent(&scientific),
    }
}

/// Go's exponents have a sign and two digits.
fn go_exponent(text: &str) -> String {
    let Some((digits, exponent)) = text.split_once('e') else { return text.to_string() };
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

/// A string in quotes, as `%q` prints it.
pub(super) fn quoted(text: &[u8]) -> Vec<u8> {
    let mut out = vec![b'"'];
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            let escaped = match character {
                '"' => "\\\"".to_string(),
                '\\' => "\\\\".to_string(),
                '\u{7}' => "\\a".to_string(),
                '\u{8}' => "\\b".to_string(),
                '\u{c}' => "\\f".to_string(),
                '\n' => "\\n".to_string(),
                '\r' => "\\r".to_string(),
                '\t' => "\\t".to_string(),
                '\u{b}' => "\\v".to_string(),
                ' '..='~' => character.to_string(),
                '\0'..='\u{7f}' => format!("\\x{:02x}", u32::from(character)),
                _ if is_deceptive(character) || character.is_whitespace() => match u32::from(character) {
                    code @ 0..=0xffff => format!("\\u{code:04x}"),
                    code => format!("\\U{code:08x}"),
                },
                _ => character.to_string(),
            };
            out.extend_from_slice(escaped.as_bytes());
        }
        chunk.invalid().iter().for_each(|byte| out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()));
    }
    out.push(b'"');
    out
}

#[derive(Default)]
struct Flags {
    minus: bool,
    plus: bool,
    space: bool,
    zero: bool,
    sharp: bool,
    width: usize,
    precision: Option<usize>,
}

/// `printf`.
pub(super) fn printf(format: &[u8], arguments: &[Value]) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let mut arguments = arguments.iter();
    let mut rest = format;
    while let Some(at) = rest.find_byte(b'%') {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        let flags = flags(&mut rest)?;
        let Some(verb) = rest.chars().next() else {
            out.extend_from_slice(b"%!(NOVERB)");
            break;
        };
        rest = &rest[verb.len_utf8().min(rest.len())..];
        if verb == '%' {
            out.push(b'%');
            continue;
        }
        match arguments.next() {
            None => out.extend_from_slice(format!("%!{verb}(MISSING)").as_bytes()),
            Some(value) => out.extend(padded(formatted(verb, &flags, value)?, &flags, value)),
        }
        if out.len() > MAX_SIZE {
            return Err("a value grew too large".into());
        }
    }
    out.extend_from_slice(rest);
    let extra: Vec<&Value> = arguments.collect();
    if !extra.is_empty() {
        out.extend_from_slice(b"%!(EXTRA ");
        for (index, value) in extra.into_iter().enumerate() {
            if index > 0 {
                out.extend_from_slice(b", ");
            }
            out.extend(typed(value)?);
        }
        out.push(b')');
    }
    Ok(out)
}

fn flags(rest: &mut &[u8]) -> Result<Flags, String> {
    let mut flags = Flags::default();
    while let Some((first, after)) = rest.split_first() {
        match first {
            b'-' => flags.minus = true,
            b'+' => flags.plus = true,
            b' ' => flags.space = true,
            b'0' => flags.zero = true,
            b'#' => flags.sharp = true,
            _ => break,
        }
        *rest = after;
    }
    flags.width = digits(rest)?;
    if let Some(after) = rest.strip_prefix(b".") {
        *rest = after;
        flags.precision = Some(digits(rest)?);
    }
    Ok(flags)
}

fn digits(rest: &mut &[u8]) -> Result<usize, String> {
    let mut number = 0usize;
    while let Some((digit @ b'0'..=b'9', after)) = rest.split_first() {
        number = number * 10 + usize::from(digit - b'0');
        if number > MAX_WIDTH {
            return Err(format!("a width or precision beyond {MAX_WIDTH}"));
        }
        *rest = after;
    }
    Ok(number)
}

fn typed(value: &Value) -> Result<Vec<u8>, String> {
    let kind = match value {
        Value::Nil => return Ok(b"<nil>".to_vec()),
        Value::List(_) => "[]interface {}",
        Value::Dict(_) => "map[string]interface {}",
        Value::Leak(_) => "report.Finding",
        other => other.kind(),
    };
    Ok([kind.as_bytes(), b"=", &plain(value)?].concat())
}

fn formatted(verb: char, flags: &Flags, value: &Value) -> Result<Vec<u8>, String> {
    let signed = |text: String| match text.starts_with('-') {
        true => text,
        false if flags.plus => format!("+{text}"),
        false if flags.space => format!(" {text}"),
        false => text,
    };
    let text = match (verb, value) {
        // A list is printed element by element, whatever the verb.
        ('s' | 'q' | 'd' | 'f' | 'x' | 'X' | 'g' | 'e', Value::List(items)) => {
            let mut out = vec![b'['];
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b' ');
                }
                out.extend(formatted(verb, flags, item)?);
            }
            out.push(b']');
            return Ok(out);
        }
        ('T', value) => match value {
            Value::Nil => "<nil>".into(),
            Value::List(_) => "[]interface {}".into(),
            Value::Dict(_) => "map[string]interface {}".into(),
            Value::Leak(_) => "report.Finding".into(),
            other => other.kind().to_string(),
        },
        ('v', Value::Text(text)) if flags.sharp => return Ok(quoted(text)),
        ('v' | 'd', Value::Int(number)) => signed(number.to_string()),
        ('v' | 'g', Value::Float(number)) => match flags.precision {
            Some(precision) => signed(significant(*number, precision)),
            None => signed(shortest(*number)),
        },
        ('v' | 's', Value::Text(text)) => {
            return Ok(match flags.precision {
                None => text.to_vec(),
                Some(precision) => {
                    let end = text.char_indices().nth(precision).map_or(text.len(), |(start, ..)| start);
                    text[..end].to_vec()
                }
            });
        }
        ('v', value) => return plain(value),
        ('t', Value::Bool(truth)) => truth.to_string(),
        ('q', Value::Text(text)) => return Ok(quoted(text)),
        ('q', Value::Int(number)) => match u32::try_from(*number).ok().and_then(char::from_u32) {
            Some(character) => format!("'{}'", character.escape_debug()),
            None => "'\u{fffd}'".into(),
        },
        ('x' | 'X', Value::Text(text)) => {
            let hex: String = text.iter().map(|byte| format!("{byte:02x}")).collect();
            if verb == 'X' { hex.to_uppercase() } else { hex }
        }
        ('x' | 'X' | 'o' | 'b', Value::Int(number)) => {
            let size = number.unsigned_abs();
            let (digits, prefix) = match verb {
                'x' => (format!("{size:x}"), "0x"),
                'X' => (format!("{size:X}"), "0X"),
                'o' => (format!("{size:o}"), "0"),
                _ => (format!("{size:b}"), "0b"),
            };
            let prefix = if flags.sharp { prefix } else { "" };
            signed(format!("{}{prefix}{digits}", if *number < 0 { "-" } else { "" }))
        }
        ('c', Value::Int(number)) => {
            u32::try_from(*number).ok().and_then(char::from_u32).unwrap_or('\u{fffd}').to_string()
        }
        ('f' | 'F', Value::Float(number)) => signed(format!("{number:.*}", flags.precision.unwrap_or(6))),
        ('e', Value::Float(number)) => signed(go_exponent(&format!("{number:.*e}", flags.precision.unwrap_or(6)))),
        (verb, Value::Nil) => format!("%!{verb}(<nil>)"),
        (verb, value) => {
            return Ok([format!("%!{verb}(").as_bytes(), &typed(value)?, b")"].concat());
        }
    };
    Ok(text.into_bytes())
}

/// `%.3g`.
fn significant(number: f64, precision: usize) -> String {
    let precision = precision.max(1);
    let scientific = format!("{number:.*e}", precision - 1);
    let exponent: i32 = scientific.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
    let trimmed = |text: String| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    };
    match scientific.split_once('e') {
        Some((digits, exponent_text)) if exponent < -4 || exponent >= precision as i32 => {
            go_exponent(&format!("{}e{exponent_text}", trimmed(digits.to_string())))
        }
        _ => trimmed(format!("{number:.*}", (precision as i32 - 1 - exponent).max(0) as usize)),
    }
}

fn padded(text: Vec<u8>, flags: &Flags, value: &Value) -> Vec<u8> {
    let Some(missing) = flags.width.checked_sub(text.chars().count()).filter(|missing| *missing > 0) else {
        return text;
    };
    if flags.minus {
        return [text, vec![b' '; missing]].concat();
    }
    if !flags.zero {
        return [vec![b' '; missing], text].concat();
    }
    let sign = matches!(value, Value::Int(_) | Value::Float(_)) && text.starts_with_str("-") || text.starts_with(b"+");
    let (sign, digits) = text.split_at(usize::from(sign));
    [sign, &vec![b'0'; missing], digits].concat()
}
