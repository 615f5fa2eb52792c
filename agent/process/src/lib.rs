//! Processes that outlive their starter: launch in a cgroup, adopt again, stop, exit status.
