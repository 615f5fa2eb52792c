//! End-to-end stories on real parts.
