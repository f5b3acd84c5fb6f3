"""Prints which test files `make check` runs: `python -m tests.changed [COMMIT]`.

They are those that have changed since COMMIT, those that import a module that has, and a few quick ones always. COMMIT
is by default where the branch left its upstream, or HEAD if it has none. Changes that are not committed count.
"""

import subprocess
import sys
from collections.abc import Iterable, Iterator

from tests.conftest import ROOT
from tests.test_architecture import imports

ALWAYS = (
    "tests/http/test_ops.py",
    "tests/http/test_predict.py",
    "tests/system/test_documented_commands.py",
    "tests/test_architecture.py",
    "tests/test_wire.py",
    "tests/unit/test_docs.py",
    "tests/unit/test_habits.py",
)
FOLDERS = ("tests/unit", "tests/http")


def git(*words: str) -> list[str]:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")[:-1]


def fork_point() -> str:
    try:
        return git("merge-base", "HEAD", "@{upstream}")[0]
    except subprocess.CalledProcessError:
        return "HEAD"


def changed_files(since: str) -> set[str]:
    return {*git("diff", "--name-only", since), *git("ls-files", "--others", "--exclude-standard")}


def module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def affected(changed: Iterable[str]) -> Iterator[str]:
    """Yield the test files that have changed or import a module that has."""
    modules = {module(path) for path in changed if path.endswith(".py")}
    for path in (path for folder in FOLDERS for path in sorted((ROOT / folder).glob("test_*.py"))):
        name = str(path.relative_to(ROOT))
        imported = {part for target, _ in imports(path) for part in (target, target.rpartition(".")[0])}
        if name in changed or modules & imported:
            yield name


def main() -> None:
    since = sys.argv[1] if len(sys.argv) > 1 else fork_point()
    print(*sorted({*ALWAYS, *affected(changed_files(since))}))  # noqa: T201  # for make


if __name__ == "__main__":
    main()
