"""Shows what a run will take: as a table, or as one JSON object. The arithmetic is in `engine/plan.py`."""

from typing import Any

from rich.console import Console
from rich.table import Table

from engine.config import RunConfig
from engine.plan import Plan, make_plan, size_text


def plan_of(config: RunConfig) -> Plan:
    """Returns the plan of a configuration; builds its network once to count it."""
    from muzero.games import make_game
    from muzero.networks.flat_state import num_floats
    from muzero.networks.network import build_network

    game = make_game(config.game)
    network = build_network(game.spec, game.action_planes(), config.network, config.seed)
    return make_plan(config, game.spec, num_floats(network))


def plan_record(plan: Plan) -> dict[str, Any]:
    """Returns the plan as JSON-able numbers."""
    return {
        "environment": plan.environment,
        "processes": {role.role: role.num_processes for role in plan.roles},
        "num_processes": plan.num_processes,
        "ring_bytes": plan.ring_bytes,
        "weights_bytes": plan.weights_bytes,
        "telemetry_bytes": plan.telemetry_bytes,
        "latent_pool_bytes": plan.latent_pool_bytes,
        "private_bytes": plan.private_bytes,
        "memory_bytes": plan.memory_bytes,
        "available_bytes": plan.available_bytes,
        "trees_in_flight": plan.trees_in_flight,
        "expected_batch": plan.expected_batch,
        "fits": plan.fits,
    }


def print_plan(plan: Plan, console: Console | None = None) -> None:
    """Prints the plan as a table."""
    (console or Console(highlight=False)).print(plan_table(plan))


def plan_table(plan: Plan) -> Table:
    """Returns the plan as a table: what, how much, how it comes about."""
    table = Table(
        title=f"Plan: {plan.environment}", title_justify="left", title_style="bold", pad_edge=False, box=None, padding=(0, 3, 0, 0)
    )
    table.add_column("What", style="cyan")
    table.add_column("Takes", justify="right", no_wrap=True)
    table.add_column("How it comes about", style="dim")
    for role in plan.roles:
        table.add_row(role.role, str(role.num_processes), f"{size_text(role.process_bytes)} of private memory each, estimated")
    table.add_row(
        "processes", str(plan.num_processes), f"{size_text(plan.private_bytes)} of private memory in all, estimated", end_section=True
    )
    table.add_row(
        "replay ring",
        size_text(plan.ring_bytes),
        f"{plan.capacity_steps:,} steps of {plan.ring_bytes / plan.capacity_steps:.0f} bytes, shared",
    )
    table.add_row("weights", "unknown" if plan.weights_bytes is None else size_text(plan.weights_bytes), "two versions, shared")
    table.add_row("telemetry", size_text(plan.telemetry_bytes), "shared")
    table.add_row("latent pool", size_text(plan.latent_pool_bytes), _pool_text(plan), end_section=True)
    table.add_row("trees in flight", str(plan.trees_in_flight), "games of all actors")
    table.add_row("expected batch", str(plan.expected_batch), "leaves per forward pass, one group of every actor")
    verdict = "[green]fits[/green]" if plan.fits else "[red]does not fit[/red]"
    table.add_row(
        "memory",
        size_text(plan.memory_bytes),
        f"{verdict}: {size_text(plan.available_bytes)} available, {size_text(plan.usable_bytes)} may be taken",
        style="bold",
    )
    return table


def _pool_text(plan: Plan) -> str:
    """Returns how the latent pool's size comes about."""
    shape = " x ".join(str(size) for size in plan.latent_shape)
    return f"{plan.num_slots} trees x {plan.num_nodes} nodes x {shape}, {'in memory' if plan.is_pool_on_host else 'on the GPU'}"
