//! Finds the tools that a command needs, and installs the missing ones: as root without a terminal at
//! once, as root at a terminal after a question. Otherwise it installs nothing and says how to.

use crate::{
    apt::{self, Apt, Replacement},
    boot::{Board, Rig},
    cargo::{self, Firmware},
    child,
    error::{Error, Result},
    folders, qemu,
    toolchain::{self, Toolchain},
    ui,
};
use console::Term;
use std::{
    fs::{self, File},
    io::{self, IsTerminal},
    path::PathBuf,
};

/// The programs that compile and link C.
const C_PROGRAMS: [&str; 3] = ["cc", "c++", "ld"];

/// Debian's package of them.
const C_PACKAGE: &str = "build-essential";

/// The tools that a command needs.
#[derive(Clone, Copy, Debug)]
pub struct Needs {
    /// The targets that it builds for.
    pub targets: &'static [&'static str],
    /// Whether it boots.
    pub qemu: bool,
    /// Whether it lints.
    pub clippy: bool,
    /// Whether it compiles and links C.
    pub c: bool,
}

impl Needs {
    /// To build for bare metal.
    pub const BUILD: Self =
        Self { targets: &[toolchain::TARGET], qemu: false, clippy: false, c: false };

    /// To build the firmware and boot it.
    pub const BOOT: Self = Self { qemu: true, ..Self::BUILD };
}

/// The tools that were found.
#[derive(Clone, Debug)]
pub struct Tools {
    /// The compiler for bare metal.
    pub toolchain: Toolchain,
    /// QEMU. It can be missing if the command does not need it.
    pub qemu: Option<PathBuf>,
}

impl Tools {
    /// The rig that boots this firmware.
    pub fn rig(self, firmware: Firmware, board: Board) -> Rig {
        Rig { qemu: self.qemu.unwrap_or_else(|| qemu::PROGRAM.into()), firmware, board }
    }
}

impl Rig {
    /// Sets up what is missing and builds one binary of the firmware.
    pub fn set_up(binary: &str, board: Board) -> Result<Self> {
        let tools = tools(Needs::BOOT)?;
        let firmware = cargo::build(&tools.toolchain, binary)?;
        Ok(tools.rig(firmware, board))
    }
}

/// The tools that were not found: the reasons to show, and the packages that contain the tools.
#[derive(Debug, Default)]
struct Missing {
    reasons: Vec<String>,
    packages: Vec<&'static str>,
    targets: &'static [&'static str],
}

impl Missing {
    fn why(&self) -> String {
        self.reasons.join("\n              ")
    }

    /// Every way to get the missing tools.
    fn advice(&self, debian: bool) -> String {
        let mut ways = Vec::new();
        if debian {
            let install = "apt-get update && apt-get install --no-install-recommends";
            ways.push(format!("as root: {install} {}", self.packages.join(" ")));
        }
        if self.packages.contains(&toolchain::PACKAGES[0]) {
            let targets = self.targets.join(" ");
            ways.push(format!("or, with rustup: rustup target add {targets}"));
        }
        if !debian {
            if self.packages.contains(&qemu::PACKAGE) {
                ways.push(format!("install {} with the system's package manager", qemu::PROGRAM));
            }
            if self.packages.contains(&C_PACKAGE) {
                let programs = C_PROGRAMS.join(", ");
                ways.push(format!("install {programs} with the system's package manager"));
            }
            ways.push(format!("or use Debian, with its packages {}", self.packages.join(" ")));
        }
        ways.join("\n              ")
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
    let mut missing = Missing { targets: needs.targets, ..Missing::default() };
    let toolchain = Toolchain::find(needs.targets);
    match &toolchain {
        Err(why) => {
            missing.reasons.push(format!("no compiler for {} ({why})", needs.targets.join(", ")));
            missing.packages.extend(toolchain::PACKAGES);
        }
        Ok(found) if needs.clippy && !found.has_clippy() => {
            missing.reasons.push(format!("no clippy beside {found}"));
        }
        Ok(_) => {}
    }
    if needs.clippy && !toolchain.as_ref().is_ok_and(Toolchain::has_clippy) {
        missing.packages.push(toolchain::CLIPPY_PACKAGE);
    }
    let qemu = qemu::find();
    if needs.qemu && qemu.is_none() {
        missing.reasons.push(format!("no {} in PATH", qemu::PROGRAM));
        missing.packages.push(qemu::PACKAGE);
    }
    let absent = C_PROGRAMS.into_iter().filter(|program| qemu::in_path(program).is_none());
    let absent: Vec<_> = absent.collect();
    if needs.c && !absent.is_empty() {
        missing.reasons.push(format!("no {} in PATH", absent.join(", ")));
        missing.packages.push(C_PACKAGE);
    }
    match toolchain {
        Ok(toolchain) if missing.packages.is_empty() => Ok(Tools { toolchain, qemu }),
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
    fn the_advice_names_every_way() {
        let missing = Missing {
            reasons: vec!["no compiler".into(), "no QEMU".into()],
            packages: [&toolchain::PACKAGES[..], &[qemu::PACKAGE]].concat(),
            targets: &[toolchain::TARGET],
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
        let missing = Missing { packages: vec![qemu::PACKAGE], ..Missing::default() };
        assert_eq!(
            missing.advice(true),
            "as root: apt-get update && apt-get install --no-install-recommends qemu-system-x86"
        );
    }

    #[test]
    fn if_only_the_c_compiler_is_missing_only_that_is_advised() {
        let missing = Missing { packages: vec![C_PACKAGE], ..Missing::default() };
        assert_eq!(
            missing.advice(true),
            "as root: apt-get update && apt-get install --no-install-recommends build-essential"
        );
        assert!(missing.advice(false).starts_with("install cc, c++, ld with the system's"));
    }

    #[test]
    fn a_refusal_installs_nothing() {
        let missing =
            Missing { reasons: vec!["no QEMU".into()], packages: vec!["a-package"], targets: &[] };
        let error = install(Needs::BOOT, missing, true, Decision::Refuse).unwrap_err().to_string();
        assert!(error.contains("no QEMU") && error.contains("a-package"), "{error}");
    }
}
