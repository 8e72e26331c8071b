"""Processes and their descendants, as the kernel counts them, on real ones."""

import os
import subprocess
import sys

from engine.machine_load import process_tree, tree_cpu_seconds

BURN = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"


def test_a_process_tree_holds_children_and_grandchildren_after_their_parents() -> None:
    command = "read line; exit"
    with subprocess.Popen(["sh", "-c", f"sh -c '{command}'; true"], stdin=subprocess.PIPE) as child:
        while len(process_tree(child.pid)) < 2:  # the child starts it at once
            pass
        tree = process_tree(os.getpid())
        grandchild = process_tree(child.pid)[1]
        assert tree[0] == os.getpid() and tree.index(child.pid) < tree.index(grandchild)
        child.communicate(b"\n", timeout=20)
    assert child.pid not in process_tree(os.getpid())


def test_processor_time_of_a_tree_keeps_what_ended_processes_took() -> None:
    before = tree_cpu_seconds(os.getpid())
    subprocess.run([sys.executable, "-c", BURN], check=True, timeout=60)
    assert tree_cpu_seconds(os.getpid()) - before >= 0.3
