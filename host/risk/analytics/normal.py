"""The normal distribution, for numba."""

from math import erfc, exp, log, sqrt

from numba import njit

_ROOT2, _ROOT2PI = sqrt(2.0), sqrt(2.0 * 3.141592653589793)
# P. Acklam's rational approximation of the inverse, 2003: relative error below 1.15e-9 before the step below.
_A = (-3.969683028665376e+01, 2.209460984245205e+02, -2.759285104469687e+02, 1.383577518672690e+02,
      -3.066479806614716e+01, 2.506628277459239e+00)
_B = (-5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02, 6.680131188771972e+01,
      -1.328068155288572e+01)
_C = (-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00, -2.549732539343734e+00,
      4.374664141464968e+00, 2.938163982698783e+00)
_D = (7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00, 3.754408661907416e+00)
_TAIL = 0.02425


@njit(cache=True)
def density(x):
    return exp(-0.5 * x * x) / _ROOT2PI


@njit(cache=True)
def below(x):
    """P(X < x), exact in both tails."""
    return 0.5 * erfc(-x / _ROOT2)


@njit(cache=True)
def quantile(p):
    """The x below which a share `p` of the probability lies; to rounding, by one Halley step after Acklam's."""
    if p < _TAIL:
        x = _tail(sqrt(-2 * log(p)))
    elif p > 1 - _TAIL:
        x = -_tail(sqrt(-2 * log(1 - p)))
    else:
        q = p - 0.5
        r = q * q
        x = ((((((_A[0] * r + _A[1]) * r + _A[2]) * r + _A[3]) * r + _A[4]) * r + _A[5]) * q
             / (((((_B[0] * r + _B[1]) * r + _B[2]) * r + _B[3]) * r + _B[4]) * r + 1))
    error = (below(x) - p) / density(x)
    return x - error / (1 + x * error / 2)


@njit(cache=True)
def _tail(q):
    return ((((((_C[0] * q + _C[1]) * q + _C[2]) * q + _C[3]) * q + _C[4]) * q + _C[5])
            / ((((_D[0] * q + _D[1]) * q + _D[2]) * q + _D[3]) * q + 1))
