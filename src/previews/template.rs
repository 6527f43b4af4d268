//! Addresses with placeholders. What is filled in is made of letters, digits and `-` only, so no branch name can reach
//! another host or path than the template's author meant.

use crate::text::{nearest, visible};

/// The placeholders.
pub const NAMES: [&str; 5] = ["number", "sha", "sha7", "branch_slug", "subdomain"];

/// What the placeholders stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values {
    /// The pull request's number.
    pub number: u64,
    /// The commit that is to be previewed.
    pub sha: String,
    /// The branch in letters that may stand in a host name.
    pub branch_slug: String,
    /// The account's name at Cloudflare; may be empty.
    pub subdomain: String,
}

impl Values {
    /// `sha` is a commit id; `branch` and `subdomain` are brought into shape.
    pub fn new(number: u64, sha: &str, branch: &str, subdomain: &str) -> Values {
        Values { number, sha: sha.to_lowercase(), branch_slug: slug(branch), subdomain: slug(subdomain) }
    }

    /// Whether this is the commit, or its first seven digits or more.
    pub fn is_commit(&self, commit: &str) -> bool {
        commit.len() >= 7 && commit.is_ascii() && self.sha.starts_with(&commit.to_ascii_lowercase())
    }

    fn get(&self, name: &str) -> Option<String> {
        Some(match name {
            "number" => self.number.to_string(),
            "sha" => self.sha.clone(),
            "sha7" => self.sha.chars().take(7).collect(),
            "branch_slug" => self.branch_slug.clone(),
            "subdomain" => self.subdomain.clone(),
            _ => return None,
        })
    }
}

/// A branch as Cloudflare Pages puts it in front of a host name: small letters, digits, `-` for anything else, at most
/// 28. <https://developers.cloudflare.com/pages/configuration/preview-deployments/>
pub fn slug(branch: &str) -> String {
    let plain = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_alphanumeric() => c,
        _ => '-',
    };
    let slug: String = branch.chars().take(28).map(plain).collect();
    slug.trim_matches('-').to_string()
}

/// The template with its placeholders filled in.
pub fn fill(template: &str, values: &Values) -> Result<String, String> {
    let mut filled = String::with_capacity(template.len());
    for part in parts(template) {
        match part {
            Part::Text(text) => filled.push_str(text),
            Part::Name(name) => match values.get(name) {
                Some(value) if value.is_empty() => {
                    return Err(format!("`{{{name}}}` stands in `{}`, and is empty here", visible(template)));
                }
                Some(value) => filled.push_str(&value),
                None => return Err(unknown(name)),
            },
            Part::Open => return Err(format!("a `{{` is not closed in `{}`", visible(template))),
        }
    }
    Ok(filled)
}

/// What is wrong with a template, whatever the values.
pub fn problem(template: &str) -> Option<String> {
    parts(template).find_map(|part| match part {
        Part::Name(name) if !NAMES.contains(&name) => Some(unknown(name)),
        Part::Open => Some("a `{` is not closed".into()),
        Part::Text(_) | Part::Name(_) => None,
    })
}

enum Part<'a> {
    Text(&'a str),
    Name(&'a str),
    /// A brace without its partner.
    Open,
}

fn parts(template: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = template;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some(behind) = rest.strip_prefix('{') else {
            let end = rest.find('{').unwrap_or(rest.len());
            let (text, behind) = rest.split_at(end);
            rest = behind;
            return Some(Part::Text(text));
        };
        match behind.split_once('}') {
            Some((name, behind)) => {
                rest = behind;
                Some(Part::Name(name))
            }
            None => {
                rest = "";
                Some(Part::Open)
            }
        }
    })
}

fn unknown(name: &str) -> String {
    let known = NAMES.map(|name| format!("`{{{name}}}`")).join(", ");
    let shown = visible(name);
    match nearest(name, NAMES.into_iter()) {
        Some(meant) => format!("there is no `{{{shown}}}`; did you mean `{{{meant}}}`?"),
        None => format!("there is no `{{{shown}}}`; there are {known}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_becomes_part_of_a_host_and_nothing_else() {
        for (branch, expected) in [
            ("feature/Refunds_2!", "feature-refunds-2"),
            ("evil.example/#", "evil-example"),
            ("@169.254.169.254/", "169-254-169-254"),
            ("ünïcode", "n-code"),
            ("a-very-long-branch-name-that-goes-on", "a-very-long-branch-name-that"),
            ("…", ""),
        ] {
            assert_eq!(slug(branch), expected);
        }
    }

    #[test]
    fn placeholders_are_filled_in_or_named() {
        let values = Values::new(7, &"ab".repeat(20), "fix/x", "");
        let filled = |template| fill(template, &values);
        assert_eq!(filled("https://{branch_slug}-{sha7}.x/{number}").unwrap(), "https://fix-x-abababa.x/7");
        assert!(filled("https://{subdomain}.x").unwrap_err().contains("is empty here"));
        assert!(filled("https://{sha").unwrap_err().contains("not closed"));
        assert!(filled("{}").unwrap_err().contains("there are `{number}`"));
        assert!(values.is_commit("ABABABA") && !values.is_commit("ab") && !values.is_commit("ababaXX"));
    }
}
