"""Rows per second on Ray and Spark, beside those of `score` (`make bench-cluster`)."""
