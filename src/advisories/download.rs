//! Fetches archives of advisories into a folder, in the layout that [`super::update`] reads.
#![expect(clippy::disallowed_methods, reason = "writes the archives that it fetches")]

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;
use std::time::Duration;

use http::Method;

use super::http::Http;
use super::{DataError, at};
use crate::deps::Ecosystem;

/// Where osv.dev publishes its archives (<https://google.github.io/osv.dev/data/>).
pub const ARCHIVES_URL: &str = "https://osv-vulnerabilities.storage.googleapis.com";

/// An ecosystem's archive; the largest of today has less than half of it.
const MAX_ARCHIVE_BYTES: usize = 1 << 30;
const TIMEOUT: Duration = Duration::from_secs(600);

/// Fetches `<url>/<ecosystem>/all.zip` of each ecosystem into `folder`. Returns those for which there is none.
///
/// # Errors
///
/// When a server gives no answer or a wrong one, or the folder cannot be written.
pub fn download(url: &str, ecosystems: &[Ecosystem], folder: &Path) -> Result<Vec<Ecosystem>, DataError> {
    let http = Http::new(url, TIMEOUT, MAX_ARCHIVE_BYTES)?;
    let mut lacking = Vec::new();
    for &ecosystem in ecosystems {
        let into = folder.join(ecosystem.name());
        fs::create_dir_all(&into).map_err(at(&into))?;
        let (path, partial) = (into.join("all.zip"), into.join("all.zip.part"));
        let mut file = File::create(&partial).map_err(at(&partial))?;
        match http.send_into(Method::GET, &format!("{}/all.zip", ecosystem.name()), None, &mut file) {
            // An archive takes the place of the last one when it is whole.
            Ok(true) => {
                let whole = File::open(&partial).map_err(at(&partial))?;
                if let Err(error) = zip::ZipArchive::new(BufReader::new(whole)) {
                    let _ = fs::remove_file(&partial);
                    let url = format!("{}/{}/all.zip", url.trim_end_matches('/'), ecosystem.name());
                    return Err(DataError::Network { url, reason: format!("what it gave is no archive: {error}") });
                }
                fs::rename(&partial, &path).map_err(at(&path))?;
            }
            other => {
                let _ = fs::remove_file(&partial);
                if !other? {
                    lacking.push(ecosystem);
                }
            }
        }
    }
    Ok(lacking)
}
