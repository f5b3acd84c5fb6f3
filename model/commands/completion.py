"""Prints the lines that make a shell complete the commands and options."""

from typing import Final

import click
from click.shell_completion import get_completion_class

from model.commands.framework import ExitCode, command
from model.commands.options import option

COMPLETE: Final = "_ML_SERVICE_COMPLETE"  # the shell sets it when it asks the program for completions


@command("bash > ml-service.bash", "zsh > _ml-service", "fish > ml-service.fish")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@option("--program", default="ml-service", help="The program whose words are completed.")
@click.pass_context
def run(ctx: click.Context, shell: str, program: str) -> ExitCode:
    """Print what makes a shell complete the commands and options of ml-service.

    For bash, put `eval "$(ml-service completion bash)"` in ~/.bashrc, for zsh the same with zsh in ~/.zshrc, and write
    that for fish to ~/.config/fish/completions/ml-service.fish.
    """
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101  # the choices are what click knows
    print(kind(ctx.find_root().command, {}, program, COMPLETE).source())
    return ExitCode.OK
