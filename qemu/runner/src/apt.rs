//! Debian's installer. It removes no package.
//!
//! Problem: an installed package that is newer than the distribution's release (installed by hand, or
//! from a repository that is no longer configured) can conflict with another package of the release.
//! It is then replaced by the release's own version, after a message. If that is not possible,
//! nothing is changed.

use crate::{child::Child, ui};
use std::{
    fmt,
    fs::File,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The program.
const APT_GET: &str = "/usr/bin/apt-get";
/// The program that lists the available versions.
const APT_CACHE: &str = "/usr/bin/apt-cache";

/// Whether this is a Debian.
pub fn is_here() -> bool {
    Path::new(APT_GET).exists()
}

/// An installation. Its log is in a file.
#[derive(Debug)]
pub struct Apt<'a> {
    log: PathBuf,
    packages: &'a [&'a str],
}

/// An installed package that conflicts, and the version that does not.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Replacement {
    package: String,
    installed: String,
    version: String,
}

impl fmt::Display for Replacement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { package, installed, version } = self;
        write!(f, "{package} {installed} by {version}")
    }
}

impl<'a> Apt<'a> {
    /// An installation of these packages.
    pub fn new(packages: &'a [&'a str], log: PathBuf) -> Self {
        Self { log, packages }
    }

    /// Installs the packages. Before it replaces a newer package that conflicts, it calls `agree`.
    ///
    /// # Errors
    /// Says why nothing, or not everything, was installed.
    pub fn install(
        &self,
        step: &ui::Step,
        agree: impl FnOnce(&[Replacement]) -> bool,
    ) -> Result<(), String> {
        File::create(&self.log).map_err(|error| format!("{}: {error}", self.log.display()))?;
        step.at("apt-get update");
        // A failed update alone is no error: the present lists can be sufficient.
        let updated = self.run(&["update", "-o", "APT::Update::Error-Mode=any"])?;
        step.at("apt-get install");
        if self.run(&[&PLAIN, self.packages].concat())? {
            return Ok(());
        }
        let replacements = self.replacements()?;
        if replacements.is_empty() {
            return Err(match updated {
                true => "apt-get install failed".into(),
                false => "neither apt-get update nor install succeeded: no network?".into(),
            });
        }
        if !agree(&replacements) {
            return Err(
                "a package that is newer than its release conflicts, and was not replaced".into()
            );
        }
        let versions: Vec<String> =
            replacements.iter().map(|new| format!("{}={}", new.package, new.version)).collect();
        let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
        match self.run(&[&PLAIN, &["--allow-downgrades"][..], self.packages, &versions].concat())? {
            true => Ok(()),
            false => Err(
                "apt-get install failed, also with older versions of the packages that conflict"
                    .into(),
            ),
        }
    }

    /// The packages that apt would remove, and the version that the release has of each. Empty if the
    /// release has no other version of one of them.
    fn replacements(&self) -> Result<Vec<Replacement>, String> {
        let plan =
            [&["install", "--simulate", "--no-install-recommends"][..], self.packages].concat();
        let removed = removed(&output(APT_GET, &plan)?);
        let release = |(package, installed): (String, String)| {
            let known = output(APT_CACHE, &["madison", &package])?;
            let version = newest(&known).filter(|version| *version != installed);
            Ok(version.map(|version| Replacement { package, installed, version: version.into() }))
        };
        let replacements: Result<Option<Vec<_>>, String> =
            removed.into_iter().map(release).collect();
        Ok(replacements?.unwrap_or_default())
    }

    fn run(&self, arguments: &[&str]) -> Result<bool, String> {
        let log = || {
            let file = File::options().append(true).open(&self.log);
            file.map(Stdio::from).map_err(|error| format!("{}: {error}", self.log.display()))
        };
        let mut apt = command(APT_GET, arguments);
        apt.stdout(log()?).stderr(log()?);
        let status = Child::spawn(&mut apt).and_then(|mut child| child.wait());
        Ok(status.map_err(|error| format!("{APT_GET}: {error}"))?.success())
    }
}

/// The arguments of an installation that removes nothing.
const PLAIN: [&str; 4] = ["install", "--yes", "--no-remove", "--no-install-recommends"];

fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(["-q", "-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=2"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null());
    command
}

fn output(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = command(program, arguments).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The packages, with their versions, that a simulated installation removes: `Remv NAME [VERSION]`.
fn removed(plan: &str) -> Vec<(String, String)> {
    plan.lines()
        .filter_map(|line| {
            let (package, rest) = line.strip_prefix("Remv ")?.split_once(" [")?;
            Some((package.into(), rest.split_once(']')?.0.into()))
        })
        .collect()
}

/// The first version that `apt-cache madison` names: the one that apt prefers.
fn newest(madison: &str) -> Option<&str> {
    madison.lines().next()?.split('|').nth(1).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removed_packages_are_read_from_a_plan() {
        let plan = "Reading package lists...\nRemv qemu-utils [1:10.0.2+ds-2]\nInst qemu-system-x86 (1:7.2 Debian:12 [amd64])\n\
                    Remv another [2.0] [qemu-utils:amd64 ]\nConf qemu-system-x86 (1:7.2)\n";
        let pair = |package: &str, version: &str| (package.into(), version.into());
        assert_eq!(removed(plan), [pair("qemu-utils", "1:10.0.2+ds-2"), pair("another", "2.0")]);
        assert_eq!(removed("Inst qemu-system-x86 (1:7.2)\n"), []);
    }

    #[test]
    fn the_preferred_version_comes_first() {
        let madison = "qemu-utils | 1:7.2+dfsg-7 | http://example.org bookworm/main\nqemu-utils | 1:7.1 | http://example.org\n";
        assert_eq!(newest(madison), Some("1:7.2+dfsg-7"));
        assert_eq!(newest(""), None);
    }
}
