"""The matrix looks at the same examples as the end-to-end tests."""

from tests.e2e.conftest import build_example, cli, registry

__all__ = ["build_example", "cli", "registry"]
