"""Signs a bundle."""

from pathlib import Path

from model.bundle import signing
from model.bundle.manifest import MANIFEST, read_bundle
from model.bundle.openssl import PrivateKey
from model.commands.console import Console
from model.commands.framework import ExitCode, command
from model.commands.options import DIRECTORY, bundle_argument, option, reporting


@command("bundle --key private.pem")
@bundle_argument
@option("--key", type=DIRECTORY, required=True, metavar="PEM", help="The private key: P-256, P-384 or P-521, in PEM.")
@option("--password-file", type=DIRECTORY, metavar="FILE", help="A file with the key's password, if it has one.")
@reporting
def run(bundle: Path, key: Path, password_file: Path | None, console: Console) -> ExitCode:
    """Verify the files of a bundle, and sign them: writes model.sig, which servers with MODEL_SIGNATURE_KEY verify.

    OpenSSF's Model Signing (model_signing verify key) verifies it, too.
    """
    found, private = read_bundle(bundle), PrivateKey(key, password_file)
    manifest = found.manifest
    digests = {MANIFEST: found.digest, **{name: file.sha256 for name, file in manifest.files.items()}}
    path = signing.write(bundle, signing.sign(digests, manifest.name, private))
    hint = private.public().hint
    console.report(
        {"name": manifest.name, "version": manifest.version, "digest": found.digest, "file": str(path), "key": hint},
        f"{manifest.name} {manifest.version} is signed in {path} with the key {hint}",
    )
    return ExitCode.OK
