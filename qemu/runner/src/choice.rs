//! What a binary chooses by a `cfg` of the library, since a target does not say it.

use serde::Serialize;

/// How many cores the binary counts on.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// Any number.
    Default,
    /// One: `--cfg wouldblock_single_core`.
    SingleCore,
}

impl Choice {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Default, Self::SingleCore];

    /// Its name, in tables and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::SingleCore => "single-core",
        }
    }
}
