//! Of the chapter "A protocol without a socket".
