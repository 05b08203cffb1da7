"""What is damaged or odd about a file, in words; of a damaged one, how many frames have a sure number."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from headhunt.arrays import Float64, Int64
from headhunt.video import claims, transport
from headhunt.video.claims import Claim
from headhunt.video.numbering import Numbered
from headhunt.video.packets import Found
from headhunt.video.times import numbered_surely

_CREDIBLE = 10  # how many times longer than to the next frame a frame may be said to last
_TIMES_FOR_SOME = frozenset(("mpeg", "mpegts"))  # formats that need not store a time for each picture


def lasts(found: Found, places: Int64, times_s: Float64, tick_s: float) -> float:
    """How long the last frame lasts by what is stored, seconds; 0 where not known, -1 where it cannot be."""
    stored_s = found.durations[places] * tick_s
    overlap = len(places) > 1 and np.median(stored_s[:-1]) > _CREDIBLE * max(np.median(np.diff(times_s)), tick_s)
    return -1.0 if overlap else float(stored_s[-1])


def damage(
    path: Path, claim: Claim, found: Found, numbered: Numbered, frames_s: Float64, tick_s: float
) -> tuple[int, str]:
    """How many frames have a sure number, and why not all that there should be are there; "" where they are."""
    n, places = len(numbered.places), numbered.places
    origin_s = min((stamp for stamp in found.pts if stamp is not None), default=0) * tick_s
    says = claims.broken(
        path,
        claim,
        read=len(found),
        packets=_n_slots(found, claim),
        start_s=origin_s,
        end_s=origin_s + float(np.max(frames_s + found.durations[places] * tick_s)),
        steps_s=np.diff(frames_s),
    )
    cut = found.n_read > len(found)
    is_stream = claim.format == "mpegts"
    if says or cut or (is_stream and transport.is_torn(path, found)):
        n = numbered_surely(places, np.sort(places), frames_s, tick_s, timed=not numbered.by_decoder)
    ends = "the file ends early or is damaged"
    if says:
        return n, f"the header declares {says}, {n} frames were found: {ends}"
    if cut or n < len(places):
        return n, f"the last packet is cut, {n} frames were found: {ends}"
    if len(places) < claim.samples and claims.contradicts(claim, _latest(found) * tick_s):
        return n, (
            f"the header declares {claim.samples} frames in {claim.samples_s:.1f} s, {n} frames were found in others: "
            "its index is damaged"
        )
    if claims.has_holes(path, claim, origin_s, np.diff(frames_s)) or (is_stream and transport.has_breaks(path, found)):
        return n, f"parts of the file are lost or damaged, {n} frames were found"
    if numbered.broken:
        return n, f"the first {numbered.broken} frames cannot be decoded: the file is damaged where it begins"
    if numbered.lost_fields > 1:
        return n, f"{numbered.lost_fields} fields cannot be decoded: the file is damaged"
    return n, ""


def _latest(found: Found) -> int:
    """The last end of any packet by what is stored, ticks."""
    stamps = zip(found.pts, found.durations.tolist(), strict=True)
    return max((stamp + lasts for stamp, lasts in stamps if stamp is not None), default=0)


def _n_slots(found: Found, claim: Claim) -> int:
    """How many packets there are, with those that an AVI recorder left empty to stand for dropped frames."""
    return max(len(found), (found.dts[-1] or 0) + 1 if claim.format == "avi" else 0)


def notes(
    path: Path, found: Found, numbered: Numbered, claim: Claim, *, n_timed: int, n_stray: int, damage: str
) -> list[str]:
    """What is odd about the packets of a file, in words."""
    said, n, n_silent = [], len(numbered.places), int(numbered.silent.sum())
    n_slots = _n_slots(found, claim)
    if found.n_lost:
        said.append(f"{found.n_lost} of {found.n_read} packets that the index names cannot be found")
    if numbered.leading:
        said.append(
            f"the recording starts inside a group of pictures: {numbered.leading} before the first that can be decoded "
            "not counted"
        )
    if n_silent:
        said.append(
            f"{n_silent} of {len(found)} packets hold no frame of their own (fields, parameter sets, or pictures that "
            "are not coded)"
        )
    if claim.packets and not damage and (claim.packets > n_slots or (claim.packets < len(found) and not n_silent)):
        said.append(f"the header declares {claim.packets} frames, {n} were found")
    if n_stray:
        said.append(
            f"{n_stray} of {len(found)} packets have a time far from all around them: it is damaged, and taken "
            "from their neighbours"
        )
    if claim.format == "mpegts" and not damage and transport.is_torn(path, found):
        said.append("the file ends inside a packet of its stream: more of it may be lost")
    if 0 < n_timed < n - n_stray and claim.format not in _TIMES_FOR_SOME:
        said.append(f"{n - n_timed} of {n} frames have no time of their own: they lie between their neighbours")
    return said
