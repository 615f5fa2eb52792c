//! End-to-end stories on real parts: see `tests/e2e/`.
