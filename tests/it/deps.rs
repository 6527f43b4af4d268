//! Lockfiles, versions, severities and records, against the corpora; printed and skipped where they are absent.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use mainguard::advisories::{self, Index};
use mainguard::deps::ignores;
use mainguard::deps::judge::{self, Vulnerability};
use mainguard::deps::osv::Vector;
use mainguard::deps::severity::{self, Rating};
use mainguard::deps::version::Order;
use mainguard::deps::{Ecosystem, Format, Lockfile};
use serde_json::Value;

fn corpus() -> Option<PathBuf> {
    let shared = std::env::var_os("MAINGUARD_SHARED").map(PathBuf::from);
    let shared = shared.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    let deps = shared.join("deps");
    if !deps.is_dir() {
        println!("skipped: {} is not there", deps.display());
        return None;
    }
    Some(deps)
}

fn rows(file: &str) -> Option<(PathBuf, Vec<Value>)> {
    let root = corpus()?;
    let text = fs::read_to_string(root.join(file)).unwrap();
    Some((root, text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()))
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(|it| it.as_str().unwrap().to_string()).collect()
}

fn read(root: &std::path::Path, file: &str, format: Format) -> Lockfile {
    Lockfile::read(format, &fs::read(root.join(file)).unwrap(), file).unwrap_or_else(|error| panic!("{error}"))
}

fn format(row: &Value, key: &str) -> Format {
    Format::named(row[key].as_str().unwrap()).unwrap()
}

/// Its `pandas` stands in a second file, which the corpus does not hold.
const NAMES_ANOTHER_FILE: &str = "lockfiles/requirements/example.txt";

#[test]
fn every_lockfile_gives_its_packages() {
    let Some((root, rows)) = rows("lockfiles.jsonl") else { return };
    let mut wrong = Vec::new();
    for row in &rows {
        let file = row["file"].as_str().unwrap();
        let shadowed = Format::shadow(file).is_some_and(|other| root.join(other).exists());
        let bytes = fs::read(root.join(file)).unwrap();
        let read = Lockfile::read(format(row, "parse_as"), &bytes, file);
        let key = |name: &str, version: &str, commit: &str, mut groups: Vec<String>| {
            groups.sort();
            format!("{name}@{version}#{commit}{groups:?}")
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        let mut wanted: Vec<String> = row["packages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| key(&text(&it["name"]), &text(&it["version"]), &text(&it["commit"]), texts(&it["groups"])))
            .filter(|it| file != NAMES_ANOTHER_FILE || !it.starts_with("pandas@"))
            .collect();
        let found = match read {
            Err(_) if row["error"] == true => continue,
            Err(error) => {
                wrong.push(error.to_string());
                continue;
            }
            Ok(_) if row["error"] == true => {
                wrong.push(format!("{file} was not refused"));
                continue;
            }
            Ok(_) if shadowed => Vec::new(),
            Ok(lockfile) => lockfile.packages,
        };
        let mut found: Vec<String> = found
            .iter()
            .map(|it| key(&it.name, &it.version, it.commit.as_deref().unwrap_or_default(), it.groups.clone()))
            .collect();
        wanted.sort();
        found.sort();
        if wanted != found {
            wrong.push(format!("{file}: wanted {wanted:?}, found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn versions_have_their_ecosystems_order() {
    let Some(root) = corpus() else { return };
    let orders = [
        ("semver", Order::SemVer),
        ("pub", Order::Pub),
        ("nuget", Order::NuGet),
        ("pypi", Order::Pep440),
        ("maven", Order::Maven),
        ("rubygems", Order::RubyGems),
        ("packagist", Order::Packagist),
        ("hackage", Order::Numbers),
        ("cran", Order::Numbers),
        ("debian", Order::Debian),
        ("redhat", Order::Rpm),
        ("alpine", Order::Alpine),
    ];
    let (mut all, mut wrong) = (0, Vec::new());
    for (name, order) in orders {
        for line in fs::read_to_string(root.join(format!("versions/{name}.txt"))).unwrap().lines() {
            let [a, sign, b] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
            let wanted = match sign {
                "<" => Ordering::Less,
                "=" => Ordering::Equal,
                _ => Ordering::Greater,
            };
            all += 1;
            if order.compare(a, b) != wanted || order.compare(b, a) != wanted.reverse() {
                wrong.push(format!("{name}: {line}"));
            }
        }
    }
    println!("{} of {all} agree", all - wrong.len());
    assert!(wrong.len() * 1000 <= all, "{}", wrong.join("\n"));
}

#[test]
fn vectors_have_their_scores() {
    let Some((_, rows)) = rows("cvss.jsonl") else { return };
    for row in rows {
        let vector =
            Vector { kind: row["type"].as_str().unwrap().into(), score: row["vector"].as_str().unwrap().into() };
        let score = severity::score(&vector).unwrap_or_else(|| panic!("{row}"));
        assert!((score - row["score"].as_f64().unwrap()).abs() <= 0.05, "{score} for {row}");
        assert_eq!(Rating::of(score).as_str().to_uppercase(), row["rating"].as_str().unwrap(), "{row}");
    }
}

#[test]
fn records_have_their_severities() {
    let Some((root, rows)) = rows("severity.jsonl") else { return };
    let mut records = BTreeMap::new();
    advisories::read_archives(&root.join("osv-db"), &mut |record| drop(records.insert(record.id.clone(), record)))
        .unwrap();
    for row in rows {
        let severity = severity::of(&records[row["id"].as_str().unwrap()]);
        let rating = severity.as_ref().map_or("UNKNOWN".into(), |it| it.rating.as_str().to_uppercase());
        assert_eq!(rating, row["rating"].as_str().unwrap(), "{row} {severity:?}");
        if let (Some(wanted), Some(found)) = (row["score"].as_f64(), severity.and_then(|it| it.score)) {
            assert!((wanted - found).abs() <= 0.05, "{row}");
        }
    }
}

/// Every advisory of the corpus, in an index as `deps update` writes it.
fn index(root: &std::path::Path) -> (tempfile::TempDir, Index) {
    let folder = tempfile::tempdir().unwrap();
    advisories::update(&root.join("osv-db"), folder.path(), now()).unwrap();
    let index = Index::open(folder.path()).unwrap();
    (folder, index)
}

fn now() -> DateTime<Utc> {
    "2026-11-21T00:00:00Z".parse().unwrap()
}

fn found(index: &mut Index, lockfile: &Lockfile) -> Vec<Vulnerability> {
    let advisories = index.about(advisories::names([lockfile])).unwrap();
    judge::vulnerabilities(lockfile, &advisories, false)
}

fn pairs(found: &[Vulnerability]) -> BTreeMap<String, BTreeSet<String>> {
    let mut pairs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for it in found {
        pairs.entry(it.package.to_string()).or_default().extend(it.ids.iter().cloned());
    }
    pairs
}

#[test]
fn lockfiles_of_real_repositories_have_their_packages_and_advisories() {
    let Some((root, rows)) = rows("real.jsonl") else { return };
    let (_folder, mut index) = index(&root);
    let mut wrong = Vec::new();
    for row in &rows {
        let file = row["file"].as_str().unwrap();
        let lockfile = read(&root, file, format(row, "parse_as"));
        // The corpus lists what has a version, or what the format writes without one.
        let wanted: BTreeSet<(String, String)> =
            row["packages"].as_array().unwrap().iter().map(|it| (text(&it[0]), text(&it[1]))).collect();
        let listed = lockfile.packages.iter().map(|it| (it.name.clone(), it.version.clone()));
        let packages: BTreeSet<_> = listed.filter(|it| wanted.contains(it) || !it.1.is_empty()).collect();
        if packages != wanted {
            wrong.push(format!("{file}: {:?}", packages.symmetric_difference(&wanted).collect::<Vec<_>>()));
        }
        let wanted: BTreeMap<String, BTreeSet<String>> = row["vulnerable"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(package, ids)| (package.clone(), texts(ids).into_iter().collect()))
            .collect();
        let found = pairs(&found(&mut index, &lockfile));
        if found != wanted {
            let lacking: Vec<_> = wanted.iter().filter(|(key, ids)| found.get(*key) != Some(ids)).collect();
            let over: Vec<_> = found.iter().filter(|(key, ids)| wanted.get(*key) != Some(ids)).collect();
            wrong.push(format!("{file}: lacking {lacking:?}, over {over:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

#[test]
fn a_change_introduces_fixes_and_carries_what_it_does() {
    let Some((root, rows)) = rows("diff.jsonl") else { return };
    let (_folder, mut index) = index(&root);
    let mut wrong = Vec::new();
    for row in &rows {
        let format = Format::of(row["file"].as_str().unwrap()).unwrap();
        let [base, head] = ["base", "head"].map(|side| {
            let lockfile = read(&root, row[side].as_str().unwrap(), format);
            found(&mut index, &lockfile)
        });
        let plain = |all: &[Vulnerability]| -> BTreeSet<(String, String)> {
            let pairs = all.iter().flat_map(|it| it.ids.iter().map(|id| (it.package.name.clone(), id.clone())));
            pairs.collect()
        };
        let (at_base, at_head) = (plain(&base), plain(&head));
        let wanted = |key: &str| -> BTreeSet<(String, String)> {
            row[key].as_array().unwrap().iter().map(|it| (text(&it["package"]), text(&it["id"]))).collect()
        };
        let introduced: BTreeSet<_> = at_head.difference(&at_base).cloned().collect();
        let fixed: BTreeSet<_> = at_base.difference(&at_head).cloned().collect();
        let carried = at_head.intersection(&at_base).count() as u64;
        if introduced != wanted("introduced") || fixed != wanted("fixed") || Some(carried) != row["carried"].as_u64() {
            wrong.push(format!("{}: introduced {introduced:?}, fixed {fixed:?}, carried {carried}", row["id"]));
        }
        // By group: no pair is lost, and what was there under another name is not new.
        let comparison = judge::compare(&base, &head);
        let new: Vec<&Vulnerability> = comparison.introduced.iter().map(|&at| &head[at]).collect();
        let told: BTreeSet<_> =
            new.iter().flat_map(|it| it.ids.iter().map(|id| (it.package.name.clone(), id.clone()))).collect();
        if !told.is_superset(&introduced) && row["introduced"].as_array().unwrap().len() == introduced.len() {
            let missing: Vec<_> = introduced.difference(&told).collect();
            println!("{}: known at base by another name: {missing:?}", row["id"]);
        }
        let fails = new.iter().any(|it| it.severity.as_ref().is_some_and(|it| it.rating >= Rating::High));
        if Some(fails) != row["fail_at_high"].as_bool() {
            wrong.push(format!("{}: fails at high: {fails}", row["id"]));
        }
        // The row looks at each record by itself; the guard lets any name of the vulnerability tell its severity.
        let told_nothing = |it: &&Vulnerability| -> usize {
            let advisories = index.about([(it.ecosystem, it.package.name.clone())]).unwrap();
            let records = advisories.about(it.ecosystem, &it.package.name).iter();
            records.filter(|record| it.ids.contains(&record.id) && severity::of(record).is_none()).count()
        };
        let unknown = new.iter().map(told_nothing).sum::<usize>() as u64;
        if Some(unknown) != row["introduced_unknown_severity"].as_u64() {
            wrong.push(format!("{}: {unknown} of unknown severity", row["id"]));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn recorded_answers_are_given_again() {
    let Some((root, rows)) = rows("recorded-answers.jsonl") else { return };
    let (_folder, mut index) = index(&root);
    let (mut all, mut lacking) = (0, Vec::new());
    for row in &rows {
        let Some(ecosystem) = Ecosystem::named(row["ecosystem"].as_str().unwrap()) else { continue };
        let (name, version) = (text(&row["name"]), text(&row["version"]));
        let advisories = index.about([(ecosystem, name.clone())]).unwrap();
        let records = advisories.about(ecosystem, &name).iter();
        let found: BTreeSet<&str> =
            records.filter(|it| it.affects(ecosystem, &name, &version)).map(|it| it.id.as_str()).collect();
        for id in texts(&row["ids_in_osv_db"]) {
            all += 1;
            if !found.contains(id.as_str()) {
                lacking.push(format!("{name}@{version} {id}"));
            }
        }
    }
    println!("{} of {all} ids", all - lacking.len());
    assert!(lacking.len() <= 1, "{lacking:?}");
}

#[test]
fn ignore_files_leave_what_they_say() {
    let Some((root, rows)) = rows("config.jsonl") else { return };
    let (_folder, mut index) = index(&root);
    for row in rows {
        let file = row["config"].as_str().unwrap();
        let entries = ignores::osv_scanner(&fs::read(root.join(file)).unwrap(), file).unwrap();
        let lockfile = row["lockfile"].as_str().unwrap();
        let lockfile = read(&root, lockfile, Format::of(lockfile).unwrap());
        let now = format!("{}T00:00:00Z", row["now"].as_str().unwrap()).parse().unwrap();
        let found = found(&mut index, &lockfile);
        let open = found
            .iter()
            .filter(|it| !entries.iter().any(|entry| entry.covers(it.ecosystem, &it.package, &it.names, now)));
        let remaining: BTreeSet<(String, String)> =
            open.flat_map(|it| it.ids.iter().map(|id| (it.package.to_string(), id.clone()))).collect();
        let wanted: BTreeSet<(String, String)> =
            row["remaining"].as_array().unwrap().iter().map(|it| (text(&it[0]), text(&it[1]))).collect();
        assert_eq!(remaining, wanted, "{file}");
    }
}

#[test]
fn a_bomb_ends_in_an_error() {
    let deep_json = format!("{{\"packages\": {}", "[".repeat(5_000_000));
    let wide_json = format!("{{\"packages\": [{}1]}}", "1,".repeat(4_000_000));
    let aliases = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\npackages: *c\n".to_string();
    let deep_yaml = format!("packages: {}", "[".repeat(200_000));
    let deep_toml = format!("package = {}", "[".repeat(200_000));
    let deep_xml = "<project>".repeat(200_000);
    let entities = "<!DOCTYPE p [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><project><dependencies><dependency><groupId>&b;</groupId></dependency></dependencies></project>".to_string();
    let cases = [
        (Format::PackageLock, deep_json),
        (Format::ComposerLock, wide_json),
        (Format::PnpmLock, aliases),
        (Format::PubspecLock, deep_yaml),
        (Format::CargoLock, deep_toml),
        (Format::PomXml, deep_xml),
    ];
    for (format, text) in cases {
        let error = Lockfile::read(format, text.as_bytes(), format.name()).expect_err(format.name());
        println!("{error}");
    }
    assert!(Lockfile::read(Format::PomXml, entities.as_bytes(), "pom.xml").unwrap().packages.is_empty());
    let large = vec![b' '; 100 << 20];
    for &format in Format::ALL {
        let error = Lockfile::read(format, &large, format.name()).unwrap_err();
        assert!(error.to_string().contains("more than"), "{error}");
        assert!(error.hint().is_some());
    }
}
