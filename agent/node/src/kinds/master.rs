//! A Mesos master: our own program with Mesos' flags.

use super::{Machine, Recipe, flags};
use crate::component::Master;
use crate::layout::Home;

pub(super) fn recipe(master: &Master, home: &Home, machine: &Machine) -> Recipe {
    let mut argv = vec![
        machine.program.display().to_string(),
        "master".into(),
        format!("--ip={}", master.bind_address),
        format!("--port={}", master.port),
        format!("--zk={}", master.zookeeper),
        format!("--quorum={}", master.quorum),
        format!("--work_dir={}", home.work().display()),
        format!("--live_settings={}", home.live().display()),
    ];
    if !master.hostname.is_empty() {
        argv.push(format!("--hostname={}", master.hostname));
    }
    if !master.cluster_name.is_empty() {
        argv.push(format!("--cluster={}", master.cluster_name));
    }
    if let Some(pki) = &machine.pki_dir {
        argv.push(format!("--pki_dir={}", pki.display()));
    }
    argv.extend(flags(&master.flags));
    Recipe {
        argv,
        env: machine.env.clone(),
        directories: vec![home.work(), home.conf(), home.logs()],
        files: vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::fixtures::{home, machine};

    #[test]
    fn the_command_line_is_that_of_a_mesos_master() {
        let master = Master {
            bind_address: "127.0.0.11".into(),
            port: 5050,
            hostname: "cp1".into(),
            zookeeper: "zk://127.0.0.11:2181/mesos".into(),
            cluster_name: "production-cluster".into(),
            quorum: 2,
            flags: [("offer_timeout".to_owned(), "5secs".to_owned())].into(),
        };
        let argv = recipe(&master, &home("master"), &machine()).argv.join(" ");
        assert_eq!(
            argv,
            "/usr/bin/mesolith master --ip=127.0.0.11 --port=5050 --zk=zk://127.0.0.11:2181/mesos --quorum=2 \
             --work_dir=/state/u-1/master/work --live_settings=/state/u-1/master/conf/live.json --hostname=cp1 \
             --cluster=production-cluster --pki_dir=/pki --offer_timeout=5secs"
        );
    }
}
