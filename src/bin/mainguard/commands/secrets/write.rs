//! The report of a scan: which one, where to, and writing it.

#![expect(clippy::disallowed_methods, reason = "writes reports")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use mainguard::secrets::report::template::Template;
use mainguard::secrets::report::{csv, json, junit, sarif, verbose as finding};
use mainguard::secrets::{Leak, RuleSet};

use super::args::ScanArgs;
use crate::console::Hinted;

/// What is written where. Made before the scan, so that a mistake is told before an hour has passed.
pub(crate) struct Report {
    path: Option<PathBuf>,
    format: Format,
}

enum Format {
    Json,
    Csv,
    Junit,
    Sarif,
    Template(Box<Template>),
}

impl Report {
    /// Reads the flags.
    pub(crate) fn planned(args: &ScanArgs) -> anyhow::Result<Report> {
        let Some(path) = &args.report_path else { return Ok(Report { path: None, format: Format::Json }) };
        let asked = args.report_format.as_deref().unwrap_or_default().trim().to_ascii_lowercase();
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let word = match (asked.as_str(), &args.report_template) {
            ("", Some(_)) => "template",
            ("", None) if ["csv", "json", "sarif"].contains(&ending.as_str()) => ending.as_str(),
            (word, _) => word,
        };
        let format = match (word, &args.report_template) {
            ("template", Some(template)) => {
                let text = fs::read_to_string(template)
                    .with_context(|| format!("the template {} cannot be read", template.display()))?;
                let template = Template::parse(&text, &template.display().to_string()).map_err(|error| {
                    Hinted::error(error.to_string(), error.hint().unwrap_or_else(|| "mend the template".into()))
                })?;
                Format::Template(Box::new(template))
            }
            ("template", None) => {
                return Err(Hinted::error("a template report needs a template", "add `--report-template FILE`"));
            }
            (_, Some(_)) => {
                return Err(Hinted::error(
                    "--report-template goes with the format `template` only",
                    "leave out `--report-format`",
                ));
            }
            ("json", None) => Format::Json,
            ("csv", None) => Format::Csv,
            ("junit", None) => Format::Junit,
            ("sarif", None) => Format::Sarif,
            _ => {
                return Err(Hinted::error(
                    "the format of the report is not known",
                    "give `--report-format`: json, csv, junit, sarif or template",
                ));
            }
        };
        if path != Path::new("-") {
            fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .with_context(|| format!("the report {} cannot be written", path.display()))?;
        }
        Ok(Report { path: Some(path.clone()), format })
    }

    /// Whether stdout is the report's.
    pub(crate) fn is_stdout(&self) -> bool {
        self.path.as_deref() == Some(Path::new("-"))
    }

    /// Writes it.
    pub(crate) fn write(&self, leaks: &[Leak], rules: &RuleSet) -> anyhow::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let bytes = match &self.format {
            Format::Json => json::report(leaks),
            Format::Csv => csv::report(leaks),
            Format::Junit => junit::report(leaks),
            Format::Sarif => sarif::report(leaks, rules),
            Format::Template(template) => template.render(leaks)?,
        };
        if self.is_stdout() {
            let mut stdout = std::io::stdout().lock();
            stdout.write_all(&bytes)?;
            stdout.flush()?;
            return Ok(());
        }
        fs::write(path, bytes).with_context(|| format!("the report {} cannot be written", path.display()))
    }
}

/// A leak as `-v` prints it.
pub(crate) fn verbose(leak: &Leak, coloured: bool) -> String {
    finding::finding(leak, if coloured { finding::Colour::Ansi256 } else { finding::Colour::Never })
}
