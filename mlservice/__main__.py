"""Entry point of `python -m mlservice`."""

from mlservice.command import main

if __name__ == "__main__":
    main()
