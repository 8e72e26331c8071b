"""Promises about the project as a whole: versions, the commands README shows, forbidden imports and calls, paths in files."""

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from itertools import chain
from pathlib import Path

import click
import pytest

from launch import cli

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("engine", "launch", "muzero")
FOLDERS = (*PACKAGES, "tests", "docs", "examples", "benchmarks", ".ci")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
FORBIDDEN_MODULES = {"pickle", "dill", "cloudpickle", "shelve", "marshal", "multiprocessing"}
FORBIDDEN_CALLS = {"os.fork", "os.forkpty", "torch.load", "torch.save"}
"""Forking does not survive CUDA, ZeroMQ or OpenMP; torch's own files are pickles."""
MACHINE_PATHS = re.compile(r"(?<![\w.}$-])/(?:work|root|Users|home/\w+)/")

SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def imported_modules(tree: ast.AST) -> set[str]:
    """Returns the top-level packages that a source imports, inside functions too."""
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    return {name.split(".")[0] for name in names}


def project_files() -> Iterator[Path]:
    """Yields every file of the project, generated ones left out."""
    yield from (path for path in ROOT.iterdir() if path.is_file() and path.name != ".git")
    for folder in FOLDERS:
        yield from (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def readme_commands() -> list[list[str]]:
    """Returns the words of each `muzero...` line in README's shell blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    return [shlex.split(line, comments=True) for block in blocks for line in block.splitlines() if line.startswith("muzero")]


def click_command(words: list[str]) -> click.Command:
    """Returns the click command that these words call."""
    command: click.Command = cli.launch if words[0] == "muzero-launch" else cli.muzero
    for word in words[1:]:
        if not isinstance(command, click.Group):
            break
        command = command.commands[word]
    return command


def test_newest_changelog_entry_is_the_version() -> None:
    newest = re.search(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)

    assert newest is not None and newest[1] == PROJECT["version"]


def test_installed_version_is_the_project_version() -> None:
    assert version("muzero-engine") == PROJECT["version"]


def test_every_dependency_has_a_tested_version() -> None:
    pinned = {line.split("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line}
    entries = [*PROJECT["dependencies"], *chain(*PROJECT["optional-dependencies"].values())]
    needed = {re.split(r"[<>=[]", entry)[0].lower() for entry in entries} - {PROJECT["name"]}

    assert needed <= pinned


@pytest.mark.parametrize("words", readme_commands(), ids=shlex.join)
def test_readme_commands_have_only_flags_that_exist(words: list[str]) -> None:
    known = {option for parameter in click_command(words).params for option in parameter.opts}
    used = {word.split("=")[0] for word in words if word.startswith("--")}

    assert used <= known, f"{words[0]} has no {used - known}"


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)\)", (ROOT / "README.md").read_text()))
def test_readme_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


def test_nothing_pickles_or_forks() -> None:
    for path in SOURCES:
        tree = ast.parse(path.read_text())
        mentioned = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        found = imported_modules(tree) & FORBIDDEN_MODULES | mentioned & FORBIDDEN_CALLS
        assert not found, f"{path.relative_to(ROOT)} uses {found}"


def test_every_source_says_what_it_holds() -> None:
    silent = [str(path.relative_to(ROOT)) for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text()))]

    assert not silent


def test_no_file_names_a_path_of_one_machine() -> None:
    for path in project_files():
        found = MACHINE_PATHS.search(path.read_text(errors="replace"))
        assert not found, f"{path.relative_to(ROOT)} names {found[0]}"
