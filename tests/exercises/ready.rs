//! Of the chapter "Ready".
