//! Labels that mainguard owns: of each family at most one is on the pull request.
//!
//! A label that a person recoloured or described anew stays as that person left it. GitHub compares names without
//! regard to case, and so does this file. <https://docs.github.com/en/rest/issues/labels>

use http::Method;
use serde::Deserialize;
use serde_json::json;

use crate::github::client::{Client, Repeat, Written};
use crate::github::{Error, Repository, clamp_characters, percent_encode};
use crate::label::{LabelSpec, OwnedLabel};

/// GitHub's bound on a label's name, in characters.
pub const MAX_NAME: usize = 50;
/// GitHub's bound on a label's description, in characters.
pub const MAX_DESCRIPTION: usize = 100;

/// What is to be done about one family. Pure: see [`plan`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The wanted label, if it is missing.
    pub add: Option<LabelSpec>,
    /// Members of the family that do not belong there now, named as they are on the pull request.
    pub remove: Vec<String>,
}

/// Decides what to do, given the names of the labels that are there.
pub fn plan(present: &[String], owned: &OwnedLabel) -> Plan {
    let wanted = within_bounds(&owned.wanted);
    let key = |name: &str| clamp_characters(name, MAX_NAME).to_lowercase();
    let wanted_key = key(&wanted.name);
    let family: Vec<String> = owned.family.iter().map(|name| key(name)).filter(|name| *name != wanted_key).collect();
    let has = present.iter().any(|name| key(name) == wanted_key);
    let remove = present.iter().filter(|name| family.contains(&key(name))).cloned().collect();
    Plan { add: (!has).then_some(wanted), remove }
}

/// The same label as far as GitHub accepts it: lengths bounded, a colour that is none replaced by GitHub's grey.
pub fn within_bounds(spec: &LabelSpec) -> LabelSpec {
    let color = spec.color.trim_start_matches('#');
    let is_color = color.len() == 6 && color.bytes().all(|byte| byte.is_ascii_hexdigit());
    LabelSpec {
        name: clamp_characters(&spec.name, MAX_NAME).to_string(),
        color: if is_color { color.to_ascii_lowercase() } else { "ededed".into() },
        description: clamp_characters(&spec.description, MAX_DESCRIPTION).to_string(),
    }
}

/// The names of the labels on a pull request.
pub fn on(client: &Client, repository: &Repository, pull_request: u64) -> Result<Vec<String>, Error> {
    #[derive(Deserialize)]
    struct Raw {
        name: String,
    }
    let path = format!("/repos/{repository}/issues/{pull_request}/labels?per_page=100");
    Ok(client.get_pages::<Vec<Raw>, _>(&path, |page| page)?.items.into_iter().map(|label| label.name).collect())
}

/// Makes sure that the repository has the label. True when it was created here.
pub fn ensure(client: &Client, repository: &Repository, spec: &LabelSpec) -> Result<bool, Error> {
    match client.get::<serde_json::Value>(&format!("/repos/{repository}/labels/{}", percent_encode(&spec.name))) {
        Ok(_) => return Ok(false),
        Err(Error::NotFound { .. }) => {}
        Err(error) => return Err(error),
    }
    let body = json!({ "name": spec.name, "color": spec.color, "description": spec.description });
    match client.write(Method::POST, &format!("/repos/{repository}/labels"), Some(body), Repeat::Harmless) {
        Ok(Written::Answered(_) | Written::Planned) => Ok(true),
        // Another job was faster, or our first try came through although its answer was lost.
        Err(Error::Unprocessable { codes, .. }) if codes.iter().any(|code| code == "already_exists") => Ok(false),
        Err(error) => Err(error),
    }
}

/// Puts a label on a pull request.
pub fn add(client: &Client, repository: &Repository, pull_request: u64, name: &str) -> Result<(), Error> {
    let path = format!("/repos/{repository}/issues/{pull_request}/labels");
    client.write(Method::POST, &path, Some(json!({ "labels": [name] })), Repeat::Harmless).map(drop)
}

/// Takes a label off a pull request; one that is gone already is no error.
pub fn remove(client: &Client, repository: &Repository, pull_request: u64, name: &str) -> Result<(), Error> {
    let path = format!("/repos/{repository}/issues/{pull_request}/labels/{}", percent_encode(name));
    match client.write(Method::DELETE, &path, None, Repeat::Harmless) {
        Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(wanted: &str) -> OwnedLabel {
        OwnedLabel {
            family: ["size/S", "size/M", "size/L"].map(String::from).to_vec(),
            wanted: LabelSpec { name: wanted.into(), color: "#ABCDEF".into(), description: String::new() },
        }
    }

    fn plan_of(present: &[&str], wanted: &str) -> (Option<String>, Vec<String>) {
        let present: Vec<String> = present.iter().map(|name| name.to_string()).collect();
        let Plan { add, remove } = plan(&present, &owned(wanted));
        (add.map(|label| label.name), remove)
    }

    #[test]
    fn one_of_the_family_stays() {
        assert_eq!(plan_of(&[], "size/M"), (Some("size/M".into()), vec![]));
        assert_eq!(plan_of(&["bug", "SIZE/m"], "size/M"), (None, vec![]));
        assert_eq!(
            plan_of(&["Size/L", "size/S"], "size/M"),
            (Some("size/M".into()), vec!["Size/L".into(), "size/S".into()])
        );
        assert_eq!(plan_of(&["size/XXL"], "size/M"), (Some("size/M".into()), vec![]));
    }

    #[test]
    fn what_github_would_refuse_is_brought_within_bounds() {
        let long = LabelSpec { name: "ä🐘".repeat(60), color: "red".into(), description: "ö".repeat(200) };
        let fits = within_bounds(&long);
        assert_eq!((fits.name.chars().count(), fits.description.chars().count()), (MAX_NAME, MAX_DESCRIPTION));
        assert_eq!(fits.color, "ededed");
        assert_eq!(within_bounds(&owned("x").wanted).color, "abcdef");
    }

    #[test]
    fn a_label_that_was_clamped_is_recognised() {
        let name = "x".repeat(80);
        assert_eq!(plan_of(&[&name[..50]], &name), (None, vec![]));
    }
}
