//! The guest's log: defmt frames, decoded with the symbols in the firmware's file.

use crate::{
    error::{Error, Result},
    folders,
};
use console::style;
use defmt_decoder::{DecodeError, Locations, Table};
use std::{fmt, fs, io::Read, path::Path};

/// The meaning of one firmware's frames, and the source location of each. The default is for a
/// firmware that logs nothing.
#[derive(Debug, Default)]
pub struct Dictionary(Option<(Table, Locations)>);

/// One decoded message.
#[derive(Clone, Debug)]
pub struct Line {
    level: &'static str,
    text: String,
    location: Option<String>,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { level, text, location } = self;
        let styled = style(format!("{level:5}")).for_stderr();
        let styled = match *level {
            "error" => styled.red(),
            "warn" => styled.yellow(),
            _ => styled.dim(),
        };
        write!(f, "  {styled} {text}")?;
        match location {
            Some(location) => {
                write!(f, " {}", style(format_args!("({location})")).for_stderr().dim())
            }
            None => Ok(()),
        }
    }
}

impl Dictionary {
    /// Reads it from a firmware's file.
    pub fn load(elf: &Path) -> Result<Self> {
        let failed = |why: String| {
            let what = format!("the log of {} cannot be decoded", elf.display());
            Error::run(
                what,
                why,
                "the firmware must link with -Tdefmt.x and keep its debug sections",
            )
        };
        let bytes = fs::read(elf).map_err(|error| failed(error.to_string()))?;
        let table = Table::parse(&bytes)
            .map_err(|error| failed(format!("{error:#}")))?
            .ok_or_else(|| failed("it has no defmt section".into()))?;
        let locations =
            table.get_locations(&bytes).map_err(|error| failed(format!("{error:#}")))?;
        Ok(Self(Some((table, locations))))
    }

    /// Decodes a stream to its end, and calls `each` with every line.
    pub fn decode(&self, mut input: impl Read, mut each: impl FnMut(Line)) {
        let Some((table, locations)) = &self.0 else {
            _ = std::io::copy(&mut input, &mut std::io::sink());
            return;
        };
        let mut decoder = table.new_stream_decoder();
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = input.read(&mut buffer) {
            decoder.received(&buffer[..length]);
            loop {
                match decoder.decode() {
                    Ok(frame) => each(Line {
                        level: frame.level().map_or("print", |level| level.as_str()),
                        text: frame.display_message().to_string(),
                        location: location(locations, frame.index()),
                    }),
                    Err(DecodeError::UnexpectedEof) => break,
                    Err(DecodeError::Malformed) => each(Line {
                        level: "error",
                        text: "a log frame that cannot be decoded".into(),
                        location: None,
                    }),
                }
            }
        }
    }
}

fn location(locations: &Locations, index: u64) -> Option<String> {
    let location = locations.get(&index)?;
    let project = folders::project();
    let file = location.file.strip_prefix(&project).unwrap_or(&location.file);
    Some(format!("{}:{}", file.display(), location.line))
}
