//! Of the chapter "The same read, four times".
