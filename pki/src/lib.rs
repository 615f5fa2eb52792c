//! Per-cluster certificate authority, node certificates, TLS that reloads without a restart.
