"""A framework on pymesos that keeps a few tasks for as long as it runs, and survives a change of masters.

    steady.py zk://HOST:PORT,.../PATH COUNT
"""

import sys

from addict import Dict
from pymesos import MesosSchedulerDriver, Scheduler

NEEDED = {"cpus": 0.1, "mem": 16.0}


class Steady(Scheduler):
    def __init__(self, count):
        self.waiting = [f"steady-{n}" for n in range(count)]

    def registered(self, driver, framework_id, master_info):
        print("subscribed as", framework_id["value"], flush=True)

    def resourceOffers(self, driver, offers):
        for offer in offers:
            free = {r["name"]: r["scalar"]["value"] for r in offer["resources"] if "scalar" in r}
            if not self.waiting or any(free.get(name, 0) < value for name, value in NEEDED.items()):
                driver.declineOffer(offer["id"], {"refuse_seconds": 5})
                continue
            driver.launchTasks(offer["id"], [self.task(self.waiting.pop(0), offer)], {"refuse_seconds": 1})

    def task(self, name, offer):
        task = Dict()
        task.task_id.value = name
        task.name = name
        task.agent_id.value = offer["agent_id"]["value"]
        task.resources = [
            {"name": name, "type": "SCALAR", "scalar": {"value": value}} for name, value in NEEDED.items()
        ]
        task.command.value = "exec sleep 8640222"
        return task

    def statusUpdate(self, driver, update):
        print(update["task_id"]["value"], update["state"], update.get("message", ""), flush=True)


def main():
    framework = {"user": "root", "name": "pymesos-steady", "hostname": "localhost", "failover_timeout": 600}
    MesosSchedulerDriver(Steady(int(sys.argv[2])), framework, sys.argv[1]).run()


if __name__ == "__main__":
    main()
