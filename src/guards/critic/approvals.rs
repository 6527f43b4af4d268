//! Whether somebody who may has approved what needs approval.

use super::ApprovalConfig;
use crate::pull_request::PullRequest;

/// Why an approval does not hold; `None` when it does.
pub(crate) fn lacking(approval: &ApprovalConfig, pull_request: &PullRequest) -> Option<String> {
    let label = &approval.label;
    let Some(found) = pull_request.label(label) else {
        return Some(format!("the label `{label}` is not set"));
    };
    let asks_who = !approval.by.is_empty() || approval.not_author;
    if !asks_who && !approval.fresh {
        return None;
    }
    let Some(applied) = &found.applied else {
        return Some(format!("it could not be told who set the label `{label}`, or when"));
    };
    if approval.not_author && applied.by.eq_ignore_ascii_case(&pull_request.author) {
        return Some(format!("the author `{}` set the label `{label}`", applied.by));
    }
    if !approval.by.is_empty() && !approval.by.iter().any(|login| login.eq_ignore_ascii_case(&applied.by)) {
        return Some(format!("`{}` set the label `{label}` and is not among those who may", applied.by));
    }
    if approval.fresh {
        match pull_request.head.as_ref().and_then(|head| head.pushed_at) {
            None => {
                return Some(format!(
                    "it could not be told whether commits were pushed after the label `{label}` was set"
                ));
            }
            Some(pushed) if pushed > applied.at => {
                return Some(format!("commits were pushed after `{}` had set the label `{label}`", applied.by));
            }
            Some(_) => {}
        }
    }
    None
}
