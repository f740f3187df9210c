//! # persistence
