//! # board
