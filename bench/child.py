"""One measurement in a process of its own: `python -m bench.child CONTENDER FUNCTION`.

Parameters come as a line of JSON on stdin. The function's answer, a flat dictionary, is the last line of stdout.
"""

import importlib
import json
import logging
import sys


def main() -> None:
    contender, function = sys.argv[1:3]
    logging.basicConfig(level=logging.WARNING)
    parameters = json.loads(sys.stdin.readline())
    answer = getattr(importlib.import_module(f"bench.{contender}"), function)(**parameters)
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
