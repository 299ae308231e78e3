//! A trace as its reader sees it: parsed, and held against the format.

#![allow(dead_code, reason = "what one test binary has no use for, another has")]

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

pub struct Trace {
    pub events: Vec<Value>,
    pub about: Value,
}

/// A parsed trace in which everything is as it must be.
pub fn judged(text: &str) -> Trace {
    let mut whole: Value = serde_json::from_str(text).expect("a trace is one JSON object");
    let Value::Array(events) = whole["traceEvents"].take() else { panic!("a trace has events") };
    let trace = Trace { events, about: whole["otherData"].take() };
    trace.judge();
    trace
}

impl Trace {
    /// Every event has its fields; times only grow; the spans of a thread nest; operations begin, go on and end in this order.
    fn judge(&self) {
        let mut named = Vec::new();
        let mut last = 0;
        let mut stacks: HashMap<u64, Vec<u64>> = HashMap::new();
        let mut in_flight: HashMap<u64, bool> = HashMap::new();
        for event in &self.events {
            assert!(event["pid"].is_u64() && event["name"].is_string(), "{event}");
            let tid = event["tid"].as_u64();
            if event["ph"] == "M" {
                assert!(event["args"]["name"].is_string() && last == 0, "names come first: {event}");
                named.push((event["pid"].as_u64(), tid));
                continue;
            }
            let at = nanos(&event["ts"]);
            assert!(at >= last, "times only grow: {event}");
            last = at;
            assert!(named.contains(&(event["pid"].as_u64(), tid)), "the thread has a name: {event}");
            let category = event["cat"].as_str().unwrap_or_default();
            let id = event["id"].as_u64();
            match event["ph"].as_str() {
                Some("X") => {
                    assert!(["call", "wait", "callback"].contains(&category), "{event}");
                    let until = at + nanos(&event["dur"]);
                    let stack = stacks.entry(tid.unwrap()).or_default();
                    while stack.last().is_some_and(|&end| end <= at) {
                        stack.pop();
                    }
                    assert!(stack.last().is_none_or(|&end| until <= end), "spans nest: {event}");
                    stack.push(until);
                    continue;
                }
                Some("b") => assert!(in_flight.insert(id.unwrap(), true).is_none(), "an id is of one operation: {event}"),
                Some("n") => assert_eq!(in_flight.get(&id.unwrap()), Some(&true), "{event}"),
                Some("e") => assert_eq!(in_flight.insert(id.unwrap(), false), Some(true), "{event}"),
                _ => panic!("there is no such event: {event}"),
            }
            assert_eq!(category, "operation", "{event}");
        }
        assert!(named.iter().any(|(_, tid)| tid.is_none()), "the process has a name");
        for key in ["CPU", "kernel", "date"] {
            assert!(self.about[key].is_string(), "it says its {key}: {}", self.about);
        }
        assert!(self.about["dropped"].is_u64(), "{}", self.about);
    }

    pub fn of<'t>(&'t self, phase: &'t str, category: &'t str) -> impl Iterator<Item = &'t Value> {
        self.events.iter().filter(move |event| event["ph"] == phase && event["cat"] == category)
    }

    /// How often each system call was made.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        let mut calls = BTreeMap::new();
        for call in self.of("X", "call") {
            *calls.entry(call["name"].as_str().unwrap().into()).or_default() += 1;
        }
        calls
    }

    /// The names of a process's threads, in order.
    pub fn threads(&self, pid: u64) -> Vec<String> {
        let names = self.events.iter().filter(|event| event["name"] == "thread_name" && event["pid"] == pid);
        let mut names: Vec<String> = names.map(|event| event["args"]["name"].as_str().unwrap().into()).collect();
        // They are numbered as they begin, which is anybody's guess.
        names.sort();
        names
    }

    pub fn processes(&self) -> Vec<String> {
        let names = self.events.iter().filter(|event| event["name"] == "process_name");
        names.map(|event| event["args"]["name"].as_str().unwrap().into()).collect()
    }
}

/// Microseconds with three decimals.
pub fn nanos(value: &Value) -> u64 {
    (value.as_f64().expect("a time is a number") * 1000.0).round() as u64
}
