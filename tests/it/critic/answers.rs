//! Yes and No, claims held against the change, pictures and percentages.

use super::*;

/// Said under "Contracts touched" of a change that touches none, and of one that does.
fn contracts(text: &str) -> (String, String) {
    let mut touching = story().with("Contracts", text).files(&["packages/types/a.ts", "a.test.ts"]);
    touching.pull_request.labels = vec![Label::named("architect-approved")];
    (story().with("Contracts", text).verdict(), touching.verdict())
}

#[test]
fn yes_and_no_in_all_their_forms() {
    let no = ("ok", "blocked; contradicted: contracts");
    let explained = ("ok", "ok; warnings: explained:contracts");
    let yes = ("ok; warnings: contracts-yes-but-unchanged", "ok");
    let unanswered = ("blocked; unanswered: contracts", "blocked; unanswered: contracts");
    for (text, (untouched, touched)) in [
        ("- [x] No", no),
        ("- [X] No", no),
        ("- [ x ] No", no),
        ("- [✓] No", no),
        ("* [ ] Yes\n* [x] No", no),
        ("[ ] Yes / [x] No", no),
        ("[ ] Yes [x] No", no),
        ("[x] No / [ ] Yes", no),
        ("- [ ] Yes\n\n- [x] **No**", no),
        ("- [ ] Yes\n  Say which.\n- [x] No", no),
        ("- [ ] Yes\n- [ ] No\n- [x] N/A", no),
        ("- Touched?\n  - [ ] Yes\n  - [x] No", no),
        ("1. [ ] Yes\n2. [x] No", no),
        ("**Touched?** [ ] Yes / [x] No\n\n**Breaking?** [x] Yes / [ ] No", no),
        ("- [ ] Yes\n- [x] No\n\nBreaking?\n\n- [x] Yes\n- [ ] No", no),
        ("- [ ] Yes\n- [x] No\n- [x] Yes\n- [ ] No", no),
        ("No", no),
        ("no.", no),
        ("None", no),
        ("N/A", no),
        ("Nothing", no),
        ("Never", no),
        ("Nil", no),
        ("Not touched", no),
        ("No contract changes.", no),
        ("None of the contracts change", no),
        ("None of the contracts change.\nNo.", no),
        ("Contracts changed: No", no),
        ("Are contracts modified? No", no),
        ("- [x] No\n\nNo contract changes.", no),
        ("- [x] No, trust me", no),
        ("- [x] No\n\n~~Only a doc comment changes~~", no),
        ("- [x] No\n\n<!-- Only a doc comment changes -->", no),
        ("No, only a comment was reworded", explained),
        ("No. Whitespace only, by the formatter", explained),
        ("No; a comment was reworded", explained),
        ("No: a comment was reworded", explained),
        ("No (a comment was reworded)", explained),
        ("No – a comment was reworded", explained),
        ("No — a comment was reworded", explained),
        ("No because a comment was reworded", explained),
        ("No changes since it was reworded only", explained),
        ("None\nA comment was reworded", explained),
        ("- [x] No\n\nA comment was reworded.", explained),
        ("- [x] No, a comment was reworded", explained),
        ("[ ] Yes / [x] No (a comment was reworded)", explained),
        ("Yes", yes),
        ("- [x] Yes", yes),
        ("[x] Yes / [ ] No", yes),
        ("`ErrorBody` gains a field", yes),
        ("`Refund.reason`: no longer optional", yes),
        ("No-op for old clients, new field for others", yes),
        ("- [x] OpenAPI document updated", yes),
        ("- [x] Yes\n- [x] No\n\nOne field is added", yes),
        ("- [ ] Yes\n- [ ] No\n\nOne field is added", yes),
        ("- [ ] Yes\n- [ ] No\n\nNo", no),
        ("", unanswered),
        ("- [ ] Yes\n- [ ] No", unanswered),
        ("- [x] Yes\n- [x] No", unanswered),
        ("[x] Yes / [x] No", unanswered),
        ("- ~~[x] No~~", unanswered),
        ("- [x] ~~No~~", unanswered),
        ("Contracts? [ ] Yes / [ ] No", unanswered),
        ("TBD", unanswered),
        ("[ ] Yes / [ ] No\n\nBreaking? [x] Yes / [ ] No", unanswered),
        ("```\n- [x] No\n```", unanswered),
        ("`[x] No`", yes),
    ] {
        assert_eq!(contracts(text), (untouched.to_string(), touched.to_string()), "{text}");
    }
}

#[test]
fn endpoints_are_held_against_routes() {
    for (text, verdict) in [
        ("None", "blocked; contradicted: endpoints"),
        ("- [x] No", "blocked; contradicted: endpoints"),
        ("None of them", "blocked; contradicted: endpoints"),
        ("None: formatted by the tool", "ok; warnings: explained:endpoints"),
        ("- `POST /refunds` takes `lines[]`", "ok"),
        ("| Method | Path |\n|---|---|\n| GET | /x |", "ok"),
    ] {
        for path in ["src/routes/a.ts", "app/controllers/a.rb", "web/pages/api/a.ts", "web/app/api/x/route.ts"] {
            assert_eq!(story().with("Endpoints", text).files(&[path, "a_test.go"]).verdict(), verdict, "{text}");
        }
        // A test or a document among the routes is no endpoint.
        let beside = story().with("Endpoints", text).files(&["src/routes/a.test.ts", "src/routes/README.md"]);
        assert!(beside.verdict().starts_with("ok"), "{text}");
    }
}

#[test]
fn both_paths_of_a_moved_file_count() {
    let moved =
        FileChange { old_path: Some("packages/types/a.ts".into()), status: Status::Renamed(90), ..file("src/a.ts") };
    let verdict = story().changing(moved).verdict();
    assert_eq!(verdict, "blocked; contradicted: contracts; approvals: architect-approved");
    let copied =
        FileChange { old_path: Some("packages/types/a.ts".into()), status: Status::Copied(90), ..file("src/a.ts") };
    assert_eq!(story().changing(copied).verdict(), "ok");
}

#[test]
fn claims_of_tests_are_held_against_the_change() {
    let without_tests = |text: &str| story().with("Tests", text).files(&["src/a.rs"]).verdict();
    for text in [
        "- [x] Unit",
        "- [x] E2E tests",
        "- [X] Integration tests added",
        "Tests: [x] Unit / [ ] Manual",
        "- [x] Yes",
        "* a\n  * [x] Unit",
    ] {
        assert_eq!(without_tests(&format!("{text}\n\nCoverage: 90%")), "blocked; contradicted: tests", "{text}");
    }
    for text in [
        "- [x] Manual only",
        "- [x] Manual testing completed",
        "By hand on staging",
        "- [ ] Unit\n\nBy hand",
        "- ~~[x] Unit~~\n\nBy hand",
    ] {
        assert_eq!(without_tests(&format!("{text}\n\nCoverage: 90%")), "ok; warnings: no-tests-changed", "{text}");
    }
}

#[test]
fn tests_are_known_by_path_or_by_how_they_begin() {
    let verdict = |file: FileChange| Story { files: vec![file], ..story() }.verdict();
    for path in [
        "a.test.ts",
        "a/b.spec.jsx",
        "x/__tests__/a.js",
        "tests/a.rs",
        "test/a",
        "a/e2e/b.ts",
        "cypress/x.js",
        "spec/a_spec.rb",
        "a_test.go",
        "src/test_a.py",
        "src/ATest.java",
        "src/ATests.cs",
    ] {
        assert_eq!(verdict(file(path)), "ok", "{path}");
        let renamed = FileChange { status: Status::Renamed(100), ..file(path) };
        assert_eq!(verdict(renamed), "ok", "{path}");
        let deleted = FileChange { status: Status::Deleted, ..file(path) };
        assert_eq!(verdict(deleted), "blocked; contradicted: tests", "{path}");
    }
    for path in ["src/latest.ts", "src/contest/a.rs", "testing/a.rs", "src/attest_a.py", "a.tests.ts", "Test.rs"] {
        assert_eq!(verdict(file(path)), "blocked; contradicted: tests", "{path}");
    }
    for line in [
        "#[test]",
        "    #[tokio::test]",
        "def test_a():",
        "\tfunc TestA(t *testing.T) {",
        "it('adds', () => {",
        "test('a')",
        "describe(\"a\")",
        "  @Test",
        "@Test(timeout = 3)",
    ] {
        assert_eq!(verdict(file_with("src/a.x", line)), "ok", "{line}");
    }
    for line in ["// #[test]", "let x = it(1)", "@TestConfiguration", "def testing():", "submit(", "visit('x')"] {
        assert_eq!(verdict(file_with("src/a.x", line)), "blocked; contradicted: tests", "{line}");
    }
}

#[test]
fn a_ui_change_shows_a_picture() {
    let ui = |text: &str| story().and("## Screenshots", text).files(&["web/a.tsx", "web/a.test.tsx"]).verdict();
    for text in [
        "![after](https://example.org/after.png)",
        "![](docs/after)",
        "<img src=\"https://example.org/after\">",
        "<IMG width=600 SRC='after.png' />",
        "<video src=\"https://example.org/after.mp4\"></video>",
        "https://github.com/user-attachments/assets/5a8b2b0e-0000-4000-8000-000000000001",
        "[after](https://example.org/after.webm)",
        "after: https://example.org/after.png.",
        "<details>\n<summary>After</summary>\n<img src=\"a.png\">\n</details>",
        "- [x] Yes\n\n![after](a.png)",
        "| Before | After |\n|---|---|\n| ![a](a.png) | ![b](b.png) |",
        "![b](https://img.shields.io/a.svg) ![a](a.png)",
        "[![thumb](t.png)](https://example.org)",
    ] {
        assert_eq!(ui(text), "ok", "{text}");
    }
    for text in [
        "",
        "Looks good to me",
        "![after]()",
        "<img>",
        "<img src=\"\">",
        "![build](https://img.shields.io/badge/build-passing-green.svg)",
        "![build](https://ci.example.org/badge.svg)",
        "<img src=\"https://ci.example.org/Badge.png\">",
        "`![a](a.png)`",
        "```\n![a](a.png)\n```",
        "<!-- ![a](a.png) -->",
        "~~![a](a.png)~~",
        "- [x] Yes",
        "[the design](https://example.org/design)",
    ] {
        assert_eq!(ui(text), "blocked; empty: screenshots", "{text}");
    }
    for text in
        ["None", "N/A", "No", "UI changes: No", "**UI changes:** [ ] Yes / [x] No", "No visual change.", "- [x] N/A"]
    {
        assert_eq!(ui(text), "blocked; contradicted: screenshots", "{text}");
    }
    for text in
        ["N/A: a prop is renamed", "[ ] Yes / [x] No\n\nOnly a prop is renamed", "UI changes: No, a prop is renamed"]
    {
        assert_eq!(ui(text), "ok; warnings: explained:screenshots", "{text}");
    }
    // Without a user interface nothing is asked.
    assert_eq!(story().and("## Screenshots", "later").verdict(), "ok");
}

#[test]
fn coverage_is_stated_measured_and_compared() {
    let verdict =
        |text: &str, measured: Option<f64>| Story { coverage: measured, ..story().with("Tests", text) }.verdict();
    for (text, measured, expected) in [
        ("- [x] Unit\n\nCoverage: 80%", None, "ok"),
        ("- [x] Unit\n\nCoverage: 79.9%", None, "ok; warnings: coverage-below-80"),
        ("- [x] Unit\n\nCoverage: __%", None, "ok; warnings: coverage-not-stated"),
        ("- [x] Unit\n\nCoverage: __%", Some(90.0), "ok"),
        ("- [x] Unit", Some(12.0), "ok; warnings: coverage-below-80"),
        ("- [x] Unit\n\nCoverage: 92.3%", Some(91.3), "ok"),
        ("- [x] Unit\n\nCoverage: 92.4%", Some(91.3), "ok; warnings: coverage-claim-differs"),
        ("- [x] Unit\n\nCoverage: 70%", Some(90.0), "ok; warnings: coverage-claim-differs"),
        ("- [x] Unit\n\nCoverage went from 78% to 83%", None, "ok"),
        ("- [x] Unit\n\nCoverage: 64% (target: 80%)", None, "ok; warnings: coverage-below-80"),
        ("- [x] Unit\n- [x] Coverage 91%", None, "ok"),
        ("- [x] Unit\n\n**Coverage: 91%**", None, "ok"),
        ("- [x] Unit\n\nCoverage: 91%\n\nOn staging for 5% of shops", None, "ok"),
        ("- [x] Unit\n\n<!-- Coverage: 91% -->", None, "ok; warnings: coverage-not-stated"),
        ("", None, "blocked; empty: tests"),
    ] {
        assert_eq!(verdict(text, measured), expected, "{text}");
    }
    assert_eq!(story().files(&["README.md"]).with("Tests", "N/A").verdict(), "ok");
    assert_eq!(Story { coverage: Some(f64::NAN), ..story() }.verdict(), "ok");
}
