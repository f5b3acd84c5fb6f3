"""The parts of commands: exit codes, the session, and click's command with examples."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, Self

import click

CHECKOUT: Final = "python -m model"  # the program's name where it is not installed
_NAMED: Final = re.compile(rf"(?<![/\w]){re.escape(CHECKOUT)}")  # but not in commands with the path of a Python


class ExitCode(IntEnum):
    """An exit code, and what it means, for the code, `--help` and docs/commands.md."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Self:
        """Keep the meaning beside the number."""
        code = int.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        return code

    OK = 0, "done, and everything is right"
    REFUSED = 1, "not done, or not right: one line on stderr, or the report, says what is wrong and what to do"
    USAGE = 2, "no such command or option, or a value that it does not accept"
    DIFFERENT = 3, "done, but not everything is right: predictions that differ, or rows that were refused"
    LATER = 4, "not done, because another machine did not answer as it should; the same command may succeed later"
    INTERRUPTED = 130, "interrupted by Ctrl-C"


@dataclass(frozen=True)
class Session:
    """How the program was called: its name, all arguments, and the environment."""

    program: str
    arguments: Sequence[str]
    environ: Mapping[str, str]

    def named(self, message: str) -> str:
        """Return a message whose recommended commands have the program's name."""
        return _NAMED.sub(lambda _: self.program, message)


class Command(click.Command):
    """A command whose help ends with examples, each given as the words after the command's name."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"  $ {ctx.command_path} {example}\n")


def command(*examples: str) -> Callable[[Callable[..., Any]], Command]:
    """Turn a function into a command; its docstring is the help."""
    return click.command(cls=Command, examples=examples)
