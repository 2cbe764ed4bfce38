"""Golden numbers for eval::stats, computed by programs that others wrote.

    python tests/oracles/stats.py --confseq FOLDER --out crates/eval/src/stats/golden.json

FOLDER holds the unpacked wheel of confseq 0.0.10. Where no program has the statistic, the value comes from another route than
ours: numerical integration, enumeration or a numerical optimum, as noted beside it. Seeds are fixed.
"""

import argparse
import itertools
import json
import sys
import types
import warnings
from importlib.metadata import version

import numpy as np
from scipy import integrate, optimize, special, stats

warnings.filterwarnings("ignore")

# Tasks with 0 to 4 successes out of 4 on tau-bench airline, gpt-4o: the table behind the published pass^1..4.
TAU_AIRLINE = [14, 12, 10, 4, 10]


def pair(values):
    return [float(values[0]), float(values[1])]


def proportions():
    from statsmodels.stats.proportion import proportion_confint

    rows = []
    for successes, trials in [(0, 1), (1, 1), (0, 20), (1, 20), (10, 20), (20, 20), (84, 200), (299, 300), (4999, 5000), (123456, 1000000)]:
        for alpha in [0.05, 0.001]:
            row = {"successes": successes, "trials": trials, "alpha": alpha}
            for ours, theirs in [("wilson", "wilson"), ("clopper_pearson", "beta"), ("jeffreys", "jeffreys")]:
                row[ours] = pair(proportion_confint(successes, trials, alpha=alpha, method=theirs))
            test = stats.binomtest(successes, trials, 0.5, alternative="greater")
            row["lower_one_sided"] = float(test.proportion_ci(1 - alpha, method="exact").low)
            rows.append(row)
    return rows


def clustered():
    """inspect-ai's metrics, which need no model; only the import of tiktoken would go to the network."""
    sys.modules.setdefault("tiktoken", types.ModuleType("tiktoken"))
    from inspect_ai.scorer import Score, SampleScore, ci, pass_at, pass_k, stderr

    def metrics(rows):
        scores = [SampleScore(score=Score(value=value), sample_metadata={"case": case}) for case, value in rows]
        interval = ci(level=0.95, method="t", cluster="case")(scores)
        flat = ci(level=0.95, method="t")(scores)
        return {
            "rows": rows,
            "naive_standard_error": stderr()(scores),
            "standard_error": stderr(cluster="case")(scores),
            "cluster_t": [interval["lower"], interval["upper"]],
            "naive_t": [flat["lower"], flat["upper"]],
        }

    tau = []
    for successes, tasks in enumerate(TAU_AIRLINE):
        for _ in range(tasks):
            case = len(tau) // 4
            tau += [[case, float(trial < successes)] for trial in range(4)]
    rng = np.random.default_rng(7)
    uneven = [[case, float(rng.beta(2, 1))] for case in range(23) for _ in range(1 + case % 6)]
    repeats = []
    for n, c in [(4, 0), (4, 1), (4, 3), (4, 4), (10, 7), (50, 49)]:
        values = [Score(value=float(i < c)) for i in range(n)]
        for k in [1, 2, 4, 5]:
            if k <= n:
                repeats.append([n, c, k, float(pass_at(k)(values).as_float()), float(pass_k(k)(values).as_float())])
    return {"tau_airline": metrics(tau), "uneven": metrics(uneven), "repeats": repeats}


def paired():
    from statsmodels.stats.contingency_tables import mcnemar
    from statsmodels.stats.multitest import multipletests
    from statsmodels.stats.weightstats import DescrStatsW

    exact = []
    for b, c in [(0, 0), (1, 0), (5, 5), (3, 12), (40, 61), (700, 800)]:
        p = mcnemar([[10, b], [c, 10]], exact=True).pvalue if b + c else 1.0
        low = min(b, c)
        point = stats.binom.pmf(low, b + c, 0.5)
        mid = 1.0 if b + c == 0 else 1 - point / 2 if b == c else 2 * stats.binom.cdf(low, b + c, 0.5) - point
        exact.append([b, c, float(min(p, 1.0)), float(min(mid, 1.0)), float(stats.binom.sf(b - 1, b + c, 0.5))])
    rng = np.random.default_rng(11)
    differences = np.round(rng.normal(0.05, 0.3, 12), 3)
    flips = {}
    for alternative in ["two-sided", "greater", "less"]:
        found = stats.permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=np.inf, alternative=alternative)
        flips[alternative] = float(found.pvalue)
    weights = DescrStatsW(differences)
    margin = []
    for delta in [0.05, 0.2]:
        above = float(stats.ttest_1samp(differences, -delta, alternative="greater").pvalue)
        margin.append([delta, above, float(weights.ttost_mean(-delta, delta)[0])])
    p_values = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216, 0.222, 0.251, 0.269, 0.275, 0.34, 0.34]
    shuffled = [float(p) for p in rng.permutation(p_values)]
    return {
        "mcnemar": exact,
        "differences": [float(d) for d in differences],
        "t": pair(weights.tconfint_mean(alpha=0.05)),
        "sign_flip": flips,
        "margin": margin,
        "tango": [[*table, *tango(*table, 0.05)] for table in [(43, 5, 1, 1), (10, 0, 0, 5), (0, 3, 9, 88), (50, 0, 0, 0)]],
        "stratified": stratified(),
        "p_values": shuffled,
        "holm": [float(p) for p in multipletests(shuffled, method="holm")[1]],
        "benjamini_hochberg": [float(p) for p in multipletests(shuffled, method="fdr_bh")[1]],
    }


def tango(both, only_a, only_b, neither, alpha):
    """Score limits, the constrained optimum found numerically."""
    n = both + only_a + only_b + neither
    z = stats.norm.isf(alpha / 2)

    def statistic(delta):
        low, high = max(0.0, -delta), (1 - delta) / 2
        over = lambda count, rate: count / max(rate, 1e-300) if count else 0.0
        score = lambda q: over(only_a, q + delta) + over(only_b, q) - over(2 * (n - only_a - only_b), 1 - 2 * q - delta)
        a, b = low + 1e-14 * (high - low), high - 1e-14 * (high - low)
        q = a if score(a) <= 0 else b if score(b) >= 0 else optimize.brentq(score, a, b, xtol=1e-16)
        variance = n * (2 * q + delta * (1 - delta))
        return (only_a - only_b - n * delta) / np.sqrt(max(variance, 1e-300))

    estimate = (only_a - only_b) / n
    limits = []
    for end, sign in [(-1 + 1e-12, 1), (1 - 1e-12, -1)]:
        f = lambda delta: sign * statistic(delta) - z
        limits.append(optimize.brentq(f, end, estimate - sign * 1e-13, xtol=1e-13) if f(end) > 0 else end)
    return limits


def stratified():
    """All permutations within strata, by enumeration."""
    strata = [([1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0]), ([0.5, 0.9], [0.1, 0.4, 0.3])]
    weights = [len(a) * len(b) / (len(a) + len(b)) for a, b in strata]

    def differences(a, b):
        pool = a + b
        for chosen in itertools.combinations(range(len(pool)), len(a)):
            left = [pool[i] for i in chosen]
            right = [pool[i] for i in range(len(pool)) if i not in chosen]
            yield np.mean(left) - np.mean(right)

    statistic = lambda ds: sum(w * d for w, d in zip(weights, ds)) / sum(weights)
    observed = statistic([np.mean(a) - np.mean(b) for a, b in strata])
    every = [statistic(ds) for ds in itertools.product(*(list(differences(a, b)) for a, b in strata))]
    p = np.mean([abs(value) >= abs(observed) - 1e-12 for value in every])
    return {"strata": strata, "statistic": float(observed), "p_value": float(p)}


def score_statistic(a, n, b, m, delta):
    """Miettinen and Nurminen's statistic, the constrained optimum found numerically.

    Not statsmodels' own: the constrained rates of its 0.15.0 are not the optimum (for 56/70, 48/80 and a difference of 0.05283
    they have a smaller likelihood than 0.72519 and 0.67236), and its limits miss the published 0.0528 to 0.3382.
    """
    low, high = max(0.0, -delta), min(1.0, 1 - delta)
    over = lambda count, rate: count / max(rate, 1e-300) if count else 0.0
    score = lambda q: over(a, q + delta) - over(n - a, 1 - q - delta) + over(b, q) - over(m - b, 1 - q)
    left, right = low + 1e-15, high - 1e-15
    q = left if score(left) <= 0 else right if score(right) >= 0 else optimize.brentq(score, left, right, xtol=1e-16)
    p = q + delta
    variance = (p * (1 - p) / n + q * (1 - q) / m) * (n + m) / (n + m - 1)
    return (a / n - b / m - delta) / np.sqrt(max(variance, 1e-300))


def two_rates():
    from statsmodels.stats.proportion import confint_proportions_2indep

    rows = []
    for a, n, b, m in [(56, 70, 48, 80), (9, 10, 3, 10), (10, 10, 0, 20), (5, 56, 0, 29), (480, 500, 950, 1000), (20, 20, 20, 20)]:
        row = {"a": [a, n], "b": [b, m]}
        row["newcombe"] = pair(confint_proportions_2indep(a, n, b, m, method="newcomb", compare="diff", alpha=0.05))
        if not (a == n and b in (0, m)):
            centre, bound = a / n - b / m, stats.norm.isf(0.025)
            z = lambda delta: score_statistic(a, n, b, m, delta)
            low = optimize.brentq(lambda d: z(d) - bound, -1 + 1e-9, centre - 1e-12, xtol=1e-14)
            high = 1.0 if z(1 - 1e-9) > -bound else optimize.brentq(lambda d: z(d) + bound, centre + 1e-12, 1 - 1e-9, xtol=1e-14)
            row["score"] = [low, high]
            row["not_worse_by_0.05"] = float(stats.norm.sf(z(-0.05)))
        rows.append(row)
    return rows


def rates():
    from statsmodels.stats.rates import confint_poisson

    exact = []
    for events, exposure in [(0, 100.0), (1, 100.0), (7, 3.5), (200, 1e6), (40000, 12.0)]:
        limits = pair(confint_poisson(events, exposure, method="exact-c", alpha=0.05)) if events else [0.0, float(stats.chi2.ppf(0.975, 2) / 2 / exposure)]
        exact.append([events, exposure, *limits])
    ratios = []
    for a, t, b, u in [(3, 100.0, 11, 120.0), (0, 50.0, 4, 50.0), (60, 1.0, 80, 2.0)]:
        test = stats.binomtest(a, a + b, t / (t + u))
        share = test.proportion_ci(0.95, method="exact")
        odds = lambda p: p / (1 - p) * u / t
        less = stats.binomtest(a, a + b, t / (t + u), alternative="less").pvalue
        more = stats.binomtest(a, a + b, t / (t + u), alternative="greater").pvalue
        ratios.append([a, t, b, u, odds(share.low), odds(share.high), float(min(1, 2 * min(less, more))), float(less)])
    return {"garwood": exact, "ratio": ratios}


def power():
    """By trying every number of trials; power of the t test by statsmodels."""
    from statsmodels.stats.power import TTestPower

    rows = []
    for threshold, truth, alpha, wanted in [(0.9, 0.97, 0.05, 0.8), (0.95, 0.99, 0.05, 0.8), (0.5, 0.7, 0.025, 0.9), (0.8, 0.9, 0.05, 0.8)]:
        for n in range(1, 5000):
            c = int(stats.binom.isf(alpha, n, threshold)) + 1
            while c > 0 and stats.binom.sf(c - 2, n, threshold) <= alpha:
                c -= 1
            if c <= n and stats.binom.sf(c - 1, n, truth) >= wanted:
                rows.append([threshold, truth, alpha, wanted, n, c, float(stats.binom.sf(c - 1, n, truth)), float(stats.binom.sf(c - 1, n, threshold))])
                break
    paired = []
    for variance, distance, alpha, wanted in [(0.2, 0.1, 0.05, 0.8), (0.09, 0.05, 0.025, 0.9), (0.4, 0.2, 0.05, 0.8)]:
        n = TTestPower().solve_power(effect_size=distance / np.sqrt(variance), alpha=alpha, power=wanted, alternative="larger")
        paired.append([variance, distance, alpha, wanted, float(n)])
    return {"rate": rows, "paired": paired}


def judges():
    from ppi_py import ppi_mean_ci, ppi_mean_pointestimate

    rng = np.random.default_rng(3)
    rows = []
    for n, others, noise in [(40, 400, 0.1), (60, 100, 0.45), (30, 5000, 0.3)]:
        truth = (rng.random(n) < 0.7).astype(float)
        judged = np.where(rng.random(n) < noise, 1 - truth, truth)
        more = (rng.random(others) < 0.65).astype(float)
        limits = ppi_mean_ci(truth, judged, more, alpha=0.05)
        rows.append({
            "truth": truth.tolist(), "judged": judged.tolist(), "unlabelled_ones": int(more.sum()), "unlabelled": others,
            "estimate": float(np.squeeze(ppi_mean_pointestimate(truth, judged, more))),
            "lower": float(np.squeeze(limits[0])), "upper": float(np.squeeze(limits[1])),
        })
    return rows


def agreement():
    import krippendorff
    from statsmodels.stats.inter_rater import cohens_kappa

    tables = []
    for table in [[[20, 5], [10, 15]], [[45, 15], [25, 15]], [[10, 2, 0], [1, 12, 3], [0, 4, 8]]]:
        found = cohens_kappa(np.array(table))
        tables.append({"table": table, "kappa": float(found.kappa), "standard_error": float(found.std_kappa)})
    gone = np.nan
    data = np.array([
        [1, 2, 3, 3, 2, 1, 4, 1, 2, gone, gone, gone],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, gone, 3],
        [gone, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, gone],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, gone],
    ])
    alphas = {scale: float(krippendorff.alpha(data, level_of_measurement=scale)) for scale in ["nominal", "ordinal", "interval"]}
    units = [[None if np.isnan(x) else float(x) for x in unit] for unit in data.T]
    return {"kappa": tables, "units": units, "alpha": alphas}


def anytime(folder):
    """The beta mixture by numerical integration; betting by confseq."""
    mixture = []
    for s, f, rate in [(0, 1, 0.5), (18, 2, 0.8), (95, 5, 0.9), (3, 40, 0.2), (950, 50, 0.94)]:
        ln_prior = special.betaln(0.5, 0.5)
        ln_null = s * np.log(rate) + f * np.log1p(-rate)
        ln_e = lambda p: special.betaln(s + 0.5, f + 0.5) - ln_prior - special.xlogy(s, p) - special.xlog1py(f, -p) - np.log(20)
        centre = s / (s + f)
        low = 0.0 if s == 0 else optimize.brentq(ln_e, 1e-300, centre, xtol=1e-14)
        high = 1.0 if f == 0 else optimize.brentq(ln_e, centre, 1 - 1e-16, xtol=1e-14)
        weight = lambda q: np.exp(s * np.log(q) + f * np.log1p(-q) - ln_null - 0.5 * np.log(q) - 0.5 * np.log1p(-q) - ln_prior)
        points = [min(max(centre, rate + 1e-3), 1 - 1e-3)]
        above = integrate.quad(weight, rate, 1, points=points, epsabs=0, epsrel=1e-12, limit=500)[0] / stats.beta.sf(rate, 0.5, 0.5)
        mixture.append([s, f, rate, float(np.exp(special.betaln(s + 0.5, f + 0.5) - ln_prior - ln_null)), float(above), low, high])
    sys.path.insert(0, folder)
    for name in ["multiprocess", "matplotlib", "matplotlib.pyplot"]:
        sys.modules.setdefault(name, types.ModuleType(name))
    np.float_ = np.float64  # Its name before numpy 2.
    # The package's own __init__ loads compiled parts that nothing here needs.
    package = types.ModuleType("confseq")
    package.__path__ = [folder + "/confseq"]
    sys.modules["confseq"] = package
    from confseq.betting import betting_mart

    rng = np.random.default_rng(5)
    scores = np.round(rng.beta(8, 2, 120), 3)
    means = [0.3, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.97]
    capital = [[float(m), *(float(k) for k in betting_mart(scores, m, alpha=0.05, theta=0.5, trunc_scale=0.5)[[0, 19, 119]])] for m in means]
    return {"mixture": mixture, "scores": scores.tolist(), "capital": capital}


def quantiles():
    rows = []
    for a, b, x in [(0.5, 0.5, 1e-9), (3, 400, 1e-4), (300000, 700000, 0.301), (2, 1e6, 1e-7), (60, 1, 0.2), (950.5, 50.5, 0.99)]:
        rows.append([a, b, x, float(special.betainc(a, b, x)), float(special.betaincc(a, b, x))])
    student = [[p, df, float(stats.t.ppf(p, df))] for p in [1e-9, 0.001, 0.2, 0.45, 0.975] for df in [1, 2, 7.5, 49, 1e5]]
    normal = [[p, float(stats.norm.ppf(p))] for p in [1e-300, 1e-12, 0.025, 0.5, 0.8, 0.999999]]
    return {"beta": rows, "t": student, "normal": normal}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--confseq", required=True)
    parser.add_argument("--out", required=True)
    arguments = parser.parse_args()
    packages = ["scipy", "statsmodels", "numpy", "inspect-ai", "krippendorff", "ppi-python"]
    golden = {
        "made_by": {**{name: version(name) for name in packages}, "confseq": "0.0.10"},
        "quantiles": quantiles(),
        "proportions": proportions(),
        "clustered": clustered(),
        "paired": paired(),
        "two_rates": two_rates(),
        "rates": rates(),
        "power": power(),
        "judges": judges(),
        "agreement": agreement(),
        "anytime": anytime(arguments.confseq),
    }
    with open(arguments.out, "w") as out:
        json.dump(golden, out, indent=1)
        out.write("\n")


if __name__ == "__main__":
    main()
