//! temporary
/// temporary
pub struct ReadFile;
