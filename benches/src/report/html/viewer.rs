//! Details of images, two at a time: one lies over the other, and a slider moves the line between them.
//!
//! All pictures are in the page once, as a list that paper and browsers without scripts show; the script takes two of
//! them for the stage.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};

use crate::report::crops::{Detail, IMAGES, Region};

/// The section, if there is something to see.
pub(super) fn section(details: &[Detail]) -> Markup {
    html! {
        @if !details.is_empty() {
            section {
                h2 { "The same detail at the same rate" }
                p.note {
                    "Up to " (IMAGES) " images; every codec at the quality whose rate is nearest to that of the first "
                    "codec at its middle quality. Shown is where the image has most detail (the largest differences "
                    "of neighbouring pixels on a coarse grid), twice enlarged. Rates and PSNR are those of the whole "
                    "image."
                }
                div.details {
                    @for (number, detail) in details.iter().enumerate() { (compared(number, detail)) }
                }
            }
        }
    }
}

/// A picture of the list.
struct Shown<'a> {
    name: &'a str,
    facts: String,
    png: &'a [u8],
}

fn compared(number: usize, detail: &Detail) -> Markup {
    let Region { x, y, width, height } = detail.region;
    let original = Shown { name: "original", facts: "the image itself".to_owned(), png: &detail.original };
    let views = detail.views.iter().map(|view| Shown {
        name: &view.codec,
        facts: format!("quality {}, {:.3}\u{a0}bpp, {}", view.quality, view.bpp, psnr(view.psnr)),
        png: &view.png,
    });
    let shown: Vec<Shown<'_>> = std::iter::once(original).chain(views).collect();
    // The first codec against the next one, or against the original if it is alone.
    let [left, right] = if shown.len() > 2 { [1, 2] } else { [0, shown.len() - 1] };
    html! {
        article.compare {
            h3 { (detail.image) }
            p.note { (detail.reason) "; " (width) "x" (height) " pixels at " (x) ", " (y) }
            div.stage-box hidden {
                div.controls {
                    (choice(number, "left", "Left", left, &shown))
                    (choice(number, "right", "Right", right, &shown))
                }
                div.stage style={ "--width:" (2 * width) "px;--ratio:" (width) "/" (height) } {
                    img.right alt="";
                    img.left alt="";
                    div.divider {}
                }
                label.slider {
                    span { "Dividing line" }
                    input type="range" min="0" max="100" value="50" step="1";
                }
                div.captions aria-live="polite" { p.left-caption {} p.right-caption {} }
            }
            div.views {
                @for view in &shown {
                    figure {
                        img src={ "data:image/png;base64," (STANDARD.encode(view.png)) } width=(width) height=(height)
                            alt={ "Detail of " (detail.image) ", " (view.name) };
                        figcaption { strong { (view.name) } ": " (view.facts) }
                    }
                }
            }
        }
    }
}

fn choice(number: usize, side: &str, title: &str, chosen: usize, shown: &[Shown<'_>]) -> Markup {
    let id = format!("compare-{number}-{side}");
    html! {
        span {
            label for=(id) { (title) }
            select id=(id) data-side=(side) {
                @for (index, view) in shown.iter().enumerate() {
                    option value=(index) selected[index == chosen] { (view.name) }
                }
            }
        }
    }
}

fn psnr(value: f64) -> String {
    if value.is_infinite() { "lossless".to_owned() } else { format!("{value:.2}\u{a0}dB PSNR") }
}
