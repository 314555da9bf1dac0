"""Makes statistics.json with scipy and statsmodels: python3 make-statistics.py > statistics.json

The sign-flip test is scipy's permutation test of paired samples; McNemar and Holm are statsmodels'.
Hierarchical figures are plain numpy: macro mean of paired differences, all sign patterns.
"""
import json
import sys

import numpy
import scipy
import statsmodels
from scipy.stats import bootstrap, permutation_test
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

random = numpy.random.default_rng(20261123)


def right_or_wrong(n, p, q):
    a = (random.random(n) < p).astype(int)
    b = numpy.where(random.random(n) < 0.6, a, random.random(n) < q).astype(int)
    return a.tolist(), b.tolist()


def mean_difference(x, y, axis=-1):
    return numpy.mean(x - y, axis=axis)


mcnemar_cases = []
for n, p, q in [(12, 0.7, 0.3), (25, 0.6, 0.4), (40, 0.5, 0.5), (60, 0.8, 0.6)]:
    a, b = right_or_wrong(n, p, q)
    table = [[0, 0], [0, 0]]
    for x, y in zip(a, b):
        table[x][y] += 1
    discordant = table[0][1] + table[1][0]
    mcnemar_cases.append({"a": a, "b": b, "discordant": discordant, "pValue": float(mcnemar(table, exact=True).pvalue)})

graded_cases = []
for n in [6, 9, 12]:
    a = numpy.round(random.random(n), 3)
    b = numpy.round(numpy.clip(a - random.normal(0.1, 0.25, n), 0, 1), 3)
    result = permutation_test((a, b), mean_difference, permutation_type="samples", n_resamples=numpy.inf)
    graded_cases.append({"a": a.tolist(), "b": b.tolist(), "pValue": float(result.pvalue)})

# Tasks of different sizes count alike.
groups = [[0.5, -0.25, 1.0], [0.25, 0.75, -0.5, 1.0, 0.5], [-0.125, 0.5]]
flat = [value / len(group) / len(groups) for group in groups for value in group]
signs = numpy.array(numpy.meshgrid(*[[-1, 1]] * len(flat))).T.reshape(-1, len(flat))
sums = numpy.abs(signs @ numpy.array(flat))
macro_p = float(numpy.mean(sums >= abs(sum(flat)) - 1e-12))

holm_cases = []
for p in [[0.01, 0.04, 0.03, 0.005], [0.5, 0.9, 0.2], [0.001, 0.001, 0.8, 0.02, 0.04, 0.03], [0.2], [0.05, 0.05]]:
    holm_cases.append({"p": p, "adjusted": [float(value) for value in multipletests(p, method="holm")[1]]})

wilson_cases = []
for hits, n in [(0, 10), (3, 10), (10, 10), (41, 60), (199, 200)]:
    low, high = proportion_confint(hits, n, alpha=0.05, method="wilson")
    wilson_cases.append({"hits": hits, "n": n, "low": float(low), "high": float(high)})

values = numpy.round(random.beta(2, 1.5, 80), 3)
interval = bootstrap((values,), numpy.mean, n_resamples=200_000, method="percentile", random_state=random).confidence_interval

json.dump(
    {
        "versions": {"numpy": numpy.__version__, "scipy": scipy.__version__, "statsmodels": statsmodels.__version__},
        "mcnemar": mcnemar_cases,
        "graded": graded_cases,
        "macro": {"groups": groups, "pValue": macro_p},
        "holm": holm_cases,
        "wilson": wilson_cases,
        "bootstrap": {"values": values.tolist(), "low": float(interval.low), "high": float(interval.high)},
    },
    sys.stdout,
)
print()
