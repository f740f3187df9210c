use super::*;
use std::collections::BTreeSet;

#[test]
fn each_board_has_a_name_and_a_target_or_a_feature_of_its_own() {
    assert_eq!(PC.name, "pc");
    let names: BTreeSet<_> = BOARDS.iter().map(|board| board.name).collect();
    let chosen: BTreeSet<_> = BOARDS.iter().map(|board| (board.target, board.feature)).collect();
    assert_eq!([names.len(), chosen.len()], [BOARDS.len(); 2]);
    assert!(BOARDS.iter().all(|board| std::ptr::eq(Board::named(board.name).unwrap(), board)));
    assert!(Board::named("all").is_none());
}

/// Cargo is told of a target's options, whichever board it builds for.
#[test]
fn boards_with_one_target_have_the_same_options() {
    for board in &BOARDS {
        let others = BOARDS.iter().filter(|other| other.target == board.target);
        let options = |board: &Board| [true, false].map(|builds| board.rustflags(builds));
        assert!(others.clone().all(|other| options(other) == options(board)), "{}", board.name);
        assert_eq!(others.filter(|other| other.feature.is_none()).count(), 1, "the target's own");
    }
}

#[test]
fn each_device_is_there_or_lacking_with_a_reason() {
    for board in &BOARDS {
        for device in Device::ALL {
            let lacking = board.lacks.iter().filter(|(lacking, _)| *lacking == device).count();
            assert_eq!(lacking, usize::from(!board.has(device)), "{}: {device:?}", board.name);
        }
    }
}

/// The board's crate says for which devices the firmware is built.
#[test]
fn the_table_and_the_boards_crate_name_the_same_devices() {
    for board in &BOARDS {
        let script = format!("qemu/boards/{}/build.rs", board.packages[0]);
        let script = std::fs::read_to_string(crate::project().join(script)).unwrap();
        // The boards of a crate are in the order of their features, the one without a feature last.
        let lines: Vec<_> = script.split("metadata=devices=").skip(1).collect();
        let of_a_feature = BOARDS
            .iter()
            .filter(|other| other.packages[0] == board.packages[0] && other.feature.is_some());
        let place = match board.feature {
            None => of_a_feature.count(),
            Some(_) => of_a_feature.take_while(|other| other.name != board.name).count(),
        };
        let (devices, _) = lines[place].split_once('"').unwrap();
        let named: BTreeSet<_> = devices.split(',').filter(|name| !name.is_empty()).collect();
        let known = [
            ("serial", Device::Serial),
            ("dma", Device::Dma),
            ("edu", Device::Edu),
            ("flash", Device::Flash),
            ("pins", Device::Pins),
            ("i2c", Device::I2c),
            ("spi", Device::Spi),
            ("disk", Device::Disk),
            ("can", Device::Can),
        ];
        let known = known.into_iter().filter(|(_, device)| board.has(*device));
        assert_eq!(named, known.map(|(name, _)| name).collect(), "{}", board.name);
    }
}

#[test]
fn log_and_reports_always_leave_the_guest() {
    for Board { name, streams: [com1, com2, log, report], .. } in &BOARDS {
        assert!(![log, report].contains(&&Attachment::Absent), "{name}");
        let others = [com1, com2, log].map(|by| matches!(by, Attachment::Output(_)));
        assert_eq!(others, [false; 3], "{name}: only reports are QEMU's own output");
        assert_eq!(*com2 == Attachment::Absent, !Board::named(name).unwrap().has(Device::Serial));
    }
}

#[test]
fn the_linker_is_debians_only_for_debians_compiler() {
    let virt = Board::named("virt").unwrap();
    assert_eq!(virt.rustflags(true), "-C linker=ld.lld-14 -C linker-flavor=ld");
    assert_eq!(virt.rustflags(false), "");
    assert_eq!(PC.rustflags(true), PC.rustflags(false));
    assert!(PC.rustflags(true).ends_with("small -C linker=ld -C linker-flavor=ld"));
}

#[test]
fn exceptions_have_the_names_of_their_processor() {
    let name = |board, number| Board::named(board).unwrap().exception(number);
    assert_eq!(name("pc", 14), "page fault");
    assert_eq!(name("ast1030", 3), "HardFault");
    assert_eq!(name("microbit", 3), "HardFault");
    assert_eq!(name("virt", 2), "illegal instruction");
    assert_eq!(name("virt-imc", 2), "illegal instruction");
    assert_eq!(name("sifive_u", 2), "illegal instruction");
}
