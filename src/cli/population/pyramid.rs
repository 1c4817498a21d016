//! The pyramid of ages, drawn: bars of text for a terminal, and a picture in SVG.

use crate::simulation::census::AGE_GROUPS;

type Pyramid = [(u64, u64); AGE_GROUPS];

/// Characters of the longest bar.
const BAR: u64 = 30;

fn longest(pyramid: &Pyramid) -> u64 {
    pyramid.iter().map(|(women, men)| *women.max(men)).max().unwrap_or(0).max(1)
}

fn label(at: usize) -> String {
    let from = 5 * at;
    if at + 1 == AGE_GROUPS { format!("{from}+") } else { format!("{from}-{}", from + 4) }
}

/// One line a group of age, the oldest first: men to the left, women to the right.
pub(super) fn bars(pyramid: &Pyramid) -> Vec<String> {
    let longest = longest(pyramid);
    let bar = |count: u64| "█".repeat((count * BAR).div_ceil(longest) as usize);
    let width = BAR as usize;
    let line = |(at, (women, men)): (usize, &(u64, u64))| {
        format!("{:>8} {:>width$} {:^7} {:<width$} {women}", men, bar(*men), label(at), bar(*women))
    };
    let mut lines = vec![format!("{:>8} {:>width$} {:^7} women", "", "men", "age")];
    lines.extend(pyramid.iter().enumerate().rev().map(line));
    lines
}

/// A picture of 640 by 420: men to the left in blue, women to the right in red, a number at the end of each bar.
pub(super) fn svg(pyramid: &Pyramid, seed: u64) -> String {
    const ROW: usize = 20;
    const MIDDLE: u64 = 320;
    const GAP: u64 = 26;
    const WIDTH: u64 = 220;
    let residents: u64 = pyramid.iter().map(|(women, men)| women + men).sum();
    let longest = longest(pyramid);
    let length = |count: u64| count * WIDTH / longest;
    let mut lines = vec![
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 420" font-family="sans-serif" font-size="11">"##.to_owned(),
        r##"<rect width="640" height="420" fill="#fff"/>"##.to_owned(),
        format!(r##"<text x="320" y="22" text-anchor="middle" font-size="15">{residents} residents, seed {seed}</text>"##),
        r##"<text x="200" y="40" text-anchor="middle">men</text><text x="440" y="40" text-anchor="middle">women</text>"##.to_owned(),
    ];
    for (at, (women, men)) in pyramid.iter().enumerate() {
        let y = 46 + ROW * (AGE_GROUPS - 1 - at);
        let base = y + 14;
        let (left, right) = (MIDDLE - GAP - length(*men), MIDDLE + GAP);
        lines.push(format!(
            r##"<rect x="{left}" y="{y}" width="{}" height="18" fill="#3b6ea5"/><rect x="{right}" y="{y}" width="{}" height="18" fill="#b5485d"/>"##,
            length(*men),
            length(*women),
        ));
        lines.push(format!(
            r##"<text x="{MIDDLE}" y="{base}" text-anchor="middle">{}</text><text x="{}" y="{base}" text-anchor="end">{men}</text><text x="{}" y="{base}">{women}</text>"##,
            label(at),
            left - 4,
            right + length(*women) + 4,
        ));
    }
    lines.push("</svg>\n".into());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_is_the_largest_group() {
        let mut pyramid = [(1, 2); AGE_GROUPS];
        pyramid[3] = (40, 80);
        let lines = bars(&pyramid);
        assert_eq!(lines.len(), AGE_GROUPS + 1);
        assert!(lines[AGE_GROUPS - 3].contains(&"█".repeat(30)) && lines[AGE_GROUPS - 3].contains("15-19"));
        assert!(lines[1].contains("85+"));
        let picture = svg(&pyramid, 7);
        assert_eq!(picture.matches("<rect").count(), 1 + 2 * AGE_GROUPS);
        assert!(picture.contains("171 residents, seed 7"));
        assert!(picture.starts_with("<svg") && picture.contains(r##"width="220" height="18" fill="#3b6ea5""##));
    }
}
