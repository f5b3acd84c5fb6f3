"""Models of other libraries. Each folder's tests run in the environment of tests/models/requirements-FOLDER.txt."""
