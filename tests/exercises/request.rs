//! Of the chapter "Reading a request".
