import threading
import time

import numpy as np

from engine.atomics import fence_acquire, fence_release, finish_reads, load, load_acquire, order_writes, store, store_release
from muzero.jit import njit
from muzero.types import Int64Array

ROUNDS = 200_000


@njit
def wait_for(words: Int64Array, value: int) -> None:
    while load_acquire(words, 0) != value:
        pass


@njit
def send_rounds(words: Int64Array, data: Int64Array, rounds: int) -> None:
    for number in range(1, rounds + 1):
        store_release(words, 0, -number)
        fence_release()
        for index in range(data.shape[0]):
            data[index] = number
        store_release(words, 0, number)


@njit
def count_torn_rounds(words: Int64Array, data: Int64Array, rounds: int, out_counts: Int64Array) -> None:
    stamp = 0
    while stamp < rounds:
        stamp = load_acquire(words, 0)
        if stamp <= 0:
            continue
        low, high = data[0], data[0]
        for index in range(data.shape[0]):
            low, high = min(low, data[index]), max(high, data[index])
        fence_acquire()
        if load_acquire(words, 0) == stamp:
            out_counts[0] += 1
            out_counts[1] += low != stamp or high != stamp


def test_a_stored_word_is_loaded_again():
    words = np.zeros(16, dtype=np.int64)
    store(words, 8, -(1 << 62))
    order_writes()
    finish_reads()
    assert load(words, 8) == -(1 << 62)
    assert np.count_nonzero(words) == 1


def test_a_spinning_kernel_sees_a_store_of_another_thread():
    words = np.zeros(8, dtype=np.int64)
    wait_for(words, 0)  # compiles
    waiter = threading.Thread(target=wait_for, args=(words, 42), daemon=True)
    waiter.start()
    time.sleep(0.05)
    store(words, 0, 42)
    waiter.join(timeout=5.0)
    assert not waiter.is_alive()


def test_a_stamp_that_stays_the_same_means_the_data_between_is_whole():
    words, data, counts = np.zeros(8, dtype=np.int64), np.zeros(64, dtype=np.int64), np.zeros(2, dtype=np.int64)
    send_rounds(words, data, 0)
    count_torn_rounds(words, data, 0, counts)
    sender = threading.Thread(target=send_rounds, args=(words, data, ROUNDS))
    sender.start()
    count_torn_rounds(words, data, ROUNDS, counts)
    sender.join(timeout=10.0)
    assert counts[0] > 0
    assert counts[1] == 0
