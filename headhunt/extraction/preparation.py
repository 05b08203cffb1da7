"""What an extraction starts from: its videos, its model with prompts, and the rows of each video."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from headhunt import prompts as prompt_sets
from headhunt import segments, splits, video
from headhunt.configs.extract import ExtractConfig
from headhunt.datasets import lengths, sampling
from headhunt.errors import UsageError, VideoError
from headhunt.extraction.decoders import Decoders
from headhunt.extraction.masks import Mask, describe
from headhunt.extraction.sources import Source
from headhunt.fingerprint import Fingerprint, Sampling
from headhunt.names import text_of
from headhunt.prompts import PromptSet
from headhunt.records import Interval, Json, Segment, canonical_json
from headhunt.store import PlannedVideo

if TYPE_CHECKING:
    from headhunt.extraction.activations import Extractor
    from headhunt.extraction.questions import Tokens
    from headhunt.models import Backbone

UNITS = {"segment": ("segment",), "video": ("video",), "both": ("segment", "video")}


def choose(sources: Sequence[Source], config: ExtractConfig) -> list[Source]:
    """The videos a run is about: what was collected, narrowed by split, fraction and limit.

    Raises:
        UsageError: Nothing is left.
    """
    sources = list(sources)
    if config.split is not None:
        have = sorted({s.row.split for s in sources})
        sources = [s for s in sources if s.row.split == config.split]
        if not sources:
            raise UsageError(f"no video is in the split {config.split!r}", got=f"splits {have}")
    if config.fraction is not None or config.limit is not None:
        rows = sampling.sample([s.row for s in sources], fraction=config.fraction, limit=config.limit, seed=config.seed)
        kept = {row.video for row in rows}
        sources = [s for s in sources if s.row.video in kept]
    return sources


@dataclass(frozen=True)
class Run:
    """A loaded model with its prompts, ready to extract.

    Attributes:
        backbone: The model.
        extractor: Runs both.
        fingerprint: What the features depend on.
        info: What they do not depend on: notes, the prompt set's name and scoring prompt.
    """

    backbone: Backbone
    extractor: Extractor
    fingerprint: Fingerprint
    info: Json

    @property
    def tokens(self) -> Tokens:
        """Token ids of the prompts; where frames have many sizes, those of a sample video."""
        return self.extractor.tokens

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of the model and how it is asked."""
        return tuple(self.info["notes"])


def prepare(config: ExtractConfig) -> Run:
    """Load the model and the prompts of a configuration.

    Raises:
        ModelError: The model cannot be used.
        ArtefactError: The prompt set cannot be used.
    """
    from headhunt import models
    from headhunt.extraction.activations import Extractor
    from headhunt.extraction.questions import Questions
    from headhunt.models.compiled import compile_layers

    chosen = config.prompts if isinstance(config.prompts, PromptSet) else prompt_sets.load(config.prompts)
    ids = config.prompt_ids if config.prompt_ids is not None else None if config.subset is None else (chosen.scoring,)
    if ids is not None:
        chosen = chosen.subset(ids)
    backbone = models.load(
        config.model_name,
        revision=config.revision,
        dtype=config.dtype,
        device=config.device,
        attn=config.attn,
        offline=config.offline,
        packing=config.packing,
    )
    if config.compiled:
        compile_layers(backbone)
    questions = Questions(backbone, chosen, n_frames=config.n_frames)
    token_ids = questions.ids(questions.grid)
    extractor = Extractor(backbone, questions, heads=config.subset, context=config.with_context, sharing=config.sharing)
    fingerprint = Fingerprint(
        **backbone.fingerprint,
        sharing=config.sharing,
        preprocess=backbone.preprocess.to_json(),
        decoder=video.decoder_version(),
        sampling=Sampling(
            length=config.length,
            stride=config.stride if config.stride is not None else config.length,
            n_frames=config.n_frames,
            tail=config.tail,
        ),
        skip_still=None if config.skip_still is None else float(config.skip_still),
        missing_frames=config.missing_frames,
        mask="" if config.mask is None else describe(config.mask).digest,
        prompts=chosen.prompts,
        frame_text=chosen.frame_text,
        system=chosen.system,
        tokens=hashlib.sha256(canonical_json(token_ids).encode()).hexdigest(),
        heads=config.subset,
        context="final" if config.with_context else None,
    )
    notes = list(backbone.notes)
    if backbone.packing == "video" and chosen.frame_text != prompt_sets.FRAME_TEXT:
        notes.append(
            f"{backbone.name} is shown one video, so the prompts' frame_text is not written; --as image writes it"
        )
    info = {"notes": notes, "prompt_set": chosen.name, "scoring": chosen.scoring}
    return Run(backbone, extractor, fingerprint, info)


def masks_of(sources: Sequence[Source], config: ExtractConfig) -> dict[str, Mask]:
    """The mask of each video that has one, by id; each file is read once.

    Raises:
        InputError: One cannot be used.
    """
    of_video = {source.row.video: source.mask or config.mask for source in sources}
    known = {path: describe(path) for path in sorted({path for path in of_video.values() if path is not None})}
    return {name: known[path] for name, path in of_video.items() if path is not None}


def mask_notes(masks: Mapping[str, Mask]) -> list[str]:
    """How much of the picture each mask ignores, so that one that is the wrong way round is seen."""
    return [
        f"the mask {text_of(mask.path)} ignores {100 * mask.share:.3g} % of the picture"
        for mask in sorted(set(masks.values()), key=lambda mask: mask.path)
    ]


def plan_videos(
    sources: Sequence[Source], config: ExtractConfig, decoders: Decoders, masks: Mapping[str, Mask]
) -> Iterator[PlannedVideo]:
    """What the store is told of each video, in order; a file that cannot be read gets no rows and a reason."""
    with closing(decoders.probe([source.path for source in sources])) as found:
        for source, info in zip(sources, found, strict=True):
            yield _plan_video(source, info, config, masks.get(source.row.video))


def notes_on(planned: Sequence[PlannedVideo]) -> list[str]:
    """What is odd about videos, a line for each kind: those that differ in numbers alone are one."""
    alike: dict[str, list[str]] = {}
    lines = []
    for found in planned:
        for note in found.notes:
            kind = re.sub(r"[\d.]+", "#", note)
            if kind not in alike:
                lines.append((kind, f"{found.manifest.video}: {note}"))
            alike.setdefault(kind, []).append(found.manifest.video)
    return [
        line + (f" (the same kind: {_some(alike[kind][1:])})" if len(alike[kind]) > 1 else "") for kind, line in lines
    ]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def units_of(source: Source, config: ExtractConfig) -> tuple[str, ...]:
    """The units of a video's rows."""
    return ("segment",) if config.units == "both" and splits.is_test(source.row.split) else UNITS[config.units]


def check_events(planned: Iterable[PlannedVideo]) -> tuple[str, ...]:
    """Notes on events that reach past the end of their video, now that its length is known.

    Raises:
        ManifestError: One begins at or past the end.
    """
    return lengths.check(
        lengths.Annotated(video.manifest.video, video.manifest.events, video.frames, damaged=bool(video.problem))
        for video in planned
    )


def _plan_video(source: Source, info: video.VideoInfo | str, config: ExtractConfig, mask: Mask | None) -> PlannedVideo:
    if not isinstance(info, str) and mask is not None:
        try:
            mask.check_fits(info.width, info.height)
        except VideoError as error:
            info = error.line
    if isinstance(info, str):
        size = video.size_on_disk(source.path) or 0
        return PlannedVideo(source.row, 0, float("nan"), float("nan"), size, (), np.empty((0, 2)), problem=info)
    intervals: list[tuple[Interval, str]] = []
    units = units_of(source, config)
    if "segment" in units:
        cut = segments.plan_segments(info.n_frames, length=config.length, stride=config.stride, tail=config.tail)
        intervals += [(interval, "segment") for interval in cut]
    if "video" in units:
        intervals.append((Interval(0, info.n_frames), "video"))
    rows = tuple(
        Segment(source.row.video, i.start_frame, i.end_frame, "video" if unit == "video" else "segment")
        for i, unit in intervals
    )
    edges = np.append(info.times_s, info.duration_s)
    times = np.array([[edges[r.start_frame], edges[r.end_frame]] for r in rows], np.float64).reshape(-1, 2)
    file = video.identify(source.path, info.size_bytes)
    return PlannedVideo(
        source.row,
        info.n_frames,
        info.fps,
        info.duration_s,
        info.size_bytes,
        rows,
        times,
        problem=info.damage,
        modified_ns=0 if file is None else file.modified_ns,
        digest="" if file is None else file.digest,
        mask="" if mask is None else mask.digest,
        height=info.height,
        width=info.width,
        notes=tuple(warning for warning in info.warnings if warning != info.damage),
    )
