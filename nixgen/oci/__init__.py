"""The image writer: from an image conf and a store to an OCI image, bit for bit reproducible.

The order of use: `read_conf`, then `build_image` with a `LayerBuilder` for each platform, then
one of `write_layout`, `write_oci_archive`, `write_docker_archive`. Everything here needs the
standard library only, so that it can run inside a derivation.
"""

from nixgen.oci.archive import write_docker_archive, write_oci_archive
from nixgen.oci.cache import CachedLayer, LayerCache, cache_content, prune_cache
from nixgen.oci.compress import (
    CompressionKind,
    Compressor,
    OpenFilter,
    gzip_compressor,
    zstd_compressor,
)
from nixgen.oci.conf import ImageConf, parse_conf, read_conf
from nixgen.oci.image import (
    BuiltImage,
    Descriptor,
    build_image,
    canonical_json,
    make_config,
    make_index,
    make_manifest,
)
from nixgen.oci.layer import BuiltLayer, LayerBuilder
from nixgen.oci.layout import LayoutResult, write_layout
from nixgen.oci.packing import Sink
from nixgen.oci.reading import LayoutImage, LayoutLayer
from nixgen.oci.rootfs import copy_store_path, materialise_rootfs
from nixgen.oci.source import CustomisationLayer, LayerSource, StoreLayer
from nixgen.oci.store import StoreRoot
from nixgen.oci.tar import write_layer_tar
from nixgen.oci.tarheader import HeaderEncoder, Ownership
from nixgen.oci.trimmed import layer_sources

__all__ = [
    "BuiltImage",
    "BuiltLayer",
    "CachedLayer",
    "CompressionKind",
    "Compressor",
    "CustomisationLayer",
    "Descriptor",
    "HeaderEncoder",
    "ImageConf",
    "LayerBuilder",
    "LayerCache",
    "LayerSource",
    "LayoutImage",
    "LayoutLayer",
    "LayoutResult",
    "OpenFilter",
    "Ownership",
    "Sink",
    "StoreLayer",
    "StoreRoot",
    "build_image",
    "cache_content",
    "canonical_json",
    "copy_store_path",
    "gzip_compressor",
    "layer_sources",
    "make_config",
    "make_index",
    "make_manifest",
    "materialise_rootfs",
    "parse_conf",
    "prune_cache",
    "read_conf",
    "write_docker_archive",
    "write_layer_tar",
    "write_layout",
    "write_oci_archive",
    "zstd_compressor",
]
