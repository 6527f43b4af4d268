//! How surprising a secret is.

use std::collections::BTreeMap;

/// Shannon entropy of `secret` in bits for each character.
///
/// Characters are counted but their share is one of the bytes, as gitleaks has it: thresholds in rule files were
/// chosen with that.
pub(super) fn shannon(secret: &[u8]) -> f64 {
    let share = 1.0 / secret.len() as f64;
    let bits = |count: u32| {
        let part = f64::from(count) * share;
        -part * part.log2()
    };
    if secret.is_ascii() {
        let mut counts = [0_u32; 128];
        secret.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
        return counts.into_iter().filter(|count| *count > 0).map(bits).sum();
    }
    let mut counts = BTreeMap::<char, u32>::new();
    String::from_utf8_lossy(secret).chars().for_each(|char| *counts.entry(char).or_default() += 1);
    counts.into_values().map(bits).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_text_is_surprising_and_dull_text_is_not() {
        assert_eq!(shannon(b""), 0.0);
        assert_eq!(shannon(b"aaaa"), 0.0);
        assert_eq!(shannon(b"abcd"), 2.0);
        assert!((shannon("éé".as_bytes()) - 0.5).abs() < 1e-9, "two characters in four bytes");
    }
}
