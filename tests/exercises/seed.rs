//! Of the chapter "A world from a seed".
