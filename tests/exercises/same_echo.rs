//! Of the chapter "The same echo, four times".
