"""What a model is: no Flask, no marshmallow, no Prometheus, no environment."""
