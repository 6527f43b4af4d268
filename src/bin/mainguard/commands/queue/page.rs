//! The queue as one page that needs nothing else: no script, no font, no picture, no network.
//!
//! What pulls on it: it is read on a screen in the office and on a telephone, in light and dark; most of its words were
//! written by strangers, so everything is escaped here and nothing can be run.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use mainguard::queue::build::{Build, BuildPhase, Onto};
use mainguard::queue::entry::{Entry, ExitReason, Phase};
use mainguard::queue::{Config, State, World, explain, line};
use mainguard::text::visible;

/// How many of those who left are shown.
const MOST_LEFT: usize = 20;

/// Where the repository is shown, `https://github.com/owner/name`; pull requests are links below it.
pub(super) struct Home<'a>(pub(super) &'a str);

/// The page.
pub(super) fn html(state: &State, config: &Config, home: &Home<'_>, now: DateTime<Utc>) -> String {
    let branch = escaped(&state.branch);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>Queue of {branch}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <header><h1>Queue of <code>{branch}</code></h1><p>{} · as of {}</p></header>\n",
        escaped(home.0.trim_start_matches("https://")),
        moment(now),
    );
    if let Some(freeze) = &state.freeze {
        let _ = writeln!(
            page,
            "<p class=\"frozen\" role=\"status\"><strong>Frozen</strong> since {}: {}</p>",
            moment(freeze.since),
            escaped(&freeze.reason)
        );
    }
    let live: Vec<&Entry> = line(state, config).into_iter().filter_map(|pull| state.entries.get(&pull)).collect();
    let in_line: Vec<&&Entry> =
        live.iter().filter(|entry| matches!(entry.phase, Phase::Waiting | Phase::Held(_))).collect();
    tiles(&mut page, state, live.len() - in_line.len(), in_line.len());
    train(&mut page, state, home, now);
    let _ = writeln!(page, "<section>\n<h2>In line</h2>");
    match (in_line.is_empty(), live.is_empty()) {
        (true, true) => page.push_str("<p class=\"empty\">The queue is empty.</p>\n"),
        (true, false) => page.push_str("<p class=\"empty\">Nobody waits: everybody is being tested.</p>\n"),
        _ => table(&mut page, "Waits", in_line.iter().map(|entry| row(state, config, entry, home, now))),
    }
    page.push_str("</section>\n");
    let mut left: Vec<&Entry> = state.entries.values().filter(|entry| matches!(entry.phase, Phase::Done(_))).collect();
    left.sort_by_key(|entry| std::cmp::Reverse((entry.since, entry.pull)));
    if !left.is_empty() {
        page.push_str("<section>\n<h2>Left lately</h2>\n");
        table(&mut page, "Ago", left.into_iter().take(MOST_LEFT).map(|entry| row(state, config, entry, home, now)));
        page.push_str("</section>\n");
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn tiles(page: &mut String, state: &State, tested: usize, waiting: usize) {
    let stats = &state.stats;
    let per_landed = match stats.landed {
        0 => "–".to_string(),
        landed => format!("{:.2}", stats.runs as f64 / landed as f64),
    };
    let minutes = match stats.samples {
        0 => "–".to_string(),
        _ => format!("{:.0} min", stats.ci_seconds / 60.0),
    };
    page.push_str("<dl class=\"tiles\">\n");
    for (what, value) in [
        ("being tested", tested.to_string()),
        ("in line", waiting.to_string()),
        ("landed", stats.landed.to_string()),
        ("ejected", stats.ejected.to_string()),
        ("runs per landing", per_landed),
        ("a CI run takes", minutes),
    ] {
        let _ = writeln!(page, "<div><dt>{what}</dt><dd>{value}</dd></div>");
    }
    page.push_str("</dl>\n");
}

/// The builds in their order, each on the one before it that has not failed.
fn train(page: &mut String, state: &State, home: &Home<'_>, now: DateTime<Utc>) {
    let builds: Vec<&Build> = state.train.iter().chain(&state.aside).filter_map(|id| state.builds.get(id)).collect();
    if builds.is_empty() {
        return;
    }
    page.push_str("<section>\n<h2>Being tested</h2>\n<ol class=\"train\">\n");
    for build in builds {
        let (class, word) = standing(&build.phase);
        let since = match (&build.phase, build.started_at, build.ended_at) {
            (BuildPhase::Running, Some(started), _) => format!(" for {}", span(now - started)),
            (_, _, Some(ended)) => format!(" since {}", span(now - ended)),
            _ => String::new(),
        };
        let onto = match &build.onto {
            Onto::Commit(commit) => {
                format!("<code>{}</code> at <code>{}</code>", escaped(&state.branch), commit.short())
            }
            Onto::Build(below) => format!("build <code>{}</code>", below.as_str()),
        };
        let commit =
            build.commit.as_ref().map(|commit| format!(", as <code>{}</code>", commit.short())).unwrap_or_default();
        let _ = writeln!(
            page,
            "<li class=\"{class}\"><p><span class=\"badge\">{word}{since}</span> <code>{}</code></p>\n<ul>",
            build.id
        );
        for member in &build.members {
            let _ = writeln!(
                page,
                "<li>{} {} <code>{}</code></li>",
                link(home, member.pull),
                escaped(&member.title),
                member.head.short()
            );
        }
        let _ = writeln!(page, "</ul>\n<p class=\"quiet\">merged onto {onto}{commit}</p></li>");
    }
    page.push_str("</ol>\n</section>\n");
}

fn standing(phase: &BuildPhase) -> (&'static str, &'static str) {
    match phase {
        BuildPhase::Planned | BuildPhase::Created => ("quiet", "being made"),
        BuildPhase::Running => ("active", "running"),
        BuildPhase::Green => ("good", "green"),
        BuildPhase::Landing => ("good", "landing"),
        BuildPhase::Landed => ("good", "landed"),
        BuildPhase::Superseded => ("quiet", "void"),
        BuildPhase::Red { .. } => ("bad", "red"),
        BuildPhase::Timeout { .. } => ("bad", "too slow"),
        BuildPhase::NeverReported { .. } => ("bad", "never reported"),
        BuildPhase::TooFast { .. } => ("bad", "too fast"),
        BuildPhase::Infra { .. } => ("bad", "CI gave up"),
    }
}

fn table(page: &mut String, time: &str, rows: impl Iterator<Item = String>) {
    let _ = writeln!(
        page,
        "<table>\n<thead><tr><th>State</th><th>Pull request</th><th>{time}</th><th>Why</th></tr></thead>\n<tbody>"
    );
    rows.for_each(|row| page.push_str(&row));
    page.push_str("</tbody>\n</table>\n");
}

fn row(state: &State, config: &Config, entry: &Entry, home: &Home<'_>, now: DateTime<Utc>) -> String {
    let (class, word, since) = match &entry.phase {
        Phase::Waiting => ("active", "waiting", entry.at),
        Phase::Held(_) => ("warn", "held", entry.at),
        Phase::Building(_) | Phase::Landing(_) => ("active", "testing", entry.at),
        Phase::Done(ExitReason::Landed { .. }) => ("good", "landed", entry.since),
        Phase::Done(exit) if exit.is_failure() => ("bad", "failed", entry.since),
        Phase::Done(_) => ("quiet", "left", entry.since),
    };
    // The freeze stands above the table, and the state is the first column.
    let frozen = usize::from(state.freeze.is_some());
    let why: Vec<String> =
        explain(state, &World::default(), config, entry.pull, now).into_iter().skip(frozen).collect();
    format!(
        "<tr class=\"{class}\"><td><span class=\"badge\">{word}</span></td><td>{} {} <code>{}</code></td>\
         <td class=\"time\">{}</td><td class=\"why\">{}</td></tr>\n",
        link(home, entry.pull),
        escaped(&entry.title),
        entry.head.short(),
        span(now - since),
        marked(&why.join(" ")),
    )
}

fn link(home: &Home<'_>, pull: u64) -> String {
    format!("<a href=\"{}/pull/{pull}\">#{pull}</a>", escaped(home.0))
}

fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// A length of time in its two largest units.
fn span(time: chrono::TimeDelta) -> String {
    let minutes = time.num_minutes().max(0);
    match (minutes / 1_440, minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// Our own sentences with their code and links; everything else in them is text.
fn marked(markdown: &str) -> String {
    let mut html = String::new();
    let mut rest = markdown;
    while let Some(at) = rest.find(['`', '[']) {
        html.push_str(&escaped(&rest[..at]));
        rest = &rest[at..];
        if let Some((code, after)) = rest.strip_prefix('`').and_then(|after| after.split_once('`')) {
            let _ = write!(html, "<code>{}</code>", escaped(code));
            rest = after;
        } else if let Some((name, address, after)) = linked(rest) {
            let _ = write!(html, "<a href=\"{}\"><code>{}</code></a>", escaped(address), escaped(name));
            rest = after;
        } else {
            html.push_str(&escaped(&rest[..1]));
            rest = &rest[1..];
        }
    }
    html.push_str(&escaped(rest));
    html
}

/// The name, the address and what follows of `` [`name`](https://…) `` at the beginning.
fn linked(text: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = text.strip_prefix("[`")?.split_once("`](")?;
    let (address, rest) = rest.split_once(')')?;
    (address.starts_with("https://") && !name.contains('`')).then_some((name, address, rest))
}

fn escaped(text: &str) -> String {
    let text = visible(text);
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// Colours come in pairs whose contrast is at least 4.5 to 1 on their background.
const STYLE: &str = "\
:root{--back:#fff;--card:#f6f8fa;--text:#1f2328;--quiet:#59636e;--line:#d1d9e0;--active:#0550ae;--good:#116329;\
--bad:#a40e26;--warn:#7d4e00;--ice:#ddf4ff}
@media(prefers-color-scheme:dark){:root{--back:#0d1117;--card:#161b22;--text:#f0f6fc;--quiet:#9198a1;--line:#3d444d;\
--active:#79c0ff;--good:#56d364;--bad:#ff7b72;--warn:#e3b341;--ice:#0c2d4d}}
*{box-sizing:border-box}
body{margin:0;color:var(--text);background:var(--back);font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
main{max-width:64rem;margin:0 auto;padding:1.5rem 1rem 3rem}
header p,.quiet,.empty{color:var(--quiet)}
h1{font-size:1.75rem;line-height:1.2;margin:0}
h2{font-size:1.125rem;margin:2rem 0 .5rem}
header p,li p{margin:.25rem 0}
a{color:var(--active)}
code{font:.875em ui-monospace,monospace;color:var(--quiet)}
h1 code{font-size:1em;color:inherit}
.frozen{background:var(--ice);border-left:.25rem solid var(--active);padding:.75rem 1rem;border-radius:.375rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.75rem;margin:1.25rem 0}
.tiles div{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.625rem .875rem;\
display:flex;flex-direction:column-reverse;justify-content:flex-end}
dt{color:var(--quiet);font-size:.875rem}
dd{margin:0;font-size:1.5rem;font-weight:600;font-variant-numeric:tabular-nums}
.train{list-style:none;margin:0;padding:0;display:grid;gap:.75rem;grid-template-columns:repeat(auto-fill,minmax(18rem,1fr))}
.train>li{border:1px solid var(--line);border-top:.25rem solid var(--mark);border-radius:.5rem;padding:.5rem .875rem}
.train ul{list-style:none;margin:.25rem 0;padding:0}
.train .quiet{font-size:.875rem}
.active{--mark:var(--active)}.good{--mark:var(--good)}.bad{--mark:var(--bad)}.warn{--mark:var(--warn)}\
.quiet{--mark:var(--quiet)}
.badge{color:var(--mark);font-weight:600;white-space:nowrap}
.badge::before{content:\"\";display:inline-block;width:.625em;height:.625em;margin-right:.4em;border-radius:50%;\
background:var(--mark)}
table{border-collapse:collapse;width:100%}
th{color:var(--quiet);font-size:.875rem;font-weight:600}
th,td{text-align:left;vertical-align:top;padding:.5rem .75rem .5rem 0;border-bottom:1px solid var(--line)}
td:nth-child(2){width:34%}
.time{white-space:nowrap;font-variant-numeric:tabular-nums}
tr.quiet{color:inherit}
@media(max-width:44rem){thead{display:none}table,tbody{display:block}\
tr{display:grid;grid-template-columns:1fr auto;gap:0 1rem;padding:.625rem 0;border-bottom:1px solid var(--line)}\
td,td:nth-child(2){border:0;padding:0;width:auto}td:nth-child(2){grid-area:2/1/3/3}.why{grid-area:3/1/4/3;\
color:var(--quiet);font-size:.9375rem}.time{color:var(--quiet)}.train,.tiles{grid-template-columns:repeat(2,1fr)}\
.train{grid-template-columns:1fr}}
";

#[cfg(test)]
mod tests {
    use super::{marked, span};

    #[test]
    fn code_and_links_of_ours_are_shown_and_nothing_else() {
        let link = "it is red: [`ci`](https://example.org/a?b=1&c=2) (build `1f`)";
        let shown =
            "it is red: <a href=\"https://example.org/a?b=1&amp;c=2\"><code>ci</code></a> (build <code>1f</code>)";
        assert_eq!(marked(link), shown);
        assert_eq!(marked("[`a`](javascript:alert) <b> [x] `"), "[<code>a</code>](javascript:alert) &lt;b&gt; [x] `");
        assert_eq!(marked("`[`x`](https://a)`<i>"), "<code>[</code>x<code>](https://a)</code>&lt;i&gt;");
    }

    #[test]
    fn time_is_told_in_two_units() {
        let of = |minutes| span(chrono::TimeDelta::minutes(minutes));
        assert_eq!([of(-3), of(59), of(61), of(1_500)], ["0 min", "59 min", "1 h 1 min", "1 d 1 h"]);
    }
}
