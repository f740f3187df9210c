/// Tells the compiler which devices the board has: `cfg(device = "serial")` and so on. Part of the
/// build scripts of what is built for a board.
fn tell_devices() {
    println!("cargo::rustc-check-cfg=cfg(device, values(any()))");
    let devices = std::env::var("DEP_BOARD_DEVICES").expect("a dependency on `board`");
    for device in devices.split(',').filter(|device| !device.is_empty()) {
        println!("cargo::rustc-cfg=device=\"{device}\"");
    }
}
