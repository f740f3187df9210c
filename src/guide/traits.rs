//! # traits
