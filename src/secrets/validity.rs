//! What a token tells about itself, without anybody being asked.
//!
//! Some vendors put a checksum into their tokens so that scanners can tell a token from a string that only looks like
//! one, and some tokens say how long they are good. Only what the vendor has published, or what anybody can see in
//! tokens that were published, is looked at; where that is not certain, a checksum that matches counts and one that
//! does not says nothing. A token whose checksum matches may have been revoked long ago; only its issuer knows.

use std::fmt;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode::RequireNone;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use bstr::ByteSlice;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What a token tells about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// Nothing: it carries neither a checksum nor a time that is known to us.
    Unchecked,
    /// Its checksum matches: its issuer made it.
    ChecksumMatches,
    /// Its checksum does not match: its issuer did not make it.
    ChecksumDiffers,
    /// It is not built as its issuer builds them.
    Malformed,
    /// It was good until then.
    Expired(DateTime<Utc>),
    /// It is good until then, unless it is revoked.
    GoodUntil(DateTime<Utc>),
}

impl Validity {
    /// Whether nobody can use it: it was never a token, or is one no longer.
    pub fn is_harmless(self) -> bool {
        matches!(self, Validity::ChecksumDiffers | Validity::Malformed | Validity::Expired(_))
    }

    /// In one word, for machines; `None` where there is nothing to tell.
    pub fn tag(self) -> Option<&'static str> {
        match self {
            Validity::Unchecked => None,
            Validity::ChecksumMatches => Some("checksum-matches"),
            Validity::ChecksumDiffers => Some("checksum-differs"),
            Validity::Malformed => Some("malformed"),
            Validity::Expired(_) => Some("expired"),
            Validity::GoodUntil(_) => Some("not-expired"),
        }
    }
}

/// For people; empty where there is nothing to tell.
impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Validity::Unchecked => Ok(()),
            Validity::ChecksumMatches => f.write_str("its checksum matches"),
            Validity::ChecksumDiffers => f.write_str("its checksum does not match: not a real token"),
            Validity::Malformed => f.write_str("it is not built like one: not a real token"),
            Validity::Expired(at) => write!(f, "it expired on {}", at.format("%Y-%m-%d")),
            Validity::GoodUntil(at) => write!(f, "it is good until {}", at.format("%Y-%m-%d")),
        }
    }
}

/// What the secret that `rule` found tells about itself at the time `now`.
pub fn check(rule: &str, secret: &[u8], now: DateTime<Utc>) -> Validity {
    let checksum = match rule {
        // https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
        // https://github.blog/changelog/2021-09-23-npm-has-a-new-access-token-format/
        "github-pat" | "github-oauth" | "github-refresh-token" | "npm-access-token" => base62_at_the_end(secret),
        "github-app-token" => match installation_token(secret) {
            Some(token) => return web_token(token, now),
            None => base62_at_the_end(secret),
        },
        // Seen in published tokens and described by nobody: one that differs may be of a form that we have not seen.
        "github-fine-grained-pat" => hash_in_fine_grained(secret).filter(|matches| *matches),
        // https://handbook.gitlab.com/handbook/engineering/architecture/design-documents/cells/routable_tokens/
        "gitlab-pat-routable" | "gitlab-runner-authentication-token-routable" => base36_at_the_end(secret),
        // https://github.com/grafana/grafana, pkg/components/satokengen
        "grafana-service-account-token" => grafana(secret),
        // https://github.com/C2SP/C2SP/blob/main/age.md
        "age-secret-key" => bech32(secret),
        // The same.
        "atlassian-api-token" | "bitbucket-access-token" | "trello-api-token" => {
            atlassian(secret).filter(|matches| *matches)
        }
        "pypi-upload-token" => return macaroon(secret),
        "jwt" => return web_token(secret, now),
        "jwt-base64" => {
            return base64(secret).map_or(Validity::Unchecked, |token| web_token(&token, now));
        }
        _ => None,
    };
    match checksum {
        None => Validity::Unchecked,
        Some(true) => Validity::ChecksumMatches,
        Some(false) => Validity::ChecksumDiffers,
    }
}

/// `prefix_`, thirty characters, and their CRC-32 in six digits. Longer ones are built in another way.
fn base62_at_the_end(secret: &[u8]) -> Option<bool> {
    let at = secret.iter().position(|byte| *byte == b'_')? + 1;
    let (body, checksum) = secret[at..].split_at_checked(30)?;
    let digits = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    (checksum.len() == 6).then(|| spelled::<6>(crc32(body), digits) == *checksum)
}

/// The part of a stateless installation token, `ghs_APP_JWT`, that is a web token:
/// <https://github.blog/changelog/2026-04-24-notice-about-upcoming-new-format-for-github-app-installation-tokens/>.
fn installation_token(secret: &[u8]) -> Option<&[u8]> {
    let rest = secret.strip_prefix(b"ghs_")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    rest[digits..].strip_prefix(b"_")
}

/// Sixteen characters before the end stand eight digits of the SHA-256 of everything before them. GitHub does not
/// describe it, and every published token has it.
fn hash_in_fine_grained(secret: &[u8]) -> Option<bool> {
    let (body, end) = secret.split_at_checked(secret.len().checked_sub(16)?)?;
    let hash = Sha256::digest(body);
    let first = hash[..5].iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let spelled: [u8; 8] = std::array::from_fn(|at| digits[(first >> (35 - 5 * at) & 31) as usize]);
    Some(end[..8] == spelled)
}

/// `PAYLOAD.VERSION.LENGTH` or `PAYLOAD.LENGTH`, then seven digits that are the CRC-32 of all before them.
fn base36_at_the_end(secret: &[u8]) -> Option<bool> {
    let (body, checksum) = secret.split_at_checked(secret.len().checked_sub(7)?)?;
    Some(spelled::<7>(crc32(body), b"0123456789abcdefghijklmnopqrstuvwxyz") == *checksum)
}

/// `prefix_SECRET_`, and in eight digits, lowest byte first, the CRC-32 of what stands before the second underscore.
fn grafana(secret: &[u8]) -> Option<bool> {
    let (body, sum) = hexadecimal_at_the_end(secret)?;
    Some(crc32(body.strip_suffix(b"_")?).swap_bytes() == sum)
}

/// Eight digits that are the CRC-32 of all before them.
fn atlassian(secret: &[u8]) -> Option<bool> {
    let (body, sum) = hexadecimal_at_the_end(secret)?;
    Some(crc32(body) == sum)
}

fn hexadecimal_at_the_end(secret: &[u8]) -> Option<(&[u8], u32)> {
    let (body, digits) = secret.split_at_checked(secret.len().checked_sub(8)?)?;
    Some((body, u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?))
}

/// CRC-32 as zlib and Ethernet have it, bit by bit: tokens are short.
fn crc32(text: &[u8]) -> u32 {
    let step = |sum: u32| sum >> 1 ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 };
    !text.iter().fold(!0, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |sum, _| step(sum)))
}

/// A number in as many digits as there are, zeros before it.
fn spelled<const LENGTH: usize>(mut number: u32, digits: &[u8]) -> [u8; LENGTH] {
    let base = digits.len() as u32;
    let mut text = [digits[0]; LENGTH];
    for place in text.iter_mut().rev() {
        *place = digits[(number % base) as usize];
        number /= base;
    }
    text
}

/// Bech32's checksum over the part before the last `1` and the part behind it:
/// <https://github.com/bitcoin/bips/blob/master/bip-0173.mediawiki>.
fn bech32(secret: &[u8]) -> Option<bool> {
    let text = secret.to_ascii_lowercase();
    let at = text.iter().rposition(|byte| *byte == b'1')?;
    let (human, data) = (&text[..at], &text[at + 1..]);
    let values = data.iter().map(|digit| {
        let digits = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
        digits.iter().position(|known| known == digit).map(|value| value as u32)
    });
    let values: Vec<u32> = values.collect::<Option<_>>()?;
    let human = || human.iter().map(|byte| u32::from(*byte));
    let all = human().map(|byte| byte >> 5).chain([0]).chain(human().map(|byte| byte & 31)).chain(values);
    let generators = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let sum = all.fold(1_u32, |sum, value| {
        let next = (sum & 0x01ff_ffff) << 5 ^ value;
        let taken = generators.iter().enumerate().filter(|(bit, _)| sum >> 25 >> bit & 1 == 1);
        taken.fold(next, |next, (_, generator)| next ^ generator)
    });
    Some(sum == 1)
}

/// A macaroon of version 2 in base64, which is what PyPI's tokens are: fields, each with a type, a length and bytes,
/// sections of them that end in a zero, and at the end a signature of 32 bytes.
/// <https://github.com/rescrv/libmacaroons/blob/master/doc/format.txt>
fn macaroon(secret: &[u8]) -> Validity {
    let Some(bytes) = secret.strip_prefix(b"pypi-").and_then(base64) else { return Validity::Unchecked };
    match signature(&bytes) {
        Some(32) => Validity::Unchecked,
        _ => Validity::Malformed,
    }
}

/// The length of the signature that a macaroon ends with.
fn signature(macaroon: &[u8]) -> Option<usize> {
    const SIGNATURE: u8 = 6;
    let [2, rest @ ..] = macaroon else { return None };
    let mut rest = rest;
    loop {
        let (kind, after) = rest.split_first()?;
        if *kind == 0 {
            rest = after;
            continue;
        }
        let (length, after) = varint(after)?;
        let (field, after) = after.split_at_checked(length)?;
        if *kind == SIGNATURE {
            return Some(field.len());
        }
        rest = after;
    }
}

/// Seven bits a byte, lowest first.
fn varint(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let end = bytes.iter().take(4).position(|byte| byte & 0x80 == 0)?;
    let number = bytes[..=end].iter().rev().fold(0, |number, byte| number << 7 | usize::from(byte & 0x7f));
    Some((number, &bytes[end + 1..]))
}

#[derive(Deserialize)]
struct Header {
    #[serde(rename = "alg")]
    _algorithm: String,
}

#[derive(Deserialize)]
struct Claims {
    /// Seconds since 1970, perhaps with a fraction: <https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4>.
    exp: Option<Value>,
}

/// What a JSON Web Token says of its own end. Its signature is not looked at: who could check it has the key.
fn web_token(token: &[u8], now: DateTime<Utc>) -> Validity {
    let mut parts = token.split(|byte| *byte == b'.');
    let (Some(header), Some(claims)) = (parts.next(), parts.next()) else { return Validity::Unchecked };
    // Quoted in another language it may hold backslashes, and then it is not the token itself.
    let Some(header) = base64(header) else { return Validity::Unchecked };
    if serde_json::from_slice::<Header>(&header).is_err() {
        return Validity::Malformed;
    }
    let claims = base64(claims).and_then(|claims| serde_json::from_slice::<Claims>(&claims).ok());
    let end = claims.and_then(|claims| claims.exp?.as_f64()).filter(|seconds| seconds.abs() < 1e15);
    match end.and_then(|seconds| DateTime::from_timestamp(seconds as i64, 0)) {
        Some(end) if end < now => Validity::Expired(end),
        Some(end) => Validity::GoodUntil(end),
        None => Validity::Unchecked,
    }
}

/// Base64 of either alphabet, with padding or without.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
    const UNPADDED: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT.with_decode_padding_mode(RequireNone));
    let text = text.trim_ascii_end().trim_end_with(|char| char == '=');
    let standard = text.iter().map(|byte| match byte {
        b'-' => b'+',
        b'_' => b'/',
        byte => *byte,
    });
    UNPADDED.decode(standard.collect::<Vec<u8>>()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    fn of(rule: &str, secret: &str) -> Validity {
        check(rule, secret.as_bytes(), now())
    }

    /// The token with its last character changed.
    fn altered(token: &str) -> String {
        let (rest, last) = token.split_at(token.len() - 1);
        format!("{rest}{}", if last == "0" { "1" } else { "0" })
    }

    fn encoded(text: &str) -> String {
        let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let groups = text.as_bytes().chunks(3).map(|group| {
            let bits = (0..3).fold(0_u32, |bits, at| bits << 8 | u32::from(*group.get(at).unwrap_or(&0)));
            (0..=group.len()).map(move |at| char::from(digits[(bits >> (18 - 6 * at) & 63) as usize]))
        });
        groups.flatten().collect()
    }

    fn jwt(header: &str, claims: &str) -> String {
        format!("{}.{}.c2lnbmF0dXJl", encoded(header), encoded(claims))
    }

    #[test]
    fn sums_are_the_known_ones() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(spelled::<6>(61, b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"), *b"00000z");
        // The shortest string that BIP 173 gives, and one that it calls wrong.
        assert_eq!((bech32(b"A12UEL5L"), bech32(b"A12UEL5M")), (Some(true), Some(false)));
    }

    /// The bodies and their checksums were published as examples; none of the tokens works.
    #[test]
    fn checksums_tell_tokens_from_strings_like_them() {
        let tokens = [
            ("github-pat", ["ghp_", "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17"]),
            ("npm-access-token", ["npm_", "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17"]),
            ("gitlab-pat-routable", ["glpat-", "bzox79Of-KE9FD2LjoXXF4CvyxA.01.0r0l8l6ir"]),
            ("gitlab-pat-routable", ["glpat-", "bzox79Of-KE9FD2LjoXXF4CvyxA.0r03gxo7s"]),
        ];
        for (rule, parts) in tokens {
            let token = parts.concat();
            assert_eq!(of(rule, &token), Validity::ChecksumMatches, "{token}");
            assert_eq!(of(rule, &altered(&token)), Validity::ChecksumDiffers, "{token}");
        }
    }

    /// Tokens of our own making. One that differs is only called none where the recipe is the vendor's own.
    #[test]
    fn every_recipe_accepts_what_it_makes_and_nothing_else() {
        let letters = "abcdefghijklmnopqrstuvwxyz0123456789".repeat(6);
        let grafana = format!("glsa_{}", &letters[..32]);
        let grafana = format!("{grafana}_{:08x}", crc32(grafana.as_bytes()).swap_bytes());
        let atlassian = format!("ATATT3{}=", &letters[..177]);
        let atlassian = format!("{atlassian}{:08X}", crc32(atlassian.as_bytes()));
        let pat = format!("github_pat_{}_{}", &letters[..22], &letters[..43]);
        let hash = Sha256::digest(&pat);
        let bits = hash[..5].iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        let digits: String = (0..8)
            .map(|at| b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[(bits >> (35 - 5 * at) & 31) as usize] as char)
            .collect();
        let pat = format!("{pat}{digits}12345678");
        for (rule, token, at, differs) in [
            ("grafana-service-account-token", grafana, 10, Validity::ChecksumDiffers),
            ("atlassian-api-token", atlassian, 10, Validity::Unchecked),
            ("github-fine-grained-pat", pat, 20, Validity::Unchecked),
        ] {
            assert_eq!(of(rule, &token), Validity::ChecksumMatches, "{token}");
            let mut other = token.clone().into_bytes();
            other[at] = if other[at] == b'x' { b'y' } else { b'x' };
            assert_eq!(check(rule, &other, now()), differs, "{token}");
        }
    }

    #[test]
    fn what_is_not_certain_is_not_said() {
        let trello = format!("ATTA{}{}", "0123456789abcdef".repeat(4), "00000000");
        assert_eq!(of("trello-api-token", &trello), Validity::Unchecked);
        // A refresh token of 76 characters, a classic Atlassian token, no token at all.
        assert_eq!(of("github-refresh-token", &format!("ghr_{}", "a1".repeat(38))), Validity::Unchecked);
        assert_eq!(of("atlassian-api-token", "abcdefghijklmnopqrst1234"), Validity::Unchecked);
        for rule in [
            "github-pat",
            "github-fine-grained-pat",
            "gitlab-pat-routable",
            "age-secret-key",
            "jwt",
            "pypi-upload-token",
        ] {
            assert_eq!(of(rule, ""), Validity::Unchecked, "{rule}");
        }
        assert_eq!(of("generic-api-key", "anything"), Validity::Unchecked);
    }

    #[test]
    fn a_web_token_says_when_it_ends() {
        let header = r#"{"alg":"HS256","typ":"JWT"}"#;
        let of = |claims: &str| of("jwt", &jwt(header, claims));
        assert_eq!(of(r#"{"exp":1700000000}"#).to_string(), "it expired on 2023-11-14");
        assert_eq!(of(r#"{"sub":"é","exp":1900000000.5}"#).to_string(), "it is good until 2030-03-17");
        for claims in [r#"{"sub":"a"}"#, r#"{"exp":"soon"}"#, r#"{"exp":1e300}"#, r#"{"exp":null}"#, "no json", "[]"] {
            assert_eq!(of(claims), Validity::Unchecked, "{claims}");
        }
        assert_eq!(super::check("jwt", jwt("{eyes", "{}").as_bytes(), now()), Validity::Malformed);
        let inner = jwt(header, r#"{"exp":1700000000}"#);
        assert!(matches!(super::check("jwt-base64", encoded(&inner).as_bytes(), now()), Validity::Expired(_)));
        let stateless = format!("ghs_12345_{inner}");
        assert!(matches!(super::check("github-app-token", stateless.as_bytes(), now()), Validity::Expired(_)));
    }

    #[test]
    fn an_upload_token_is_a_macaroon() {
        let field = |kind: u8, text: &str| [&[kind, text.len() as u8], text.as_bytes()].concat();
        let whole = |signature: &str| {
            let parts = [
                vec![2],
                field(1, "pypi.org"),
                field(2, &"i".repeat(48)),
                vec![0],
                field(2, "{\"version\": 1}"),
                vec![0, 0],
                field(6, signature),
            ];
            String::from_utf8(parts.concat()).unwrap()
        };
        let token = |text: &str| format!("pypi-{}", encoded(text));
        assert_eq!(of("pypi-upload-token", &token(&whole(&"s".repeat(32)))), Validity::Unchecked);
        assert!(token(&whole("")).starts_with("pypi-AgEIcHlwaS5vcmc"));
        assert_eq!(of("pypi-upload-token", &token(&whole("short"))), Validity::Malformed);
        assert_eq!(of("pypi-upload-token", &token(&whole(&"s".repeat(32))[..40])), Validity::Malformed);
    }

    #[test]
    fn any_bytes_are_survived() {
        let rules = [
            "github-pat",
            "github-app-token",
            "github-fine-grained-pat",
            "gitlab-pat-routable",
            "grafana-service-account-token",
            "age-secret-key",
            "atlassian-api-token",
            "bitbucket-access-token",
            "trello-api-token",
            "pypi-upload-token",
            "jwt",
            "jwt-base64",
        ];
        let mut seed = 1_u64;
        for length in (0..100).chain([5_000]) {
            let mut bytes = Vec::new();
            for _ in 0..length {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                bytes.push((seed >> 56) as u8);
            }
            let like =
                ["ghs_", "pypi-AgEI", "eyJhbGciOiJIUzI1NiJ9.", "1"].map(|start| [start.as_bytes(), &bytes].concat());
            for rule in rules {
                for secret in like.iter().chain([&bytes]) {
                    let _ = check(rule, secret, now()).to_string();
                }
            }
        }
    }
}
