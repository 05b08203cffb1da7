"""The store: a Zarr v3 folder in which the stages meet. This text is its format, "headhunt-store" version 1.

    /                   attrs: format, version, fingerprint, spec, info
    /videos             one row a video, dimension `video`; attrs: complete
        path            str      id: the path as the manifest or the folder gives it
        frames          int64    native frames found in the file (0 when it could not be opened)
        fps             float64  mean frames a second
        duration_s      float64  seconds
        bytes           int64    size of the file (or of a frame folder's files) when it was planned
        split           str      train, val, test, ... or empty
        label           str      normal, abnormal, a class name, or empty when not known
        category        str      class of the anomaly, several with ; between, or empty
        events_known    bool     whether /truth holds all of this video's events
        problem         str      what the planner found wrong with the file, or empty
        status          uint8    1 planned, 2 done, 3 failed, 4 partial; follows from the rows
        reason          str      why it failed, in one line; likewise
        modified_ns     int64    when the file was last written to, as far as known: a time that changed makes the
                                 digest be looked at, nothing more. 0 when not known
        digest          str      of the size, head and tail of the file (of a frame folder: of names, sizes, first and
                                 last image), empty when not known; another one is another file
        mask            str      digest of the areas that are ignored in the video, empty for none
                                 These three are absent in stores made before there was such a thing: not known, none
    /segments           one row a forward pass, dimension `segment`; shards of 256 rows; attrs: complete, planned
                        {videos, rows}
        video           int32    row in /videos, -1 in padding
        start_frame     int64    first native frame
        end_frame       int64    one past the last
        start_s, end_s  float64  true times of the same, in seconds from the first frame
        unit            uint8    0 segment, 1 whole video
        status          uint8    0 empty (padding, or retired: its video was planned anew), 1 planned, 2 done, 3 failed
        reason          str      why it failed
        source          int64    row whose features these are, because it looks the same; -1 for a row's own. Absent in
                                 stores made before there was such a thing: all rows' own
        missing         int64    sampled frames that cannot be decoded and were replaced by the nearest that can. Absent
                                 in stores made before there was such a thing: 0
    /features/heads     float16  (segment, prompt, layer, head, channel), or (segment, prompt, pick, channel)
    /features/context   float16  (segment, prompt, hidden); absent when it was not extracted
    /truth              video int32, start_frame int64, end_frame int64: abnormal events, half-open, native frames;
                        attrs: digest, seal
    /heads/<name>  /scorers/<name>  /scores/<name>  /calibrations/<name>  /events/<name>  /metrics/<name>
                        attrs: made_by {stage, version, config, seed, inputs, created}, facts, digest, complete, seal
                        arrays as the stage documents them; `current` on the parent names the one made last

Rules. `planned` counts what is valid: rows and videos beyond it are leftovers of an interrupted plan. A row's data is
on disk before its status says done. No fill value is data: every chunk of every table is written, whatever it holds,
with a checksum (`complete` on a table names its columns for which that is so; stores made before lack chunks that are
all fill), and a shard of features may be absent only where no row is done. `digest` is of what a group holds, `seal` of
what is said about it; both are verified whenever it is read, and its files are replaced together. A shard has one
writer at a time (a lock on `.locks/shard-N`); only the planner, under `.locks/plan`, adds rows, always from a shard
boundary on. A `pick` is a head of the fingerprint's list `heads`, in its order.
Everything is arrays and JSON. Outside this package: `xarray.open_zarr(path, group="features", consolidated=False)`.
"""

from headhunt.store.artefacts import Artefact, check_name
from headhunt.store.layout import SHARD_ROWS, RowStatus, VideoStatus
from headhunt.store.reader import Store
from headhunt.store.revisions import note_files, retire
from headhunt.store.shards import ShardWriter, claim_shard
from headhunt.store.tables import SegmentTable, VideoTable
from headhunt.store.writer import PlannedVideo, check_place, create, finish, plan, write_labels

__all__ = [
    "SHARD_ROWS",
    "Artefact",
    "PlannedVideo",
    "RowStatus",
    "SegmentTable",
    "ShardWriter",
    "Store",
    "VideoStatus",
    "VideoTable",
    "check_name",
    "check_place",
    "claim_shard",
    "create",
    "finish",
    "note_files",
    "plan",
    "retire",
    "write_labels",
]
