//! Labels that a change needs, who set them, and whether the change is still the one that was approved.

use chrono::{DateTime, Utc};
use mainguard::change::ObjectId;

use super::*;

fn at(minute: u32) -> DateTime<Utc> {
    format!("2026-03-01T10:{minute:02}:00Z").parse().expect("a time")
}

/// A contract changed, and the label was set by `by` at ten past; the head arrived at `pushed`.
fn approved_by(by: Option<&str>, pushed: Option<u32>, approval: ApprovalConfig) -> (String, Option<String>) {
    let mut story = story().with("Contracts", "Yes").files(&["packages/types/a.ts", "a.test.ts"]);
    story.config.approvals = vec![approval];
    let applied = by.map(|by| Applied { by: by.into(), at: at(10) });
    story.pull_request.labels = vec![Label { name: "Architect-Approved".into(), applied }];
    let head = PushedHead { id: ObjectId::parse(&"a".repeat(40)).unwrap(), pushed_at: pushed.map(at) };
    story.pull_request.head = Some(head);
    let (judgement, findings) = story.judged();
    let why = findings.into_iter().find(|finding| finding.rule.as_str() == "critic/approval-missing");
    (in_a_line(&judgement), why.map(|finding| finding.message))
}

fn approval() -> ApprovalConfig {
    serde_yaml::from_str("{label: architect-approved, classes: [contract]}").expect("an approval")
}

const LACKING: &str = "blocked; approvals: architect-approved";

#[test]
fn labels_are_compared_whole() {
    for (label, verdict) in [
        ("architect-approved", "ok"),
        ("ARCHITECT-APPROVED", "ok"),
        ("architect-approved-later", LACKING),
        ("needs: architect-approved", LACKING),
        ("architect approved", LACKING),
        ("", LACKING),
    ] {
        let mut story = story().with("Contracts", "Yes").files(&["api/openapi.yaml", "a.test.ts"]);
        story.pull_request.labels = vec![Label::named(label)];
        assert_eq!(story.verdict(), verdict, "{label}");
    }
}

#[test]
fn the_files_that_need_a_review() {
    for path in ["worker/a.ts", "x/workers/a.ts", "db/migrations/1.sql", "wrangler.toml", "edge/wrangler.jsonc"] {
        let verdict = story().files(&[path, "a.test.ts"]).verdict();
        assert_eq!(verdict, "blocked; approvals: security-reviewed", "{path}");
    }
    for path in [
        "src/worker.ts",
        "worker/a.test.ts",
        "migrations/README.md",
        "src/wrangler.ts",
        "docs/openapi.yaml",
        "types/a.ts",
    ] {
        assert_eq!(story().files(&[path, "a.test.ts"]).verdict(), "ok", "{path}");
    }
    // Bots and reverts need it too.
    let mut bot = story().files(&["db/migrations/1.sql"]);
    bot.pull_request.author = "dependabot[bot]".into();
    assert_eq!(bot.verdict(), "blocked; bot; approvals: security-reviewed");
}

#[test]
fn who_set_the_label_is_asked_when_the_policy_does() {
    assert_eq!(approved_by(None, None, approval()), ("ok".into(), None));
    let not_author = || ApprovalConfig { not_author: true, ..approval() };
    assert_eq!(approved_by(Some("ada"), None, not_author()).0, "ok");
    let (verdict, why) = approved_by(Some("Mira"), None, not_author());
    assert_eq!(verdict, LACKING);
    insta::assert_snapshot!(why.unwrap(), @"`packages/types/a.ts` changed, which needs an approval: the author `Mira` set the label `architect-approved`");
    let (verdict, why) = approved_by(None, None, not_author());
    assert_eq!(verdict, LACKING);
    insta::assert_snapshot!(why.unwrap(), @"`packages/types/a.ts` changed, which needs an approval: it could not be told who set the label `architect-approved`, or when");

    let by = || ApprovalConfig { by: vec!["Ada".into()], ..approval() };
    assert_eq!(approved_by(Some("ada"), None, by()).0, "ok");
    let (verdict, why) = approved_by(Some("eve"), None, by());
    assert_eq!(verdict, LACKING);
    insta::assert_snapshot!(why.unwrap(), @"`packages/types/a.ts` changed, which needs an approval: `eve` set the label `architect-approved` and is not among those who may");
}

#[test]
fn an_approval_goes_stale_when_commits_follow_it() {
    let fresh = || ApprovalConfig { fresh: true, ..approval() };
    assert_eq!(approved_by(Some("ada"), Some(9), fresh()).0, "ok");
    assert_eq!(approved_by(Some("ada"), Some(10), fresh()).0, "ok");
    let (verdict, why) = approved_by(Some("ada"), Some(11), fresh());
    assert_eq!(verdict, LACKING);
    insta::assert_snapshot!(why.unwrap(), @"`packages/types/a.ts` changed, which needs an approval: commits were pushed after `ada` had set the label `architect-approved`");
    assert_eq!(approved_by(Some("ada"), None, fresh()).0, LACKING);
    assert_eq!(approved_by(Some("ada"), Some(11), approval()).0, "ok");
}

#[test]
fn a_policy_names_its_own_files() {
    let config =
        "{classes: {billing: ['billing/**']}, approvals: [{label: money, classes: [billing], paths: ['*.lock']}]}";
    for (path, verdict) in [
        ("billing/a.rs", "blocked; approvals: money"),
        ("Cargo.lock", "blocked; approvals: money"),
        ("packages/types/a.ts", "blocked; contradicted: contracts"),
        ("src/a.rs", "ok"),
    ] {
        let story = story().files(&[path, "a.test.ts"]);
        assert_eq!(Story { config: serde_yaml::from_str(config).unwrap(), ..story }.verdict(), verdict, "{path}");
    }
}
