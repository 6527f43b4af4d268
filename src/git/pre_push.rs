//! The lines that git writes to a `pre-push` hook: which refs are about to be pushed. Pure.

use crate::change::ObjectId;

/// One ref of a push (githooks(5), *pre-push*).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedRef {
    /// The name on this side, `(delete)` for a deletion; U+FFFD where it is not UTF-8. Hostile text: escape it.
    pub local_ref: String,
    /// What it points to; `None`: the ref is deleted on the other side.
    pub local_id: Option<ObjectId>,
    /// The name on the other side.
    pub remote_ref: String,
    /// What it points to there, as far as this side knows; `None`: it is new.
    pub remote_id: Option<ObjectId>,
}

/// A line that is not what git writes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the pushed refs is not `<local ref> <local id> <remote ref> <remote id>`")]
pub struct BadLine {
    /// Counted from 1.
    pub line: usize,
}

/// Reads all lines; empty ones are skipped. A local ref may be any expression, so it may contain spaces: ids and names
/// are taken from the end.
pub fn parse(stdin: &[u8]) -> Result<Vec<PushedRef>, BadLine> {
    let lines = stdin.split(|&byte| byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
    lines.map(|(index, line)| parse_line(line).ok_or(BadLine { line: index + 1 })).collect()
}

fn parse_line(line: &[u8]) -> Option<PushedRef> {
    let mut fields = line.rsplitn(4, |&byte| byte == b' ');
    let mut field = || fields.next().filter(|field| !field.is_empty());
    let (remote_id, remote_ref, local_id, local_ref) = (field()?, field()?, field()?, field()?);
    let id = |hex: &[u8]| ObjectId::parse(std::str::from_utf8(hex).ok()?).map(|id| (!id.is_null()).then_some(id));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some(PushedRef {
        local_ref: text(local_ref),
        local_id: id(local_id)?,
        remote_ref: text(remote_ref),
        remote_id: id(remote_id)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_a_new_branch_and_a_deletion() {
        let (a, b, zero) = ("a".repeat(40), "b".repeat(40), "0".repeat(40));
        let stdin = format!(
            "refs/heads/x {a} refs/heads/x {b}\nHEAD~1 {a} refs/heads/new {zero}\n(delete) {zero} refs/heads/old {b}\n\
             HEAD@{{1 day ago}} {a} refs/heads/y {b}\n"
        );
        let refs = parse(stdin.as_bytes()).unwrap();
        let ids: Vec<_> = refs.iter().map(|pushed| (pushed.local_id.is_some(), pushed.remote_id.is_some())).collect();
        assert_eq!(ids, [(true, true), (true, false), (false, true), (true, true)]);
        assert_eq!(refs[3].local_ref, "HEAD@{1 day ago}");
        assert_eq!(parse(b"").unwrap(), []);
    }

    #[test]
    fn anything_else_names_its_line() {
        assert_eq!(parse(b"\nrefs/heads/x zz refs/heads/x 00\n").unwrap_err().line, 2);
        assert_eq!(parse(&[0xff; 100]).unwrap_err().line, 1);
    }
}
