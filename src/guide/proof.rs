//! # proof
