//! What the guard for contracts can say, rule by rule.

use crate::finding::{Level, RuleId, RuleInfo};

pub(super) const APPROVAL_MISSING: RuleId = RuleId::new("contracts/approval-missing");
pub(super) const UNREADABLE: RuleId = RuleId::new("contracts/unreadable");
pub(super) const ACCEPTED_EXPIRED: RuleId = RuleId::new("contracts/accepted-expired");
pub(super) const ACCEPTED_UNUSED: RuleId = RuleId::new("contracts/accepted-unused");
pub(super) const VERSION_NOT_BUMPED: RuleId = RuleId::new("contracts/version-not-bumped");
pub(super) const NOT_ANNOUNCED: RuleId = RuleId::new("contracts/not-announced");
pub(super) const VERIFY_FAILED: RuleId = RuleId::new("contracts/verify-failed");
pub(super) const NOT_VERIFIED: RuleId = RuleId::new("contracts/not-verified");
pub(super) const MORE: RuleId = RuleId::new("contracts/more");

const HELP: &str = "Somebody who relied on the base and did everything right fails at the head. Keep the old beside the \
                    new until nobody uses it, or make the new optional; the finding names the smallest such change.\n\n\
                    When it has to break: set the label that `contracts.approval` names, or accept this very change by \
                    its fingerprint in `.github/contracts-accepted.toml` on the base branch, with a reason and a last \
                    day. `levels` sets another level for one rule or, as `contracts/*`, for all.";

/// The rules of the guard itself; what readers find is called `contracts/`, the format and the format's own rule.
pub const RULES: &[RuleInfo] = &[
    RuleInfo {
        id: "contracts/openapi/*",
        level: Level::Error,
        summary: "an OpenAPI document changed for its callers",
        help: HELP,
    },
    RuleInfo {
        id: "contracts/protobuf/*",
        level: Level::Error,
        summary: "Protobuf files changed for their clients",
        help: HELP,
    },
    RuleInfo {
        id: "contracts/graphql/*",
        level: Level::Error,
        summary: "a GraphQL schema changed for those who query it",
        help: HELP,
    },
    RuleInfo {
        id: "contracts/json-schema/*",
        level: Level::Error,
        summary: "a JSON Schema admits other values than before",
        help: HELP,
    },
    RuleInfo {
        id: "contracts/typescript/*",
        level: Level::Error,
        summary: "exported TypeScript changed for those who import it",
        help: HELP,
    },
    RuleInfo {
        id: "contracts/sql/*",
        level: Level::Error,
        summary: "a migration loses data or stops those who use the tables",
        help: HELP,
    },
    RuleInfo {
        id: "contracts/routes/*",
        level: Level::Error,
        summary: "a server no longer answers what it answered",
        help: HELP,
    },
    RuleInfo {
        id: "contracts/text/*",
        level: Level::Warning,
        summary: "a contract changed that can only be compared line by line",
        help: "There is no reader for this language, so what the change means could not be judged. Look at its lines in \
               the report, or take the path out of `contracts.paths`.",
    },
    RuleInfo {
        id: "contracts/more",
        level: Level::Error,
        summary: "more contracts break than a report can list",
        help: "`mainguard contracts check` lists all of them.",
    },
    RuleInfo {
        id: "contracts/approval-missing",
        level: Level::Error,
        summary: "the change touches contracts and lacks the label that lets it",
        help: "`contracts.approval.required` says whether every change of a contract needs the label or only a breaking \
               one. The label counts when somebody who may set it did so, and only for what stood in the change then.",
    },
    RuleInfo {
        id: "contracts/unreadable",
        level: Level::Error,
        summary: "a contract cannot be read as what it is",
        help: "A check that could not read its subject is not green. Mend the file; what is no contract is taken out \
               with `contracts.ignore`.",
    },
    RuleInfo {
        id: "contracts/accepted-expired",
        level: Level::Warning,
        summary: "a change was accepted until a day that has passed",
        help: "Take the entry out of the file of accepted changes, or give it another day.",
    },
    RuleInfo {
        id: "contracts/accepted-unused",
        level: Level::Note,
        summary: "an accepted change is not in this change",
        help: "Entries are meant for a change that is about to land. Take those out that have done so.",
    },
    RuleInfo {
        id: "contracts/version-not-bumped",
        level: Level::Error,
        summary: "a contract breaks its callers and its version does not say so",
        help: "Asked for by `contracts.version_bump`. An OpenAPI document has `info.version`, everything else the version of \
               the nearest `package.json`. The first number has to grow; before 1.0.0 the second one may.",
    },
    RuleInfo {
        id: "contracts/not-announced",
        level: Level::Error,
        summary: "something that callers use went without being deprecated first",
        help: "Asked for by `contracts.openapi.deprecate_first`. A path, an operation or a parameter may go when it was \
               deprecated at the base and the day in its `x-sunset` has come. The label of the approval does not let it \
               pass; an entry in `.github/contracts-accepted.toml` does.",
    },
    RuleInfo {
        id: "contracts/verify-failed",
        level: Level::Error,
        summary: "a command of `contracts.verify` failed on the contracts alone",
        help: "It ran in a clean folder that holds the configured paths and nothing else. The last lines that it printed \
               stand in the report.",
    },
    RuleInfo {
        id: "contracts/not-verified",
        level: Level::Error,
        summary: "a command of `contracts.verify` could not be run to its end",
        help: "A check that could not be made is not green. Code from a fork is never run beside secrets: run \
               `mainguard contracts verify` in a job that has none.",
    },
];
