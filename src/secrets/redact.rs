//! What may be shown of a secret.
//!
//! Our own reports show a [`Redacted`], which cannot be made to show more. gitleaks' reports show the secret itself
//! unless `--redact` is given; [`redact`] is that flag, byte for byte.

use std::fmt;

use bstr::{BString, ByteSlice};
use sha2::{Digest, Sha256};

use super::leak::Leak;

/// From this many characters on, the first few may be shown: enough to recognise a kind of token, of no help to a thief.
const LONG: usize = 20;

/// How many of them.
const SHOWN: usize = 4;

/// As much of a secret as a person needs to find it: the first four characters of a long one, none of a short one.
///
/// Made for printing: one line, no control characters.
#[derive(Clone, PartialEq, Eq)]
pub struct Redacted {
    start: String,
    characters: usize,
}

impl Redacted {
    /// What may be shown of `secret`.
    pub fn of(secret: &[u8]) -> Redacted {
        let characters = secret.chars().count();
        let shown = if characters < LONG { 0 } else { SHOWN };
        // What is not printable says nothing to a person, and might be half of a character.
        let start = secret.chars().take(shown).take_while(char::is_ascii_graphic).collect();
        Redacted { start, characters }
    }
}

impl fmt::Display for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}… ({} characters)", self.start, self.characters)
    }
}

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Which secret it is, wherever it stands: `sha256:` and 64 hexadecimal digits.
///
/// The hash is that of the rule's id, a zero byte and the secret. It survives moved lines, renamed files and rewritten
/// history, and does not cover another secret in the same place. It can be tried out against guesses: a weak password
/// in an ignore file is not hidden by being hashed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ContentFingerprint([u8; 32]);

impl ContentFingerprint {
    /// Begins every written fingerprint.
    pub const PREFIX: &'static str = "sha256:";

    /// The fingerprint of what `rule` found.
    pub fn of(rule: &str, secret: &[u8]) -> ContentFingerprint {
        let mut hash = Sha256::new();
        hash.update(rule);
        hash.update([0]);
        hash.update(secret);
        ContentFingerprint(hash.finalize().into())
    }

    /// Reads what [`Display`](fmt::Display) writes; digits in either case.
    pub fn parse(text: &[u8]) -> Option<ContentFingerprint> {
        let digits = text.strip_prefix(ContentFingerprint::PREFIX.as_bytes())?;
        let nibble = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8);
        let mut bytes = [0; 32];
        if digits.len() != 2 * bytes.len() {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(ContentFingerprint(bytes))
    }
}

impl fmt::Display for ContentFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(ContentFingerprint::PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Leak {
    /// What our own reports show of the secret.
    pub fn redacted(&self) -> Redacted {
        Redacted::of(&self.secret)
    }

    /// Which secret it is, wherever it stands.
    pub fn content_fingerprint(&self) -> ContentFingerprint {
        ContentFingerprint::of(&self.rule, &self.secret)
    }
}

/// Hides `percent` of the secret in every field, as gitleaks' `--redact` does: all of it becomes `REDACTED`; less keeps
/// the first bytes and an ellipsis. 0 hides nothing; more than 100 is 100.
///
/// Ignore files and baselines want to see the leak before.
pub fn redact(leak: &mut Leak, percent: u32) {
    if percent == 0 {
        return;
    }
    let masked = mask(&leak.secret, percent);
    // An empty secret stands between all characters for Go; there is nothing to hide, so nothing is changed.
    if !leak.secret.is_empty() {
        leak.line = leak.line.replace(leak.secret.as_slice(), &masked).into();
        leak.matched = leak.matched.replace(leak.secret.as_slice(), &masked).into();
    }
    leak.secret = masked;
}

fn mask(secret: &BString, percent: u32) -> BString {
    if percent >= 100 {
        return "REDACTED".into();
    }
    if secret.is_empty() {
        return BString::default();
    }
    // gitleaks counts bytes and rounds half to even; it may cut a character in two, which its JSON then replaces.
    let kept = (secret.len() as f64 * f64::from(100 - percent) / 100.0).round_ties_even() as usize;
    let mut masked = secret[..kept.min(secret.len())].to_vec();
    masked.extend_from_slice(b"...");
    masked.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redacted_secret_tells_its_kind_and_no_more() {
        assert_eq!(Redacted::of(b"hunter2").to_string(), "… (7 characters)");
        assert_eq!(Redacted::of(b"ghp_0123456789abcdefghij").to_string(), "ghp_… (24 characters)");
        assert_eq!(Redacted::of(b"\x1b[31mred-alert-red-alert").to_string(), "… (24 characters)");
        assert_eq!(Redacted::of(&[0xff; 40]).to_string(), "… (40 characters)");
        assert_eq!(format!("{:?}", Redacted::of(b"0123456789abcdefghij")), "0123… (20 characters)");
    }

    #[test]
    fn a_content_fingerprint_is_the_hash_of_rule_and_secret() {
        let print = ContentFingerprint::of("rule", b"secret");
        // printf 'rule\0secret' | sha256sum
        assert_eq!(print.to_string(), "sha256:661601094e6086facd925625cbfbada733778f9ba2bd4924fe53ac99d70ad71f");
        assert_eq!(ContentFingerprint::parse(print.to_string().as_bytes()), Some(print.clone()));
        assert_eq!(
            ContentFingerprint::parse(print.to_string().to_uppercase().replace("SHA", "sha").as_bytes()),
            Some(print)
        );
        assert_eq!(ContentFingerprint::parse(b"sha256:12"), None);
        assert_eq!(ContentFingerprint::parse("sha256:éééééééééééééééééééééééééééééééé".as_bytes()), None);
    }

    #[test]
    fn as_much_is_hidden_as_gitleaks_hides() {
        let hidden = |secret: &str, percent| mask(&secret.into(), percent).to_string();
        assert_eq!(hidden("AKIATQ7XW3ZB5LK2NMDR", 20), "AKIATQ7XW3ZB5LK2...");
        assert_eq!(hidden("abcde", 50), "ab...");
        assert_eq!(hidden("abcdefg", 50), "abcd...");
        assert_eq!(hidden("abc", 100), "REDACTED");
        assert_eq!(hidden("abc", 4_000_000_000), "REDACTED");
        assert_eq!(hidden("", 50), "");
    }
}
