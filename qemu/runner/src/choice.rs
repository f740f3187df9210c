//! What a binary chooses by a `cfg` of the library, since a target does not say it.

use crate::{board::Board, cargo, toolchain::Toolchain};
use serde::Serialize;
use std::process::Command;

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

    /// Makes `cargo`, which builds for a board in a profile, build the library with this choice.
    ///
    /// A user passes the `cfg` to all crates. Only the library reads it, so here only the library is
    /// built again, where the toolchain can do that: a toolchain that builds `core` would build that
    /// again, too, which takes half a minute for each target and profile.
    pub fn apply(self, cargo: &mut Command, toolchain: &Toolchain, board: &Board, profile: &str) {
        const FLAG: &str = "--cfg wouldblock_single_core";

        if self == Self::Default {
        } else if toolchain.builds_core {
            let flag: Vec<_> = FLAG.split(' ').collect();
            let flags = format!("profile.{profile}.package.wouldblock.rustflags={flag:?}");
            cargo.args(["-Zprofile-rustflags", "--config", &flags]);
        } else {
            let (name, flags) = cargo::rustflags(board, toolchain);
            cargo.env(name, format!("{flags} {FLAG}"));
        }
    }
}
