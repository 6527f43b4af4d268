//! JavaScript and TypeScript of strangers, parsed without fear.
//!
//! The parser descends by calling itself, so that nesting costs stack, and a stack that overflows ends the process. The
//! text is therefore weighed before it is parsed: how deep could the descent go? What passes is parsed on a stack that
//! is known to be large enough.

use oxc_allocator::Allocator;
use oxc_ast::ast::Program;
use oxc_parser::Parser;
use oxc_span::SourceType;

/// The largest file that is read, in bytes. Contracts are written by people; what is larger was generated.
pub(super) const MOST_BYTES: usize = 4 << 20;

/// The deepest descent, in tokens that might each be a level.
const MOST_LEVELS: usize = 12_000;

/// The deepest nesting of brackets.
const MOST_BRACKETS: usize = 400;

/// What the deepest descent needs, with room to spare; pages that are not touched cost nothing.
const STACK: usize = 512 << 20;

/// Parses `text` and hands the tree to `look`, which may descend as well.
///
/// # Errors
/// Why there is no tree, in half a sentence, and the offset at which it went wrong.
pub(super) fn parse<R: Send>(
    text: &str,
    path: &str,
    look: impl for<'a> FnOnce(&'a Allocator, &Program<'a>) -> R + Send,
) -> Result<R, (String, u32)> {
    if text.len() > MOST_BYTES {
        return Err((format!("it is larger than {} MiB", MOST_BYTES >> 20), 0));
    }
    if let Some(offset) = too_deep(text) {
        return Err(("it is nested too deeply".into(), offset));
    }
    let kind = SourceType::from_path(path).unwrap_or_else(|_| SourceType::tsx());
    let work = || {
        let allocator = Allocator::default();
        let parsed = Parser::new(&allocator, text, kind).parse();
        if parsed.panicked || !parsed.diagnostics.is_empty() {
            let first = parsed.diagnostics.iter().next();
            let what = first.map_or_else(|| "it cannot be parsed".to_string(), |error| error.message.to_string());
            let offset = first.and_then(|error| error.labels.first()).map_or(0, |label| label.offset());
            return Err((what, offset));
        }
        Ok(look(&allocator, &parsed.program))
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(("the parser gave up on it".into(), 0)),
            Err(_) => Err(("there is no memory for a stack".into(), 0)),
        }
    })
}

/// The offset at which a parser could stand deeper than it may.
///
/// Every token counts as a level until something ends what it may have begun: a bracket that closes, a comma, a
/// semicolon, a line that begins with a word which only begins statements.
fn too_deep(text: &str) -> Option<u32> {
    let bytes = text.as_bytes();
    let mut runs: Vec<usize> = vec![0];
    let mut sum = 0usize;
    let mut at = 0;
    let mut fresh_line = true;
    while at < bytes.len() {
        let byte = bytes[at];
        let start = at;
        match byte {
            b'\n' => {
                fresh_line = true;
                at += 1;
                continue;
            }
            b' ' | b'\t' | b'\r' => {
                at += 1;
                continue;
            }
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at += memchr::memchr(b'\n', &bytes[at..]).unwrap_or(bytes.len() - at);
                continue;
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                at += 2 + memchr::memmem::find(&bytes[at + 2..], b"*/").map_or(bytes.len() - at - 2, |end| end + 2);
                continue;
            }
            b'"' | b'\'' => at = end_of_string(bytes, at),
            b'(' | b'[' | b'{' => {
                at += 1;
                runs.push(0);
            }
            b')' | b']' | b'}' => {
                at += 1;
                if runs.len() > 1 {
                    sum -= runs.pop().unwrap_or(0);
                }
                if byte == b'}' {
                    sum -= runs.last().copied().unwrap_or(0);
                    if let Some(run) = runs.last_mut() {
                        *run = 0;
                    }
                }
            }
            b';' | b',' => {
                at += 1;
                sum -= runs.last().copied().unwrap_or(0);
                if let Some(run) = runs.last_mut() {
                    *run = 0;
                }
            }
            _ if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80 => {
                while at < bytes.len()
                    && (bytes[at].is_ascii_alphanumeric()
                        || bytes[at] == b'_'
                        || bytes[at] == b'$'
                        || bytes[at] >= 0x80)
                {
                    at += 1;
                }
                let word = &bytes[start..at];
                let begins = [&b"export"[..], b"const", b"var", b"declare", b"interface", b"enum", b"return", b"throw"];
                if fresh_line && begins.contains(&word) {
                    sum -= runs.last().copied().unwrap_or(0);
                    if let Some(run) = runs.last_mut() {
                        *run = 0;
                    }
                }
            }
            _ => at += 1,
        }
        fresh_line = false;
        if let Some(run) = runs.last_mut() {
            *run += 1;
        }
        sum += 1;
        if runs.len() > MOST_BRACKETS || sum > MOST_LEVELS {
            return Some(u32::try_from(start).unwrap_or(u32::MAX));
        }
    }
    None
}

/// The offset behind a string that begins at `at`; a line end ends it as well.
fn end_of_string(bytes: &[u8], at: usize) -> usize {
    let quote = bytes[at];
    let mut end = at + 1;
    while end < bytes.len() {
        match bytes[end] {
            b'\\' => end += 1,
            b'\n' => return end,
            byte if byte == quote => return end + 1,
            _ => {}
        }
        end += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parses(text: &str) -> Result<usize, String> {
        parse(text, "a.ts", |_, program| program.body.len()).map_err(|(what, _)| what)
    }

    #[test]
    fn what_people_write_is_parsed() {
        assert_eq!(parses("export interface A { b: string }\nexport const c = (d: number) => d\n"), Ok(2));
        assert_eq!(parses(&"export type A = { b: (c: string) => Promise<void> }\n".repeat(4_000)), Ok(4_000));
        assert!(parses("export const = 1").is_err());
    }

    /// Each of these would descend until the stack is gone.
    #[test]
    fn what_is_nested_to_overflow_the_stack_is_refused_or_survived() {
        for (open, close) in [
            ("(", ")"),
            ("[", "]"),
            ("{a:", "}"),
            ("!", ""),
            ("-", ""),
            ("typeof ", ""),
            ("a=>", ""),
            ("a?a:", ""),
            ("a.", ""),
            ("a+", ""),
            ("a??", ""),
            ("`${", "}`"),
            ("async()=>", ""),
            ("<A>", ""),
            ("new ", ""),
            ("a=", ""),
            ("a**", ""),
        ] {
            for many in [350, 3_000, 100_000] {
                let text = format!("x = {}a{}", open.repeat(many), close.repeat(many));
                let _ = parses(&text);
            }
        }
        for open in ["if(a)", "while(a)", "if(a){}else ", "a:", "for(;;)", "do ", "label:\nif(a)\n"] {
            for many in [350, 3_000, 100_000] {
                let _ = parses(&format!("{};", open.repeat(many)));
            }
        }
        for (open, close) in [("keyof ", ""), ("A<", ">"), ("(a:", ")=>b"), ("a extends b?c:", "d"), ("a[", "]")] {
            for many in [350, 3_000, 100_000] {
                let _ = parses(&format!("type A = {}a{};", open.repeat(many), close.repeat(many)));
            }
        }
    }
}
