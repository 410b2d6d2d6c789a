"""``python -m book.lab FOLDER``: write what the lab page reads, networks, graphs and pictures."""

import argparse
import sys

from book.lab import export


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m book.lab", description=__doc__)
    parser.add_argument("folder", help="where to")
    folder = parser.parse_args(arguments).folder
    try:
        written = export.write(folder)
    except (ValueError, OSError) as error:
        print(f"gahr: {error}", file=sys.stderr)
        return 1
    size = sum(path.stat().st_size for path in written)
    print(f"wrote {len(written)} files, {size / 1e6:.1f} MB, into {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
