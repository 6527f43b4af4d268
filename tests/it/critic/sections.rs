//! Which headings count, how far sections run, and what counts as said in them.

use super::*;

#[test]
fn headings_in_every_form_that_github_shows() {
    for heading in [
        "# Scope",
        "###### Scope",
        "## Scope ##",
        "Scope\n=====",
        "Scope\n---",
        "<h2>Scope</h2>",
        "<h6 align=\"center\">Scope</h6>",
        "<h3><b>Scope</b></h3>",
        "**Scope**",
        "__Scope__",
        "**Scope:**",
        "**Scope**:",
        "***Scope***",
        "<b>Scope</b>",
        "🚀 **Scope**",
        "## 1. Scope",
        "## 2) Scope",
        "## 1.2 Scope",
        "## :memo: Scope",
        "## 📝 Scope (required)",
        "## SCOPE?",
        "## [Scope](https://example.org)",
        "## `Scope`",
        "## *What & why*",
        "## What/why:",
        "## What changed and why?",
        "## Scope <!-- required -->",
        "**Scope** <!-- required -->",
        "## ~~Scope~~",
        "- ## Scope",
        "## Scope / Description",
        "## &nbsp;Scope",
        "## 1️⃣ Scope",
        "<!-- c -->\n## Scope",
    ] {
        let expected = if heading.contains("What/why") { "blocked; missing: scope" } else { "ok" };
        assert_eq!(story().heading("Scope", heading).verdict(), expected, "{heading}");
    }
}

#[test]
fn what_only_looks_like_a_heading() {
    for heading in [
        "> ## Scope",
        "> **Scope**",
        "    ## Scope",
        "```\n## Scope\n```",
        "~~~\nScope\n---\n~~~",
        "<!--\n## Scope\n-->",
        "<!-- ## Scope -->",
        "##Scope",
        "####### Scope",
        "Scope",
        "Scope:",
        "**Scope** of it",
        "*Scope*",
        "- **Scope**",
        "1. **Scope**",
        "\\## Scope",
        "`## Scope`",
        "| **Scope** |\n|---|",
        "## Scopes",
        "## Scope of work",
        "> <h2>Scope</h2>",
        "<blockquote>\n\n## Scope\n\n</blockquote>",
        "<details>\n<!--\n\n## Scope\n\n-->\n</details>",
        "## Scope - more",
    ] {
        assert_eq!(
            story().heading("Scope", "HEADING").preface("").verdict_of(heading),
            "blocked; missing: scope",
            "{heading}"
        );
    }
}

impl Story {
    fn verdict_of(mut self, heading: &str) -> String {
        self.pull_request.body = Some(self.body().replace("HEADING", heading));
        self.verdict()
    }
}

#[test]
fn a_section_runs_to_the_next_heading_that_counts() {
    // Deeper headings stay inside, whatever they are called.
    assert_eq!(story().with("Scope", "### Background\n\nRefunds are rounded.").verdict(), "ok");
    assert_eq!(story().with("Scope", "**Background**\n\nRefunds are rounded.").verdict(), "ok");
    // One of the same level ends it.
    assert_eq!(story().with("Scope", "## Background\n\nRefunds are rounded.").verdict(), "blocked; empty: scope");
    assert_eq!(story().with("Scope", "# Background\n\nRefunds are rounded.").verdict(), "blocked; empty: scope");
    // A bold line ranks below level 6, and beside another bold line.
    assert_eq!(
        story().heading("Scope", "###### Scope").with("Scope", "**More**\n\nRefunds are rounded.").verdict(),
        "ok"
    );
    let bold = story().heading("Scope", "**Scope**").with("Scope", "**More**\n\nRefunds are rounded.");
    assert_eq!(bold.verdict(), "blocked; empty: scope");
    // One that names a section ends it at any level.
    let nested =
        story().without("Risk").with("Tests", "- [x] Unit\n\nCoverage: 91%\n\n#### Rollout\n\nSlowly, with a flag.");
    assert_eq!(nested.verdict(), "ok");
    // Twice is one.
    assert_eq!(story().with("Scope", "").and("## Summary", "Refunds are rounded.").verdict(), "ok");
    // All under one title.
    assert_eq!(story().preface("# Rounding of refunds\n\nHello").verdict(), "ok");
}

#[test]
fn a_scope_says_what_changed() {
    for text in [
        "Bump serde",
        "退款四舍五入",
        "Fixes #12: refunds are rounded",
        "**Refunds** rounded",
        "- rounds\n- refunds",
        "Rounds with `Math.round`",
        "> Refunds are rounded",
        "No crash on empty carts",
        "Refunds rounded ~~twice~~",
        "<details>\n<summary>Refunds are rounded</summary>\n</details>",
        "Refunds are rounded <!-- really -->",
        "<!-- hint --> Refunds are rounded",
        "Text <!-- not closed",
        "Adds TODO comments",
        "1. Refunds rounded",
        "Refunds rounded, see https://github.com/acme/shop/issues/4",
    ] {
        assert_eq!(story().with("Scope", text).verdict(), "ok", "{text}");
    }
    for text in [
        "",
        "Bump",
        "Fixes #12",
        "Closes #1, fixes #2 and resolves acme/shop#3.",
        "Related to #4\nRelates to GH-5",
        "None",
        "N/A",
        "n/a.",
        "TODO",
        "TBD",
        "WIP",
        "...",
        "_No response_",
        "[describe what changes]",
        "<describe what changes>",
        "____",
        "~~Refunds are rounded.~~",
        "<del>Refunds are rounded.</del>",
        "<!-- Refunds are rounded. -->",
        "https://example.org/why it",
        "[the whole story](https://example.org)",
        "Fixes https://github.com/acme/shop/issues/4",
        "```\nlet rounded = refund.round();\n```",
        "- [ ] rounds refunds nicely",
        "- [x] Bug fix of it",
        "***",
        "修复",
        "![a picture of it](a.png)",
        "Type of change:",
        "**Refunds are rounded**",
        "### Refunds are rounded",
        "<!--\nRefunds are rounded.\n-->",
        "Fixes [#12](https://github.com/acme/shop/issues/12)",
    ] {
        assert_eq!(story().with("Scope", text).verdict(), "blocked; empty: scope", "{text}");
    }
}

#[test]
fn an_unclosed_comment_at_the_start_of_a_line_hides_the_rest() {
    let all = "blocked; missing: contracts endpoints tests risk; empty: scope";
    assert_eq!(story().with("Scope", "<!-- Refunds are rounded.").verdict(), all);
    assert_eq!(story().with("Scope", "  <!--\nRefunds are rounded.").verdict(), all);
    assert_eq!(story().with("Scope", "Refunds are <!-- rounded.").verdict(), "ok");
}

#[test]
fn lines_of_the_template_are_not_said() {
    let template =
        "## Scope\n\nWhat does this change do?\n\n## Tests added\n\n- [x] Unit\n- [ ] Manual\n\nTarget: 80%\n";
    let with_template = |name: &str, text: &str| Story { template: Some(template.into()), ..story().with(name, text) };
    assert_eq!(with_template("Scope", "  What does   this change do? ").verdict(), "blocked; empty: scope");
    assert_eq!(with_template("Scope", "What does this change do? Round.").verdict(), "ok");
    // A box that the template had ticked is nobody's claim.
    assert_eq!(with_template("Tests", "- [x] Unit\n\nTarget: 80%").verdict(), "blocked; empty: tests");
    assert_eq!(with_template("Tests", "- [ ] Unit\n- [x] Manual").verdict(), "ok; warnings: coverage-not-stated");
    // Also once the comment around a hint is gone.
    let commented =
        Story { template: Some("## Scope\n<!--\nWhat and why\n-->".into()), ..story().with("Scope", "What and why") };
    assert_eq!(commented.verdict(), "blocked; empty: scope");
}

#[test]
fn only_tests_and_endpoints_may_be_said_in_code() {
    let code = "```\ncargo test --all\n```";
    assert_eq!(story().with("Tests", code).verdict(), "ok; warnings: coverage-not-stated");
    assert_eq!(story().with("Endpoints", code).verdict(), "ok");
    assert_eq!(story().with("Endpoints", "    GET /health").verdict(), "ok");
    assert_eq!(story().with("Endpoints", "```\n\n```").verdict(), "blocked; empty: endpoints");
    assert_eq!(story().with("Risk", code).verdict(), "blocked; empty: risk");
    assert_eq!(story().with("Contracts", code).verdict(), "blocked; unanswered: contracts");
    assert_eq!(story().with("Tests", "```\nTOTAL 91%\n```").verdict(), "ok");
}

#[test]
fn a_denial_answers_where_it_may() {
    for denial in
        ["None", "N/A", "No", "n/a", "Nil.", "Nothing", "Not applicable", "No changes", "**N/A**.", "- None", "NA"]
    {
        assert_eq!(story().with("Endpoints", denial).verdict(), "ok", "{denial}");
        assert_eq!(story().with("Risk", denial).verdict(), "blocked; empty: risk", "{denial}");
        let documents = story().files(&["docs/a.md"]).with("Risk", denial).with("Tests", denial);
        assert_eq!(documents.verdict(), "ok", "{denial}");
    }
    assert_eq!(story().with("Risk", "None for users: a dead branch goes away.").verdict(), "ok");
    assert_eq!(story().with("Risk", "None\n\nOnly a log line changes its level.").verdict(), "ok");
    assert_eq!(story().with("Risk", "Rollout plan: none").verdict(), "blocked; empty: risk");
    assert_eq!(story().with("Risk", "Risk: [x] Low / [ ] High\n\nRollout plan:").verdict(), "ok");
    assert_eq!(story().with("Risk", "Risk: [ ] Low / [ ] High\n\nRollout plan: TBD").verdict(), "blocked; empty: risk");
}

#[test]
fn an_answer_may_stand_in_the_heading() {
    assert_eq!(story().heading("Contracts", "## Contracts touched: No").with("Contracts", "").verdict(), "ok");
    assert_eq!(story().heading("Contracts", "**Contracts touched: No**").with("Contracts", "").verdict(), "ok");
    assert_eq!(story().heading("Contracts", "## Contracts: [ ] Yes / [x] No").with("Contracts", "").verdict(), "ok");
    assert_eq!(story().heading("Risk", "## ⚠️ Risk: low").with("Risk", "").verdict(), "ok");
    assert_eq!(story().heading("Risk", "## Risk: TBD").with("Risk", "").verdict(), "blocked; empty: risk");
    assert_eq!(story().heading("Risk", "## Risk:").with("Risk", "").verdict(), "blocked; empty: risk");
    assert_eq!(story().heading("Scope", "## Scope: refunds are rounded").with("Scope", "").verdict(), "ok");
    // What follows a colon in any other heading says nothing.
    assert_eq!(story().heading("Scope", "## Notes: scope").verdict(), "blocked; missing: scope");
}
