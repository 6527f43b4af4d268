//! A comparison as one HTML page that needs nothing beside it: no script, no style sheet, no picture from elsewhere.

use std::fmt::Write as _;

use super::{Change, Document, Side};
use crate::contracts::Impact;
use crate::text::{counted, one_line, visible};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#1f2328}\
h2{margin-top:2rem;font-size:1.05rem;border-bottom:1px solid #d1d9e0}li{margin:.5rem 0}small{color:#59636e}\
.breaking{color:#b62324}.dangerous{color:#9a6700}.compatible{color:#1a7f37}pre{background:#f6f8fa;padding:.75rem;overflow:auto}\
code{background:#f6f8fa;padding:0 .2rem}";

/// Prints the document.
pub fn render(document: &Document) -> String {
    let title = format!("Contracts: {}", document.in_words());
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{0}</title><style>{STYLE}</style></head><body>\n<h1>{0}</h1>\n",
        escaped(&title)
    );
    if let (Some(base), Some(revision)) = (&document.base, &document.revision) {
        let _ = writeln!(page, "<p><code>{}</code> → <code>{}</code></p>", escaped(base), escaped(revision));
    }
    for problem in &document.unreadable {
        let _ = writeln!(page, "<p class=\"breaking\">Could not be read: {}</p>", escaped(problem));
    }
    for (group, changes) in Document::groups(document.changes.iter()) {
        let _ = writeln!(page, "<h2>{}</h2>\n<ul>", escaped(&one_line(&group, 200)));
        changes.iter().for_each(|change| item(change, &mut page));
        page.push_str("</ul>\n");
    }
    if document.left_out > 0 {
        let _ = writeln!(page, "<p>…and {}</p>", counted(document.left_out as usize, "more change"));
    }
    for text in &document.texts {
        let _ =
            writeln!(page, "<h2>{} <small>+{} −{}</small></h2>\n<pre>", escaped(&text.file), text.added, text.deleted);
        for line in &text.lines {
            let class = match line.chars().next() {
                Some('+') => "compatible",
                Some('-') => "breaking",
                _ => "",
            };
            let _ = writeln!(page, "<span class=\"{class}\">{}</span>", escaped(line));
        }
        page.push_str("</pre>\n");
    }
    page.push_str("</body></html>\n");
    page
}

fn item(change: &Change, page: &mut String) {
    let level = if change.accepted.is_some() { Impact::Compatible } else { change.level };
    let word = if change.accepted.is_some() { "accepted".into() } else { level.to_string() };
    let _ = write!(page, "<li><b class=\"{level}\">{word}</b> {}", escaped(&change.message));
    if let (Some(before), Some(after)) = (&change.before, &change.after) {
        let _ = write!(page, "<br><code>{}</code> → <code>{}</code>", escaped(before), escaped(after));
    }
    for (label, words) in [("breaks", &change.breaks), ("instead", &change.fix), ("accepted", &change.accepted)] {
        if let Some(words) = words {
            let _ = write!(page, "<br>{label}: {}", escaped(words));
        }
    }
    if !change.reaches.is_empty() {
        let names: Vec<String> = change.reaches.iter().map(|name| format!("<code>{}</code>", escaped(name))).collect();
        let count = counted(names.len(), "place");
        let _ = write!(page, "<br><details><summary>reaches {count}</summary>{}</details>", names.join(", "));
    }
    if let Some((place, side)) = change.place() {
        let before = if side == Side::Base { " (before)" } else { "" };
        let at = format!("{}:{}:{}{before}", place.file, place.line, place.column);
        let _ = write!(
            page,
            "<br><small>{} · {}/{} · {}</small>",
            escaped(&at),
            change.format,
            escaped(&change.id),
            escaped(&change.fingerprint)
        );
    }
    page.push_str("</li>\n");
}

/// Text between tags and inside of quoted attributes.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in visible(text).chars() {
        match character {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            '\'' => shown.push_str("&#39;"),
            character => shown.push(character),
        }
    }
    shown
}
