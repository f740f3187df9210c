//! Programs that must not exist do not compile, and fail for the expected reason: each case in
//! `ui/fail` has a twin in `ui/pass` that differs by a token or two and compiles.
//!
//! After a change of the library or of the compiler, run `TRYBUILD=overwrite cargo test -p
//! host-tests --test compile_fail` and read the difference.

use std::{collections::BTreeSet, fs};

#[test]
fn what_must_not_exist_does_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/fail/*.rs");
    cases.pass("tests/ui/pass/*.rs");
}

#[test]
fn every_case_has_a_twin_that_is_almost_the_same() {
    let names = |folder: &str| -> BTreeSet<String> {
        let files = fs::read_dir(format!("{}/tests/ui/{folder}", env!("CARGO_MANIFEST_DIR")));
        let names = files.unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".rs")).collect()
    };
    assert_eq!(names("fail"), names("pass"));
    for name in names("fail") {
        let read = |folder: &str| {
            let path = format!("{}/tests/ui/{folder}/{name}", env!("CARGO_MANIFEST_DIR"));
            fs::read_to_string(path).unwrap()
        };
        let (fail, pass) = (read("fail"), read("pass"));
        assert_eq!(fail.lines().count(), pass.lines().count(), "{name}");
        let different = fail.lines().zip(pass.lines()).filter(|(fail, pass)| fail != pass).count();
        assert_eq!(different, 1, "{name}: the twin differs in one line");
    }
}
