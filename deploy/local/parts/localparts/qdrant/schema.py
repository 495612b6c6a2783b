"""Collection settings and payload indexes: JSON of the REST API <-> the engine's classes."""

from dataclasses import dataclass
from typing import Any

import qdrant_edge as edge

from .errors import bad_json, invalid, not_supported

MAX_DIMENSIONS = 65536

_DISTANCES = {
    "Cosine": edge.Distance.Cosine,
    "Euclid": edge.Distance.Euclid,
    "Dot": edge.Distance.Dot,
    "Manhattan": edge.Distance.Manhattan,
}
_DATATYPES = {
    "float32": edge.VectorStorageDatatype.Float32,
    "float16": edge.VectorStorageDatatype.Float16,
    "uint8": edge.VectorStorageDatatype.Uint8,
}


@dataclass(frozen=True)
class VectorInfo:
    """What has to be known of a vector to check a point before it reaches the engine."""

    size: int  # 0 for a sparse vector
    multi: bool = False
    sparse: bool = False
    smaller_is_nearer: bool = False


def vector_infos(settings: dict) -> dict[str, VectorInfo]:
    """The vectors of a collection by name; the unnamed one is ``""``."""
    infos = {}
    for name, params in _by_name(settings.get("vectors")).items():
        infos[name] = VectorInfo(
            size=params["size"],
            multi=params.get("multivector_config") is not None,
            smaller_is_nearer=params["distance"] in ("Euclid", "Manhattan"),
        )
    for name in settings.get("sparse_vectors") or {}:
        infos[name] = VectorInfo(size=0, sparse=True)
    return infos


def engine_config(settings: dict) -> edge.EdgeConfig:
    """Checks the body of `PUT /collections/{name}` and turns it into the engine's settings."""
    vectors = settings.get("vectors")
    if vectors is not None and not isinstance(vectors, dict):
        raise bad_json("vectors has to be an object")
    dense = {name: _vector(name, params) for name, params in _by_name(vectors).items()}
    sparse = {}
    for name, params in (settings.get("sparse_vectors") or {}).items():
        sparse[name] = _sparse_vector(params or {})
    if settings.get("quantization_config") is not None:
        raise not_supported("quantization_config")
    if not dense and not sparse:
        raise not_supported("a collection without vectors")
    return edge.EdgeConfig(
        vectors=dense or None,
        sparse_vectors=sparse or None,
        on_disk_payload=settings.get("on_disk_payload"),
        hnsw_config=_hnsw(settings.get("hnsw_config")),
    )


def _by_name(vectors: dict | None) -> dict[str, dict]:
    """`vectors` is either the parameters of the one unnamed vector or parameters by name."""
    if not vectors:
        return {}
    return {"": vectors} if "size" in vectors else vectors


def _vector(name: str, params: Any) -> edge.EdgeVectorParams:
    if not isinstance(params, dict) or "size" not in params:
        raise bad_json(f"vectors.{name}: missing field `size`")
    size, distance = params["size"], params.get("distance")
    if not isinstance(size, int) or isinstance(size, bool):
        raise bad_json("vectors.size has to be an integer")
    if not 1 <= size <= MAX_DIMENSIONS:
        raise invalid(f"vectors.size: value {size} invalid, must be from 1 to {MAX_DIMENSIONS}")
    if distance not in _DISTANCES:
        raise bad_json(f"unknown variant `{distance}`, expected one of {', '.join(_DISTANCES)}")
    if params.get("quantization_config") is not None:
        raise not_supported("quantization_config")
    multi = None
    if params.get("multivector_config") is not None:
        multi = edge.MultiVectorConfig(edge.MultiVectorComparator.MaxSim)
    return edge.EdgeVectorParams(
        size,
        _DISTANCES[distance],
        on_disk=params.get("on_disk"),
        multivector_config=multi,
        datatype=_datatype(params.get("datatype")),
        hnsw_config=_hnsw(params.get("hnsw_config")),
    )


def _sparse_vector(params: dict) -> edge.EdgeSparseVectorParams:
    index = params.get("index") or {}
    modifier = params.get("modifier")
    if modifier not in (None, "none", "idf"):
        raise bad_json(f"unknown variant `{modifier}`, expected one of none, idf")
    return edge.EdgeSparseVectorParams(
        full_scan_threshold=index.get("full_scan_threshold"),
        on_disk=index.get("on_disk"),
        modifier=edge.Modifier.Idf if modifier == "idf" else None,
        datatype=_datatype(index.get("datatype")),
    )


def _datatype(name: str | None) -> Any:
    if name is None:
        return None
    if name not in _DATATYPES:
        raise bad_json(f"unknown variant `{name}`, expected one of {', '.join(_DATATYPES)}")
    return _DATATYPES[name]


def _hnsw(params: dict | None) -> edge.HnswIndexConfig | None:
    if not params:
        return None
    return edge.HnswIndexConfig(
        m=params.get("m", 16),
        ef_construct=params.get("ef_construct", 100),
        full_scan_threshold=params.get("full_scan_threshold", 10000),
        max_indexing_threads=params.get("max_indexing_threads", 0),
        on_disk=params.get("on_disk"),
        payload_m=params.get("payload_m"),
    )


_INDEX_TYPES = {
    "keyword": (edge.PayloadSchemaType.Keyword, edge.KeywordIndexParams),
    "integer": (edge.PayloadSchemaType.Integer, edge.IntegerIndexParams),
    "float": (edge.PayloadSchemaType.Float, edge.FloatIndexParams),
    "geo": (edge.PayloadSchemaType.Geo, edge.GeoIndexParams),
    "text": (edge.PayloadSchemaType.Text, edge.TextIndexParams),
    "bool": (edge.PayloadSchemaType.Bool, edge.BoolIndexParams),
    "datetime": (edge.PayloadSchemaType.Datetime, edge.DatetimeIndexParams),
    "uuid": (edge.PayloadSchemaType.Uuid, edge.UuidIndexParams),
}
_TOKENIZERS = {
    "prefix": edge.TokenizerType.Prefix,
    "whitespace": edge.TokenizerType.Whitespace,
    "word": edge.TokenizerType.Word,
    "multilingual": edge.TokenizerType.Multilingual,
}


def index_schema(value: Any) -> Any:
    """`field_schema` of `PUT /collections/{name}/index`: a type's name or an object with type."""
    params = {"type": value} if isinstance(value, str) else value
    if not isinstance(params, dict) or params.get("type") not in _INDEX_TYPES:
        raise bad_json(
            "field_schema has to be, or to have as its type, one of " + ", ".join(_INDEX_TYPES)
        )
    plain, detailed = _INDEX_TYPES[params["type"]]
    options = {name: item for name, item in params.items() if name != "type" and item is not None}
    if not options:
        return plain
    if "tokenizer" in options:
        if options["tokenizer"] not in _TOKENIZERS:
            raise bad_json(f"unknown tokenizer `{options['tokenizer']}`")
        options["tokenizer"] = _TOKENIZERS[options["tokenizer"]]
    if "stopwords" in options or "stemmer" in options:
        raise not_supported("stopwords and stemmer of a text index")
    try:
        return detailed(**options)
    except TypeError as err:
        raise bad_json(f"field_schema: {err}") from None


def payload_schema(info: Any) -> dict:
    """The payload indexes as `GET /collections/{name}` shows them."""
    shown = {}
    for name, index in info.payload_schema.items():
        kind = str(index.data_type).rsplit(".", 1)[-1].lower()
        shown[name] = {"data_type": kind, "points": index.points}
    return shown


def shown_config(settings: dict) -> dict:
    """The `config` part of `GET /collections/{name}`, with Qdrant's defaults filled in."""
    params = {
        "vectors": settings.get("vectors") or {},
        "shard_number": settings.get("shard_number", 1),
        "replication_factor": settings.get("replication_factor", 1),
        "write_consistency_factor": settings.get("write_consistency_factor", 1),
        "on_disk_payload": settings.get("on_disk_payload", True),
    }
    if settings.get("sparse_vectors"):
        params["sparse_vectors"] = settings["sparse_vectors"]
    hnsw = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000, "max_indexing_threads": 0}
    optimizers = {
        "deleted_threshold": 0.2,
        "vacuum_min_vector_number": 1000,
        "default_segment_number": 0,
        "max_segment_size": None,
        "indexing_threshold": 10000,
        "flush_interval_sec": 5,
        "max_optimization_threads": None,
    }
    return {
        "params": params,
        "hnsw_config": hnsw | (settings.get("hnsw_config") or {}),
        "optimizer_config": optimizers | (settings.get("optimizers_config") or {}),
        "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0},
        "quantization_config": None,
    }
