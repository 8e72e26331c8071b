"""The Atari games that ale-py bundles, by the names that `--env atari:<ROM>` takes."""

from pathlib import Path

from ale_py import ALEInterface, roms


def rom_files() -> dict[str, Path]:
    """Returns the file of each bundled game that one can play alone, by its name as in ALE/<name>-v5, sorted."""
    files = {rom.title().replace("_", ""): roms.get_rom_path(rom) for rom in roms.get_all_rom_ids()}
    return {name: file for name, file in sorted(files.items()) if file is not None and ALEInterface.isSupportedROM(file)}
