"""A real Prometheus and Alertmanager with the files of deploy/, on real servers under load (`make test-prometheus`)."""
