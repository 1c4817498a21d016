//! The paths of C2SP tlog-tiles, read strictly: each tile has one path, so that caches hold it once.

use crate::ledger::tile::{TILE_WIDTH, TileId};

/// Highest level of tiles that a path can name.
pub const LEVEL_MAX: u8 = 63;

/// A path under `tile/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TilePath {
    /// A tile of hashes.
    Tile {
        /// The tile's level and index.
        id: TileId,
        /// The number of hashes, 1 to 256.
        width: usize,
    },
    /// A bundle of entries.
    Entries {
        /// The index of the bundle, which equals that of the level-0 tile above it.
        index: u64,
        /// The number of entries, 1 to 256.
        width: usize,
    },
}

impl TilePath {
    /// Parses the rest of a path after `tile/`; `None` unless it is in canonical form.
    pub fn parse(path: &str) -> Option<Self> {
        let (level, rest) = path.split_once('/')?;
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => (index, number(width).filter(|width| (1..TILE_WIDTH as u64).contains(width))?),
            None => (rest, TILE_WIDTH as u64),
        };
        let (index, width) = (read_index(index)?, width as usize);
        if level == "entries" {
            return Some(Self::Entries { index, width });
        }
        let level = number(level).filter(|level| *level <= u64::from(LEVEL_MAX))? as u8;
        Some(Self::Tile { id: TileId { level, index }, width })
    }

    /// The path, beginning with `tile/`.
    pub fn write(self) -> String {
        let (place, index, width) = match self {
            Self::Tile { id, width } => (id.level.to_string(), id.index, width),
            Self::Entries { index, width } => ("entries".to_owned(), index, width),
        };
        let part = if width < TILE_WIDTH { format!(".p/{width}") } else { String::new() };
        format!("tile/{place}/{}{part}", write_index(index))
    }
}

/// 1234067 is `x001/x234/067`.
fn write_index(index: u64) -> String {
    let mut text = format!("{:03}", index % 1_000);
    let mut rest = index / 1_000;
    while rest > 0 {
        text = format!("x{:03}/{text}", rest % 1_000);
        rest /= 1_000;
    }
    text
}

fn read_index(text: &str) -> Option<u64> {
    let mut parts = text.split('/').peekable();
    let (mut index, mut first) = (0_u64, true);
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        let digits = if is_last { part } else { part.strip_prefix('x')? };
        let is_padded = digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_padded || (first && !is_last && digits == "000") {
            return None;
        }
        index = index.checked_mul(1_000)?.checked_add(digits.parse().ok()?)?;
        first = false;
    }
    Some(index)
}

/// A decimal number without leading zeroes.
fn number(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if is_plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        let tile = |level, index, width| TilePath::Tile { id: TileId { level, index }, width };
        for (path, text) in [
            (tile(0, 0, 256), "tile/0/000"),
            (tile(0, 273, 112), "tile/0/273.p/112"),
            (tile(2, 1_234_067, 256), "tile/2/x001/x234/067"),
            (tile(63, 1_000, 1), "tile/63/x001/000.p/1"),
            (tile(0, u64::MAX, 256), "tile/0/x018/x446/x744/x073/x709/x551/615"),
            (TilePath::Entries { index: 1_000_000, width: 255 }, "tile/entries/x001/x000/000.p/255"),
        ] {
            assert_eq!(path.write(), text);
            assert_eq!(text.strip_prefix("tile/").and_then(TilePath::parse), Some(path), "{text}");
        }
    }

    #[test]
    fn every_other_form_is_refused() {
        for bad in [
            "",
            "0",
            "0/",
            "0/0",
            "0/00",
            "0/0000",
            "0/x000/000",
            "0/x001/x000",
            "0/001/000",
            "0/X001/000",
            "64/000",
            "00/000",
            "+0/000",
            "-1/000",
            "0/000.p/0",
            "0/000.p/256",
            "0/000.p/01",
            "0/000.p/",
            "0/000.p",
            "0/000/",
            "0//000",
            "0/x1/000",
            "0/00a",
            "data/000",
            "entries",
            "entries/000.p/256",
            "0/x018/x446/x744/x073/x709/x551/616",
            "0/000.p/1/1",
        ] {
            assert_eq!(TilePath::parse(bad), None, "{bad}");
        }
    }
}
