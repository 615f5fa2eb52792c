//! ZooKeeper: client sessions, leader election and detection in Mesos's layout, four-letter words.
