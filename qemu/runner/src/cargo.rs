//! The second cargo, which builds what boots, with a workspace and a target folder of its own.

use crate::{
    board::{BOARDS, Board},
    child::{self, Child},
    choice::Choice,
    error::{Error, Result},
    folders,
    log::Dictionary,
    toolchain::Toolchain,
    ui,
};
use console::Term;
use serde::Deserialize;
use std::{
    ffi::OsString,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    thread,
};

pub use crate::folders::target_folder;

/// A built firmware.
#[derive(Clone, Debug)]
pub struct Firmware {
    /// The file that QEMU boots.
    pub elf: PathBuf,
    /// The meaning of its log frames.
    pub dictionary: Arc<Dictionary>,
}

/// `cargo` or `cargo clippy` in a folder of the project, with what every bare-metal build needs.
pub fn command(toolchain: &Toolchain, folder: &Path, subcommand: &str) -> Command {
    let mut command =
        toolchain.command(if subcommand == "clippy" { "cargo-clippy" } else { "cargo" });
    let format = if Term::stderr().is_term() { "json-diagnostic-rendered-ansi" } else { "json" };
    command
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target_folder())
        .envs(BOARDS.iter().map(|board| rustflags(board, toolchain.builds_core)))
        .env("DEFMT_LOG", std::env::var_os("DEFMT_LOG").unwrap_or("info".into()))
        .args([subcommand, "--quiet", "--message-format", format])
        .args(toolchain.arguments());
    if folder.join("Cargo.lock").exists() {
        command.arg("--locked");
    }
    command
}

/// The variable with the compiler's options for the target of a board. Two boards with one target have
/// the same options, so what is built for one board stays valid when another is built.
fn rustflags(board: &Board, builds_core: bool) -> (String, String) {
    let target = board.target.to_uppercase().replace('-', "_");
    (format!("CARGO_TARGET_{target}_RUSTFLAGS"), board.rustflags(builds_core))
}

/// The packages that read a choice's `cfg`: the library, and the board that has a second core.
const READERS: [&str; 2] = ["wouldblock", "pc"];

/// How cargo is told of a choice.
#[derive(Debug, Default, PartialEq)]
struct Told {
    arguments: Vec<String>,
    variables: Vec<(String, OsString)>,
}

/// Tells a cargo that builds for a board in a profile of a choice. What chooses the board itself is not
/// told here.
pub fn tell(cargo: &mut Command, choice: Choice, board: &Board, profile: &str, builds_core: bool) {
    let Told { arguments, variables } = told(choice, board, profile, builds_core);
    cargo.args(arguments).envs(variables);
}

/// How the `cfg` of a choice reaches the library, for a board and a profile.
///
/// Problem: a compiler's option for a target is one for each of its crates, so with another choice they
/// would all be built again. Where that includes `core`, the toolchain accepts cargo's unstable options,
/// too, and only the packages that read the `cfg` get it.
///
/// What cargo makes on the way has the options and features in its name, so the choices, and the boards
/// with one target, share the folder for it. Executables have none, so a choice has a folder for them, and
/// so has a board that is chosen by a feature: otherwise the last one that was built would be booted for
/// both.
fn told(choice: Choice, board: &Board, profile: &str, builds_core: bool) -> Told {
    let mut executables = target_folder();
    executables.extend(board.feature.map(|_| board.name));
    executables.extend(choice.cfg().map(|_| choice.name()));
    let mut told = Told::default();
    if executables != target_folder() {
        told.variables = vec![
            ("CARGO_BUILD_BUILD_DIR".into(), target_folder().into()),
            ("CARGO_TARGET_DIR".into(), executables.into()),
        ];
    }
    let Some(cfg) = choice.cfg() else { return told };
    if builds_core {
        told.arguments.push("-Zprofile-rustflags".into());
        for package in READERS {
            let options = format!("profile.{profile}.package.{package}.rustflags");
            told.arguments.extend(["--config".into(), format!("{options}=['--cfg', '{cfg}']")]);
        }
    } else {
        let (variable, options) = rustflags(board, builds_core);
        let options = format!("{options} --cfg {cfg}").trim_start().to_owned();
        told.variables.push((variable, options.into()));
    }
    told
}

/// The cargo that runs this, or the active one, in the folder of the project: for the host.
pub fn host(subcommand: &str) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    command.current_dir(folders::project()).arg(subcommand);
    command
}

/// The profile of everything but benches.
pub const RELEASE: &str = "release";

/// Builds one binary of the firmware for a board, in the profile `release` and by the default choice.
pub fn build(toolchain: &Toolchain, board: &Board, binary: &str) -> Result<Firmware> {
    build_as(toolchain, board, binary, RELEASE, Choice::Default)
}

/// The cargo that builds one binary of the firmware for a board.
pub fn firmware(
    toolchain: &Toolchain,
    board: &Board,
    binary: &str,
    profile: &str,
    choice: Choice,
) -> Command {
    let mut cargo = command(toolchain, &folders::project().join("qemu"), "build");
    cargo.args(["--profile", profile, "--package", package(binary), "--target", board.target]);
    cargo.args(["--bin", binary]);
    cargo.args(
        board
            .feature
            .into_iter()
            .flat_map(|feature| ["--features".into(), format!("board/{feature}")]),
    );
    tell(&mut cargo, choice, board, profile, toolchain.builds_core);
    cargo
}

/// Builds one binary of the firmware for a board.
pub fn build_as(
    toolchain: &Toolchain,
    board: &Board,
    binary: &str,
    profile: &str,
    choice: Choice,
) -> Result<Firmware> {
    let cargo = firmware(toolchain, board, binary, profile, choice);
    let how = match choice {
        Choice::Default => profile.to_owned(),
        Choice::SingleCore => format!("{profile}, {choice}"),
    };
    let what = format!("building the firmware `{binary}` for the board {} ({how})", board.name);
    let elf = run(cargo, &what)?.ok_or_else(|| {
        let why = "cargo succeeded but named no executable";
        let what = format_args!("there is no firmware `{binary}`");
        Error::run(what, why, "check the manifests in qemu")
    })?;
    let dictionary = Arc::new(Dictionary::load(&elf)?);
    Ok(Firmware { elf, dictionary })
}

/// The package of a binary. Two need packages of their own: `cores`, since cargo gives all binaries of
/// a package the same features, and two cores need another critical section; `console`, since cargo
/// builds all dependencies of a package for each of its binaries, and `console` needs many crates.
fn package(binary: &str) -> &str {
    match binary {
        "console" | "cores" | "picture" => binary,
        _ => "firmware",
    }
}

/// The part of cargo's messages that is used here.
#[derive(Deserialize)]
#[serde(tag = "reason")]
enum Message {
    #[serde(rename = "compiler-artifact")]
    Artifact { target: Target, executable: Option<PathBuf>, filenames: Vec<PathBuf>, fresh: bool },
    #[serde(rename = "compiler-message")]
    Diagnostic { message: Diagnostic },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

#[derive(Deserialize)]
struct Diagnostic {
    rendered: Option<String>,
}

/// As [`run_for_all`], and returns the last one.
pub fn run(cargo: Command, what: &str) -> Result<Option<PathBuf>> {
    Ok(run_for_all(cargo, what)?.pop())
}

/// Runs a prepared cargo to its end. Shows the progress and the compiler's messages, and returns the
/// executables and static libraries that were made, or were there already.
pub fn run_for_all(mut cargo: Command, what: &str) -> Result<Vec<PathBuf>> {
    let failed = |error| {
        Error::run(
            format_args!("{what}: cargo cannot run"),
            error,
            "check the toolchain named above",
        )
    };
    cargo.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let step = ui::Step::begin(what);
    let mut child = Child::spawn(&mut cargo).map_err(failed)?;
    let (Some(stdout), Some(mut stderr)) = child.pipes() else { unreachable!("both were piped") };
    let own_messages = thread::spawn(move || {
        let mut text = Vec::new();
        _ = stderr.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    });

    let mut made = Vec::new();
    let is_archive = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "a");
    for line in BufReader::new(stdout).lines().map_while(std::io::Result::ok) {
        match serde_json::from_str(&line).unwrap_or(Message::Other) {
            Message::Artifact { target, executable, filenames, fresh } => {
                if !fresh {
                    step.at(target.name);
                }
                made.extend(executable.or_else(|| filenames.into_iter().find(is_archive)));
            }
            Message::Diagnostic { message } => {
                if let Some(text) = message.rendered {
                    ui::note(text.trim_end());
                }
            }
            Message::Other => {}
        }
    }
    let status = child.wait().map_err(failed)?;
    let own_messages = own_messages.join().unwrap_or_default();
    child::check_interrupt()?;
    if !status.success() {
        drop(step);
        let advice = "correct what the messages name; without a network, cargo needs the packages in its cache";
        return Err(
            Error::run(format_args!("{what}: failed"), status, advice).with("cargo", &own_messages)
        );
    }
    step.end(format_args!("{what}: done"));
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_to_microbit(choice: Choice, builds_core: bool) -> Told {
        told(choice, Board::named("microbit").unwrap(), "release-lto", builds_core)
    }

    #[test]
    fn the_default_choice_tells_cargo_nothing() {
        for builds_core in [false, true] {
            assert_eq!(told_to_microbit(Choice::Default, builds_core), Told::default());
        }
    }

    #[test]
    fn where_core_is_built_only_the_readers_are_told() {
        let Told { arguments, variables } = told_to_microbit(Choice::SingleCore, true);
        let of = |package: &str| {
            format!(
                "profile.release-lto.package.{package}.rustflags=['--cfg', 'wouldblock_single_core']"
            )
        };
        let [library, board] = READERS.map(of);
        assert_eq!(arguments, ["-Zprofile-rustflags", "--config", &library, "--config", &board]);
        assert!(variables.iter().all(|(name, _)| !name.ends_with("RUSTFLAGS")), "{variables:?}");
    }

    #[test]
    fn elsewhere_the_target_is_told_with_its_other_options() {
        let Told { arguments, variables } = told_to_microbit(Choice::SingleCore, false);
        assert!(arguments.is_empty(), "{arguments:?}");
        let options = "-C link-arg=--nmagic --cfg wouldblock_single_core".into();
        let expected = ("CARGO_TARGET_THUMBV6M_NONE_EABI_RUSTFLAGS".into(), options);
        assert!(variables.contains(&expected), "{variables:?}");
    }

    /// Otherwise the executable of one board would replace that of the other.
    #[test]
    fn boards_with_one_target_have_folders_of_their_own_for_executables() {
        let folder = |board: &str, choice| {
            let told = told(choice, Board::named(board).unwrap(), RELEASE, true);
            let folder = told.variables.into_iter().find(|(name, _)| name == "CARGO_TARGET_DIR");
            folder.map_or(target_folder(), |(_, folder)| folder.into())
        };
        let places: std::collections::BTreeSet<_> = BOARDS
            .iter()
            .flat_map(|board| Choice::ALL.map(|choice| (board.target, folder(board.name, choice))))
            .collect();
        assert_eq!(places.len(), BOARDS.len() * Choice::ALL.len());
        assert_eq!(folder("sifive_u", Choice::Default), target_folder().join("sifive_u"));
    }

    /// Otherwise the executable of one choice would replace that of the other.
    #[test]
    fn the_choices_have_folders_of_their_own_for_executables() {
        for builds_core in [false, true] {
            let Told { variables, .. } = told_to_microbit(Choice::SingleCore, builds_core);
            let folder = |name: &str| variables.iter().find(|(known, _)| known == name).unwrap();
            let [between, executables] = ["CARGO_BUILD_BUILD_DIR", "CARGO_TARGET_DIR"].map(folder);
            assert_eq!(between.1, target_folder());
            assert_eq!(executables.1, target_folder().join("single-core"));
        }
    }
}
