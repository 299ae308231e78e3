//! Of the chapter "Done".
