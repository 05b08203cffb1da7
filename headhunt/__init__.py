"""headhunt: anomalies in video, found inside a frozen multimodal language model.

Nouns compute (arrays in, arrays out), stages move data between a Zarr store and the nouns, and the command line
`vadkit` only speaks. Import what you need from its module; this one imports nothing heavy.
"""

__version__ = "0.1.0"
