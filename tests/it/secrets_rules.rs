//! The built-in rules: each one documented, each one proven by its examples, and silent on words that stand for a secret.
//!
//! What is found here is found by a second, slow and plain reading of gitleaks' semantics, independent of the engine:
//! keyword gate, regex, group, entropy, allowlists.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use mainguard::secrets::examples::{self, Examples};
use mainguard::secrets::rules::file;
use mainguard::secrets::{
    Allowlist, Cache, Condition, Fragment, Options, Origin, Rule, RuleSet, Scanner, Target, builtin,
};
use regex::bytes::{Regex, RegexBuilder};

/// Example files by the name of the rule file they belong to.
fn example_files() -> BTreeMap<String, BTreeMap<String, Examples>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/secrets/examples");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let read = examples::read(&fs::read_to_string(&path).unwrap());
            (name, read.unwrap_or_else(|error| panic!("{}: {error}", path.display())))
        })
        .collect()
}

/// Rule and secret of everything that was found in a text.
type Found = BTreeSet<(String, String)>;

/// Rules with their patterns compiled when they are first needed.
struct Plain {
    rules: RuleSet,
    compiled: RefCell<HashMap<String, Regex>>,
}

impl Plain {
    fn new() -> Plain {
        Plain { rules: builtin::rules(), compiled: RefCell::default() }
    }

    fn regex(&self, pattern: &str) -> Regex {
        let mut compiled = self.compiled.borrow_mut();
        let build = || RegexBuilder::new(pattern).unicode(false).size_limit(1 << 28).build();
        compiled
            .entry(pattern.to_owned())
            .or_insert_with(|| build().unwrap_or_else(|error| panic!("{pattern}: {error}")))
            .clone()
    }

    /// What is found in `text`, taken to stand in the file `path`.
    fn find(&self, path: &str, text: &str) -> Found {
        let lower = text.to_lowercase();
        let global = self.rules.allowlists.iter().any(|list| self.allows_path(list, path));
        let tried = self.rules.rules.iter().filter(|rule| {
            !global
                && (rule.keywords.is_empty() || rule.keywords.iter().any(|keyword| lower.contains(keyword.as_str())))
                && rule.path.as_ref().is_none_or(|pattern| self.regex(pattern).is_match(path.as_bytes()))
        });
        tried.flat_map(|rule| self.of_rule(rule, text)).collect()
    }

    fn of_rule(&self, rule: &Rule, text: &str) -> Vec<(String, String)> {
        let Some(pattern) = &rule.regex else { return vec![(rule.id.clone(), String::new())] };
        let found = self.regex(pattern);
        let leaks = found.captures_iter(text.as_bytes()).filter_map(|captures| {
            let whole = captures.get(0).unwrap();
            let group = match rule.secret_group {
                0 => captures.iter().skip(1).flatten().find(|group| !group.is_empty()),
                group => captures.get(group),
            };
            let secret = group.unwrap_or(whole).as_bytes();
            let matched = whole.as_bytes();
            let before = text.as_bytes()[..whole.start()].iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
            let after = text.as_bytes()[whole.end()..].iter().position(|byte| *byte == b'\n');
            let line = &text.as_bytes()[before..after.map_or(text.len(), |at| whole.end() + at)];
            let allowed = || {
                let lists = self.rules.allowlists.iter().chain(&rule.allowlists);
                lists.into_iter().any(|list| self.allows(list, secret, matched, line))
            };
            let dull = rule.entropy > 0.0 && entropy(secret) <= rule.entropy;
            (!dull && !allowed()).then(|| (rule.id.clone(), String::from_utf8_lossy(secret).into_owned()))
        });
        leaks.collect()
    }

    fn allows_path(&self, list: &Allowlist, path: &str) -> bool {
        !list.paths.is_empty() && self.regex(&list.paths.join("|")).is_match(path.as_bytes())
    }

    fn allows(&self, list: &Allowlist, secret: &[u8], matched: &[u8], line: &[u8]) -> bool {
        assert_eq!(list.condition, Condition::Or, "our rules combine nothing");
        let target = match list.target {
            Target::Secret => secret,
            Target::Match => matched,
            Target::Line => line,
        };
        let lower = String::from_utf8_lossy(secret).to_lowercase();
        !list.regexes.is_empty() && self.regex(&format!("(?:{})", list.regexes.join("|"))).is_match(target)
            || list.stopwords.iter().any(|word| lower.contains(word.as_str()))
    }
}

/// Bits per character.
fn entropy(text: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    text.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let shares = counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / text.len() as f64);
    -shares.map(|share| share * share.log2()).sum::<f64>()
}

#[test]
fn the_built_in_rules_are_read_without_a_word_and_have_what_a_reader_needs() {
    let loaded = file::load(builtin::text(), "built-in rules", &file::Outside::nothing()).unwrap();
    assert_eq!(loaded.warnings, []);
    let id = regex::Regex::new("^[a-z0-9]+(-[a-z0-9]+)*$").unwrap();
    let mut ids = BTreeSet::new();
    for rule in &loaded.rules.rules {
        let at = &rule.id;
        assert!(id.is_match(at) && ids.insert(at.clone()), "{at}: not of the form `provider-token`, or not unique");
        assert!(rule.description.len() >= 30 && rule.description.ends_with('.'), "{at}: describe it in a sentence");
        let link = |link: &Option<String>| link.as_ref().is_some_and(|link| link.starts_with("https://"));
        assert!(link(&rule.source), "{at}: `source` names the page that describes the token");
        assert!(link(&rule.revoke), "{at}: `revoke` names the page on which it is revoked");
        assert_eq!(rule.keywords.is_empty(), rule.regex.is_none(), "{at}: keywords are for rules with a pattern");
        assert!(rule.keywords.iter().all(|keyword| keyword.to_lowercase() == *keyword), "{at}: keywords in lower case");
    }
}

#[test]
fn every_rule_finds_what_its_examples_say_and_leaves_alone_what_they_say() {
    let plain = Plain::new();
    let mut wrong = Vec::new();
    let mut proven = BTreeSet::new();
    for (file, rules) in example_files() {
        let standing = builtin::files().iter().find(|(name, _)| **name == file).map_or("", |(_, text)| *text);
        for (id, examples) in rules {
            let path = examples.path.as_deref().unwrap_or("a/file");
            if !standing.contains(&format!("id = \"{id}\"\n")) {
                wrong.push(format!("{file}: {id} has examples, but no rule in the file of the same name"));
            }
            if examples.matches.is_empty()
                || examples.no_matches.is_empty() && standing.contains("regex") && id != "pkcs12-file"
            {
                wrong.push(format!("{file}: {id} needs a text to match and one to leave alone"));
            }
            for (number, template) in examples.matches.iter().enumerate() {
                let filled = examples::fill(template, &format!("{id} match {number}")).unwrap();
                let found = plain.find(path, &filled.text);
                let own: Vec<_> = found.iter().filter(|(rule, _)| *rule == id).map(|(_, secret)| secret).collect();
                let right = match &filled.secret {
                    Some(secret) => own == [secret],
                    None => !own.is_empty(),
                };
                if !right {
                    wrong.push(format!("{id} does not find the secret of `{template}`: {own:?} in {}", filled.text));
                }
                let others = found
                    .iter()
                    .map(|(rule, _)| rule)
                    .filter(|rule| **rule != id && !rule.starts_with("generic-") && !examples.also.contains(rule));
                wrong.extend(others.map(|rule| format!("{rule} matches `{template}` of {id} too")));
            }
            for (number, template) in examples.no_matches.iter().enumerate() {
                let filled = examples::fill(template, &format!("{id} no_match {number}")).unwrap();
                if plain.find(path, &filled.text).iter().any(|(rule, _)| *rule == id) {
                    wrong.push(format!("{id} does not leave `{template}` alone: {}", filled.text));
                }
            }
            proven.insert(id);
        }
    }
    let rules = plain.rules.rules.iter().filter(|rule| !proven.contains(&rule.id));
    wrong.extend(rules.map(|rule| format!("{} has no examples", rule.id)));
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_engine_finds_in_every_example_what_the_plain_reading_finds() {
    let plain = Plain::new();
    let scanner = Scanner::new(&plain.rules, Options { decode_depth: 0, ..Options::default() }).unwrap();
    let mut cache = Cache::default();
    for (id, examples) in example_files().into_values().flatten() {
        let path = examples.path.as_deref().unwrap_or("a/file");
        let origin = Origin { path: path.into(), ..Origin::default() };
        for (number, template) in examples.matches.iter().chain(&examples.no_matches).enumerate() {
            let text = examples::fill(template, &format!("{id} engine {number}")).unwrap().text;
            let fragment = Fragment { text: text.as_bytes(), lines_before: 0, origin: &origin };
            let leaks = scanner.scan(&fragment, &mut cache);
            let engine: BTreeSet<_> = leaks.iter().filter(|leak| leak.rule == id).map(|leak| &leak.secret).collect();
            let expected = plain.find(path, &text);
            let own: BTreeSet<_> = expected.iter().filter(|(rule, _)| *rule == id).map(|(_, secret)| secret).collect();
            let agree = id == "pkcs12-file" && engine.len() == own.len()
                || engine.iter().map(|secret| secret.to_string()).eq(own.iter().map(|secret| secret.to_string()));
            // A general finding gives way to a particular one on the same line.
            let gave_way = id.starts_with("generic-") && engine.is_empty();
            assert!(agree || gave_way, "{id}: engine {engine:?}, plain {own:?} in {text}");
        }
    }
}

#[test]
fn words_that_stand_for_a_secret_are_none() {
    let plain = Plain::new();
    let words = [
        "your-api-key",
        "YOUR_API_KEY_HERE",
        "<your-token>",
        "xxxxxxxxxxxxxxxxxxxxxxxx",
        "changeme123",
        "example-token-1",
        "${API_KEY}",
        "$API_KEY",
        "{{ secrets.TOKEN }}",
        "${{ secrets.NPM_TOKEN }}",
        "%API_KEY%",
        "process.env.API_KEY2",
        "os.environ[\"KEY\"]",
        "1234567890abcdef",
        "0123456789abcdef0123456789abcdef",
        "test-secret-key-1",
        "s3cr3t",
        "00000000-0000-0000-0000-000000000000",
        "sha256-checksum",
        "getAccessTokenV2",
        "config.auth.token_v2",
        "AKIAIOSFODNN7EXAMPLE",
        "redacted-value-1",
        "insert-token-here-2",
        "/etc/ssl/private/key1.pem",
        "2024-01-31T12:00:00Z",
    ];
    for word in words {
        for text in [format!("api_key = \"{word}\"\n"), format!("SECRET_TOKEN={word}\n"), format!("password: {word}\n")]
        {
            assert_eq!(plain.find("a/file", &text), Found::new(), "{text}");
        }
    }
}

#[test]
fn the_rules_and_their_examples_hold_no_secret() {
    let plain = Plain::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/secrets");
    for folder in [folder.clone(), folder.join("examples")] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let text = fs::read_to_string(&path).unwrap();
                assert_eq!(plain.find("a/file", &text), Found::new(), "{}", path.display());
            }
        }
    }
}

/// What gitleaks reports in the shared corpus and we do not: rule (empty: any), part of the secret, why.
const NO_SECRETS: &[(&str, &str, &str)] = &[
    ("", "12345678-ABCD-ABCD", "a sequence in place of a UUID"),
    ("", "12345678ABCDEFH1234", "a sequence in place of a token"),
    ("", "0123456789abcdef", "a sequence in place of a token"),
    ("", "xoxp-1234567890", "a sequence in place of a token"),
    ("", "dapi1234567890", "a sequence in place of a token"),
    ("", "-2-511111111", "a sequence in place of a token"),
    ("", "aHR0cHM6...", "cut short for print"),
    ("", "-1QQQQQQQQQQQQQQ", "one letter again and again"),
    ("", "EXAMPLEEXAMPLE", "one word again and again"),
    ("jwt", ".eyJzdWIiOiIxMjM0", "the token that every introduction prints"),
    ("asana-client-id", "65936519", "an id behind the name of a token; ids are not secret"),
    ("asana-client-id", "65639920", "an id behind the name of a token; ids are not secret"),
    ("asana-client-id", "71133178", "an id behind the name of a token; ids are not secret"),
    ("discord-client-id", "43699004", "an id behind the name of a token; ids are not secret"),
    ("discord-client-id", "53589728", "an id behind the name of a token; ids are not secret"),
    ("discord-client-id", "61423973", "an id behind the name of a token; ids are not secret"),
    ("adobe-client-id", "8c7D2d7A", "an id behind no name of an id; ids are not secret"),
    ("adobe-client-id", "17BAF5Ce", "an id behind no name of an id; ids are not secret"),
    ("linkedin-client-id", "AGFfxwlL", "an id behind no name of an id; ids are not secret"),
    ("linkedin-client-id", "zhkinY9T", "an id behind no name of an id; ids are not secret"),
    ("linear-client-secret", "6d7925Ef", "a hash behind the word linear, which is also an adjective"),
    ("linear-client-secret", "ce4B66FB", "a hash behind the word linear, which is also an adjective"),
    ("sourcegraph-access-token", "a60571Fc", "a commit id somewhere in a file that says sourcegraph"),
    ("sourcegraph-access-token", "BcAeb664", "a commit id somewhere in a file that says sourcegraph"),
    ("square-access-token", "EAAAki66", "31 characters; Square's tokens have 64, and EAAA begins much base64"),
    ("slack-app-token", "XAPP-", "shorter than any token"),
    ("slack-config-access-token", "XOXE", "no dot where Slack writes one"),
    ("slack-webhook-url", "hooks", "no dots where Slack's address has them"),
    ("sidekiq-sensitive-url", "E8C48eEd", "no dots where the address has them"),
    ("sidekiq-sensitive-url", "bFd9aa7C", "no dots where the address has them"),
    ("dropbox-short-lived-api-token", "SL.", "upper case where Dropbox writes lower case"),
    ("yandex-aws-access-token", "YCGf2RWO", "ends at a `\\R` that no language writes"),
    ("nytimes-access-token", "QfH9V2zj", "an operator `:::===` that no language writes"),
    ("private-key", "anything\n", "two marks with prose between them"),
    ("private-key", "BEGINGT5g", "a word glued to the mark"),
    ("private-key", "BEGINFVmW", "a word glued to the mark"),
    (
        "generic-api-key",
        "RDsV6Rtb7gBWtmvN",
        "a Kelvin sign in its name, which the engine folds and this reading does not",
    ),
];

#[test]
fn every_true_secret_that_gitleaks_finds_is_found() {
    let parity = shared().join("secrets/parity");
    let Ok(expected) = fs::read_to_string(parity.join("expected-gitleaks.json")) else {
        println!("skipped: no shared/secrets/parity");
        return;
    };
    let expected: Vec<serde_json::Value> = serde_json::from_str(&expected).unwrap();
    let plain = Plain::new();
    let mut found: HashMap<&str, (String, Found)> = HashMap::new();
    let mut missing = BTreeSet::new();
    let mut needed = BTreeSet::new();
    for leak in &expected {
        let field = |name: &str| leak[name].as_str().unwrap();
        let (file, secret) = (field("File"), field("Secret"));
        let (text, ours) = found.entry(file).or_insert_with(|| {
            let text = String::from_utf8_lossy(&fs::read(parity.join(file)).unwrap()).into_owned();
            let ours = plain.find(file, &text);
            (text, ours)
        });
        // What stands in an encoding is the decoder's to find.
        if !text.contains(secret) {
            continue;
        }
        let seen = ours.iter().any(|(rule, ours)| {
            ours.contains(secret) || secret.contains(ours.as_str()) && (ours.len() >= 8 || *rule == field("RuleID"))
        });
        let excuse = NO_SECRETS
            .iter()
            .find(|(rule, part, _)| (rule.is_empty() || *rule == field("RuleID")) && secret.contains(part));
        if seen {
            continue;
        }
        if let Some(excuse) = excuse {
            needed.insert(excuse);
        } else {
            missing.insert(format!("{} {secret:?} in {file}", field("RuleID")));
        }
    }
    assert!(missing.is_empty(), "{} missing:\n{}", missing.len(), missing.into_iter().collect::<Vec<_>>().join("\n"));
    let idle: Vec<_> = NO_SECRETS.iter().filter(|excuse| !needed.contains(excuse)).collect();
    assert!(idle.is_empty(), "these excuses excuse nothing: {idle:?}");
}

fn shared() -> PathBuf {
    let folder = std::env::var_os("MAINGUARD_SHARED");
    folder.map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from)
}

/// What is known of the patterns is what would be derived from them.
#[test]
fn the_table_of_known_patterns_is_true() {
    known("known.txt", &builtin::rules());
}

/// The same of the patterns that most rule files in use were copied from.
#[test]
fn the_table_of_known_patterns_of_gitleaks_is_true() {
    let Ok(text) = fs::read_to_string(shared().join("secrets/gitleaks.toml")) else {
        println!("skipped: no shared/secrets/gitleaks.toml");
        return;
    };
    let loaded = file::load(&text, "gitleaks.toml", &file::Outside::nothing()).unwrap();
    known("known-gitleaks.txt", &loaded.rules);
}

fn known(file: &str, rules: &RuleSet) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/secrets").join(file);
    let derived = mainguard::secrets::known::table(rules);
    if std::env::var_os("MAINGUARD_BLESS").is_some() {
        fs::write(&path, &derived).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap() == derived,
        "the rules have changed: MAINGUARD_BLESS=1 cargo test --test it the_table_of_known_patterns"
    );
}
