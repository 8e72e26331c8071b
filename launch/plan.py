"""Shows what a run will take: as a table, or as one JSON object. The arithmetic is in `engine/plan.py`."""

import os
from typing import Any

from rich.console import Console
from rich.table import Table

from engine.config import RunConfig
from engine.device_plan import DevicePlan
from engine.plan import Plan, make_plan, size_text


def plan_of(config: RunConfig) -> Plan:
    """Returns the plan of a configuration; builds its network once to count it, and asks torch for the memory of a GPU here."""
    import torch

    from muzero.games import make_game
    from muzero.networks.flat_state import num_floats
    from muzero.networks.network import build_network

    game = make_game(config.env)
    network = build_network(game.spec, game.action_planes(), config.network, config.seed)
    num_gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    device_bytes = min((torch.cuda.get_device_properties(gpu).total_memory for gpu in range(num_gpus)), default=None)
    return make_plan(config, game.spec, num_floats(network), device_bytes, num_gpus)


def plan_record(plan: Plan) -> dict[str, Any]:
    """Returns the plan as JSON-able numbers."""
    return {
        "environment": plan.environment,
        "processes": {role.role: role.num_processes for role in plan.roles},
        "num_processes": plan.num_processes,
        "cores": num_cores(),
        "ring_bytes": plan.ring_bytes,
        "weights_bytes": plan.weights_bytes,
        "telemetry_bytes": plan.telemetry_bytes,
        "latent_pool_bytes": plan.latent_pool_bytes,
        "private_bytes": plan.private_bytes,
        "memory_bytes": plan.memory_bytes,
        "available_bytes": plan.available_bytes,
        "trees_in_flight": plan.trees_in_flight,
        "expected_batch": plan.expected_batch,
        "is_memory_checked": plan.is_memory_checked,
        "devices": [_device_record(device) for device in plan.devices],
        "notes": list(plan.notes),
        "fits": plan.fits,
    }


def _device_record(device: DevicePlan) -> dict[str, Any]:
    """Returns what one GPU holds as JSON-able numbers."""
    return {
        "device": device.name,
        "parts": {part.name: part.size_bytes for part in device.parts},
        "total_bytes": device.total_bytes,
        "memory_bytes": device.memory_bytes,
        "games_per_actor": device.games_per_actor,
        "micro_batch_size": device.micro_batch,
        "fits": device.fits,
    }


def print_plan(plan: Plan, console: Console | None = None) -> None:
    """Prints the plan: what to know before its verdicts are read, the machine's table, and one of each GPU."""
    console = console or Console(highlight=False)
    for note in plan.notes:
        console.print(f"[yellow]note:[/yellow] {note}")
    console.print(plan_table(plan))
    for device in plan.devices:
        console.print()
        console.print(device_table(device, plan))


def plan_table(plan: Plan) -> Table:
    """Returns the plan as a table: what, how much, how it comes about."""
    table = _empty_table(f"Plan: {plan.environment}")
    for role in plan.roles:
        table.add_row(role.role, str(role.num_processes), f"{size_text(role.process_bytes)} of private memory each, estimated")
    table.add_row("processes", str(plan.num_processes), f"{size_text(plan.private_bytes)} of private memory in all, estimated")
    table.add_row("cores", str(num_cores()), _cores_text(plan))
    table.add_section()
    table.add_row(
        "replay ring",
        size_text(plan.ring_bytes),
        f"{plan.capacity_steps:,} steps of {plan.ring_bytes / plan.capacity_steps:.0f} bytes, shared",
    )
    table.add_row("weights", "unknown" if plan.weights_bytes is None else size_text(plan.weights_bytes), "two versions, shared")
    table.add_row("telemetry", size_text(plan.telemetry_bytes), "shared")
    if plan.is_pool_on_host:
        table.add_row("latent pool", size_text(plan.latent_pool_bytes), _pool_text(plan))
    table.add_section()
    table.add_row("trees in flight", f"{plan.trees_in_flight:,}", "games of all actors, positions of all reanalyzers")
    table.add_row(
        "expected batch",
        f"{plan.expected_batch:,}",
        "leaves per forward pass, one group of each actor and reanalyzer of a server",
        end_section=True,
    )
    table.add_row("memory", size_text(plan.memory_bytes), _memory_text(plan), style="bold")
    return table


def device_table(device: DevicePlan, plan: Plan) -> Table:
    """Returns what one GPU holds as a table of the same form."""
    table = _empty_table(f"On the {device.name}")
    for part in device.parts:
        table.add_row(part.name, size_text(part.size_bytes), part.reason)
    table.add_section()
    table.add_row("in all", size_text(device.total_bytes), _device_text(device), style="bold")
    if device.games_per_actor is not None:
        table.add_row("games per actor", f"{device.games_per_actor:,}", _games_text(device, plan))
    return table


def _empty_table(title: str) -> Table:
    """Returns a table of three columns: what, how much, how it comes about."""
    table = Table(title=title, title_justify="left", title_style="bold", pad_edge=False, box=None, padding=(0, 3, 0, 0))
    table.add_column("What", style="cyan", min_width=21)
    table.add_column("Takes", justify="right", no_wrap=True, min_width=10)
    table.add_column("How it comes about", style="dim")
    return table


def num_cores() -> int:
    """Returns the cores that this process may use."""
    return len(os.sched_getaffinity(0))


def _cores_text(plan: Plan) -> str:
    """Returns whether each process that computes has a core of this machine for itself; the supervisor hardly needs one."""
    num_busy = max(1, plan.num_processes - 1)
    share = "one for each" if num_busy <= num_cores() else "they take turns, more --actors would hardly be faster"
    return f"of this machine, for {num_busy} that compute{'s' if num_busy == 1 else ''}: {share}"


def _memory_text(plan: Plan) -> str:
    """Returns whether the machine's memory holds the run."""
    if not plan.is_memory_checked:
        return "of the machine, not checked"
    verdict = "[green]fits[/green]" if plan.fits_memory else f"[red]does not fit[/red], {plan.remedy}"
    return f"{verdict}: {size_text(plan.available_bytes)} available, {size_text(plan.usable_bytes)} may be taken"


def _device_text(device: DevicePlan) -> str:
    """Returns whether a GPU holds the run."""
    if device.memory_bytes is None or device.usable_bytes is None:
        return "not checked, its memory is not known here: say it with --set plan.device_memory=24GB"
    verdict = "[green]fits[/green]" if device.fits else f"[red]does not fit[/red], {device.remedy}"
    there = f"{size_text(device.memory_bytes)} ({device.memory_bytes / 1e9:.0f} GB)"
    return f"{verdict}: {there} on it, {size_text(device.usable_bytes)} may be taken"


def _games_text(device: DevicePlan, plan: Plan) -> str:
    """Returns of what the games per actor are the most."""
    actors = max(1, next((role.num_processes for role in plan.roles if role.role == "actor"), 1))
    amount = "the most that fit" if device.games_per_actor else "not even one in each group fits"
    return f"{amount} with {actors} actors and micro-batches of {device.micro_batch} samples"


def _pool_text(plan: Plan) -> str:
    """Returns how the latent pool's size comes about."""
    if not plan.latent_pool_bytes:
        return "none, the device is simulated"
    shape = " x ".join(str(size) for size in plan.latent_shape)
    return f"{plan.num_slots} trees x {plan.num_nodes} nodes x {shape}, in memory"
