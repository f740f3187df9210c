//! The library with no feature, each, every two, and all. Features only add, so faults are in a
//! feature alone or between two.

use crate::{
    cargo,
    error::{Error, Result},
    ui,
};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    num::NonZero,
    panic::resume_unwind,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

const LIBRARY: &str = "wouldblock";

/// Checks each set of features on the host. Each check is one compilation, so as many run beside each
/// other as the host has cores, each with a target folder of its own.
pub fn check() -> Result<()> {
    let sets = sets(&features()?);
    let step = ui::Step::begin(format_args!("{} sets of features", sets.len()));
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let worker = |folder: usize| {
            let (sets, next, step) = (&sets, &next, &step);
            scope.spawn(move || -> Result<()> {
                while let Some(set) = sets.get(next.fetch_add(1, Ordering::Relaxed)) {
                    step.at(set);
                    if let Err(error) = builds(set, folder) {
                        next.store(sets.len(), Ordering::Relaxed); // The others end, too.
                        return Err(error);
                    }
                }
                Ok(())
            })
        };
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let workers: Vec<_> = (0..cores).map(worker).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })?;
    step.end(format_args!("{} sets of features: each builds", sets.len()));
    Ok(())
}

/// Checks the library with one set of features.
fn builds(set: &str, folder: usize) -> Result<()> {
    let target = format!("target/features/{folder}");
    let arguments = ["--quiet", "--package", LIBRARY, "--target-dir", &target, "--features", set];
    output("check", &arguments).map(drop)
}

/// The part of `cargo metadata` that is used here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    features: BTreeMap<String, Vec<String>>,
}

fn features() -> Result<Vec<String>> {
    let words = output("metadata", &["--no-deps", "--format-version", "1"])?;
    let metadata = serde_json::from_slice::<Metadata>(&words);
    let packages = metadata.map(|metadata| metadata.packages).unwrap_or_default();
    let library = packages.into_iter().find(|package| package.name == LIBRARY);
    let features: Vec<_> = library.into_iter().flat_map(|library| library.features).collect();
    if features.is_empty() {
        let why = "`cargo metadata` names none";
        return Err(Error::run(
            "the library has no features",
            why,
            "report this as a defect of the runner",
        ));
    }
    Ok(features.into_iter().map(|(name, _)| name).filter(|name| name != "default").collect())
}

/// The sets with none, each, every two, and all, in cargo's notation.
fn sets(features: &[String]) -> Vec<String> {
    let mut sets = vec![String::new(), features.join(",")];
    for (index, one) in features.iter().enumerate() {
        sets.push(one.clone());
        sets.extend(features[index + 1..].iter().map(|other| format!("{one},{other}")));
    }
    sets
}

/// The output of the host's cargo.
fn output(subcommand: &str, arguments: &[&str]) -> Result<Vec<u8>> {
    let what = format!("cargo {subcommand} {}", arguments.join(" "));
    let advice = "see the compiler's messages";
    let output = cargo::host(subcommand).args(arguments).output();
    let output = output.map_err(|error| Error::run(&what, error, "check the toolchain"))?;
    if !output.status.success() {
        return Err(Error::run(what, String::from_utf8_lossy(&output.stderr), advice));
    }
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_two_features_are_in_one_set() {
        let features = ["a", "b", "c"].map(String::from);
        let mut sets = sets(&features);
        sets.sort();
        assert_eq!(sets, ["", "a", "a,b", "a,b,c", "a,c", "b", "b,c", "c"]);
    }
}
