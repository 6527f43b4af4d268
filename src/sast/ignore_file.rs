//! `.semgrepignore`: which files are not looked at. The syntax is that of `.gitignore`, with `:include FILE`; where
//! there is no such file, Semgrep's own template holds.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// The name of the file.
pub const NAME: &str = ".semgrepignore";

/// What holds where a repository says nothing: the template that Semgrep documents.
const TEMPLATE: &str = "node_modules/\nbuild/\ndist/\nvendor/\n.env/\n.venv/\n.tox/\n*.min.js\n.npm/\n.yarn/\n\
test/\ntests/\n*_test.go\n.semgrep\n.semgrep_logs/\n";

/// Lines of one file that are read.
const MOST_LINES: usize = 10_000;

/// Paths that are left out.
#[derive(Clone, Debug, Default)]
pub struct IgnoreFile {
    set: GlobSet,
    /// By the number of the pattern: whether it takes back, and whether it is about folders only.
    rules: Vec<(bool, bool)>,
}

impl IgnoreFile {
    /// Semgrep's template.
    pub fn template() -> IgnoreFile {
        IgnoreFile::parse(TEMPLATE, |_| None)
    }

    /// Reads a file; `include` gives the text of a file that it includes. A line that is no pattern is passed over, as
    /// git does.
    pub fn parse(text: &str, include: impl Fn(&str) -> Option<String>) -> IgnoreFile {
        let mut lines: Vec<String> = Vec::new();
        for line in text.lines().take(MOST_LINES) {
            match line.trim().strip_prefix(":include ") {
                Some(file) => {
                    lines.extend(include(file.trim()).unwrap_or_default().lines().take(MOST_LINES).map(str::to_string))
                }
                None => lines.push(line.to_string()),
            }
        }
        let mut set = GlobSetBuilder::new();
        let mut rules = Vec::new();
        for line in &lines {
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (back, line) = match line.strip_prefix('!') {
                Some(rest) => (true, rest),
                None => (false, line.strip_prefix('\\').unwrap_or(line)),
            };
            let folder = line.ends_with('/');
            let body = line.trim_end_matches('/');
            let glob = match body.strip_prefix('/') {
                Some(anchored) => anchored.to_string(),
                None if body.contains('/') => body.to_string(),
                None => format!("**/{body}"),
            };
            if let Ok(glob) = GlobBuilder::new(&glob).literal_separator(true).build() {
                set.add(glob);
                rules.push((back, folder));
            }
        }
        IgnoreFile { set: set.build().unwrap_or_default(), rules }
    }

    /// Whether a file is left out, itself or with a folder above it.
    pub fn covers(&self, path: &str) -> bool {
        if self.rules.is_empty() {
            return false;
        }
        let folders = path.match_indices('/').map(|(at, _)| (&path[..at], true));
        folders.chain(std::iter::once((path, false))).any(|(part, folder)| self.names(part, folder))
    }

    /// Whether this very path is named; the last pattern that fits decides.
    pub fn names(&self, path: &str, folder: bool) -> bool {
        let fits = self.set.matches(path).into_iter().filter(|index| folder || !self.rules[*index].1).max();
        fits.is_some_and(|index| !self.rules[index].0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_leaves_out_what_others_wrote() {
        let ignore = IgnoreFile::template();
        for path in ["node_modules/a/b.js", "web/dist/x.js", "a/jquery.min.js", "pkg/a_test.go", "tests/a.py"] {
            assert!(ignore.covers(path), "{path}");
        }
        for path in ["src/a.js", "src/latest/a.py", "build.rs", "vendor.go"] {
            assert!(!ignore.covers(path), "{path}");
        }
    }

    #[test]
    fn a_file_means_what_it_means_to_git() {
        let ignore = IgnoreFile::parse("# x\n*.gen.ts\n!keep.gen.ts\n/only\nsrc/*.py\n:include other\n", |_| {
            Some("inc/\n".into())
        });
        assert!(ignore.covers("a/b.gen.ts") && !ignore.covers("a/keep.gen.ts"));
        assert!(ignore.covers("only/x") && !ignore.covers("a/only"));
        assert!(ignore.covers("src/a.py") && !ignore.covers("src/b/a.py"));
        assert!(ignore.covers("inc/a.js"));
    }
}
