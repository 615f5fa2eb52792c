//! The scheduler against a scripted master over real HTTP: what it calls, and what it makes of faults.

mod faults;
mod master;
mod stories;
