//! Special functions and their inverses.
//!
//! statrs has the gamma functions. The incomplete beta and the complementary error function are our own because tails are
//! needed to full relative precision, for parameters of up to millions; inverses are safeguarded Newton on the small tail.

use std::f64::consts::PI;

use statrs::function::erf::erfc_inv;
use statrs::function::gamma::{gamma_lr, gamma_ur, ln_gamma};

/// From here on Stirling's series with six terms is exact to double precision.
const STIRLING_FROM: f64 = 10.0;
const STEPS_MAX: usize = 200;

/// The complementary error function: DLMF 7.6.2 near 0, the continued fraction 7.9.3 from 2 on.
fn erfc(x: f64) -> f64 {
    if x < 0.0 {
        return 2.0 - erfc(-x);
    }
    let squared = x * x;
    if x < 2.0 {
        let (mut term, mut sum) = (x, x);
        for step in 1..STEPS_MAX {
            term *= 2.0 * squared / (2 * step + 1) as f64;
            sum += term;
            if term < sum * f64::EPSILON / 4.0 {
                break;
            }
        }
        return 1.0 - 2.0 / PI.sqrt() * (-squared).exp() * sum;
    }
    let mut tail = x;
    for step in (1..=100).rev() {
        tail = x + 0.5 * f64::from(step) / tail;
    }
    (-squared).exp() / (PI.sqrt() * tail)
}

/// P(Z <= z).
pub(super) fn normal_cdf(z: f64) -> f64 {
    0.5 * erfc(-z / std::f64::consts::SQRT_2)
}

/// The z with P(Z <= z) = p; infinite at 0 and 1.
pub(super) fn normal_quantile(p: f64) -> f64 {
    if p <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if p >= 1.0 {
        return f64::INFINITY;
    }
    // On the small tail, so that nothing cancels; one Newton step takes the inverse to full precision.
    let tail = p.min(1.0 - p);
    let mut z = -std::f64::consts::SQRT_2 * erfc_inv(2.0 * tail);
    let density = (-0.5 * z * z).exp() / (2.0 * PI).sqrt();
    if density > 0.0 {
        z -= (normal_cdf(z) - tail) / density;
    }
    if p < 0.5 { z } else { -z }
}

fn stirling_rest(x: f64) -> f64 {
    let inverse_square = 1.0 / (x * x);
    let terms = [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0, 1.0 / 1188.0, -691.0 / 360_360.0];
    terms.iter().rev().fold(0.0, |sum, term| sum * inverse_square + term) / x
}

/// ln B(a, b), without the cancellation of three large log-gammas.
pub(super) fn ln_beta(a: f64, b: f64) -> f64 {
    let (small, large) = if a < b { (a, b) } else { (b, a) };
    if large < STIRLING_FROM {
        return ln_gamma(small) + ln_gamma(large) - ln_gamma(small + large);
    }
    let rest = stirling_rest(large) - stirling_rest(small + large);
    let shift = -(large - 0.5) * (small / large).ln_1p() - small * (small + large).ln();
    if small < STIRLING_FROM {
        return ln_gamma(small) + shift + small + rest;
    }
    (small - 0.5) * small.ln() + 0.5 * (2.0 * PI).ln() + stirling_rest(small) + shift + rest
}

/// ln of the binomial coefficient.
pub(super) fn ln_choose(n: f64, k: f64) -> f64 {
    -ln_beta(n - k + 1.0, k + 1.0) - (n + 1.0).ln()
}

/// Both tails (I_x(a, b), 1 - I_x(a, b)), each to full relative precision, the smaller one at least.
pub(super) fn beta_tails(a: f64, b: f64, x: f64) -> (f64, f64) {
    if x <= 0.0 {
        return (0.0, 1.0);
    }
    if x >= 1.0 {
        return (1.0, 0.0);
    }
    let front = beta_front(a, b, x);
    if x < (a + 1.0) / (a + b + 2.0) {
        let lower = (front * beta_fraction(a, b, x) / a).min(1.0);
        (lower, 1.0 - lower)
    } else {
        let upper = (front * beta_fraction(b, a, 1.0 - x) / b).min(1.0);
        (1.0 - upper, upper)
    }
}

/// x^a (1-x)^b / B(a, b).
fn beta_front(a: f64, b: f64, x: f64) -> f64 {
    if a < STIRLING_FROM || b < STIRLING_FROM {
        return (a * x.ln() + b * (-x).ln_1p() - ln_beta(a, b)).exp();
    }
    // Around the mean the large logarithms cancel: take them relative to it.
    let total = a + b;
    let distance = x.mul_add(total, -a);
    let exponent = a * (distance / a).ln_1p() + b * (-distance / b).ln_1p();
    let rest = stirling_rest(total) - stirling_rest(a) - stirling_rest(b);
    (exponent + rest).exp() * (a * b / (total * 2.0 * PI)).sqrt()
}

/// Continued fraction of the incomplete beta function (DLMF 8.17.22), by the modified Lentz method.
fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let keep = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / keep(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    // Around the mean about sqrt(a + b) steps are needed.
    let steps = 1000 + 20 * (a + b).sqrt() as u64;
    for step in 1..=steps {
        let m = step as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / keep(1.0 + even * d);
        c = keep(1.0 + even / c);
        fraction *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / keep(1.0 + odd * d);
        c = keep(1.0 + odd / c);
        let change = d * c;
        fraction *= change;
        if (change - 1.0).abs() < 1e-16 {
            break;
        }
    }
    fraction
}

/// The x with I_x(a, b) = p.
pub(super) fn beta_quantile(a: f64, b: f64, p: f64) -> f64 {
    if p <= 0.0 {
        return 0.0;
    }
    if p >= 1.0 {
        return 1.0;
    }
    if p > 0.5 { beta_quantile_upper(a, b, 1.0 - p) } else { beta_solve(a, b, p, false) }
}

/// The x with 1 - I_x(a, b) = p, exact also for tiny p.
pub(super) fn beta_quantile_upper(a: f64, b: f64, p: f64) -> f64 {
    if p <= 0.0 {
        return 1.0;
    }
    if p >= 1.0 {
        return 0.0;
    }
    if p > 0.5 { beta_solve(a, b, 1.0 - p, false) } else { beta_solve(a, b, p, true) }
}

fn beta_solve(a: f64, b: f64, p: f64, upper: bool) -> f64 {
    let excess = |x: f64| {
        let (low, high) = beta_tails(a, b, x);
        if upper { p - high } else { low - p }
    };
    let density = |x: f64| beta_front(a, b, x) / (x * (1.0 - x));
    newton(excess, density, 0.0, 1.0, a / (a + b))
}

/// The root of an increasing function with a known derivative, between `low` and `high`: Newton, halving where it strays.
fn newton(f: impl Fn(f64) -> f64, slope: impl Fn(f64) -> f64, low: f64, high: f64, start: f64) -> f64 {
    let (mut low, mut high, mut x) = (low, high, start);
    for _ in 0..STEPS_MAX {
        let value = f(x);
        if value == 0.0 {
            return x;
        }
        if value < 0.0 {
            low = x;
        } else {
            high = x;
        }
        let step = x - value / slope(x);
        let next = if step > low && step < high { step } else { 0.5 * (low + high) };
        if (next - x).abs() <= 2.0 * f64::EPSILON * x.abs() {
            return next;
        }
        x = next;
    }
    x
}

/// P(T <= t) of Student's t.
pub(super) fn t_cdf(t: f64, freedom: f64) -> f64 {
    let tail = 0.5 * beta_tails(freedom / 2.0, 0.5, freedom / (freedom + t * t)).0;
    if t < 0.0 { tail } else { 1.0 - tail }
}

/// The t with P(T <= t) = p of Student's t.
pub(super) fn t_quantile(p: f64, freedom: f64) -> f64 {
    if p <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if p >= 1.0 {
        return f64::INFINITY;
    }
    let tail = p.min(1.0 - p);
    let size = if tail < 0.25 {
        let x = beta_quantile(freedom / 2.0, 0.5, 2.0 * tail);
        (freedom * (1.0 - x) / x).sqrt()
    } else {
        let y = beta_quantile(0.5, freedom / 2.0, 1.0 - 2.0 * tail);
        (freedom * y / (1.0 - y)).sqrt()
    };
    if p < 0.5 { -size } else { size }
}

/// The x with P(Gamma(shape, 1) <= x) = p (`upper`: with P(... > x) = p).
pub(super) fn gamma_quantile(shape: f64, p: f64, upper: bool) -> f64 {
    let excess = |x: f64| if upper { p - gamma_ur(shape, x) } else { gamma_lr(shape, x) - p };
    let density = |x: f64| ((shape - 1.0) * x.ln() - x - ln_gamma(shape)).exp();
    let mut high = shape + 10.0;
    while excess(high) < 0.0 {
        high *= 2.0;
    }
    newton(excess, density, 0.0, high, shape)
}

/// ln P(X = k), X binomial.
pub(super) fn binomial_ln_pmf(n: u64, k: u64, p: f64) -> f64 {
    let (trials, hits) = (n as f64, k as f64);
    let hit = if k == 0 { 0.0 } else { hits * p.ln() };
    let miss = if k == n { 0.0 } else { (trials - hits) * (-p).ln_1p() };
    ln_choose(trials, hits) + hit + miss
}

/// P(X >= k), X binomial.
pub(super) fn binomial_at_least(n: u64, k: u64, p: f64) -> f64 {
    if k == 0 {
        return 1.0;
    }
    if k > n {
        return 0.0;
    }
    beta_tails(k as f64, (n - k) as f64 + 1.0, p).0
}

/// P(X <= k), X binomial.
pub(super) fn binomial_at_most(n: u64, k: u64, p: f64) -> f64 {
    if k >= n {
        return 1.0;
    }
    beta_tails(k as f64 + 1.0, (n - k) as f64, p).1
}

/// The point where `holds` turns from false (at `low`) to true (at `high`), or the other way round, by halving to
/// double precision. The side that is returned is the one of `high`.
pub(super) fn boundary(mut low: f64, mut high: f64, holds_at_high: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..STEPS_MAX {
        let middle = 0.5 * (low + high);
        if middle <= low.min(high) || middle >= low.max(high) {
            break;
        }
        if holds_at_high(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}
