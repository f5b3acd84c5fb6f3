"""The routes: with service.app, the only place that knows Flask."""
