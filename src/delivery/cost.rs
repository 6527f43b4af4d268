//! How long a run took and what it cost. Pure.
//!
//! GitHub bills each job by itself and rounds its minutes up, so ten jobs of ten seconds are ten minutes.
//! <https://docs.github.com/en/billing/concepts/product-billing/github-actions>

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::event::Job;

/// The minutes that are billed for a job; 0 for one that no runner took.
pub fn billed_minutes(job: &Job) -> u64 {
    let (Some(started), Some(finished)) = (job.started_at, job.finished_at) else { return 0 };
    // A skipped job has times and no runner.
    if job.conclusion.as_deref() == Some("skipped") || job.labels.is_empty() {
        return 0;
    }
    u64::try_from((finished - started).num_seconds()).unwrap_or(0).div_ceil(60)
}

/// What the jobs cost in US dollars. `None` when no price is known for one that cost something: a sum that leaves
/// something out would look like a sum.
pub fn estimate(jobs: &[Job], price_per_minute: &BTreeMap<String, f64>) -> Option<f64> {
    if price_per_minute.is_empty() {
        return None;
    }
    let mut sum = 0.0;
    for job in jobs {
        let minutes = billed_minutes(job);
        if minutes > 0 {
            sum += minutes as f64 * job.labels.iter().find_map(|label| price_per_minute.get(label))?;
        }
    }
    // Prices have three digits; binary fractions would add seventeen.
    Some((sum * 1e6).round() / 1e6)
}

/// Seconds between two times, never negative.
pub fn seconds(from: DateTime<Utc>, to: DateTime<Utc>) -> f64 {
    ((to - from).num_milliseconds().max(0) as f64) / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(label: &str, seconds: i64) -> Job {
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        Job {
            labels: vec!["self".into(), label.into()],
            started_at: Some(start),
            finished_at: Some(start + chrono::Duration::seconds(seconds)),
            ..Job::default()
        }
    }

    #[test]
    fn each_job_is_rounded_up_by_itself() {
        let prices = BTreeMap::from([("ubuntu-latest".to_string(), 0.006), ("windows-latest".into(), 0.01)]);
        let jobs = [job("ubuntu-latest", 1), job("ubuntu-latest", 60), job("windows-latest", 61)];
        assert_eq!(jobs.iter().map(billed_minutes).collect::<Vec<_>>(), [1, 1, 2]);
        assert_eq!(estimate(&jobs, &prices), Some(0.032));
    }

    #[test]
    fn a_sum_that_would_leave_something_out_is_no_sum() {
        let prices = BTreeMap::from([("ubuntu-latest".to_string(), 0.006)]);
        assert_eq!(estimate(&[job("ubuntu-latest", 10), job("gpu", 10)], &prices), None);
        assert_eq!(estimate(&[job("ubuntu-latest", 10)], &BTreeMap::new()), None);
        let skipped = Job { conclusion: Some("skipped".into()), ..job("gpu", 10) };
        assert_eq!(estimate(&[skipped], &prices), Some(0.0));
        assert_eq!(estimate(&[job("ubuntu-latest", -10)], &prices), Some(0.0));
    }
}
