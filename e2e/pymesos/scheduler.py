"""A framework on pymesos: runs a few command tasks and a few tasks of its own executor, and ends when all have.

    scheduler.py MASTER        host:port of any master, or zk://...
"""

import os
import sys
import threading

from addict import Dict
from pymesos import MesosSchedulerDriver, Scheduler, encode_data

COMMANDS, CUSTOM = 3, 2
NEEDED = {"cpus": 0.1, "mem": 32.0}


def scalars(amounts):
    return [{"name": name, "type": "SCALAR", "scalar": {"value": value}} for name, value in amounts.items()]


class Stories(Scheduler):
    def __init__(self):
        self.waiting = [f"command-{n}" for n in range(COMMANDS)] + [f"custom-{n}" for n in range(CUSTOM)]
        self.finished, self.failed = set(), []

    def registered(self, driver, framework_id, master_info):
        print("subscribed as", framework_id["value"], flush=True)

    def resourceOffers(self, driver, offers):
        for offer in offers:
            free = {r["name"]: r["scalar"]["value"] for r in offer["resources"] if "scalar" in r}
            # An executor of its own needs as much again.
            if not self.waiting or any(free.get(name, 0) < 2 * value for name, value in NEEDED.items()):
                driver.declineOffer(offer["id"], {"refuse_seconds": 1})
                continue
            name = self.waiting.pop(0)
            print("launch", name, "on", offer["hostname"], flush=True)
            driver.launchTasks(offer["id"], [self.task(name, offer)], {"refuse_seconds": 1})

    def task(self, name, offer):
        task = Dict()
        task.task_id.value = name
        task.name = name
        task.agent_id.value = offer["agent_id"]["value"]
        task.resources = scalars(NEEDED)
        if name.startswith("command"):
            task.command.value = "echo $MESOS_TASK_ID; test -n \"$MESOS_SANDBOX\""
        else:
            here = os.path.dirname(os.path.abspath(__file__))
            task.executor.executor_id.value = name
            task.executor.name = name
            task.executor.command.value = f"{sys.executable} {here}/executor.py"
            task.executor.resources = scalars(NEEDED)
            task.data = encode_data(name.encode())
        return task

    def statusUpdate(self, driver, update):
        name, state = update["task_id"]["value"], update["state"]
        print(name, state, update.get("message", ""), flush=True)
        if state == "TASK_FINISHED":
            self.finished.add(name)
        elif state not in ("TASK_STAGING", "TASK_STARTING", "TASK_RUNNING"):
            self.failed.append((name, state))
        if self.failed or len(self.finished) == COMMANDS + CUSTOM:
            driver.stop()


def main():
    framework = {"user": "root", "name": "pymesos-stories", "hostname": "localhost"}
    scheduler = Stories()
    driver = MesosSchedulerDriver(scheduler, framework, sys.argv[1])
    threading.Timer(90, driver.stop).start()
    driver.run()
    print(len(scheduler.finished), "finished, failed:", scheduler.failed, flush=True)
    # The timer's thread would hold the process.
    os._exit(0 if len(scheduler.finished) == COMMANDS + CUSTOM else 1)


if __name__ == "__main__":
    main()
