//! The library where another framework starts the program: in a UEFI application, and under RTIC.
//! Each is a package of its own in `qemu`. It is built and booted; what it prints and QEMU's exit
//! code are compared.

use libtest_mimic::{Arguments, Failed, Trial};
use runner::{
    board::{Board, PC},
    cargo,
    child::{self, Child},
    error::Error,
    project,
    setup::{self, Needs, Tools, UEFI_LINKER},
    toolchain::Toolchain,
};
use std::{
    fs,
    io::{self, Read, Write},
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
    thread,
    time::{Duration, Instant},
};

/// QEMU's exit code for success.
const SUCCESS: Option<i32> = Some(33);
/// Ample for a boot, on a host that has other things to do.
const LIMIT: Duration = Duration::from_secs(120);
const UEFI: &str = "x86_64-unknown-uefi";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    child::end_with_the_runner();
    runner::finish(run(&arguments))
}

fn run(arguments: &Arguments) -> Result<bool, Error> {
    let ast1030 = Board::named("ast1030").expect("a board");
    let needs_uefi = Needs { targets: &[UEFI], uefi: true, ..Needs::BOOT };
    let trials = vec![
        trial("a_uefi_application_sleeps_waits_and_awaits", needs_uefi, uefi)?,
        trial("tasks_of_rtic_wait", Needs::boot(&[ast1030]), move |tools| rtic(tools, ast1030))?,
    ];
    Ok(!libtest_mimic::run(arguments, trials).has_failed())
}

/// A test; ignored, with the way to install what is missing, if something is.
fn trial(
    name: &str,
    needs: Needs,
    test: impl FnOnce(&Tools) -> Result<(), Failed> + Send + 'static,
) -> Result<Trial, Error> {
    Ok(match setup::tools_or_advice(needs)? {
        Ok(tools) => Trial::test(name, move || test(&tools)),
        Err(advice) => Trial::test(format!("{name} ({advice})"), || Err(Failed::from(advice)))
            .with_ignored_flag(true),
    })
}

fn uefi(tools: &Tools) -> Result<(), Failed> {
    let mut build = build(&tools.toolchain, "uefi", UEFI);
    if tools.toolchain.builds_core {
        build.env("CARGO_TARGET_X86_64_UNKNOWN_UEFI_LINKER", UEFI_LINKER.name);
    }
    let application = linked(build)?;
    // The firmware starts the file of this name on a drive, which QEMU makes of a folder.
    let drive = tempfile::tempdir()?;
    let folder = drive.path().join("EFI/BOOT");
    fs::create_dir_all(&folder)?;
    fs::copy(application, folder.join("BOOTX64.EFI"))?;

    let firmware = setup::uefi_firmware().ok_or("no UEFI firmware")?;
    let mut qemu = Command::new(Tools::qemu(PC));
    qemu.args("-machine q35 -nodefaults -no-reboot -display none -serial stdio".split(' '));
    qemu.args(["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]);
    qemu.args(["-drive", &format!("if=pflash,format=raw,readonly=on,file={firmware}")]);
    qemu.args(["-drive", &format!("format=raw,file=fat:rw:{}", drive.path().display())]);
    let end = boot(qemu, None)?;
    let lines = without_escapes(&end.printed);
    let lines = lines.lines().map(str::trim).skip_while(|line| !line.starts_with("asleep"));
    let expected = [
        "asleep until the firmware's timer: a few tries",
        "a job, waited for asleep, ended 0 ticks late",
        "a job, awaited, ended 0 ticks late",
    ];
    same(&lines.collect::<Vec<_>>(), &expected, &end)
}

fn rtic(tools: &Tools, board: &'static Board) -> Result<(), Failed> {
    let elf = linked(build(&tools.toolchain, "rtic", board.target))?;
    let mut qemu = Command::new(Tools::qemu(board));
    qemu.args("-machine ast1030-evb -nodefaults -display none -serial stdio".split(' '));
    qemu.args(["-semihosting-config", "enable=on,target=native", "-kernel"]).arg(elf);
    let end = boot(qemu, Some((b"ready\n", b"hello")))?;
    same(&[end.printed.as_str()], &["ready\nHELLO"], &end)?;
    let expected = ["count: the job ended 0 ticks late", "idle: both tasks have ended"];
    same(&end.errors.lines().collect::<Vec<_>>(), &expected, &end)
}

/// Builds the package in a folder of `qemu`.
fn build(toolchain: &Toolchain, folder: &str, target: &str) -> Command {
    let mut cargo = cargo::command(toolchain, &project().join("qemu").join(folder), "build");
    cargo.args(["--release", "--target", target]);
    cargo
}

fn linked(build: Command) -> Result<PathBuf, Failed> {
    Ok(cargo::run(build, "building the program")?.ok_or("cargo named no executable")?)
}

/// How a guest ended, and what came out of it.
#[derive(Debug)]
struct End {
    code: Option<i32>,
    printed: String,
    errors: String,
}

/// Boots. When the guest has printed a prompt, types the answer to it.
fn boot(mut qemu: Command, mut answer: Option<(&'static [u8], &'static [u8])>) -> io::Result<End> {
    let (stdin, mut keyboard) = io::pipe()?;
    qemu.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut guest = Child::spawn_to_be_killed(&mut qemu)?;
    drop(qemu); // and with it the runner's end of the pipe
    let (Some(mut stdout), Some(mut stderr)) = guest.pipes() else {
        unreachable!("both were piped")
    };
    let printed = thread::spawn(move || {
        let mut printed = Vec::new();
        let mut buffer = [0; 512];
        while let Ok(count @ 1..) = stdout.read(&mut buffer) {
            printed.extend_from_slice(&buffer[..count]);
            if let Some((prompt, bytes)) = answer
                && printed.ends_with(prompt)
            {
                _ = keyboard.write_all(bytes);
                answer = None;
            }
        }
        printed
    });
    let errors = thread::spawn(move || {
        let mut errors = Vec::new();
        _ = stderr.read_to_end(&mut errors);
        errors
    });
    let status = guest.wait_until(Instant::now() + LIMIT)?;
    guest.kill();
    let text = |bytes: thread::Result<Vec<u8>>| {
        String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
    };
    Ok(End {
        code: status.and_then(|status| status.code()),
        printed: text(printed.join()),
        errors: text(errors.join()),
    })
}

/// Checks what was printed, and the exit code.
fn same(lines: &[&str], expected: &[&str], end: &End) -> Result<(), Failed> {
    if lines == expected && end.code == SUCCESS {
        return Ok(());
    }
    Err(format!("{lines:#?} is not {expected:#?}, or the exit code is not 33: {end:#?}").into())
}

/// The text without the escape sequences by which the firmware's console moves its cursor.
fn without_escapes(text: &str) -> String {
    let mut pieces = text.split("\x1b[");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| {
        text + piece.split_once(|end: char| end.is_ascii_alphabetic()).map_or("", |(_, rest)| rest)
    })
}
