//! `cargo bench --bench sast`: reading code by the rules, without files and processes around it.
//!
//! The texts are the rules' own examples, language by language, repeated to the length of a source file. What is printed
//! is the median for one file on one thread, and what that is in megabytes a second.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a benchmark looks at the clock and prints")]

use std::time::Instant;

use mainguard::sast::{Pack, Parse, builtin_files, scan};

/// Bytes of one text: a source file of a thousand lines.
const LENGTH: usize = 40_000;

fn main() {
    // `cargo test --benches` passes `--test`: then one run of each proves that it works.
    let runs = if std::env::args().any(|argument| argument == "--test") { 1 } else { 31 };
    let started = Instant::now();
    let pack = Pack::builtin();
    println!("the rules are read in {:.2} ms", started.elapsed().as_secs_f64() * 1_000.0);
    let endings =
        [("javascript", "js"), ("python", "py"), ("go", "go"), ("rust", "rs"), ("java", "java"), ("bash", "sh")];
    for (language, ending) in endings {
        let text = text_of(language);
        let path = format!("src/file.{ending}");
        let cold = Instant::now();
        scan(&pack, path.as_bytes(), text.as_bytes(), Parse::Always);
        let cold = cold.elapsed();
        let mut times: Vec<f64> = (0..runs)
            .map(|_| {
                let started = Instant::now();
                std::hint::black_box(scan(&pack, path.as_bytes(), text.as_bytes(), Parse::Always));
                started.elapsed().as_secs_f64()
            })
            .collect();
        times.sort_by(f64::total_cmp);
        let median = times[times.len() / 2];
        println!(
            "{language:11} {:7.2} ms a file of {} bytes, {:6.1} MB/s; the first with its grammar and rules {:7.2} ms",
            median * 1_000.0,
            text.len(),
            text.len() as f64 / median / 1e6,
            cold.as_secs_f64() * 1_000.0
        );
    }
}

/// The examples of a language, one behind another: the quoted lines below its name.
fn text_of(language: &str) -> String {
    let mut all = String::new();
    for (_, rule) in builtin_files() {
        let examples = rule.split_once("\ninvalid:").map_or("", |(_, examples)| examples);
        let mut is_ours = false;
        for line in examples.lines() {
            match line.strip_prefix("    - ") {
                Some(quoted) if is_ours => {
                    all.push_str(&serde_json::from_str::<String>(quoted).unwrap_or_default());
                    all.push('\n');
                }
                Some(_) => {}
                None => is_ours = line.trim() == format!("{language}:"),
            }
        }
    }
    assert!(!all.is_empty(), "there are examples for {language}");
    let mut text = all.clone();
    while text.len() < LENGTH {
        text.push_str(&all);
    }
    text
}
