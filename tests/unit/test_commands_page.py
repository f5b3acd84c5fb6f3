"""docs/commands.md, the help and the shells' completion say what the commands are."""

import os
import re
import shlex
import shutil
import subprocess
import sys

import click
import joblib
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from model.commands.cli import COMMANDS, Program, main
from model.commands.framework import ExitCode
from model.loading import load
from model.predictor import Predictor
from tests.conftest import ROOT
from tests.keys import make_key

PAGE = (ROOT / "docs/commands.md").read_text()
PROGRAM = Program()
NAMES = {name: PROGRAM.get_command(None, name) for name in COMMANDS}


def option_row(option):
    """Return the row of an option in the page: its names, its setting, and its help."""
    names = ", ".join(f"`{name}`" for name in sorted(option.opts + option.secondary_opts, key=len, reverse=True))
    setting = f"`{option.envvar}`" if option.envvar else ""
    return f"| {names} | {setting} | {re.sub(' +', ' ', option.help)} |"


def section(name):
    return re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)[1]


@pytest.mark.parametrize("name", NAMES)
def test_the_page_has_each_command_with_its_options_and_examples(name):
    """A row for each option and a line for each example, and no row or line for anything else."""
    command = NAMES[name]
    options = [each for each in command.params if isinstance(each, click.Option)]

    assert [option_row(each) for each in options] == re.findall(r"^\| `-.*$", section(name), re.MULTILINE)
    examples = re.findall(rf"^\$ ml-service ({name}.*)$", section(name), re.MULTILINE)
    assert [f"{name} {each}".strip() for each in command.examples] == examples
    assert all(each.help for each in options)


def test_the_page_and_the_help_have_each_exit_code(capfd):
    """One table in the code says what they mean."""
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", PAGE, re.MULTILINE)
    assert 0 == main(["--help"], {})
    said = " ".join(capfd.readouterr().out.split())

    assert [(str(code.value), code.meaning) for code in ExitCode] == rows
    assert [] == [name for name in COMMANDS if name not in said]
    assert [] == [code.meaning for code in ExitCode if code.meaning not in said]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, iris_bundle):
    """Make a folder with the files that the examples name."""
    folder = tmp_path_factory.mktemp("examples")
    rows, labels = load_iris(return_X_y=True, as_frame=True)
    joblib.dump(DecisionTreeClassifier(max_depth=2).fit(rows, labels), folder / "forest.joblib")
    texts = make_pipeline(CountVectorizer(), LogisticRegression()).fit(
        ["buy now", "hello you"] * 9, ["spam", "ham"] * 9
    )
    joblib.dump(texts, folder / "text.joblib")
    rows.to_csv(folder / "train.csv", index=False)
    rows.assign(customer_id=range(len(rows))).to_parquet(folder / "customers.parquet")
    rows.to_csv(folder / "customers.csv", index=False)
    rows.to_json(folder / "customers.jsonl", orient="records", lines=True)
    for name in ("bundle", "churn"):
        shutil.copytree(iris_bundle, folder / name)
    row = [5.1, 3.5, 1.4, 0.2]
    found = Predictor(load(iris_bundle)).predict(np.array([row]))
    line = (
        '{"time":"","request_id":"r","model":{"name":"iris","version":"1","digest":""},"protocol":"native","code":"ok",'
        '"latency_ms":1,"rows":1,'
        f'"inputs":[{row}],"predictions":[0],"probabilities":{found.probabilities.tolist()}}}\n'
    )
    (folder / "predictions.log").write_text(line)
    make_key(folder, "private")
    return folder


# What serves or fetches is tried in tests/system.
EXAMPLES = [(name, each) for name, made in NAMES.items() if name not in ("serve", "fetch") for each in made.examples]


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[f"{name} {each}" for name, each in EXAMPLES])
def test_each_example_of_the_help_works(folder, monkeypatch, capfd, name, example):
    """With files as the examples name them, each ends with 0; what serves is tried in tests/system."""
    monkeypatch.chdir(folder)
    shutil.rmtree("bundle")  # the example before may have packed another model there
    shutil.copytree("churn", "bundle")
    if re.search("[<>|]", example):
        line = f"{shlex.quote(sys.executable)} -m model {name} {example}"
        done = subprocess.run(["sh", "-c", line], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
        code = done.returncode
    else:
        code = main([name, *shlex.split(example)], {})

    assert 0 == code, capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pack"], "Missing argument 'MODEL'"),
        (["pakc"], "there is no command 'pakc': did you mean pack"),
        (["pack", "m", "--outptu", "x"], "No such option '--outptu'. Did you mean '--output'"),
        (["check", "--pin"], "Option '--pin' requires an argument"),
        (["completion", "sh"], "'sh' is not one of 'bash', 'zsh', 'fish'"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_a_misuse_is_one_line_with_the_way_out_and_exit_code_2(run, words, said):
    """The line names the help of the command; a misspelt word comes with what may be meant."""
    code, out, err = run(*words)

    assert (ExitCode.USAGE, "", 1) == (code, out, len(err.splitlines()))
    assert re.match(f"ml-service: usage: .*{re.escape(said)}.* --help says more", err)


def test_messages_name_the_program_as_it_was_called(run, tmp_path):
    """A wheel's users have no checkout: for them it is ml-service."""
    _, _, err = run("inspect", tmp_path, ML_SERVICE_PROGRAM="ml-service")

    assert "`ml-service pack`" in err
    assert "python -m" not in err


def test_help_imports_no_command_and_packing_no_server():
    """Starting is quick: numpy comes with the first command that needs it, and Flask with none."""
    script = "import sys; from model.commands.cli import main; main({}, {{}}); print(*set({}) & set(sys.modules))"
    for words, absent in (
        (["--help"], ["numpy", "service", "rich"]),
        (["pack", "--help"], ["service", "flask", "rich"]),
    ):
        command = [sys.executable, "-c", script.format(words, absent)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout.endswith("\n\n")


BASH = """
source <(ml-service completion bash)
complete_words() {
  COMPREPLY=() COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _ml_service_completion ml-service; echo "${COMPREPLY[@]}"
}
complete_words ml-service in
complete_words ml-service pack --out
complete_words ml-service completion ""
"""


def test_bash_completes_commands_options_and_values(tmp_path):
    """The lines that `completion bash` prints, in a real bash, with the program on its path."""
    program = tmp_path / "ml-service"
    program.write_text(f'#!/bin/sh\nML_SERVICE_PROGRAM=ml-service exec {sys.executable} -m model "$@"\n')
    program.chmod(0o755)
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{tmp_path}:{os.environ['PATH']}"}

    done = subprocess.run(["bash", "-c", BASH], cwd=tmp_path, env=environ, capture_output=True, text=True, check=True)

    assert ["inspect", "--output", "bash zsh fish"] == done.stdout.splitlines()


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_lines_of_their_own(run, shell):
    """They name the program and the variable by which it is asked."""
    code, out, _ = run("completion", shell)

    assert 0 == code
    assert "ml-service" in out
    assert f"_ML_SERVICE_COMPLETE={shell}_complete" in out
