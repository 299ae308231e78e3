//! Of the chapter "What goes wrong".
