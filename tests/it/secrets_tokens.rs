//! What tokens tell about themselves, through the front door. Every token is put together here, by the vendor's recipe.

use crate::support::cli::{Answer, mainguard, run};
use crate::support::repo::TestRepo;
use crate::support::sink::{Reply, Sink};

/// `prefix`, thirty characters, and the checksum that GitHub and npm would write behind them.
fn real(prefix: &str) -> String {
    format!("{prefix}{}{}", "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ", "0mLq17")
}

/// One whose checksum is another's.
fn unreal(prefix: &str) -> String {
    format!("{prefix}{}{}", "zQWBuTSOoRi4A9spHcVY5ncnsDkxkK", "0mLq17")
}

/// A web token that was good until 14 November 2023.
fn expired() -> String {
    [
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9",
        "eyJleHAiOjE3MDAwMDAwMDAsInJvbGUiOiJhZG1pbiJ9",
        "c2lnbmF0dXJlLW9mLXRoaXMtb25l",
    ]
    .join(".")
}

/// A repository whose branch adds a real token, one that is none, and one that is past its time.
fn with_tokens(config: &str) -> TestRepo {
    let repo = TestRepo::new();
    repo.write(".github/mainguard.yml", config).commit("base");
    repo.git(&["switch", "-qc", "topic"]);
    repo.write("a.txt", format!("{}\n", real("ghp_")));
    repo.write("b.txt", format!("{}\n", unreal("npm_")));
    repo.write("c.txt", format!("{}\n", expired()));
    repo.commit("tokens");
    repo
}

fn check(config: &str, format: &str) -> Answer {
    let repo = with_tokens(config);
    let arguments = ["check", "--base", "main", "--head", "topic", "--only", "secrets", "--format", format];
    run(mainguard(repo.path()).args(arguments).env("MAINGUARD_TEST_NOW", "2026-01-01T00:00:00Z"))
}

fn secrets(directory: &std::path::Path, arguments: &[&str]) -> Answer {
    let mut command = mainguard(directory);
    command.arg("secrets").args(arguments).env("MAINGUARD_TEST_NOW", "2026-01-01T00:00:00Z");
    run(command.env_remove("GITLEAKS_CONFIG").env_remove("GITLEAKS_CONFIG_TOML"))
}

#[test]
fn a_finding_says_what_its_token_tells() {
    let answer = check("{}", "text");
    let text = answer.text();
    assert_eq!(answer.code, 1, "{text}");
    assert!(text.contains("its checksum matches"), "{text}");
    assert!(text.contains("its checksum does not match: not a real token"), "{text}");
    assert!(text.contains("it expired on 2023-11-14"), "{text}");
    assert!(!text.contains("zQWBuTSOoRi4"), "a secret is printed: {text}");
    for format in ["json", "sarif"] {
        let text = check("{}", format).stdout;
        assert!(text.contains("its checksum does not match: not a real token"), "{text}");
    }
}

#[test]
fn what_nobody_can_use_can_be_a_warning_or_let_off() {
    let levels = |answer: &Answer| {
        let report: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
        let findings = report["findings"].as_array().unwrap().iter();
        let mut levels: Vec<String> =
            findings.map(|finding| format!("{} {}", finding["rule"], finding["level"]).replace('"', "")).collect();
        levels.sort();
        levels
    };
    let lower = check("secrets: { check_tokens: lower }", "json");
    assert_eq!(
        levels(&lower),
        ["secrets/github-pat error", "secrets/jwt warning", "secrets/npm-access-token warning"],
        "{}",
        lower.text()
    );
    let drop = check("secrets: { check_tokens: drop }", "json");
    assert_eq!(levels(&drop), ["secrets/github-pat error"], "{}", drop.text());
    assert!(drop.stdout.contains("it expired on 2023-11-14"), "what is let off is told: {}", drop.stdout);
}

#[test]
fn reports_for_gitleaks_are_as_they_were_unless_asked() {
    let repo = with_tokens("{}");
    let report = |how: &[&str]| {
        let mut arguments = vec!["dir", ".", "-f", "json", "-r", "-"];
        arguments.extend(how);
        let answer = secrets(repo.path(), &arguments);
        let leaks: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
        let rules = leaks.as_array().unwrap().iter().map(|leak| format!("{} {}", leak["RuleID"], leak["Tags"]));
        (rules.collect::<Vec<_>>().join("; ").replace('"', ""), answer)
    };
    let (plain, _) = report(&[]);
    assert_eq!(plain, "github-pat []; npm-access-token []; jwt []");
    assert_eq!(report(&["--check-tokens", "say"]).0, plain);
    let (tagged, _) = report(&["--check-tokens", "tag"]);
    assert_eq!(tagged, "github-pat [checksum-matches]; npm-access-token [checksum-differs]; jwt [expired]");
    let (dropped, answer) = report(&["--check-tokens", "drop"]);
    assert_eq!((dropped.as_str(), answer.code), ("github-pat []", 1));
    assert!(answer.stderr.contains("left out: 1 token, checksum-differs"), "{}", answer.stderr);
    assert!(answer.stderr.contains("left out: 1 token, expired"), "{}", answer.stderr);
}

#[test]
fn a_scan_says_it_on_stderr_and_nothing_is_left_when_all_is_harmless() {
    let repo = with_tokens("{}");
    let answer = secrets(repo.path(), &["git"]);
    assert!(answer.stderr.contains("npm_… (40 characters)"), "{}", answer.stderr);
    assert!(answer.stderr.contains("; its checksum does not match: not a real token"), "{}", answer.stderr);
    assert!(answer.stderr.contains("; it expired on 2023-11-14"), "{}", answer.stderr);
    let answer = secrets(repo.path(), &["dir", "b.txt", "--check-tokens", "drop"]);
    assert_eq!(answer.code, 0, "{}", answer.text());
    assert!(answer.stderr.contains("no leaks found"), "{}", answer.stderr);
}

/// A provider that answers every request alike.
fn provider(reply: Reply) -> Sink {
    Sink::new(move |_| reply.clone())
}

fn verify(sink: &Sink, arguments: &[&str]) -> Answer {
    let repo = with_tokens("{}");
    let at = format!("github={}", sink.url);
    let arguments: Vec<&str> = ["dir", ".", "--verify", &at].into_iter().chain(arguments.iter().copied()).collect();
    secrets(repo.path(), &arguments)
}

#[test]
fn a_provider_is_asked_once_with_the_secret_in_a_header_only() {
    let sink = provider(Reply::Status(200));
    let repo = with_tokens("{}");
    // The same secret in a second place is the same question.
    repo.write("d.txt", format!("{}\n", real("ghp_")));
    let answer = secrets(repo.path(), &["dir", ".", "--verify", &format!("github={}", sink.url)]);
    assert_eq!(answer.code, 1, "{}", answer.text());
    assert!(answer.stderr.contains("a.txt:1: github-pat ACTIVE at 127.0.0.1: revoke it now"), "{}", answer.stderr);
    assert!(answer.stderr.contains("d.txt:1: github-pat ACTIVE"), "{}", answer.stderr);
    assert!(answer.stderr.contains("no provider that --verify names knows them: 2 leaks"), "{}", answer.stderr);
    assert!(!answer.text().contains("zQWBuTSOoRi4"), "a secret is printed: {}", answer.text());
    let received = sink.received.lock().unwrap();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].path, "/rate_limit");
    assert_eq!(received[0].headers["authorization"], format!("Bearer {}", real("ghp_")));
    let others = received[0].headers.iter().filter(|(name, _)| *name != "authorization");
    assert!(others.clone().all(|(_, value)| !value.contains("zQWBuTSOoRi4")) && received[0].body.is_empty());
}

#[test]
fn an_answer_that_says_nothing_is_not_taken_for_one() {
    let refused = verify(&provider(Reply::Status(401)), &[]);
    assert!(refused.stderr.contains("github-pat refused by 127.0.0.1"), "{}", refused.stderr);
    let elsewhere = provider(Reply::Status(200));
    let target: &'static str = Box::leak(elsewhere.url.clone().into_boxed_str());
    for (reply, why) in [
        (Reply::Status(500), "status 500"),
        (Reply::Status(429), "asked too often"),
        (Reply::With(302, "location", target), "redirects are not followed"),
        (Reply::CloseMidBody, "not verified at 127.0.0.1: "),
        (Reply::Hang, "no answer within 5 seconds"),
    ] {
        let answer = verify(&provider(reply), &[]);
        assert_eq!(answer.code, 1, "{}", answer.text());
        assert!(answer.stderr.contains("not verified at 127.0.0.1: "), "{}", answer.stderr);
        assert!(answer.stderr.contains(why), "{why}: {}", answer.stderr);
        assert!(!answer.text().contains("zQWBuTSOoRi4"), "a secret is printed: {}", answer.text());
    }
    assert!(elsewhere.received.lock().unwrap().is_empty(), "a secret went where it was not sent");
}

#[test]
fn what_was_verified_can_stand_in_a_report() {
    let answer = verify(&provider(Reply::Status(200)), &["--check-tokens", "tag", "-f", "json", "-r", "-"]);
    let leaks: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(leaks[0]["Tags"], serde_json::json!(["checksum-matches", "verified-active"]), "{}", answer.stdout);
}

#[test]
fn nobody_is_asked_from_ci_or_by_a_name_that_is_none() {
    let sink = provider(Reply::Status(200));
    let repo = with_tokens("{}");
    let at = format!("github={}", sink.url);
    let in_ci = |arguments: &[&str]| {
        let mut command = mainguard(repo.path());
        run(command.args(["secrets", "dir", ".", "--verify", &at]).args(arguments).env("CI", "true"))
    };
    let answer = in_ci(&[]);
    assert_eq!(answer.code, 1, "{}", answer.text());
    assert!(answer.stderr.contains("this is CI") && answer.stderr.contains("--verify-in-ci"), "{}", answer.stderr);
    assert!(sink.received.lock().unwrap().is_empty());
    assert!(in_ci(&["--verify-in-ci"]).stderr.contains("ACTIVE"));
    for (word, said) in [
        ("gitbub", "did you mean `github`?"),
        ("npm", "give its address: npm=https://"),
        ("github=http://example.org", "give one that starts with https://"),
    ] {
        let answer = secrets(repo.path(), &["dir", ".", "--verify", word]);
        assert!(answer.code == 1 && answer.stderr.contains(said), "{word}: {}", answer.stderr);
    }
}
