//! Timelines: well-formed, the same each time, no text over another, and each call in its place.

use std::time::Duration;

use drawing::timeline::{Trace, Window, draw};
use drawing::{Heading, Picture};

fn traces() -> Vec<Trace> {
    let texts =
        [include_str!("data/epoll.trace.json"), include_str!("data/uring.trace.json"), include_str!("data/pool.trace.json")];
    texts.iter().map(|text| Trace::parse(text).unwrap()).collect()
}

fn picture(window: &Window) -> Picture {
    let heading = Heading {
        name: String::from("timeline"),
        title: String::from("The same three requests"),
        description: String::from("Who waits where."),
        source: String::from("Linux 6.18, 2026-11-21"),
    };
    draw(&heading, &traces(), window)
}

#[test]
fn it_is_xml_and_no_text_covers_another() {
    let seconds = |from: f64, to: f64| Window {
        from: Some(Duration::from_secs_f64(from)),
        to: Some(Duration::from_secs_f64(to)),
        ..Window::default()
    };
    let windows = [Window::default(), seconds(0.0, 1.0), seconds(0.0, 0.0005), seconds(0.001, 0.0011), seconds(5.0, 6.0)];
    for window in windows {
        let picture = picture(&window);
        roxmltree::Document::parse(&picture.alone()).unwrap();
        assert_eq!(picture.faults(), Vec::<String>::new(), "{window:?}");
        if let (Some(folder), true) = (std::env::var_os("DRAWING_OUT"), window == Window::default()) {
            std::fs::write(std::path::Path::new(&folder).join("timeline.svg"), picture.alone()).unwrap();
        }
    }
}

#[test]
fn the_same_traces_give_the_same_octets() {
    assert_eq!(picture(&Window::default()).alone(), picture(&Window::default()).alone());
}

/// From the burst of the first callback on, every call and callback has a bar, and what was before it is counted.
#[test]
fn what_happened_is_seen_or_said_to_be_left_out() {
    let picture = picture(&Window::default());
    let svg = picture.alone();
    for told in ["receive, 7.10 µs", "accept4 EAGAIN, 1.00 µs", "sendto, 21.0 µs"] {
        assert!(svg.contains(&format!("<title>{told}</title>")), "{told}");
    }
    let labels: Vec<_> = picture.labels().iter().map(|label| label.text.as_str()).collect();
    assert!(labels.contains(&"… 20.0 ms …"), "{labels:?}");
    let all = labels.join(" ");
    assert!(all.contains("Not drawn: 3 calls and callbacks in 915 µs before this"), "{all}");
}
