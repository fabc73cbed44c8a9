"""The thread pool survives forks, new processes, Ctrl-C and the end of Python: figures F13 and F14."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from convolve.runtime import threads
from tests import seeds
from tests.runtime.counting import Job, check_jobs

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
def test_new_processes_after_use(method: str, busy: bool) -> None:
    context: Any = multiprocessing.get_context(method)  # its kinds share no type that has Process
    ended = threading.Event()
    caller = threading.Thread(target=check_jobs, args=(3, None if busy else 1, ended))
    caller.start()
    for _ in range(5):  # idle and busy: F14's ten of each method
        check_jobs(2, 20)
        child = context.Process(target=check_jobs, args=(2, 50))
        child.start()
        child.join(60)
        code = child.exitcode
        child.kill()
        assert code == 0
    ended.set()
    caller.join()


def test_a_child_of_a_child() -> None:
    check_jobs(2, 20)
    child = multiprocessing.get_context("fork").Process(target=fork_again)
    child.start()
    child.join(60)
    assert child.exitcode == 0


def fork_again() -> None:
    check_jobs(2, 20)
    child = os.fork()
    if child == 0:
        check_jobs(2, 20)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    check_jobs(2, 20)


CTRL_C = """
import sys, time
from convolve.runtime import threads
from tests.runtime.counting import Job

threads.set_num_threads(int(sys.argv[1]))
Job(16).run(threads.run, 1e6)
for number in range(5):
    job = Job(500_000, 1_000_000)  # minutes of work
    try:
        print("running", flush=True)
        job.run(threads.run, job.items * 4e5)
        print("finished", flush=True)
    except KeyboardInterrupt:
        before = bytes(job.cells)
        time.sleep(0.02)
        same = bytes(job.cells) == before and job.counts() == {0, 1}
        after = Job(1000, 100)
        after.run(threads.run, 1e6)
        print("usable" if same and after.counts() == {1} else "broken", flush=True)
"""


@pytest.mark.parametrize("count", [1, 2, 3])
def test_ctrl_c_stops_a_long_job_and_the_pool_goes_on(count: int) -> None:
    source = random.Random(seeds.seed())
    command = [sys.executable, "-c", CTRL_C, str(count)]
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout
            for _ in range(5):
                assert child.stdout.readline() == "running\n"
                time.sleep(source.uniform(0.05, 0.3))
                child.send_signal(signal.SIGINT)
                assert child.stdout.readline() == "usable\n"
            assert child.wait(60) == 0
        finally:
            child.kill()


@pytest.mark.parametrize("count", [1, 2, 7])
def test_python_ends_right_after_use(count: int) -> None:
    program = f"from tests.runtime.counting import check_jobs; check_jobs({count}, 20)"
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", program], env=ENVIRONMENT, capture_output=True, text=True, timeout=100
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_fewer_threads_than_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that refuses threads makes jobs slower, never wrong."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    before = threads.get_num_threads()
    threads.set_num_threads(9)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    job = Job(100)
    job.run(threads.run, 1e6)
    threads.set_num_threads(before)
    assert job.counts() == {1}
