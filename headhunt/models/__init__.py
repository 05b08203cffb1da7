"""Frozen multimodal LLMs as extraction needs them; `load(name)` gives one."""

from headhunt.models.backbone import Backbone
from headhunt.models.grid import Grid
from headhunt.models.loading import ALIASES, ATTENTIONS, DTYPES, load, pick_device, quiet, resolve
from headhunt.models.preprocess import Preprocess

__all__ = [
    "ALIASES",
    "ATTENTIONS",
    "DTYPES",
    "Backbone",
    "Grid",
    "Preprocess",
    "load",
    "pick_device",
    "quiet",
    "resolve",
]
