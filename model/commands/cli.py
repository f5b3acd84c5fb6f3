"""The command line: finds the command, runs it, and turns errors into one line and an exit code."""

import importlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, cast

import click
from click.shell_completion import CompletionItem

from model.commands.completion import COMPLETE
from model.commands.console import say
from model.commands.framework import CHECKOUT, ExitCode, Session
from model.errors import ModelError, StorageUnavailable

PROGRAM: Final = "ML_SERVICE_PROGRAM"  # the environment variable with the program's name, if it is installed


@dataclass(frozen=True)
class Entry:
    """A command: the module that has it as `run`, which is imported when needed, and a short summary."""

    module: str
    summary: str


# Commands that need the server are in a room above this one, which only has their names.
COMMANDS: Final = {
    "train": Entry("model.commands.train", "fit the reference model on iris, and pack it"),
    "pack": Entry("model.commands.pack", "make a bundle of a fitted estimator"),
    "sign": Entry("model.commands.sign", "sign a bundle, so that servers can tell who made it"),
    "inspect": Entry("model.commands.inspect_bundle", "show what is in a bundle, without loading the model"),
    "check": Entry("model.commands.check", "load a bundle as the server does, and say what is wrong"),
    "fetch": Entry("model.commands.fetch", "fetch a bundle from object storage, the web or a registry"),
    "bench": Entry("model.commands.bench", "measure a bundle here, and recommend workers and threads"),
    "serve": Entry("service.commands.serve", "serve a bundle or a model file, and show where"),
    "score": Entry("service.commands.score", "score a file of any size with a bundle"),
    "replay": Entry("service.commands.replay", "recompute a prediction log, and report what is different"),
    "environment": Entry("model.commands.environment", "print where the programs are that serve a bundle"),
    "completion": Entry("model.commands.completion", "print what makes a shell complete commands and options"),
}


class Program(click.Group):
    """The group of all commands; only the command that is run is imported."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the commands' names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        return cast(click.Command, importlib.import_module(COMMANDS[cmd_name].module).run)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the named command; the error for an unknown name suggests similar ones."""
        name = args[0]
        if not ctx.resilient_parsing and not name.startswith("-") and name not in COMMANDS:
            near = get_close_matches(name, COMMANDS)
            meant = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(COMMANDS)}."
            raise click.UsageError(f"there is no command {name!r}: {meant}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, and the meanings of the exit codes."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code.value), code.meaning) for code in ExitCode])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands whose names begin with `incomplete`, without importing them."""
        found = {name: entry for name, entry in COMMANDS.items() if name.startswith(incomplete)}
        items = [CompletionItem(name, help=entry.summary) for name, entry in found.items()]
        return items or click.Command.shell_complete(self, ctx, incomplete)


def main(arguments: Sequence[str], environ: Mapping[str, str], version: Callable[[], str] = lambda: "unknown") -> int:
    """Run one command, and return its exit code; an error is one line on stderr."""
    name = environ.get(PROGRAM) or CHECKOUT
    session = Session(name, tuple(arguments), environ)
    about = "Make, examine, serve and score with bundles of scikit-learn models."
    program = Program(help=about, params=[_version_option(version)])
    try:
        status = program.main(
            list(arguments),
            prog_name=name,
            complete_var=COMPLETE,
            standalone_mode=False,
            obj=session,
        )
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.REFUSED
    except click.Abort:
        say("ml-service: interrupted")
        return ExitCode.INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)
        return ExitCode.USAGE
    except click.ClickException as error:
        say(f"ml-service: usage: {_usage(error, name)}")
        return ExitCode.USAGE
    except (ModelError, OSError) as error:
        said = _of_a_file(error) if isinstance(error, OSError) else f"{error.code}: {error}"
        say(f"ml-service: {session.named(said)}")
        return ExitCode.LATER if isinstance(error, StorageUnavailable) else ExitCode.REFUSED
    return int(status or ExitCode.OK)


def _of_a_file(error: OSError) -> str:
    """Return the message of an error, with its file and what to do if it is about a file."""
    if error.filename is None or error.strerror is None:
        return f"error: {error}"
    return f"error: {os.fsdecode(error.filename)}: {error.strerror}; check the path."


def _usage(error: click.ClickException, program: str) -> str:
    """Return what is wrong with the arguments, and which command shows the right ones."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context else program
    return f"{error.format_message()} ({path} --help says more)"


def _version_option(version: Callable[[], str]) -> click.Option:
    def show(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001  # click's signature
        if value and not ctx.resilient_parsing:
            print(f"ml-service {version()}")
            ctx.exit()

    return click.Option(
        ["--version"], is_flag=True, expose_value=False, is_eager=True, callback=show, help="Show the version."
    )
