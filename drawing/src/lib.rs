//! The pictures of iolab: timelines, state diagrams and plots, as SVG for light and dark. The same data give the same octets.
//!
//! A form ([`plot`], [`timeline`], [`states`]) is a function from plain data to a [`Picture`], which stands alone ([`Picture::alone`], for a file)
//! or in a page of HTML ([`Picture::inline`], under the page's one [`style::sheet`]). No form knows where its data are from:
//! [`table`] reads what was measured, and [`figures`] alone know the book and its files.
//!
//! Every picture can be read without its colours: a model has a marker, a dash, a filling and its name beside it. No text is
//! smaller than 14 units, and none is wider than 560, so that it can still be read on a phone.

pub mod figures;
mod frame;
pub mod number;
pub mod plot;
pub mod states;
pub mod style;
pub mod svg;
pub mod table;
mod text;
pub mod timeline;

pub use frame::Heading;
pub use svg::Picture;
pub use table::Table;
