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

fn alone(name: &str, events: &str, about: &str, window: &Window) -> Picture {
    let text = format!(r#"{{"traceEvents":[{events}],"otherData":{{{about}}}}}"#);
    let heading = Heading { name: name.to_owned(), title: name.to_owned(), description: String::new(), source: String::new() };
    draw(&heading, &[Trace::parse(&text).unwrap()], window)
}

fn words(picture: &Picture) -> String {
    picture.labels().iter().map(|label| label.text.as_str()).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_last_callback_is_drawn_between_two_sleeps() {
    let call = |name: &str, ts: f64, dur: f64, cat: &str| {
        format!(r#"{{"ph":"X","pid":1,"tid":1,"cat":"{cat}","name":"{name}","ts":{ts},"dur":{dur}}}"#)
    };
    let turn = |ts: f64| {
        let calls = [("epoll_wait", 0.0, 300.0, "call"), ("recvfrom", 301.0, 2.0, "call"), ("receive", 304.0, 3.0, "callback")];
        let calls = calls.into_iter().chain([("sendto", 308.0, 4.0, "call")]);
        calls.map(|(name, after, dur, cat)| call(name, ts + after, dur, cat)).collect::<Vec<_>>().join(",")
    };
    let events =
        [turn(0.0), turn(313.0), call("epoll_wait", 626.0, 400.0, "call"), call("close", 1027.0, 1.0, "call")].join(",");
    let window = Window { from_last: Some("receive"), ..Window::default() };
    let picture = alone("one", &events, "", &window);
    let svg = picture.alone();
    for (what, times) in [("recvfrom, 2.00", 1), ("receive, 3.00", 1), ("sendto, 4.00", 1), ("close", 0)] {
        assert_eq!(svg.matches(&format!("<title>{what}")).count(), times, "{what}");
    }
    let labels: Vec<_> = picture.labels().iter().map(|label| label.text.as_str()).collect();
    assert_eq!(labels.iter().filter(|label| **label == "epoll_wait").count(), 2, "asleep before and after: {labels:?}");
    assert_eq!(labels.iter().filter(|label| **label == "loop" || label.starts_with("… ")).count(), 2, "{labels:?}");
    assert_eq!(picture.faults(), Vec::<String>::new());
}

#[test]
fn what_is_missing_is_said() {
    let read = |id| {
        format!(r#"{{"ph":"b","name":"read","id":{id},"ts":{id}}},{{"ph":"e","name":"read","id":{id},"ts":{}}}"#, 100 + id)
    };
    let events = (0..64).map(read).collect::<Vec<_>>().join(",");
    let said = words(&alone("many", &events, r#""dropped":10000,"missing_threads":2"#, &Window::default()));
    assert!(said.contains("56 operations beyond 8 at once"), "{said}");
    assert!(said.contains("Not in the recording: 2 threads, 10,000 events."), "{said}");
    let said = words(&alone("few", &read(1), r#""dropped":0,"missing_threads":0"#, &Window::default()));
    assert!(!said.contains("Not in the recording") && !said.contains("beyond"), "{said}");
}

/// Neither a panic nor a picture without end.
#[test]
fn any_times_can_be_drawn() {
    let span = |ts: f64, dur: f64| format!(r#"{{"ph":"X","cat":"call","name":"close","ts":{ts},"dur":{dur}}}"#);
    for (one, other) in
        [((0.0, 2e15), (1.0, 1.0)), ((-2e15, 0.0), (2e15, 2e15)), ((0.0, 0.0), (0.0, 0.0)), ((5.0, -3.0), (1.7e15, 9.0))]
    {
        let events = [span(one.0, one.1), span(other.0, other.1)].join(",");
        for from in [None, Some(Duration::MAX), Some(Duration::from_secs(1))] {
            let picture =
                alone("times", &events, "", &Window { from, to: from.map(|_| Duration::from_millis(1)), ..Window::default() });
            assert!(picture.alone().len() < 1_000_000, "{one:?} {other:?}");
        }
    }
}

#[test]
fn what_cannot_be_drawn_is_a_complaint() {
    let empty = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("empty");
    std::fs::create_dir_all(&empty).unwrap();
    std::fs::write(empty.join("README.md"), "").unwrap();
    let complaints = drawing::figures::complaints(&empty).unwrap();
    assert!(complaints.len() > 10, "{complaints:?}");
    let one = "timeline-one: not drawn, because docs/data/echo-blocking.trace.json is not there";
    assert!(complaints.contains(&one.to_owned()), "{complaints:?}");
}
