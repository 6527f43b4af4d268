//! Services and their methods.

use std::collections::HashMap;

use super::{Comparison, Said, option_text, spot};
use crate::contracts::protobuf::link::{LinkedService, joined};
use crate::contracts::protobuf::model::{Method, option};

impl Comparison<'_> {
    pub(super) fn services(&mut self) {
        let (base, revision) = (self.base, self.revision);
        let mut by_name: HashMap<&str, Vec<&LinkedService>> = HashMap::new();
        for service in &revision.services {
            by_name.entry(&service.full).or_default().push(service);
        }
        for before in &base.services {
            let path = &base.file(before.file).path;
            let others = by_name.get(before.full.as_str()).map(|others| &others[..]).unwrap_or_default();
            let same_path = others.iter().find(|other| &revision.file(other.file).path == path);
            let Some(after) = same_path.or(others.first()) else { continue };
            for method in &before.service.methods {
                let subject = joined(&before.full, &method.name);
                let other = after.service.methods.iter().find(|other| other.name == method.name);
                let Some(other) = other else {
                    let said = Said {
                        message: format!("the method `{subject}` is gone"),
                        args: &[&method.name, &before.service.name],
                        before: Some(&method.name),
                        after: None,
                    };
                    let (base, revision) = (spot(before.file, method.span), spot(after.file, after.service.span));
                    self.say("RPC_NO_DELETE", vec![format!("gone {subject}")], &subject, said, base, revision);
                    continue;
                };
                self.method_pair(&before.full, (before.file, method), (after.file, other));
            }
        }
    }

    fn method_pair(&mut self, service: &str, (at, before): (usize, &Method), (other, after): (usize, &Method)) {
        let subject = joined(service, &before.name);
        let short = service.rsplit('.').next().unwrap_or_default();
        let (base, revision) = (spot(at, before.span), spot(other, after.span));
        let streams = [
            ("RPC_SAME_CLIENT_STREAMING", "client", before.client_streams, after.client_streams),
            ("RPC_SAME_SERVER_STREAMING", "server", before.server_streams, after.server_streams),
        ];
        for (rule, who, old, new) in streams {
            if old != new {
                let shown = |streams: bool| if streams { "a stream" } else { "one message" };
                let said = Said {
                    message: format!("the {who} of `{subject}` sent {} and sends {}", shown(old), shown(new)),
                    args: &[&before.name, short],
                    before: Some(shown(old)),
                    after: Some(shown(new)),
                };
                self.say(rule, vec![format!("{who} streams {subject}")], &subject, said, base, revision);
            }
        }
        let level = |method: &Method| {
            let set = option(&method.options, "idempotency_level");
            (option_text(set, "IDEMPOTENCY_UNKNOWN"), set.map(|option| option.span))
        };
        let ((old, old_span), (new, new_span)) = (level(before), level(after));
        if old != new {
            let said = Said {
                message: format!("`{subject}` changed its idempotency level from {old} to {new}"),
                args: &[&before.name, short, "idempotency_level", &old, &new],
                before: Some(&old),
                after: Some(&new),
            };
            let (base, revision) = (Some((at, old_span)).or(base), Some((other, new_span)).or(revision));
            let causes = vec![format!("idempotency {subject}")];
            self.say("RPC_SAME_IDEMPOTENCY_LEVEL", causes, &subject, said, base, revision);
        }
        let types = [
            (
                "RPC_SAME_REQUEST_TYPE",
                "request",
                &before.request,
                &after.request,
                before.request_span,
                after.request_span,
            ),
            (
                "RPC_SAME_RESPONSE_TYPE",
                "response",
                &before.response,
                &after.response,
                before.response_span,
                after.response_span,
            ),
        ];
        for (rule, what, old, new, span, other_span) in types {
            let old = self.base.resolve(at, service, old).0;
            let new = self.revision.resolve(other, service, new).0;
            if old != new {
                let said = Said {
                    message: format!("the {what} of `{subject}` was `{old}` and is `{new}`"),
                    args: &[&before.name, short, &old, &new],
                    before: Some(&old),
                    after: Some(&new),
                };
                let mut causes = self.type_moved(&old, &new);
                causes.push(format!("{what} {subject}"));
                self.say(rule, causes, &subject, said, spot(at, span), spot(other, other_span));
            }
        }
    }
}
