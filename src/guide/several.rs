//! # several
