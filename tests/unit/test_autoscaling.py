"""benchmarks.autoscaling: Kubernetes' own examples of its autoscaler, and a deployment under it."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.autoscaling import manifest, trace
from benchmarks.autoscaling.cluster import Curve, Delays, simulate
from benchmarks.autoscaling.hpa import Autoscaler, PodMetric, Policy, Rules, Spec, recommend

MANIFEST = manifest.autoscaler()
DELAYS = Delays(start=4)


def pods(*uses, unready=(), missing=0):
    known = [PodMetric(use) for use in uses]
    return [*known, *(PodMetric(use, unready=True) for use in unready), *[PodMetric(None)] * missing]


def spec(target, **more):
    return Spec(least=1, most=1000, target=target, **more)


def sizes(scaler, start, use, seconds):
    """Return the sizes after each sync, every 15 seconds, if every pod always shows that use."""
    found = [start]
    for now in range(0, seconds, 15):
        found.append(scaler.sync(now, found[-1], pods(*[use] * found[-1])))
    return found


@pytest.mark.parametrize(
    ("current", "metrics", "target", "expected"),
    [
        (2, pods(1.0, 1.0), 50, 4),  # twice the target: twice the pods
        (2, pods(0.25, 0.25), 50, 1),
        (3, pods(0.3, 0.5, 0.7), 30, 5),
        (3, pods(0.5, 0.5, 0.5), 45, 4),  # 3.33: rounded up
        (10, pods(*[0.66] * 10), 60, 10),  # within a tenth of the target, at its edge
        (10, pods(*[0.67] * 10), 60, 12),
        (10, pods(*[0.54] * 10), 60, 10),
        (10, pods(*[0.53] * 10), 60, 9),
        (10, pods(*[0.6699] * 10), 61, 10),  # whole percents: 66
    ],
)
def test_replicas_follow_the_ratio_of_use_to_target(current, metrics, target, expected):
    """Replicas are ceil(current x use / target), of whole percents, unless the ratio is within 10 % of one."""
    assert expected == recommend(current, metrics, spec(target))


@pytest.mark.parametrize(
    ("current", "metrics", "target", "expected"),
    [
        (2, pods(1.0, missing=1), 100, 2),  # TestReplicaCalcMissingMetricsNoChangeEq
        (2, pods(1.9, missing=1), 100, 2),  # …NoChangeGt: idle, the missing one would turn the direction
        (2, pods(0.6, missing=1), 100, 2),  # …NoChangeLt: busy, it leaves two
        (3, pods(0.45, unready=[0.1], missing=1), 50, 3),  # …UnreadyChange
        (3, pods(2.0, unready=[0.1], missing=1), 50, 4),  # …UnreadyScaleUp
        (4, pods(0.4, 0.095, missing=2), 100, 3),
        (3, pods(unready=[0.9], missing=2), 50, 3),  # no metrics: no change
        (3, pods(0.9, 0.9, unready=[5.0]), 50, 4),  # what a pod uses to start does not count
    ],
)
def test_pods_without_metrics_are_judged_so_that_least_changes(current, metrics, target, expected):
    """They count as full before pods go and as idle before pods come, and never turn the direction.

    The cases with a name are those of Kubernetes' own replica_calculator_test.go.
    """
    assert expected == recommend(current, metrics, spec(target))


def test_the_documented_policies_take_away_a_tenth_or_four_pods_each_minute():
    """The example of Kubernetes' documentation: from 80 to 10, the larger change counts."""
    rules = Rules(0, (Policy("Pods", 4, 60), Policy("Percent", 10, 60)))
    scaler = Autoscaler(Spec(least=10, most=100, target=70, down=rules))

    steps = [before - after for before, after in pairwise(dict.fromkeys(sizes(scaler, 80, 0.01, 1800)))]
    assert [8, 8, 7, 6, 6, 5, 4, 4, 4, 4, 4, 4, 4, 2] == steps


def test_without_policies_pods_double_or_four_come_each_quarter_of_a_minute():
    """Kubernetes' defaults for scaling up; maxReplicas bounds them."""
    assert [1, 5, 10, 20, 30, 30] == sizes(Autoscaler(Spec(1, 30, 10)), 1, 1.0, 75)


@pytest.mark.parametrize(("select", "expected"), [("Min", [4, 5, 6]), ("Disabled", [4, 4, 4]), ("Max", [4, 8, 16])])
def test_the_selected_policy_counts(select, expected):
    """Max allows the larger change, Min the smaller, Disabled none."""
    up = Rules(0, (Policy("Percent", 100, 15), Policy("Pods", 1, 15)), select)

    assert expected == sizes(Autoscaler(spec(10, up=up)), 4, 1.0, 30)


def test_the_largest_recommendation_of_the_window_counts_before_pods_go():
    """Pods go 300 seconds after the last recommendation that needed them, and all at once."""
    scaler = Autoscaler(spec(70))
    found = sizes(scaler, 10, 0.7, 15)
    found += [scaler.sync(now, 10, pods(*[0.07] * 10)) for now in range(15, 315, 15)]

    assert [10] * 21 + [1] == found


def test_a_window_for_scaling_up_waits_until_all_of_it_agrees():
    """The smallest recommendation within the window counts."""
    scaler = Autoscaler(spec(50, up=Rules(60, (Policy("Percent", 1000, 15),))))

    assert [2, 2, 2, 2, 2, 4] == sizes(scaler, 2, 1.0, 75)


def test_bounds_hold_whatever_is_found():
    """A deployment that somebody scaled beyond the bounds is brought back to them."""
    assert (5, 2) == (Autoscaler(Spec(2, 5, 70)).sync(0, 9, pods(1.0)), Autoscaler(Spec(2, 5, 70)).sync(0, 1, []))


def test_the_manifest_is_read_as_it_stands():
    """What Kubernetes fills in where the manifest is silent, the simulation fills in, too."""
    assert (2, 70, 300, 0) == (MANIFEST.least, MANIFEST.target, MANIFEST.down.window, MANIFEST.up.window)
    assert (2, 0.1) == (manifest.cpus(), MANIFEST.tolerance)


@settings(max_examples=25)
@given(load=st.floats(10, 1e5), full=st.floats(100, 6000), start=st.floats(1, 60), pods=st.integers(2, 20))
def test_a_steady_load_ends_in_steady_pods_that_are_enough(load, full, start, pods):
    """Whatever the load and the number of pods at first: after a quarter of an hour nothing changes any more.

    Then no pod is further above the target than the tolerance, unless there are as many as there may be.
    """
    run = simulate([load] * 1500, Curve(full), MANIFEST, Delays(start), pods)
    last = run.paid[-1]

    assert {last} == set(run.paid[900:])
    assert MANIFEST.least <= last <= MANIFEST.most
    assert last == MANIFEST.most or load / (last * full) <= (MANIFEST.target + 1) / 100 * (1 + MANIFEST.tolerance)


def test_a_day_of_a_real_site_is_served_without_overload_or_oscillation():
    """The trace at 10,000 requests/s, pods that answer 1,000: K5 of the criteria, and no request refused."""
    load = trace.worldcup98().scaled(10_000).each_second()
    run = simulate(load, Curve(1000), MANIFEST, DELAYS)

    assert (86_400, 10_000) == (len(load), pytest.approx(max(load)))
    assert (0, 0) == (run.overloaded, run.refused)
    assert run.oscillation() <= 1
    assert run.pod_hours < 24 * max(run.paid) / 2


def test_a_pod_uses_what_was_measured_at_seven_tenths_and_all_of_its_cpu_at_the_most():
    """Between the points it goes straight, and more than all is not there to use."""
    pod = Curve(1000, used=0.8)

    assert pytest.approx([0, 0.4, 0.8, 0.9, 1, 1]) == [pod.use(rate) for rate in (0, 350, 700, 850, 1000, 5000)]


def test_a_pod_serves_only_when_it_has_started():
    """A load that doubles at once is refused in part until the pods that it needs have started."""
    load = [600.0] * 300 + [1900.0] * 600
    runs = {start: simulate(load, Curve(500), MANIFEST, Delays(start)) for start in (5, 50)}

    assert 0 < runs[5].overloaded < runs[50].overloaded
    assert runs[5].refused < runs[50].refused < 0.5
    assert all(load <= 500 * pods for load, pods in zip(load[600:], runs[50].serving[600:], strict=True))
