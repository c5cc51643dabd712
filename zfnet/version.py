"""The version that is installed; pyproject.toml is the one place that says it."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("zfnet")
except PackageNotFoundError:  # a copy on the path that nobody installed
    __version__ = "0+unknown"
