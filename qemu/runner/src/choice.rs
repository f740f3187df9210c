//! What a binary chooses by a `cfg` of the library, since a target does not say it.

use crate::{board::Board, cargo};
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
    /// A user passes the `cfg` to all crates, of which only the library reads it. A toolchain that builds
    /// `core` would build that again for it, which takes half a minute for each target and profile. So
    /// there only the library gets it, by an option that such a toolchain has.
    pub fn apply(self, cargo: &mut Command, builds_core: bool, board: &Board, profile: &str) {
        const FLAG: &str = "--cfg wouldblock_single_core";

        if self == Self::Default {
        } else if builds_core {
            let flag: Vec<_> = FLAG.split(' ').collect();
            let flags = format!("profile.{profile}.package.wouldblock.rustflags={flag:?}");
            cargo.args(["-Zprofile-rustflags", "--config", &flags]);
        } else {
            let (name, flags) = cargo::rustflags(board, builds_core);
            cargo.env(name, format!("{flags} {FLAG}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::PC;

    /// The command's arguments, and the compiler's options for the PC.
    fn applied(choice: Choice, builds_core: bool) -> (Vec<String>, Option<String>) {
        let mut cargo = Command::new("cargo");
        choice.apply(&mut cargo, builds_core, PC, "size-3");
        let text = |text: &std::ffi::OsStr| text.to_str().unwrap().to_owned();
        let flags = cargo.get_envs().find_map(|(name, value)| {
            (name == "CARGO_TARGET_X86_64_UNKNOWN_NONE_RUSTFLAGS").then(|| text(value.unwrap()))
        });
        (cargo.get_args().map(text).collect(), flags)
    }

    #[test]
    fn a_toolchain_that_builds_core_passes_the_cfg_to_the_library_alone() {
        let (arguments, flags) = applied(Choice::SingleCore, true);
        let config =
            r#"profile.size-3.package.wouldblock.rustflags=["--cfg", "wouldblock_single_core"]"#;
        assert_eq!(arguments, ["-Zprofile-rustflags", "--config", config]);
        assert_eq!(flags, None);
    }

    #[test]
    fn any_other_toolchain_passes_it_to_all_crates_beside_the_boards_options() {
        let (arguments, flags) = applied(Choice::SingleCore, false);
        assert!(arguments.is_empty());
        let flags = flags.unwrap();
        assert_eq!(flags, format!("{} --cfg wouldblock_single_core", PC.rustflags(false)));
        assert!(flags.starts_with(PC.flags));
    }

    #[test]
    fn the_default_passes_nothing() {
        for builds_core in [false, true] {
            assert_eq!(applied(Choice::Default, builds_core), (Vec::new(), None));
        }
    }
}
