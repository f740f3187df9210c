//! `c`: the library for programs in C, as a static library and the header that is generated from the
//! same source.

use crate::{
    cargo,
    cli::{C, Target},
    error::{Error, Result},
    folders,
    output::OutputFile,
    setup::{self, Needs},
    toolchain::TARGET,
    ui,
};
use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
};

/// The files that a program in C is compiled and linked with.
#[derive(Clone, Debug)]
pub struct Library {
    /// The folder of both files.
    pub folder: PathBuf,
    /// `wouldblock.h`.
    pub header: PathBuf,
    /// `libwouldblock.a`.
    pub archive: PathBuf,
}

/// The compiler options that the library needs of a firmware: no SSE, and no red zone, since an
/// interrupt handler that uses the stack of the interrupted code overwrites the memory below it.
pub const BARE_FLAGS: [&str; 4] =
    ["-ffreestanding", "-fno-pic", "-mgeneral-regs-only", "-mno-red-zone"];

/// Makes library and header, and prints where they are and how to use them.
pub fn run(arguments: &C) -> Result<bool> {
    let folder = arguments.output.clone().unwrap_or_else(|| folder(arguments.target));
    let library = make(arguments.target, &folder)?;
    let Library { header, archive, folder } = &library;
    let (folder, archive_shown) = (folder.display(), archive.display());
    ui::print(format_args!("header:  {}\nlibrary: {archive_shown}", header.display()));
    match arguments.target {
        Target::Host => ui::print(format_args!(
            "compile and link:\n  cc -std=c11 -I {folder} program.c {archive_shown} -o program"
        )),
        Target::Bare => ui::print(format_args!(
            "compile:\n  cc -std=c11 {} -I {folder} -c firmware.c\n\
             link, below 2 GiB; the library needs no other library, and contains memcpy and the like:\n  \
             ld --gc-sections -T YOUR.ld firmware.o {archive_shown} -o firmware.elf",
            BARE_FLAGS.join(" ")
        )),
    }
    Ok(true)
}

/// The folder for a target if the user names none.
pub fn folder(target: Target) -> PathBuf {
    folders::target("c").join(target.name())
}

/// Makes library and header in `folder`.
pub fn make(target: Target, folder: &Path) -> Result<Library> {
    let text = header()?;
    let built = build(target, "release")?;
    let cannot = |error: io::Error| {
        let what = format!("cannot make the folder {}", folder.display());
        Error::caller(what, error, "name a folder that can be written")
    };
    fs::create_dir_all(folder).map_err(cannot)?;
    let header = put(folder.join("wouldblock.h"), &mut text.as_bytes())?;
    let mut built = File::open(&built).map_err(|error| {
        let what = format!("{} cannot be read", built.display());
        Error::run(what, error, "check the target folder")
    })?;
    let archive = put(folder.join("libwouldblock.a"), &mut built)?;
    Ok(Library { folder: folder.to_owned(), header, archive })
}

/// The text of the header. A program of its own makes it: see `qemu/header`.
fn header() -> Result<String> {
    let advice = "look for the item of the source that C cannot have";
    let failed = |why: &dyn std::fmt::Display| Error::run("cannot make the header", why, advice);
    let what = "building the program that makes the header";
    let mut build = host_cargo("build");
    build.args(["--package", "header"]);
    let program = cargo::run(build, what)?.ok_or_else(|| failed(&"cargo names no program"))?;
    let output = Command::new(program).output().map_err(|error| failed(&error))?;
    if !output.status.success() {
        return Err(failed(&String::from_utf8_lossy(&output.stderr)));
    }
    String::from_utf8(output.stdout).map_err(|error| failed(&error))
}

/// The host's cargo. Its target folder is not the one that a waiting `cargo test` may have locked.
fn host_cargo(subcommand: &str) -> Command {
    let mut command = cargo::host(subcommand);
    command.args(["--quiet", "--message-format", "json", "--locked", "--target-dir"]);
    command.arg(folders::target("static"));
    command
}

/// Builds the static library in this profile, and returns where cargo has put it.
pub fn build(target: Target, profile: &str) -> Result<PathBuf> {
    let what = format!("building the static library ({}, {profile})", target.name());
    let mut command = match target {
        Target::Host => {
            let mut command = host_cargo("rustc");
            command.args(["--features", "c,std"]);
            command
        }
        Target::Bare => {
            let toolchain = setup::tools(Needs::BUILD)?.toolchain;
            let mut command = cargo::command(&toolchain, &folders::project(), "rustc");
            command.args(["--features", "c-firmware", "--target", TARGET]);
            command
        }
    };
    command.args(["--package", "wouldblock", "--lib", "--crate-type", "staticlib"]);
    command.args(["--profile", profile]);
    cargo::run(command, &what)?.ok_or_else(|| {
        let why = "cargo succeeded but named no static library";
        Error::run(
            format_args!("{what}: there is none"),
            why,
            "report this as a defect of the runner",
        )
    })
}

fn put(place: PathBuf, content: &mut dyn io::Read) -> Result<PathBuf> {
    let output = OutputFile::begin(&place)?;
    let mut writer = output.writer()?;
    let written = io::copy(content, &mut writer).and_then(|_| writer.flush());
    written.map_err(|error| output.failed(error))?;
    output.keep()?;
    Ok(place)
}
