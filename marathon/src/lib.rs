//! Marathon semantics: app definitions, constraints, placement, back-off. No IO.
