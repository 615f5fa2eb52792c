//! The pure machine: recovery, launches, kills.


