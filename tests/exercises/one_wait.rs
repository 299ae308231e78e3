//! Of the chapter "One thread, one wait".
