"""Seeds and sources: what they are, where they come from, and how they get into the Nix store."""

from nixgen.sources.answer import Obtained, Offer
from nixgen.sources.catalogue import parse_catalogue, read_catalogue
from nixgen.sources.fetch import Fetched, SourceStore, ensure, fetch_all
from nixgen.sources.listing import ListedSource, describe_origin, list_sources
from nixgen.sources.model import Catalogue, Origin, Source, Unpacked
from nixgen.sources.supply import DownloadCache, OfflineFolder, Place, Supply, make_supply

__all__ = [
    "Catalogue",
    "DownloadCache",
    "Fetched",
    "ListedSource",
    "Obtained",
    "Offer",
    "OfflineFolder",
    "Origin",
    "Place",
    "Source",
    "SourceStore",
    "Supply",
    "Unpacked",
    "describe_origin",
    "ensure",
    "fetch_all",
    "list_sources",
    "make_supply",
    "parse_catalogue",
    "read_catalogue",
]
