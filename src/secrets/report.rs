//! gitleaks' reports, byte for byte, but in one order.
//!
//! They keep gitleaks' oddities (columns one too large, a SARIF version that never moves, nothing at all for an empty
//! CSV), because other programs read them. Our own reports are elsewhere and right. gitleaks writes findings in the
//! order of its threads; sort them with [`sort`] first, and the same leaks make the same bytes.
//!
//! Reports show secrets in clear unless [`redact`](super::redact::redact) went over the leaks.

pub mod csv;
pub mod json;
pub mod junit;
pub mod sarif;
pub mod template;

pub mod verbose;

use super::leak::Leak;

/// Brings leaks into the order of every report: file, line, column, rule; then whatever tells them apart.
pub fn sort(leaks: &mut [Leak]) {
    leaks.sort_by(|a, b| {
        let place = |leak: &Leak| (leak.start_line, leak.start_column);
        let end = |leak: &Leak| (leak.end_line, leak.end_column);
        let rest = |leak: &Leak| leak.commit_id().map(str::to_string);
        (&a.file, place(a), &a.rule).cmp(&(&b.file, place(b), &b.rule)).then_with(|| {
            (end(a), rest(a), &a.secret, &a.matched, &a.tags, &a.symlink).cmp(&(
                end(b),
                rest(b),
                &b.secret,
                &b.matched,
                &b.tags,
                &b.symlink,
            ))
        })
    });
}

/// What leaks of reports are tested with.
#[cfg(test)]
pub(super) fn samples() -> Vec<Leak> {
    use std::sync::Arc;

    use super::fragment::CommitInfo;

    let plain = Leak {
        rule: "aws-mini".into(),
        description: "AWS key, <short> & \"quoted\"".into(),
        start_line: 2,
        end_line: 2,
        start_column: 13,
        end_column: 32,
        matched: "AKIATQ7XW3ZB5LK2NMDR".into(),
        secret: "AKIATQ7XW3ZB5LK2NMDR".into(),
        line: "\nconst k = \"AKIATQ7XW3ZB5LK2NMDR\"; // <b>&\"quoted\", commas".into(),
        file: "in/app.js".into(),
        entropy: 4.121928,
        tags: vec!["aws".into(), "cloud".into()],
        fingerprint: "in/app.js:aws-mini:2".into(),
        ..Leak::default()
    };
    let commit = CommitInfo {
        id: "c0ffee".into(),
        author: "Ann, \"A\"".into(),
        email: "ann@example.org".into(),
        date: "2024-01-31T12:00:00Z".into(),
        message: "one\n\ntwo \u{2028}".into(),
        web: "https://example.org/x".into(),
    };
    let strange = Leak {
        matched: b"k=\x08\x0c\x01\x7f\t<\xff>'".into(),
        secret: b"\x08\x0c\x01\x7f\t<\xff>'".into(),
        line: b"\n  k=\x08\x0c\x01\x7f\t<\xff>'; and more of the line than is shown".into(),
        file: "z\u{e9}.txt".into(),
        symlink: " link".into(),
        commit: Some(Arc::new(commit)),
        link: "https://example.org/x/blob/c0ffee/z#L2".into(),
        entropy: 0.0,
        tags: Vec::new(),
        ..plain.clone()
    };
    vec![plain, strange]
}
