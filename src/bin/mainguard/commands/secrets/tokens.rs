//! What tokens tell about themselves, and what their issuers tell about them: `--check-tokens` and `--verify`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use mainguard::secrets::liveness::{Liveness, PROVIDERS, Provider};
use mainguard::secrets::{Leak, validity};
use mainguard::verifier::{self, Asked, VerifierError};

use super::args::{CheckTokens, ScanArgs};
use super::said;
use crate::console::Hinted;

/// Does with what tokens tell about themselves what was asked for, and says what was left out.
pub(super) fn checked(leaks: &mut Vec<Leak>, how: CheckTokens, now: DateTime<Utc>) -> Vec<String> {
    let told = |leak: &Leak| validity::check(&leak.rule, &leak.secret, now);
    match how {
        CheckTokens::Say => Vec::new(),
        CheckTokens::Tag => {
            for leak in leaks.iter_mut() {
                leak.tags.extend(told(leak).tag().map(str::to_owned));
            }
            Vec::new()
        }
        CheckTokens::Drop => {
            let mut dropped: BTreeMap<&str, u64> = BTreeMap::new();
            leaks.retain(|leak| match told(leak) {
                told if told.is_harmless() => {
                    *dropped.entry(told.tag().unwrap_or_default()).or_default() += 1;
                    false
                }
                _ => true,
            });
            let lines = dropped.into_iter();
            lines.map(|(tag, count)| format!("left out: {}, {tag}", said::count(count, "token"))).collect()
        }
    }
}

/// Whom `--verify` names. Nobody is asked from CI unless that is asked for, too: secrets would leave the machine with
/// nobody watching.
pub(super) fn asked(args: &ScanArgs, ci: bool) -> anyhow::Result<Vec<Asked>> {
    if !args.verify.is_empty() && ci && !args.verify_in_ci {
        return Err(Hinted::error(
            "--verify sends secrets to their issuers, and this is CI",
            "add --verify-in-ci if that is what you want",
        ));
    }
    let mut all: Vec<Asked> = Vec::new();
    for word in &args.verify {
        let (name, address) = match word.split_once('=') {
            Some((name, address)) => (name, Some(address)),
            None => (word.as_str(), None),
        };
        let Some(provider) = Provider::named(name) else {
            let names: Vec<&str> = PROVIDERS.iter().map(|provider| provider.name).collect();
            let hint = match mainguard::text::nearest(name, names.iter().copied()) {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("the providers are {}", names.join(", ")),
            };
            let shown = mainguard::text::one_line(name, 60);
            return Err(Hinted::error(format!("--verify names `{shown}`, which nobody knows how to ask"), hint));
        };
        all.push(Asked::new(provider, address).map_err(hinted)?);
    }
    Ok(all)
}

/// Asks, each secret once, and says what came of it: one line for each, and one for what nobody was asked about.
pub(super) fn verified(leaks: &mut [Leak], asked: &[Asked], how: CheckTokens) -> anyhow::Result<Vec<String>> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let whom = |leak: &Leak| asked.iter().find(|asked| asked.provider.knows(&leak.rule));
    let mut questions: Vec<(Asked, Vec<u8>)> = Vec::new();
    // Which question each leak is about: the same secret may stand in many places.
    let mut numbers: BTreeMap<(&str, Vec<u8>), usize> = BTreeMap::new();
    for leak in leaks.iter() {
        if let Some(asked) = whom(leak) {
            numbers.entry((asked.provider.name, leak.secret.to_vec())).or_insert_with(|| {
                questions.push((asked.clone(), leak.secret.to_vec()));
                questions.len() - 1
            });
        }
    }
    let told = verifier::verify(&questions).map_err(hinted)?;
    let mut lines = Vec::new();
    let mut others = 0;
    for leak in leaks.iter_mut() {
        let question = whom(leak)
            .and_then(|asked| Some((asked, numbers.get(&(asked.provider.name, leak.secret.to_vec())).copied()?)));
        let Some((asked, number)) = question else {
            others += 1;
            continue;
        };
        let liveness = &told[number];
        if how == CheckTokens::Tag {
            leak.tags.push(liveness.tag().to_owned());
        }
        let (file, line) = (&leak.file, leak.span.start_line);
        let host = asked.host();
        lines.push(match liveness {
            Liveness::Unknown(why) => format!("{file}:{line}: {} not verified at {host}: {why}", leak.rule),
            Liveness::Active => format!("{file}:{line}: {} ACTIVE at {host}: revoke it now", leak.rule),
            Liveness::Refused => {
                format!("{file}:{line}: {} refused by {host}: revoked, past its time, or of another place", leak.rule)
            }
        });
    }
    if others > 0 {
        lines.push(format!(
            "not verified, for no provider that --verify names knows them: {}",
            said::count(others, "leak")
        ));
    }
    Ok(lines)
}

fn hinted(error: VerifierError) -> anyhow::Error {
    let hint = error.hint();
    Hinted::error(error.to_string(), hint)
}
