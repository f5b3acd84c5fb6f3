"""The server on ARM64, which qemu emulates."""
