"""deploy/compose.yaml by Docker Compose and as a Swarm stack, on Docker engines that the tests start."""
