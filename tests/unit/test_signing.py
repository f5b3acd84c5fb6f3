"""MODEL_SIGNATURE_KEY: nothing of a bundle is read before the signature of a trusted key was verified."""

import base64
import json
import os
import shutil
import signal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.bundle import signing
from model.bundle.manifest import read_bundle
from model.bundle.openssl import PrivateKey
from model.commands.cli import main
from model.errors import BundleCorrupt, BundleMissing, BundleNotSigned, ModelError
from service.config.settings import Settings
from service.serving.fetch import NotFetched, Trial, fetch
from service.serving.model_directory import Watch, state_of
from tests.bundles import part, replace_part
from tests.keys import make_key


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return make_key(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    return make_key(tmp_path_factory.mktemp("other"))


@pytest.fixture
def bundle(iris_bundle, tmp_path):
    return shutil.copytree(iris_bundle, tmp_path / "bundle")


@pytest.fixture
def signed(bundle, keys):
    assert 0 == main(["sign", str(bundle), "--key", str(keys[0]), "--quiet"], {})
    return bundle


def refusal(bundle, key):
    with pytest.raises(BundleNotSigned) as caught:
        read_bundle(bundle, keys=key)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 1500
    return message


@pytest.mark.parametrize("curve", ["prime256v1", "secp384r1", "secp521r1"])
def test_what_sign_signs_is_read(bundle, tmp_path, curve, capsys):
    """With a key on each of the curves; the report names the key as the signature does."""
    private, public = make_key(tmp_path, curve=curve)

    assert 0 == main(["sign", str(bundle), "--key", str(private), "--json"], {})

    report = json.loads(capsys.readouterr().out)
    assert read_bundle(bundle, keys=public).digest == report["digest"]
    material = json.loads((bundle / "model.sig").read_text())["verificationMaterial"]
    assert {"publicKey": {"hint": report["key"]}, "tlogEntries": []} == material


def test_an_encrypted_key_needs_the_file_of_its_password(bundle, tmp_path, capsys):
    """Without it the command says so, and does not ask."""
    private, public = make_key(tmp_path, password=("-aes256", "-pass", "pass:secret"))
    (tmp_path / "password").write_text("secret\n")

    assert 1 == main(["sign", str(bundle), "--key", str(private)], {})
    assert "--password-file" in capsys.readouterr().err
    assert 0 == main(["sign", str(bundle), "--key", str(private), "--password-file", str(tmp_path / "password")], {})
    read_bundle(bundle, keys=public)


def test_a_private_key_that_is_not_there_is_named(bundle, tmp_path, capsys):
    """In the words of every missing file, and not in those of openssl."""
    assert 1 == main(["sign", str(bundle), "--key", str(tmp_path / "none.pem")], {})
    assert f"ml-service: error: {tmp_path / 'none.pem'}: No such file or directory; check the path.\n" == (
        capsys.readouterr().err
    )


def test_one_of_several_trusted_keys_is_enough(signed, keys, other, tmp_path):
    """As while keys are exchanged."""
    both = tmp_path / "both.pub"
    both.write_bytes(other[1].read_bytes() + b"the old one:\n" + keys[1].read_bytes())

    assert "iris" == read_bundle(signed, keys=both).manifest.name


def test_each_byte_that_was_changed_is_refused(signed, keys):
    """In the manifest and in each file that it names."""
    for path in (signed / "manifest.json", part(signed, "onnx"), part(signed, "skops")):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        before = path.read_bytes()
        path.write_bytes(content)
        with pytest.raises(ModelError) as caught:
            read_bundle(signed, keys=keys[1])
        path.write_bytes(before)
        expected = "bundle_not_signed" if path.name == "manifest.json" else "bundle_corrupt"
        assert expected == caught.value.code
    read_bundle(signed, keys=keys[1])


def test_what_is_no_manifest_is_not_decoded_before_its_signature_is_verified(signed, keys):
    """Not even its format."""
    (signed / "manifest.json").write_text("{")

    assert "is the signature of another bundle" in refusal(signed, keys[1])


def test_a_missing_signature_says_how_to_sign(bundle, keys):
    """One line for the operator."""
    assert "model.sig is missing, and MODEL_SIGNATURE_KEY accepts only signed bundles; sign it" in refusal(
        bundle, keys[1]
    )


def test_a_missing_file_is_missing_though_the_signature_is_valid(signed, keys):
    """And a file that was added is not read."""
    (signed / "added.py").write_text("raise SystemExit")
    read_bundle(signed, keys=keys[1])
    part(signed, "onnx").unlink()

    with pytest.raises(BundleMissing):
        read_bundle(signed, keys=keys[1])


def test_another_key_is_named(signed, other):
    """By what the signature says of it."""
    assert f"which is not in {other[1]}" in refusal(signed, other[1])


def test_the_signature_of_another_model_is_refused(signed, keys, tmp_path):
    """Though the key is right, and each bundle is whole."""
    second = shutil.copytree(signed, tmp_path / "second")
    manifest = json.loads((second / "manifest.json").read_text())
    (second / "manifest.json").write_text(json.dumps({**manifest, "version": "2"}))
    read_bundle(second)

    assert "is the signature of another bundle" in refusal(second, keys[1])


def test_a_file_of_another_bundle_is_refused(signed, keys):
    """By the digest in the manifest; and if the manifest is made to fit, by the signature."""
    part(signed, "onnx").write_bytes(part(signed, "skops").read_bytes())
    with pytest.raises(BundleCorrupt):
        read_bundle(signed, keys=keys[1])

    replace_part(signed, "onnx", part(signed, "skops").read_bytes())
    assert "is the signature of another bundle" in refusal(signed, keys[1])


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["FIFO", "directory"])
def test_a_signature_that_is_no_file_is_refused_at_once(bundle, keys, make):
    """Nothing waits for a FIFO."""
    make(bundle / "model.sig")

    assert "expected a regular file of at most 1048576 bytes" in refusal(bundle, keys[1])


def test_a_signature_may_be_a_link(signed, keys, tmp_path):
    """As all files of a Kubernetes volume are."""
    (signed / "model.sig").rename(tmp_path / "elsewhere")
    (signed / "model.sig").symlink_to(tmp_path / "elsewhere")

    assert "iris" == read_bundle(signed, keys=keys[1]).manifest.name


def test_check_says_whose_signature_it_found(signed, keys, other, capsys):
    """Or refuses the bundle, with what to do."""
    assert 0 == main(["check", str(signed), "--json"], {})
    assert "signature" not in [each["name"] for each in json.loads(capsys.readouterr().out)]
    assert 0 == main(["check", str(signed), "--signature-key", str(keys[1]), "--json"], {})
    (found,) = [each for each in json.loads(capsys.readouterr().out) if each["name"] == "signature"]
    assert f"valid, of a key in {keys[1]}" == found["found"]

    assert 1 == main(["check", str(signed), "--signature-key", str(other[1]), "--json"], {})
    (found,) = json.loads(capsys.readouterr().out)
    assert ("bundle_not_signed", False) == (found["found"], found["ok"])


def test_a_statement_that_was_changed_or_signed_by_another_key_of_that_name_is_refused(signed, keys, other):
    """The hint is only a name: what counts is the signature."""
    path = signed / "model.sig"
    document = json.loads(path.read_text())
    envelope = document["dsseEnvelope"]
    payload = base64.b64decode(envelope["payload"])
    changed = base64.b64encode(payload.replace(b'"iris"', b'"prim"')).decode()
    path.write_text(json.dumps({**document, "dsseEnvelope": {**envelope, "payload": changed}}))
    assert "or what it signs has been changed" in refusal(signed, keys[1])

    assert 0 == main(["sign", str(signed), "--key", str(other[0]), "--quiet"], {})
    forged = json.loads(path.read_text())
    path.write_text(json.dumps({**forged, "verificationMaterial": document["verificationMaterial"]}))
    assert "it was not made with a key in" in refusal(signed, keys[1])


def test_a_verdict_does_not_rest_on_an_exit_code_that_nobody_collected(signed, keys, other):
    """With SIGCHLD ignored, Python takes the exit code of every child for 0."""
    assert 0 == main(["sign", str(signed), "--key", str(other[0]), "--quiet"], {})
    document = json.loads((signed / "model.sig").read_text())
    document["verificationMaterial"]["publicKey"]["hint"] = ""
    (signed / "model.sig").write_text(json.dumps(document))
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert "it was not made with a key in" in refusal(signed, keys[1])
    finally:
        signal.signal(signal.SIGCHLD, before)


WRONG = {
    "empty": (b"", "was truncated"),
    "no JSON": (b"\x00\xff", "JSON"),
    "deep": (b"[" * 2**19, "model.sig"),
    "large": (b" " * (2**20 + 1), "at most 1048576 bytes"),
    "another document": (b'{"mediaType": 1}', "Expected `str`"),
    "another media type": (b'"mediaType":"x"', "media type: expected"),
    "another payload type": (b'"payloadType":"x"', "payload type: expected"),
    "no signature": (b'"signatures":[]', "number of signatures: expected 1, got '0'"),
    "no base64": (b'"payload":"*"', "base64"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_is_no_signature_is_refused_in_one_line(signed, keys, name):
    """Whatever is in it."""
    content, expected = WRONG[name]
    path = signed / "model.sig"
    if content.startswith(b'"'):
        member, _, value = content.decode().partition(":")
        document = json.loads(path.read_text())
        place = document if json.loads(member) in document else document["dsseEnvelope"]
        place[json.loads(member)] = json.loads(value)
        content = json.dumps(document).encode()
    path.write_bytes(content)

    assert expected in refusal(signed, keys[1])


@settings(deadline=None)
@given(st.data())
def test_a_damaged_signature_is_refused_and_crashes_nothing(keys, signed_once, data):
    """Bytes cut off, changed or put in, anywhere; unless they change nothing that is signed."""
    folder, content = signed_once
    start = data.draw(st.integers(0, len(content) - 1))
    end = data.draw(st.integers(start, min(len(content), start + 40)))
    damaged = content[:start] + data.draw(st.binary(max_size=20)) + content[end:]
    (folder / "model.sig").write_bytes(damaged)
    refused = None
    try:
        read_bundle(folder, keys=keys[1])
    except BundleNotSigned as error:
        refused = error

    assert refused or json.loads(content)["dsseEnvelope"] == json.loads(damaged)["dsseEnvelope"]


@pytest.fixture(scope="module")
def signed_once(iris_bundle, keys, tmp_path_factory):
    folder = shutil.copytree(iris_bundle, tmp_path_factory.mktemp("signed") / "bundle")
    assert 0 == main(["sign", str(folder), "--key", str(keys[0]), "--quiet"], {})
    return folder, (folder / "model.sig").read_bytes()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "has no public key"),
        (b"-----BEGIN PUBLIC KEY-----\n*\n-----END PUBLIC KEY-----", "a key is not PEM"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "not an elliptic-curve one on P-256"),
        (b"x" * 2**17, "at most 65536 bytes"),
    ],
)
def test_a_file_without_a_public_key_says_what_one_is(signed, tmp_path, content, expected):
    """And how to print one; a missing file, too."""
    path = tmp_path / "wrong.pub"
    path.write_bytes(content)

    message = refusal(signed, path)
    assert expected in message
    assert "`openssl pkey -in private.pem -pubout`" in message
    assert "No such file" in refusal(signed, tmp_path / "nowhere")


def test_what_is_verified_is_what_is_loaded(signed, keys):
    """A server reads each file once: the bytes that were verified, though the files are others a moment later."""
    environ = {"MODEL_DIR": str(signed), "MODEL_SIGNATURE_KEY": str(keys[1])}

    fetched = fetch(Settings.from_env(environ), Trial(60))

    assert {"onnx", "skops"} == set(fetched.bundle.content)
    assert fetched.state == state_of(signed, ("model.sig",))
    (signed / "manifest.json").write_text("{}")
    with pytest.raises(NotFetched) as caught:
        fetch(Settings.from_env(environ), Trial(60))
    assert "bundle_not_signed" == caught.value.code


def test_without_the_setting_a_signature_is_not_looked_at(signed):
    """Nor does it count as a change."""
    watch = Watch(signed, 1)
    (signed / "model.sig").write_text("nonsense")

    read_bundle(signed)
    assert not watch.changed(1.0)


def test_a_new_signature_is_a_change_where_signatures_count(bundle, keys):
    """So that a bundle that was copied before its signature is loaded once that is there."""
    watch = Watch(bundle, 1, ("model.sig",))
    signing.write(bundle, signing.sign({"manifest.json": "0" * 64}, "iris", PrivateKey(keys[0])))

    assert [False, True] == [watch.changed(1.0), watch.changed(2.0)]


def test_a_damaged_bundle_is_not_signed(bundle, keys, capsys):
    """A signature says that somebody has seen it whole."""
    part(bundle, "onnx").write_bytes(b"")

    assert 1 == main(["sign", str(bundle), "--key", str(keys[0])], {})
    assert "bundle_corrupt" in capsys.readouterr().err
    assert not (bundle / "model.sig").exists()


def test_a_signature_is_in_place_in_one_step(signed, keys, monkeypatch):
    """A reader finds the old one or the new one; nothing else is left."""
    before = (signed / "model.sig").read_bytes()
    assert 0 == main(["sign", str(signed), "--key", str(keys[0]), "--quiet"], {})

    assert before != (signed / "model.sig").read_bytes()
    assert [] == [path.name for path in signed.iterdir() if path.name.endswith(".new")]
