//! Of the chapter "Waiting".
