"""A compiled module does not show what it imports, and a kernel module is chosen at run time."""

from pathlib import Path

hiddenimports = [
    f"elu.{file.name.partition('.')[0]}"
    for file in Path(__file__).parents[1].glob("_*.*")
    if file.suffix in (".py", ".pyd", ".so") and not file.name.startswith("__")
]
