//! The choice that a binary makes by a `cfg`: what the library in it assumes of the cores.

use clap::ValueEnum;
use serde::Serialize;
use std::fmt;

/// What the library in a firmware assumes of the cores.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// Nothing: it also works with several
    #[default]
    Default,
    /// That there is one, by `--cfg wouldblock_single_core`
    SingleCore,
}

impl Choice {
    /// All of them, the default first.
    pub const ALL: [Self; 2] = [Self::Default, Self::SingleCore];

    /// Its name on the command line and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::SingleCore => "single-core",
        }
    }

    /// The `cfg` that tells the library.
    pub const fn cfg(self) -> Option<&'static str> {
        match self {
            Self::Default => None,
            Self::SingleCore => Some("wouldblock_single_core"),
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_and_the_files_have_the_same_names() {
        for choice in Choice::ALL {
            assert_eq!(choice.to_possible_value().unwrap().get_name(), choice.name());
            assert_eq!(serde_json::to_value(choice).unwrap(), choice.name());
        }
        assert_eq!(Choice::value_variants(), Choice::ALL);
    }

    /// The library reads it, so it knows the name.
    #[test]
    fn the_library_knows_the_cfg() {
        let manifest = std::fs::read_to_string(crate::project().join("Cargo.toml")).unwrap();
        let cfg = Choice::SingleCore.cfg().unwrap();
        assert!(manifest.contains(&format!("\"cfg({cfg})\"")));
    }
}
