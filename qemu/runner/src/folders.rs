//! Where things are: the project, and what is built of it.

use std::path::PathBuf;

/// The folder of the whole project.
pub fn project() -> PathBuf {
    let runner = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    runner.ancestors().nth(2).map(Into::into).unwrap_or(runner)
}

/// The folder `name` in the target folder of the project.
pub fn target(name: &str) -> PathBuf {
    let outer = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| project().join("target"), PathBuf::from);
    std::path::absolute(&outer).unwrap_or(outer).join(name)
}

/// The target folder of the bare-metal builds.
pub fn target_folder() -> PathBuf {
    target("bare")
}
