//! Examples of a rule: texts that it must match and texts that it must leave alone.
//!
//! They are written as templates, because a repository with a thousand secrets in it, even invented ones, sets off
//! every scanner that looks at it, ours first. `{A-Za-z0-9:36}` becomes 36 characters of the class; `{}` becomes
//! nothing and only parts a text that would be a finding if it stood whole; `{{` and `}}` are braces; `«…»` marks the
//! secret. The characters are drawn by a generator whose seed is given: the same seed gives the same text, everywhere.

use std::collections::BTreeMap;

/// The examples of one rule, one table of `rules/secrets/examples/*.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Examples {
    /// The file in which the texts are taken to stand.
    pub path: Option<String>,
    /// Templates of texts that the rule must match.
    #[serde(rename = "match")]
    pub matches: Vec<String>,
    /// Templates of texts that the rule must leave alone.
    #[serde(rename = "no_match")]
    pub no_matches: Vec<String>,
    /// Other rules that see a secret in the texts of `match` as well.
    #[serde(default)]
    pub also: Vec<String>,
}

/// A template, filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// The text to scan.
    pub text: String,
    /// The secret that must be reported; `None`: the template marks none.
    pub secret: Option<String>,
}

/// Why a template or a file of them cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExampleError {
    /// The file is no TOML, or has other tables and keys than rules' examples.
    #[error("no examples: {0}")]
    File(String),
    /// A `{` without a `}`, or a `}` without a `{`.
    #[error("byte {0} of the template: a brace without its partner")]
    Brace(usize),
    /// The text between braces is no `CLASS:COUNT`.
    #[error("byte {0} of the template: expected `{{CLASS:COUNT}}`")]
    Class(usize),
    /// `«` and `»` do not enclose one stretch of text.
    #[error("the marks « and » must stand once each, in this order")]
    Marks,
}

impl ExampleError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            ExampleError::File(_) => {
                "each table is a rule's id and holds `match` and `no_match`, lists of texts".into()
            }
            ExampleError::Brace(_) => "write {{ and }} for braces that are meant as they stand".into(),
            ExampleError::Class(_) => "for instance {A-Za-z0-9:36}, at most 10,000 characters".into(),
            ExampleError::Marks => "mark the secret that is to be reported, or nothing".into(),
        })
    }
}

/// A template asks for at most so many characters at a place.
const MAX_COUNT: usize = 10_000;

/// Reads a file of examples: rule ids and their examples, sorted by id.
///
/// # Errors
/// [`ExampleError::File`].
pub fn read(toml: &str) -> Result<BTreeMap<String, Examples>, ExampleError> {
    toml::from_str(toml).map_err(|error| ExampleError::File(error.message().to_owned()))
}

/// Fills in `template` with characters that `seed` decides.
///
/// # Errors
/// The template breaks the rules that stand at the top of this file.
pub fn fill(template: &str, seed: &str) -> Result<Filled, ExampleError> {
    let mut dice = Dice::new(seed);
    let mut text = String::new();
    let (mut from, mut to) = (None, None);
    let mut at = 0;
    while let Some(next) = template[at..].chars().next() {
        let rest = &template[at..];
        at += next.len_utf8();
        match next {
            '{' | '}' if rest[1..].starts_with(next) => {
                text.push(next);
                at += 1;
            }
            '{' => {
                let inside = &rest[1..1 + rest[1..].find('}').ok_or(ExampleError::Brace(at - 1))?];
                if !inside.is_empty() {
                    let (class, count) = class(inside).ok_or(ExampleError::Class(at - 1))?;
                    text.extend((0..count).map(|_| dice.pick(&class)));
                }
                at += inside.len() + 1;
            }
            '}' => return Err(ExampleError::Brace(at - 1)),
            '«' if from.is_none() => from = Some(text.len()),
            '»' if from.is_some() && to.is_none() => to = Some(text.len()),
            '«' | '»' => return Err(ExampleError::Marks),
            other => text.push(other),
        }
    }
    let secret = match (from, to) {
        (None, None) => None,
        (Some(from), Some(to)) => Some(text[from..to].to_owned()),
        _ => return Err(ExampleError::Marks),
    };
    Ok(Filled { text, secret })
}

/// `A-Z_:20` as its characters and the count.
fn class(inside: &str) -> Option<(Vec<char>, usize)> {
    let (class, count) = inside.rsplit_once(':')?;
    let count = count.parse().ok().filter(|count| *count <= MAX_COUNT)?;
    let mut members = Vec::new();
    let mut chars = class.chars();
    while let Some(first) = chars.next() {
        let mut ahead = chars.clone();
        match (ahead.next(), ahead.next()) {
            (Some('-'), Some(last)) => {
                members.extend(first..=last);
                chars = ahead;
            }
            _ => members.push(first),
        }
    }
    (!members.is_empty()).then_some((members, count))
}

/// SplitMix64, seeded with FNV-1a of a text: no dependency, and the same on every machine for ever.
///
/// <https://prng.di.unimi.it/splitmix64.c>, <https://www.rfc-editor.org/rfc/rfc9923>
struct Dice(u64);

impl Dice {
    fn new(seed: &str) -> Dice {
        Dice(
            seed.bytes()
                .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)),
        )
    }

    fn pick(&mut self, from: &[char]) -> char {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        from[(mixed % from.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(template: &str) -> String {
        fill(template, "seed").unwrap().text
    }

    #[test]
    fn a_template_is_filled_in_the_same_way_every_time() {
        let filled = fill("key = \"«ab_{0-9a-f:8}»\"", "github-pat").unwrap();
        assert_eq!(filled, fill("key = \"«ab_{0-9a-f:8}»\"", "github-pat").unwrap());
        assert_ne!(filled, fill("key = \"«ab_{0-9a-f:8}»\"", "gitlab-pat").unwrap());
        let secret = filled.secret.unwrap();
        assert_eq!(secret.len(), 11);
        assert!(secret[3..].bytes().all(|byte| byte.is_ascii_hexdigit()), "{secret}");
        assert_eq!(filled.text, format!("key = \"{secret}\""));
    }

    #[test]
    fn seams_vanish_and_doubled_braces_are_braces() {
        assert_eq!(text("AKIA{}IOSF"), "AKIAIOSF");
        assert_eq!(text("${{TOKEN}}"), "${TOKEN}");
        assert_eq!(text("{a:3}{-:1}{x-:0}é"), "aaa-é");
        assert_eq!(fill("{A:2}", "").unwrap().secret, None);
    }

    #[test]
    fn a_template_that_is_broken_says_where() {
        assert_eq!(fill("ab{", ""), Err(ExampleError::Brace(2)));
        assert_eq!(fill("}", ""), Err(ExampleError::Brace(0)));
        for bad in ["{a}", "{:3}", "{a:b}", "{a:10001}", "{z-a:2}"] {
            assert_eq!(fill(bad, ""), Err(ExampleError::Class(0)), "{bad}");
        }
        for bad in ["«", "»a«", "«a»«b»", "«««"] {
            assert_eq!(fill(bad, ""), Err(ExampleError::Marks), "{bad}");
        }
    }

    #[test]
    fn a_file_of_examples_has_no_other_keys() {
        let read = |text| super::read(text).map(|examples| examples.len());
        assert_eq!(read("[a]\nmatch = ['x']\nno_match = []\n[b]\nmatch = []\nno_match = []\npath = 'f'"), Ok(2));
        assert!(matches!(read("[a]\nmatch = ['x']"), Err(ExampleError::File(_))));
        assert!(matches!(read("[a]\nmatch = []\nno_match = []\nmatches = []"), Err(ExampleError::File(_))));
    }
}
