//! How things look: one palette, light and dark, and what tells the models apart without it.
//!
//! The colours of the models are of Okabe and Ito's palette, which those tell apart who do not see red or green, made darker on
//! white and lighter on black where the contrast was less than three to one (WCAG 2.2, 1.4.11).

use std::fmt::Write as _;

use crate::text::Letters;

/// A name for a colour, and its two values.
struct Colour {
    name: &'static str,
    light: &'static str,
    dark: &'static str,
}

const PALETTE: &[Colour] = &[
    Colour { name: "paper", light: "#ffffff", dark: "#15181e" },
    // Behind a block or a lane.
    Colour { name: "shade", light: "#f1f3f6", dark: "#20252d" },
    Colour { name: "ink", light: "#1c2128", dark: "#e8ebf0" },
    Colour { name: "muted", light: "#59616d", dark: "#a5afbd" },
    Colour { name: "rule", light: "#d5dae1", dark: "#3a424e" },
    Colour { name: "blocking", light: "#c25200", dark: "#ff9b50" },
    Colour { name: "epoll", light: "#0068a8", dark: "#5ab8f0" },
    Colour { name: "uring", light: "#00845f", dark: "#35cf9f" },
    Colour { name: "pool", light: "#a3417a", dark: "#ec9fcb" },
    Colour { name: "other", light: "#59616d", dark: "#a5afbd" },
];

/// What stands for one model (or for whatever else is compared) in all pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The class whose colour it has.
    pub(crate) class: &'static str,
    pub(crate) marker: Marker,
    /// `stroke-dasharray` of its lines.
    pub(crate) dash: &'static str,
    pub(crate) filling: Filling,
}

/// The shape of a dot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marker {
    Square,
    Circle,
    Triangle,
    Diamond,
    Cross,
    Ring,
}

/// What a bar is filled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filling {
    Full,
    Rising,
    Dotted,
    Falling,
    Empty,
}

const MODELS: &[(&str, Identity)] = &[
    ("blocking", Identity { class: "d-blocking", marker: Marker::Square, dash: "none", filling: Filling::Full }),
    ("epoll", Identity { class: "d-epoll", marker: Marker::Circle, dash: "9 4", filling: Filling::Rising }),
    ("uring", Identity { class: "d-uring", marker: Marker::Triangle, dash: "2 3", filling: Filling::Dotted }),
    ("pool", Identity { class: "d-pool", marker: Marker::Diamond, dash: "10 3 2 3", filling: Filling::Falling }),
];

/// The names of those that have an identity of their own.
pub fn models() -> impl Iterator<Item = &'static str> {
    MODELS.iter().map(|(name, _)| *name)
}

const OTHERS: [Identity; 2] = [
    Identity { class: "d-other", marker: Marker::Ring, dash: "5 5", filling: Filling::Empty },
    Identity { class: "d-other", marker: Marker::Cross, dash: "1 5", filling: Filling::Full },
];

impl Identity {
    /// A model's own, by its name (`io_uring` is `uring`); what is no model is grey.
    pub fn of(name: &str) -> Identity {
        let name = name.strip_prefix("io_").unwrap_or(name);
        let model = MODELS.iter().find(|(model, _)| *model == name).map(|(_, identity)| *identity);
        model.unwrap_or(OTHERS[name.len() % OTHERS.len()])
    }
}

/// The variables and rules for a page into which pictures are put [inline](crate::Picture::inline): once for each page. The
/// variables are `--d-paper`, `--d-ink` and so on, and follow the system's light or dark; a page may set them again.
pub fn sheet() -> String {
    style(".drawing")
}

/// The same for the root that is given.
pub(crate) fn style(root: &str) -> String {
    let mut sheet = format!("{root}{{color-scheme:light dark;{}}}\n", variables(|colour| colour.light));
    let _ = writeln!(sheet, "@media (prefers-color-scheme:dark){{{root}{{{}}}}}", variables(|colour| colour.dark));
    for letters in Letters::ALL {
        let weight = if letters.is_bold() { "font-weight:bold;" } else { "" };
        let family = match letters {
            Letters::Code => "\"Liberation Mono\",Menlo,Consolas,monospace",
            _ => "Arial,Helvetica,\"Liberation Sans\",sans-serif",
        };
        let colour = if letters == Letters::Small { "muted" } else { "ink" };
        let (class, size) = (letters.class(), letters.size());
        let _ = writeln!(sheet, ".{class}{{font:{size}px {family};{weight}fill:var(--d-{colour})}}");
    }
    for colour in PALETTE {
        let _ = write!(sheet, ".d-{0}{{--d-own:var(--d-{0})}}", colour.name);
    }
    sheet.push('\n');
    sheet.push_str(RULES);
    sheet
}

fn variables(value: fn(&Colour) -> &'static str) -> String {
    PALETTE.iter().map(|colour| format!("--d-{}:{};", colour.name, value(colour))).collect()
}

/// What is drawn in the colour of the group it is in has `--d-own`.
const RULES: &str = "\
.d-sheet{fill:var(--d-paper)}
.d-band{fill:var(--d-shade)}
.d-grid{stroke:var(--d-rule);stroke-width:1;fill:none}
.d-axis{stroke:var(--d-muted);stroke-width:1;fill:none}
.d-target{stroke:var(--d-ink);stroke-width:1.5;stroke-dasharray:6 4;fill:none}
.d-mark{fill:var(--d-own);stroke:var(--d-paper);stroke-width:1}
.d-hollow{fill:var(--d-paper);stroke:var(--d-own);stroke-width:2}
.d-line{fill:none;stroke:var(--d-own);stroke-width:2}
.d-spread{fill:none;stroke:var(--d-own);stroke-width:3}
.d-edge{fill:none;stroke:var(--d-own);stroke-width:1.5}
.d-leader{fill:none;stroke:var(--d-own);stroke-width:1;stroke-dasharray:1 3}
.d-whisker{fill:none;stroke:var(--d-ink);stroke-width:1.5}
.d-solid{fill:var(--d-own)}
.d-halo{stroke:var(--d-paper);stroke-width:4;paint-order:stroke;stroke-linejoin:round}
.d-named{fill:var(--d-own)}
.d-wait{fill:none;stroke:var(--d-muted);stroke-width:2}
.d-told{fill:var(--d-ink)}
.d-flight{fill:var(--d-paper);stroke:var(--d-own);stroke-width:1.5}
.d-cut{fill:var(--d-paper)}
.d-tear{fill:none;stroke:var(--d-rule);stroke-width:1.5}
.d-pole{fill:none;stroke:var(--d-muted);stroke-width:1}
.d-state{fill:var(--d-paper);stroke:var(--d-ink);stroke-width:1.5}
.d-end{fill:none;stroke:var(--d-ink);stroke-width:4}
.d-way{fill:none;stroke:var(--d-ink);stroke-width:1.5}
.d-text{fill:var(--d-ink)}
.d-on{fill:var(--d-paper)}
.d-on-cut{stroke:var(--d-paper);stroke-width:6;paint-order:stroke;stroke-linejoin:round}
.d-on-line{stroke:var(--d-shade);stroke-width:6;paint-order:stroke;stroke-linejoin:round}
";

#[cfg(test)]
mod tests {
    use super::*;

    /// The relative luminance of `#rrggbb` (WCAG 2.2).
    fn luminance(colour: &str) -> f64 {
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
        one.max(other) / one.min(other)
    }

    #[test]
    fn every_colour_stands_out_from_its_paper() {
        let of = |name: &str| PALETTE.iter().find(|colour| colour.name == name).unwrap();
        for paper in ["paper", "shade"].map(of) {
            for name in ["ink", "muted", "other"].into_iter().chain(models()) {
                let (colour, needed) = (of(name), if name == "ink" { 7.0 } else { 4.0 });
                for (ground, drawn) in [(paper.light, colour.light), (paper.dark, colour.dark)] {
                    let found = contrast(ground, drawn);
                    assert!(found >= needed, "{name} {drawn} on {ground}: {found:.2}");
                }
            }
        }
    }

    #[test]
    fn models_differ_without_colour() {
        for (at, (name, one)) in MODELS.iter().enumerate() {
            for (_, other) in &MODELS[at + 1..] {
                assert!(one.marker != other.marker && one.dash != other.dash && one.filling != other.filling);
            }
            assert_eq!(one.class, format!("d-{name}"), "a colour of its own");
        }
        assert_eq!(Identity::of("io_uring"), Identity::of("uring"));
    }
}
