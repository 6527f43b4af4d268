//! A remark beside some lines of a file, as a check run shows it: what reports make and GitHub is sent.

/// One annotation of a check run: raw values, already bounded. Columns are present only when first and last line are
/// the same, as the API demands.
///
/// <https://docs.github.com/en/rest/checks/runs#update-a-check-run>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// The file, from the root of the repository.
    pub path: String,
    /// From 1.
    pub start_line: u32,
    /// Not before `start_line`.
    pub end_line: u32,
    /// From 1.
    pub start_column: Option<u32>,
    /// Not before `start_column`.
    pub end_column: Option<u32>,
    /// How bad.
    pub level: AnnotationLevel,
    /// At most 255 characters.
    pub title: String,
    /// At most 64 KiB.
    pub message: String,
}

/// The levels of a check run's annotations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnnotationLevel {
    /// `notice`
    Notice,
    /// `warning`
    Warning,
    /// `failure`
    Failure,
}

impl AnnotationLevel {
    /// The API's word.
    pub fn as_str(self) -> &'static str {
        match self {
            AnnotationLevel::Notice => "notice",
            AnnotationLevel::Warning => "warning",
            AnnotationLevel::Failure => "failure",
        }
    }
}
