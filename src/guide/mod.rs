//! Guide.

pub mod driver;
