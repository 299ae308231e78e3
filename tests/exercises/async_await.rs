//! Of the chapter "What async and await write for you".
