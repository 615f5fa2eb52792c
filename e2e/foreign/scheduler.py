"""A framework of somebody else, on Mesos's v1 scheduler API and nothing but Python: keeps one task running.

    scheduler.py MASTER HOST    host:port of the leading master; the first task starts on the agent of that host name

It prints what happens, one line each, and does nothing about inverse offers but print them.
"""

import http.client
import json
import sys

MASTER, HOST = sys.argv[1:3]
PATH = "/api/v1/scheduler"
HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}
FRAMEWORK = {"user": "root", "name": "foreign", "roles": ["*"], "capabilities": [{"type": "MULTI_ROLE"}]}
NEEDED = {"cpus": 0.1, "mem": 16.0}

state = {"task": None, "started": 0}


def call(kind, framework_id, stream, **body):
    connection = http.client.HTTPConnection(MASTER, timeout=10)
    message = {"type": kind, "framework_id": framework_id, **body}
    connection.request("POST", PATH, json.dumps(message), {**HEADERS, "Mesos-Stream-Id": stream})
    answer = connection.getresponse()
    if answer.status != 202:
        print("refused", kind, answer.status, answer.read(), flush=True)
    connection.close()


def events(answer):
    """RecordIO: the length, a newline, the record."""
    while True:
        length = b""
        while not length.endswith(b"\n"):
            byte = answer.read(1)
            if not byte:
                return
            length += byte
        yield json.loads(answer.read(int(length)))


def offered(offers, framework_id, stream):
    for offer in offers:
        free = {r["name"]: r["scalar"]["value"] for r in offer["resources"] if "scalar" in r}
        place = state["started"] > 0 or offer["hostname"] == HOST
        if state["task"] or not place or any(free.get(name, 0) < value for name, value in NEEDED.items()):
            call("DECLINE", framework_id, stream, decline={"offer_ids": [offer["id"]], "filters": {"refuse_seconds": 1}})
            continue
        state["started"] += 1
        state["task"] = f"foreign-{state['started']}"
        resources = [{"name": n, "type": "SCALAR", "scalar": {"value": v}} for n, v in NEEDED.items()]
        task = {"name": state["task"], "task_id": {"value": state["task"]}, "agent_id": offer["agent_id"],
                "resources": resources, "command": {"value": "exec sleep 8640096"}}
        print("launch", state["task"], "on", offer["hostname"], flush=True)
        operation = {"type": "LAUNCH", "launch": {"task_infos": [task]}}
        call("ACCEPT", framework_id, stream, accept={
            "offer_ids": [offer["id"]], "operations": [operation], "filters": {"refuse_seconds": 1}})


def updated(status, framework_id, stream):
    if "uuid" in status:
        call("ACKNOWLEDGE", framework_id, stream, acknowledge={
            "agent_id": status["agent_id"], "task_id": status["task_id"], "uuid": status["uuid"]})
    name, what = status["task_id"]["value"], status["state"]
    print(name, what, status.get("message", ""), flush=True)
    if what not in ("TASK_STAGING", "TASK_STARTING", "TASK_RUNNING", "TASK_KILLING") and name == state["task"]:
        state["task"] = None


def main():
    connection = http.client.HTTPConnection(MASTER)
    connection.request("POST", PATH, json.dumps({"type": "SUBSCRIBE", "subscribe": {"framework_info": FRAMEWORK}}), HEADERS)
    answer = connection.getresponse()
    stream, framework_id = answer.getheader("Mesos-Stream-Id"), None
    for event in events(answer):
        if event["type"] == "SUBSCRIBED":
            framework_id = event["subscribed"]["framework_id"]
            print("subscribed", framework_id["value"], flush=True)
        elif event["type"] == "OFFERS":
            offered(event["offers"]["offers"], framework_id, stream)
        elif event["type"] == "INVERSE_OFFERS":
            print("inverse offer", flush=True)
        elif event["type"] == "UPDATE":
            updated(event["update"]["status"], framework_id, stream)
    print("the stream has ended", flush=True)


main()
