"""The door: this file has to be readable for old Pythons, so that they can be told apart."""

import sys

OLDEST = (3, 11)
CANNOT = 78


def main():  # type: () -> int
    if sys.version_info[:2] < OLDEST:
        found = ".".join(map(str, sys.version_info[:3]))
        print(
            f"error: Python 3.11 or newer is needed, {sys.executable} is {found}; "
            "name another one: make serve PYTHON=python3.11",
            file=sys.stderr,
        )
        return CANNOT
    from launcher.cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
