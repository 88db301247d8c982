//! Bounds on rendering one mail. tera has no limit of its own, so each loop, include and `set` is made to
//! call [`spend`] or [`weigh`] (see `prepare`), and all output goes through a [`Page`].

#![allow(clippy::needless_pass_by_value)] // the shape that tera calls

use std::{
    cell::Cell,
    io,
    time::{Duration, Instant},
};

use tera::{Kwargs, State, Tera, TeraResult, Value};

/// Passages through loops and includes.
pub(super) const STEPS: u32 = 20_000;
pub(super) const TIME: Duration = Duration::from_millis(500);
/// Bytes of what a template writes. Mail programs show about 100 KB.
pub(super) const OUTPUT: usize = 500_000;
/// Links in one mail.
pub(super) const LINKS: usize = 500;
/// Bytes and elements in all of a variable that a template sets.
pub(super) const VARIABLE: usize = 100_000;

pub(super) const SPEND: &str = "__spend";
pub(super) const WEIGH: &str = "__weigh";

/// What a rendering ran into.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Bound {
    Steps,
    Time,
    Output,
    Variable,
}

#[derive(Clone, Copy)]
struct Meter {
    left: u32,
    until: Instant,
    hit: Option<Bound>,
}

thread_local! {
    // A rendering stays on its thread; tera's functions have no other place to look.
    static METER: Cell<Option<Meter>> = const { Cell::new(None) };
}

/// Runs `render` under the bounds; [`hit`] says within it which of them was hit.
pub(super) fn metered<T>(render: impl FnOnce() -> T) -> T {
    METER.set(Some(Meter { left: STEPS, until: Instant::now() + TIME, hit: None }));
    let done = render();
    METER.set(None);
    done
}

pub(super) fn hit() -> Option<Bound> {
    METER.get().and_then(|meter| meter.hit)
}

fn check(change: impl FnOnce(&mut Meter)) -> Result<(), Bound> {
    let Some(mut meter) = METER.get() else { return Ok(()) };
    change(&mut meter);
    if meter.hit.is_none() && Instant::now() > meter.until {
        meter.hit = Some(Bound::Time);
    }
    METER.set(Some(meter));
    meter.hit.map_or(Ok(()), Err)
}

pub(super) fn register(tera: &mut Tera) {
    tera.register_function(SPEND, spend);
    tera.register_function(WEIGH, weigh);
}

fn spend(_: Kwargs, _: &State) -> TeraResult<String> {
    check(|meter| match meter.left.checked_sub(1) {
        Some(left) => meter.left = left,
        None => meter.hit = Some(Bound::Steps),
    })
    .map(|()| String::new())
    .map_err(|bound| tera::Error::message(format!("{bound:?}")))
}

fn weigh(kwargs: Kwargs, _: &State) -> TeraResult<String> {
    let mut budget = VARIABLE;
    let fits = kwargs.get::<Value>("v")?.is_none_or(|value| fits(&value, &mut budget));
    check(|meter| {
        if !fits {
            meter.hit = Some(Bound::Variable);
        }
    })
    .map(|()| String::new())
    .map_err(|bound| tera::Error::message(format!("{bound:?}")))
}

fn fits(value: &Value, budget: &mut usize) -> bool {
    let size = 1 + value.as_str().map_or(0, str::len);
    let Some(left) = budget.checked_sub(size) else { return false };
    *budget = left;
    if let Some(array) = value.as_array() {
        return array.iter().all(|value| fits(value, budget));
    }
    value.as_map().is_none_or(|map| map.iter().all(|(_, value)| fits(value, budget)))
}

/// What a template writes to.
#[derive(Default)]
pub(super) struct Page(pub(super) Vec<u8>);

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let fits = self.0.len() + bytes.len() <= OUTPUT;
        check(|meter| {
            if !fits {
                meter.hit = Some(Bound::Output);
            }
        })
        .map_err(|bound| io::Error::other(format!("{bound:?}")))?;
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
