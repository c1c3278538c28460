"""Docker and Podman on this machine: which is there, and images loaded into it."""

from nixgen.engine.engines import ENGINES, Engine, EngineError, EngineName, choose_engine
from nixgen.engine.loading import Loaded, load_image

__all__ = [
    "ENGINES",
    "Engine",
    "EngineError",
    "EngineName",
    "Loaded",
    "choose_engine",
    "load_image",
]
