//! Of the chapter "Saying it later: polling".
