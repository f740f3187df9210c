//! The compiler for bare metal. The first of these that is there:
//!
//! 1. the active toolchain, if it has `core` for the targets (`rustup target add ...`);
//! 2. Debian's, which builds `core` from its own sources;
//! 3. none: the error names both ways.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fmt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The target of the firmware.
pub const TARGET: &str = "x86_64-unknown-none";

/// The oldest release that builds the project: `rust-version` in its manifests.
const OLDEST: &str = env!("CARGO_PKG_RUST_VERSION");

/// Debian's packages for way 2.
pub const PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// Debian's package with clippy, for way 2.
pub const CLIPPY_PACKAGE: &str = "rust-web-clippy";

/// A toolchain that builds for the requested targets. Its programs are named by path, since rustup's
/// proxies have the same names and can choose another toolchain.
#[derive(Clone, Debug)]
pub struct Toolchain {
    programs: PathBuf,
    /// Whether `core` is built from source.
    pub builds_core: bool,
    release: String,
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { programs, release, .. } = self;
        let core = if self.builds_core { "builds core from its sources" } else { "has the target" };
        write!(f, "rustc {release} in {}, which {core}", programs.display())
    }
}

impl Toolchain {
    /// Looks for a toolchain that builds for `targets`. `Err` says for each way why there is none.
    pub fn find(targets: &[&str]) -> Result<Self, String> {
        Self::active("rustc", targets).or_else(|active| {
            Self::debian(Path::new("/usr"))
                .map_err(|debian| format!("active toolchain: {active}; Debian's: {debian}"))
        })
    }

    /// The active toolchain, if it has `core` for each target.
    fn active(rustc: impl AsRef<OsStr>, targets: &[&str]) -> Result<Self, String> {
        let ask = |arguments: &[&str]| output(Command::new(&rustc).args(arguments));
        for target in targets {
            let library = ask(&["--print", "target-libdir", "--target", target])?;
            if !holds_core(Path::new(library.trim())) {
                return Err(format!("it has no {target}"));
            }
        }
        let sysroot = ask(&["--print", "sysroot"])?;
        let toolchain = Self {
            programs: Path::new(sysroot.trim()).join("bin"),
            builds_core: false,
            release: release(&ask(&["-vV"])?),
        };
        toolchain.with_cargo()
    }

    /// The distribution's toolchain below `prefix`, if it is new enough and the sources are of the same
    /// release.
    fn debian(prefix: &Path) -> Result<Self, String> {
        let programs = prefix.join("bin");
        let release = release(&output(Command::new(programs.join("rustc")).arg("-vV"))?);
        if number(&release) < number(OLDEST) {
            return Err(format!(
                "it is {release}, and {OLDEST} is the oldest that builds the project"
            ));
        }
        let sources = prefix.join("lib/rustlib/src/rust");
        let exact = prefix.join(format!("src/rustc-{release}"));
        if !sources.join("library/core").is_dir()
            || sources.canonicalize().ok() != exact.canonicalize().ok()
        {
            return Err(format!("the sources of {release} are not in {}", sources.display()));
        }
        let toolchain = Self { programs, builds_core: true, release };
        toolchain.with_cargo()
    }

    fn with_cargo(self) -> Result<Self, String> {
        let cargo = self.program("cargo");
        if cargo.is_file() { Ok(self) } else { Err(format!("{} is missing", cargo.display())) }
    }

    /// The path of one of its programs.
    fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// Whether it has clippy.
    pub fn has_clippy(&self) -> bool {
        self.program("cargo-clippy").is_file()
    }

    /// `program` (`cargo` or `cargo-clippy`), in an environment without the variables of the cargo or
    /// toolchain that started the runner.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.program(program));
        command.env_clear().envs(clean(std::env::vars_os()));
        command.env("CARGO", self.program("cargo"));
        command.env("RUSTC", self.program("rustc"));
        command.env("RUSTDOC", self.program("rustdoc"));
        if self.builds_core {
            command.env("RUSTC_BOOTSTRAP", "1");
        }
        command
    }

    /// The arguments with which cargo builds `core`. Nothing here needs `alloc`.
    pub fn arguments(&self) -> &'static [&'static str] {
        const BUILD_CORE: [&str; 2] =
            ["-Zbuild-std=core", "-Zbuild-std-features=compiler-builtins-mem"];
        if self.builds_core { &BUILD_CORE } else { &[] }
    }
}

/// The environment that a nested cargo inherits: nothing that chooses a compiler, flags or folders. What
/// says where packages come from, and how to reach them, stays.
fn clean(environment: impl Iterator<Item = (OsString, OsString)>) -> BTreeMap<OsString, OsString> {
    const KEPT: [&str; 4] = ["CARGO_HOME", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR"];
    const DROPPED: [&str; 7] =
        ["CARGO", "RUSTC", "RUSTDOC", "RUSTFLAGS", "RUSTUP_TOOLCHAIN", "RUST_", "LD_LIBRARY_PATH"];
    let starts = |name: &str, list: &[&str]| list.iter().any(|start| name.starts_with(start));
    environment
        .filter(|(name, _)| {
            let name = name.to_string_lossy();
            starts(&name, &KEPT) || !starts(&name, &DROPPED)
        })
        .collect()
}

/// What a command prints. `Err` says why there is nothing.
fn output(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let error = String::from_utf8_lossy(&output.stderr);
        Err(format!("{program}: {}", error.lines().next().unwrap_or("failed")))
    }
}

/// Whether a target's library folder contains `libcore`.
fn holds_core(library: &Path) -> bool {
    let Ok(files) = library.read_dir() else { return false };
    files.flatten().any(|file| file.file_name().to_string_lossy().starts_with("libcore-"))
}

/// The release that `rustc -vV` names, such as `1.96.0`.
fn release(version: &str) -> String {
    version
        .lines()
        .find_map(|line| line.strip_prefix("release: "))
        .unwrap_or("of unknown release")
        .to_owned()
}

/// The major and the minor number of a release; zeros if the text is no release.
fn number(release: &str) -> (u32, u32) {
    let mut parts = release.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A fake prefix. Its rustc says that it is `release` and that all its libraries are in one folder.
    fn prefix(release: &str) -> tempfile::TempDir {
        let prefix = tempfile::tempdir().unwrap();
        fs::create_dir_all(prefix.path().join("bin")).unwrap();
        let cases = r#"prefix=${0%/bin/*}; case "$2" in sysroot) echo "$prefix";; target-libdir) echo "$prefix/lib";;"#;
        let script = format!("#!/bin/sh\n{cases} *) echo release: {release};; esac\n");
        for name in ["rustc", "cargo"] {
            // A child writes it: a file that this process has open for writing cannot be executed.
            let mut shell = Command::new("sh");
            shell.args(["-c", r#"printf %s "$1" > "$2" && chmod +x "$2""#, "sh", &script]);
            assert!(shell.arg(prefix.path().join("bin").join(name)).status().unwrap().success());
        }
        prefix
    }

    fn add_sources(prefix: &Path, release: &str) {
        let exact = prefix.join(format!("src/rustc-{release}"));
        fs::create_dir_all(exact.join("library/core")).unwrap();
        fs::create_dir_all(prefix.join("lib/rustlib/src")).unwrap();
        std::os::unix::fs::symlink(exact, prefix.join("lib/rustlib/src/rust")).unwrap();
    }

    #[test]
    fn debian_needs_a_new_enough_compiler_with_its_own_sources() {
        let empty = tempfile::tempdir().unwrap();
        assert!(Toolchain::debian(empty.path()).unwrap_err().contains("No such file"));

        let (major, minor) = number(OLDEST);
        let old = prefix(&format!("{major}.{}.9", minor - 1));
        let why = Toolchain::debian(old.path()).unwrap_err();
        assert!(why.contains(&format!("{OLDEST} is the oldest")), "{why}");
        let oldest = prefix(&format!("{OLDEST}.0"));
        let why = Toolchain::debian(oldest.path()).unwrap_err();
        assert!(why.contains("the sources of"), "{why}");

        let bare = prefix("1.96.0");
        assert!(Toolchain::debian(bare.path()).unwrap_err().contains("sources of 1.96.0"));

        let mixed = prefix("1.96.0");
        add_sources(mixed.path(), "1.85.0");
        assert!(Toolchain::debian(mixed.path()).unwrap_err().contains("sources of 1.96.0"));

        let whole = prefix("1.96.0");
        add_sources(whole.path(), "1.96.0");
        let toolchain = Toolchain::debian(whole.path()).unwrap();
        assert!(toolchain.builds_core && !toolchain.has_clippy());
        assert_eq!(toolchain.arguments().len(), 2);

        fs::remove_file(whole.path().join("bin/cargo")).unwrap();
        assert!(Toolchain::debian(whole.path()).unwrap_err().contains("cargo is missing"));
    }

    #[test]
    fn the_active_toolchain_needs_the_core_of_the_target() {
        let prefix = prefix("1.95.0");
        let rustc = prefix.path().join("bin/rustc");
        assert_eq!(
            Toolchain::active(&rustc, &[TARGET]).unwrap_err(),
            "it has no x86_64-unknown-none"
        );
        fs::create_dir(prefix.path().join("lib")).unwrap();
        fs::write(prefix.path().join("lib/libcore-0.rlib"), "").unwrap();
        let toolchain = Toolchain::active(&rustc, &[TARGET]).unwrap();
        assert!(!toolchain.builds_core && toolchain.arguments().is_empty());
        assert_eq!(toolchain.release, "1.95.0");
        assert!(Toolchain::active(prefix.path().join("no rustc"), &[TARGET]).is_err());
    }

    #[test]
    fn a_nested_cargo_inherits_nothing_of_the_outer_cargo() {
        let names = |list: &[&str]| clean(list.iter().map(|name| (name.into(), "x".into()))).len();
        assert_eq!(
            names(&["RUSTC", "RUSTC_WRAPPER", "RUSTFLAGS", "CARGO_TARGET_DIR", "CARGO_PKG_NAME"]),
            0
        );
        assert_eq!(
            names(&[
                "CARGO_ENCODED_RUSTFLAGS",
                "CARGO",
                "RUSTUP_TOOLCHAIN",
                "RUST_LOG",
                "LD_LIBRARY_PATH"
            ]),
            0
        );
        assert_eq!(
            names(&[
                "PATH",
                "HOME",
                "CARGO_HOME",
                "CARGO_HTTP_PROXY",
                "https_proxy",
                "DEFMT_LOG",
                "RUSTUP_HOME"
            ]),
            7
        );
    }

    /// All manifests have the same number.
    #[test]
    fn the_oldest_release_is_that_of_the_library() {
        let manifest = fs::read_to_string(crate::folders::project().join("Cargo.toml")).unwrap();
        assert!(manifest.contains(&format!("rust-version = \"{OLDEST}\"")));
    }

    #[test]
    fn releases_are_compared_as_numbers() {
        assert_eq!(number("1.96.0"), (1, 96));
        assert!(number("1.100.0") > number("1.90.0"));
        assert_eq!(number("of unknown release"), (0, 0));
    }
}
