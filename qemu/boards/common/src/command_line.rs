//! The command line: first the command, then words `key=value`, all separated by spaces.

/// What the host has told the guest.
#[derive(Clone, Copy, Debug)]
pub struct CommandLine(&'static str);

impl CommandLine {
    /// The command line with this text.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        Self(text)
    }

    /// The whole line.
    #[must_use]
    pub fn text(&self) -> &'static str {
        self.0
    }

    /// The first word; empty if there is none.
    #[must_use]
    pub fn command(&self) -> &'static str {
        self.0.split_ascii_whitespace().next().unwrap_or("")
    }

    /// What stands after `key=` in the first word that begins so.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&'static str> {
        self.0
            .split_ascii_whitespace()
            .skip(1)
            .find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
    }
}
