//! The figures of the book: every picture and every table of numbers, made of what is committed.
//!
//! ```text
//!   docs/data/*.csv, *.trace.json  ┐
//!   the lists in src               ├─ the list of pictures ──> docs/pictures/*.svg
//!                                  └─ <!-- table: ... --> in docs/*.md and README.md ──> the rows below it
//! ```
//!
//! Nothing here writes: [`redraw_all`] and [`rewrite_all`] say what the files should be. `cargo run --example figures` puts them
//! there, and a test holds the committed ones against them.

mod error;
mod import;
mod list;
mod tables;

use std::fs;
use std::path::{Path, PathBuf};

pub use error::FigureError;
pub use import::import;
use list::{Form, PICTURES, Plot};
pub use tables::rewrite;

use crate::plot::{self, Axis, Scale};
use crate::timeline::Trace;
use crate::{Heading, Picture, Table, states, timeline};

/// Where pictures are, from the root of the repository.
pub const PICTURES_FOLDER: &str = "docs/pictures";
/// Where what they show is.
pub const DATA_FOLDER: &str = "docs/data";

/// All pictures whose data are there: where each belongs, and what the file should be. `root` is that of the repository.
pub fn redraw_all(root: &Path) -> Result<Vec<(PathBuf, String)>, FigureError> {
    let drawn = PICTURES.iter().filter(|entry| missing_data(root, entry).is_none()).map(|entry| {
        let picture = draw(root, entry)?;
        if let Some(fault) = picture.faults().first() {
            return Err(FigureError::new(entry.name, format!("is not fit to be seen: {fault}")));
        }
        Ok((root.join(PICTURES_FOLDER).join(format!("{}.svg", entry.name)), picture.alone()))
    });
    drawn.collect()
}

/// Pictures on the list whose data are not there, and which file that would be.
pub fn not_drawn(root: &Path) -> Vec<(&'static str, PathBuf)> {
    PICTURES.iter().filter_map(|entry| Some((entry.name, missing_data(root, entry)?))).collect()
}

/// Pictures that lie in their folder and are not on the list, or have no data.
pub fn drawn_by_nobody(root: &Path) -> Result<Vec<PathBuf>, FigureError> {
    let folder = root.join(PICTURES_FOLDER);
    let known: Vec<_> = PICTURES.iter().filter(|entry| missing_data(root, entry).is_none()).map(|entry| entry.name).collect();
    let mut found = error::files(&folder, "svg")?;
    found.retain(|path| !known.iter().any(|name| path.file_stem().is_some_and(|stem| stem == *name)));
    Ok(found)
}

/// All pages with tables of measured numbers, and what each file should be.
pub fn rewrite_all(root: &Path) -> Result<Vec<(PathBuf, String)>, FigureError> {
    let mut pages = error::files(&root.join("docs"), "md")?;
    if root.join("docs/failures").is_dir() {
        pages.extend(error::files(&root.join("docs/failures"), "md")?);
    }
    pages.push(root.join("README.md"));
    let mut written = Vec::new();
    for path in pages {
        let page = error::read(&path)?;
        if page.contains(tables::BEGIN) {
            let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            let text = rewrite(&page, &|data| table(root, data)).map_err(|error| FigureError::new(&name, error))?;
            written.push((path, text));
        }
    }
    Ok(written)
}

/// What is not as it should be, a line for each: what differs, and what cannot be drawn.
pub fn complaints(root: &Path) -> Result<Vec<String>, FigureError> {
    let shown = |path: &Path| path.strip_prefix(root).unwrap_or(path).display().to_string();
    let differing = differing(root)?.into_iter().map(|path| format!("{} differs: cargo run --example figures", shown(&path)));
    let missing = not_drawn(root).into_iter();
    let missing = missing.map(|(name, data)| format!("{name}: not drawn, because {} is not there", shown(&data)));
    Ok(differing.chain(missing).collect())
}

/// What differs from what it should be: pictures, pages, and pictures that nobody draws.
pub fn differing(root: &Path) -> Result<Vec<PathBuf>, FigureError> {
    let mut differing = drawn_by_nobody(root)?;
    let wanted = redraw_all(root)?.into_iter().chain(rewrite_all(root)?);
    differing.extend(wanted.filter(|(path, text)| fs::read_to_string(path).ok().as_ref() != Some(text)).map(|(path, _)| path));
    Ok(differing)
}

/// A file of measurements, by its name in [`DATA_FOLDER`].
fn table(root: &Path, name: &str) -> Result<Table, FigureError> {
    let path = root.join(DATA_FOLDER).join(name);
    Table::parse(&error::read(&path)?).map_err(|error| FigureError::new(name, error))
}

fn missing_data(root: &Path, entry: &list::Entry) -> Option<PathBuf> {
    let folder = root.join(DATA_FOLDER);
    let needed: Vec<_> = match entry.form {
        Form::Plot { data, .. } => vec![folder.join(data)],
        Form::Timeline { traces, .. } => traces.iter().map(|trace| folder.join(trace)).collect(),
        Form::States { source, .. } => vec![root.join(source)],
    };
    needed.into_iter().find(|path| !path.exists())
}

fn draw(root: &Path, entry: &list::Entry) -> Result<Picture, FigureError> {
    let (title, description) = (entry.title.to_owned(), entry.description.to_owned());
    let mut heading = Heading { name: entry.name.to_owned(), title, description, source: String::new() };
    match entry.form {
        Form::Plot { data, rows, plot } => {
            let table = table(root, data)?;
            heading.source = table.source();
            draw_plot(&heading, &table, rows, plot).map_err(|missing| FigureError::new(data, missing))
        }
        Form::Timeline { traces, part } => {
            let read = |name: &&str| {
                let text = error::read(&root.join(DATA_FOLDER).join(name))?;
                Trace::parse(&text).map_err(|error| FigureError::new(name, error))
            };
            let traces = traces.iter().map(read).collect::<Result<Vec<_>, _>>()?;
            heading.source = timeline::source(&traces);
            Ok(timeline::draw(&heading, &traces, &part))
        }
        Form::States { source, constant } => {
            let text = error::read(&root.join(source))?;
            let ways = states::ways_in(&text, constant).map_err(|error| FigureError::new(source, error))?;
            heading.source = format!("{constant} in {source}");
            Ok(states::draw(&heading, &ways))
        }
    }
}

/// Fails with what is not in the table.
fn draw_plot(heading: &Heading, table: &Table, rows: &[&str], plot: Plot) -> Result<Picture, String> {
    let axis = |label: &str, scale| Axis { label: label.to_owned(), scale, reference: None };
    let of_measure = |measure: &str| {
        let all = plot::rows_of(table, measure);
        let titles: Vec<_> = rows.iter().map(|row| table.title(row)).collect();
        let found: Vec<_> = titles.iter().filter_map(|title| all.iter().find(|row| row.label == *title).cloned()).collect();
        match titles.iter().find(|title| !all.iter().any(|row| row.label == **title)) {
            Some(title) => Err(format!("has no `{measure}` in the row `{title}`")),
            None if rows.is_empty() => Ok(all),
            None => Ok(found),
        }
    };
    Ok(match plot {
        Plot::Bars { measure, label } => plot::bars(heading, &of_measure(measure)?, &axis(label, Scale::Linear)),
        Plot::Dots { measure, label, scale, reference } => {
            let reference = reference.map(|(value, name)| (value, name.to_owned()));
            plot::dots(heading, &of_measure(measure)?, &Axis { reference, ..axis(label, scale) })
        }
        Plot::Percentiles { label } => {
            let mut panels = plot::percentiles_of(table);
            let titles: Vec<_> = rows.iter().map(|row| table.title(row)).collect();
            panels.retain(|panel| titles.is_empty() || titles.contains(&panel.label.as_str()));
            let share = axis("of them took no longer", Scale::Nines);
            plot::lines(heading, &panels, &share, &axis(label, Scale::Log))
        }
    })
}
