//! Results on the disk: written whole or not at all, and read with the place of what is wrong.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::schema::{Report, SCHEMA, VERSION};

/// Where results lie, below the folder that cargo builds in. `CARGO_TARGET_TMPDIR` is beside it.
pub fn folder(target_tmp: &Path) -> PathBuf {
    target_tmp.with_file_name("iolab")
}

/// Where the report of a benchmark lies.
pub fn whole_path(folder: &Path, bench: &str) -> PathBuf {
    folder.join(format!("{bench}.json"))
}

/// Where a run of a part of it lies that could not be put into the whole.
pub fn part_path(folder: &Path, bench: &str) -> PathBuf {
    folder.join(format!("{bench}-part.json"))
}

impl Report {
    /// Writes it as `BENCH.json`.
    pub fn write(&self, folder: &Path) -> io::Result<PathBuf> {
        self.write_as(whole_path(folder, &self.bench))
    }

    /// Writes it as `BENCH-part.json`.
    pub fn write_part(&self, folder: &Path) -> io::Result<PathBuf> {
        self.write_as(part_path(folder, &self.bench))
    }

    fn write_as(&self, path: PathBuf) -> io::Result<PathBuf> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        write_whole(&path, &text)?;
        Ok(path)
    }

    /// On one line.
    pub fn line(&self) -> io::Result<String> {
        Ok(serde_json::to_string(self)?)
    }

    /// Reads what [`write`](Report::write) has written. An error names the file, what is wrong with it and where.
    pub fn read(path: &Path) -> io::Result<Report> {
        let text = fs::read_to_string(path).map_err(|error| {
            let cure = if error.kind() == io::ErrorKind::NotFound { ": a benchmark writes it at its end" } else { "" };
            io::Error::new(error.kind(), format!("{}: {error}{cure}", path.display()))
        })?;
        Report::parse(&text).map_err(|why| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {why}", path.display())))
    }

    /// From JSON.
    pub fn parse(text: &str) -> Result<Report, String> {
        #[derive(Deserialize)]
        struct Head {
            schema: Option<String>,
            version: Option<u64>,
        }
        // What it is comes first: a later version may lack what this one needs.
        let head: Head = serde_json::from_str(text).map_err(|error| misread(text, &error))?;
        match (head.schema.as_deref(), head.version) {
            (Some(SCHEMA), Some(version)) if version == u64::from(VERSION) => {}
            (Some(SCHEMA), Some(version)) => {
                return Err(format!("this is a report of version {version}, and only version {VERSION} is known here"));
            }
            (Some(SCHEMA), None) => return Err("this report does not say of which version it is".to_owned()),
            _ => return Err(format!("this is no report of a benchmark: its \"schema\" is not {SCHEMA:?}")),
        }
        serde_json::from_str(text).map_err(|error| misread(text, &error))
    }
}

fn misread(text: &str, error: &serde_json::Error) -> String {
    match error.classify() {
        serde_json::error::Category::Eof if text.trim().is_empty() => "the file is empty".to_owned(),
        serde_json::error::Category::Eof => format!("it ends too early: {error}"),
        serde_json::error::Category::Data => format!("not what a report has there: {error}"),
        _ => format!("not JSON: {error}"),
    }
}

/// Whoever reads meanwhile sees the old or the new one.
pub fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let why = |error: io::Error| io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()));
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(why)?;
    let mut temporary = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(folder)
        .map_err(why)?;
    temporary.write_all(text.as_bytes()).map_err(why)?;
    temporary.persist(path).map_err(|error| why(error.error))?;
    Ok(())
}
