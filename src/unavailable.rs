//! What this machine does not offer, why, and what to do about it.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::io;

/// A facility that cannot be used here. A model that needs it returns this inside an [`io::Error`] of kind
/// [`Unsupported`](io::ErrorKind::Unsupported) and never does the work some other way.
///
/// It reads as one line: *what* is *cause*: *cure*.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// What is missing, as the subject of a sentence: `io_uring`.
    pub what: Cow<'static, str>,
    /// Why, as its predicate: `is forbidden by kernel.io_uring_disabled=2`.
    pub cause: Cow<'static, str>,
    /// What to do about it: `set it to 0 with sysctl, or choose another model`.
    pub cure: Cow<'static, str>,
}

impl Unavailable {
    pub(crate) fn new(
        what: impl Into<Cow<'static, str>>,
        cause: impl Into<Cow<'static, str>>,
        cure: impl Into<Cow<'static, str>>,
    ) -> Self {
        Unavailable { what: what.into(), cause: cause.into(), cure: cure.into() }
    }

    /// The `Unavailable` inside an error, if that is what it is about.
    pub fn within(error: &io::Error) -> Option<&Unavailable> {
        error.get_ref()?.downcast_ref()
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.what, self.cause, self.cure)
    }
}

impl Error for Unavailable {}

impl From<Unavailable> for io::Error {
    fn from(unavailable: Unavailable) -> io::Error {
        io::Error::new(io::ErrorKind::Unsupported, unavailable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_as_one_line_and_comes_out_of_an_io_error() {
        let unavailable = Unavailable::new("io_uring", "is forbidden by X", "allow it");
        let error = io::Error::from(unavailable.clone());
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
        assert_eq!(error.to_string(), "io_uring is forbidden by X: allow it");
        assert_eq!(Unavailable::within(&error), Some(&unavailable));
        assert_eq!(Unavailable::within(&io::Error::other("no")), None);
    }
}
