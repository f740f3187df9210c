//! A binary of a bench: the instructions of its functions, the names of what is linked, and the
//! figures that it counts when it runs.

use crate::{
    boot::Boot,
    error::{Error, Result},
    guest::{Guest, nowhere},
    report::{Figure, Masked, Report},
};
use iced_x86::{Decoder, DecoderOptions, Instruction, OpKind};
use object::{File, Object, ObjectSection, ObjectSymbol, ReadCache};
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
        let mut symbols = Vec::new();
        for symbol in elf.symbols() {
            let Ok(name) = symbol.name() else { continue };
            let bytes = symbol
                .section_index()
                .and_then(|index| elf.section_by_index(index).ok())
                .and_then(|section| section.data_range(symbol.address(), symbol.size()).ok()?)
                .unwrap_or_default();
            let function = Function { address: symbol.address(), bytes: bytes.into() };
            symbols.push((format!("{:#}", rustc_demangle::demangle(name)), function));
        }
        Ok(Self { path: path.into(), symbols })
    }

    /// The number of symbols whose names contain `part`.
    pub fn symbols_with(&self, part: &str) -> u64 {
        self.symbols.iter().filter(|(name, _)| name.contains(part)).count() as u64
    }

    /// Boots the binary and adds the figures that it reports.
    pub fn count(&self, boot: &Boot, figures: &mut Vec<Figure>) -> Result<()> {
        let run = Guest::boot(boot, nowhere())?.run(|report| match report {
            Report::Figure(figure) => figures.push(figure),
            Report::Masked(masked) => figures.push(self.locate(masked)),
            _ => {}
        });
        run?.success().map(drop)
    }

    /// The figure of a stretch of code, with the function that contains it.
    fn locate(&self, masked: Masked) -> Figure {
        let Masked { case, operation, instructions, of, address } = masked;
        let note = self.function_at(address).unwrap_or_default().into();
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

    /// The instructions of a function. The target of a jump inside it is relative to its beginning, so
    /// that equal code at two addresses compares equal.
    pub fn instructions(&self, name: &str) -> Result<Vec<Instruction>> {
        let function = self.symbols.iter().find(|(symbol, _)| symbol == name);
        let Some((_, Function { address, bytes })) = function.filter(|(_, f)| !f.bytes.is_empty())
        else {
            let what = format_args!("there is no function `{name}` in {}", self.path.display());
            return Err(Error::run(what, "its symbol is missing", "build it again"));
        };
        let inside = *address..*address + bytes.len() as u64;
        let mut decoder = Decoder::with_ip(64, bytes, *address, DecoderOptions::NONE);
        let relative = |mut instruction: Instruction| {
            let target = instruction.near_branch_target();
            if instruction.op0_kind() == OpKind::NearBranch64 && inside.contains(&target) {
                instruction.set_near_branch64(target - address);
            }
            instruction
        };
        Ok(decoder.iter().map(relative).collect())
    }
}

/// The number of instructions that differ, compared position by position.
pub fn differing(ours: &[Instruction], theirs: &[Instruction]) -> u64 {
    let different = ours.iter().zip(theirs).filter(|(ours, theirs)| ours != theirs).count();
    (different + ours.len().abs_diff(theirs.len())) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `code` as one function at an address.
    fn function(address: u64, code: &[u8]) -> Vec<Instruction> {
        let function = Function { address, bytes: code.into() };
        let code = Code { path: "test".into(), symbols: vec![("f".into(), function)] };
        assert!(code.instructions("g").is_err());
        code.instructions("f").unwrap()
    }

    /// `mov eax, [value]` (relative to the instruction), and a `jmp` to itself: equal at any address.
    fn load_and_loop(address: u64, value: u64) -> Vec<Instruction> {
        let distance = value.wrapping_sub(address + 6).to_le_bytes();
        let mut code = vec![0x8b, 0x05];
        code.extend(&distance[..4]);
        code.extend([0xeb, 0xfe]);
        function(address, &code)
    }

    #[test]
    fn equal_code_is_equal_at_another_address() {
        let [one, other] = [0x10_0000, 0x10_0040].map(|address| load_and_loop(address, 0x20_0000));
        assert_eq!((one.len(), differing(&one, &other)), (2, 0));
    }

    #[test]
    fn an_address_belongs_to_the_function_around_it() {
        let function = Function { address: 0x10, bytes: vec![0x90; 4] };
        let code = Code { path: "test".into(), symbols: vec![("f".into(), function)] };
        assert_eq!(
            [0x0f, 0x10, 0x13, 0x14].map(|a| code.function_at(a).is_some()),
            [false, true, true, false]
        );
    }

    #[test]
    fn another_operand_or_length_is_a_difference() {
        let one = load_and_loop(0x10_0000, 0x20_0000);
        assert_eq!(differing(&one, &load_and_loop(0x10_0040, 0x20_0008)), 1);
        assert_eq!(differing(&one, &one[..1]), 1);
    }
}
