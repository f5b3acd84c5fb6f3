"""Models of libraries that build on scikit-learn."""
