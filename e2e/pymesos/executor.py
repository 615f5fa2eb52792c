"""The executor of scheduler.py: runs a task in a thread and checks that its data arrived."""

import threading
import time

from pymesos import Executor, MesosExecutorDriver, decode_data


class Stories(Executor):
    def launchTask(self, driver, task):
        threading.Thread(target=self.work, args=(driver, task)).start()

    def work(self, driver, task):
        self.tell(driver, task, "TASK_RUNNING")
        arrived = decode_data(task["data"]) == task["task_id"]["value"].encode()
        self.tell(driver, task, "TASK_FINISHED" if arrived else "TASK_FAILED")
        # Updates are sent by the driver's own thread; ending at once would lose the last one.
        time.sleep(2)
        driver.stop()

    @staticmethod
    def tell(driver, task, state):
        driver.sendStatusUpdate({"task_id": task["task_id"], "state": state, "timestamp": time.time()})


if __name__ == "__main__":
    MesosExecutorDriver(Stories()).run()
