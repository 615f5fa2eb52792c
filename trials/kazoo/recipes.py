#!/usr/bin/env python3
"""kazoo's recipes under load, with a check that each keeps what it promises.

    recipes.py work HOSTS ROOT SECONDS LEDGER     many clients at once, for a while
    recipes.py go-on HOSTS ROOT SECONDS LEDGER    the same on another ensemble, from what the first left, then the sums

The ledger is a JSON file with what clients were told; the second run continues it. Ends with 1 and a sentence for each
promise that was broken.
"""

import json
import os
import sys
import threading
import time

from kazoo.client import KazooClient
from kazoo.exceptions import ConnectionLoss, KazooException, SessionExpiredError
from kazoo.retry import KazooRetry

CLIENTS = 4
broken = []
guard = threading.Lock()


def breach(sentence):
    with guard:
        if len(broken) < 20:
            broken.append(sentence)


class Alone:
    """Notices when two are inside at once."""

    def __init__(self, what):
        self.what, self.inside, self.entries = what, set(), 0

    def enter(self, who):
        with guard:
            if self.inside:
                broken.append(f"{self.what}: {who} is in while {self.inside} is")
            self.inside.add(who)
            self.entries += 1

    def leave(self, who):
        with guard:
            self.inside.discard(who)


def client(hosts):
    retry = KazooRetry(max_tries=-1, max_delay=1)
    made = KazooClient(hosts=hosts, timeout=20, connection_retry=retry, command_retry=KazooRetry(max_tries=20, max_delay=1))
    made.start(timeout=60)
    return made


def locking(zk, who, root, until, alone):
    lock = zk.Lock(f"{root}/lock", who)
    while time.time() < until:
        if lock.acquire(timeout=10):
            alone.enter(who)
            time.sleep(0.005)
            alone.leave(who)
            lock.release()


def electing(zk, who, root, until, alone):
    election = zk.Election(f"{root}/election", who)

    def lead():
        alone.enter(who)
        time.sleep(0.05)
        alone.leave(who)

    stopper = threading.Timer(max(0, until - time.time()), election.cancel)
    stopper.start()
    while time.time() < until:
        election.run(lead)
    stopper.cancel()


def counting(zk, who, root, until, ledger):
    counter = zk.Counter(f"{root}/counter")
    while time.time() < until:
        try:
            counter += 1
        except (ConnectionLoss, SessionExpiredError):
            # It may have counted or not.
            with guard:
                ledger["unsure"] += 1
            continue
        with guard:
            ledger["counted"] += 1
        time.sleep(0.01)


def queueing(zk, who, root, until, ledger, producer):
    queue = zk.Queue(f"{root}/queue")
    number = 0
    while time.time() < until:
        if producer:
            number += 1
            item = f"{ledger['run']}-{who}-{number}"
            try:
                queue.put(item.encode())
            except KazooException:
                with guard:
                    ledger["maybe_put"].append(item)
                continue
            with guard:
                ledger["put"].append(item)
            time.sleep(0.01)
        else:
            take(queue, ledger)
            time.sleep(0.02)


def take(queue, ledger):
    try:
        item = queue.get()
    except KazooException:
        with guard:
            ledger["maybe_taken"] += 1
        return None
    if item is not None:
        with guard:
            ledger["taken"].append(item.decode())
    return item


def run(mode, hosts, root, seconds, path):
    ledger = {"run": 0, "counted": 0, "unsure": 0, "put": [], "maybe_put": [], "taken": [], "maybe_taken": 0}
    if os.path.exists(path):
        with open(path) as file:
            ledger = json.load(file)
    ledger["run"] += 1
    until = time.time() + seconds
    clients = [client(hosts) for _ in range(CLIENTS)]
    clients[0].ensure_path(root)
    locks, leaders = Alone("lock"), Alone("election")
    threads = []
    for number, zk in enumerate(clients):
        who = f"client-{number}"
        work = [
            (locking, (zk, who, root, until, locks)),
            (electing, (zk, who, root, until, leaders)),
            (counting, (zk, who, root, until, ledger)),
            (queueing, (zk, who, root, until, ledger, number % 2 == 0)),
        ]
        for target, arguments in work:
            threads.append(threading.Thread(target=target, args=arguments, daemon=True))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 90)
        if thread.is_alive():
            breach(f"{thread} did not end")
    if mode == "go-on":
        finish(clients[0], root, ledger)
    for zk in clients:
        zk.stop()
        zk.close()
    for alone in (locks, leaders):
        if alone.entries == 0:
            breach(f"{alone.what}: nobody was ever in")
    with open(path, "w") as file:
        json.dump(ledger, file)
    print(json.dumps({
        "lock": locks.entries, "election": leaders.entries, "counter": ledger["counted"], "unsure": ledger["unsure"],
        "put": len(ledger["put"]), "taken": len(ledger["taken"]), "broken": broken,
    }))
    return 1 if broken else 0


def finish(zk, root, ledger):
    queue = zk.Queue(f"{root}/queue")
    while len(queue) > 0:
        take(queue, ledger)
    value = zk.Counter(f"{root}/counter").value
    if not ledger["counted"] <= value <= ledger["counted"] + ledger["unsure"]:
        breach(f"counter: {value}, told {ledger['counted']} and maybe {ledger['unsure']} more")
    put, taken = set(ledger["put"]), ledger["taken"]
    twice = len(taken) - len(set(taken))
    if twice > ledger["maybe_taken"]:
        breach(f"queue: {twice} items taken twice")
    missing = put - set(taken)
    if len(missing) > ledger["maybe_taken"]:
        breach(f"queue: {len(missing)} items put and never taken, such as {sorted(missing)[:3]}")
    strange = set(taken) - put - set(ledger["maybe_put"])
    if strange:
        breach(f"queue: {len(strange)} items taken that nobody put")


if __name__ == "__main__":
    sys.exit(run(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]), sys.argv[5]))
