//! What a report calls a file, and what the repository calls it.
//!
//! A report may name files from the root of the machine that ran the tests, from a folder of sources, or by package.
//! The repository's files are known, so a name is looked for among them by its end: the longest that fits, and none
//! where two fit alike.

use std::collections::{BTreeMap, HashMap};

use super::{File, Report};

/// A prefix of the report's names, and what stands there in the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remap {
    /// What names of the report begin with.
    pub from: String,
    /// What takes its place.
    pub to: String,
}

/// A report by the repository's own paths.
#[derive(Clone, Debug, Default)]
pub struct Located<'a> {
    /// Files of the repository.
    pub files: BTreeMap<&'a str, File>,
    /// Names of the report that are no file of the repository, or could be several.
    pub elsewhere: Vec<String>,
}

impl Report {
    /// Brings the names together with `paths`, the files of the repository (with `/`).
    pub fn by_repository<'a>(&self, paths: impl IntoIterator<Item = &'a str>, remaps: &[Remap]) -> Located<'a> {
        let mut by_name: HashMap<&str, Vec<&'a str>> = HashMap::new();
        for path in paths {
            by_name.entry(path.rsplit('/').next().unwrap_or(path)).or_default().push(path);
        }
        let mut located = Located::default();
        for (name, file) in &self.files {
            match self.locate(name, &by_name, remaps) {
                Some(path) => located.files.entry(path).or_default().merge(file.clone()),
                None => located.elsewhere.push(name.clone()),
            }
        }
        located
    }

    fn locate<'a>(&self, name: &str, by_name: &HashMap<&str, Vec<&'a str>>, remaps: &[Remap]) -> Option<&'a str> {
        let name = name.replace('\\', "/");
        let name = remaps
            .iter()
            .find_map(|remap| name.strip_prefix(remap.from.as_str()).map(|rest| format!("{}{rest}", remap.to)))
            .unwrap_or(name);
        let name = name.trim_start_matches("./");
        let candidates = by_name.get(name.rsplit('/').next()?)?;
        if let Some(exact) = candidates.iter().find(|path| **path == name) {
            return Some(exact);
        }
        let absolute = name.starts_with('/') || name.as_bytes().get(1) == Some(&b':');
        let joined =
            self.sources.iter().filter(|_| !absolute).map(|source| format!("{}/{name}", source.trim_end_matches('/')));
        for whole in joined.chain(std::iter::once(name.to_string())) {
            // The repository's path is the end of the report's: `/builds/x/lib/a.js`.
            let inside = candidates.iter().filter(|path| is_end(&whole, path)).max_by_key(|path| path.len());
            if let Some(path) = inside {
                return Some(path);
            }
        }
        // The report's name is the end of the repository's path: `app/Size.java` of `src/app/Size.java`.
        let mut below = candidates.iter().filter(|path| is_end(path, name));
        match (below.next(), below.next()) {
            (Some(path), None) => Some(path),
            _ => None,
        }
    }
}

/// Whether a path ends with another, at a `/`.
fn is_end(whole: &str, end: &str) -> bool {
    whole.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn located(names: &[&str], sources: &[&str], paths: &[&'static str]) -> Vec<(&'static str, usize)> {
        let mut report = Report { sources: sources.iter().map(ToString::to_string).collect(), ..Report::default() };
        names.iter().for_each(|name| report.file(name).line(1, true));
        let found = report.by_repository(paths.iter().copied(), &[Remap { from: "dist/".into(), to: "src/".into() }]);
        let elsewhere = found.elsewhere.len();
        found.files.into_keys().map(|path| (path, elsewhere)).collect()
    }

    #[test]
    fn names_are_known_by_their_end() {
        assert_eq!(located(&["/home/r/x/lib/a.js"], &[], &["a.js", "lib/a.js"]), [("lib/a.js", 0)]);
        assert_eq!(located(&["app/A.java"], &[], &["src/main/java/app/A.java"]), [("src/main/java/app/A.java", 0)]);
        assert_eq!(located(&["example.org/m/a.go"], &[], &["a.go"]), [("a.go", 0)]);
        assert_eq!(located(&["a.py"], &["/w/src"], &["src/a.py", "tools/a.py"]), [("src/a.py", 0)]);
        assert_eq!(located(&["dist/a.js"], &[], &["src/a.js"]), [("src/a.js", 0)]);
    }

    #[test]
    fn a_name_that_fits_two_files_fits_none() {
        assert_eq!(located(&["app/A.java"], &[], &["a/app/A.java", "b/app/A.java"]), []);
    }
}
