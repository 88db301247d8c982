//! The engine as a whole: bad leads, many at once, relays that misbehave, objections at any moment,
//! releases in flight, hours of the day.

mod campaigns;
mod control;
mod doubts;
mod entering;
mod figures;
mod fleet;
mod handing;
mod hours;
mod inbox;
mod isolation;
mod members;
mod objections;
mod often;
mod outages;
mod pace;
mod questions;
mod relays;
mod releases;
mod throttles;
mod together;
mod warming;
