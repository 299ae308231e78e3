//! Of the chapter "Two peers".
