//! What can be wrong with a figure, and the files that figures are made of.

use std::fmt::{self, Display};
use std::fs;
use std::path::{Path, PathBuf};

/// A figure that cannot be made: of which file, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FigureError {
    what: String,
    why: String,
}

impl FigureError {
    pub(super) fn new(what: &str, why: impl Display) -> FigureError {
        FigureError { what: what.to_owned(), why: why.to_string() }
    }
}

impl Display for FigureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.why)
    }
}

impl std::error::Error for FigureError {}

pub(super) fn read(path: &Path) -> Result<String, FigureError> {
    fs::read_to_string(path).map_err(|error| FigureError::new(&path.display().to_string(), error))
}

/// The files of a folder whose names end so, in the order of their names. None if there is no such folder.
pub(super) fn files(folder: &Path, end: &str) -> Result<Vec<PathBuf>, FigureError> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let wrong = |error| FigureError::new(&folder.display().to_string(), error);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        if path.extension().is_some_and(|extension| extension == end) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
