//! Of the chapter "Saying it later: events".
