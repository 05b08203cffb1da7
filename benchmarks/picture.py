"""Draw README's picture from a finished example: `vadkit demo --out DIR`, then `python benchmarks/picture.py DIR`.

Frames of the first abnormal test video, the robust saliency of every head as the example measured it, and that video's
scores with the true event behind them; nothing is drawn by hand and no video is picked for its looks.
"""

from __future__ import annotations

import argparse
import base64
import io
from pathlib import Path

import av
import numpy as np

from headhunt import video
from headhunt.chains.ablation import ROWS, RSS
from headhunt.store import Store

WIDTH, HEIGHT = 960, 300
INK, QUIET, MARK, TRUTH = "#24292f", "#8c959f", "#cf222e", "#ffd8b5"


def png(frame: np.ndarray) -> str:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="image2pipe") as container:
        stream = container.add_stream("png")
        stream.width, stream.height, stream.pix_fmt = frame.shape[1], frame.shape[0], "rgb24"
        for packet in [*stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")), *stream.encode(None)]:
            container.mux(packet)
    return base64.b64encode(buffer.getvalue()).decode()


def text(x: float, y: float, words: str, *, size: int = 13, fill: str = INK, anchor: str = "start") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" fill="{fill}" text-anchor="{anchor}">{words}</text>'


def frames(store: Store, folder: Path, index: int) -> list[str]:
    table = store.videos()
    event = table.events[index][0]
    middle = (event.start_frame + event.end_frame) // 2
    shown = [max(0, event.start_frame - 60), middle, min(int(table.frames[index]) - 1, event.end_frame + 60)]
    out = []
    for k, (number, pixels) in enumerate(zip(shown, video.read_frames(folder / table.path[index], shown), strict=True)):
        y = 34 + k * 88
        out.append(f'<image x="16" y="{y}" width="112" height="84" href="data:image/png;base64,{png(pixels)}"/>')
        out.append(text(136, y + 46, f"frame {number}", size=11, fill=QUIET))
    return [text(16, 22, "segments of 48 frames"), *out]


def heads(store: Store) -> list[str]:
    found = store.artefact("heads", RSS.name)
    score = found.arrays["score"]
    scaled = (score - score.min()) / (score.max() - score.min())
    chosen = {tuple(pair) for pair in found.facts["head_set"]["heads"]}
    side = 240 / max(score.shape)
    out = [
        text(250, 22, "robust saliency of every head"),
        text(250, 292, "layers down, heads across", size=11, fill=QUIET),
    ]
    for layer, head in np.ndindex(*score.shape):
        edge = f'stroke="{MARK}" stroke-width="2.5"' if (layer, head) in chosen else 'stroke="white"'
        level = int(245 - 175 * scaled[layer, head])
        out.append(
            f'<rect x="{250 + head * side:.1f}" y="{34 + layer * side:.1f}" width="{side - 3:.1f}" '
            f'height="{side - 3:.1f}" fill="rgb({level},{level},{min(255, level + 25)})" {edge}/>'
        )
    return out


def scores(store: Store, index: int) -> list[str]:
    table, found = store.videos(), store.artefact("events", ROWS[0].artefact)
    rows = store.segments().of_unit("segment")
    mine = rows.video == index
    place = {int(row): value for row, value in zip(found.arrays["row"], found.arrays["smoothed"], strict=True)}
    n = int(table.frames[index])
    left, right, top, bottom = 530, WIDTH - 20, 40, 260

    def x(frame: float) -> float:
        return left + (right - left) * frame / n

    def y(score: float) -> float:
        return bottom - (bottom - top) * score

    out = [text(left, 22, "score of the video, true event behind it")]
    for event in table.events[index]:
        out.append(
            f'<rect x="{x(event.start_frame):.1f}" y="{top}" width="{x(event.end_frame) - x(event.start_frame):.1f}" '
            f'height="{bottom - top}" fill="{TRUTH}"/>'
        )
    points = []
    for row, a, b in zip(rows.row[mine], rows.start_frame[mine], rows.end_frame[mine], strict=True):
        points += [f"{x(a):.1f},{y(place[int(row)]):.1f}", f"{x(b):.1f},{y(place[int(row)]):.1f}"]
    tau = float(found.facts["tau"])
    out.append(
        f'<line x1="{left}" x2="{right}" y1="{y(tau):.1f}" y2="{y(tau):.1f}" stroke="{QUIET}" stroke-dasharray="4"/>'
    )
    out.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{MARK}" stroke-width="2"/>')
    out.append(f'<path d="M{left},{top}V{bottom}H{right}" fill="none" stroke="{INK}"/>')
    out.append(text(left - 6, top + 8, "1", size=11, fill=QUIET, anchor="end"))
    out.append(text(left - 6, bottom, "0", size=11, fill=QUIET, anchor="end"))
    out.append(text(right, bottom + 16, f"{table.duration_s[index]:.0f} s", size=11, fill=QUIET, anchor="end"))
    weak = any("RANDOM" in note for note in store.info["notes"])
    worth = "seeded random weights: about chance" if weak else "trained on rendered video only"
    out.append(text(left, 292, f"embedded model, {worth}", size=11, fill=QUIET))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="what `vadkit demo --out` left")
    parser.add_argument("--out", type=Path, default=Path("docs/picture.svg"))
    options = parser.parse_args()
    store = Store(options.folder / "store.zarr")
    table = store.videos()
    index = next(i for i in range(len(table)) if table.split[i] == "test" and table.events[i])
    parts = [*frames(store, options.folder / "videos", index), *heads(store), *scores(store, index)]
    options.out.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif"><rect width="100%" height="100%" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n",
        encoding="utf-8",
    )
    print(f"{options.out}: {table.path[index]}")


if __name__ == "__main__":
    main()
