//! HTTP over real sockets: limits, links, judgement, durability, and the daemon around it.

mod daemon;
mod durability;
mod judgement;
mod links;
mod listener;
mod lmtp;
mod manual;
mod process;
pub mod rig;
mod systemd;
mod unsubscribe;
