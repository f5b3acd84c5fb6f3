"""Key pairs that tests sign with."""

import subprocess


def make_key(folder, name="key", curve="prime256v1", password=()):
    """Make a private key, and the file of its public one beside it."""
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    made = ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}", *password]
    subprocess.run([*made, "-out", private], check=True, capture_output=True)
    opened = ["-passin", password[-1]] if password else []
    subprocess.run(["openssl", "pkey", "-in", private, *opened, "-pubout", "-out", public], check=True)
    return private, public
