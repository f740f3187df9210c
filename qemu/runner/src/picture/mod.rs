//! The picture of a tour: one page with, for each board, the table of the model, and for every row a time
//! line of what the foreground and the background did, in instructions.
//!
//! The page is one file that needs no other: inline SVG, a style, and a script without which it can be
//! read, too. It holds no address but that of the SVG namespace. It is well-formed XML, which is how the
//! tests read it, and HTML.
//!
//! | module | what it holds |
//! |---|---|
//! | [`recording`] | what the guest has recorded of a row, and its sums |
//! | `scale` | from instructions to places on the time line |
//! | `timeline` | the drawing of one row |
//! | `page` | everything around it |

mod page;
pub mod recording;
mod scale;
#[cfg(test)]
mod tests;
mod timeline;

pub use page::{Entry, Picture, page};
use std::fmt::{self, Display};

/// Text, with what has a meaning in XML escaped.
struct Text<'t>(&'t str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            // XML has no other control characters, not even escaped ones.
            c if c.is_control() && !matches!(c, '\n' | '\t') => f.write_str("\u{fffd}"),
            c => write!(f, "{c}"),
        })
    }
}

/// A number, with its thousands separated.
fn number(value: u64) -> String {
    indicatif::HumanCount(value).to_string()
}

/// A number of things: "1 try", "2 tries".
fn count(value: u64, one: &str, several: &str) -> String {
    format!("{} {}", number(value), if value == 1 { one } else { several })
}
