"""The benchmarks of server and sockets run their real processes and report one row per size of message."""

import pytest

from engine.messages import HEADER
from launch import bench_engine, bench_inference, bench_transport
from launch.bench_inference import InferenceRow
from launch.bench_transport import TransportRow, message_sizes


def test_bench_inference_counts_what_a_message_costs_the_server() -> None:
    (row,) = bench_inference.bench_inference(leaves=(4,), seconds=0.1, rounds=1)["rows"]
    assert (row["leaves_per_message"], row["clients"]) == (4, 8)
    assert 4 <= row["mean_batch"] <= 32
    assert row["leaves_per_second"] == pytest.approx(4 * row["requests_per_second"], abs=1.0)
    assert row["server_cpu_microseconds_per_message"] == pytest.approx(4 * row["server_cpu_microseconds_per_leaf"], rel=0.01)
    assert row["ratio"] == pytest.approx(row["server_cpu_microseconds_per_message"] / row["bare_cpu_microseconds_per_message"], rel=0.01)


def test_bench_transport_compares_the_sockets_with_bare_zeromq() -> None:
    (row,) = bench_transport.bench_transport(leaves=(2,), seconds=0.1, rounds=1)["rows"]
    assert (row["request_bytes"], row["reply_bytes"]) == (HEADER.size + 16, HEADER.size + 16 * 51)
    assert row["ratio"] == pytest.approx(row["round_trips_per_second"] / row["bare_round_trips_per_second"], rel=0.01)
    assert row["bytes_per_second"] == pytest.approx(row["round_trips_per_second"] * (2 * HEADER.size + 16 * 52), rel=0.01)
    assert row["cpu_microseconds_per_round_trip"] > 0


def test_messages_of_the_benchmark_are_as_long_as_those_of_an_actor() -> None:
    assert message_sizes(8) == (40 + 64, 40 + 8 * (2 * 4 + 50 * 8))


def test_what_is_shown_of_a_row_is_in_it() -> None:
    shown = ((bench_engine, bench_engine.EngineRow), (bench_inference, InferenceRow), (bench_transport, TransportRow))
    assert all(set(module.HEADINGS) <= set(row_type.__annotations__) for module, row_type in shown)
