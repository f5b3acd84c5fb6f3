"""The manifests of deploy/kubernetes as files; `make test-deploy` checks what kustomize makes of them."""

import yaml

from tests import alerts, prometheusrule


def test_the_operators_rules_are_those_of_deploy_prometheus():
    """The manifest is made of the very files that promtool tests (`make docs`), and has all of their groups."""
    written = prometheusrule.PATH.read_text()
    groups = [group for path in alerts.RULE_FILES for group in yaml.safe_load(path.read_text())["groups"]]

    assert prometheusrule.manifest() == written
    assert groups == yaml.safe_load(written)["spec"]["groups"]
