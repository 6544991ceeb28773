"""prefopt: rounds of teacher preferences, preference training and calibration for one classifier."""

__version__ = "0.1.0"
