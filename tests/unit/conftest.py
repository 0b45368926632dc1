"""Hypothesis settings of the unit tests: the same examples on every run, and no stopwatch."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "unit",
    max_examples=80,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("unit")
