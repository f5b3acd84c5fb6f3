"""The steps of a reload on the serving side: what is loaded can be put back until it is committed."""

import hashlib
import shutil

import pytest

from model.loading import load
from service.config.refusals import Refused
from service.config.settings import Settings
from service.serving.model_swap import ModelSwap
from service.serving.served_model import ModelSlot, ServedModel


@pytest.fixture
def settings(iris_bundle, tmp_path):
    bundle, tokens = shutil.copytree(iris_bundle, tmp_path / "bundle"), tmp_path / "tokens"
    tokens.write_text(hashlib.sha256(b"secret").hexdigest())
    return Settings.from_env({"MODEL_DIR": str(bundle), "TOKENS_FILE": str(tokens), "MODEL_NAME": "new"})


@pytest.fixture
def slot(iris_bundle):
    return ModelSlot(ServedModel.of(load(iris_bundle), 0.0, 10, "old"))


@pytest.fixture
def swap(settings, slot):
    return ModelSwap(settings, slot, lambda signature: None)


def attempt(swap):
    swap.try_in_fork(lambda: True, lambda: None)
    swap.load()


def names(slot):
    return slot.current.contract.served_as, slot.hashes is not None


def test_what_was_tried_is_served_with_its_tokens(swap, slot):
    """And proven where it is asked to be."""
    attempt(swap)

    assert ("new", True) == names(slot)
    assert "iris 1" == swap.name
    swap.prove()


def test_what_was_loaded_can_be_put_back(swap, slot):
    """The model and the tokens, both or neither."""
    attempt(swap)
    swap.roll_back()

    assert ("old", False) == names(slot)


def test_what_was_committed_stays(swap, slot):
    """A later failure puts back nothing of before."""
    attempt(swap)
    swap.commit()
    swap.roll_back()

    assert ("new", True) == names(slot)


def test_what_cannot_be_tried_changes_nothing(swap, slot, settings):
    """The failure has a code, and the state of the directory is known all the same."""
    shutil.rmtree(settings.model_dir)

    with pytest.raises(Refused) as caught:
        swap.try_in_fork(lambda: True, lambda: None)
    swap.load()
    swap.roll_back()

    assert "bundle_missing" == caught.value.code
    assert swap.tried
    assert ("old", False) == names(slot)
