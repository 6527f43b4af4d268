//! From broken rules to what people read: one entry per root cause.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::Options;
use super::compare::{Break, Spot};
use super::lexer::Span;
use super::link::Linked;
use super::rules::{RULES, clients};
use crate::contracts::{ContractChange, Format, Impact, Place, Unreadable};

pub(super) fn changes(breaks: Vec<Break>, base: &Linked, revision: &Linked, options: &Options) -> Vec<ContractChange> {
    let heard: Vec<Break> = breaks.into_iter().filter(|one| !is_ignored(one, base, revision, options)).collect();
    let asked = |one: &Break| RULES[one.rule].guards(&options.categories);
    if options.every_rule {
        let asked = heard.iter().filter(|one| asked(one));
        return asked.map(|one| change(one, RULES[one.rule].promises(), Vec::new(), base, revision)).collect();
    }
    // A cause counts if something that is asked for is called after it.
    let owned: HashSet<&String> = heard.iter().filter(|one| asked(one)).filter_map(|one| one.causes.last()).collect();
    let mut groups: BTreeMap<&String, Vec<&Break>> = BTreeMap::new();
    for one in &heard {
        let cause = one.causes.iter().find(|cause| owned.contains(cause)).or(one.causes.last());
        if let Some(cause) = cause {
            groups.entry(cause).or_default().push(one);
        }
    }
    let mut changes = Vec::new();
    for (cause, group) in groups {
        let lead = group.iter().filter(|one| asked(one)).min_by_key(|one| (one.causes.last() != Some(cause), one.rule));
        let Some(lead) = lead else { continue };
        let promises = group.iter().fold(0, |bits, one| bits | RULES[one.rule].promises());
        let others: BTreeSet<&String> =
            group.iter().map(|one| &one.subject).filter(|subject| **subject != lead.subject).collect();
        let others = others.into_iter().cloned().collect();
        changes.push(change(lead, promises, others, base, revision));
    }
    changes
}

fn change(one: &Break, promises: u8, reaches: Vec<String>, base: &Linked, revision: &Linked) -> ContractChange {
    let rule = &RULES[one.rule];
    ContractChange {
        format: Format::Protobuf,
        rule: rule.name,
        impact: Impact::Breaking,
        subject: one.subject.clone(),
        message: one.message.clone(),
        args: one.args.clone(),
        before: one.before.clone(),
        after: one.after.clone(),
        base: place(one.base, base),
        revision: place(one.revision, revision),
        breaks: Some(clients(promises)),
        fix: Some(rule.fix.into()),
        reaches,
    }
}

/// A file without a where in it is its first character.
fn place(spot: Spot, side: &Linked) -> Option<Place> {
    spot.map(|(file, span)| side.place(file, span.unwrap_or(Span::default())))
}

/// A file that could not be read and does not stop the comparison.
pub(super) fn not_judged(unreadable: Unreadable) -> ContractChange {
    let place = Place {
        file: unreadable.file.clone(),
        line: unreadable.line,
        column: unreadable.column,
        end_line: unreadable.line,
        end_column: unreadable.column,
    };
    let base = unreadable.side == crate::contracts::Side::Base;
    ContractChange {
        format: Format::Protobuf,
        rule: "CANNOT_BE_JUDGED",
        impact: Impact::Dangerous,
        subject: unreadable.file.clone(),
        message: format!(
            "`{}` cannot be read {}: {}",
            unreadable.file,
            if base { "in the base" } else { "on either side" },
            unreadable.what
        ),
        args: vec![unreadable.what],
        before: None,
        after: None,
        base: base.then(|| place.clone()),
        revision: (!base).then_some(place),
        breaks: None,
        fix: None,
        reaches: Vec::new(),
    }
}

pub(super) fn sort(changes: &mut [ContractChange]) {
    let key = |change: &ContractChange| {
        let place = change.revision.clone().or_else(|| change.base.clone());
        let place = place.map(|place| (place.file, place.line, place.column));
        (place, change.rule, change.subject.clone(), change.args.clone())
    };
    changes.sort_by_cached_key(key);
}

fn is_ignored(one: &Break, base: &Linked, revision: &Linked, options: &Options) -> bool {
    let ignored = |path: &str, package: &str| {
        let below = |folder: &String| {
            let rest = path.strip_prefix(folder.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        options.ignore.iter().any(below) || (options.ignore_unstable_packages && is_unstable(package))
    };
    let side = |spot: Spot, side: &Linked| {
        spot.is_some_and(|(file, _)| ignored(&side.file(file).path, &side.file(file).package))
    };
    let gone = one.gone.as_ref().is_some_and(|path| {
        let packages = &base.loaded.packages;
        let package = packages.iter().find(|(_, files)| files.contains(path)).map_or("", |(package, _)| package);
        ignored(path, package)
    });
    side(one.base, base) || side(one.revision, revision) || gone
}

/// Whether the last part of a package promises nothing yet: `v1alpha`, `v1beta2`, `v1p1alpha1`, `v1test`, `v1testfoo`.
fn is_unstable(package: &str) -> bool {
    let Some((_, version)) = package.rsplit_once('.') else { return false };
    let Some(version) = version.strip_prefix('v') else { return false };
    let is_number = |text: &str| text.parse::<u32>().is_ok_and(|number| number > 0) && !text.starts_with('+');
    if let Some((major, _)) = version.split_once("test") {
        return is_number(major);
    }
    let kinds: Vec<&str> = ["alpha", "beta"].into_iter().filter(|kind| version.contains(kind)).collect();
    let &[kind] = &kinds[..] else { return false };
    let Some((major, minor)) = version.split_once(kind) else { return false };
    let major_counts = match major.split_once('p') {
        Some((major, patch)) => is_number(major) && is_number(patch),
        None => is_number(major),
    };
    major_counts && (minor.is_empty() || is_number(minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unstable_packages_say_so_in_their_last_part() {
        for package in ["a.v1beta1", "a.v1alpha", "a.b.v2p1alpha3", "a.v1test", "a.v1testfoo"] {
            assert!(is_unstable(package), "{package}");
        }
        for package in ["a.v1", "v1beta1x", "a.v0beta1", "a.vbeta1", "a.v1beta1.b", "", "a.v1alphabeta"] {
            assert!(!is_unstable(package), "{package}");
        }
    }
}
