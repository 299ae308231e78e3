//! Of the chapter "Saying it later: jobs".
