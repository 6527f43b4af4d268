//! The rules by which a change of the policy itself is judged. The check stands in [`policy`](crate::policy), which knows
//! what a policy is made of.

use crate::finding::{Level, RuleInfo};

/// The rules about the policy itself.
pub const RULES: &[RuleInfo] = &[
    RuleInfo {
        id: "policy/changed",
        level: Level::Note,
        summary: "the change touches the policy that changes are judged by",
        help: "The configuration, `.mainguardignore`, `.gitattributes` and the pull request template are read at the base \
               of a change, so the new ones count only after they have landed. Look at them closely: whoever edits them \
               decides what later changes must hold to.",
    },
    RuleInfo {
        id: "policy/invalid",
        level: Level::Error,
        summary: "the change brings in a configuration that cannot be used",
        help: "Once it stood on the base branch, no later change could be judged. `mainguard config check` shows every \
               problem in the file.",
    },
];
