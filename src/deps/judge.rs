//! Lockfiles against advisories, and head against base.
//!
//! One vulnerability has many names: records that share an id or alias are one group, and a group is reported once for
//! a package. What a change introduced is (package, group) at head and nowhere at base, over all lockfiles of the
//! repository: a lockfile that moved brings nothing, and neither does a bump from one affected version to another.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::ecosystem::Ecosystem;
use super::lockfile::{Lockfile, Package};
use super::osv::Record;
use super::severity::{self, Severity};
use super::version::Order;

/// Fixes of one group that are tried one after another.
const MOST_FIXES: usize = 32;

/// The package that stands for Go itself.
const GO_TOOLCHAIN: &str = "stdlib";

/// Records by the package that they speak of.
#[derive(Clone, Debug, Default)]
pub struct Advisories {
    records: HashMap<(Ecosystem, String), Vec<Record>>,
}

impl Advisories {
    /// Adds a record under each package that it names and `wanted` admits.
    pub fn add(&mut self, record: Record, mut wanted: impl FnMut(Ecosystem, &str) -> bool) {
        let mut names = BTreeSet::new();
        for affected in &record.affected {
            if let Some(ecosystem) = Ecosystem::named(&affected.package.ecosystem) {
                names.insert((ecosystem, ecosystem.canonical(&affected.package.name)));
            }
        }
        for (ecosystem, name) in names {
            if wanted(ecosystem, &name) {
                self.records.entry((ecosystem, name)).or_default().push(record.clone());
            }
        }
    }

    /// What is known about a package.
    pub fn about(&self, ecosystem: Ecosystem, name: &str) -> &[Record] {
        self.records.get(&(ecosystem, ecosystem.canonical(name))).map(Vec::as_slice).unwrap_or_default()
    }
}

/// One vulnerability of one package of one lockfile.
#[derive(Clone, Debug, PartialEq)]
pub struct Vulnerability {
    /// Whose package.
    pub ecosystem: Ecosystem,
    /// Index into the lockfile's packages.
    pub index: usize,
    /// The package.
    pub package: Package,
    /// The ids of the records that match, sorted.
    pub ids: Vec<String>,
    /// Every name of the vulnerability, its ids among them, sorted.
    pub names: Vec<String>,
    /// One line.
    pub summary: String,
    /// `None`: no record of the group tells one.
    pub severity: Option<Severity>,
    /// The nearest version that fixes it.
    pub fixed: Option<String>,
}

impl Vulnerability {
    /// The name under which it is shown: people know CVE numbers least and GHSA or an ecosystem's own ids best.
    pub fn id(&self) -> &str {
        let own = self.ids.iter().find(|id| !id.starts_with("CVE-"));
        own.or(self.ids.first()).map(String::as_str).unwrap_or_default()
    }

    fn key(&self) -> (Ecosystem, String) {
        (self.ecosystem, self.ecosystem.canonical(&self.package.name))
    }
}

/// What a lockfile's packages are known for. Packages of the repository itself are passed over; Go's own toolchain is
/// looked at only when `go_toolchain` says so, for a `go` line is a minimum.
pub fn vulnerabilities(lockfile: &Lockfile, advisories: &Advisories, go_toolchain: bool) -> Vec<Vulnerability> {
    let ecosystem = lockfile.format.ecosystem();
    let mut found = Vec::new();
    for (index, package) in lockfile.packages.iter().enumerate() {
        let toolchain = ecosystem == Ecosystem::Go && package.name == GO_TOOLCHAIN;
        if package.local || (toolchain && !go_toolchain) {
            continue;
        }
        let records = advisories.about(ecosystem, &package.name);
        let matches: Vec<bool> =
            records.iter().map(|record| record.affects(ecosystem, &package.name, &package.version)).collect();
        if !matches.contains(&true) {
            continue;
        }
        for group in groups(records) {
            let matched: Vec<&Record> = group.iter().filter(|&&at| matches[at]).map(|&at| &records[at]).collect();
            if matched.is_empty() {
                continue;
            }
            let all = group.iter().map(|&at| &records[at]).filter(|record| record.withdrawn.is_none());
            let severity = severity::worst(all.clone());
            let names: BTreeSet<&String> = all.flat_map(|record| record.aliases.iter().chain([&record.id])).collect();
            let mut ids: Vec<String> = matched.iter().map(|record| record.id.clone()).collect();
            ids.sort();
            ids.dedup();
            found.push(Vulnerability {
                ecosystem,
                index,
                package: package.clone(),
                ids,
                names: names.into_iter().cloned().collect(),
                summary: matched.iter().map(|it| it.summary.clone()).find(|it| !it.is_empty()).unwrap_or_default(),
                severity,
                fixed: fixed(&matched, ecosystem, package),
            });
        }
    }
    found
}

/// The nearest version that no record of a group speaks of. A record may end with `last_affected` and name no fix, and
/// one record's fix may be another's beginning: both happen to the same vulnerability in two databases.
fn fixed(group: &[&Record], ecosystem: Ecosystem, package: &Package) -> Option<String> {
    let order = Order::of(ecosystem);
    let mut version = package.version.clone();
    for _ in 0..MOST_FIXES {
        let affected = group.iter().filter(|record| record.affects(ecosystem, &package.name, &version));
        let fixes: Vec<Option<String>> =
            affected.map(|record| record.fixed(ecosystem, &package.name, &version)).collect();
        if fixes.is_empty() {
            return Some(version);
        }
        // A record that names no fix may have ended where the others' fix is: the next round tells.
        version = fixes.into_iter().flatten().max_by(|a, b| order.compare(a, b))?;
    }
    None
}

/// Records that share a name, as indices.
fn groups(records: &[Record]) -> Vec<Vec<usize>> {
    let mut parent: Vec<usize> = (0..records.len()).collect();
    fn root(parent: &mut [usize], mut at: usize) -> usize {
        while parent[at] != at {
            parent[at] = parent[parent[at]];
            at = parent[at];
        }
        at
    }
    let mut named: HashMap<&str, usize> = HashMap::new();
    for (index, record) in records.iter().enumerate() {
        for name in record.aliases.iter().chain([&record.id]) {
            let other = *named.entry(name).or_insert(index);
            let (a, b) = (root(&mut parent, index), root(&mut parent, other));
            parent[a] = b;
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for index in 0..records.len() {
        let root = root(&mut parent, index);
        groups.entry(root).or_default().push(index);
    }
    groups.into_values().collect()
}

/// What a change did to the vulnerabilities of a repository; indices into what was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// At head and not at base: indices into head, one for each package and group.
    pub introduced: Vec<usize>,
    /// At base and not at head: indices into base, one for each package and group.
    pub fixed: Vec<usize>,
    /// At both: indices into head, one for each package and group.
    pub carried: Vec<usize>,
}

/// Compares what was known at base with what is at head.
pub fn compare(base: &[Vulnerability], head: &[Vulnerability]) -> Comparison {
    let names = |all: &[Vulnerability]| -> BTreeSet<((Ecosystem, String), String)> {
        all.iter().flat_map(|it| it.names.iter().map(|name| (it.key(), name.clone()))).collect()
    };
    let (at_base, at_head) = (names(base), names(head));
    let within =
        |all: &BTreeSet<_>, it: &Vulnerability| it.names.iter().any(|name| all.contains(&(it.key(), name.clone())));
    let once = |all: &[Vulnerability], keep: &dyn Fn(&Vulnerability) -> bool| -> Vec<usize> {
        let mut seen = BTreeSet::new();
        let kept = all.iter().enumerate().filter(|(_, it)| keep(it));
        kept.filter(|(_, it)| seen.insert((it.key(), it.names.clone()))).map(|(index, _)| index).collect()
    };
    Comparison {
        introduced: once(head, &|it| !within(&at_base, it)),
        fixed: once(base, &|it| !within(&at_head, it)),
        carried: once(head, &|it| within(&at_base, it)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::*;

    /// A record about `p` with these events, under this name and another.
    fn record(id: &str, events: &str) -> Record {
        let json = format!(
            r#"{{"id":"{id}","aliases":["CVE-1"],"affected":[{{"package":{{"ecosystem":"npm","name":"p"}},
            "ranges":[{{"type":"SEMVER","events":{events}}}]}}]}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    fn fixed_in(records: &[(&str, &str)]) -> Option<String> {
        let mut advisories = Advisories::default();
        records.iter().for_each(|(id, events)| advisories.add(record(id, events), |_, _| true));
        let lock = r#"{"lockfileVersion":3,"packages":{"node_modules/p":{"version":"1.0.0"}}}"#;
        let lockfile = Lockfile::read(Format::PackageLock, lock.as_bytes(), "package-lock.json").unwrap();
        let found = vulnerabilities(&lockfile, &advisories, false);
        assert_eq!(found.len(), 1, "one vulnerability of many names");
        found.into_iter().next()?.fixed
    }

    #[test]
    fn what_fixes_a_vulnerability_satisfies_all_its_records() {
        let until = |fixed: &str| format!(r#"[{{"introduced":"0"}},{{"fixed":"{fixed}"}}]"#);
        let (low, high) = (until("1.1.0"), until("1.2.0"));
        assert_eq!(fixed_in(&[("A", &low), ("B", &high)]).as_deref(), Some("1.2.0"));
        let last = r#"[{"introduced":"0"},{"last_affected":"1.4.0"}]"#;
        assert_eq!(fixed_in(&[("A", last), ("B", &until("1.5.0"))]).as_deref(), Some("1.5.0"));
        assert_eq!(fixed_in(&[("A", last), ("B", &low)]), None, "no record names a version behind 1.4.0");
        assert_eq!(fixed_in(&[("A", last)]), None);
        let twice = r#"[{"introduced":"0"},{"fixed":"1.0.5"},{"introduced":"1.2.0"},{"fixed":"1.3.0"}]"#;
        assert_eq!(fixed_in(&[("A", twice), ("B", &high)]).as_deref(), Some("1.3.0"));
    }
}
