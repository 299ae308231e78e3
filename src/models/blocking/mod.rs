//! The blocking model.
