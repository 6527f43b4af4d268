//! CSV as Go writes it. An empty report is an empty file, without the names of the columns.
//!
//! <https://pkg.go.dev/encoding/csv>

use bstr::ByteSlice;

use super::super::leak::Leak;

const COLUMNS: [&str; 16] = [
    "RuleID",
    "Commit",
    "File",
    "SymlinkFile",
    "Secret",
    "Match",
    "StartLine",
    "EndLine",
    "StartColumn",
    "EndColumn",
    "Author",
    "Message",
    "Date",
    "Email",
    "Fingerprint",
    "Tags",
];

/// The report that `--report-format csv` asks for.
pub fn report(leaks: &[Leak]) -> Vec<u8> {
    let mut out = Vec::new();
    let Some(first) = leaks.first() else { return out };
    // gitleaks decides by the first finding whether there is a column for links.
    let links = !first.link.is_empty();
    let names = COLUMNS.into_iter().chain(links.then_some("Link"));
    row(&mut out, names.map(str::as_bytes));
    for leak in leaks {
        let commit = leak.commit.as_deref();
        let text = |get: fn(&super::super::CommitInfo) -> &[u8]| commit.map_or(&b""[..], get);
        let numbers = [leak.start_line, leak.end_line, leak.start_column, leak.end_column].map(|at| at.to_string());
        let tags = leak.tags.join(" ");
        let fields: [&[u8]; 17] = [
            leak.rule.as_bytes(),
            text(|commit| commit.id.as_bytes()),
            &leak.file,
            &leak.symlink,
            &leak.secret,
            &leak.matched,
            numbers[0].as_bytes(),
            numbers[1].as_bytes(),
            numbers[2].as_bytes(),
            numbers[3].as_bytes(),
            text(|commit| &commit.author),
            text(|commit| &commit.message),
            text(|commit| commit.date.as_bytes()),
            text(|commit| &commit.email),
            leak.fingerprint.as_bytes(),
            tags.as_bytes(),
            leak.link.as_bytes(),
        ];
        row(&mut out, fields.into_iter().take(COLUMNS.len() + usize::from(links)));
    }
    out
}

fn row<'a>(out: &mut Vec<u8>, fields: impl Iterator<Item = &'a [u8]>) {
    for (index, field) in fields.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        match quoted(field) {
            false => out.extend_from_slice(field),
            true => {
                out.push(b'"');
                out.extend_from_slice(&field.replace("\"", "\"\""));
                out.push(b'"');
            }
        }
    }
    out.push(b'\n');
}

/// Go also quotes what begins with a space, and `\.`, which ends the data for some databases.
fn quoted(field: &[u8]) -> bool {
    field == b"\\."
        || field.find_byteset(b",\"\r\n").is_some()
        || field.chars().next().is_some_and(|first| first != '\u{fffd}' && first.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_nothing() {
        assert!(report(&[]).is_empty());
    }

    #[test]
    fn fields_are_quoted_where_go_quotes_them() {
        let mut out = Vec::new();
        row(
            &mut out,
            ["a", "", " b", "c d ", "e,\"f\"", "\\.", "\u{a0}g", "h\ni", "\r"].iter().map(|field| field.as_bytes()),
        );
        assert_eq!(out.as_bstr(), "a,,\" b\",c d ,\"e,\"\"f\"\"\",\"\\.\",\"\u{a0}g\",\"h\ni\",\"\r\"\n");
    }

    #[test]
    fn the_first_finding_decides_about_links() {
        let mut leaks = super::super::samples();
        let columns = |leaks: &[Leak]| report(leaks).lines().next().unwrap().split_str(",").count();
        assert_eq!(columns(&leaks), 16);
        leaks.reverse();
        assert_eq!(columns(&leaks), 17);
        assert!(
            report(&leaks).contains_str("c0ffee,z\u{e9}.txt,\" link\",\x08\x0c\x01\x7f\t<"),
            "{}",
            report(&leaks).as_bstr()
        );
    }

    /// RFC 4180, as any spreadsheet reads it.
    fn read(text: &[u8]) -> Vec<Vec<Vec<u8>>> {
        let (mut rows, mut row, mut field, mut within) = (Vec::new(), Vec::new(), Vec::new(), false);
        let mut bytes = text.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            match (byte, within) {
                (b'"', true) if bytes.next_if_eq(&b'"').is_some() => field.push(b'"'),
                (b'"', _) => within = !within,
                (b',', false) => row.push(std::mem::take(&mut field)),
                (b'\n', false) => {
                    row.push(std::mem::take(&mut field));
                    rows.push(std::mem::take(&mut row));
                }
                _ => field.push(byte),
            }
        }
        rows
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_written_can_be_read(secret in "[a,\"\n\r \\\\.é]{0,12}", bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..40)) {
            let leak = Leak { secret: secret.as_str().into(), matched: bytes.clone().into(), ..Leak::default() };
            let rows = read(&report(&[leak]));
            proptest::prop_assert_eq!((rows.len(), rows[1].len()), (2, 16));
            proptest::prop_assert_eq!(&rows[1][4][..], secret.as_bytes());
            proptest::prop_assert_eq!(&rows[1][5], &bytes);
        }
    }
}
