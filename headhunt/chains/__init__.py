"""Chains join stages: a whole run, several devices, an ablation. Stages do not call each other; chains do."""
