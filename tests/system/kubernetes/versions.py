"""The manifests as Kubernetes 1.20 knows them, and what it makes of them."""

# Names of before: 1.21 and 1.23 have today's.
BEFORE = {"policy/v1": "policy/v1beta1", "autoscaling/v2": "autoscaling/v2beta2"}


def of_1_20(document):
    """Return a document in versions that 1.20 has, without the only member that it does not know (of 1.26)."""
    kept = document | {"apiVersion": BEFORE.get(document["apiVersion"], document["apiVersion"])}
    if document["kind"] == "PodDisruptionBudget":
        kept["spec"] = {name: value for name, value in kept["spec"].items() if name != "unhealthyPodEvictionPolicy"}
    return kept


def missing(sent, got, path="$"):
    """Return the paths of what was sent and did not come back; an empty list may come back as none."""
    if isinstance(sent, dict) and isinstance(got, dict):
        return [each for name, value in sent.items() for each in missing(value, got.get(name, []), f"{path}.{name}")]
    if isinstance(sent, list) and isinstance(got, list) and len(sent) == len(got):
        pairs = enumerate(zip(sent, got, strict=True))
        return [each for index, pair in pairs for each in missing(*pair, f"{path}[{index}]")]
    return [] if sent == got else [f"{path}: {sent!r} became {got!r}"]
