//! Whether the placements of a sweep have hit every boundary of a path.
//!
//! | board | what is compared |
//! |---|---|
//! | all | the instructions executed before each placement, with those before the one before it (`counted`) |
//! | `pc` | besides, the addresses of all boundaries of the path, stepped over one by one, with those hit (`stepped`) |

mod counted;
#[cfg(target_arch = "x86_64")]
pub mod stepped;
#[cfg(not(target_arch = "x86_64"))]
#[path = "unstepped.rs"]
pub mod stepped;

pub use counted::Stretch;
