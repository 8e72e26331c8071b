"""The flag `--version` and the versions it shows."""

import platform
from importlib import metadata

import click


def version_text() -> str:
    """Returns the versions of this package and of what its results depend on."""
    torch = _version("torch")
    build = torch.partition("+")[2] or "default"
    package, numba = _version("muzero-engine"), _version("numba")
    return f"muzero-engine {package}, python {platform.python_version()}, torch {torch} (build: {build}), numba {numba}"


def _version(distribution: str) -> str:
    """Returns the installed version of a distribution without importing it."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"


def _show_version(context: click.Context, _parameter: click.Parameter, is_wanted: bool) -> None:
    """Prints the versions and exits."""
    if is_wanted and not context.resilient_parsing:
        click.echo(version_text())
        context.exit()


version_option = click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    allow_from_autoenv=False,
    callback=_show_version,
    help="Show the versions of this package, Python, torch and Numba.",
)
