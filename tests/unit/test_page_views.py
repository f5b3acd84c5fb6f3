"""service.pages: what is shown of a model, whatever its manifest holds."""

import json
import re
from dataclasses import replace

import pytest

from model.bundle.manifest import Baseline, Golden, Score
from model.loading import load
from model.signature import Feature
from service.pages.features import view_of
from service.pages.model_view import BARE_BYTES, MOST_NAMED, ROWS_BYTES, describe_model
from service.pages.pages import Pages
from service.pages.static_files import StaticFiles
from service.serving.served_model import ServedModel

HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</script><!--", "{{ 7 * 7 }}", "__proto__"]


@pytest.fixture(scope="module")
def served(iris_bundle):
    return ServedModel.of(load(iris_bundle), 1e9, 10_000)


def changed(served, features=None, rows=None, baseline=None, classes=None, **manifest):
    """Return the model with another manifest, as a hostile one might be; nothing else looks at it here."""
    own = served.loaded.manifest
    signature = own.signature
    if features is not None:
        signature = replace(signature, features=tuple(features))
        rows = rows or [[1.0] * len(features)]
    if classes is not None:
        signature = replace(signature, classes=(tuple(classes),))
    golden = own.golden if rows is None else Golden(rows, [0] * len(rows), None)
    found = replace(own, signature=signature, golden=golden, baseline=baseline or own.baseline, **manifest)
    return replace(served, loaded=replace(served.loaded, manifest=found))


def page_of(served):
    return Pages("static/x", tokens=False, metrics=True).model(served)


def form_of(page):
    return json.loads(re.search(r'<script type="application/json" id="model">(.*)</script>', page)[1])


@pytest.mark.parametrize(
    ("feature", "cells", "kind"),
    [
        (Feature("a"), [1.0, None], "number"),
        (Feature("a", missing="object"), [1.0, None], "number"),
        (Feature("a", "bool"), [True], "boolean"),
        (Feature("a", "string"), ["red", None], "string"),
        (Feature("a", "string"), ["two\nlines"], "text"),
        (Feature("a", "string"), ["x" * 61], "text"),
        (Feature("a", "string", categories=("x" * 61,)), ["x" * 61], "string"),
        (Feature("a", "datetime"), ["2024-01-31", None], "date"),
        (Feature("a", "datetime"), ["2024-01-31T00:00:00.000000"], "date"),
        (Feature("a", "datetime"), ["2024-01-31T10:30:00", "2024-01-31T00:00:00"], "datetime"),
        (Feature("a", "datetime"), ["2024-01-31T10:30:00.123456"], "string"),
        (Feature("a", "datetime"), [None], "string"),
        (Feature("a", "any"), [None], "any"),
    ],
)
def test_each_feature_has_the_input_that_holds_its_values(feature, cells, kind):
    """A date input cannot hold a time, nor a short one a text of several lines."""
    assert kind == view_of(feature, None, cells, text=False).kind


def test_a_model_of_text_takes_text(served):
    """Whatever the example is."""
    assert "text" == view_of(Feature("text", "string"), Baseline(0.0, [], {"a": 1.0}), ["a"], text=True).kind


@pytest.mark.parametrize(
    "deciles", [[], [1.0], [float("nan")] * 11, [float("inf")] * 11, list(range(11, 0, -1)), [1.0] * 10**5]
)
def test_a_distribution_that_is_none_is_left_out(deciles):
    """Deciles are eleven finite numbers in order."""
    assert view_of(Feature("a"), Baseline(2.0, deciles, {}), [1.0], text=False).deciles is None


def test_the_training_range_is_not_rounded():
    """A value that was in training is not shown as outside of it; those between are shortened."""
    deciles = [-1.23456789, *[each / 7 for each in range(9)], 9.87654321]
    found = view_of(Feature("a"), Baseline(0.0, deciles, {}), [1.0], text=False).deciles

    assert (-1.23456789, 9.87654321) == (found[0], found[-1])
    assert 0.142857 == found[2]


def test_the_most_frequent_values_come_first():
    """Of shares, the largest twenty, with values of bounded length."""
    shares = {f"{each:0300}": each / 100 for each in range(1, 31)} | {"odd": 7.0}
    found = view_of(Feature("a", "string"), Baseline(0.1, [], shares), ["a"], text=False)

    assert (20, 0.3, 0.1) == (len(found.shares), found.shares[0][1], found.missing)
    assert 200 == max(len(value) for value, _ in found.shares)


def test_thresholds_are_named_by_the_labels_themselves(served):
    """A class is found by its label, which may be true and not "True"."""
    found = changed(served, classes=(False, True), thresholds=(None, 0.3))
    form = form_of(page_of(found))

    assert [[True, 0.3]] == form["thresholds"]
    assert "from a probability of 0.3 on" in page_of(found)


def test_a_model_packed_without_data_has_a_form(served):
    """Its golden rows are random ones, and it has no distributions and no score."""
    own = served.loaded.manifest
    bare = replace(served, loaded=replace(served.loaded, manifest=replace(own, baseline=None, score=None)))
    view = describe_model(bare, tokens=False)

    assert [None] * 4 == [feature.deciles for feature in view.form.features]
    assert 32 == len(view.form.rows)
    assert "held-out rows" not in page_of(bare)


def test_the_page_has_a_part_about_drift_if_the_bundle_knows_the_training_data(served):
    """Without any, there is nothing to compare with."""
    manifest = replace(served.loaded.manifest, baseline=None)
    without = replace(served, loaded=replace(served.loaded, manifest=manifest))

    assert 'id="drift"' in page_of(served)
    assert 'id="drift"' not in page_of(without)


def test_names_and_categories_are_text(served):
    """No name, category, class or version ends up as markup, nor ends the data of the form."""
    features = [Feature(name, "string", categories=tuple(HOSTILE)) for name in HOSTILE]
    shares = {name: Baseline(0.0, [], dict.fromkeys(HOSTILE, 0.2)) for name in HOSTILE}
    hostile = changed(
        served,
        features,
        [HOSTILE],
        shares,
        HOSTILE,
        score=Score(HOSTILE[0], 1.0, 3),
        made_with={HOSTILE[1]: HOSTILE[2]},
        requires=HOSTILE,
        created_at=HOSTILE[0],
    )
    page = page_of(hostile)

    assert 2 == page.count("<script")
    assert 2 == page.count("</script")
    assert "<img" not in page
    assert "49" not in re.sub(r"[0-9a-f]{12,}", "", page.partition("<main")[2])
    form = form_of(page)
    assert HOSTILE == form["rows"][0] == [feature["name"] for feature in form["features"]] == form["classes"][0]


def test_ten_thousand_features_are_all_in_the_form(served):
    """The page is bounded: distributions are left out before features are."""
    features = [Feature(f"feature number {place}") for place in range(10_000)]
    deciles = [each + 1 / 3 for each in range(11)]
    view = describe_model(
        changed(served, features, baseline={each.name: Baseline(0.0, deciles, {}) for each in features}), tokens=False
    )

    assert 10_000 == len(view.form.features) == len(view.form.rows[0])
    assert not view.form.named
    assert view.form.features[0].deciles is not None
    assert view.form.features[-1].deciles is None


def test_too_many_features_have_no_form(served):
    """The page says so, and how many they are."""
    page = page_of(changed(served, [Feature(f"{place:01000}") for place in range(30_000)]))

    assert "30,000 features, too many for a form" in page
    assert 'id="model"' not in page


def test_names_that_are_too_long_are_not_sent(served):
    """Rows of features with such names, or of many, are lists."""
    few = [Feature(f"{place}") for place in range(MOST_NAMED)]
    for features, named in [(few, True), ([*few, Feature("x")], False), ([Feature("x" * 201)], False)]:
        assert named == describe_model(changed(served, features), tokens=False).form.named


def test_long_example_rows_are_few_and_cut(served):
    """One row is always there; a string is cut, as a shorter text is a valid one too."""
    rows = [["x" * 10**6] for _ in range(32)]
    form = describe_model(changed(served, [Feature("text", "string")], rows), tokens=False).form
    size = len(json.dumps(form.rows))

    assert len(form.rows) >= 1
    assert size < ROWS_BYTES + 30_000


def test_everything_long_at_once_is_a_bounded_page(served):
    """Names, categories, classes, versions and rows of a manifest that is made to cost much."""
    long = "x" * 10**5
    features = [Feature(f"{place}{long}", "string", categories=(long,) * 50) for place in range(20)]
    page = page_of(
        changed(
            served, features, [[long] * 20] * 5, classes=[f"{place}{long}" for place in range(50)], requires=[long] * 50
        )
    )

    assert len(page) < BARE_BYTES + 2 * ROWS_BYTES + 10**6


def test_static_files_are_small_and_their_path_follows_their_content(tmp_path):
    """All of them take under 150 kB; a file that changes gets another address."""
    assert sum(len(file.read_bytes()) for file in StaticFiles.read().files.values()) < 150_000
    (tmp_path / "a.js").write_text("1")
    (tmp_path / "README").write_text("not served")
    before = StaticFiles.read(tmp_path)
    (tmp_path / "a.js").write_text("2")

    assert ["a.js"] == [path.rpartition("/")[2] for path in before.files]
    assert before.directory != StaticFiles.read(tmp_path).directory
