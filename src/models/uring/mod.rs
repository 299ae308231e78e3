//! The uring model.
