//! The flags of `mainguard secrets`: those of gitleaks 8.30, letter by letter, so that its name can be replaced by
//! ours in a script.

use std::path::PathBuf;

use clap::{ArgAction, Args, Subcommand, ValueEnum, ValueHint};

const EXAMPLES: &str = "\
Examples:
  mainguard secrets git                        every commit of this repository
  mainguard secrets git --log-opts main..HEAD  the commits of a branch
  mainguard secrets git --staged               what `git commit` would record
  mainguard secrets dir src -f sarif -r out.sarif
  mainguard secrets explain github-pat         what it is, how to revoke it, how to get it out of history

Flags, configuration files, ignore files, baselines and reports are gitleaks'.
Exit codes: 0 no leaks, 1 leaks (or --exit-code) or an error or a scan in part, 126 an unknown flag.";

/// `mainguard secrets`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SecretsArgs {
    #[command(flatten)]
    pub(crate) scan: ScanArgs,
    #[command(subcommand)]
    pub(crate) command: SecretsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SecretsCommand {
    /// Scan the history of a repository, or what is staged
    Git(GitArgs),
    /// Scan a folder or a file
    #[command(aliases = ["directory", "file"])]
    Dir(DirArgs),
    /// Scan standard input
    Stdin,
    /// Say what a leak is, how to revoke it and how to get it out of history
    Explain {
        /// A rule's id, or the fingerprint of a leak
        #[arg(value_name = "RULE-OR-FINGERPRINT")]
        what: String,
    },
    /// The old name of `git` and `dir`
    #[command(hide = true)]
    Detect(DetectArgs),
    /// The old name of `git --pre-commit`
    #[command(hide = true)]
    Protect(ProtectArgs),
}

/// What becomes of what a token tells about itself. Reports are gitleaks' own unless somebody asks for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckTokens {
    // Doc comments here would make `--help` of every command under `secrets` three times as long.
    Say,
    Tag,
    Drop,
}

/// What all scans have in common.
#[derive(Debug, Args)]
#[command(next_help_heading = "Scanning")]
pub(crate) struct ScanArgs {
    /// Rules [default: TARGET/.gitleaks.toml, else the built-in ones]
    #[arg(short, long, global = true, env = "GITLEAKS_CONFIG", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
    /// Use these rules only; may be given several times
    #[arg(long, global = true, value_name = "ID", value_delimiter = ',')]
    pub(crate) enable_rule: Vec<String>,
    /// Leaks that are known: a JSON report
    #[arg(short, long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) baseline_path: Option<PathBuf>,
    /// A .gitleaksignore file, or the folder of one; TARGET's own counts as well
    #[arg(short = 'i', long, global = true, value_name = "PATH", default_value = ".")]
    pub(crate) gitleaks_ignore_path: PathBuf,
    /// Report leaks in lines with `gitleaks:allow`, too
    #[arg(long, global = true)]
    pub(crate) ignore_gitleaks_allow: bool,
    /// Look into archives this deep
    #[arg(long, global = true, value_name = "N", default_value_t = 0)]
    pub(crate) max_archive_depth: u32,
    /// Decode this often
    #[arg(long, global = true, value_name = "N", default_value_t = 5)]
    pub(crate) max_decode_depth: u32,
    /// Pass over larger files, in units of 1,000,000 bytes; 0 means none is too large
    #[arg(long, global = true, value_name = "N", default_value_t = 0)]
    pub(crate) max_target_megabytes: u64,
    /// What tokens tell by their checksum and their end: say it on stderr, tag them in reports, or drop those that
    /// nobody can use
    #[arg(long, global = true, value_enum, value_name = "HOW", default_value_t = CheckTokens::Say)]
    pub(crate) check_tokens: CheckTokens,
    /// Ask these whether what was found is still good, `NAME=URL` where they are elsewhere: anthropic, digitalocean,
    /// github, gitlab, huggingface, npm, openai, sendgrid, slack, stripe
    #[arg(long, global = true, value_name = "PROVIDER", value_delimiter = ',')]
    pub(crate) verify: Vec<String>,
    /// Let --verify send secrets from CI, too
    #[arg(long, global = true)]
    pub(crate) verify_in_ci: bool,
    /// Stop after so many seconds; 0 means never
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 0)]
    pub(crate) timeout: u64,

    /// Read all of the history, also what an earlier scan with the same rules has found to be clean
    #[arg(long, global = true)]
    pub(crate) no_resume: bool,

    /// Write a report; `-` is stdout
    #[arg(short, long, global = true, value_name = "FILE", help_heading = "Reporting", value_hint = ValueHint::FilePath)]
    pub(crate) report_path: Option<PathBuf>,
    /// json, csv, junit, sarif or template [default: from the report's ending]
    #[arg(short = 'f', long, global = true, value_name = "FORMAT", help_heading = "Reporting")]
    pub(crate) report_format: Option<String>,
    /// A Go text template
    #[arg(long, global = true, value_name = "FILE", help_heading = "Reporting", value_hint = ValueHint::FilePath)]
    pub(crate) report_template: Option<PathBuf>,
    /// Hide secrets in reports, all of them or this many percent
    #[arg(long, global = true, value_name = "PERCENT", num_args = 0..=1, require_equals = true, default_missing_value = "100", help_heading = "Reporting")]
    pub(crate) redact: Option<u32>,
    /// The exit code when there are leaks
    #[arg(long, global = true, value_name = "CODE", default_value_t = 1, help_heading = "Reporting")]
    pub(crate) exit_code: u8,
    /// Print every leak
    #[arg(short, long, global = true, help_heading = "Reporting")]
    pub(crate) verbose: bool,
    /// trace, debug, info, warn, error or fatal
    #[arg(short, long, global = true, value_name = "LEVEL", default_value = "info", help_heading = "Reporting")]
    pub(crate) log_level: String,
    /// Print without colour
    #[arg(long, global = true, help_heading = "Reporting")]
    pub(crate) no_color: bool,
    /// There is no banner
    #[arg(long, global = true, hide = true, action = ArgAction::SetTrue)]
    pub(crate) no_banner: bool,
    /// There are no diagnostics
    #[arg(long, global = true, hide = true, value_name = "KINDS")]
    pub(crate) diagnostics: Option<String>,
    /// There are no diagnostics
    #[arg(long, global = true, hide = true, value_name = "DIR")]
    pub(crate) diagnostics_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct GitArgs {
    /// The repository [default: .]
    #[arg(value_name = "REPO", value_hint = ValueHint::DirPath)]
    pub(crate) source: Option<PathBuf>,
    /// What `git log` is asked for, split at spaces
    #[arg(long, value_name = "OPTIONS", allow_hyphen_values = true)]
    pub(crate) log_opts: Option<String>,
    /// Where links lead: github, gitlab, azuredevops, gitea, bitbucket, none [default: what the remote says]
    #[arg(long)]
    pub(crate) platform: Option<String>,
    /// Scan what is staged
    #[arg(long)]
    pub(crate) staged: bool,
    /// Scan what is changed and not staged; with --staged, what is staged
    #[arg(long)]
    pub(crate) pre_commit: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DirArgs {
    /// A folder or a file [default: .]
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) source: Option<PathBuf>,
    /// Scan the files that links lead to
    #[arg(long)]
    pub(crate) follow_symlinks: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DetectArgs {
    /// The repository, folder or file
    #[arg(short, long, default_value = ".")]
    pub(crate) source: PathBuf,
    /// Scan files, not history
    #[arg(long)]
    pub(crate) no_git: bool,
    /// Scan standard input
    #[arg(long)]
    pub(crate) pipe: bool,
    /// Scan the files that links lead to
    #[arg(long)]
    pub(crate) follow_symlinks: bool,
    /// What `git log` is asked for
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) log_opts: Option<String>,
    /// Where links lead
    #[arg(long)]
    pub(crate) platform: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ProtectArgs {
    /// The repository
    #[arg(short, long, default_value = ".")]
    pub(crate) source: PathBuf,
    /// Scan what is staged
    #[arg(long)]
    pub(crate) staged: bool,
    /// Accepted; there is no history to ask for
    #[arg(long, allow_hyphen_values = true, hide = true)]
    pub(crate) log_opts: Option<String>,
}
