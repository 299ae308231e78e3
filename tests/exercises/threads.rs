//! Of the chapter "Done by threads".
