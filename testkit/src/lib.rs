//! Helpers for tests: real servers started and stopped, worlds of several nodes, builders.
