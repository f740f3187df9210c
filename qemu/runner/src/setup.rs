//! Finds the tools that a command needs, and installs the missing ones: as root without a terminal at
//! once, as root at a terminal after a question. Otherwise it installs nothing and says how to.

use crate::{
    apt::{self, Apt, Replacement},
    board::{self, Board, Program},
    boot::{Options, Rig},
    cargo::{self, Firmware},
    child,
    error::{Error, Result},
    folders, qemu,
    toolchain::{self, Toolchain},
    ui,
};
use console::Term;
use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

/// Between the reasons, and between the ways, of an error message.
pub const NEXT_LINE: &str = "\n              ";

/// The programs that compile and link C.
const C_PROGRAMS: [&str; 3] = ["cc", "c++", "ld"];

/// Debian's package of them.
const C_PACKAGE: &str = "build-essential";

/// What links a UEFI application, for a toolchain that builds `core`. Rust's own contain a linker.
pub const UEFI_LINKER: Program = Program { name: "lld-link-14", package: "lld-14" };

/// The UEFI firmware that QEMU loads, where distributions have it.
const UEFI_FIRMWARE: [&str; 4] = [
    "/usr/share/OVMF/OVMF_CODE.fd",
    "/usr/share/OVMF/OVMF_CODE_4M.fd",
    "/usr/share/edk2/ovmf/OVMF_CODE.fd",
    "/usr/share/edk2/x64/OVMF_CODE.4m.fd",
];

/// Debian's package of it.
const UEFI_FIRMWARE_PACKAGE: &str = "ovmf";

/// The tools that a command needs.
#[derive(Clone, Copy, Debug)]
pub struct Needs<'a> {
    /// The boards that it builds for.
    pub boards: &'a [&'static Board],
    /// More targets that it builds for, without a linker.
    pub targets: &'a [&'static str],
    /// Whether it boots.
    pub qemu: bool,
    /// Whether it lints.
    pub clippy: bool,
    /// Whether it compiles and links C.
    pub c: bool,
    /// Whether it links a UEFI application, and boots it if it boots.
    pub uefi: bool,
}

impl Needs<'static> {
    /// To build for the PC.
    pub const BUILD: Self = Self::build(&[board::PC]);

    /// To build the PC's firmware and boot it.
    pub const BOOT: Self = Self::boot(&[board::PC]);
}

impl<'a> Needs<'a> {
    /// To build for these boards.
    pub const fn build(boards: &'a [&'static Board]) -> Self {
        Self { boards, targets: &[], qemu: false, clippy: false, c: false, uefi: false }
    }

    /// To build the firmware of these boards and boot it.
    pub const fn boot(boards: &'a [&'static Board]) -> Self {
        Self { qemu: true, ..Self::build(boards) }
    }

    /// All targets.
    fn all_targets(&self) -> Vec<&'static str> {
        let boards = self.boards.iter().map(|board| board.target);
        let mut targets: Vec<_> = boards.chain(self.targets.iter().copied()).collect();
        let mut seen = BTreeSet::new();
        targets.retain(|target| seen.insert(*target));
        targets
    }

    /// The programs that boot, and those that link for a toolchain that builds `core`.
    fn programs(&self, builds_core: bool) -> Vec<Program> {
        let linkers = self.boards.iter().filter_map(|board| board.linker.program());
        let linkers = linkers.chain(self.uefi.then_some(UEFI_LINKER));
        let qemus = self.boards.iter().map(|board| board.qemu);
        let mut programs: Vec<_> =
            linkers.filter(|_| builds_core).chain(qemus.filter(|_| self.qemu)).collect();
        let mut seen = BTreeSet::new();
        programs.retain(|program| seen.insert(program.name));
        programs
    }
}

/// The tools that were found.
#[derive(Clone, Debug)]
pub struct Tools {
    /// The compiler for bare metal.
    pub toolchain: Toolchain,
}

impl Tools {
    /// The rig that boots this firmware.
    pub fn rig(self, board: &'static Board, firmware: Firmware, options: Options) -> Rig {
        Rig { qemu: Self::qemu(board), firmware, board, options }
    }

    /// The QEMU of a board.
    pub fn qemu(board: &Board) -> PathBuf {
        qemu::in_path(board.qemu.name).unwrap_or_else(|| board.qemu.name.into())
    }
}

impl Rig {
    /// Sets up what is missing and builds one binary of the firmware.
    pub fn set_up(binary: &str, board: &'static Board, options: Options) -> Result<Self> {
        let tools = tools(Needs::boot(&[board]))?;
        let firmware = cargo::build(&tools.toolchain, board, binary)?;
        Ok(tools.rig(board, firmware, options))
    }
}

/// The UEFI firmware that QEMU loads, if it is installed.
pub fn uefi_firmware() -> Option<&'static str> {
    UEFI_FIRMWARE.into_iter().find(|path| Path::new(path).is_file())
}

/// Why these boards cannot be booted before something is installed, with the way to install it; `None`
/// if nothing is missing. Installs nothing.
pub fn missing(needs: Needs) -> Option<(String, String)> {
    let missing = probe(needs).err()?;
    Some((missing.why(), missing.advice(apt::is_here())))
}

/// How to install what is missing, where it may not be installed here, so that tests which need it are
/// to be ignored. In CI (`CI=true`) none are: there what is missing is an error.
pub fn reason_to_ignore(needs: Needs) -> Option<String> {
    let (_, advice) = missing(needs)?;
    let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    let root = nix::unistd::geteuid().is_root();
    let ignored = !ci && decide(apt::is_here(), root, false) == Decision::Refuse;
    ignored.then(|| advice.replace(NEXT_LINE, "; "))
}

/// The tools, or how to install them if tests that need them are to be ignored.
pub fn tools_or_advice(needs: Needs) -> Result<std::result::Result<Tools, String>> {
    match reason_to_ignore(needs) {
        Some(advice) => Ok(Err(advice)),
        None => tools(needs).map(Ok),
    }
}

/// The tools that were not found: the reasons to show, and the packages that contain the tools.
#[derive(Debug, Default)]
struct Missing {
    reasons: Vec<String>,
    packages: Vec<&'static str>,
    /// The targets for which there is no compiler.
    targets: Vec<&'static str>,
    programs: Vec<&'static str>,
}

impl Missing {
    fn why(&self) -> String {
        self.reasons.join(NEXT_LINE)
    }

    /// Every way to get the missing tools.
    fn advice(&self, debian: bool) -> String {
        let mut ways = Vec::new();
        if debian {
            let install = "apt-get update && apt-get install --no-install-recommends";
            ways.push(format!("as root: {install} {}", self.packages.join(" ")));
        }
        if !self.targets.is_empty() {
            let targets = self.targets.join(" ");
            ways.push(format!("or, with rustup: rustup target add {targets}"));
        }
        if !debian {
            if !self.programs.is_empty() {
                let programs = self.programs.join(", ");
                ways.push(format!("install {programs} with the system's package manager"));
            }
            ways.push(format!("or use Debian, with its packages {}", self.packages.join(" ")));
        }
        ways.join(NEXT_LINE)
    }
}

/// Whether the missing packages are installed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Decision {
    Install,
    Ask,
    Refuse,
}

/// Only root installs, and only on Debian. At a terminal root is asked before.
fn decide(debian: bool, root: bool, terminal: bool) -> Decision {
    match (debian && root, terminal) {
        (false, _) => Decision::Refuse,
        (true, true) => Decision::Ask,
        (true, false) => Decision::Install,
    }
}

/// Finds the tools. Installs those that are missing.
pub fn tools(needs: Needs) -> Result<Tools> {
    let tools = match probe(needs) {
        Ok(tools) => tools,
        Err(missing) => {
            let debian = apt::is_here();
            let root = nix::unistd::geteuid().is_root();
            let terminal = io::stdin().is_terminal() && Term::stderr().is_term();
            install(needs, missing, debian, decide(debian, root, terminal))?
        }
    };
    ui::note(format_args!("toolchain: {}", tools.toolchain));
    Ok(tools)
}

/// Looks for all tools, so that one message names everything that is missing.
fn probe(needs: Needs) -> std::result::Result<Tools, Missing> {
    let mut missing = Missing::default();
    let targets = needs.all_targets();
    let toolchain = Toolchain::find(&targets);
    match &toolchain {
        Err(why) => {
            missing.reasons.push(format!("no compiler for {} ({why})", targets.join(", ")));
            missing.packages.extend(toolchain::PACKAGES);
            missing.targets = targets;
        }
        Ok(found) if needs.clippy && !found.has_clippy() => {
            missing.reasons.push(format!("no clippy beside {found}"));
        }
        Ok(_) => {}
    }
    if needs.clippy && !toolchain.as_ref().is_ok_and(Toolchain::has_clippy) {
        missing.packages.push(toolchain::CLIPPY_PACKAGE);
    }
    // Where there is no compiler yet, it is Debian's that would be installed.
    let builds_core = toolchain.as_ref().map_or(apt::is_here(), |found| found.builds_core);
    let c_programs = C_PROGRAMS.map(|name| Program { name, package: C_PACKAGE });
    let c_programs = c_programs.into_iter().filter(|_| needs.c);
    let absent = needs.programs(builds_core).into_iter().chain(c_programs);
    let absent: Vec<_> = absent.filter(|p| qemu::in_path(p.name).is_none()).collect();
    if !absent.is_empty() {
        missing.programs = absent.iter().map(|program| program.name).collect();
        missing.reasons.push(format!("no {} in PATH", missing.programs.join(", ")));
        missing.packages.extend(absent.iter().map(|program| program.package));
        let mut seen = BTreeSet::new();
        missing.packages.retain(|package| seen.insert(*package));
    }
    if needs.uefi && needs.qemu && uefi_firmware().is_none() {
        missing.reasons.push("no UEFI firmware for QEMU (OVMF)".into());
        missing.packages.push(UEFI_FIRMWARE_PACKAGE);
    }
    match toolchain {
        Ok(toolchain) if missing.packages.is_empty() => Ok(Tools { toolchain }),
        _ => Err(missing),
    }
}

fn install(needs: Needs, missing: Missing, debian: bool, decision: Decision) -> Result<Tools> {
    let refuse = |what| Err(Error::caller(what, missing.why(), missing.advice(debian)));
    let packages = missing.packages.join(" ");
    match decision {
        Decision::Refuse => return refuse("something needed is not installed"),
        Decision::Install => {
            ui::note(format_args!("will install the Debian packages {packages}: {}", missing.why()))
        }
        Decision::Ask => {
            ui::note(format_args!("needed: the Debian packages {packages}: {}", missing.why()));
            if !confirmed("install them now?")? {
                return refuse("nothing was installed");
            }
        }
    }

    // Test programs can run at the same time: one installs, the others wait and then find the tools.
    let failed = |error: io::Error| {
        Error::caller("cannot prepare the installation", error, "check the target folder")
    };
    let folder = folders::target_folder();
    fs::create_dir_all(&folder).map_err(failed)?;
    let lock = File::create(folder.join("set-up.lock")).map_err(failed)?;
    lock.lock().map_err(failed)?;
    let missing = match probe(needs) {
        Ok(tools) => return Ok(tools),
        Err(missing) => missing,
    };

    let log = folder.join("set-up.log");
    let step = ui::Step::begin(format_args!("installing {packages}"));
    let installation = Apt::new(&missing.packages, log.clone());
    let agree = |replacements: &[Replacement]| {
        let replaced: Vec<String> = replacements.iter().map(ToString::to_string).collect();
        ui::note(format_args!(
            "newer than the release, so that the installation fails: replacing {}",
            replaced.join(", ")
        ));
        decision == Decision::Install || confirmed("replace them?").unwrap_or(false)
    };
    if let Err(why) = installation.install(&step, agree) {
        drop(step);
        child::check_interrupt()?;
        let advice = format!("check network and proxy, or {}", missing.advice(debian));
        let error = Error::caller(format_args!("cannot install {packages}"), why, advice);
        return Err(error.with(
            &format!("log ({})", log.display()),
            &fs::read_to_string(&log).unwrap_or_default(),
        ));
    }
    step.end(format_args!("installed {packages}"));
    probe(needs).map_err(|still| {
        let what = "the packages are installed, but something is still missing";
        Error::caller(
            what,
            still.why(),
            "check PATH, and which release of the packages the distribution has",
        )
    })
}

/// Asks at the terminal. The default answer is yes.
fn confirmed(question: &str) -> Result<bool> {
    ui::note(format_args!("{question} [Y/n]"));
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .map_err(|error| Error::caller("cannot read the answer", error, "answer y or n"))?;
    Ok(!answer.is_empty() && matches!(answer.trim(), "" | "y" | "Y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_root_on_debian_installs_and_at_a_terminal_it_is_asked() {
        assert_eq!(decide(true, true, false), Decision::Install);
        assert_eq!(decide(true, true, true), Decision::Ask);
        for terminal in [false, true] {
            assert_eq!(decide(true, false, terminal), Decision::Refuse);
            assert_eq!(decide(false, true, terminal), Decision::Refuse);
            assert_eq!(decide(false, false, terminal), Decision::Refuse);
        }
    }

    #[test]
    fn each_board_needs_only_its_own_tools() {
        let names = |boards: &[&'static Board], builds_core| -> Vec<_> {
            let programs = Needs::boot(boards).programs(builds_core);
            programs.into_iter().map(|program| program.name).collect()
        };
        let [virt, imc] = ["virt", "virt-imc"].map(|name| Board::named(name).unwrap());
        assert_eq!(names(&[board::PC], true), ["qemu-system-x86_64"]);
        assert_eq!(names(&[virt, imc], true), ["ld.lld-14", "qemu-system-riscv32"]);
        assert_eq!(names(&[virt, imc], false), ["qemu-system-riscv32"], "rustup has the linker");
        let boards = [board::PC, virt];
        let build = Needs::build(&boards);
        assert_eq!(build.programs(true).len(), 1, "only a boot needs QEMU");
        assert_eq!(build.all_targets(), [board::PC.target, virt.target]);
    }

    #[test]
    fn the_advice_names_every_way() {
        let missing = Missing {
            reasons: vec!["no compiler".into(), "no QEMU".into()],
            packages: [&toolchain::PACKAGES[..], &[board::PC.qemu.package]].concat(),
            targets: vec![toolchain::TARGET],
            programs: vec![board::PC.qemu.name],
        };
        let debian = missing.advice(true);
        assert!(debian.contains("apt-get install --no-install-recommends rustc-web cargo-web rust-web-src qemu-system-x86"));
        assert!(debian.contains("rustup target add x86_64-unknown-none"));
        let other = missing.advice(false);
        assert!(
            !other.contains("apt-get")
                && other.contains("rustup target add")
                && other.contains("qemu-system-x86_64")
        );
    }

    #[test]
    fn if_only_qemu_is_missing_only_qemu_is_advised() {
        let missing = Missing { packages: vec![board::PC.qemu.package], ..Missing::default() };
        assert_eq!(
            missing.advice(true),
            "as root: apt-get update && apt-get install --no-install-recommends qemu-system-x86"
        );
    }

    #[test]
    fn if_only_the_c_compiler_is_missing_only_that_is_advised() {
        let missing = Missing {
            packages: vec![C_PACKAGE],
            programs: C_PROGRAMS.into(),
            ..Missing::default()
        };
        assert_eq!(
            missing.advice(true),
            "as root: apt-get update && apt-get install --no-install-recommends build-essential"
        );
        assert!(missing.advice(false).starts_with("install cc, c++, ld with the system's"));
    }

    #[test]
    fn a_refusal_installs_nothing() {
        let missing = Missing {
            reasons: vec!["no QEMU".into()],
            packages: vec!["a-package"],
            ..Missing::default()
        };
        let error = install(Needs::BOOT, missing, true, Decision::Refuse).unwrap_err().to_string();
        assert!(error.contains("no QEMU") && error.contains("a-package"), "{error}");
    }
}
