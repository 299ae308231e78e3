//! Every picture and every table is what its data say.
