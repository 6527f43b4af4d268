//! Comments that let a finding off: `nosemgrep`, `nosemgrep: id`, and our own, which wants a reason:
//! `mainguard-ignore: id -- reason`. One stands on the line of the finding, or alone on the line above it.

use std::sync::LazyLock;

use regex::Regex;

use super::scan::Hit;

/// Comments of one file that are looked at.
const MOST: usize = 1_000;

/// A comment that lets something off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// Its line, from 1.
    pub line: u32,
    /// The rules it names; all when empty.
    pub rules: Vec<String>,
    /// The reason it gives.
    pub reason: Option<String>,
    /// Which comment it is.
    pub form: Form,
    /// Whether it stands alone on its line, and so holds for the next.
    pub alone: bool,
    /// How many findings it let off.
    pub used: usize,
}

/// Whose comment it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Semgrep's `nosemgrep`.
    Semgrep,
    /// Our own `mainguard-ignore`.
    Mainguard,
}

impl Suppression {
    /// Whether it counts: ours needs rules and a reason.
    pub fn holds(&self) -> bool {
        self.form == Form::Semgrep || !self.rules.is_empty() && self.reason.is_some()
    }

    /// Why a finding is let off, in words.
    pub fn words(&self) -> String {
        match (&self.reason, self.form) {
            (Some(reason), _) => reason.clone(),
            (None, Form::Semgrep) => "a comment says `nosemgrep`".into(),
            (None, Form::Mainguard) => "a comment says `mainguard-ignore`".into(),
        }
    }

    fn names(&self, hit: &Hit) -> bool {
        self.rules.is_empty() && self.form == Form::Semgrep
            || self.rules.iter().any(|id| {
                let id = id.strip_prefix("sast/").unwrap_or(id);
                id == hit.rule || id == hit.class || id == "*"
            })
    }
}

/// Every such comment of a text.
pub(super) fn find(text: &str) -> Vec<Suppression> {
    static COMMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?:#|//|/\*|--|<!--|;|\{/\*)[^\n]*?\b(nosemgrep|nosem|mainguard-ignore)\b(?::[ \t]*([A-Za-z0-9_./*-]+(?:[ \t]*,[ \t]*[A-Za-z0-9_./*-]+)*))?(?:[ \t]+(?:--|\u{2014}|:)[ \t]*([^\n]*))?").ok()
    });
    if !text.contains("nosem") && !text.contains("mainguard-ignore") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let Some(comment) = COMMENT.as_ref().and_then(|comment| comment.captures(line)) else { continue };
        let form = match comment.get(1).map(|word| word.as_str()) {
            Some("mainguard-ignore") => Form::Mainguard,
            _ => Form::Semgrep,
        };
        let rules = comment.get(2).map(|ids| ids.as_str()).unwrap_or_default();
        let rules = rules.split(',').map(|id| id.trim().trim_end_matches("-->").trim_end_matches("*/").to_string());
        let reason = comment.get(3).map(|reason| {
            let reason = reason.as_str().trim();
            reason.trim_end_matches("-->").trim_end_matches("*/").trim_end_matches("*/}").trim().to_string()
        });
        let alone = comment.get(0).is_some_and(|all| line[..all.start()].trim().is_empty());
        found.push(Suppression {
            line: index as u32 + 1,
            rules: rules.filter(|id| !id.is_empty()).collect(),
            reason: reason.filter(|reason| !reason.is_empty()),
            form,
            alone,
            used: 0,
        });
        if found.len() == MOST {
            break;
        }
    }
    found
}

/// Marks every hit that is let off, and every comment that let one off.
pub(super) fn apply(hits: &mut [Hit], suppressions: &mut [Suppression]) {
    for hit in hits {
        let covers = |suppression: &Suppression| {
            let here = suppression.line >= hit.line && suppression.line <= hit.end_line;
            let above = suppression.alone && suppression.line + 1 == hit.line;
            (here || above) && suppression.holds() && suppression.names(hit)
        };
        if let Some(index) = suppressions.iter().position(covers) {
            hit.suppressed = Some(index);
            suppressions[index].used += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_wants_a_rule_and_a_reason() {
        let found = find(
            "a // nosemgrep\nb # mainguard-ignore: weak-hash -- an ETag\n# mainguard-ignore: weak-hash\n\"nosemgrep\"\n",
        );
        assert_eq!(found.len(), 3);
        assert!(found[0].holds() && found[0].rules.is_empty() && !found[0].alone);
        assert_eq!(found[1].rules, ["weak-hash"]);
        assert_eq!(found[1].reason.as_deref(), Some("an ETag"));
        assert!(found[2].alone && !found[2].holds());
    }

    #[test]
    fn ids_of_semgrep_are_kept_apart() {
        let found = find("x() # nosemgrep: python.lang.eval, weak-hash\n");
        assert_eq!(found[0].rules, ["python.lang.eval", "weak-hash"]);
    }
}
