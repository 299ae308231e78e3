//! Of the chapter "Both at once".
