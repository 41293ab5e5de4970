"""What PyInstaller needs to be told, which finds this by an entry point of the package."""

from pathlib import Path


def hook_dirs() -> list[str]:
    return [str(Path(__file__).parent)]
