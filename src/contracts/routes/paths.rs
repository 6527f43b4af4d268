//! Paths as frameworks write them, in one spelling: `{name}` for one part, `{name?}` for one that can be missing,
//! `{*name}` for all that is left. A pattern that a part must match stands behind a colon: `{name:\d+}`.

/// One path behind another.
pub(super) fn join(prefix: &str, path: &str) -> String {
    let (prefix, path) = (prefix.trim_end_matches('/'), path.trim_start_matches('/'));
    match (prefix.is_empty(), path.is_empty()) {
        (true, true) => "/".into(),
        (false, true) => prefix.into(),
        (true, false) => format!("/{path}"),
        (false, false) => format!("{prefix}/{path}"),
    }
}

/// The path without the names of its parameters: what tells two routes apart.
pub(super) fn nameless(path: &str) -> String {
    let parts = path.split('/').map(|part| {
        let mut out = String::new();
        let mut rest = part;
        while let Some(start) = rest.find('{') {
            let Some(end) = close(&rest[start..]).map(|end| start + end) else { break };
            let inner = &rest[start + 1..end];
            out.push_str(&rest[..start]);
            let (name, pattern) = inner.split_once(':').map_or((inner, None), |(name, pattern)| (name, Some(pattern)));
            out.push('{');
            if name.starts_with('*') {
                out.push('*');
            }
            if name.ends_with('?') {
                out.push('?');
            }
            if let Some(pattern) = pattern {
                out.push(':');
                out.push_str(pattern);
            }
            out.push('}');
            rest = &rest[end + 1..];
        }
        out.push_str(rest);
        out
    });
    parts.collect::<Vec<_>>().join("/")
}

/// The path without patterns: what the client fills in.
pub(super) fn bare(nameless: &str) -> String {
    let parts = nameless.split('/').map(|part| match (part.find("{:"), part.rfind('}')) {
        (Some(start), Some(end)) if start < end => format!("{}{{}}{}", &part[..start], &part[end + 1..]),
        _ => part.to_string(),
    });
    parts.collect::<Vec<_>>().join("/")
}

fn close(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// `/users/:id(\d+)/*` of Express, Fastify, Hono and older axum.
pub(super) fn from_colons(path: &str) -> String {
    let chars: Vec<char> = path.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    while at < chars.len() {
        let begins = at == 0 || matches!(chars[at - 1], '/' | '-' | '.');
        match chars[at] {
            ':' if begins && chars.get(at + 1).is_some_and(|next| word(*next)) => {
                at += 1;
                let start = at;
                while at < chars.len() && (chars[at].is_alphanumeric() || chars[at] == '_') {
                    at += 1;
                }
                let name: String = chars[start..at].iter().collect();
                let mut pattern = String::new();
                if let Some(open @ ('(' | '{')) = chars.get(at).copied() {
                    let shut = if open == '(' { ')' } else { '}' };
                    let mut depth = 0usize;
                    let from = at + 1;
                    while at < chars.len() {
                        depth += usize::from(chars[at] == open);
                        if chars[at] == shut {
                            depth -= 1;
                            if depth == 0 {
                                break;
                            }
                        }
                        at += 1;
                    }
                    pattern = chars[from.min(at)..at].iter().collect();
                    at = (at + 1).min(chars.len());
                }
                let optional = chars.get(at) == Some(&'?');
                let all = matches!(chars.get(at), Some('*' | '+'));
                at += usize::from(optional || all);
                out.push('{');
                out.push_str(if all { "*" } else { "" });
                out.push_str(&name);
                out.push_str(if optional { "?" } else { "" });
                if !pattern.is_empty() {
                    out.push(':');
                    out.push_str(&pattern);
                }
                out.push('}');
            }
            '*' if begins => {
                at += 1;
                let start = at;
                while at < chars.len() && word(chars[at]) {
                    at += 1;
                }
                out.push_str("{*");
                out.extend(&chars[start..at]);
                out.push('}');
            }
            other => {
                out.push(other);
                at += 1;
            }
        }
    }
    trimmed(out)
}

/// `/users/{id}/{rest:path}` of FastAPI.
pub(super) fn from_fastapi(path: &str) -> String {
    let parts = path.split('/').map(|part| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        Some(inner) => match inner.split_once(':') {
            Some((name, "path")) => format!("{{*{name}}}"),
            Some((name, "str")) => format!("{{{name}}}"),
            _ => part.to_string(),
        },
        None => part.to_string(),
    });
    trimmed(parts.collect::<Vec<_>>().join("/"))
}

/// A slash at the end means nothing to these servers.
fn trimmed(path: String) -> String {
    match path.trim_end_matches('/') {
        "" => {
            if path.is_empty() {
                String::new()
            } else {
                "/".into()
            }
        }
        rest => rest.to_string(),
    }
}

/// What a file of Next.js stands for: its kind and the path of its folder.
/// <https://nextjs.org/docs/app/getting-started/project-structure>
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NextFile {
    /// `route.ts`: its exports are methods.
    Handler(String),
    /// `page.tsx`, or a file of `pages/`.
    Page(String),
    /// A file of `pages/api/`: it answers every method.
    Api(String),
}

pub(super) fn next(file: &str) -> Option<NextFile> {
    let parts: Vec<&str> = file.split('/').collect();
    let (name, folders) = parts.split_last()?;
    let (stem, ending) = name.rsplit_once('.')?;
    if !matches!(ending, "ts" | "tsx" | "js" | "jsx" | "mjs" | "mts") || stem.ends_with(".d") || stem.contains(".test")
    {
        return None;
    }
    if let Some(root) = folders.iter().position(|part| *part == "app")
        && matches!(stem, "route" | "page")
    {
        let inside = &folders[root + 1..];
        if inside.iter().any(|part| part.starts_with('_')) {
            return None;
        }
        let shown =
            inside.iter().filter(|part| !(part.starts_with('@') || part.starts_with('(') && part.ends_with(')')));
        let path = join("", &shown.map(|part| brackets(part)).collect::<Vec<_>>().join("/"));
        return Some(if stem == "route" { NextFile::Handler(path) } else { NextFile::Page(path) });
    }
    let root = folders.iter().position(|part| *part == "pages")?;
    let inside = &folders[root + 1..];
    // `[...all]` is a name; `x.stories` is none.
    if stem.starts_with('_') || !stem.starts_with('[') && stem.contains('.') {
        return None;
    }
    let mut shown: Vec<String> = inside.iter().map(|part| brackets(part)).collect();
    if stem != "index" {
        shown.push(brackets(stem));
    }
    let path = join("", &shown.join("/"));
    match inside.first() {
        Some(&"api") => Some(NextFile::Api(path)),
        _ if matches!(ending, "tsx" | "jsx" | "js") => Some(NextFile::Page(path)),
        _ => None,
    }
}

fn brackets(part: &str) -> String {
    if let Some(inner) = part.strip_prefix("[[...").and_then(|part| part.strip_suffix("]]")) {
        return format!("{{*{inner}?}}");
    }
    if let Some(inner) = part.strip_prefix("[...").and_then(|part| part.strip_suffix(']')) {
        return format!("{{*{inner}}}");
    }
    match part.strip_prefix('[').and_then(|part| part.strip_suffix(']')) {
        Some(inner) => format!("{{{inner}}}"),
        None => part.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_framework_ends_in_one_spelling() {
        assert_eq!(from_colons("/users/:id"), "/users/{id}");
        assert_eq!(from_colons("/users/:id(\\d+)/x"), "/users/{id:\\d+}/x");
        assert_eq!(from_colons("/users/:id{[0-9]+}"), "/users/{id:[0-9]+}");
        assert_eq!(from_colons("/users/:id?"), "/users/{id?}");
        assert_eq!(from_colons("/files/*rest"), "/files/{*rest}");
        assert_eq!(from_colons("/a/"), "/a");
        assert_eq!(from_colons("/:a-:b"), "/{a}-{b}");
        assert_eq!(from_fastapi("/files/{p:path}"), "/files/{*p}");
        assert_eq!(nameless("/users/{id}/{*rest}"), "/users/{}/{*}");
        assert_eq!(nameless("/users/{id:[0-9]{2}}"), "/users/{:[0-9]{2}}");
        assert_eq!(bare("/users/{:[0-9]{2}}"), "/users/{}");
    }

    #[test]
    fn files_of_next_are_paths() {
        assert_eq!(next("src/app/(shop)/items/[id]/route.ts"), Some(NextFile::Handler("/items/{id}".into())));
        assert_eq!(next("app/page.tsx"), Some(NextFile::Page("/".into())));
        assert_eq!(next("pages/api/users/[...all].ts"), Some(NextFile::Api("/api/users/{*all}".into())));
        assert_eq!(next("pages/index.tsx"), Some(NextFile::Page("/".into())));
        assert_eq!(next("pages/_app.tsx"), None);
        assert_eq!(next("src/server.ts"), None);
    }

    #[test]
    fn odd_paths_end_in_something() {
        for path in [":", "/:", "*", "{", "}", "{:", ":a(", ":a{", "/:a(((", "é:é", "{*", "/{/}/", ":a(\\", "{:}{:}"]
        {
            let _ = (nameless(&from_colons(path)), bare(&nameless(path)), from_fastapi(path), next(path));
        }
    }
}
