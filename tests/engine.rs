//! The engine as a whole: bad leads, many at once, relays that misbehave, objections at any moment,
//! releases in flight, hours of the day.

mod answers;
mod campaigns;
mod cancelling;
mod control;
mod doubts;
mod entering;
mod figures;
mod fleet;
mod guards;
mod handing;
mod hostile;
mod hours;
mod inbox;
mod isolation;
mod members;
mod objections;
mod often;
mod outages;
mod pace;
mod pauses;
mod plans;
mod questions;
mod reasons;
mod rehearsals;
mod relays;
mod releases;
mod replays;
mod schedules;
mod throttles;
mod together;
mod warming;
mod ways;
mod webhooks;
