"""Shapes cover their area."""

from __future__ import annotations

import math

import numpy as np
import pytest

from headhunt.demo.world.painting import Capsules, Quads, Sprite, paint


def test_a_capsule_and_a_quad_cover_their_area():
    ones = np.array([[[9.0, 9.0, 9.0, 1.0]]])
    stroke = Capsules(np.array([[[10.0, 20.0]]]), np.array([[[30.0, 20.0]]]), np.full((1, 1, 2), 4.0), ones)
    face = Quads(np.array([[[[5.0, 5.0], [25.0, 5.0], [25.0, 15.0], [5.0, 15.0]]]]), ones)
    for layer, area in ((stroke, 20 * 8 + math.pi * 16), (face, 200.0)):
        patch = paint(Sprite((layer,), np.ones(1)), width=60, height=40)
        assert patch.pixels[0, 3].sum() == pytest.approx(area, rel=0.02)
        np.testing.assert_allclose(patch.pixels[0, 0], 9 * patch.pixels[0, 3], atol=1e-4)


def test_a_sprite_out_of_the_picture_is_not_painted():
    ones = np.array([[[9.0, 9.0, 9.0, 1.0]]])
    stroke = Capsules(np.array([[[-50.0, 20.0]]]), np.array([[[-40.0, 20.0]]]), np.full((1, 1, 2), 4.0), ones)
    assert paint(Sprite((stroke,), np.ones(1)), width=60, height=40) is None
