//! Mesos vocabulary: ids, resource arithmetic, attributes, task states. No IO.
