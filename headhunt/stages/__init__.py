"""Verbs: each module is one stage. It opens the store, reads arrays, calls nouns, writes one group.

Stages never call each other; they meet in the store. What several of them need stands in the modules whose names begin
with an underscore.
"""
