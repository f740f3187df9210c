//! Whether the placements of a sweep have hit every boundary of a path.

pub mod stepped;
