"""``python -m book.studies NAME``: measure a stored result again and write it into ``data/results/``."""

import argparse
import sys

from book.studies import store


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m book.studies", description=__doc__)
    parser.add_argument("name", help="of the result, as python -m gahr zoo lists it")
    try:
        print(f"wrote {store.store(parser.parse_args(arguments).name)}")
    except (ValueError, KeyError, OSError) as error:
        text = error.args[0] if isinstance(error, KeyError) else error
        print(f"gahr: {text}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
