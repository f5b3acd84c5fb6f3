"""Prints the software bill of materials of the image that it runs in: CycloneDX 1.6, as JSON.

cyclonedx-py lists the distributions of Python, and debsbom Debian's packages, both as they are installed. Added are
what neither knows: Python itself, the model, the digests of the wheels from pip's report, and what the wheels state
that they contain (PEP 770). The document is the same for the same image.

Usage: make_sbom.py TOOLS PIP_REPORT MODEL VERSION CREATED
"""

import hashlib
import json
import platform
import re
import subprocess
import sys
import uuid
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

Component = dict[str, Any]
SPEC = "1.6"
ROOT = "ml-service"
# Runs a program of the tools' folder, which is not on the path of the Python that the program looks at.
RUN = """
import runpy, sys
sys.path.insert(0, sys.argv[1])
del sys.argv[:2]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def listed_by(tools: str, program: str, *arguments: str) -> dict[str, Any]:
    """Return the document that a tool prints."""
    command = [sys.executable, "-c", RUN, tools, f"{tools}/bin/{program}", *arguments]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return found


def normal(name: str) -> str:
    """Return a distribution's name as the package index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def wheels(report: Path) -> dict[str, Component]:
    """Return, by distribution, the wheel that pip installed, with its digests."""
    found = {}
    for each in json.loads(report.read_text())["install"]:
        name, info = normal(each["metadata"]["name"]), each["download_info"]
        file = info["url"].rpartition("/")[2]
        found[name] = {
            "type": "distribution",
            "url": file,
            "comment": "the wheel that was installed",
            "hashes": [{"alg": "SHA-256", "content": info["archive_info"]["hashes"]["sha256"]}],
        }
    return found


def contents(distribution: Distribution, ref: str) -> list[Component]:
    """Return what a wheel says that it contains, such as shared libraries and crates."""
    files = [file for file in distribution.files or () if re.search(r"\.dist-info/sboms/.*\.json$", str(file))]
    documents = [json.loads(file.read_text()) for file in files]
    inside = [each for found in documents if found.get("bomFormat") == "CycloneDX" for each in found["components"]]
    named = {each["purl"]: each for each in inside if "purl" in each and "version" in each}
    kept = ("type", "name", "version", "purl")
    return [{"bom-ref": f"{ref}/{purl}"} | {name: named[purl][name] for name in kept} for purl in sorted(named)]


def complete(component: Component, wheel: Component | None, inside: list[Component]) -> Component:
    """Return the component of a distribution with its wheel, and what this contains."""
    references = [*component.get("externalReferences", ()), *([wheel] if wheel else ())]
    return component | {"externalReferences": references} | ({"components": inside} if inside else {})


def python() -> Component:
    """Return the component of Python itself, which no package manager knows."""
    version = platform.python_version()
    names = {"cpe": f"cpe:2.3:a:python:python:{version}:*:*:*:*:*:*:*", "purl": f"pkg:generic/python@{version}"}
    return {"type": "platform", "bom-ref": "python", "name": "python", "version": version, **names}


def model(directory: Path) -> Component:
    """Return the component of the model, by its manifest."""
    manifest = (directory / "manifest.json").read_bytes()
    said = json.loads(manifest)
    digest = {"alg": "SHA-256", "content": hashlib.sha256(manifest).hexdigest()}
    kind = {"type": "machine-learning-model", "bom-ref": "model"}
    return {**kind, "name": said["name"], "version": said["version"], "hashes": [digest]}


def main(tools: str, report: str, bundle: str, version: str, created: str) -> None:
    """Join the parts, and print the whole."""
    arguments = ("environment", "--no-validate", "--output-reproducible", "--sv", SPEC, "-o", "-", sys.executable)
    ours = listed_by(tools, "cyclonedx-py", *arguments)
    debian = listed_by(
        tools, "debsbom", "generate", "-t", "cdx", "-r", "/", "--with-licenses", "--cdx-schema-version", SPEC,
        "--distro-version", platform.freedesktop_os_release()["VERSION_ID"], "-o", "-",
    )  # fmt: skip
    system = debian["metadata"]["component"]
    installed, known = wheels(Path(report)), {normal(each.name): each for each in distributions()}
    parts = [
        complete(each, installed.get(normal(each["name"])), contents(known[normal(each["name"])], each["bom-ref"]))
        for each in ours["components"]
    ]
    parts += [python(), model(Path(bundle)), system, *debian["components"]]
    whole = {
        "type": "container",
        "bom-ref": ROOT,
        "name": ROOT,
        "version": version,
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }
    direct = ["python", "model", system["bom-ref"], *(each["bom-ref"] for each in ours["components"])]
    used = [each["metadata"]["tools"]["components"] for each in (ours, debian)]
    document = {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC,
        "version": 1,
        "metadata": {
            **({"timestamp": created} if created != "unknown" else {}),
            "component": whole,
            "tools": {"components": [each for one in used for each in one]},
        },
        "components": parts,
        "dependencies": [{"ref": ROOT, "dependsOn": direct}, *ours["dependencies"], *debian["dependencies"]],
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(document))
    print(json.dumps({**document, "serialNumber": f"urn:uuid:{serial}"}, separators=(",", ":")))


if __name__ == "__main__":
    main(*sys.argv[1:])
