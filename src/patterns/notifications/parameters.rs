//! What the parameters of a request mean. Those that are not understood are refused, and none is guessed.

use super::front::Refusal;
use crate::http1::Head;
use crate::patterns::decimal::decimal;
use crate::patterns::feed::Cursor;

/// The cursor to begin after: that of `?after=`.
pub(super) fn after(head: &Head<'_>) -> Result<Option<Cursor>, Refusal> {
    const NO_CURSOR: Refusal = Refusal(400, "after is the id of an event, like 784111777-3, or 0 for the beginning");
    head.parameter("after").map(|text| text.parse().map_err(|_| NO_CURSOR)).transpose()
}

/// A number of at most so much.
pub(super) fn number(head: &Head<'_>, name: &str, most: u64, refusal: Refusal) -> Result<Option<u64>, Refusal> {
    let Some(text) = head.parameter(name) else { return Ok(None) };
    match decimal(&text) {
        Some(number) if number <= most => Ok(Some(number)),
        _ => Err(refusal),
    }
}
