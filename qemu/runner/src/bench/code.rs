//! A binary of a bench: the instructions of its functions, the names of what is linked, and the
//! figures that it counts when it runs.

use crate::{
    boot::Boot,
    error::{Error, Result},
    guest::{Guest, nowhere},
    report::{Figure, Masked, Report},
};
use iced_x86::{Decoder, DecoderOptions, Instruction, OpKind};
use object::{Architecture, File, Object, ObjectSection, ObjectSymbol, ReadCache};
use std::path::{Path, PathBuf};

/// A function: its address and its bytes.
#[derive(Debug)]
struct Function {
    address: u64,
    bytes: Vec<u8>,
}

/// A binary.
#[derive(Debug)]
pub struct Code {
    path: PathBuf,
    architecture: Architecture,
    /// The demangled names, each with its function.
    symbols: Vec<(String, Function)>,
}

impl Code {
    /// Reads a binary's symbols.
    pub fn read(path: &Path) -> Result<Self> {
        let failed = |error: &dyn std::fmt::Display| {
            Error::run(format_args!("cannot read {}", path.display()), error, "build it again")
        };
        let file = std::fs::File::open(path).map_err(|error| failed(&error))?;
        let cache = ReadCache::new(file);
        let elf = File::parse(&cache).map_err(|error| failed(&error))?;
        let architecture = elf.architecture();
        // The lowest bit of a function's address says on Arm that its code is Thumb's.
        let thumb = u64::from(architecture == Architecture::Arm);
        let mut symbols = Vec::new();
        for symbol in elf.symbols() {
            let Ok(name) = symbol.name() else { continue };
            let address = symbol.address() & !thumb;
            let bytes = symbol
                .section_index()
                .and_then(|index| elf.section_by_index(index).ok())
                .and_then(|section| section.data_range(address, symbol.size()).ok()?)
                .unwrap_or_default();
            let function = Function { address, bytes: bytes.into() };
            symbols.push((format!("{:#}", rustc_demangle::demangle(name)), function));
        }
        Ok(Self { path: path.into(), architecture, symbols })
    }

    /// The number of symbols whose names contain `part`.
    pub fn symbols_with(&self, part: &str) -> u64 {
        self.symbols.iter().filter(|(name, _)| name.contains(part)).count() as u64
    }

    /// Boots the binary and adds what it reports.
    pub fn count(&self, boot: &Boot, counted: &mut Counted) -> Result<()> {
        let run = Guest::boot(boot, nowhere())?.run(|report| match report {
            Report::Figure(figure) => counted.figures.push(figure),
            Report::Masked(masked) => counted.figures.push(self.locate(masked)),
            Report::NotMeasured { case, why } => counted.absent.push((case, why)),
            _ => {}
        });
        run?.success().map(drop)
    }

    /// The figure of a stretch of code, with the function that contains it.
    fn locate(&self, masked: Masked) -> Figure {
        let Masked { case, operation, instructions, of, address, note } = masked;
        let function = self.function_at(address).unwrap_or_default();
        let parts = [function, &note].map(|part| Some(part).filter(|part| !part.is_empty()));
        let note = parts.into_iter().flatten().collect::<Vec<_>>().join("; ");
        Figure {
            case,
            ours: instructions,
            peer: operation,
            peer_value: of,
            note,
            host_input: false,
        }
    }

    /// The function that contains an address.
    fn function_at(&self, address: u64) -> Option<&str> {
        let holds =
            |f: &Function| address.checked_sub(f.address).is_some_and(|n| n < f.bytes.len() as u64);
        self.symbols.iter().find(|(_, function)| holds(function)).map(|(name, _)| name.as_str())
    }

    /// The number of instructions in which two functions differ, compared position by position, and
    /// the number of the second one's instructions.
    pub fn differing(&self, ours: &str, theirs: &str) -> Result<(u64, u64)> {
        let [ours, theirs] = [self.instructions(ours)?, self.instructions(theirs)?];
        let different = ours.iter().zip(&theirs).filter(|(ours, theirs)| ours != theirs).count();
        Ok(((different + ours.len().abs_diff(theirs.len())) as u64, theirs.len() as u64))
    }

    fn instructions(&self, name: &str) -> Result<Vec<Decoded>> {
        let function = self.symbols.iter().find(|(symbol, _)| symbol == name);
        let Some((_, function)) = function.filter(|(_, f)| !f.bytes.is_empty()) else {
            let what = format_args!("there is no function `{name}` in {}", self.path.display());
            return Err(Error::run(what, "its symbol is missing", "build it again"));
        };
        Ok(match self.architecture {
            Architecture::Arm => thumb(function),
            Architecture::Riscv32 => risc_v(function),
            _ => x86(function),
        })
    }
}

/// An instruction, without what depends on where its function is: equal code at two addresses is equal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Decoded {
    X86(Instruction),
    /// The bits without an address that they contain, and that address.
    Other(u32, u32),
}

/// The target of a jump inside the function is relative to its beginning.
fn x86(Function { address, bytes }: &Function) -> Vec<Decoded> {
    let inside = *address..*address + bytes.len() as u64;
    let mut decoder = Decoder::with_ip(64, bytes, *address, DecoderOptions::NONE);
    let relative = |mut instruction: Instruction| {
        let target = instruction.near_branch_target();
        if instruction.op0_kind() == OpKind::NearBranch64 && inside.contains(&target) {
            instruction.set_near_branch64(target - address);
        }
        Decoded::X86(instruction)
    };
    decoder.iter().map(relative).collect()
}

/// The halfword at a place, 0 after the end.
fn half(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 2).map_or(0, |half| u16::from_le_bytes([half[0], half[1]]).into())
}

/// Jumps and loads of constants are relative to the instruction, so the bits are enough.
fn thumb(Function { bytes, .. }: &Function) -> Vec<Decoded> {
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let first = half(bytes, at);
        let is_long = first >> 11 > 0b11100;
        let bits = if is_long { first << 16 | half(bytes, at + 2) } else { first };
        decoded.push(Decoded::Other(bits, 0));
        at += if is_long { 4 } else { 2 };
    }
    decoded
}

/// An address is put together from the upper part that AUIPC computes and the lower part in a later
/// instruction (RISC-V Instruction Set Manual, volume I, "Integer Computational Instructions").
fn risc_v(Function { address, bytes }: &Function) -> Vec<Decoded> {
    const LOAD: u32 = 0x03;
    const OP_IMM: u32 = 0x13;
    const AUIPC: u32 = 0x17;
    const STORE: u32 = 0x23;
    const BRANCH: u32 = 0x63;
    const JALR: u32 = 0x67;

    let mut uppers = [None; 32];
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let mut bits = half(bytes, at);
        if bits & 3 != 3 {
            decoded.push(Decoded::Other(bits, 0));
            at += 2;
            continue;
        }
        bits |= half(bytes, at + 2) << 16;
        let [to, from] = [7, 15].map(|place| (bits >> place & 31) as usize);
        let (mut target, mut upper) = (0, None);
        match (bits & 0x7f, uppers[from]) {
            (AUIPC, _) => {
                upper = Some((*address as u32).wrapping_add(at as u32).wrapping_add(bits & !0xfff));
                bits &= 0xfff;
            }
            (LOAD | OP_IMM | JALR, Some(base)) => {
                target = u32::wrapping_add(base, (bits as i32 >> 20) as u32);
                bits &= 0xf_ffff;
            }
            (STORE, Some(base)) => {
                let low = (bits as i32 >> 25 << 5) as u32 | bits >> 7 & 31;
                target = u32::wrapping_add(base, low);
                bits &= 0x01ff_f07f;
            }
            _ => {}
        }
        if !matches!(bits & 0x7f, STORE | BRANCH) {
            uppers[to] = upper;
        }
        decoded.push(Decoded::Other(bits, target));
        at += 4;
    }
    decoded
}

/// What a binary has reported.
#[derive(Debug, Default)]
pub struct Counted {
    /// Its figures.
    pub figures: Vec<Figure>,
    /// The cases that the board cannot run, each with the reason.
    pub absent: Vec<(String, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two functions in a binary, each at its address.
    fn code(architecture: Architecture, functions: [(u64, &[u8]); 2]) -> Code {
        let symbols = functions.map(|(address, bytes)| Function { address, bytes: bytes.into() });
        let symbols = ["ours", "theirs"].map(String::from).into_iter().zip(symbols).collect();
        Code { path: "test".into(), architecture, symbols }
    }

    /// In how many instructions they differ, and how many the second one has.
    fn differing(architecture: Architecture, functions: [(u64, &[u8]); 2]) -> (u64, u64) {
        code(architecture, functions).differing("ours", "theirs").unwrap()
    }

    /// `mov eax, [value]` (relative to the instruction), and a `jmp` to itself: equal at any address.
    fn load_and_loop(address: u64, value: u64) -> Vec<u8> {
        let distance = value.wrapping_sub(address + 6).to_le_bytes();
        let mut code = vec![0x8b, 0x05];
        code.extend(&distance[..4]);
        code.extend([0xeb, 0xfe]);
        code
    }

    /// `auipc a0; lw a1, (a0); ret`, where the last is compressed: equal at any address.
    fn load_and_return(address: u32, value: u32) -> Vec<u8> {
        let distance = value.wrapping_sub(address);
        let upper = distance.wrapping_add(0x800) & !0xfff;
        let lower = distance.wrapping_sub(upper);
        let words = [upper | 0x517, lower << 20 | 0x5_2583];
        words.into_iter().flat_map(u32::to_le_bytes).chain([0x82, 0x80]).collect()
    }

    #[test]
    fn equal_code_is_equal_at_another_address() {
        let [one, other] = [0x10_0000, 0x10_0040].map(|address| load_and_loop(address, 0x20_0000));
        let x86 = [(0x10_0000, &one[..]), (0x10_0040, &other)];
        assert_eq!(differing(Architecture::X86_64, x86), (0, 2));
        let [one, other] =
            [0x8000_07f0, 0x8000_0810].map(|address| load_and_return(address, 0x8001_0000));
        let risc_v = [(0x8000_07f0, &one[..]), (0x8000_0810, &other)];
        assert_eq!(differing(Architecture::Riscv32, risc_v), (0, 3));
        // `movw r0, #1; bx lr`
        let thumb: &[u8] = &[0x40, 0xf2, 0x01, 0x00, 0x70, 0x47];
        assert_eq!(differing(Architecture::Arm, [(0x100, thumb), (0x202, thumb)]), (0, 2));
    }

    #[test]
    fn an_address_belongs_to_the_function_around_it() {
        let code = code(Architecture::X86_64, [(0x10, &[0x90; 4]), (0x20, &[0x90; 4])]);
        assert_eq!(
            [0x0f, 0x10, 0x13, 0x14].map(|a| code.function_at(a).is_some()),
            [false, true, true, false]
        );
    }

    #[test]
    fn a_masked_stretch_is_noted_with_its_function_and_its_note() {
        let code = code(Architecture::X86_64, [(0x10, &[0x90; 4]), (0x20, &[0x90; 4])]);
        let noted = |address, note: &str| {
            let [case, operation, note] = ["masked_window", "Mutex", note].map(String::from);
            code.locate(Masked { case, operation, instructions: 1, of: 2, address, note }).note
        };
        assert_eq!(noted(0x21, "no waker"), "theirs; no waker");
        assert_eq!([noted(0x21, ""), noted(0x30, "no waker")], ["theirs", "no waker"]);
    }

    #[test]
    fn another_operand_or_length_is_a_difference() {
        let one = load_and_loop(0x10_0000, 0x20_0000);
        let other = load_and_loop(0x10_0040, 0x20_0008);
        let x86 =
            |other| differing(Architecture::X86_64, [(0x10_0000, &one[..]), (0x10_0040, other)]);
        assert_eq!((x86(&other).0, x86(&one[..6]).0), (1, 2));
        let one = load_and_return(0x8000_0000, 0x8001_0000);
        let other = load_and_return(0x8000_0040, 0x8001_0004);
        let risc_v = [(0x8000_0000, &one[..]), (0x8000_0040, &other)];
        assert_eq!(differing(Architecture::Riscv32, risc_v), (1, 3));
        // `movw r0, #1` and `movw r0, #2`
        let thumb: [&[u8]; 2] = [&[0x40, 0xf2, 0x01, 0x00], &[0x40, 0xf2, 0x02, 0x00]];
        assert_eq!(differing(Architecture::Arm, [(0x100, thumb[0]), (0x100, thumb[1])]), (1, 1));
    }

    #[test]
    fn a_function_that_is_missing_is_an_error() {
        let code = code(Architecture::X86_64, [(0x10, &[0x90; 4]), (0x20, &[])]);
        assert!(code.differing("ours", "theirs").is_err() && code.differing("f", "ours").is_err());
    }
}
