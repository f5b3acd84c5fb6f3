"""The manifests of deploy/kubernetes on a real Kubernetes, which `make test-kubernetes` builds."""
