"""Makes the PrometheusRule of deploy/kubernetes of deploy/prometheus/rules: `python -m tests.prometheusrule`."""

from tests.alerts import RULE_FILES
from tests.conftest import ROOT

PATH = ROOT / "deploy/kubernetes/prometheus/prometheusrule.yaml"
HEAD = """# Made of deploy/prometheus/rules by `make docs`: change those.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: ml-service
  labels:
    app.kubernetes.io/name: ml-service
spec:
  groups:
"""


def manifest() -> str:
    """Return the text of the manifest: the groups of all files, one below the other."""
    groups = [path.read_text().partition("\ngroups:\n")[2] for path in RULE_FILES]
    lines = "\n".join(groups).rstrip().splitlines()
    return HEAD + "".join(f"  {line}".rstrip() + "\n" for line in lines)


if __name__ == "__main__":
    PATH.write_text(manifest())
