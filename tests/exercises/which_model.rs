//! Of the chapter "Which model when".
