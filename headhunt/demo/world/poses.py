"""Poses of a person as joint angles over time: one function per action, in `ACTIONS`; knows no camera and no colours.

A pose is an array (n, `len(JOINTS)`): angles in radians and offsets in metres, forward and upward positive. Time `t`
is (n,) seconds since the action began, `beat` (n,) the phase in radians: of the steps when moving, else of the
actor's own rhythm.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from headhunt.arrays import Float64

JOINTS = (
    "lean",  # trunk forward
    "hip_l",
    "hip_r",
    "knee_l",
    "knee_r",
    "arm_l",  # upper arm forward of hanging
    "arm_r",
    "wide_l",  # upper arm sideways
    "wide_r",
    "elbow_l",
    "elbow_r",
    "tip",  # whole body about the feet, forward
    "shift",  # whole body forward, metres
    "nod",  # head forward
    "sway",  # whole body sideways about the feet
    "spread",  # legs sideways
)
COLUMN = {name: i for i, name in enumerate(JOINTS)}

Pose = Callable[[Float64, Float64], Float64]


def pose(n: int, **angles: Float64 | float) -> Float64:
    """An array (n, joints) of zeros with the named joints set."""
    out = np.zeros((n, len(JOINTS)))
    for name, value in angles.items():
        out[:, COLUMN[name]] = value
    return out


def _stand(t: Float64, beat: Float64) -> Float64:
    drift = 0.05 * np.sin(0.25 * beat)
    return pose(
        len(t), arm_l=0.08 + drift, arm_r=0.05 - drift, elbow_l=0.2, elbow_r=0.25, wide_l=0.12, wide_r=0.12,
        hip_l=0.06, hip_r=-0.06, nod=0.1 + 2 * drift, sway=0.4 * drift, spread=0.08,
    )  # fmt: skip


def _steps(beat: Float64, *, hip: float, knee: float, arm: float, elbow: float, lean: float) -> Float64:
    s, c = np.sin(beat), np.cos(beat)
    return pose(
        len(beat),
        hip_l=hip * s + 0.15 * hip,
        hip_r=-hip * s + 0.15 * hip,
        knee_l=0.1 + knee * np.maximum(0.0, c + 0.1),
        knee_r=0.1 + knee * np.maximum(0.0, -c + 0.1),
        arm_l=-arm * s,
        arm_r=arm * s,
        wide_l=0.14,
        wide_r=0.14,
        elbow_l=elbow - 0.2 * arm * s,
        elbow_r=elbow + 0.2 * arm * s,
        lean=lean,
    )


def _walk(t: Float64, beat: Float64) -> Float64:
    return _steps(beat, hip=0.5, knee=0.7, arm=0.55, elbow=0.3, lean=0.05)


def _run(t: Float64, beat: Float64) -> Float64:
    return _steps(beat, hip=0.9, knee=1.35, arm=1.0, elbow=1.5, lean=0.26)


def _scatter(t: Float64, beat: Float64) -> Float64:
    out = _steps(beat, hip=0.95, knee=1.3, arm=0.5, elbow=0.5, lean=0.3)
    out[:, COLUMN["arm_l"]] += 1.7
    out[:, COLUMN["arm_r"]] += 1.7
    out[:, COLUMN["wide_l"]] = out[:, COLUMN["wide_r"]] = 0.5
    return out


def _carry(t: Float64, beat: Float64) -> Float64:
    out = _steps(beat, hip=0.45, knee=0.65, arm=0.5, elbow=0.3, lean=0.07)
    out[:, COLUMN["arm_r"]] = 0.05
    out[:, COLUMN["elbow_r"]] = 0.05
    return out


def _talk(t: Float64, beat: Float64) -> Float64:
    out = _stand(t, beat)
    out[:, COLUMN["arm_r"]] = 0.5 + 0.45 * np.sin(0.9 * beat) * (np.sin(0.31 * beat) > -0.2)
    out[:, COLUMN["elbow_r"]] = 1.2 + 0.3 * np.sin(1.3 * beat)
    out[:, COLUMN["nod"]] = 0.1 + 0.15 * np.sin(0.7 * beat)
    return out


def _sit(t: Float64, beat: Float64) -> Float64:
    return pose(
        len(t), hip_l=1.5, hip_r=1.42, knee_l=1.5, knee_r=1.45, arm_l=0.55, arm_r=0.6, elbow_l=0.7, elbow_r=0.75,
        wide_l=0.15, wide_r=0.15, lean=-0.08 + 0.04 * np.sin(0.2 * beat), nod=0.2, spread=0.12,
    )  # fmt: skip


def _hit(t: Float64, beat: Float64) -> Float64:
    # Alternating straight blows, now and then a kick; the trunk follows the arm.
    turn = 2 * np.pi * 1.9 * t + beat[:1] % 1.0
    left, right = np.maximum(0.0, np.sin(turn)) ** 2, np.maximum(0.0, -np.sin(turn)) ** 2
    kick = right * (np.sin(0.25 * turn) > 0.5)
    return pose(
        len(t), arm_l=0.7 + 1.1 * left, arm_r=0.7 + 1.1 * right, elbow_l=1.9 - 1.9 * left, elbow_r=1.9 - 1.9 * right,
        wide_l=0.35, wide_r=0.35, lean=0.15 + 0.35 * (left + right), shift=0.16 * (left + right),
        hip_l=0.35, hip_r=-0.3 + 1.5 * kick, knee_l=0.4, knee_r=0.25, spread=0.15, sway=0.1 * (left - right),
    )  # fmt: skip


def _struck(t: Float64, beat: Float64) -> Float64:
    # The blows of `_hit` land on the beat and throw the body back.
    turn = 2 * np.pi * 1.9 * t + beat[:1] % 1.0
    blow = np.abs(np.sin(turn)) ** 1.5
    return pose(
        len(t), arm_l=1.3 - 0.7 * blow, arm_r=1.5 - 0.6 * blow, elbow_l=1.9 - 0.9 * blow, elbow_r=2.1 - 1.2 * blow,
        wide_l=0.3 + 0.5 * blow, wide_r=0.3 + 0.5 * blow, lean=0.15 - 0.55 * blow, shift=-0.15 * blow, nod=-0.6 * blow,
        hip_l=-0.35 * blow, hip_r=0.5 * blow, knee_l=0.25, knee_r=0.5 * blow, sway=0.14 * np.sin(turn), spread=0.15,
    )  # fmt: skip


def _strike(t: Float64, beat: Float64) -> Float64:
    # Both arms come down on a thing from above the head.
    turn = 2 * np.pi * 1.3 * t
    down = (0.5 - 0.5 * np.cos(turn + 0.6 * np.sin(turn))) ** 2
    return pose(
        len(t), arm_l=2.7 - 1.9 * down, arm_r=2.9 - 2.0 * down, elbow_l=0.7 - 0.5 * down, elbow_r=0.7 - 0.5 * down,
        wide_l=0.2, wide_r=0.2, lean=-0.15 + 0.75 * down, hip_l=0.45, hip_r=-0.3, knee_l=0.5 * down + 0.1, knee_r=0.15,
        shift=0.12 * down, spread=0.12,
    )  # fmt: skip


def _kick(t: Float64, beat: Float64) -> Float64:
    turn = 2 * np.pi * 1.1 * t
    out = 0.5 - 0.5 * np.cos(turn)
    return pose(
        len(t), hip_r=-0.4 + 1.9 * out**2, knee_r=1.2 * (1 - out) + 0.1, hip_l=-0.1, knee_l=0.15,
        arm_l=0.5 * out, arm_r=-0.5 * out, wide_l=0.6, wide_r=0.6, elbow_l=0.6, elbow_r=0.6, lean=-0.25 * out,
    )  # fmt: skip


def _fall(t: Float64, beat: Float64) -> Float64:
    down = np.clip(t / 0.6, 0.0, 1.0) ** 2
    fling = np.sin(np.pi * np.clip(t / 0.6, 0.0, 1.0))
    return pose(
        len(t), tip=1.5 * down, arm_l=0.2 + 1.9 * fling + 0.9 * down, arm_r=0.3 + 1.7 * fling + 1.4 * down,
        wide_l=0.7 * fling + 0.3, wide_r=0.7 * fling + 0.4, elbow_l=0.5, elbow_r=0.3, hip_l=0.4 * fling + 0.25 * down,
        hip_r=-0.2 * fling, knee_l=0.8 * fling + 0.5 * down, knee_r=0.3 * fling + 0.1 * down, lean=0.25 * fling,
    )  # fmt: skip


def _lie(t: Float64, beat: Float64) -> Float64:
    out = np.repeat(_fall(np.array([1.0]), beat[:1]), len(t), 0)
    out[:, COLUMN["knee_l"]] += 0.06 * np.sin(0.4 * beat)
    return out


def _get_up(t: Float64, beat: Float64) -> Float64:
    up = np.clip(t / 1.4, 0.0, 1.0)
    fold = np.sin(np.pi * up)
    return pose(
        len(t), tip=1.5 * (1 - up) ** 1.5, hip_l=0.2 + 1.3 * fold, knee_l=0.3 + 1.5 * fold, hip_r=0.6 * fold,
        knee_r=1.6 * fold, lean=0.5 * fold, arm_l=1.2 * (1 - up) + 0.4 * fold, arm_r=1.4 * (1 - up), elbow_l=0.3,
        elbow_r=0.3, wide_l=0.2, wide_r=0.2,
    )  # fmt: skip


def _lie_down(t: Float64, beat: Float64) -> Float64:
    # Slowly through a squat: the unhurried counterpart of `_fall`.
    return _get_up(np.maximum(0.0, 1.4 - t * 0.7), beat)


def _hug(t: Float64, beat: Float64) -> Float64:
    pat = 0.12 * np.maximum(0.0, np.sin(1.2 * beat))
    return pose(
        len(t), arm_l=1.35, arm_r=1.15 + pat, elbow_l=0.75, elbow_r=0.9 + pat, wide_l=0.25, wide_r=0.25, lean=0.13,
        nod=0.2, sway=0.05 * np.sin(0.35 * beat), hip_l=0.1, hip_r=-0.05, spread=0.06,
    )  # fmt: skip


def _grab(t: Float64, beat: Float64) -> Float64:
    reach = np.sin(np.pi * np.clip(t / 0.6, 0.0, 1.0))
    return pose(
        len(t), arm_r=0.3 + 1.3 * reach, elbow_r=0.8 - 0.8 * reach, arm_l=0.4, elbow_l=0.6, lean=0.2 + 0.4 * reach,
        hip_l=0.5, hip_r=-0.35, knee_l=0.5 * reach, knee_r=0.2, shift=0.15 * reach, wide_l=0.3, wide_r=0.1,
    )  # fmt: skip


def _reach(t: Float64, beat: Float64) -> Float64:
    move = np.sin(0.5 * beat)
    return pose(
        len(t), arm_l=1.05 + 0.12 * move, arm_r=1.15 - 0.15 * move, elbow_l=0.4, elbow_r=0.35, wide_l=0.1, wide_r=0.1,
        lean=0.12, nod=0.25, hip_l=0.06, hip_r=-0.06, spread=0.08,
    )  # fmt: skip


def _wipe(t: Float64, beat: Float64) -> Float64:
    out = _reach(t, beat)
    out[:, COLUMN["arm_r"]] = 1.0 + 0.35 * np.sin(0.9 * beat)
    out[:, COLUMN["wide_r"]] = 0.2 + 0.4 * np.cos(0.9 * beat)
    out[:, COLUMN["lean"]] = 0.4
    return out


def _bend(t: Float64, beat: Float64) -> Float64:
    down = np.sin(np.pi * np.clip(t / 1.0, 0.0, 1.0))
    return pose(
        len(t), lean=1.15 * down, hip_l=0.55 * down, hip_r=0.45 * down, knee_l=0.9 * down, knee_r=0.8 * down,
        arm_l=0.25 * down, arm_r=0.55 * down, elbow_l=0.2, elbow_r=0.1, nod=0.2 * down, wide_l=0.1, wide_r=0.05,
    )  # fmt: skip


def _cycle(t: Float64, beat: Float64) -> Float64:
    s = np.sin(beat)
    return pose(
        len(t), hip_l=1.0 + 0.4 * s, hip_r=1.0 - 0.4 * s, knee_l=1.1 + 0.5 * s, knee_r=1.1 - 0.5 * s, lean=0.6,
        arm_l=1.15, arm_r=1.15, elbow_l=0.25, elbow_r=0.25, wide_l=0.12, wide_r=0.12, nod=-0.3,
    )  # fmt: skip


ACTIONS: dict[str, Pose] = {
    "stand": _stand,
    "walk": _walk,
    "run": _run,
    "scatter": _scatter,
    "carry": _carry,
    "talk": _talk,
    "sit": _sit,
    "hit": _hit,
    "struck": _struck,
    "strike": _strike,
    "kick": _kick,
    "fall": _fall,
    "lie": _lie,
    "get up": _get_up,
    "lie down": _lie_down,
    "hug": _hug,
    "grab": _grab,
    "reach": _reach,
    "wipe": _wipe,
    "put down": _bend,
    "pick up": _bend,
    "cycle": _cycle,
}
