//! Where a repository is shown on the web, and how a place in it is addressed there: pure.

/// A forge whose addresses are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// github.com and GitHub Enterprise.
    GitHub,
    /// GitLab.
    GitLab,
    /// Azure DevOps.
    AzureDevOps,
    /// Gitea, Forgejo.
    Gitea,
    /// Bitbucket.
    Bitbucket,
}

impl Platform {
    /// The names that `--platform` takes, with `unknown` (look at the host) and `none` beside them.
    pub const NAMES: [(&'static str, Platform); 5] = [
        ("github", Platform::GitHub),
        ("gitlab", Platform::GitLab),
        ("azuredevops", Platform::AzureDevOps),
        ("gitea", Platform::Gitea),
        ("bitbucket", Platform::Bitbucket),
    ];

    /// The platform of a name, in any case.
    pub fn from_name(name: &str) -> Option<Platform> {
        Platform::NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, platform)| *platform)
    }

    /// The platform behind a web address, for hosts that everybody knows.
    pub fn of_address(web: &str) -> Option<Platform> {
        let host = web.split_once("://")?.1.split(['/', ':']).next()?.to_ascii_lowercase();
        Some(match &*host {
            "github.com" => Platform::GitHub,
            "gitlab.com" => Platform::GitLab,
            "dev.azure.com" | "visualstudio.com" => Platform::AzureDevOps,
            "gitea.com" | "code.forgejo.org" | "codeberg.org" => Platform::Gitea,
            "bitbucket.org" => Platform::Bitbucket,
            _ => return None,
        })
    }

    /// The address of lines `first..=last` of `path` at `commit`, as gitleaks writes it. `path` may lead into an
    /// archive (`a.zip!b`): then it is the archive's. A `first` of 0 means the file.
    pub fn link(self, web: &str, commit: &str, path: &str, first: usize, last: usize) -> String {
        if commit.is_empty() || web.is_empty() {
            return String::new();
        }
        let (path, inner) = match path.split_once('!') {
            Some((archive, _)) => (archive, true),
            None => (path, false),
        };
        let escaped: String = path.chars().fold(String::new(), |mut escaped, character| {
            match character {
                ' ' => escaped.push_str("%20"),
                '%' => escaped.push_str("%25"),
                other => escaped.push(other),
            }
            escaped
        });
        let mut link = match self {
            Platform::GitHub | Platform::GitLab => format!("{web}/blob/{commit}/{escaped}"),
            Platform::AzureDevOps => format!("{web}/commit/{commit}?path=/{escaped}"),
            Platform::Gitea => format!("{web}/src/commit/{commit}/{escaped}"),
            Platform::Bitbucket => format!("{web}/src/{commit}/{escaped}"),
        };
        if inner {
            return link;
        }
        let rendered = path.rsplit_once('.').is_some_and(|(_, ending)| {
            !ending.contains('/') && ["md", "ipynb"].iter().any(|known| ending.eq_ignore_ascii_case(known))
        });
        let (source, from, to) = match self {
            Platform::GitHub => ("?plain=1", "#L", "-L"),
            Platform::GitLab => ("", "#L", "-"),
            Platform::AzureDevOps => ("", "&line=", "&lineEnd="),
            Platform::Gitea => ("?display=source", "#L", "-L"),
            Platform::Bitbucket => ("", "#lines-", ":"),
        };
        if rendered {
            link.push_str(source);
        }
        if first != 0 {
            link.push_str(&format!("{from}{first}"));
        }
        if last != first {
            link.push_str(&format!("{to}{last}"));
        }
        if self == Platform::AzureDevOps {
            // Without columns the page marks nothing.
            link.push_str("&lineStartColumn=1&lineEndColumn=10000000&type=2&lineStyle=plain&_a=files");
        }
        link
    }
}

/// The web address of a remote: `git@host:owner/name.git` becomes `https://host/owner/name`; user and password, query
/// and fragment are dropped. `None` for what is no address (a folder, a bundle) and for what could break out of a
/// report.
pub fn web_address(remote: &str) -> Option<String> {
    let remote = remote.trim();
    if remote.chars().any(|character| character.is_control() || " \"'<>\\`".contains(character)) {
        return None;
    }
    let (scheme, rest) = match remote.split_once("://") {
        Some((scheme, rest)) => (scheme, rest.to_string()),
        None => {
            let (host, path) = remote.split_once(':').filter(|(host, _)| !host.contains('/'))?;
            // A port may stand before the path.
            let path = match path.split_once('/') {
                Some((port, path)) if is_port(port) => path,
                _ => path,
            };
            ("ssh", format!("{host}/{}", path.trim_start_matches('/')))
        }
    };
    let rest = rest.split(['?', '#']).next()?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (scheme, authority) = match scheme.to_ascii_lowercase().as_str() {
        "http" => ("http", authority),
        "https" => ("https", authority),
        // The port of ssh is not the web's.
        "ssh" | "git+ssh" | "git" => {
            let host = authority.rsplit_once(':').filter(|(_, port)| is_port(port)).map_or(authority, |(host, _)| host);
            ("https", host)
        }
        _ => return None,
    };
    if authority.is_empty() {
        return None;
    }
    let path = path.trim_end_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    Some(format!("{scheme}://{authority}/{path}").trim_end_matches('/').to_string())
}

fn is_port(text: &str) -> bool {
    (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_stay_behind() {
        let check = |remote: &str, expect: Option<&str>| assert_eq!(web_address(remote).as_deref(), expect, "{remote}");
        check("https://github.com/o/r.git", Some("https://github.com/o/r"));
        check("https://user:pa@ss@github.com/o/r", Some("https://github.com/o/r"));
        check("https://host:8443/o/r/?token=1#x", Some("https://host:8443/o/r"));
        check("git@github.com:o/r.git", Some("https://github.com/o/r"));
        check("git@host:7999/o/r.git", Some("https://host/o/r"));
        check("ssh://git@host:22/o/r.git", Some("https://host/o/r"));
        check("/srv/git/r.git", None);
        check("../r", None);
        check("C:\\r", None);
        check("file:///srv/r", None);
        check("https://host/\u{1b}[31m", None);
        check("", None);
    }

    #[test]
    fn every_platform_has_its_own_form() {
        let check = |platform: Platform, path: &str, lines: (usize, usize), expect: &str| {
            assert_eq!(platform.link("https://h/o/r", "c0ffee", path, lines.0, lines.1), expect);
        };
        check(Platform::GitHub, "a b%.md", (3, 3), "https://h/o/r/blob/c0ffee/a%20b%25.md?plain=1#L3");
        check(Platform::GitHub, "a.rs", (3, 5), "https://h/o/r/blob/c0ffee/a.rs#L3-L5");
        check(Platform::GitLab, "a.md", (3, 5), "https://h/o/r/blob/c0ffee/a.md#L3-5");
        check(Platform::Gitea, "a.md", (3, 3), "https://h/o/r/src/commit/c0ffee/a.md?display=source#L3");
        check(Platform::Bitbucket, "a", (3, 4), "https://h/o/r/src/c0ffee/a#lines-3:4");
        check(
            Platform::AzureDevOps,
            "a",
            (3, 4),
            "https://h/o/r/commit/c0ffee?path=/a&line=3&lineEnd=4&lineStartColumn=1&lineEndColumn=10000000&type=2&lineStyle=plain&_a=files",
        );
        check(Platform::GitHub, "a.zip!b/c.md", (3, 4), "https://h/o/r/blob/c0ffee/a.zip");
    }

    #[test]
    fn known_hosts() {
        assert_eq!(Platform::of_address("https://GitHub.com/o/r"), Some(Platform::GitHub));
        assert_eq!(Platform::of_address("https://github.com.example.org/o/r"), None);
        assert_eq!(Platform::from_name("GitLab"), Some(Platform::GitLab));
    }
}
