//! # executors
