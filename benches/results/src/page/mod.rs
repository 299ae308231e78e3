//! The page of a machine.

use crate::schema::Report;

/// The page of these reports, the newest first.
pub fn page(reports: &[&Report], left_out: &[String]) -> String {
    format!("{} {}", reports.len(), left_out.len())
}
