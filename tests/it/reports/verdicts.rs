//! The three verdicts of the snapshots, and a crowd.

use mainguard::change::{Head, ObjectId, RepoPath};
use mainguard::coverage::Count;
use mainguard::finding::{Finding, Fingerprint, Level, Location, Place, RuleId, Span};
use mainguard::guards::size::{LeftOut, Measured, SizeLabel};
use mainguard::guards::{Guard, coverage, critic, dependencies, secrets};
use mainguard::label::{LabelSpec, OwnedLabel};
use mainguard::report::{Report, Subject};
use mainguard::verdict::{Facts, GuardRun, RunStatus, Suppressed, Verdict};

/// A small change of which nothing is to be said.
pub(crate) fn pass() -> Report {
    let mut verdict = Verdict { runs: runs(size(SizeLabel::S, "🐹", 64, 12)), ..Verdict::default() };
    verdict.runs[0].status = RunStatus::Skipped("no pull request".into());
    let local = Subject {
        repository: None,
        server_url: None,
        pull_request: None,
        base_name: Some("main".into()),
        base_guessed: true,
        head: Head::WorkingTree,
        policy: None,
        ..subject()
    };
    Report::of(&verdict, &local)
}

/// Every kind of finding: in a line, over lines, in a file, in the description, about the whole; and a silenced one.
pub(crate) fn blocked() -> Report {
    let mut measured = size(SizeLabel::M, "🐰", 200, 112);
    measured.left_out = vec![
        LeftOut { path: "Cargo.lock".into(), reason: "lockfile", added: 800, deleted: 20 },
        LeftOut { path: "web/dist/app.min.js".into(), reason: "generated", added: 1, deleted: 1 },
    ];
    measured.binary = vec!["docs/logo.png".into()];
    measured.moved = 2;
    let mut verdict = Verdict {
        runs: runs(measured),
        findings: vec![
            finding(
                "critic/section-missing",
                Level::Error,
                "the section `Risk` is missing",
                Some(Location::description()),
                Some("add `## Risk` and say what could go wrong"),
            ),
            finding(
                "critic/claim-contradicted",
                Level::Error,
                "the description says that no migration is in here, but `migrations/0042_refunds.sql` is one",
                Some(within(Place::Description, BODY, "Migrations: No")),
                Some("answer Yes, or take the file out"),
            ),
            finding(
                "critic/approval-missing",
                Level::Error,
                "migrations need the label `security-reviewed`",
                Some(Location::file("migrations/0042_refunds.sql".into())),
                Some("ask a reviewer to look at it and to set the label"),
            ),
            finding(
                "critic/coverage-low",
                Level::Warning,
                "61.5 % of the changed lines are covered by tests, 80 % are wanted",
                None,
                None,
            ),
            finding(
                "demo/unwrap",
                Level::Warning,
                "this panics when the amount is negative",
                Some(within(Place::File("src/api/refunds.rs".into()), CODE, "u64::try_from(amount).unwrap()")),
                Some("return an error that names the amount"),
            ),
            finding(
                "demo/long",
                Level::Warning,
                "this function does two things",
                Some(within(
                    Place::File("src/api/refunds.rs".into()),
                    CODE,
                    "    let cents = u64::try_from(amount).unwrap();\n    ledger.book(cents)\n",
                )),
                None,
            ),
            finding(
                "policy/changed",
                Level::Note,
                "the change touches `.github/mainguard.yml`, the policy that changes are judged by",
                Some(Location::file(".github/mainguard.yml".into())),
                Some("the policy at the base commit judged this change; look closely at the new one"),
            ),
        ],
        suppressed: vec![Suppressed {
            finding: finding(
                "demo/todo",
                Level::Warning,
                "a `TODO` without a ticket",
                Some(Location::file(RepoPath::new(*b"legacy/caf\xe9.rs"))),
                None,
            ),
            reason: "legacy code, removed in March".into(),
        }],
        labels: vec![OwnedLabel {
            family: SizeLabel::ALL.map(|size| size.to_string()).to_vec(),
            wanted: label(SizeLabel::M),
        }],
    };
    verdict.sort();
    Report::of(&verdict, &subject())
}

/// A guard could not judge.
pub(crate) fn broken() -> Report {
    let mut verdict = Verdict { runs: runs(size(SizeLabel::XL, "🐘", 1300, 7)), ..Verdict::default() };
    verdict.runs[0].status =
        RunStatus::Broken("the labels of #482 could not be read: GitHub answered 502 three times".into());
    verdict.findings = vec![finding(
        "size/too-large",
        Level::Error,
        "the change is XL: 1307 changed lines in 9 files",
        None,
        Some("split it, or let a maintainer add the label `size-approved`"),
    )];
    Report::of(&verdict, &subject())
}

/// A finding in the middle of a line that is one of those.
pub(crate) fn minified() -> Report {
    let text = format!("{}eval(x);{}", "a=b;".repeat(50), "c=d;".repeat(1_000));
    let at = within(Place::File("app.js".into()), &text, "eval(x)");
    let mut verdict = Verdict { runs: runs(size(SizeLabel::XS, "🐭", 1, 0)), ..Verdict::default() };
    verdict.findings = vec![finding("demo/eval", Level::Error, "text becomes code", Some(at), None)];
    Report::of(&verdict, &subject())
}

/// A third of each level, `count` in all.
pub(crate) fn crowded(count: usize) -> Report {
    let levels = [Level::Error, Level::Warning, Level::Note];
    let place = |index: usize| Place::File(format!("src/{index}.rs").as_str().into());
    let mut verdict = Verdict { runs: runs(size(SizeLabel::XL, "🐘", 9, 9)), ..Verdict::default() };
    verdict.findings = (0..count)
        .map(|index| {
            let at = within(place(index), CODE, "amount");
            finding("demo/crowd", levels[index % 3], &format!("number {index}"), Some(at), Some("thin it out"))
        })
        .collect();
    verdict.sort();
    Report::of(&verdict, &subject())
}

pub(crate) fn finding(
    rule: &str,
    level: Level,
    message: &str,
    location: Option<Location>,
    help: Option<&str>,
) -> Finding {
    let rule = RuleId::owned(rule);
    Finding {
        fingerprint: Fingerprint::of(&rule, &[message.as_bytes()]),
        rule,
        level,
        message: message.into(),
        location,
        help: help.map(Into::into),
    }
}

pub(crate) fn subject() -> Subject {
    Subject {
        repository: Some("acme/shop".into()),
        server_url: Some("https://github.com".into()),
        pull_request: Some(482),
        base_name: Some("main".into()),
        base_guessed: false,
        base: ObjectId::parse(&"3f9c2ab".repeat(6)[..40]),
        head: Head::Commit(ObjectId::parse(&"b81d04e".repeat(6)[..40]).unwrap()),
        commits: 3,
        files: 12,
        added: 1001,
        deleted: 133,
        policy: Some(".github/mainguard.yml".into()),
        tool_version: "0.1.0".into(),
    }
}

pub(crate) fn runs(measured: Measured) -> Vec<GuardRun> {
    Guard::ALL
        .into_iter()
        .map(|guard| {
            let facts = match guard {
                Guard::Critic => Facts::Critic(critic::Judgement { ok: true, ..critic::Judgement::default() }),
                Guard::Size => Facts::Size(measured.clone()),
                Guard::Secrets => Facts::Secrets(secrets::Scanned { commits: 3, texts: 14, bytes: 4_321 }),
                Guard::Contracts => Facts::Contracts(Box::default()),
                Guard::Dependencies => Facts::Dependencies(dependencies::Checked {
                    lockfiles: 2,
                    packages: 753,
                    carried: 4,
                    data: "10988 advisories of 2026-11-20, 1 day old".into(),
                }),
                Guard::Coverage => Facts::Coverage(coverage::Measured {
                    changed: Count { covered: 31, coverable: 36 },
                    total: Count { covered: 812, coverable: 1_000 },
                }),
                Guard::Sast | Guard::Policy => Facts::None,
            };
            GuardRun { guard, status: RunStatus::Ran(facts) }
        })
        .collect()
}

pub(crate) fn size(size: SizeLabel, animal: &str, added: u64, deleted: u64) -> Measured {
    Measured {
        size,
        label: label(size),
        animal: animal.into(),
        lines: added + deleted,
        added,
        deleted,
        files: 9,
        left_out: Vec::new(),
        binary: Vec::new(),
        moved: 0,
    }
}

fn label(size: SizeLabel) -> LabelSpec {
    LabelSpec { name: size.to_string(), color: "d4a72c".into(), description: "200 to 499 changed lines".into() }
}

pub(crate) fn within(place: Place, text: &str, marked: &str) -> Location {
    let start = text.find(marked).unwrap_or_else(|| panic!("{marked:?} is not in the text"));
    Location::within(place, Span::of(text, start..start + marked.trim_end().len()), text)
}

const BODY: &str = "## What\n\nRefunds.\n\n## Checks\n\n- Migrations: No\n- Contracts: Yes\n";

const CODE: &str = "\
use crate::ledger;

pub fn refund(amount: i64) -> Receipt {
    let cents = u64::try_from(amount).unwrap();
    ledger.book(cents)
}
";
