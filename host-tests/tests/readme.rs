//! The README's first program, with the dependencies that the README shows, in an empty project.

use std::{fs, path::Path, process::Command};

/// The first fenced block of `language` in `text` for which `is_it` returns `true`.
fn block(text: &str, language: &str, is_it: impl Fn(&str) -> bool) -> String {
    let fence = format!("```{language}\n");
    let blocks = text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.map(str::to_string).find(|block| is_it(block)).expect("the README has such a block")
}

#[test]
fn the_first_program_can_be_pasted_into_an_empty_project() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let program = block(&readme, "rust", |_| true);
    let dependencies = block(&readme, "toml", |block| block.starts_with("[dependencies]"));
    let project = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pasted");
    fs::create_dir_all(project.join("src")).unwrap();
    fs::write(project.join("src/main.rs"), program).unwrap();
    let manifest = format!(
        "[package]\nname = \"pasted\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n{dependencies}\n\
         [patch.crates-io]\nwouldblock = {{ path = {root:?} }}\n\n[workspace]\n"
    );
    fs::write(project.join("Cargo.toml"), manifest).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet"])
        .current_dir(&project)
        .env("CARGO_TARGET_DIR", project.join("target"))
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    assert_eq!(words, "", "without a warning");
}
