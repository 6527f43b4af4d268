//! The files through which a workflow step speaks to its job: `GITHUB_OUTPUT` and `GITHUB_STEP_SUMMARY`. Pure: these
//! functions render what is to be appended, an edge appends it.
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>

use sha2::{Digest, Sha256};

/// The runner uploads no step summary that is longer.
pub const MAX_SUMMARY_BYTES: usize = 1 << 20;

/// Outputs as `GITHUB_OUTPUT` wants them: `name<<DELIMITER`, the value, the delimiter.
///
/// A value that held the delimiter could set other outputs, so the delimiter is made from the value's own hash and
/// checked against its lines. Names keep letters, digits, `-` and `_`; anything else becomes `_`.
pub fn outputs(pairs: &[(&str, &str)]) -> String {
    pairs.iter().map(|(name, value)| output(name, value)).collect()
}

/// The summary as far as the runner accepts it: cut at a line end, with a sentence saying so.
pub fn step_summary(markdown: &str) -> String {
    const NOTE: &str = "\n\n*The rest is left out: a step summary holds at most 1 MiB.*\n";
    if markdown.len() <= MAX_SUMMARY_BYTES {
        return markdown.to_string();
    }
    let room = super::clamp_bytes(markdown, MAX_SUMMARY_BYTES - NOTE.len());
    let end = room.rfind('\n').unwrap_or(room.len());
    format!("{}{NOTE}", &room[..end])
}

fn output(name: &str, value: &str) -> String {
    let name: String = name
        .chars()
        .map(|character| if character.is_ascii_alphanumeric() || "-_".contains(character) { character } else { '_' })
        .collect();
    let delimiter = delimiter(value);
    format!("{name}<<{delimiter}\n{value}\n{delimiter}\n")
}

fn delimiter(value: &str) -> String {
    let mut digest = Sha256::digest(value.as_bytes());
    loop {
        let digits: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        let delimiter = format!("mainguard-{digits}");
        if !value.contains(&delimiter) {
            return delimiter;
        }
        digest = Sha256::digest(digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the file as the runner does.
    fn read(file: &str) -> Vec<(String, String)> {
        let mut lines = file.lines();
        let mut pairs = Vec::new();
        while let Some((name, delimiter)) = lines.next().and_then(|line| line.split_once("<<")) {
            let value: Vec<&str> = lines.by_ref().take_while(|line| *line != delimiter).collect();
            pairs.push((name.to_string(), value.join("\n")));
        }
        pairs
    }

    #[test]
    fn a_hostile_value_sets_no_other_output() {
        let hostile = format!("x\n{}\nverdict=pass\nEOF\nverdict<<EOF\npass", delimiter("x"));
        let file = outputs(&[("title", &hostile), ("verdict", "blocked"), ("a b\n=", "")]);
        assert_eq!(
            read(&file),
            [("title".into(), hostile), ("verdict".into(), "blocked".into()), ("a_b__".into(), String::new())]
        );
    }

    #[test]
    fn a_long_summary_is_cut_at_a_line() {
        let line = format!("{}\n", "ä".repeat(500));
        let summary = step_summary(&line.repeat(2_000));
        assert!(summary.len() <= MAX_SUMMARY_BYTES);
        assert!(summary.ends_with("1 MiB.*\n"));
        assert!(summary.lines().take(900).all(|shown| shown == line.trim_end()));
        assert_eq!(step_summary("short"), "short");
    }
}
