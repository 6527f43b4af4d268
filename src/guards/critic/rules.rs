//! What the critic's rules are called and what they want from an author.

use crate::finding::{Level, RuleId, RuleInfo};

pub(super) const SECTION_MISSING: RuleId = RuleId::new("critic/section-missing");
pub(super) const SECTION_EMPTY: RuleId = RuleId::new("critic/section-empty");
pub(super) const SECTION_UNANSWERED: RuleId = RuleId::new("critic/section-unanswered");
pub(super) const CLAIM_CONTRADICTED: RuleId = RuleId::new("critic/claim-contradicted");
pub(super) const APPROVAL_MISSING: RuleId = RuleId::new("critic/approval-missing");
pub(super) const EXPLAINED: RuleId = RuleId::new("critic/explained");
pub(super) const CONTRACTS_UNCHANGED: RuleId = RuleId::new("critic/contracts-yes-but-unchanged");
pub(super) const NO_TESTS: RuleId = RuleId::new("critic/no-tests-changed");
pub(super) const COVERAGE_NOT_STATED: RuleId = RuleId::new("critic/coverage-not-stated");
pub(super) const COVERAGE_BELOW_80: RuleId = RuleId::new("critic/coverage-below-80");
pub(super) const COVERAGE_BELOW_MINIMUM: RuleId = RuleId::new("critic/coverage-below-minimum");
pub(super) const COVERAGE_DIFFERS: RuleId = RuleId::new("critic/coverage-claim-differs");

/// The rules of this guard.
pub const RULES: &[RuleInfo] = &[
    RuleInfo {
        id: "critic/section-missing",
        level: Level::Error,
        summary: "a required section has no heading in the description",
        help: "Reviewers read the same questions in the same words in every pull request; a section that is left out \
               leaves them guessing. Add the heading and answer under it. `mainguard critic template` prints a template \
               with all of them.\n\nA heading may be of any level, underlined, `<h2>` or a line in bold; emoji, \
               numbering, case and a remark in parentheses do not matter. Other names for a section go to \
               `critic.sections.<id>.headings`; whether it is required, to `critic.sections.<id>.required`.",
    },
    RuleInfo {
        id: "critic/section-empty",
        level: Level::Error,
        summary: "a required section holds nothing that its author said",
        help: "The heading is there, but below it are only lines of the template, comments, placeholders such as `TODO`, \
               labels without a value, or boxes that nobody ticked.\n\n`Scope` wants two words of its own beside issue \
               references and links. `None` is an answer for tests and risk when no code changed, or with a reason: \
               `None: one constant in a log call`. `Screenshots` wants a picture when a file of the class `ui` changed.",
    },
    RuleInfo {
        id: "critic/section-unanswered",
        level: Level::Error,
        summary: "a question is answered neither with Yes nor with No",
        help: "Tick exactly one of the two boxes, or delete them and answer in words: `No`, or what is affected.",
    },
    RuleInfo {
        id: "critic/claim-contradicted",
        level: Level::Error,
        summary: "the description says one thing, the change shows another",
        help: "The answer does not fit the files, commits or labels of the change. Correct the answer or the change. Where \
               the answer is right all the same, say why in three words or more, as in `No, only a comment was \
               reworded`: it then becomes the warning `critic/explained`.\n\nWhich files belong to which class is set \
               in `critic.classes`.",
    },
    RuleInfo {
        id: "critic/approval-missing",
        level: Level::Error,
        summary: "files changed that need an approval label",
        help: "Ask somebody who may to look at the change and to set the label. The labels and the files that need them \
               are in `critic.approvals`, which can also ask who set the label (`by`, `not_author`) and that no commit \
               was pushed afterwards (`fresh`). Bots and reverts need the label too.",
    },
    RuleInfo {
        id: "critic/explained",
        level: Level::Warning,
        summary: "a claim does not fit the change, and its author says why",
        help: "Reviewers decide whether the reason holds.",
    },
    RuleInfo {
        id: "critic/contracts-yes-but-unchanged",
        level: Level::Warning,
        summary: "contracts are said to be touched, and no contract file changed",
        help: "Either the answer is left over from an earlier state of the change, or `critic.classes.contract` does not \
               know where this contract lives.",
    },
    RuleInfo {
        id: "critic/no-tests-changed",
        level: Level::Warning,
        summary: "code changed, and no test was added or changed",
        help: "A test that fails without the change is the best description of it. Where there is nothing to test, the \
               section on tests can say so with a reason.",
    },
    RuleInfo {
        id: "critic/coverage-not-stated",
        level: Level::Warning,
        summary: "code changed, and the coverage of the change is neither measured nor stated",
        help: "Write the percentage into the section on tests (`Coverage: 91%`), or let a coverage report be \
               measured.",
    },
    RuleInfo {
        id: "critic/coverage-below-80",
        level: Level::Warning,
        summary: "less than 80 % of the change is covered by tests",
        help: "The measured number counts where there is one, else the stated one. The bound is \
               `critic.minimum_coverage`.",
    },
    RuleInfo {
        id: "critic/coverage-below-minimum",
        level: Level::Warning,
        summary: "less of the change is covered by tests than `critic.minimum_coverage` asks for",
        help: "The measured number counts where there is one, else the stated one. With the bound at its default, 80, this \
               rule is called `critic/coverage-below-80`.",
    },
    RuleInfo {
        id: "critic/coverage-claim-differs",
        level: Level::Warning,
        summary: "the stated coverage differs from the measured one by more than a point",
        help: "The number in the description is probably from an earlier state of the change. Correct it.",
    },
];
