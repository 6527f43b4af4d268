//! Rule files and reports, held against what gitleaks 8.30.1 accepted and wrote.

use std::fs;
use std::path::PathBuf;

use mainguard::secrets::baseline::Baseline;
use mainguard::secrets::ignores::Ignores;
use mainguard::secrets::report::template::Template;
use mainguard::secrets::report::verbose::{self, Colour};
use mainguard::secrets::report::{csv, json, junit, sarif};
use mainguard::secrets::rules::file::{self, Outside};
use mainguard::secrets::{Leak, RuleSet, redact};

/// The folder of what gitleaks did, unless this machine has none.
fn pinned() -> Option<PathBuf> {
    let shared = std::env::var("MAINGUARD_SHARED").unwrap_or(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").into());
    let folder = PathBuf::from(shared).join("secrets");
    if !folder.is_dir() {
        println!("skipped: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

fn rules(folder: &std::path::Path) -> RuleSet {
    let text = fs::read_to_string(folder.join("reports/mini.toml")).unwrap();
    file::load(&text, "mini.toml", &Outside::nothing()).unwrap().rules
}

/// The one finding of `reports/in`.
fn leak() -> Leak {
    let secret = "AKIATQ7XW3ZB5LK2NMDR";
    Leak {
        rule: "aws-mini".into(),
        description: "AWS key, <short> & \"quoted\"".into(),
        start_line: 2,
        end_line: 2,
        start_column: 13,
        end_column: 32,
        matched: secret.into(),
        secret: secret.into(),
        line: format!("\nconst k = \"{secret}\"; // <b>&\"quoted\", commas").into(),
        file: "in/app.js".into(),
        entropy: 4.121928,
        tags: vec!["aws".into(), "cloud".into()],
        fingerprint: "in/app.js:aws-mini:2".into(),
        ..Leak::default()
    }
}

#[test]
fn reports_are_gitleaks_own_byte_for_byte() {
    let Some(folder) = pinned() else { return };
    let rules = rules(&folder);
    for (name, leaks) in [("one", vec![leak()]), ("zero", vec![])] {
        for (ending, report) in [
            ("json", json::report(&leaks)),
            ("csv", csv::report(&leaks)),
            ("junit", junit::report(&leaks)),
            ("sarif", sarif::report(&leaks, &rules)),
        ] {
            let expected = fs::read(folder.join(format!("reports/{name}.{ending}"))).unwrap();
            assert_eq!(bstr::BStr::new(&report), bstr::BStr::new(&expected), "{name}.{ending}");
        }
    }
}

#[test]
fn a_template_for_gitleaks_makes_the_same_report() {
    let Some(folder) = pinned() else { return };
    let text = fs::read_to_string(folder.join("reports/tpl.tmpl")).unwrap();
    let report = Template::parse(&text, "tpl.tmpl").unwrap().render(&[leak()]).unwrap();
    assert_eq!(bstr::BStr::new(&report), bstr::BStr::new(&fs::read(folder.join("reports/one.txt")).unwrap()));
}

#[test]
fn verbose_text_is_gitleaks_own() {
    let Some(folder) = pinned() else { return };
    let expected = |name: &str| fs::read_to_string(folder.join("reports").join(name)).unwrap();
    assert_eq!(verbose::finding(&leak(), Colour::Never), expected("verbose.stdout.txt"));
    let mut masked = leak();
    redact::redact(&mut masked, 20);
    assert_eq!(verbose::finding(&masked, Colour::Never), expected("verbose-redact20.stdout.txt"));
}

/// Everything that gitleaks wrote about its own corpus survives being read and written again.
#[test]
fn three_thousand_findings_are_written_as_gitleaks_wrote_them() {
    let Some(folder) = pinned() else { return };
    let expected = fs::read(folder.join("parity/expected-gitleaks.json")).unwrap();
    let findings: Vec<serde_json::Value> = serde_json::from_slice(&expected).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_string();
    let count = |value: &serde_json::Value| value.as_u64().unwrap() as usize;
    let leaks = findings.iter().map(|finding| Leak {
        rule: text(&finding["RuleID"]),
        start_line: count(&finding["StartLine"]),
        end_line: count(&finding["EndLine"]),
        start_column: count(&finding["StartColumn"]),
        end_column: count(&finding["EndColumn"]),
        matched: text(&finding["Match"]).into(),
        secret: text(&finding["Secret"]).into(),
        file: text(&finding["File"]).into(),
        entropy: finding["Entropy"].as_f64().unwrap() as f32,
        fingerprint: text(&finding["Fingerprint"]),
        ..Leak::default()
    });
    let leaks: Vec<Leak> = leaks.collect();
    let report = json::report(&leaks);
    let written: Vec<serde_json::Value> = serde_json::from_slice(&report).unwrap();
    assert_eq!(written.len(), 3765);
    for (written, expected) in written.iter().zip(&findings) {
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&written[key], value, "{expected}");
        }
    }
    // What was reported once is a baseline that knows all of it.
    let baseline = Baseline::parse(&report, "report.json").unwrap();
    assert!(leaks.iter().all(|leak| baseline.knows(leak, false)));
    let mut ignores = Ignores::default();
    leaks.iter().for_each(|leak| _ = ignores.add(leak.fingerprint.as_bytes(), ".gitleaksignore"));
    assert!(leaks.iter().all(|leak| ignores.covers(leak)));
    assert_eq!(ignores.unused().count(), 0);
}

#[test]
fn the_stock_rule_file_is_read_without_a_word() {
    let Some(folder) = pinned() else { return };
    let text = fs::read_to_string(folder.join("gitleaks.toml")).unwrap();
    let loaded = file::load(&text, "gitleaks.toml", &Outside::nothing()).unwrap();
    assert_eq!((loaded.rules.rules.len(), loaded.warnings.as_slice()), (222, &[][..]));
    let generic = loaded.rules.get("generic-api-key").unwrap();
    assert_eq!((generic.entropy, generic.allowlists.len()), (3.5, 4));
}

/// The cases that extend: by name, by the default rules, and through one file too many.
#[test]
fn rule_files_extend_each_other_as_in_gitleaks() {
    let Some(folder) = pinned() else { return };
    let stock = || {
        let text = fs::read_to_string(folder.join("gitleaks.toml")).unwrap();
        file::load(&text, "gitleaks.toml", &Outside::nothing()).unwrap().rules
    };
    let load = |case: &str, name: &str| {
        let folder = folder.join("cases").join(case);
        let read = |path: &str| fs::read_to_string(folder.join(path)).map_err(|error| error.to_string());
        let text = fs::read_to_string(folder.join(name)).unwrap();
        file::load(&text, name, &Outside { read: &read, builtin: &stock, ..Outside::nothing() }).unwrap()
    };
    let chain = load("chain", "l1.toml");
    assert_eq!(chain.rules.rules.iter().map(|rule| rule.id.as_str()).collect::<Vec<_>>(), ["r1", "r2", "r3"]);
    assert_eq!(chain.rules.get("r2").unwrap().keywords, ["r2-", "extra"]);
    assert_eq!(chain.rules.allowlists[0].stopwords, ["skipme"]);
    assert!(
        chain.warnings.iter().any(|warning| warning.file == "l3.toml" && warning.line == 3),
        "{:?}",
        chain.warnings
    );

    let extended = load("extend", "cfg.toml");
    // 222 rules, less one that is disabled, and one of its own.
    assert_eq!(extended.rules.rules.len(), 222);
    assert!(extended.rules.get("github-pat").is_none());
    assert_eq!(extended.rules.get("generic-api-key").unwrap().entropy, 4.6);
    let stripe = extended.rules.get("stripe-access-token").unwrap();
    assert_eq!((stripe.description.as_str(), stripe.tags.as_slice()), ("overridden", &["t1".to_string()][..]));
    assert_eq!(stripe.keywords, stock().get("stripe-access-token").unwrap().keywords);
    let allowlists = |id: &str, rules: &RuleSet| rules.get(id).unwrap().allowlists.len();
    assert_eq!(allowlists("aws-access-token", &extended.rules), allowlists("aws-access-token", &stock()) + 2);
    assert_eq!(extended.rules.allowlists.len(), stock().allowlists.len() + 2);
    let told: Vec<&str> = extended.warnings.iter().map(|warning| warning.message.as_str()).collect();
    assert_eq!(told, ["`disabledRules` names the rule `no-such-rule`, which the extended rules do not have"]);
}

/// The baseline and the ignore file of the cases are read without a complaint but for the lines meant to be odd.
#[test]
fn baselines_and_ignore_files_of_the_cases_are_understood() {
    let Some(folder) = pinned() else { return };
    let baseline = Baseline::parse(&fs::read(folder.join("cases/baseline/base.json")).unwrap(), "base.json").unwrap();
    assert!(baseline.len() > 3, "{}", baseline.len());
    let mut ignores = Ignores::default();
    let odd = ignores.add(&fs::read(folder.join("cases/ignore/.gitleaksignore")).unwrap(), ".gitleaksignore");
    assert!(ignores.unused().count() > 3);
    for odd in odd {
        println!("{odd}");
    }
}

/// Broken files are refused where gitleaks refuses them, and no others. Patterns are the dialect's to judge.
#[test]
fn rule_files_are_refused_where_gitleaks_refuses_them() {
    let Some(folder) = pinned() else { return };
    let accepted = ["casekeys", "dupid", "empty", "minver", "repeat1000", "unknownkey"];
    let patterns = ["badregex", "bigrepeat", "lookahead"];
    let groups = |pattern: &str| match regex::Regex::new(pattern) {
        Ok(regex) => Ok(regex.captures_len() - 1),
        Err(_) => Ok(usize::MAX),
    };
    let outside = Outside { groups: &groups, ..Outside::nothing() };
    let mut seen = 0;
    for entry in fs::read_dir(folder.join("cases/bad")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        match file::load(&text, &name, &outside) {
            Ok(_) => assert!(accepted.contains(&&*name) || patterns.contains(&&*name), "{name} was accepted"),
            Err(error) => {
                assert!(!accepted.contains(&&*name), "{name} was refused: {error}");
                assert!(error.problems.iter().all(|problem| problem.line > 0 && problem.file == name), "{error}");
            }
        }
        seen += 1;
    }
    assert!(seen >= 20, "{seen}");
}
